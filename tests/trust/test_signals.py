"""Told to stop it stops in order, told to read its content anew it does, and its exit status says
what its host has to do."""

import asyncio
import json
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import closing

import pytest
from trust.hosted import DEADLINE_S, ROOT, STOP_S, Hosted, Town, hosting, running

from bot.sandbox.bot_api import Fault
from bot.sandbox.server import serve
from bot.tg.inbox import Inbox

TWO_QUESTIONS = "Is it too late to object? Are my private messages used?"
"""Answered by two messages: a turn that can be cut in half."""


def texts(resident) -> list[str]:
    return [message["text"] for message in resident.answers]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_under_load_nobody_is_answered_half_twice_or_not_at_all(number, tmp_path):
    """Exit status 0 within ten seconds; what was confirmed to Telegram is answered whole, and what
    was not is answered after the next start, once."""
    async with running(tmp_path) as hosted:
        town = hosted.town
        calm = town.move_in("en")
        whole = [m["text"] for m in await calm.say(TWO_QUESTIONS, shows=2)]
        crowd = [town.move_in("en") for _ in range(60)]
        town.spoken.clear()
        updates = [await town.say(one.chat, TWO_QUESTIONS) for one in crowd]
        await town.spoken.wait()  # they are being answered
        hosted.signal(number)
        assert await hosted.ended(STOP_S) == 0, hosted.err
        for one, update in zip(crowd, updates, strict=True):
            if update <= town.confirmed:
                assert texts(one) == whole
            else:
                assert texts(one) in ([], whole), "cut in half"
        await hosted.start()
        await hosted.listening()
        await asyncio.gather(*(one.until(lambda o=one: len(o.answers) >= 2) for one in crowd))
        assert await hosted.stop() == 0
        assert [texts(one) for one in crowd] == [whole] * len(crowd)


async def test_told_to_stop_in_the_moment_in_which_a_turn_ends():
    """Whoever waits for turns to end can be stopped, also when the last of them ends in the same
    moment: a stop that is swallowed there lasts for a whole round of polling, twenty seconds."""
    inbox = Inbox()
    assert inbox.take(1)
    waiting = asyncio.create_task(inbox.settled([1], DEADLINE_S))
    await asyncio.sleep(0)  # it waits now
    inbox.done(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.fixture
def content(tmp_path):
    """A copy of the content, to change."""
    for name in ("faq", "locales"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


async def test_new_content_is_taken_and_broken_content_is_not(content, tmp_path):
    """SIGHUP: the new answer is given; broken content leaves the old one, and the log names file
    and line. Nobody notices anything but the new words."""
    folders = {"FAQ_DIR": str(content / "faq"), "LOCALES_DIR": str(content / "locales")}
    async with running(tmp_path / "host", **folders) as hosted:
        who = hosted.town.move_in("en")
        (old,) = await who.say("/language")
        file = content / "locales" / "en.yaml"
        good = file.read_text(encoding="utf-8")
        lines = len(good.splitlines())

        file.write_text(f"{good}help:\n  text: twice\n", encoding="utf-8")
        hosted.signal(signal.SIGHUP)
        await hosted.err.until(f"en.yaml:{lines + 1}".encode())
        assert (await who.say("/language"))[0]["text"] == old["text"]
        status, said = await hosted.order("health")
        assert status == 0, said  # it answers people as before

        assert old["text"].startswith("Language")
        file.write_text(good.replace("**Language**", "**Rhubarb**"), encoding="utf-8")
        hosted.signal(signal.SIGHUP)
        await hosted.err.until(b"new content was taken")
        assert (await who.say("/language"))[0]["text"].startswith("Rhubarb")
        assert await hosted.stop() == 0


async def test_a_second_bot_on_the_same_folder_says_so_and_ends(tmp_path):
    """Status 2, one line, and the first one is not disturbed."""
    async with running(tmp_path) as hosted, serve("127.0.0.1", 0, Town()) as elsewhere:
        town = elsewhere.api
        second = Hosted(town, elsewhere.api_url, tmp_path)
        assert await second.run() == 2
        assert "another bot runs on DATA_DIR" in str(second.err)
        assert len(str(second.err).splitlines()) == 1
        assert await hosted.town.move_in("en").say("/start")
        assert await hosted.stop() == 0


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        pytest.param({"method": "getUpdates", "code": 409}, 4, "another program", id="conflict"),
        pytest.param({"method": "getUpdates", "code": 401}, 3, "@BotFather", id="withdrawn token"),
        pytest.param({"method": "getMe", "code": 401}, 3, "@BotFather", id="unknown token"),
    ],
)
async def test_who_may_not_listen_ends_with_a_status_of_its_own(fault, status, words, tmp_path):
    """Another instance: 4; a refused token: 3; in each case with what to do."""
    async with hosting(tmp_path) as hosted:
        hosted.town.faults.append(Fault(**fault, times=0))
        assert await hosted.run() == status
        assert words in str(hosted.err)


async def test_who_cannot_hear_any_more_ends_to_be_started_anew(tmp_path):
    """What fetches updates dies of an answer that nobody can read: status 5, never deaf for ever."""
    limit = sys.getrecursionlimit()
    async with running(tmp_path) as hosted:
        nested: list = []
        for _ in range(5_000):
            nested = [nested]
        try:
            sys.setrecursionlimit(20_000)  # the sandbox has to write it, and the bot cannot read it
            await hosted.town.feed({"message": nested})
            assert await hosted.ended() == 5
        finally:
            sys.setrecursionlimit(limit)
        assert "ending, to be started anew" in str(hosted.err)


async def test_health_is_good_while_it_hears_and_bad_when_not(tmp_path):
    """`optout-bot health`: 0 while the bot runs and hears; 1 when it is deaf, was killed, was
    stopped, or its database is damaged."""
    async with running(tmp_path) as hosted:
        await hosted.town.move_in("en").say("/start")
        status, said = await hosted.order("health")
        assert status == 0, said
        file = hosted.data / "health.json"
        state = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**state, "heard": int(time.time()) - 120}), encoding="utf-8")
        status, said = await hosted.order("health")
        assert (status, "deaf" in said) == (1, True), said
        file.write_text(json.dumps(state), encoding="utf-8")
        await hosted.kill()
        status, said = await hosted.order("health")
        assert status == 1, said
        assert "ended" in said


async def test_health_is_bad_when_the_database_is_damaged(tmp_path):
    """A page of the database turned into rubbish is seen from outside."""
    async with running(tmp_path) as hosted:
        who = hosted.town.move_in("en")
        await who.say("/language")
        await who.tap("English")
        database = hosted.data / "bot.sqlite3"
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        spoil(database)
        status, said = await hosted.order("health")
        assert status == 1, said


def spoil(database) -> None:
    """Turn all pages but the first into rubbish."""
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * (database.stat().st_size - 4096))
