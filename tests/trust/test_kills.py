"""Killed at any moment, again and again, on the same folder: what was kept is kept, and whoever
waited for an answer gets one after the next start.

`TRUST_ROUNDS=200 TRUST_SEED=1 pytest -s tests/trust/test_kills.py` gives the figures of
docs/reliability.md.
"""

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trust.hosted import DEADLINE_S, STOP_S, Resident, hosting
from trust.nursery import Child

from bot.dialogue.reminding import Reminder
from bot.knowledge.flow import REMINDERS
from bot.storage.schema import SCHEMA_VERSION
from bot.storage.sqlite import open_store

ROUNDS = int(os.environ.get("TRUST_ROUNDS", "6"))
SEED = int(os.environ.get("TRUST_SEED", "20261122"))
QUESTIONS = (
    "is it too late?",
    "Is it too late to object? Are my private messages used?",
    "/privacy",
)
"""Answered by one message, by two, by one."""


class Executioner:
    """Kills at the moment that was drawn: before or after the n-th call is carried out, or some
    milliseconds later, when nothing is to be seen from outside. Until then the load does not end:
    for each answer somebody else asks."""

    def __init__(self, dice: random.Random, child: Child, ask: Callable[[], None]) -> None:
        self._left = dice.randrange(1, 50)
        self._when = dice.choice(["before", "after"])
        self._later_s = dice.choice([0.0, 0.0, dice.random() / 50])
        self._child = child
        self._ask = ask
        self.struck = asyncio.Event()

    def watch(self, method: str, when: str) -> None:
        """Told of each call, before and after it is carried out."""
        if self.struck.is_set():
            return
        if when == "after" and method == "sendmessage":
            self._ask()
        if when != self._when:
            return
        self._left -= 1
        if self._left > 0:
            return
        self.struck.set()
        if self._later_s:
            asyncio.get_running_loop().call_later(self._later_s, self._child.kill)
        else:
            self._child.kill()


async def test_nothing_kept_is_lost_by_a_kill(tmp_path):
    """After each kill the database is whole; at the end every reminder was sent, every choice is
    kept, and everybody who asked was answered to the end. What came twice is counted."""
    dice = random.Random(SEED)
    async with hosting(tmp_path) as hosted:
        town = hosted.town
        output = tmp_path / "output"
        database = hosted.data / "bot.sqlite3"
        asked: dict[Resident, str] = {}
        choosing: list[Resident] = []
        reminded: list[Resident] = []
        faults: list[str] = []
        asking: set[asyncio.Task[int]] = set()

        def ask() -> None:
            who = town.move_in("en")
            asked[who] = dice.choice(QUESTIONS)
            task = asyncio.ensure_future(town.say(who.chat, asked[who]))
            asking.add(task)
            task.add_done_callback(asking.discard)

        for _ in range(ROUNDS):
            for _ in range(dice.randrange(3, 9)):
                ask()
            choosing.append(town.move_in("en"))
            await town.press(choosing[-1].chat, 1, "1.fr.l.set")
            due = [town.move_in("en") for _ in range(dice.randrange(2, 6))]
            reminded += due
            await remind(hosted.data, due, dice)

            child = Child(hosted.settings, str(output))
            executioner = Executioner(dice, child, ask)
            town.on_call = executioner.watch
            async with asyncio.timeout(DEADLINE_S):
                await executioner.struck.wait()
            assert await child.ended(DEADLINE_S) == -9, output.read_text()
            town.on_call = lambda _, __: None
            if fault := fault_of(database):
                faults.append(fault)

        leases_over(database)
        child = Child(hosted.settings, str(output))
        for who in reminded:
            await who.until(lambda w=who: bool(w.answers), "a reminder")
        newest = town.move_in("en")
        await newest.say("/start")
        # What Telegram still had was before this, and is in work or done now: a stop ends it.
        await town.settled(await town.say(newest.chat, "/start"))
        child.stop()
        assert await child.ended(STOP_S) == 0, output.read_text()

        whole = {text: 2 if text == QUESTIONS[1] else 1 for text in QUESTIONS}
        times = [len(who.answers) / whole[text] for who, text in asked.items()]
        chosen = count(database, "chosen")
        figures = {
            "kills": ROUNDS,
            "seed": SEED,
            "damaged databases": len(faults),
            "reminders": len(reminded),
            "reminders lost": sum(not who.answers for who in reminded),
            "reminders sent twice": sum(len(who.answers) > 1 for who in reminded),
            "choices of a language": len(choosing),
            "choices lost": len(choosing) - chosen,
            "questions": len(asked),
            "questions not answered": sum(n == 0 for n in times),
            "questions answered in half": sum(0 < n < 1 for n in times),
            "questions answered twice, or in part twice": sum(n > 1 for n in times),
        }
        print(*(f"{name}: {figure}" for name, figure in figures.items()), sep="\n")  # noqa: T201
        assert not faults
        assert count(database, "reminders") == 0
        assert "Traceback" not in output.read_text()
        for lost in ("reminders lost", "choices lost", "questions not answered",
                     "questions answered in half"):  # fmt: skip
            assert figures[lost] == 0, lost


async def test_a_reminder_that_was_sent_is_deleted_at_once(tmp_path):
    """Killed between sending and deleting, a reminder is sent a second time: so that moment is
    short. The next one goes only when the last is deleted; prints how long that is at most."""
    async with hosting(tmp_path) as hosted:
        town = hosted.town
        due = [town.move_in("en") for _ in range(30)]
        await remind(hosted.data, due, random.Random(SEED))
        moments: list[tuple[str, float]] = []

        def watch(method: str, when: str) -> None:
            if method == "sendmessage":
                moments.append((when, time.perf_counter()))

        town.on_call = watch
        child = Child(hosted.settings, str(tmp_path / "output"))
        for who in due:
            await who.until(lambda w=who: bool(w.answers), "a reminder")
        child.stop()
        assert await child.ended(STOP_S) == 0
        assert [when for when, _ in moments] == ["before", "after"] * len(due), "one at a time"
        gaps = sorted(
            (then - now) * 1000
            for (_, now), (_, then) in zip(moments[1::2], moments[2::2], strict=False)
        )
        median, longest = gaps[len(gaps) // 2], gaps[-1]
        print(f"sent to deleted, at most: median {median:.0f} ms, longest {longest:.0f} ms")  # noqa: T201
        assert count(hosted.data / "bot.sqlite3", "reminders") == 0


async def remind(folder: Path, residents: list[Resident], dice: random.Random) -> None:
    """Reminders that are due already."""
    async with open_store(folder) as store:
        for who in residents:
            due = datetime.now(UTC) - timedelta(seconds=dice.randrange(60))
            assert await store.remind(
                who.chat.id, Reminder(dice.choice(sorted(REMINDERS)), due, "en")
            )


def fault_of(file: Path) -> str:
    """What is wrong with a database; empty: nothing."""
    if not file.exists():
        return ""  # killed before there was one
    with closing(sqlite3.connect(file)) as connection:
        ((found,),) = connection.execute("PRAGMA integrity_check(1)")
        ((version,),) = connection.execute("PRAGMA user_version")
    if version != SCHEMA_VERSION:
        return f"schema version {version}"
    return "" if found == "ok" else str(found)


def leases_over(file: Path) -> None:
    """As if the minutes had passed for which a reminder that was being sent is left alone."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE reminders SET free = 0")


def count(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
