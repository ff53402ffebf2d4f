"""Sends reminders when they are due: once, also late, also when there are two of us."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Protocol

from telegram.error import RetryAfter, TelegramError

from bot.dialogue.reminding import Reminder
from bot.dialogue.replies import Reply
from bot.storage.store import Due, Store
from bot.tg.errors import Meaning, describe, judge, seconds_to_wait

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""How long a claim lasts; far longer than a send with all its timeouts and one wait."""
LONGEST_WAIT_S = 30.0
"""How long we wait at most before we look again: a clock may jump, another process may store."""
SHORTEST_WAIT_S = 1.0
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(minutes=15)
"""Before a reminder is tried again; doubles from the first to the longest."""
MOST_REFUSALS = 100
"""How often a reminder is tried that Telegram refuses or we cannot make: for about a day."""

Compose = Callable[[Reminder], Reply]
Now = Callable[[], datetime]


class Sends(Protocol):
    """Sends new messages."""

    async def send(self, reply: Reply, chat: int) -> None:
        """Send one reply; Telegram's errors come out."""


class Wait(Protocol):
    """Waits."""

    async def __call__(self, seconds: float, /, *events: asyncio.Event) -> None:
        """Come back after so many seconds, or as soon as one of the events is set."""


async def wait_for_any(seconds: float, /, *events: asyncio.Event) -> None:
    """Come back after so many seconds, or as soon as one of the events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in waits:
            waiting.cancel()


class Outcome(Enum):
    """What becomes of a reminder that was tried."""

    SENT = auto()
    PERHAPS_SENT = auto()
    """Telegram did not answer in time."""
    NOBODY = auto()
    """Blocked, deleted: nobody to send to."""
    NOT_NOW = auto()
    """Telegram cannot be reached, or asks to slow down: that concerns all of them."""
    REFUSED = auto()
    """It cannot be made, or Telegram does not take it: an error of ours."""


class Reminders:
    """Sends what is due, one after another, and waits for the next.

    Each is claimed, sent, and then deleted. Who crashes after the claim leaves it to the next one
    when the lease is over; who crashes between sending and deleting has it sent a second time:
    that is rare, and a second message does less harm than a deadline that nobody was told of.
    """

    def __init__(
        self,
        store: Store,
        compose: Compose,
        sender: Sends,
        now: Now = lambda: datetime.now(UTC),
        wait: Wait = wait_for_any,
        *,
        tried: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`now` gives aware times. A composed reply is best one message: it is repeated whole.

        `tried` is told what became of each.
        """
        self._store = store
        self._compose = compose
        self._sender = sender
        self._now = now
        self._wait = wait
        self._tried = tried
        self._woken = asyncio.Event()
        self._sent: int | None = None
        """The claim of what was sent and is not deleted yet, because the disk failed."""

    def wake(self) -> None:
        """Look at once: a reminder was stored."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due until told to stop. Ends after the message that is under way.

        The same when it is cancelled.
        """
        while not stop.is_set():
            self._woken.clear()
            pause = await self._send_due(stop)
            if pause:
                # A new reminder is no reason to try again earlier.
                await self._wait(pause, stop)
            else:
                await self._wait(await self._until_next(), stop, self._woken)

    async def send_due(self) -> None:
        """Send all that is due now. What went wrong is in the log, and its reminder released."""
        await self._send_due(asyncio.Event())

    async def _send_due(self, stop: asyncio.Event) -> float:
        """Send what is due; gives the seconds for which to leave Telegram or the disk alone."""
        while not stop.is_set():
            try:
                due, pause = await _finish(self._send_next())
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on
                log.error("reminders cannot be stored: %s", type(error).__name__)  # noqa: TRY400
                return LONGEST_WAIT_S
            if pause or not due:
                return pause
        return 0.0

    async def _send_next(self) -> tuple[bool, float]:
        """Whether one was due; the seconds to pause. Errors of the store come out."""
        if self._sent is not None:
            # Before anything else is claimed, or it would be taken and sent again.
            await self._store.settle(self._sent)
            self._sent = None
        due = await self._store.take_due(self._now(), LEASE)
        if not due:
            return False, 0.0
        outcome, pause = await self._try(due)
        match outcome:
            case Outcome.SENT | Outcome.PERHAPS_SENT:
                self._sent = due.number
                await self._store.settle(due.number)
                self._sent = None
            case Outcome.NOBODY:
                await self._store.forget(due.chat)
            case Outcome.REFUSED if due.tries >= MOST_REFUSALS:
                await self._store.settle(due.number)
            case Outcome.REFUSED | Outcome.NOT_NOW:
                delay = max(_delay(due.tries), timedelta(seconds=pause))
                await self._store.release(due.number, self._now() + delay)
        self._tried(outcome.name.lower().replace("_", "-"))
        late = (self._now() - due.reminder.due).total_seconds()
        log.info(
            "reminder kind=%s language=%s outcome=%s try=%d late_s=%d",
            due.reminder.kind,
            due.reminder.language,
            outcome.name.lower(),
            due.tries,
            late,
        )
        return True, pause

    async def _try(self, due: Due) -> tuple[Outcome, float]:
        """Send one; what became of it, and the seconds for which to leave Telegram alone."""
        try:
            await self._sender.send(self._compose(due.reminder), due.chat)
        except TelegramError as error:
            return _meant(error)
        except Exception as error:
            log.exception("a reminder cannot be made: %s", type(error).__name__)
            return Outcome.REFUSED, 0.0
        return Outcome.SENT, 0.0

    async def _until_next(self) -> float:
        """Seconds until there may be something to send."""
        try:
            next_due = await self._store.next_due()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on
            log.error("reminders cannot be read: %s", type(error).__name__)  # noqa: TRY400
            next_due = None
        if next_due is None:
            return LONGEST_WAIT_S
        seconds = (next_due - self._now()).total_seconds()
        return min(max(seconds, SHORTEST_WAIT_S), LONGEST_WAIT_S)


def _meant(error: TelegramError) -> tuple[Outcome, float]:
    """What an error means for a reminder; the seconds for which to leave Telegram alone."""
    match judge(error):
        case Meaning.SLOW_DOWN if isinstance(error, RetryAfter):
            return Outcome.NOT_NOW, max(seconds_to_wait(error), SHORTEST_WAIT_S)
        case Meaning.GONE | Meaning.MOVED:
            return Outcome.NOBODY, 0.0
        case Meaning.NO_ANSWER:
            # The request was on its way, and nobody can ask Telegram whether it arrived. Nearly
            # always it did, and the answer was slow: so it counts as sent.
            log.warning("Telegram did not answer in time: a reminder may not have arrived")
            return Outcome.PERHAPS_SENT, 0.0
        case Meaning.NOT_DONE | Meaning.BROKEN_OFF | Meaning.FATAL:
            # A connection that broke is tried again: most often it had been idle and was closed
            # before the request got through. About the token others say what to do.
            log.warning("a reminder has to wait: %s", describe(error))
            return Outcome.NOT_NOW, LONGEST_WAIT_S
        case _:
            log.error("Telegram refuses a reminder: %s", describe(error))
            return Outcome.REFUSED, 0.0


def _delay(tries: int) -> timedelta:
    """How long after so many tries to wait for the next."""
    return min(FIRST_DELAY * (1 << min(tries - 1, 10)), LONGEST_DELAY)


async def _finish(work: Coroutine[None, None, tuple[bool, float]]) -> tuple[bool, float]:
    """Do it to the end, also when we are cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()):
            log.error("reminders cannot be stored: %s", type(error).__name__)  # noqa: TRY400
        raise
