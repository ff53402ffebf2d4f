"""Updates that wait for the bot: kept until they are confirmed, as Telegram keeps them."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bot.sandbox.faults import DESCRIPTIONS, ApiError

Json = dict[str, Any]

ONLY_ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Kinds that a bot gets only if it names them."""


@dataclass(slots=True, eq=False)
class Pending:
    """An update that the bot has not confirmed."""

    id: int
    update: Json
    repeated: bool = False
    """An id that was given out before: not confirmed by an offset until it was given out again."""
    given: bool = False
    body: bytes | None = None
    """What a webhook gets in the update's place."""
    lane: object = None
    """What shares this with another is posted after it."""


class Updates:
    """The queue of a bot's updates.

    Args:
        first: The id of the first update.
    """

    def __init__(self, first: int) -> None:
        self.confirmed = 0
        """The greatest id that the bot has confirmed."""
        self.allowed: tuple[str, ...] = ()
        """Kinds that the bot asked for last; none: all but `ONLY_ON_REQUEST`."""
        self.listeners: list[Callable[[Pending], None]] = []
        """Told of each new one."""
        self._next = first
        self._pending: dict[Pending, None] = {}
        self._repeated = 0
        self._polls = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._settling: dict[int, list[asyncio.Future[None]]] = {}
        self._ids: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Pending]:
        return iter(tuple(self._pending))

    def wants(self, kind: str) -> bool:
        """Whether the bot asked for updates of this kind."""
        return kind in self.allowed if self.allowed else kind not in ONLY_ON_REQUEST

    def add(self, content: Json, *, body: bytes | None = None, lane: object = None) -> int:
        """Queue an update; gives its id, which it may bring along."""
        given = content.get("update_id")
        number = given if isinstance(given, int) else self._next
        one = Pending(
            number,
            {"update_id": number, **content},
            repeated=number < self._next,
            body=body,
            lane=lane if lane is not None else _lane(content),
        )
        self._next = max(self._next, number + 1)
        self._pending[one] = None
        self._repeated += one.repeated
        self._ids[number] = self._ids.get(number, 0) + 1
        for listener in tuple(self.listeners):
            listener(one)
        self._wake()
        return number

    async def poll(self, offset: int, limit: int, timeout_s: float) -> list[Json]:
        """What getUpdates gives; an older poll is ended by a newer one, as Telegram does.

        Raises:
            ApiError: this poll was ended by a newer one.
        """
        self._polls += 1
        mine = self._polls
        self._wake()
        self._confirm_below(offset)
        deadline = time.monotonic() + timeout_s
        while not (ready := self._oldest(limit)):
            if (left := deadline - time.monotonic()) <= 0 or not await self._changed(left):
                break
            if mine != self._polls:
                raise ApiError(409, DESCRIPTIONS[409])
        for one in ready:
            one.given = True
        return [one.update for one in ready]

    def _oldest(self, limit: int) -> list[Pending]:
        return list(islice((one for one in self._pending if one.body is None), limit))

    def _confirm_below(self, offset: int) -> None:
        """All below an offset; a negative one counts from the end: the last so many stay."""
        if offset < 0:
            self.confirm(tuple(self._pending)[:offset])
            return
        confirmed = []
        for one in self._pending:
            if one.id < offset and (one.given or not one.repeated):
                confirmed.append(one)
            elif not self._repeated:
                break
        self.confirm(confirmed)

    def confirm(self, confirmed: Iterable[Pending]) -> None:
        """The bot has these."""
        for one in confirmed:
            if one not in self._pending:
                continue
            del self._pending[one]
            self._repeated -= one.repeated
            self.confirmed = max(self.confirmed, one.id)
            self._ids[one.id] -= 1
            if not self._ids[one.id]:
                del self._ids[one.id]
                for waiter in self._settling.pop(one.id, ()):
                    if not waiter.done():
                        waiter.set_result(None)

    async def settled(self, number: int) -> None:
        """Wait until no update with this id waits any more."""
        if number in self._ids:
            waiter = asyncio.get_running_loop().create_future()
            self._settling.setdefault(number, []).append(waiter)
            await waiter

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def _changed(self, timeout_s: float) -> bool:
        """Whether something changed before the time was over."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await asyncio.wait_for(waiter, timeout_s)
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(waiter)
        return True


def _lane(content: Json) -> object:
    """The chat of an update, or its person: updates of one are posted one after another."""
    for value in content.values():
        if isinstance(value, dict):
            message = value.get("message")
            holder = message if isinstance(message, dict) else value
            for name in ("chat", "from"):
                if isinstance(found := holder.get(name), dict):
                    return found.get("id")
    return None
