"""What may be kept: of a chat only what the person asked for, and besides what names nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from bot.dialogue.giving import KEPT_DAYS
from bot.dialogue.reminding import Reminder

MOST_REMINDERS = 20
"""Of one chat."""
MOST_QUESTIONS = 2_000
"""Given to the team, in all languages together."""
KEEP_QUESTIONS = timedelta(days=KEPT_DAYS)
"""From the day on which somebody gave the question to the team."""
KEEP_LANGUAGE = timedelta(days=365)
"""From the day on which the language was chosen."""
KEEP_REMINDERS = timedelta(days=90)
"""After the day on which a reminder was due that could never be sent."""


class StorageError(Exception):
    """What is kept cannot be used; the message says why and what to do, in one line."""


class DamagedError(StorageError):
    """A file is there and holds no sound database."""


class StorageUnavailableError(StorageError):
    """It cannot be used just now: a full disk, a locked file. Later it may."""


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder that is to be sent now, claimed by whoever took it."""

    number: int
    """Of the claim: taken once more after its lease, the reminder has another."""
    chat: int
    reminder: Reminder
    tries: int = 1
    """How often it was taken, this time included."""


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is kept about a chat."""

    language: str | None = None
    """The one that was chosen."""
    reminders: tuple[Reminder, ...] = ()
    """Not sent yet, soonest first."""
    until: date | None = None
    """The day on which the language is deleted."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that somebody gave to the team; of whom, nobody knows."""

    number: int
    """Never given to another question."""
    language: str
    text: str
    until: date
    """The day on which it is deleted."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What is counted together; no person and no time belongs to it."""

    topic: str
    """`-` where none is meant."""
    language: str
    outcome: str
    """Of the turn, such as `answer`, `choose`, `unknown`, `opened`, `helpful`, `unhelpful`."""


class Store(Protocol):
    """Keeps the language that somebody chose and the reminders asked for.

    And, without a person: questions given to the team, counts of outcomes and of broken links.
    Times are aware and kept to the second, in UTC. What cannot be read or written raises the error
    of the disk or the database; then nothing of it was done, and the next call is free to succeed.
    """

    async def kept(self, chat: int) -> Kept:
        """All that is kept about a chat, read in one go: it is asked for at every turn."""

    async def language(self, chat: int) -> str | None:
        """The language kept for a chat."""

    async def keep_language(self, chat: int, language: str, day: date) -> None:
        """Keep a language that was chosen on a day; for KEEP_LANGUAGE."""

    async def remind(self, chat: int, reminder: Reminder) -> bool:
        """Keep a reminder. False: nothing was kept, the chat has MOST_REMINDERS.

        Of one kind on one day (in UTC) there is one: asked for again, the later wish counts.

        Raises:
            ValueError: when it is due at a time without a zone.
        """

    async def reminders(self, chat: int) -> list[Reminder]:
        """The reminders of a chat that are not sent yet, soonest first."""

    async def stop_reminders(self, chat: int) -> None:
        """Delete all reminders of a chat."""

    async def take_due(self, now: datetime, lease: timedelta) -> Due | None:
        """Claim what has been waiting longest; nobody else gets it while the lease lasts."""

    async def settle(self, number: int) -> None:
        """Delete what was sent. Does nothing when the claim is no longer ours."""

    async def release(self, number: int, later: datetime) -> None:
        """Give up a claim; it may be taken again from then on. Nothing, when it is not ours."""

    async def next_due(self) -> datetime | None:
        """When there is something to take, at the earliest: due, released, or its lease over."""

    async def keep_question(self, language: str, text: str, day: date) -> bool:
        """Keep a question for the team from a day on, for KEEP_QUESTIONS.

        The same text in the same language stands there once, from the first day. False: nothing
        was kept, there are MOST_QUESTIONS.
        """

    async def questions(self) -> list[Question]:
        """The questions kept for the team, oldest first."""

    async def drop_questions(self, numbers: Iterable[int]) -> None:
        """Delete questions; numbers that there are not do no harm."""

    async def count(self, tallies: Mapping[Tally, int]) -> None:
        """Add to the counts, all of them or none."""

    async def counts(self) -> dict[Tally, int]:
        """What was counted."""

    async def count_broken(self, link: str) -> None:
        """Count once more that a link did not open."""

    async def broken(self) -> dict[str, int]:
        """How often a link did not open, by its id."""

    async def expire(self, today: date) -> int:
        """Delete what was kept for as long as it may be; gives how many rows that were.

        The limits are KEEP_QUESTIONS, KEEP_LANGUAGE and KEEP_REMINDERS.
        """

    async def forget(self, chat: int) -> None:
        """Delete all that is kept about a chat."""


class NoStore:
    """Keeps nothing, where nothing can be kept."""

    async def kept(self, chat: int) -> Kept:  # noqa: ARG002
        """Nothing is known."""
        return Kept()

    async def language(self, chat: int) -> str | None:  # noqa: ARG002
        """Nothing is known."""
        return None

    async def keep_language(self, chat: int, language: str, day: date) -> None:
        """Let it go."""

    async def remind(self, chat: int, reminder: Reminder) -> bool:  # noqa: ARG002
        """Say that it was not kept."""
        return False

    async def reminders(self, chat: int) -> list[Reminder]:  # noqa: ARG002
        """There are none."""
        return []

    async def stop_reminders(self, chat: int) -> None:
        """There are none."""

    async def take_due(self, now: datetime, lease: timedelta) -> Due | None:  # noqa: ARG002
        """Nothing is ever due."""
        return None

    async def settle(self, number: int) -> None:
        """There is nothing."""

    async def release(self, number: int, later: datetime) -> None:
        """There is nothing."""

    async def next_due(self) -> datetime | None:
        """Nothing is ever due."""
        return None

    async def keep_question(self, language: str, text: str, day: date) -> bool:  # noqa: ARG002
        """Say that it was not kept."""
        return False

    async def questions(self) -> list[Question]:
        """There are none."""
        return []

    async def drop_questions(self, numbers: Iterable[int]) -> None:
        """There are none."""

    async def count(self, tallies: Mapping[Tally, int]) -> None:
        """Let it go."""

    async def counts(self) -> dict[Tally, int]:
        """Nothing was counted."""
        return {}

    async def count_broken(self, link: str) -> None:
        """Let it go."""

    async def broken(self) -> dict[str, int]:
        """Nothing was counted."""
        return {}

    async def expire(self, today: date) -> int:  # noqa: ARG002
        """There is nothing."""
        return 0

    async def forget(self, chat: int) -> None:
        """There is nothing."""
