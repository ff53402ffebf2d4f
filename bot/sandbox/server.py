"""Serves the Bot API and the chat page over HTTP, on the own machine."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import tornado.web
import tornado.websocket
from tornado.httpserver import HTTPServer

from bot.sandbox.bot_api import BotApi
from bot.sandbox.chats import Chat, Json
from bot.sandbox.endpoint import Asked, Endpoint, error_body
from bot.sandbox.faults import ApiError, Fault
from bot.sandbox.files import MAX_FILE, StoredFile
from bot.sandbox.line import Exchange, Line

PAGE = Path(__file__).resolve().parent / "page"
MAX_MESSAGE = 1 << 20
"""Bytes of what a page sends at once."""
MAX_BODY = MAX_FILE + MAX_MESSAGE
"""Bytes of a request: a file and what stands beside it."""
MAX_TEXT = 4_096
LONGEST_SPREAD_S = 600.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A server that is running."""

    api: BotApi
    host: str
    port: int

    @property
    def token(self) -> str:
        """The token that the bot uses here; new at every start."""
        return self.api.token

    @property
    def page_url(self) -> str:
        """Where a browser finds the chat page."""
        return f"http://{self._name}:{self.port}"

    @property
    def api_url(self) -> str:
        """Where the bot finds the Bot API."""
        return f"http://{self._name}:{self.port}/bot"

    @property
    def file_url(self) -> str:
        """Where the bot downloads files: before its token and a file's path."""
        return f"http://{self._name}:{self.port}/file/bot"

    @property
    def _name(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"[{host}]" if ":" in host else host


@asynccontextmanager
async def serve(host: str, port: int, api: BotApi | None = None) -> AsyncIterator[Sandbox]:
    """Serve until the block is left; port 0 takes any free one.

    Raises:
        OSError: when the port is taken; says so and what to do.
    """
    api = api or BotApi()
    hosts = LOOPBACK | {host} if host not in {"0.0.0.0", "::"} else None  # noqa: S104
    endpoint = Endpoint(api, hosts)
    application = tornado.web.Application(
        [
            (r"/bot.+", _BotApiHandler, {"endpoint": endpoint}),
            (r"/file/bot([^/]+)/(.+)", _DownloadHandler, {"api": api}),
            (r"/files/([A-Za-z0-9_-]{1,64})", _FileHandler, {"api": api}),
            (r"/chat", _ChatSocket, {"api": api}),
            *([] if host not in LOOPBACK else _controls(api)),
            (r"/(|page\.css|page\.js|icon\.svg)", _PageHandler),
        ],
        hosts=hosts,
        websocket_max_message_size=MAX_MESSAGE,
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(
            f"port {port} on {host} cannot be used ({error.strerror}): "
            f"choose another, for example PORT={port + 1 if port else 8081}"
        ) from error
    server = HTTPServer(application, max_body_size=MAX_BODY)
    exchange = Exchange(endpoint, server)
    listening = await asyncio.get_running_loop().create_server(
        lambda: Line(exchange), sock=listener, backlog=1_024
    )
    try:
        yield Sandbox(api, host, listener.getsockname()[1])
    finally:
        listening.close()
        await api.close()
        exchange.close()
        await server.close_all_connections()


class _Guarded(tornado.web.RequestHandler):
    """Refuses requests under a strange host name: a page elsewhere must not reach in."""

    def prepare(self) -> None:
        hosts = self.settings["hosts"]
        name = self.request.host_name.strip("[]")
        if hosts is not None and name not in hosts:
            raise tornado.web.HTTPError(403)

    def write_error(self, status_code: int, **_: Any) -> None:
        self.finish(f"{status_code}\n")


class _ApiHandler(_Guarded):
    """Answers as the Bot API does, also when something is wrong with the request itself."""

    def initialize(self, api: BotApi) -> None:
        self.api = api

    def write_error(self, status_code: int, **_: Any) -> None:
        self._fail(ApiError(status_code, HTTPStatus(status_code).phrase))

    def _fail(self, error: ApiError) -> None:
        self.set_status(error.code)
        self.finish(error_body(error))


class _BotApiHandler(tornado.web.RequestHandler):
    """Calls that are too large or too odd to be answered at once."""

    def initialize(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def prepare(self) -> None:
        request = self.request
        answer = await self._endpoint.answer(
            Asked(
                request.method or "",
                request.uri or "",
                request.host_name,
                request.headers.get("Content-Type", ""),
                request.body,
            )
        )
        if answer is None:
            self.detach().close()
            return
        self.set_status(answer.status)
        self.set_header("Content-Type", answer.content_type)
        self.finish(answer.body)


class _DownloadHandler(_ApiHandler):
    """Gives the bot a file that `getFile` named."""

    def get(self, token: str, path: str) -> None:
        file = self.api.files.at(path) if token == self.api.token else None
        if file:
            _give(self, file)
        else:
            self._fail(ApiError(404, "Not Found"))


class _FileHandler(_Guarded):
    """Gives the page a file of its chat: the id is the permission."""

    def initialize(self, api: BotApi) -> None:
        self.api = api

    def get(self, file_id: str) -> None:
        file = self.api.files.get(file_id)
        if not file:
            raise tornado.web.HTTPError(404)
        _give(self, file)


def _give(handler: tornado.web.RequestHandler, file: StoredFile) -> None:
    """A file to save under its name; nothing in it may act as a page of ours."""
    charset = "; charset=utf-8" if file.media_type.startswith("text/") else ""
    handler.set_header("Content-Type", file.media_type + charset)
    handler.set_header("Content-Disposition", file.disposition)
    handler.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Cache-Control", "no-store")
    handler.finish(file.body)


def _controls(api: BotApi) -> list[Any]:
    """What drives a test from another process; on the own machine only."""
    return [
        (r"/faults", _FaultsHandler, {"api": api}),
        (r"/load", _LoadHandler, {"api": api}),
        (r"/calls", _CallsHandler, {"api": api}),
    ]


class _ControlHandler(_Guarded):
    def initialize(self, api: BotApi) -> None:
        self.api = api

    def _given(self) -> Any:
        # A page elsewhere can post forms and plain text without asking, but no JSON.
        if not self.request.headers.get("Content-Type", "").startswith("application/json"):
            raise tornado.web.HTTPError(415)
        try:
            return json.loads(self.request.body)
        except ValueError:
            raise tornado.web.HTTPError(400) from None


class _FaultsHandler(_ControlHandler):
    """Asks for faults: POST {"method": "sendMessage", "code": 429, "times": 2}; DELETE ends all."""

    def post(self) -> None:
        try:
            self.api.faults.append(Fault(**self._given()))
        except TypeError:
            raise tornado.web.HTTPError(400) from None
        self.set_status(204)

    def delete(self) -> None:
        self.api.faults.clear()
        self.set_status(204)


class _LoadHandler(_ControlHandler):
    """Feeds many updates at once: POST {"updates": […]}; gives their ids, and how many wait.

    With `"over_s": 4`, it feeds them over so many seconds, and they have no ids yet.
    """

    def post(self) -> None:
        given = self._given()
        ids: list[int] = []
        try:
            if over_s := _seconds(given.get("over_s", 0)):
                self.api.spread(given["updates"], over_s)
            else:
                ids = self.api.load(given["updates"])
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise tornado.web.HTTPError(400) from None
        self.finish({"update_ids": ids, "pending": self.api.pending})


def _seconds(given: Any) -> float:
    if not 0 <= (seconds := float(given)) <= LONGEST_SPREAD_S:
        raise ValueError
    return seconds


class _CallsHandler(_ControlHandler):
    """Gives the figures: calls by method, how long people wait. DELETE begins them anew."""

    def get(self) -> None:
        about = {"pending": self.api.pending, "cpu_s": time.process_time()}
        self.finish({**self.api.figures.described(), **about})

    def delete(self) -> None:
        self.api.figures.begin()
        self.set_status(204)


class _PageHandler(_Guarded):
    def get(self, name: str) -> None:
        file = PAGE / (name or "index.html")
        self.set_header("Content-Type", f"{_TYPES[file.suffix]}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.set_header(
            "Content-Security-Policy",
            # Browser automation waits by evaluating expressions in the page: 'unsafe-eval'.
            "default-src 'self'; script-src 'self' 'unsafe-eval'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(file.read_bytes())


class _ChatSocket(tornado.websocket.WebSocketHandler):
    """A person's side of a chat. Tornado lets only pages of the same origin open it."""

    def initialize(self, api: BotApi) -> None:
        self.api = api
        self.chat: Chat | None = None

    def on_close(self) -> None:
        if self.chat and self._show in self.chat.listeners:
            self.chat.listeners.remove(self._show)

    async def on_message(self, message: str | bytes) -> None:
        try:
            said = json.loads(message)
            kind = said["type"]
            if kind == "hello":
                self._hello(said)
            elif self.chat and kind == "language":
                self.chat.language = str(said["language"])[:35]
                self._commands(self.chat)
            elif self.chat and kind == "text":
                if text := str(said["text"]).strip()[:MAX_TEXT]:
                    await self.api.say(self.chat, text)
            elif self.chat and kind == "press":
                _, query = await self.api.press(
                    self.chat, int(said["message"]), str(said["data"])[:256]
                )
                self._show({"type": "pressed", "key": said.get("key"), "query": query})
        except (KeyError, TypeError, ValueError, AttributeError):
            self.close(1007, "not understood")

    def _hello(self, said: Json) -> None:
        chat_id = said.get("chat")
        language = str(said.get("language", "en"))[:35]
        chat = self.api.join(language, chat_id if isinstance(chat_id, int) else None)
        chat.listeners.append(self._show)
        self.chat = chat
        self.api.adopt(chat, [m for m in said.get("messages", []) if isinstance(m, dict)])
        self._show({"type": "joined", "chat": chat.id, "bot": self.api.me["first_name"]})
        self._commands(chat)

    def _commands(self, chat: Chat) -> None:
        self._show({"type": "commands", "commands": self.api.commands_for(chat.language)})

    def _show(self, event: Json) -> None:
        try:
            self.write_message(event)
        except tornado.websocket.WebSocketClosedError:
            self.on_close()
