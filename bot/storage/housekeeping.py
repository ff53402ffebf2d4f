"""What the store needs now and then: counts written down, and what is too old deleted."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Protocol

from bot.storage.store import Store, Tally

log = logging.getLogger(__name__)

EVERY_S = 60.0
"""Between two looks. Counts of a process that is killed in between are lost: nobody misses them."""
MOST_TALLIES = 10_000
"""Different counts that wait for a disk that cannot be written; more are let go."""


class Wait(Protocol):
    """Waits."""

    def __call__(self, seconds: float, /, *events: asyncio.Event) -> Awaitable[None]:
        """Come back after so many seconds, or as soon as one of the events is set."""


class Housekeeping:
    """Writes counts together, once a minute, and enforces how long things are kept."""

    def __init__(self, store: Store, today: Callable[[], date], wait: Wait) -> None:
        self._store = store
        self._today = today
        self._wait = wait
        self._tallies: Counter[Tally] = Counter()
        self._expired_on: date | None = None

    def count(self, tally: Tally) -> None:
        """Count one more; it is written later."""
        if tally in self._tallies or len(self._tallies) < MOST_TALLIES:
            self._tallies[tally] += 1

    async def run(self, stop: asyncio.Event) -> None:
        """Look after the store until told to stop; a last time then."""
        while not stop.is_set():
            await self.look()
            await self._wait(EVERY_S, stop)
        await self.look()

    async def look(self) -> None:
        """Write what was counted, and delete what is too old. Errors end in the log."""
        try:
            if self._tallies:
                counted, self._tallies = self._tallies, Counter()
                try:
                    await self._store.count(counted)
                except BaseException:
                    self._tallies.update(counted)
                    raise
            if (today := self._today()) != self._expired_on:
                await self._store.expire(today)
                self._expired_on = today
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: again later
            log.error("the storage cannot be looked after: %s", type(error).__name__)  # noqa: TRY400
