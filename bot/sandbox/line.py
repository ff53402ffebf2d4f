"""Connections to the sandbox: plain calls of the Bot API are answered at once.

Everything else (the page, its socket, files, large or odd requests) goes to tornado, which takes
about six times as long to read a request and write an answer. What bots are measured against must
not be slower than they are.
"""

import asyncio
import re
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from bot.sandbox.endpoint import Answer, Asked, Endpoint

MAX_HEAD = 16_384
"""Bytes of a request's head that are read here."""
MAX_BODY = 262_144
"""Bytes of a request's body that are read here."""
_LINE = re.compile(rb"(GET|POST) (/bot[!-~]+) HTTP/1\.1")
_ODD = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"content-encoding"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """What all connections share.

    Args:
        endpoint: Answers calls of the Bot API.
        server: Takes everything else.
    """

    endpoint: Endpoint
    server: HTTPServer
    lines: set["Line"] = field(default_factory=set)
    """All connections that are open."""
    answering: set[asyncio.Task[None]] = field(default_factory=set)
    """All calls that are under way."""

    def close(self) -> None:
        """End them all."""
        for line in tuple(self.lines):
            line.close()
        for task in self.answering:
            task.cancel()


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._read = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self._polling = False
        self._pass_on: Callable[[bytes], None] | None = None
        self._inner: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the types
        self._transport = transport
        self._exchange.lines.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._exchange.lines.discard(self)
        # A request for updates ends with its connection. Anything else is carried out, as at
        # Telegram's: a bot that waited no longer cannot know.
        if self._answering and self._polling:
            self._answering.cancel()
        if self._inner:
            self._inner.close()

    def close(self) -> None:
        """End it."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._pass_on:
            self._pass_on(data)
            return
        self._read += data
        if not self._answering:
            self._next()

    def _next(self) -> None:
        """Answer the next request, once all of it is there."""
        head_end = self._read.find(b"\r\n\r\n")
        if head_end < 0 and len(self._read) <= MAX_HEAD and self._may_be_call():
            return
        asked = _plain(bytes(self._read[:head_end])) if 0 <= head_end <= MAX_HEAD else None
        if asked is None:
            self._begin(self._hand_over())
            return
        request, size = asked
        end = head_end + 4 + size
        if len(self._read) < end:
            return
        body = bytes(self._read[head_end + 4 : end])
        del self._read[:end]
        request = Asked(request.method, request.target, request.host, request.content_type, body)
        self._polling = request.target.partition("?")[0].lower().endswith("/getupdates")
        self._begin(self._answer(request))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._answering = asyncio.get_running_loop().create_task(work)
        self._exchange.answering.add(self._answering)
        self._answering.add_done_callback(self._exchange.answering.discard)

    def _may_be_call(self) -> bool:
        begun = bytes(self._read[:9])
        return any(
            wanted.startswith(begun[: len(wanted)]) for wanted in (b"POST /bot", b"GET /bot")
        )

    async def _answer(self, asked: Asked) -> None:
        answer = await self._exchange.endpoint.answer(asked)
        self._answering = None
        if answer is None:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write(_written(answer))
            if self._read:
                self._next()

    async def _hand_over(self) -> None:
        """From now on, all that comes goes to tornado, and what tornado writes comes back."""
        ours, theirs = socket.socketpair()
        address = self._transport.get_extra_info("peername")
        self._exchange.server.handle_stream(IOStream(theirs), address)
        inner, _ = await asyncio.get_running_loop().create_connection(
            lambda: _Back(self._transport), sock=ours
        )
        if self._transport.is_closing():
            inner.close()
            return
        self._inner = inner
        self._pass_on = inner.write
        inner.write(bytes(self._read))
        self._read.clear()


class _Back(asyncio.Protocol):
    """Brings what tornado writes."""

    def __init__(self, outer: asyncio.Transport) -> None:
        self._outer = outer

    def data_received(self, data: bytes) -> None:
        self._outer.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._outer.close()


def _plain(head: bytes) -> tuple[Asked, int] | None:
    """A call of the Bot API without its body, and the body's size; None for anything odd."""
    first, *lines = head.split(b"\r\n")
    found = _LINE.fullmatch(first)
    if not found:
        return None
    fields = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or name in fields or name in _ODD:
            return None
        fields[name] = value.strip()
    size = fields.get(b"content-length", b"0")
    if not size.isdigit() or int(size) > MAX_BODY:
        return None
    if fields.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    host = fields.get(b"host", b"").decode("latin-1").lower()
    asked = Asked(
        found[1].decode(),
        found[2].decode(),
        re.sub(r":\d+$", "", host),
        fields.get(b"content-type", b"").decode("latin-1"),
        b"",
    )
    return asked, int(size)


def _written(answer: Answer) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n\r\n"
    )
    return head.encode() + answer.body
