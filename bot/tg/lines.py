"""Lines to Telegram: connections that are kept, each for one call at a time."""

import asyncio
import ssl
from typing import Any

import httpx
from telegram.request import BaseRequest, HTTPXRequest, RequestData


class Lines(BaseRequest):
    """Makes requests over httpx, with a client of its own for each connection.

    A pool of httpx looks through all its connections at every request: with a hundred calls under
    way a call costs 8 ms of processor time, over lines of their own 3 (`optout-bot bench --load`
    shows what comes of it). A line is made when all others are busy, and the one that was used last
    is taken first, because it is the least likely to have been closed meanwhile.

    Args:
        most: Calls at once; more wait.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for an answer.
    """

    def __init__(self, most: int, connect_timeout: float, read_timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._places = asyncio.Semaphore(most)
        self._idle: list[HTTPXRequest] = []
        self._all: list[HTTPXRequest] = []
        self._context: ssl.SSLContext | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for an answer."""
        return self._read_timeout

    async def initialize(self) -> None:
        """Load the certificates, once for all lines."""
        self._context = self._context or httpx.create_ssl_context()

    async def shutdown(self) -> None:
        """Close all lines."""
        lines, self._all, self._idle = self._all, [], []
        for line in lines:
            await line.shutdown()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *timeouts: Any,
        **named_timeouts: Any,
    ) -> tuple[int, bytes]:
        """Make a request over a line that is free; gives the status and the body."""
        async with self._places:
            line = self._idle.pop() if self._idle else await self._new()
            try:
                return await line.do_request(url, method, request_data, *timeouts, **named_timeouts)
            finally:
                if line in self._all:  # not after `shutdown`
                    self._idle.append(line)

    async def _new(self) -> HTTPXRequest:
        line = HTTPXRequest(
            connection_pool_size=1,
            connect_timeout=self._connect_timeout,
            read_timeout=self._read_timeout,
            httpx_kwargs={"verify": self._context or True},
        )
        await line.initialize()
        self._all.append(line)
        return line
