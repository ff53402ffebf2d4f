"""The order of work: one after another within a chat, side by side between chats, bounded."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from telegram import Update
from telegram.ext import BaseUpdateProcessor

from bot.metrics import Metrics
from bot.tg.buckets import Buckets, Verdict
from bot.tg.events import left_by
from bot.tg.inbox import Inbox

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Chats that are answered at the same time; the next one waits, and with it Telegram."""
WAITING = 20
"""Updates that wait in one chat; more than that is a flood."""
BUDGET_S = 60.0
"""How long a turn may take, with all its waiting for Telegram."""

Refuse = Callable[[Update], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class _Work:
    update: int
    coroutine: Awaitable[Any]


class ChatProcessor(BaseUpdateProcessor):
    """Lets updates through to their handlers.

    To python-telegram-bot it processes one update at a time, and is done with it when the update
    has a place: with its own concurrency the library would begin a task for each update that
    waits, so that its queue never fills and nothing ever holds Telegram back
    (`Application._update_fetcher`).

    Args:
        inbox: Is told when an update is done.
        buckets: Decide how much one person may ask.
        refuse: Says to somebody that it was too much.
        metrics: Counts.
    """

    def __init__(
        self,
        inbox: Inbox,
        buckets: Buckets,
        refuse: Refuse,
        metrics: Metrics,
        *,
        at_once: int = AT_ONCE,
        budget_s: float = BUDGET_S,
    ) -> None:
        super().__init__(1)
        self._inbox = inbox
        self._buckets = buckets
        self._refuse = refuse
        self._metrics = metrics
        self._places = asyncio.Semaphore(at_once)
        self._budget_s = budget_s
        self._lanes: dict[int, deque[_Work]] = {}
        """Chats in work, with what waits in each."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Give an update a place in the lane of its chat; waits while there is none."""
        if not isinstance(update, Update):
            await coroutine
            return
        user, chat = update.effective_user, update.effective_chat
        person = user.id if user else chat.id if chat else 0
        key = chat.id if chat else person
        lane = self._lanes.get(key)
        # Who leaves draws on no bucket: what is stored of them is deleted, whatever they sent.
        leaves = left_by(update) is not None
        verdict = Verdict.WELCOME if leaves else self._buckets.take(person)
        if lane is not None and len(lane) >= WAITING and verdict is Verdict.WELCOME:
            verdict = Verdict.REFUSED
        if verdict is not Verdict.WELCOME:
            _discard(coroutine)
            self._metrics.refused("flood")
            if verdict is Verdict.REFUSED:
                self._inbox.done(update.update_id)
                return
            coroutine = self._refuse(update)
        work = _Work(update.update_id, coroutine)
        if lane is not None:
            lane.append(work)
            self._waiting += 1
            return
        try:
            await self._places.acquire()
        except asyncio.CancelledError:
            _discard(coroutine)
            self._inbox.drop(update.update_id)
            raise
        self._lanes[key] = deque([work])
        task = asyncio.create_task(self._work_off(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, within_s: float) -> bool:
        """Wait until all is carried out, for so many seconds at most, then give up the rest.

        Returns:
            Whether nothing had to be given up.
        """
        tasks = tuple(self._tasks)
        if not tasks:
            return True
        _, left = await asyncio.wait(tasks, timeout=within_s)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
            log.warning("%d turns were given up: Telegram did not answer in time", len(left))
        return not left

    async def join(self) -> None:
        """Wait until nothing is in work."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def initialize(self) -> None:
        """There is nothing to prepare."""

    async def shutdown(self) -> None:
        """Give up what is still in work."""
        await self.finish(0.0)

    @property
    def in_work(self) -> int:
        """Chats that are being answered."""
        return len(self._lanes)

    @property
    def waiting(self) -> int:
        """Updates that wait for one before them in their chat."""
        return self._waiting

    async def _work_off(self, key: int) -> None:
        lane = self._lanes[key]
        try:
            await self._carry_out(lane.popleft())
            while lane:
                self._waiting -= 1
                await self._carry_out(lane.popleft())
        finally:
            self._waiting -= len(lane)
            for work in lane:
                _discard(work.coroutine)
                self._inbox.drop(work.update)
            del self._lanes[key]
            self._places.release()

    async def _carry_out(self, work: _Work) -> None:
        try:
            async with asyncio.timeout(self._budget_s):
                await work.coroutine
        except TimeoutError:
            log.error("a turn took longer than %.0f s and was given up", self._budget_s)  # noqa: TRY400
        except asyncio.CancelledError:
            self._inbox.drop(work.update)
            raise
        except Exception as error:  # one turn failed, not those after it
            log.error("a turn failed: %s", type(error).__name__, exc_info=error)  # noqa: TRY400
        self._inbox.done(work.update)


def _discard(coroutine: Awaitable[Any]) -> None:
    """Give up what was never begun, without python's warning that it was never awaited."""
    if isinstance(coroutine, Coroutine):
        coroutine.close()
