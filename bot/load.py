"""Updates a second beside a bare echo bot, how long people wait, and whether memory stays flat.

Three processes: the sandbox's Bot API, the bot, and this one, which plays the people. A wait ends
when the last message of an answer has reached the sandbox.
"""

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from bot.knowledge.model import Knowledge

Json = dict[str, Any]

ROUNDS = 3
"""Rounds of each bot; the bots take turns, so that a busy machine strikes both."""
FEWER_ROUNDS = 2
"""Where the figure is far from its aim, or has none."""
WAITING_ROUNDS = 4
"""Of waiting, alone and beside a flood: the p99 of a hundred people is whoever waited longest."""
ROUND_S = 2.0
"""About how long a round takes: a bot is given so many updates as it has just shown to answer."""
WARM_UP = 100
FEWEST = 40
"""Updates of a round, and of the look at how fast a bot is."""
LATENCY_S = 0.05
AIM, AIM_SLOW = 0.7, 5.0
"""Of the echo bot's updates a second: with instant calls, and with slow ones."""
AIM_FLOOD = 2.0
"""Times the p99 of quiet people beside a flood may be of theirs alone, at most."""
QUIET = 100
QUIET_A_SECOND = 25.0
FLOOD = 10_000
LOOK_S = 0.03
PATIENCE_S = 60.0
"""How long a round may take before it is given up."""
STOP_S = 15.0
"""How long a process may take to end before it is killed."""
BOTS = {
    "echo": [sys.executable, "-c", "from bot.load import echo; echo()"],
    "ours": [sys.executable, "-m", "bot", "run"],
}
_SETTINGS = ("BOT_TOKEN_FILE", "WEBHOOK_URL", "WEBHOOK_SECRET", "METRICS_PORT", "ADMIN_IDS", "PORT",
             "HOST", "LOG_LEVEL")  # fmt: skip
"""Settings of the surroundings that a measured bot must not get."""


class LoadError(Exception):
    """A measurement could not be taken; the message says why and what to do."""


class LateError(LoadError):
    """Not everybody was answered in time."""


# -- the processes ----------------------------------------------------------------------------------


class Server:
    """The sandbox in a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise LoadError("the sandbox did not start: try `python -m bot.sandbox` by hand")
        where = json.loads(line)
        self.token: str = where["token"]
        self.api_url: str = where["api_url"]
        self._connection = HTTPConnection(urlsplit(self.api_url).netloc, timeout=PATIENCE_S)

    def feed(self, updates: Sequence[Json], over_s: float = 0.0) -> float:
        """Let it all happen at once, or evenly over a time; gives when, by `time.time`."""
        now = time.time()
        self._ask("POST", "/load", {"updates": updates, "over_s": over_s})
        return now

    def slow_down(self, seconds: float) -> None:
        """From now on each call but getUpdates takes so much longer; 0: as fast as it can."""
        self._ask("DELETE", "/faults")
        if seconds:
            self._ask("POST", "/faults", {"method": "*", "latency_s": seconds, "times": 0})

    def begin(self) -> None:
        """Begin the figures anew."""
        self._ask("DELETE", "/calls")

    def figures(self) -> Json:
        """How many updates are `pending`, and when the bot spoke in each chat: `last_call`."""
        found: Json = json.loads(self._ask("GET", "/calls"))
        return found

    def close(self) -> None:
        """Close the connection; the process is ended by whoever started it."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: Json | None = None) -> bytes:
        given = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, given, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:  # noqa: PLR2004
            raise LoadError(f"the sandbox answered {answer.status} to {method} {path}: mend it")
        return said


@dataclass(frozen=True, slots=True)
class Contestant:
    """A bot that is running, and the sandbox that it talks to."""

    name: str
    server: Server
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]

    def cpu_s(self) -> float:
        """Processor time that the bot has used; 0 where the system does not tell."""
        try:
            line = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return 0.0
        user, system = line.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def check(self) -> None:
        """Raise LoadError, with what the bot said last, when it has ended."""
        if self.process.poll() is not None:
            self.log.seek(0)
            said = self.log.read().decode("utf-8", "replace").strip().splitlines()
            raise LoadError(
                f"the bot ({self.name}) ended with status {self.process.returncode}: "
                f"{said[-1] if said else 'it said nothing'}; start it by hand to see more"
            )


@contextmanager
def contestant(name: str, command: Sequence[str]) -> Iterator[Contestant]:
    """A bot beside a sandbox of its own; both end with the block."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        log = stack.enter_context(tempfile.TemporaryFile())
        surroundings = {k: v for k, v in os.environ.items() if k not in _SETTINGS}
        sandbox = [sys.executable, "-m", "bot.sandbox", "--port", "0"]
        serving = stack.enter_context(_process(sandbox, surroundings, log, subprocess.PIPE))
        server = Server(serving)
        stack.callback(server.close)
        own = {"BOT_TOKEN": server.token, "BOT_API_URL": server.api_url, "DATA_DIR": folder}
        process = stack.enter_context(_process(command, surroundings | own, log, log))
        yield Contestant(name, server, process, log)


@contextmanager
def _process(
    command: Sequence[str], environment: Mapping[str, str], log: IO[bytes], output: IO[bytes] | int
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that ends with the block. Ctrl+C does not reach it: we end it, in order."""
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=log,
        process_group=0,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def echo() -> None:
    """Run the bare bot of python-telegram-bot's first example, with all its defaults.

    It answers a button as simply: a word for the query, and an edit.
    """
    from telegram import CallbackQuery, Message, Update
    from telegram.ext import (
        ApplicationBuilder,
        CallbackQueryHandler,
        ContextTypes,
        MessageHandler,
        filters,
    )

    async def on_text(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        if isinstance(update.message, Message):
            await update.message.reply_text(update.message.text or "")

    async def on_button(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        if isinstance(update.callback_query, CallbackQuery):
            await update.callback_query.answer()
            await update.callback_query.edit_message_text(update.callback_query.data or "")

    builder = ApplicationBuilder().token(os.environ["BOT_TOKEN"])
    application = builder.base_url(os.environ["BOT_API_URL"]).build()
    application.add_handler(MessageHandler(filters.TEXT, on_text))
    application.add_handler(CallbackQueryHandler(on_button))
    application.run_polling()


# -- what people do ---------------------------------------------------------------------------------


class People:
    """Gives what people do, always somebody else: nobody is slowed down for asking much.

    Args:
        questions: Languages and texts.
        presses: Languages and callback data.
    """

    def __init__(
        self, questions: Sequence[tuple[str, str]], presses: Sequence[tuple[str, str]]
    ) -> None:
        chance = random.Random(11)  # noqa: S311 - the same in every run
        self.questions = chance.sample(questions, len(questions))
        """Languages and texts, shuffled."""
        self._presses = chance.sample(presses, len(presses))
        self._numbers = count(1_000)

    def ask(self, number: int) -> list[Json]:
        """So many people ask one question each; the same ones from call to call."""
        return [said(next(self._numbers), *self._question(place)) for place in range(number)]

    def mixed(self, number: int) -> list[Json]:
        """Two of three press a button."""
        return [
            pressed(next(self._numbers), *self._presses[place % len(self._presses)])
            if place % 3
            else said(next(self._numbers), *self._question(place))
            for place in range(number)
        ]

    def flood(self, number: int) -> list[Json]:
        """One person sends it all."""
        flooder = next(self._numbers)
        return [said(flooder, *self._question(place), place + 1) for place in range(number)]

    def _question(self, place: int) -> tuple[str, str]:
        return self.questions[place % len(self.questions)]


def people_of(knowledge: "Knowledge") -> People:
    """People who ask what real people asked, and press what the bot's own screens show.

    In a checkout they ask the questions of the tests, elsewhere the phrasings of the content.
    """
    # Here and below: the echo bot is started from this module, and is to be bare.
    from bot.matching.evaluation import read_utterances
    from bot.settings import content_folder

    folder = content_folder() / "tests" / "utterances"
    if folder.is_dir():
        asked = [(one.language, one.text) for one in read_utterances(folder)]
    else:
        asked = [
            (language, text)
            for language, answers in knowledge.answers.items()
            for answer in answers.values()
            for text in answer.phrasings
        ]
    return People(asked, list(presses(knowledge)))


def presses(knowledge: "Knowledge") -> Iterator[tuple[str, str]]:
    """Languages and callback data: pages, groups, topics, and steps of the objection."""
    from bot.dialogue.buttons import Button, Go, OpenGroup, OpenTopic, Page, encode
    from bot.dialogue.exploration import SAMPLES, explore

    steps = list(explore(knowledge.flow, SAMPLES[1:2]).leads)
    for language in knowledge.languages:
        pages: list[Button] = [
            Page(language, name) for name in ("home", "topics", "help", "privacy")
        ]
        groups = [OpenGroup(language, group.id) for group in knowledge.groups]
        topics = [OpenTopic(language, topic) for topic in knowledge.topics]
        walk = [Go(language, step) for step in steps[:: max(1, len(steps) // len(topics))]]
        for button in [*pages, *groups, *topics, *walk]:
            yield language, encode(button, knowledge)


def said(person: int, language: str, text: str, number: int = 1) -> Json:
    """An update: somebody sends a text."""
    return {
        "message": {
            "message_id": number,
            "date": int(time.time()),
            "chat": _chat(person),
            "from": _user(person, language),
            "text": text,
        }
    }


def pressed(person: int, language: str, data: str, number: int = 1) -> Json:
    """An update: somebody presses a button under an older message of the bot."""
    return {
        "callback_query": {
            "id": str(person * 1_000_000 + number),
            "from": _user(person, language),
            "chat_instance": str(person),
            "data": data,
            "message": {
                "message_id": number,
                "date": int(time.time()),
                "chat": _chat(person),
                "from": {"id": 1, "is_bot": True, "first_name": "Bot"},
                "text": "An older message",
            },
        }
    }


def _chat(person: int) -> Json:
    return {"id": person, "type": "private", "first_name": "You"}


def _user(person: int, language: str) -> Json:
    return {"id": person, "is_bot": False, "first_name": "You", "language_code": language}


def _chat_of(update: Json) -> str:
    message = update.get("message") or update["callback_query"]["message"]
    return str(message["chat"]["id"])


# -- measuring --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Round:
    """What was measured once."""

    updates: int
    seconds: float
    cpu_s: float
    """Processor time of the bot."""

    @property
    def a_second(self) -> float:
        """Updates a second."""
        return self.updates / self.seconds


def push(bot: Contestant, updates: Sequence[Json]) -> Round:
    """Give it all at once, each of another person, and wait until everybody is answered.

    Raises:
        LateError: when somebody was not.
    """
    bot.server.begin()
    before = bot.cpu_s()
    began = bot.server.feed(updates)
    answered = _await_answers(bot, {_chat_of(one) for one in updates})
    return Round(len(updates), max(answered.values()) - began, bot.cpu_s() - before)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long people waited for their answers, and what became of one who floods."""

    quiet_ms: list[float] = field(repr=False)
    unanswered: int
    """Quiet people who got no answer in time."""
    flooder_answers: int


def keep_asking(bot: Contestant, quiet: Sequence[Json], flood: Sequence[Json] = ()) -> Waits:
    """Quiet people ask at a steady pace; beside them somebody sends much, spread over that time."""
    bot.server.begin()
    apart_s = 1 / QUIET_A_SECOND
    if flood:
        bot.server.feed(flood, len(quiet) * apart_s)
    began = time.monotonic()
    fed: dict[str, float] = {}
    for place, one in enumerate(quiet, 1):
        time.sleep(max(0.0, began + place * apart_s - time.monotonic()))
        fed[_chat_of(one)] = bot.server.feed([one])
    with suppress(LateError):
        _await_answers(bot, fed)
    figures = bot.server.figures()
    last = figures["last_call"]
    waits = [(last[chat] - now) * 1_000 for chat, now in fed.items() if chat in last]
    sent = figures["calls"].get("sendmessage", 0)
    return Waits(waits, len(fed) - len(waits), max(0, sent - len(waits)))


def _await_answers(bot: Contestant, chats: Mapping[str, Any] | set[str]) -> dict[str, float]:
    """Wait until all were fetched and these were answered; gives when, by chat."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        figures = bot.server.figures()
        answered: dict[str, float] = figures["last_call"]
        left = sum(chat not in answered for chat in chats)
        if not left and not figures["pending"]:
            return answered
        bot.check()
        if time.monotonic() > deadline:
            raise LateError(
                f"{left} people got no answer from the bot ({bot.name}) within "
                f"{PATIENCE_S:.0f} s: look at its log with a smaller load"
            )
        time.sleep(LOOK_S)


# -- the report -------------------------------------------------------------------------------------


def run(people: People) -> Iterator[str]:
    """Lines of the report; takes about a minute.

    Raises:
        LoadError: when a bot does not start or does not answer.
    """
    with ExitStack() as stack:
        stack.enter_context(_ending_in_order())
        bots = [stack.enter_context(contestant(name, command)) for name, command in BOTS.items()]
        yield "updates a second, each of another person; the bots take turns, medians of rounds"
        yield f"{'':<34}{'echo':>8}{'ours':>8}{'ratio':>8}  CPU ms an update: echo, ours"
        for bot in bots:
            push(bot, people.ask(WARM_UP))
        yield _compare("instant API", bots, people.ask, ROUNDS, AIM)
        yield _compare("instant API, 2 of 3 press buttons", bots, people.mixed, FEWER_ROUNDS)
        for bot in bots:
            bot.server.slow_down(LATENCY_S)
        slow = f"{LATENCY_S * 1000:.0f} ms a call"
        yield _compare(slow, bots, people.ask, FEWER_ROUNDS, AIM_SLOW)
        for bot in bots:
            bot.server.slow_down(0.0)
        yield from _waiting(bots[-1], people)


def _compare(
    name: str,
    bots: Sequence[Contestant],
    make: Callable[[int], list[Json]],
    rounds: int,
    aim: float | None = None,
) -> str:
    """One line: both bots in turn."""
    sizes = [max(FEWEST, int(push(bot, make(FEWEST)).a_second * ROUND_S)) for bot in bots]
    taken = [[push(bot, make(size)) for bot, size in zip(bots, sizes, strict=True)]
             for _ in range(rounds)]  # fmt: skip
    by_bot = list(zip(*taken, strict=True))
    theirs, ours = (statistics.median(r.a_second for r in own) for own in by_bot)
    cpu = [statistics.median(r.cpu_s / r.updates * 1_000 for r in own) for own in by_bot]
    ratio = ours / theirs
    verdict = _verdict(reached=ratio >= aim, aim=f"at least {aim:g}") if aim else ""
    return f"{name:<34}{theirs:>8.0f}{ours:>8.0f}{ratio:>8.2f}  {cpu[0]:.1f}, {cpu[1]:.1f}{verdict}"


def _waiting(ours: Contestant, people: People) -> Iterator[str]:
    """How long a person waits, alone and beside a flood."""
    alone: list[float] = []
    beside: list[float] = []
    answers = unanswered = 0
    had, stolen = _processor_time()
    for _ in range(WAITING_ROUNDS):
        alone += keep_asking(ours, people.ask(QUIET)).quiet_ms
        waits = keep_asking(ours, people.ask(QUIET), people.flood(FLOOD))
        beside += waits.quiet_ms
        answers += waits.flooder_answers
        unanswered += waits.unanswered
    yield f"{'a person waits, instant API':<34}{'p50 ms':>8}{'p99 ms':>8}"
    yield _times(f"{QUIET} people, {QUIET_A_SECOND:.0f} a second", alone)
    over = QUIET / QUIET_A_SECOND
    yield _times(f"beside one: {FLOOD:,} in {over:.0f} s", beside)
    ratio = at(beside, 0.99) / max(at(alone, 0.99), 0.001)
    good = 0 < ratio <= AIM_FLOOD and not unanswered
    yield f"  p99 beside to p99 alone: {ratio:.1f}{_verdict(reached=good, aim=f'at most {AIM_FLOOD:g}')}"
    if unanswered:
        yield f"  quiet people without an answer: {unanswered} of {WAITING_ROUNDS * QUIET}"
    yield f"  answers to whoever floods: {answers // WAITING_ROUNDS} of {FLOOD:,}"
    now, gone = _processor_time()
    if now > had:
        share = (gone - stolen) / (now - had)
        yield f"  other machines on the same host took {share:.0%} of the time: that moves the p99"
    began = ours.server.feed(people.flood(FLOOD))
    try:
        _await_answers(ours, set())
    except LateError:
        yield f"  {FLOOD:,} at once from one: not through after {PATIENCE_S:.0f} s"
    else:
        yield f"  {FLOOD:,} at once from one: through after {time.time() - began:.1f} s"


def _processor_time() -> tuple[int, int]:
    """Clock ticks of all processors so far, and those of them that a hypervisor gave to others.

    Both 0 where the system does not tell. The columns: proc(5), /proc/stat.
    """
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return 0, 0
    ticks = [int(column) for column in first.split()[1:9]]  # without guests, which are in `user`
    return sum(ticks), sum(ticks[7:])


def _times(name: str, waited_ms: Sequence[float]) -> str:
    return f"{name:<34}{at(waited_ms, 0.5):>8.1f}{at(waited_ms, 0.99):>8.1f}"


def at(values: Sequence[float], share: float) -> float:
    """The value that this share of all lies below; 0 where there is none."""
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _verdict(*, reached: bool, aim: str) -> str:
    return f"  ({'reached' if reached else 'MISSED'}: {aim})"


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Told to end, end first what was started."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
