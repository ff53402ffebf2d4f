"""Takes an update through: event, turn, storage, replies, one line in the log."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from telegram import Update

from bot.dialogue import administering, notices
from bot.dialogue.events import Commanded, Event, Person, Pressed, Thread
from bot.dialogue.replies import (
    CountBroken,
    Erase,
    Keep,
    KeepQuestion,
    Remind,
    StopReminding,
    Turn,
    tally,
)
from bot.dialogue.turn import Assistant, respond, voice_of
from bot.logs import log_turn
from bot.metrics import Metrics
from bot.storage.store import Store, Tally
from bot.tg.events import Origin, Self, event_of, left_by, origin_of
from bot.tg.sender import Delivered, Sender
from bot.tg.threads import Threads

log = logging.getLogger(__name__)

FRESH = timedelta(hours=1)
"""A message that waited longer is not answered: whoever wrote it has gone on with their day."""
OLDEST = timedelta(hours=25)
"""Telegram keeps updates for a day. What seems older was written by another clock than ours."""
MOST_TOLD = 10_000


class Host(Protocol):
    """What the host may ask of the running bot."""

    async def stats(self) -> list[str]:
        """How often what was asked; small numbers hidden."""

    async def state(self) -> administering.State:
        """How the process is."""

    async def reload(self) -> list[str]:
        """Take new content; gives its faults, for which the old one is kept."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a conversation has around it besides the store."""

    clock: Callable[[], float] = time.monotonic
    """Seconds that never go back."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    today: Callable[[], date] = date.today
    metrics: Metrics = field(default_factory=Metrics)
    admins: frozenset[int] = frozenset()
    """User ids whose commands for the host are heard."""
    host: Host | None = None
    count: Callable[[Tally], None] = lambda _: None
    """Counts, without a person."""
    storage_state: Callable[[str], None] = lambda _: None
    """Told what is wrong with the storage; empty: it is well again."""


class Conversation:
    """Answers updates. What went wrong in one ends there, with a word to the person."""

    def __init__(
        self, assistant: Assistant, store: Store, around: Surroundings | None = None
    ) -> None:
        self.assistant = assistant
        """May be replaced at any time: by newer content."""
        self._store = store
        self._around = around or Surroundings()
        self._told_late: OrderedDict[int, float] = OrderedDict()
        self._failing: dict[str, str] = {}
        """What the storage could not do the last time: `read`, `write`; and why."""
        self.on_reminder: Callable[[], None] = lambda: None
        """Called when a reminder was stored."""
        self.threads = Threads(self._around.clock)

    async def handle(self, update: Update, sender: Sender, me: Self) -> None:
        """Handle one update."""
        began = self._around.clock()
        if (chat := left_by(update)) is not None:
            await self._forget(chat)
            return
        origin = origin_of(update)
        if not origin:
            return
        try:
            turn = await self._turn(update, origin, me)
        except Exception as error:
            log.error("a turn failed: %s", type(error).__name__, exc_info=error)  # noqa: TRY400
            turn = notices.sorry(Person(origin.language), self.assistant, self._around.today())
        if not turn:
            return
        # First think through all that waits, then speak: to do both in turns costs a tenth more,
        # because each drives the other out of the processor's caches.
        await asyncio.sleep(0)
        delivered = await sender.carry_out(turn, origin)
        if delivered is Delivered.GONE and not origin.group:
            await self._forget(origin.chat)
        self._note(turn, self._around.clock() - began)

    async def refuse(self, update: Update, sender: Sender) -> None:
        """Say to somebody that they write faster than we may answer. In a group: say nothing."""
        origin = origin_of(update)
        if not origin or origin.group:
            return
        turn = notices.busy(
            Person(origin.language),
            self.assistant,
            self._around.today(),
            thread=self.threads.get(origin.chat),
            pressed=origin.query is not None,
        )
        await sender.carry_out(turn, origin)
        self._note(turn, 0.0)

    async def _turn(self, update: Update, origin: Origin, me: Self) -> Turn | None:
        """What comes of an update; None for nothing."""
        thread = Thread() if origin.group else self.threads.get(origin.chat)
        if origin.written_at and self._is_late(origin.written_at):
            return self._late(origin, thread)
        # What is kept of somebody is not shown to a group.
        person = Person(origin.language) if origin.group else await self._person(origin)
        event = event_of(update, person, thread, me)
        if not event:
            return None
        if origin.group and isinstance(event, Pressed):
            return None  # no button of ours stands there
        if told := await self._administer(event, origin):
            return told
        turn = respond(event, self.assistant, self._around.today())
        if origin.group:
            return turn
        self.threads.keep(origin.chat, turn.thread)
        if not await self._keep(turn, origin.chat):
            if turn.otherwise:
                return replace(turn, replies=(turn.otherwise,), notice="")
            if not isinstance(turn.storage, CountBroken):
                return notices.unkept(person, self.assistant, self._around.today(), thread=thread)
        return turn

    def _is_late(self, written_at: datetime) -> bool:
        return FRESH < self._around.now() - written_at <= OLDEST

    def _late(self, origin: Origin, thread: Thread) -> Turn | None:
        """One word to a chat, however much of it waited."""
        now = self._around.clock()
        if now - self._told_late.get(origin.chat, -FRESH.total_seconds()) < FRESH.total_seconds():
            self._around.metrics.refused("stale")
            return None
        self._told_late[origin.chat] = now
        self._told_late.move_to_end(origin.chat)
        if len(self._told_late) > MOST_TOLD:
            self._told_late.popitem(last=False)
        self._around.metrics.refused("stale")
        if origin.group:
            return None
        return notices.stale(
            Person(origin.language), self.assistant, self._around.today(), thread=thread
        )

    async def _administer(self, event: Event, origin: Origin) -> Turn | None:
        """A command for the host; None where it is none, or comes from somebody else."""
        host = self._around.host
        if (
            not host
            or not isinstance(event, Commanded)
            or event.name not in administering.COMMANDS
            or origin.group
            or origin.person not in self._around.admins
        ):
            return None
        voice = voice_of(event.person, self.assistant, self._around.today(), event.thread)
        match event.name:
            case "stats":
                return administering.stats(voice, await host.stats())
            case "state":
                return administering.state(voice, await host.state())
            case _:
                return administering.reloaded(voice, await host.reload())

    async def _person(self, origin: Origin) -> Person:
        """What is known of who writes; without what cannot be read."""
        try:
            kept = await self._store.kept(origin.chat)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on without it
            self._storage_failed("read", error)
            return Person(origin.language)
        self._storage_works("read")
        return Person(origin.language, kept.language, kept.reminders, kept.until)

    async def _keep(self, turn: Turn, chat: int) -> bool:
        """Store what the person asked for; False where it could not be stored."""
        if not turn.storage:
            return True
        today = self._around.today()
        kept = True
        try:
            match turn.storage:
                case Keep(language):
                    await self._store.keep_language(chat, language, today)
                case Erase():
                    await self._store.forget(chat)
                case Remind(reminder):
                    if kept := await self._store.remind(chat, reminder):
                        self.on_reminder()
                case StopReminding():
                    await self._store.stop_reminders(chat)
                case CountBroken(link):
                    await self._store.count_broken(link)
                case KeepQuestion(language, text):
                    kept = await self._store.keep_question(language, text, today)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on without it
            self._storage_failed("write", error)
            return False
        self._storage_works("write")
        return kept

    async def _forget(self, chat: int) -> None:
        """Who has blocked the bot wants nothing of it: nothing of them is kept."""
        self.threads.forget(chat)
        try:
            await self._store.forget(chat)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on without it
            self._storage_failed("write", error)

    def _storage_failed(self, action: str, error: Exception) -> None:
        name = type(error).__name__
        log.error("storage cannot be %s: %s", "read" if action == "read" else "written", name)
        self._around.metrics.storage_failed("read" if action == "read" else "write")
        self._failing[action] = name
        self._tell_storage()

    def _storage_works(self, action: str) -> None:
        if self._failing.pop(action, None):
            self._tell_storage()

    def _tell_storage(self) -> None:
        wrong = (f"{action}: {name}" for action, name in sorted(self._failing.items()))
        self._around.storage_state(", ".join(wrong))

    def _note(self, turn: Turn, seconds: float) -> None:
        record = turn.record
        log_turn(record.kind, record.language, record.topic, record.outcome, seconds * 1000)
        self._around.metrics.turn_done(record.kind, record.outcome, seconds)
        if counted := tally(record):
            self._around.count(Tally(*counted))
