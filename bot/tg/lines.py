"""The lines to Telegram: HTTP calls, many at once."""

import json
import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

_UNREAD = ("/sendMessage", "/sendDocument", "/editMessageText")
_HOME = frozenset({"127.0.0.1", "::1", "localhost"})
_GOOD = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\b')
_DONE = b'{"ok":true,"result":true}'
"""What is handed on in place of the message that was sent: nobody reads it, and to make an object
of it costs as much as the call. The library takes it for a send as for an edit
(python-telegram-bot 22.8, `Bot._send_message`)."""


class Lines(BaseRequest):
    """Makes requests over aiohttp.

    The library's own request class uses httpx, whose pool looks through all its connections at
    every request: with a hundred calls under way a call costs 7 to 14 ms of processor time there,
    and 1.5 ms here (`optout-bot bench --load` shows what comes of it). What answers a send or an
    edit is not read back.

    Args:
        most: Calls at once; more wait.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for an answer, or for the next piece of it.
    """

    def __init__(self, most: int, connect_timeout: float, read_timeout: float) -> None:
        self._most = most
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for an answer."""
        return self._read_timeout

    async def initialize(self) -> None:
        """Open for calls."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._most),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
            )

    async def shutdown(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        *_: Any,
        **__: Any,
    ) -> tuple[int, bytes]:
        """Make a request; gives the status and the body.

        Raises:
            TimedOut: No connection, or no answer, came in time.
            NetworkError: It failed on the way. The error behind both tells whether it ever left.
        """
        if self._session is None:
            raise RuntimeError("these lines are not open: call initialize first")
        read = read_timeout if isinstance(read_timeout, int | float) else self._read_timeout
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._connect_timeout, sock_read=read
        )
        try:
            async with self._session.request(
                method,
                url,
                timeout=timeout,
                proxy=_proxy_to(*_place(url)),
                **_content(request_data),
            ) as answer:
                return answer.status, _shortened(url, await answer.read())
        except TimeoutError as error:
            raise TimedOut from error
        except (aiohttp.ClientError, OSError) as error:
            # The error's own words may hold the address, and so the token.
            raise NetworkError(f"aiohttp.{type(error).__name__}") from error


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or ""


@cache
def _proxy_to(scheme: str, host: str) -> str | None:
    """The proxy that the host has set for a place. With `trust_env` aiohttp looks at each call."""
    if host in _HOME or proxy_bypass(host):
        return None
    return getproxies().get(scheme)


def _content(data: RequestData | None) -> dict[str, Any]:
    if data is None:
        return {}
    if not data.contains_files:
        body = json.dumps(data.parameters, ensure_ascii=False).encode("utf-8", "replace")
        return {"data": body, "headers": {"Content-Type": "application/json"}}
    form = aiohttp.FormData(data.json_parameters)
    for name, (filename, content, kind) in data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=kind)
    return {"data": form}


def _shortened(url: str, body: bytes) -> bytes:
    whole = _GOOD.match(body) and body.rstrip().endswith(b"}")
    return _DONE if whole and url.endswith(_UNREAD) else body
