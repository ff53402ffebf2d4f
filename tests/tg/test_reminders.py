"""What is due is sent: once, also late, also under errors, also when there are two of us."""

import asyncio
import logging
from collections import Counter
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import plain_bot
from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)
from telegram.request import HTTPXRequest

from bot.dialogue.reminding import Reminder
from bot.dialogue.replies import Reply
from bot.knowledge.markup import Paragraph, Plain
from bot.sandbox.bot_api import Fault
from bot.sandbox.server import serve
from bot.storage.sqlite import open_store
from bot.tg.reminders import (
    LEASE,
    LONGEST_DELAY,
    LONGEST_WAIT_S,
    MOST_REFUSALS,
    Reminders,
    wait_for_any,
)
from bot.tg.sender import Sender

CHAT = 4_815_162_342
OTHER = 42
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time


class Phones:
    """Takes what is sent; the next sends fail as told."""

    def __init__(self):
        self.got = []
        self.errors = []

    async def send(self, reply, chat):
        if self.errors and (error := self.errors.pop(0)):
            raise error
        self.got.append((chat, reply.blocks[0].spans[0].text))


class Unlucky:
    """A store whose named methods fail while told so."""

    def __init__(self, store):
        self._store = store
        self.failing = set()

    def __getattr__(self, name):
        async def call(*values):
            if name in self.failing:
                raise OSError(28, "No space left on device")
            return await getattr(self._store, name)(*values)

        return call


def compose(reminder):
    if reminder.kind == "unknown":
        raise KeyError(reminder.kind)
    return Reply((Paragraph((Plain(f"{reminder.language} {reminder.kind}"),)),))


def reminder(due=NOON, kind="reply", language="fr"):
    return Reminder(kind, due, language)


def timed_out(cause=None):
    error = TimedOut()
    error.__cause__ = cause
    return error


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def phones():
    return Phones()


@pytest.fixture
async def store(tmp_path):
    async with open_store(tmp_path) as store:
        yield store


async def never(seconds, /, *events):
    raise AssertionError("nothing is waited for here")


def reminders_of(store, phones, clock, wait=never):
    return Reminders(store, compose, phones, clock, wait)


async def test_sent_when_due_and_once(store, phones, clock):
    """Not a second before; after that it is gone from the disk."""
    await store.remind(CHAT, reminder())
    reminders = reminders_of(store, phones, clock)
    clock.time = NOON - timedelta(seconds=1)
    await reminders.send_due()
    assert phones.got == []
    clock.time = NOON
    await reminders.send_due()
    await reminders.send_due()
    assert phones.got == [(CHAT, "fr reply")]
    assert await store.reminders(CHAT) == []


async def test_due_while_the_bot_was_down(tmp_path, phones, clock):
    """Sent at the next start, however late, the oldest first."""
    async with open_store(tmp_path) as store:
        await store.remind(CHAT, reminder(NOON + DAY, "second"))
        await store.remind(OTHER, reminder(NOON, "first"))
    clock.time = NOON + 90 * DAY
    async with open_store(tmp_path) as store:
        await reminders_of(store, phones, clock).send_due()
    assert phones.got == [(OTHER, "fr first"), (CHAT, "fr second")]


async def test_two_processes_send_one_message(tmp_path, clock):
    """Two stores on one file, both looking at the same moment, fifty reminders."""
    phones = Phones()
    async with open_store(tmp_path) as one, open_store(tmp_path) as two:
        for chat in range(50):
            await one.remind(chat, reminder())
        both = (reminders_of(one, phones, clock), reminders_of(two, phones, clock))
        await asyncio.gather(*(reminders.send_due() for reminders in both))
    assert Counter(chat for chat, _ in phones.got) == Counter(range(50))


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("Forbidden: bot was blocked by the user"),
        BadRequest("Chat not found"),
        ChatMigrated(-100),
    ],
    ids=["blocked", "not found", "migrated"],
)
async def test_who_is_gone_is_not_written_to_again(store, phones, clock, error):
    """All reminders of the chat are dropped, and only of this chat."""
    await store.remind(CHAT, reminder(NOON - MINUTE))
    await store.remind(CHAT, reminder(NOON + DAY))
    await store.remind(OTHER, reminder())
    phones.errors = [error]
    await reminders_of(store, phones, clock).send_due()
    assert await store.reminders(CHAT) == []
    assert phones.got == [(OTHER, "fr reply")]


async def test_stopped_means_not_sent(store, phones, clock):
    """Also when it is stopped while others are being sent."""

    class Stopping(Phones):
        async def send(self, reply, chat):
            await super().send(reply, chat)
            await store.stop_reminders(CHAT)

    phones = Stopping()
    await store.remind(OTHER, reminder(NOON - MINUTE))
    await store.remind(CHAT, reminder())
    await reminders_of(store, phones, clock).send_due()
    assert phones.got == [(OTHER, "fr reply")]


NOT_NOW = {
    "connection broke": NetworkError("httpx.ReadError: "),
    "502": NetworkError("Bad Gateway"),
    "token": InvalidToken(),
    "slow down": RetryAfter(40),
    "no connection in time": timed_out(httpx.ConnectTimeout("")),
    "no free connection in time": timed_out(httpx.PoolTimeout("")),
}


@pytest.mark.parametrize("error", NOT_NOW.values(), ids=NOT_NOW)
async def test_what_cannot_be_sent_now_is_sent_later(store, phones, clock, error):
    """Nothing is lost, and the others wait too: it concerns all of them."""
    await store.remind(CHAT, reminder(NOON - MINUTE))
    await store.remind(OTHER, reminder())
    reminders = reminders_of(store, phones, clock)
    phones.errors = [error]
    await reminders.send_due()
    assert phones.got == []
    clock.time = NOON + MINUTE
    await reminders.send_due()
    assert sorted(phones.got) == [(OTHER, "fr reply"), (CHAT, "fr reply")]


async def test_the_wait_grows(store, phones, clock):
    """A minute, two, four, at most the longest; it is tried as long as it takes."""
    await store.remind(CHAT, reminder())
    reminders = reminders_of(store, phones, clock)
    waits = []
    for _ in range(200):
        phones.errors = [NetworkError("x")]
        await reminders.send_due()
        next_due = await store.next_due()
        waits.append(next_due - clock.time)
        clock.time = next_due
    assert waits[:6] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, LONGEST_DELAY, LONGEST_DELAY]
    await reminders.send_due()
    assert phones.got == [(CHAT, "fr reply")]


async def test_told_to_slow_down_it_does(store, phones, clock):
    """As long as Telegram says, though that is more than our own longest wait."""
    await store.remind(CHAT, reminder())
    phones.errors = [RetryAfter(7_200)]
    await reminders_of(store, phones, clock).send_due()
    assert await store.next_due() == NOON + timedelta(hours=2)


@pytest.mark.parametrize("cause", [None, httpx.ReadTimeout(""), httpx.WriteTimeout("")])
async def test_what_may_have_arrived_is_not_sent_again(store, phones, clock, caplog, cause):
    """A timeout after the request was on its way counts as sent, and the log says so."""
    await store.remind(CHAT, reminder())
    reminders = reminders_of(store, phones, clock)
    phones.errors = [timed_out(cause)]
    await reminders.send_due()
    clock.time = NOON + DAY
    await reminders.send_due()
    assert phones.got == []
    assert await store.next_due() is None
    assert "may not have arrived" in caplog.text


@pytest.mark.parametrize("fault", ["refused", "cannot be made"])
async def test_an_error_of_ours_holds_up_nobody(store, phones, clock, caplog, fault):
    """The others are sent; it is tried again, as an upgrade may mend it, and then given up."""
    refused = BadRequest("Can't parse entities: unsupported start tag")
    await store.remind(CHAT, reminder(NOON - MINUTE, "reply" if fault == "refused" else "unknown"))
    await store.remind(OTHER, reminder())
    reminders = reminders_of(store, phones, clock)
    phones.errors = [refused] if fault == "refused" else []
    await reminders.send_due()
    assert phones.got == [(OTHER, "fr reply")]
    assert len(await store.reminders(CHAT)) == 1
    for _ in range(MOST_REFUSALS):
        clock.time += LONGEST_DELAY
        phones.errors = [refused] if fault == "refused" else []
        await reminders.send_due()
    assert await store.reminders(CHAT) == []
    assert clock.time - NOON > DAY
    assert caplog.records


async def test_a_crash_between_claim_and_send(tmp_path, clock):
    """Whoever is there when the lease is over sends it, once."""
    phones = Phones()
    async with open_store(tmp_path) as crashed:
        await crashed.remind(CHAT, reminder())
        await crashed.take_due(NOON, LEASE)
    async with open_store(tmp_path) as store:
        reminders = reminders_of(store, phones, clock)
        clock.time = NOON + LEASE - timedelta(seconds=1)
        await reminders.send_due()
        assert phones.got == []
        clock.time = NOON + LEASE
        await reminders.send_due()
        await reminders.send_due()
    assert phones.got == [(CHAT, "fr reply")]


async def test_a_crash_between_send_and_delete(tmp_path, clock):
    """Sent a second time after the lease: rather twice than not at all."""
    phones = Phones()
    async with open_store(tmp_path) as disk:
        crashed = Unlucky(disk)
        await disk.remind(CHAT, reminder())
        crashed.failing = {"settle"}
        await reminders_of(crashed, phones, clock).send_due()
    async with open_store(tmp_path) as store:
        reminders = reminders_of(store, phones, clock)
        await reminders.send_due()
        assert len(phones.got) == 1
        clock.time = NOON + LEASE
        await reminders.send_due()
        clock.time += DAY
        await reminders.send_due()
    assert phones.got == [(CHAT, "fr reply")] * 2


async def test_a_disk_that_fails_after_the_send(store, phones, clock, caplog):
    """Who is still running deletes it before anything else: not sent again, lease or not."""
    await store.remind(CHAT, reminder())
    disk = Unlucky(store)
    disk.failing = {"settle"}
    reminders = reminders_of(disk, phones, clock)
    for _ in range(3):
        await reminders.send_due()
        clock.time += 2 * LEASE
    disk.failing = set()
    await reminders.send_due()
    assert phones.got == [(CHAT, "fr reply")]
    assert await store.next_due() is None
    assert "reminders cannot be stored: OSError" in caplog.text


@pytest.mark.parametrize("failing", ["take_due", "release", "forget", "next_due"])
async def test_a_disk_that_fails_loses_nothing(store, phones, clock, failing):
    """Logged, the loop goes on, and when the disk is back all is sent once."""
    await store.remind(CHAT, reminder())
    disk = Unlucky(store)
    disk.failing = {failing}
    stop = asyncio.Event()
    phones.errors = {
        "release": [NetworkError("x")],
        "forget": [Forbidden("x")],
    }.get(failing, [])
    waits = []

    async def wait(seconds, /, *_):
        waits.append(seconds)
        clock.time += timedelta(seconds=seconds)
        if len(waits) == 4:
            disk.failing = set()
        if len(waits) == 100:
            stop.set()

    await reminders_of(disk, phones, clock, wait).run(stop)
    assert phones.got == [(CHAT, "fr reply")]
    assert max(waits) == LONGEST_WAIT_S


async def test_a_clock_that_goes_back(store, phones, clock):
    """What was sent is gone, and is not sent again when its time comes round once more."""
    await store.remind(CHAT, reminder())
    await store.remind(OTHER, reminder(NOON + MINUTE))
    reminders = reminders_of(store, phones, clock)
    for minutes in (0, -60, 0, 1, -60, 0, 1, 60):
        clock.time = NOON + minutes * MINUTE
        await reminders.send_due()
    assert phones.got == [(CHAT, "fr reply"), (OTHER, "fr reply")]


async def test_the_loop_sends_within_a_minute(store, phones, clock):
    """It waits until the next is due, at most half a minute, and ends when told."""
    for seconds in (70, 75, 200):
        await store.remind(seconds, reminder(NOON + timedelta(seconds=seconds)))
    stop = asyncio.Event()
    waits, sent = [], {}

    async def wait(seconds, /, *_):
        for chat, _text in phones.got:
            sent.setdefault(chat, (clock.time - NOON).total_seconds())
        waits.append(seconds)
        clock.time += timedelta(seconds=seconds)
        if clock.time > NOON + timedelta(minutes=5):
            stop.set()

    await reminders_of(store, phones, clock, wait).run(stop)
    assert sent == {70: 70, 75: 75, 200: 200}
    assert waits[:4] == [30, 30, 10, 5]
    assert all(1 <= seconds <= 30 for seconds in waits)


async def test_the_loop_never_spins(store, phones, clock):
    """Something due that cannot be taken, say for a race: it still waits before it looks again."""

    class Elsewhere(Unlucky):
        async def next_due(self):
            return NOON - MINUTE

    stop = asyncio.Event()
    waits = []

    async def wait(seconds, /, *_):
        waits.append(seconds)
        stop.set()

    await reminders_of(Elsewhere(store), phones, clock, wait).run(stop)
    assert waits == [1]


async def test_a_new_reminder_wakes_the_loop(store, phones, clock):
    """Stored while it waits for nothing: looked at without waiting to the end."""
    stop = asyncio.Event()
    reminders = None
    waited = []

    async def wait(seconds, /, *events):
        waited.append(seconds)
        if len(waited) == 1:
            await store.remind(CHAT, reminder())
            reminders.wake()
            assert any(event.is_set() for event in events)
        else:
            assert not any(event.is_set() for event in events)
            stop.set()

    reminders = reminders_of(store, phones, clock, wait)
    await reminders.run(stop)
    assert phones.got == [(CHAT, "fr reply")]
    assert len(waited) == 2


async def test_waking_does_not_shorten_a_pause(store, phones, clock):
    """Telegram asked for an hour; a new reminder is no reason to ask it earlier."""
    await store.remind(CHAT, reminder())
    phones.errors = [RetryAfter(3_600)]
    stop = asyncio.Event()
    reminders = None

    async def wait(seconds, /, *events):
        reminders.wake()
        assert seconds == 3_600
        assert events == (stop,)
        stop.set()

    reminders = reminders_of(store, phones, clock, wait)
    await reminders.run(stop)
    assert phones.got == []


async def test_the_real_wait_ends_by_time_and_by_event():
    """No task of it is left behind either way."""
    one, two = asyncio.Event(), asyncio.Event()
    await wait_for_any(0.001, one, two)
    two.set()
    await asyncio.wait_for(wait_for_any(3_600, one, two), 10)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("way", ["stop", "cancel"])
async def test_ending_leaves_nothing_half_done(store, clock, way):
    """The message under way is sent and deleted; the next one is not touched."""
    sending, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Phones):
        async def send(self, reply, chat):
            sending.set()
            await go_on.wait()
            await super().send(reply, chat)

    phones = Slow()
    await store.remind(CHAT, reminder(NOON - MINUTE))
    await store.remind(OTHER, reminder())
    stop = asyncio.Event()
    running = asyncio.ensure_future(reminders_of(store, phones, clock, wait_for_any).run(stop))
    await sending.wait()
    if way == "stop":
        stop.set()
    else:
        running.cancel()
    go_on.set()
    with suppress(asyncio.CancelledError):
        await running
    assert running.cancelled() == (way == "cancel")
    assert phones.got == [(CHAT, "fr reply")]
    assert await store.reminders(CHAT) == []
    taken = await store.take_due(NOON, LEASE)
    assert (taken.chat, taken.tries) == (OTHER, 1)


async def test_the_log_names_nobody(store, phones, clock, caplog):
    """Kind, language and outcome; no id and no text."""
    caplog.set_level(logging.INFO)
    await store.remind(CHAT, reminder())
    phones.errors = [NetworkError("x")]
    reminders = reminders_of(store, phones, clock)
    await reminders.send_due()
    clock.time += MINUTE
    await reminders.send_due()
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("bot.")]
    assert lines == [
        "a reminder has to wait: NetworkError",
        "reminder kind=reply language=fr outcome=not_now try=1 late_s=0",
        "reminder kind=reply language=fr outcome=sent try=2 late_s=60",
    ]


@pytest.mark.parametrize(
    ("fault", "kept"),
    [
        (None, 0),
        (Fault(method="sendMessage", code=403), 0),
        (Fault(method="sendMessage", code=500), 1),
        (Fault(method="sendMessage", code=429, retry_after=3_600), 1),
        (Fault(method="sendMessage", drop=True), 1),
    ],
    ids=["sent", "blocked", "500", "slow down", "dropped"],
)
async def test_through_the_real_bot(store, clock, fault, kept):
    """The errors are those that the library really raises; nobody is told twice."""
    async with (
        serve("127.0.0.1", 0) as sandbox,
        plain_bot(sandbox.token, base_url=sandbox.api_url) as bot,
    ):
        chat = sandbox.api.join("fr")
        await store.remind(chat.id, reminder())
        reminders = reminders_of(store, Sender(bot), clock)
        sandbox.api.faults.extend([fault] if fault else [])
        await reminders.send_due()
        assert len(await store.reminders(chat.id)) == kept
        clock.time += DAY
        await reminders.send_due()
        texts = [message["text"] for message in chat.messages.values()]
        assert texts == (["fr reply"] if kept or not fault else [])


async def test_a_chat_that_telegram_does_not_know(store, clock):
    """Its reminders are dropped at the words with which Telegram says so."""
    async with (
        serve("127.0.0.1", 0) as sandbox,
        plain_bot(sandbox.token, base_url=sandbox.api_url) as bot,
    ):
        await store.remind(CHAT, reminder(NOON + DAY))
        await store.remind(CHAT, reminder())
        await reminders_of(store, Sender(bot), clock).send_due()
        assert await store.next_due() is None


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (httpx.ConnectTimeout, 1),
        (httpx.PoolTimeout, 1),
        (httpx.ConnectError, 1),
        (httpx.WriteTimeout, 0),
        (httpx.ReadTimeout, 0),
    ],
)
async def test_timeouts_as_the_library_raises_them(store, clock, error, kept):
    """What never left is kept; what was on its way is not sent again."""

    def fail(request):
        raise error("x", request=request)

    request = HTTPXRequest(httpx_kwargs={"transport": httpx.MockTransport(fail)})
    await store.remind(CHAT, reminder())
    sender = Sender(Bot("123456:token", request=request))
    await reminders_of(store, sender, clock).send_due()
    await request.shutdown()
    assert len(await store.reminders(CHAT)) == kept


class Baton:
    """Lets one of several processes go from one step to its next: plays any interleaving."""

    def __init__(self):
        self._waiting = {}
        self._parked = asyncio.Event()
        self._open = False

    async def park(self, process):
        """Stand still until it is this process's turn."""
        if not self._open:
            self._waiting[process] = asyncio.get_running_loop().create_future()
            self._parked.set()
            await self._waiting[process]

    async def step(self, process):
        """Let a process do its next step, and wait until it stands still again."""
        self._parked.clear()
        self._waiting.pop(process).set_result(None)
        await self._parked.wait()

    def open(self):
        """From now on nobody stands still."""
        self._open = True
        for waiting in self._waiting.values():
            waiting.set_result(None)


class Stepping:
    """Whatever it wraps, with a stop before and after each call."""

    def __init__(self, wrapped, baton, process):
        self._wrapped, self._baton, self._process = wrapped, baton, process

    def __getattr__(self, name):
        async def call(*values):
            await self._baton.park(self._process)
            try:
                return await getattr(self._wrapped, name)(*values)
            finally:
                await self._baton.park(self._process)

        return call


ACTIONS = st.one_of(
    st.tuples(st.just("step"), st.integers(0, 1)),
    st.tuples(st.just("step"), st.integers(0, 1)),
    st.tuples(st.just("step"), st.integers(0, 1)),
    st.tuples(st.just("clock"), st.integers(-20, 20)),
    st.tuples(st.just("remind"), st.integers(1, 4)),
    st.tuples(st.just("stop"), st.integers(1, 4)),
    st.tuples(st.just("fail"), st.sampled_from([RetryAfter(5), NetworkError("x")])),
)


STEPS = 7
"""More than a process needs from a claim to the next."""


class Play:
    """Two processes on one file, moved by actions, and what they ought to send."""

    def __init__(self, stores):
        self.clock, self.phones, self.baton = Clock(), Phones(), Baton()
        self.stores = stores
        self.asked, self.stopped = Counter(), set()
        self.processes = [asyncio.ensure_future(self._look(number)) for number in range(2)]

    async def begin(self):
        """Let both processes come to their first step."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _look(self, number):
        reminders = reminders_of(
            Stepping(self.stores[number], self.baton, number),
            Stepping(self.phones, self.baton, number),
            self.clock,
        )
        while True:
            await reminders.send_due()

    async def act(self, name, value):
        match name:
            case "step":
                await self.baton.step(value)
            case "clock":
                # By less than a lease in all: a process that sleeps longer loses its claim.
                moved = self.clock.time + timedelta(seconds=value)
                if abs(moved - NOON) < LEASE / 4:
                    self.clock.time = moved
            case "remind":
                kind = f"kind {self.asked.total()}"
                await self.stores[0].remind(value, reminder(NOON, kind))
                self.asked[value] += 1
            case "stop":
                await self.stores[1].stop_reminders(value)
                self.stopped.add(value)
            case "fail":
                self.phones.errors.append(value)

    async def finish(self, alive):
        """Let the processes that are alive send all; time passes when nothing is in hand."""
        self.phones.errors.clear()
        for _ in range(100 * STEPS):
            next_due = await self.stores[0].next_due()
            for _ in range(STEPS):
                for process in alive:
                    await self.baton.step(process)
            if next_due is None:
                return
            if next_due > self.clock.time:
                # Those steps have finished what was claimed before; look again for what is left.
                self.clock.time = max(await self.stores[0].next_due() or NOON, self.clock.time)
        raise AssertionError("a reminder is never sent")

    async def end(self):
        """End both, also the one that crashed: it does nothing more that is counted."""
        self.baton.open()
        for process in self.processes:
            process.cancel()
        await asyncio.gather(*self.processes, return_exceptions=True)


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory):
    """What runs coroutines, and two stores on one file: opened once, as that takes longest."""
    folder = tmp_path_factory.mktemp("played")
    stack = AsyncExitStack()

    async def open_both():
        stores = [await stack.enter_async_context(open_store(folder)) for _ in range(2)]
        for store in stores:
            # The machine does not crash.
            await store._do(lambda rows: rows.connection.execute("PRAGMA synchronous = OFF"))
        return stores

    with asyncio.Runner() as runner:
        yield runner.run, runner.run(open_both())
        runner.run(stack.aclose())


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=40), crash=st.booleans())
def test_no_interleaving_loses_or_repeats_a_reminder(two_stores, actions, crash):
    """Two processes, step by step in any order, under errors, stops and a wandering clock.

    What was asked for and not stopped is sent exactly once. When one of them crashes where it
    stands, at most what it had in hand is sent twice, and nothing is lost.
    """
    run, stores = two_stores

    async def play():
        await stores[0]._do(lambda rows: rows.connection.execute("DELETE FROM reminders"))
        played = Play(stores)
        await played.begin()
        for action in [("step", 0), ("step", 1), ("remind", 1), ("remind", 2), *actions]:
            await played.act(*action)
        await played.finish([1] if crash else [0, 1])
        sent = Counter(chat for chat, _ in played.phones.got)
        await played.end()
        return played, sent

    played, sent = run(play())
    for chat, times in played.asked.items():
        assert sent[chat] <= times + crash
        assert sent[chat] >= times or chat in played.stopped
    assert sent.total() <= played.asked.total() + crash
