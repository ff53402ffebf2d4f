"""Takes updates that Telegram brings, behind a proxy that ends TLS.

The library's own server compares the secret with `!=`, reads a body of any size before it looks
at it, and answers an update it cannot read with 400, so that Telegram brings it for hours and
holds back what came after it (python-telegram-bot 22.8, `_utils/webhookhandler.py`). So this is ours.
"""

import hmac
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import tornado.web
from tornado.httpserver import HTTPServer

from bot.tg.intake import Intake

MAX_BODY = 1 << 20
"""Bytes of an update; Telegram's are far below."""
ANSWER_S = 20.0
"""How long Telegram waits for our answer while a turn is under way: what is killed before comes
again. Telegram itself gives up later."""
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name


@asynccontextmanager
async def listen(
    address: tuple[str, int],
    url: str,
    secret: str,
    intake: Intake,
    is_well: Callable[[], bool],
) -> AsyncIterator[int]:
    """Listen until the block is left; gives the port.

    Args:
        address: Host and port to listen on; port 0 takes any free one.
        url: The address that Telegram calls; its path is the one that is served.
        secret: What each request has to show.
        intake: Takes what Telegram brings.
        is_well: Whether /health says 200 (else 503).

    Raises:
        OSError: when the port is taken; says so and what to do.
    """
    host, port = address
    path = urlsplit(url).path or "/"
    if path == "/health":
        raise OSError("WEBHOOK_URL ends in /health, where the bot's own health is: take another")
    handed = {"secret": secret.encode(), "intake": intake}
    application = tornado.web.Application(
        [("/health", _HealthHandler, {"is_well": is_well}), (_exactly(path), _Updates, handed)],
        default_handler_class=_Nothing,
        log_function=lambda _: None,
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(
            f"port {port} on {host} cannot be used ({error.strerror}): choose another with PORT"
        ) from error
    # Refused by its announced length, before it is read.
    server = HTTPServer(application, max_body_size=MAX_BODY, idle_connection_timeout=75)
    listener.setblocking(False)
    server.add_socket(listener)
    try:
        yield listener.getsockname()[1]
    finally:
        server.stop()
        await server.close_all_connections()


def _exactly(path: str) -> str:
    return "".join(f"[{c}]" if c in "?*+.()|$" else c for c in path)


class _Plain(tornado.web.RequestHandler):
    """Says nothing about what serves."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    def write_error(self, status_code: int, **_: Any) -> None:
        self.finish(f"{status_code}\n")


class _Nothing(_Plain):
    def prepare(self) -> None:
        self.send_error(404)


class _HealthHandler(_Plain):
    def initialize(self, is_well: Callable[[], bool]) -> None:
        self._is_well = is_well

    def get(self) -> None:
        well = self._is_well()
        self.set_status(200 if well else 503)
        self.finish("good\n" if well else "not well\n")


class _Updates(_Plain):
    def initialize(self, secret: bytes, intake: Intake) -> None:
        self._secret = secret
        self._intake = intake

    async def post(self) -> None:
        shown = self.request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(shown, self._secret):
            self._intake.metrics.refused("secret")
            self.send_error(403)
            return
        self._intake.heard()
        try:
            raw = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raw = None
        number = await self._intake.take(raw if isinstance(raw, dict) else {})
        if number is not None:
            await self._intake.inbox.settled((number,), ANSWER_S)
        self.set_status(200)  # whatever it was: a refusal would bring it back
