"""Slow, broken, full, locked: the bot goes on, nobody's update is lost, and it says what is wrong."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from trust.hosted import Hosted, hosting, running
from trust.test_signals import spoil

from bot.dialogue.reminding import Reminder
from bot.sandbox.bot_api import Fault
from bot.storage.sqlite import open_store
from bot.tg.buckets import Buckets, Verdict
from bot.tg.reminders import Reminders

CALLS = ("getUpdates", "sendMessage", "editMessageText", "answerCallbackQuery", "sendDocument")


async def test_two_seconds_of_latency_on_every_call_lose_nothing(tmp_path):
    """Twelve people at once, each call takes two seconds: all are answered, side by side."""
    async with running(tmp_path) as hosted:
        hosted.town.latency_s = 2.0
        crowd = [hosted.town.move_in("de") for _ in range(12)]
        await asyncio.gather(*(one.say("ist es schon zu spät?") for one in crowd))
        hosted.town.latency_s = 0.0
        assert all(len(one.answers) == 1 for one in crowd)
        await crowd[0].say("/start")
        assert await hosted.stop() == 0


async def test_errors_on_every_call_lose_nothing(tmp_path):
    """Each kind of call fails twice, with 500 and with a gateway's page (as in a bad minute at
    Telegram's): texts and buttons of everybody are answered all the same, once."""
    async with running(tmp_path) as hosted:
        town = hosted.town
        typing, pressing = ([town.move_in("en") for _ in range(4)] for _ in range(2))
        await asyncio.gather(*(one.say("/topics") for one in pressing))
        for method in CALLS:
            town.faults.append(Fault(method, 500))
            town.faults.append(Fault(method, 502, body="not json"))
        await asyncio.gather(
            *(one.say("is it too late?") for one in typing),
            *(one.press(one.answers[-1]["message_id"], "1.en.p.help") for one in pressing),
        )
        assert {fault.method for fault in town.faults} <= {"sendDocument"}, "not all struck"
        assert [len(one.answers) for one in (*typing, *pressing)] == [1] * 8
        assert await hosted.stop() == 0


@pytest.mark.parametrize("drop", ["before", "after"])
async def test_a_connection_that_breaks_loses_no_update_and_sends_nothing_twice(drop, tmp_path):
    """A request for updates that breaks off is asked again. A message that breaks off is not
    repeated, for it may have arrived; a button's new screen is, for that does no harm."""
    async with running(tmp_path) as hosted:
        town = hosted.town
        who = town.move_in("en")
        await who.say("/topics")
        town.faults += [Fault(method, drop=drop) for method in CALLS if method != "sendMessage"]
        await who.press(who.answers[-1]["message_id"], "1.en.p.help")
        town.faults.append(Fault("sendMessage", drop=drop))
        other = town.move_in("en")
        await town.say(other.chat, "is it too late?")
        await other.say("/topics", shows=2 if drop == "after" else 1)
        assert len(other.answers) == (2 if drop == "after" else 1)
        assert len(who.answers) == 1
        assert not town.unanswered
        assert await hosted.stop() == 0


async def test_a_locked_database_keeps_nobody_waiting_but_who_wants_something_kept(tmp_path):
    """Another process holds the database: questions are answered meanwhile; who chooses a language
    is told that it could not be kept; after it, it can."""
    async with running(tmp_path) as hosted:
        who, other = hosted.town.move_in("en"), hosted.town.move_in("en")
        await who.say("/language")
        with closing(sqlite3.connect(hosted.data / "bot.sqlite3", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            choosing = asyncio.create_task(who.tap("Français"))
            await other.say("is it too late?")
            assert not choosing.done()
            await choosing
            lock.execute("ROLLBACK")
        assert b"storage cannot be written" in hosted.err.written
        assert len(await kept(hosted, "chosen")) == 0
        await who.say("/language")
        await who.tap("Français")
        assert len(await kept(hosted, "chosen")) == 1
        assert await hosted.stop() == 0


async def kept(hosted: Hosted, table: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{hosted.data}/bot.sqlite3?mode=ro", uri=True)) as one:
        return one.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608


async def test_on_a_full_disk_questions_are_answered_and_what_was_kept_is_kept(tmp_path):
    """No file may grow any more (`ulimit -f`, which the bot meets as a disk that is full): it
    answers, says that it cannot keep a choice, stops in order; the database is whole."""
    async with hosting(tmp_path) as hosted:
        who = hosted.town.move_in("en")
        await hosted.start()
        await hosted.listening()
        await who.say("/language")
        await who.tap("Nederlands")
        assert await hosted.stop() == 0
        before = await kept(hosted, "chosen")
        assert len(before) == 1

        await hosted.start(limits="-f 4")  # blocks of 512 bytes: not one page of a log
        await hosted.listening()
        other = hosted.town.move_in("en")
        await other.say("/language")
        await other.tap("Français")
        assert len(await other.say("is it too late?")) == 1
        assert b"storage cannot be written" in hosted.err.written
        assert await hosted.stop() == 0

        assert await kept(hosted, "chosen") == before
        await hosted.start()
        await hosted.listening()
        await other.say("/language")
        await other.tap("Français")
        assert len(await kept(hosted, "chosen")) == 2
        assert await hosted.stop() == 0


async def test_a_damaged_database_is_not_started_on_and_is_set_aside_when_told(tmp_path):
    """Status 2 and a line that says what to do; nothing is deleted. With --set-aside-damaged the
    file is put aside and the bot begins anew."""
    async with running(tmp_path) as hosted:
        who = hosted.town.move_in("en")
        await who.say("/language")
        await who.tap("Nederlands")
        assert await hosted.stop() == 0
        database = hosted.data / "bot.sqlite3"
        spoil(database)
        damaged = database.read_bytes()

        assert await hosted.run() == 2
        assert len(str(hosted.err).splitlines()) == 1, str(hosted.err)
        assert "--set-aside-damaged" in str(hosted.err)
        assert database.read_bytes() == damaged

        await hosted.start("--set-aside-damaged")
        await hosted.listening()
        await who.say("/start")
        aside = [file for file in hosted.data.iterdir() if "damaged" in file.name]
        assert [file.read_bytes() for file in aside if "wal" not in file.name] == [damaged]
        assert await hosted.stop() == 0


class Post:
    """Takes reminders, in the place of Telegram."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    async def send(self, _, chat: int) -> None:
        self.sent.append(chat)


async def test_a_clock_that_goes_back_sends_no_reminder_twice_and_loses_none(tmp_path):
    """An hour back, between two reminders, again and again: each is sent once, when it is due."""
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    clock = [noon]
    post = Post()
    async with open_store(tmp_path) as store:
        for chat in (1, 2, 3):
            due = noon + timedelta(minutes=chat)
            assert await store.remind(chat, Reminder("receipt", due, "en"))
        reminders = Reminders(store, lambda _: None, post, now=lambda: clock[0])
        for chat in (1, 2, 3):
            clock[0] = noon + timedelta(minutes=chat)
            await reminders.send_due()
            clock[0] = noon - timedelta(hours=1)
            await reminders.send_due()
            assert post.sent == [*range(1, chat + 1)]
        clock[0] = noon + timedelta(days=1)
        await reminders.send_due()
        assert post.sent == [1, 2, 3]
        assert await store.next_due() is None


def test_a_clock_that_goes_back_gives_and_takes_nobody_anything():
    """The bucket of a person neither fills by a step of the clock back nor stays empty for it."""
    clock = [1_000.0]
    buckets = Buckets(lambda: clock[0], burst=2, per_second=1)
    assert [buckets.take(1) for _ in range(3)] == [Verdict.WELCOME, Verdict.WELCOME, Verdict.NOTICE]
    clock[0] -= 500
    assert buckets.take(1) is Verdict.REFUSED
    clock[0] += 1
    assert buckets.take(1) is Verdict.WELCOME
