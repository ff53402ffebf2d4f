"""The rows of one open database: each method is one transaction, done whole or not at all."""

import hmac
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.dialogue.reminding import Reminder
from bot.storage.key import Key
from bot.storage.schema import day_number, day_of, transaction
from bot.storage.store import (
    KEEP_LANGUAGE,
    KEEP_QUESTIONS,
    KEEP_REMINDERS,
    MOST_QUESTIONS,
    MOST_REMINDERS,
    Due,
    Kept,
    Question,
    Tally,
)

log = logging.getLogger(__name__)

BUSY_S = 1.0
"""How long a write waits for another process. All of ours wait with it: there is one connection."""
_DAY_S = 86_400

# A claim's number is drawn, so that it never returns for another claim.
_DRAWN = "(random() & 0x7fffffffffffffff)"
_KEPT = """
SELECT NULL AS kind, day AS due, language FROM chosen WHERE chat = :chat
UNION ALL SELECT kind, due, language FROM reminders WHERE chat = :chat
ORDER BY due, kind
"""
_REMIND = f"""
INSERT INTO reminders (number, chat, sealed, kind, day, due, language, free)
SELECT {_DRAWN}, :chat, :sealed, :kind, :day, :due, :language, :due
WHERE (SELECT count(*) FROM reminders
       WHERE chat = :chat AND NOT (kind = :kind AND day = :day)) < {MOST_REMINDERS}
ON CONFLICT (chat, kind, day) DO UPDATE SET
    -- Another time is another reminder. The same time is a double tap: a claim on it stays.
    number = iif(due = excluded.due, number, excluded.number),
    free = iif(due = excluded.due, free, excluded.free),
    tries = iif(due = excluded.due, tries, 0),
    due = excluded.due,
    language = excluded.language
RETURNING 1
"""  # noqa: S608 - constants of ours
_TAKE = f"""
UPDATE reminders SET number = {_DRAWN}, free = :until, tries = tries + 1
WHERE number = (SELECT number FROM reminders WHERE free <= :now ORDER BY free, due LIMIT 1)
RETURNING number, chat, sealed, kind, due, language, tries
"""  # noqa: S608 - constants of ours
_KEEP_QUESTION = f"""
INSERT INTO questions (language, text, day) SELECT :language, :text, :day
WHERE (SELECT count(*) FROM questions) < {MOST_QUESTIONS}
"""  # noqa: S608 - constants of ours
_COUNT = """
INSERT INTO counts (topic, language, outcome, times) VALUES (?, ?, ?, ?)
ON CONFLICT (topic, language, outcome) DO UPDATE SET times = times + excluded.times
"""
_LIMITS = {"questions": KEEP_QUESTIONS, "chosen": KEEP_LANGUAGE, "reminders": KEEP_REMINDERS}
"""How long the rows of a table are kept after their `day`."""


class Rows:
    """Reads and writes the rows; a chat is known to them by a keyed hash only.

    A reminder must find its way back to the chat, so it holds the id too, sealed.
    Not for two threads at once. What fails raises the error of SQLite, and was not done.
    """

    def __init__(self, connection: sqlite3.Connection, key: Key) -> None:
        self.connection = connection
        self.key = key
        self._uncut = False
        """Deleted rows stand in the write-ahead log still."""
        self._patient = True
        """Not while another process holds the file: who comes next does not wait as well."""

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    # What is kept about a chat

    def kept(self, chat: int) -> Kept:
        """All that is kept about a chat."""
        rows = self.connection.execute(_KEPT, {"chat": self.key.hash(chat)}).fetchall()
        chosen = [
            (language, day_of(day) + KEEP_LANGUAGE) for kind, day, language in rows if kind is None
        ]
        reminders = (Reminder(kind, _time(due), spoken) for kind, due, spoken in rows if kind)
        language, until = chosen[0] if chosen else (None, None)
        return Kept(language, tuple(reminders), until)

    def keep_language(self, chat: int, language: str, day: date) -> None:
        """Keep a chosen language."""
        with self._writing():
            self.connection.execute(
                "INSERT INTO chosen (chat, language, day) VALUES (?, ?, ?) ON CONFLICT (chat) "
                "DO UPDATE SET language = excluded.language, day = excluded.day",
                (self.key.hash(chat), language, day_number(day)),
            )

    def remind(self, chat: int, reminder: Reminder) -> bool:
        """Keep a reminder. False: nothing was kept, the chat has MOST_REMINDERS."""
        due = _seconds(reminder.due)
        row = {
            "chat": self.key.hash(chat),
            "sealed": self.key.seal(chat),
            "kind": reminder.kind,
            "day": due // _DAY_S,
            "due": due,
            "language": reminder.language,
        }
        with self._writing():
            return bool(self.connection.execute(_REMIND, row).fetchall())

    def stop_reminders(self, chat: int) -> None:
        """Delete all reminders of a chat, from the write-ahead log too."""
        self._delete("DELETE FROM reminders WHERE chat = ?", self.key.hash(chat))

    def forget(self, chat: int) -> None:
        """Delete all rows of a chat, from the write-ahead log too."""
        hashed = self.key.hash(chat)
        with self._writing():
            self.connection.execute("DELETE FROM chosen WHERE chat = ?", (hashed,))
            self.connection.execute("DELETE FROM reminders WHERE chat = ?", (hashed,))
        self.cut_log()

    # Reminders that are due

    def take_due(self, now: datetime, lease: timedelta) -> Due | None:
        """Claim what has been waiting longest; nobody else gets it while the lease lasts.

        One at a time: a lease covers one message, and what is stopped a moment later stays unsent.
        What the key does not open is dropped: nobody can be found by it any more.
        """
        times = {"now": _seconds(now), "until": _seconds(now + lease)}
        while True:
            with self._writing():
                rows = self.connection.execute(_TAKE, times).fetchall()
            if not rows:
                return None
            number, hashed, sealed, kind, due, language, tries = rows[0]
            chat = self.key.open(sealed)
            if chat is not None and hmac.compare_digest(self.key.hash(chat), hashed):
                return Due(number, chat, Reminder(kind, _time(due), language), tries)
            log.error("a reminder cannot be read, its key is lost: dropped")
            self.settle(number)

    def settle(self, number: int) -> None:
        """Delete what was sent, from the write-ahead log too."""
        self._delete("DELETE FROM reminders WHERE number = ?", number)

    def release(self, number: int, later: datetime) -> None:
        """Give up a claim; it may be taken again from then on. Nothing, when it is not ours."""
        with self._writing():
            self.connection.execute(
                "UPDATE reminders SET free = ? WHERE number = ?", (_seconds(later), number)
            )

    def next_due(self) -> datetime | None:
        """When there is something to take, at the earliest: due, released, or its lease over."""
        ((free,),) = self._read("SELECT min(free) FROM reminders")
        return None if free is None else _time(free)

    # Without a person

    def keep_question(self, language: str, text: str, day: date) -> bool:
        """Keep a question for the team. False: nothing was kept, there are MOST_QUESTIONS."""
        # Half of a pair of surrogates, which JSON can hold, is no text that can be stored.
        text = text.encode("utf-8", "replace").decode()
        row = {"language": language, "text": text, "day": day_number(day)}
        same = "SELECT 1 FROM questions WHERE language = ? AND text = ?"
        with self._writing():
            if self._read(same, language, text):
                return True
            return self.connection.execute(_KEEP_QUESTION, row).rowcount > 0

    def questions(self) -> list[Question]:
        """The questions kept for the team, oldest first."""
        rows = self._read("SELECT number, language, text, day FROM questions ORDER BY number")
        return [
            Question(number, language, text, day_of(day) + KEEP_QUESTIONS)
            for number, language, text, day in rows
        ]

    def drop_questions(self, numbers: Iterable[int]) -> None:
        """Delete questions, from the write-ahead log too."""
        with self._writing():
            self.connection.executemany(
                "DELETE FROM questions WHERE number = ?", [(number,) for number in numbers]
            )
        self.cut_log()

    def count(self, tallies: Mapping[Tally, int]) -> None:
        """Add to the counts, all of them or none."""
        rows = [(t.topic, t.language, t.outcome, times) for t, times in tallies.items()]
        with self._writing():
            self.connection.executemany(_COUNT, rows)

    def counts(self) -> dict[Tally, int]:
        """What was counted."""
        rows = self._read("SELECT topic, language, outcome, times FROM counts")
        return {Tally(topic, language, outcome): times for topic, language, outcome, times in rows}

    def count_broken(self, link: str) -> None:
        """Count once more that a link did not open."""
        with self._writing():
            self.connection.execute(
                "INSERT INTO broken (link, times) VALUES (?, 1) "
                "ON CONFLICT (link) DO UPDATE SET times = times + 1",
                (link,),
            )

    def broken(self) -> dict[str, int]:
        """How often a link did not open, by its id."""
        return dict(self._read("SELECT link, times FROM broken ORDER BY link"))

    # What goes

    def expire(self, today: date) -> int:
        """Delete what was kept for as long as it may be, from the write-ahead log too."""
        deleted = 0
        with self._writing():
            for table, limit in _LIMITS.items():
                last = day_number(today - limit)
                statement = f"DELETE FROM {table} WHERE day <= ?"  # noqa: S608
                deleted += self.connection.execute(statement, (last,)).rowcount
        self.cut_log()
        return deleted

    def change_key(self, key: Key) -> tuple[int, int]:
        """Rewrite all rows under another key; gives the languages and the reminders that are lost.

        Of a chosen language the hash alone is kept. So it lasts only where the same chat has a
        reminder, which still knows the chat.
        """
        with self._writing():
            chosen = {chat: rest for chat, *rest in self._read("SELECT * FROM chosen")}
            reminders = self._read("SELECT number, chat, sealed FROM reminders")
            self.connection.execute("DELETE FROM chosen")
            lost = 0
            for number, hashed, sealed in reminders:
                chat = self.key.open(sealed)
                if chat is None or not hmac.compare_digest(self.key.hash(chat), hashed):
                    self.connection.execute("DELETE FROM reminders WHERE number = ?", (number,))
                    lost += 1
                    continue
                self.connection.execute(
                    "UPDATE reminders SET chat = ?, sealed = ? WHERE number = ?",
                    (key.hash(chat), key.seal(chat), number),
                )
                if kept := chosen.pop(hashed, None):
                    self.connection.execute(
                        "INSERT INTO chosen VALUES (?, ?, ?)", (key.hash(chat), *kept)
                    )
            self.connection.execute("UPDATE keys SET fingerprint = ?", (key.fingerprint,))
        self.key = key
        self.cut_log()
        return len(chosen), lost

    def cut_log(self) -> None:
        """Write the write-ahead log back and cut it: deleted rows stand in it until then."""
        before, self._uncut = self._uncut, True
        ((busy, _, _),) = self._read("PRAGMA wal_checkpoint(TRUNCATE)")
        self._uncut = bool(busy)
        if busy and not before:
            log.warning(
                "the write-ahead log cannot be emptied, the database is in use: "
                "the next write tries again"
            )

    def _delete(self, statement: str, value: object) -> None:
        with self._writing():
            self.connection.execute(statement, (value,))
        self.cut_log()

    def _read(self, statement: str, *values: object) -> list[Any]:
        # Fetched whole: a half-read statement holds a snapshot that blocks writing and cutting.
        return self.connection.execute(statement, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with transaction(self.connection):
                yield
        except sqlite3.Error as error:
            if code_of(error) == sqlite3.SQLITE_BUSY and self._patient:
                self._wait(0)
            raise
        with suppress(sqlite3.Error):  # what was written stands, whatever becomes of this
            if self._uncut:
                self._wait(0)
                self.cut_log()
            if not self._patient:
                self._wait(BUSY_S)

    def _wait(self, seconds: float) -> None:
        self._patient = bool(seconds)
        self.connection.execute(f"PRAGMA busy_timeout = {seconds * 1_000:.0f}")


def code_of(error: Exception) -> int | None:
    """SQLite's primary result code behind an error; None where there is none."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _seconds(time: datetime) -> int:
    if time.tzinfo is None:
        raise ValueError(f"a time with its zone is needed, not {time}")
    return int(time.timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
