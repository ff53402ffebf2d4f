"""Whether memory stays flat: very many updates in one process, without HTTP.

All that an update meets in the running bot is real, from the door to the sender; Telegram itself
answers from memory.
"""

import asyncio
import gc
import json
import logging
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from telegram import Update
from telegram.ext import Application, ApplicationBuilder, ContextTypes, TypeHandler
from telegram.request import BaseRequest, RequestData

from bot.bench import memory
from bot.dialogue.buttons import (
    PAGES,
    Broken,
    Deliver,
    Enter,
    Page,
    Rate,
    Schedule,
    Speak,
    Stop,
    encode,
)
from bot.dialogue.exploration import SAMPLES, explore
from bot.dialogue.reminding import Plan
from bot.dialogue.turn import COMMANDS, Assistant
from bot.knowledge.flow import PAPERS
from bot.knowledge.model import Knowledge
from bot.load import People, pressed, said
from bot.metrics import Metrics
from bot.storage.housekeeping import Housekeeping
from bot.storage.sqlite import open_store
from bot.tg.buckets import Buckets
from bot.tg.conversation import Conversation, Surroundings
from bot.tg.events import Self
from bot.tg.inbox import Inbox
from bot.tg.intake import Intake
from bot.tg.processor import ChatProcessor
from bot.tg.reminders import wait_for_any
from bot.tg.sender import Sender

Json = dict[str, Any]

READINGS = 10
WARM_UP = 4
"""Readings until all that is bounded is full (threads and buckets of 10,000 people), and has
found its size: a dictionary from which as much goes as comes grows once more."""
PEOPLE = 30_000
FLAT_MB = 2.0
"""Growth after the warm-up that is taken for none: what the allocator moves about."""
_AT_ONCE = 50
_FLOODER, _GROUP = 7, -100_200_300
_BOT: Json = {"id": 1, "is_bot": True, "first_name": "Bot", "username": "optout_soak_bot"}
_ODD = ("", " ", "?", "\u200b" * 50, "a" * 4_096, "e" + "\u0301" * 500, "\ufdfa" * 300, "🙈" * 200,
        "\u202eabc", "<b>bold</b> & 'more'", "https://example.org/?a=1&b=2", "null", "/ ",
        "me@example.org 0612345678", "Are they?\n" * 300, "\ud83d")  # fmt: skip
"""Texts as they come when people try things out."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the process holds."""

    updates: int
    memory_mb: float
    threads: int
    files: int
    tasks: int

    def __str__(self) -> str:
        return (f"{self.updates:>10,}{self.memory_mb:>10.1f}{self.threads:>9}{self.files:>8}"
                f"{self.tasks:>8}")  # fmt: skip


def run(assistant: Assistant, people: People, updates: int) -> Iterator[str]:
    """Lines of the report: a reading now and then, and whether there was growth."""
    began = time.perf_counter()
    yield f"{'updates':>10}{'MB':>10}{'threads':>9}{'files':>8}{'tasks':>8}"
    readings = []
    with asyncio.Runner() as runner:
        soak = Soak(assistant, people)
        runner.run(soak.begin())
        try:
            for number in range(1, READINGS + 1):
                runner.run(soak.carry_out(updates * number // READINGS))
                readings.append(runner.run(soak.read()))
                yield str(readings[-1])
        finally:
            runner.run(soak.end())
    yield judge(readings[WARM_UP - 1 :])
    yield f"{updates / (time.perf_counter() - began):,.0f} updates a second, {soak.calls:,} calls"


def judge(readings: Sequence[Reading]) -> str:
    """Whether what was read after the warm-up stayed as it was."""
    first, *others = readings
    last = others[-1]
    grown = statistics.median(r.memory_mb for r in others[-3:]) - first.memory_mb
    more = [
        f"{now - before:+d} {name}"
        for name, before, now in (
            ("threads", first.threads, last.threads),
            ("files", first.files, last.files),
            ("tasks", first.tasks, last.tasks),
        )
        if now > before
    ]
    if grown > FLAT_MB:
        more.insert(0, f"{grown:+.1f} MB")
    since = f"from {first.updates:,} to {last.updates:,} updates"
    if more:
        return f"GROWN {since}: {', '.join(more)}"
    return f"flat {since}: {grown:+.1f} MB (up to {FLAT_MB:g} is taken for none)"


class Soak:
    """The bot's parts, put together around a Telegram that answers from memory."""

    def __init__(self, assistant: Assistant, people: People) -> None:
        self._assistant = assistant
        self._happenings = happenings(assistant.knowledge, people)
        self._telegram = _Telegram()
        self._stack = AsyncExitStack()
        self._carried_out = 0

    @property
    def calls(self) -> int:
        """Calls of the Bot API so far."""
        return self._telegram.calls

    async def begin(self) -> None:
        """Put it together."""
        # Files are made in threads: one from the start, rather than a few more with time.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        await asyncio.to_thread(gc.collect)
        # Each odd update leaves a line or two.
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        self._stack.callback(logging.disable, before)
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        store = await self._stack.enter_async_context(open_store(folder))
        metrics = Metrics()
        self._housekeeping = Housekeeping(store, date.today, wait_for_any)
        around = Surroundings(metrics=metrics, count=self._housekeeping.count)
        conversation = Conversation(self._assistant, store, around)
        inbox = Inbox(folder)
        self._stack.callback(inbox.close)
        builder = ApplicationBuilder().token("1:soak").updater(None)
        application: Application[Any, Any, Any, Any, Any, Any] = (
            builder.request(self._telegram).get_updates_request(self._telegram).build()
        )
        await self._stack.enter_async_context(application)
        sender = Sender(application.bot, _at_once, metrics=metrics)
        me = Self(application.bot.id, application.bot.username)

        async def on_update(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
            await conversation.handle(update, sender, me)

        async def refuse(update: Update) -> None:
            await conversation.refuse(update, sender)

        async def deliver(update: Update) -> None:
            await self._processor.process_update(update, application.process_update(update))

        application.add_handler(TypeHandler(Update, on_update))
        self._processor = ChatProcessor(inbox, Buckets(time.monotonic), refuse, metrics)
        self._intake = Intake(application.bot, inbox, metrics, deliver, metrics.heard)

    async def carry_out(self, until: int) -> None:
        """Carry out updates until there were so many."""
        while self._carried_out < until:
            for _ in range(min(_AT_ONCE, until - self._carried_out)):
                await self._intake.take(next(self._happenings))
                self._carried_out += 1
            await self._processor.join()
        await self._housekeeping.look()

    async def read(self) -> Reading:
        """What the process holds now."""
        gc.collect()
        tasks = len(asyncio.all_tasks())
        return Reading(self._carried_out, memory(), threading.active_count(), _files(), tasks)

    async def end(self) -> None:
        """Close everything."""
        await self._stack.aclose()


def _files() -> int:
    """How many files are open; 0 where the system does not tell."""
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return 0


async def _at_once(_: float) -> None:
    """Waits for nothing: Telegram's limits are not what is measured."""


class _Telegram(BaseRequest):
    """Answers each call as if it had gone well."""

    def __init__(self) -> None:
        self.calls = 0

    @property
    def read_timeout(self) -> float | None:
        return 1.0

    async def initialize(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        del method
        self.calls += 1
        given = request_data.parameters if request_data else {}
        result: Any = True
        match url.rpartition("/")[2]:
            case "getMe":
                result = _BOT
            case "sendMessage" | "sendDocument" | "editMessageText":
                result = {
                    "message_id": self.calls,
                    "date": 1_700_000_000,
                    "chat": {"id": given.get("chat_id", 1), "type": "private"},
                    "from": _BOT,
                    "text": given.get("text", ""),
                }
        return 200, json.dumps({"ok": True, "result": result}).encode()


# -- what happens -----------------------------------------------------------------------------------


def happenings(knowledge: Knowledge, people: People) -> Iterator[Json]:
    """Updates without end, as different as they come; the same in every run."""
    chance = random.Random(13)  # noqa: S311
    buttons = list(_every_button(knowledge))
    languages = (*knowledge.languages, "pt-br", "tlh", "")
    numbers = count(1)

    def person() -> tuple[int, str]:
        # One in fifty is always the same: whoever floods.
        number = _FLOODER if chance.random() < 0.02 else chance.randrange(1_000, PEOPLE)  # noqa: PLR2004
        return number, languages[number % len(languages)]

    kinds: dict[Callable[[], Json], int] = {
        lambda: said(*person(), chance.choice(people.questions)[1]): 45,
        lambda: pressed(*person(), chance.choice(buttons)): 25,
        lambda: pressed(*person(), _forged(chance.choice(buttons), chance)): 8,
        lambda: said(*person(), chance.choice(_ODD)): 6,
        lambda: said(*person(), _noise(chance)): 2,
        lambda: said(*person(), f"/{chance.choice(('start', 'start object', *COMMANDS, 'x'))}"): 8,
        lambda: _strange(*person(), chance): 6,
    }
    while True:
        (make,) = chance.choices(list(kinds), list(kinds.values()))
        yield {"update_id": next(numbers), **make()}


def _every_button(knowledge: Knowledge) -> Iterator[str]:
    """Callback data of each kind."""
    steps = list(explore(knowledge.flow, SAMPLES[1:2]).leads)[::40]
    for language in knowledge.languages:
        some = [
            *(Page(language, name) for name in sorted(PAGES)),
            *(Rate(language, topic, helpful=bool(n % 2)) for n, topic in enumerate(knowledge.topics)),
            *(kind(language, step) for kind in (Enter, Stop, Broken) for step in steps),
            # No PDF: it takes a hundred times as long as everything else.
            *(Deliver(language, sorted(PAPERS)[n % len(PAPERS)], form, step)
              for n, step in enumerate(steps) for form in ("message", "text")),
            Speak(language),
            Schedule(language, "offer", Plan("silent", "DE")),
        ]  # fmt: skip
        for button in some:
            yield encode(button, knowledge)


def _forged(data: str, chance: random.Random) -> str:
    """Callback data that no bot wrote."""
    place = chance.randrange(len(data))
    other = chance.choice(("", "\x00", ".", "é", "z" * 70, str(chance.getrandbits(60))))
    return data[:place] + other + data[place + chance.randrange(3) :]


def _noise(chance: random.Random) -> str:
    return "".join(chr(chance.choice((97, 0x430, 0x1F600, 0x5D0, 0x200D, 32)) + chance.randrange(20))
                   for _ in range(chance.randrange(1, 200)))  # fmt: skip


def _strange(number: int, language: str, chance: random.Random) -> Json:
    """What is no question, or not for us, or cannot be read."""
    update = said(number, language, "hello")
    message: Json = update["message"]
    match chance.randrange(7):
        case 0:
            del message["text"]
            message["sticker"] = {"file_id": "x", "file_unique_id": "x", "type": "regular",
                                  "width": 1, "height": 1, "is_animated": False,
                                  "is_video": False}  # fmt: skip
        case 1:
            return {"edited_message": message}
        case 2:
            message["chat"] = {"id": _GROUP, "type": "supergroup", "title": "A group"}
        case 3:
            message["from"]["is_bot"] = True
        case 4:
            message["date"] -= 7_200
        case 5:
            return {"my_chat_member": {"chat": message["chat"], "from": message["from"],
                                       "date": message["date"],
                                       "old_chat_member": {"user": _BOT, "status": "member"},
                                       "new_chat_member": {"user": _BOT, "status": "kicked",
                                                           "until_date": 0}}}  # fmt: skip
        case _:
            return {"message": {"message_id": "none", "chat": []}}
    return update
