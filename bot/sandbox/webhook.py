"""Brings updates to the bot by HTTP POST, as Telegram does for a bot that has set a webhook."""

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import (
    HTTPStreamClosedError,
    HTTPTimeoutError,
    SimpleAsyncHTTPClient,
)

from bot.sandbox.faults import bad
from bot.sandbox.updates import Pending, Updates

MOST_CONNECTIONS = 100
DEFAULT_CONNECTIONS = 40
PORTS = frozenset({80, 88, 443, 8443})
LONGEST_ANSWER_S = 60.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


def check_address(url: str) -> None:
    """Whether Telegram would post there; beside that, plain HTTP on the own machine is taken.

    Raises:
        ApiError: what Telegram says of it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise bad("bad webhook: Bad URL") from error
    if not host:
        raise bad("bad webhook: Bad URL")
    if host in LOOPBACK and parts.scheme in {"http", "https"}:
        return
    if parts.scheme != "https":
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if port not in PORTS | {None}:
        raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")


def check_secret(secret: str) -> None:
    """Whether it can stand in a header.

    Raises:
        ApiError: what Telegram says of it.
    """
    if secret and not _SECRET.fullmatch(secret):
        raise bad("secret token contains unallowed characters or is too long")


class Webhook:
    """Posts what waits, in order within a chat, until the bot takes it.

    Nothing leaves the machine: where the URL names another host, it is posted to `origin`.

    Args:
        updates: What is to be brought.
        url: Where the bot wants it.
        secret: Sent in a header.
        connections: How many posts at once.
        origin: Scheme, host and port in place of the URL's, as a proxy would have it.
        pause_s: Seconds until an update that was not taken is posted again.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        updates: Updates,
        url: str,
        *,
        secret: str,
        connections: int,
        origin: str,
        pause_s: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.url = url
        self.connections = connections
        self.last_error: tuple[int, str] | None = None
        """When an update was not taken last, and why."""
        self.refused = asyncio.Event()
        """Set once an update was not taken."""
        self._updates = updates
        self._secret = secret
        self._pause_s = pause_s
        self._clock = clock
        self._target = _target(url, origin)
        self._client = SimpleAsyncHTTPClient(force_instance=True, max_clients=connections)
        self._lanes: dict[object, deque[Pending]] = {}
        self._ready: asyncio.Queue[object] = asyncio.Queue()
        self._posting: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Post what waits already, and what comes."""
        for one in self._updates:
            self._take(one)
        self._updates.listeners.append(self._take)
        self._posting = [asyncio.create_task(self._post_on()) for _ in range(self.connections)]

    async def stop(self) -> None:
        """Post no more. What was on its way may have arrived."""
        self._updates.listeners.remove(self._take)
        for task in self._posting:
            task.cancel()
        await asyncio.gather(*self._posting, return_exceptions=True)
        self._client.close()

    def _take(self, one: Pending) -> None:
        lane = one if one.lane is None else one.lane
        if lane in self._lanes:
            self._lanes[lane].append(one)
        else:
            self._lanes[lane] = deque([one])
            self._ready.put_nowait(lane)

    async def _post_on(self) -> None:
        while True:
            lane = await self._ready.get()
            waiting = self._lanes[lane]
            if not await self._post(waiting[0]):
                asyncio.get_running_loop().call_later(self._pause_s(), self._ready.put_nowait, lane)
                continue
            self._updates.confirm([waiting.popleft()])
            if waiting:
                self._ready.put_nowait(lane)
            else:
                del self._lanes[lane]

    async def _post(self, one: Pending) -> bool:
        """Whether the bot took it."""
        headers = {"Content-Type": "application/json"}
        if self._secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self._secret
        request = HTTPRequest(
            self._target,
            method="POST",
            headers=headers,
            body=one.body if one.body is not None else json.dumps(one.update),
            connect_timeout=5,
            request_timeout=LONGEST_ANSWER_S,
            follow_redirects=False,
            validate_cert=False,  # on the own machine, by whatever certificate is there
        )
        try:
            answer = await self._client.fetch(request, raise_error=False)
        except (HTTPTimeoutError, TimeoutError):
            return self._failed("Read timeout expired")
        except (HTTPStreamClosedError, ConnectionResetError):
            return self._failed("Connection reset by peer")
        except ConnectionRefusedError:
            return self._failed("Connection refused")
        except (HTTPClientError, OSError) as error:
            return self._failed(f"Connection failed: {type(error).__name__}")
        if 200 <= answer.code < 300:  # noqa: PLR2004
            return True
        return self._failed(f"Wrong response from the webhook: {answer.code} {answer.reason}")

    def _failed(self, why: str) -> bool:
        self.last_error = int(self._clock()), why
        self.refused.set()
        return False

    def described(self) -> dict[str, Any]:
        """What getWebhookInfo tells of it."""
        error: dict[str, Any] = {}
        if self.last_error:
            when, why = self.last_error
            error = {"last_error_date": when, "last_error_message": why}
        return {"url": self.url, "max_connections": self.connections, **error}


def _target(url: str, origin: str) -> str:
    parts = urlsplit(url)
    if origin:
        scheme, netloc = urlsplit(origin)[:2]
    elif parts.hostname in LOOPBACK:
        scheme, netloc = parts.scheme, parts.netloc
    else:
        # A port that answers nobody: "Connection refused".
        scheme, netloc = "http", "127.0.0.1:1"
    return urlunsplit((scheme, netloc, parts.path, parts.query, ""))
