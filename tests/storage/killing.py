"""Kills a process at every line of our code that some work on a data folder runs through.

Usage: killing.py WORK STEP FOLDER. Forks for each point, lets the fork be killed there by SIGKILL,
and looks what is left. Prints how many points there were; any broken promise is an assertion.
"""

import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot import upkeep
from bot.dialogue.reminding import Reminder
from bot.storage.copies import FOLDER, name_copy
from bot.storage.schema import FILE
from bot.storage.sqlite import Opening
from bot.storage.store import Kept

CHAT, OTHER, ALONE = 4_815_162_342, 42, 7
NOW = datetime(2026, 11, 21, 3, 12, tzinfo=UTC)
TODAY = NOW.date()
REMINDER = Reminder("month", NOW + timedelta(days=9), "fr")
OURS = ("/bot/storage/", "/bot/upkeep.py")


def rows_of(folder):
    return closing(Opening(folder, now=lambda: NOW)())


def begin_rotation(folder):
    with rows_of(folder) as rows:
        for chat in (CHAT, OTHER):
            rows.keep_language(chat, "fr", TODAY)
            rows.remind(chat, REMINDER)
        rows.keep_language(ALONE, "nl", TODAY)


def rotate(folder):
    upkeep.rotate_key(folder)


def after_rotation(folder):
    """Both chats are known, by the old key or the new; it can be done again; the old one is gone."""
    assert upkeep.examine(folder) == []
    for _ in range(2):
        with rows_of(folder) as rows:
            for chat in (CHAT, OTHER):
                assert rows.kept(chat) == Kept("fr", (REMINDER,), date(2027, 11, 21))
            assert rows.kept(ALONE).language in {"nl", None}
        upkeep.rotate_key(folder)
    with rows_of(folder) as rows:
        assert rows.kept(ALONE).language is None
        assert rows.take_due(REMINDER.due, timedelta(1)).chat in {CHAT, OTHER}


def begin_restoring(folder):
    with rows_of(folder) as rows:
        rows.keep_language(CHAT, "fr", TODAY)
        rows.keep_question("en", "x" * 20_000, TODAY)
    upkeep.backup(folder, now=lambda: NOW)
    with rows_of(folder) as rows:
        rows.keep_language(CHAT, "nl", TODAY)
        rows.drop_questions([1])
    # Left by a bot that was killed: its last words stand in the log alone.
    log = folder / f"{FILE}-wal"
    with rows_of(folder) as rows:
        rows.keep_language(OTHER, "nl", TODAY)
        shutil.copy(log, folder / "log")
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("PRAGMA journal_mode")
    (folder / "log").rename(log)


def restore(folder):
    upkeep.restore(folder, folder / FOLDER / name_copy(NOW), now=lambda: NOW + timedelta(seconds=1))


def after_restoring(folder):
    """All of the one or all of the other."""
    assert upkeep.examine(folder) == []
    with rows_of(folder) as rows:
        found = (rows.kept(CHAT).language, rows.kept(OTHER).language, len(rows.questions()))
        assert found in {("nl", "nl", 0), ("fr", None, 1)}, found
    restore(folder)
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "fr"
        assert rows.expire(TODAY + timedelta(days=1)) == 0
    SqliteLeft(folder).are_dropped()


class SqliteLeft:
    """What was left lying about is deleted in time: no draft lasts."""

    def __init__(self, folder):
        self.folder = folder

    def are_dropped(self):
        for place in (self.folder, self.folder / FOLDER):
            upkeep.copies.drop_copies(place, TODAY + timedelta(days=8))
        left = {file.name for file in self.folder.rglob("*") if file.is_file()}
        assert {name.partition(".bot")[0] for name in left} <= {
            "bot.sqlite3", "bot.key", "bot.lock", "bot.sqlite3-wal", "bot.sqlite3-shm"
        }, left  # fmt: skip


def begin_backup(folder):
    with rows_of(folder) as rows:
        rows.keep_language(CHAT, "fr", TODAY)


def back_up(folder):
    upkeep.backup(folder, now=lambda: NOW)


def after_backup(folder):
    """What has the name of a copy is a copy; a half one has it not."""
    for copy in (folder / FOLDER).glob("*.sqlite3"):
        with upkeep.looking_at(copy) as connection:
            assert upkeep.copies.faults_of(connection, "integrity_check") == ""
            assert connection.execute("SELECT language FROM chosen").fetchall() == [("fr",)]
    SqliteLeft(folder).are_dropped()


def begin_nothing(folder):
    """An empty folder."""


def start(folder):
    with rows_of(folder) as rows:
        rows.keep_language(CHAT, "fr", TODAY)


def after_start(folder):
    """It starts again, and keeps what it was told to keep."""
    start(folder)
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "fr"


WORKS = {
    "rotate": (begin_rotation, rotate, after_rotation),
    "restore": (begin_restoring, restore, after_restoring),
    "backup": (begin_backup, back_up, after_backup),
    "start": (begin_nothing, start, after_start),
}


def die_at(point):
    """Have this process killed at the nth line of ours."""
    left = point

    def trace(frame, _event, _argument):
        def line(_frame, event, _argument):
            nonlocal left
            if event == "line":
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
            return line

        return line if any(part in frame.f_code.co_filename for part in OURS) else None

    sys.settrace(trace)


def main(work, step, base):
    begin, act, check = WORKS[work]
    base = Path(base)
    (base / "first").mkdir(parents=True)
    begin(base / "first")
    killed = 0
    for point in range(1, 100_000, int(step)):
        folder = base / "played"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base / "first", folder)
        child = os.fork()
        if not child:
            try:
                die_at(point)
                act(folder)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        check(folder)
        if os.WIFEXITED(status):
            break
        killed += 1
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
