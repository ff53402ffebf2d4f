"""What may be kept about a chat, and only because the person asked for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.dialogue.reminding import Reminder

MOST_REMINDERS = 20
"""Of one chat."""


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder that is to be sent now, claimed by whoever took it."""

    number: int
    """Of the claim: taken once more after its lease, the reminder has another."""
    chat: int
    reminder: Reminder
    tries: int = 1
    """How often it was taken, this time included."""


class Store(Protocol):
    """Keeps the language that somebody chose, the reminders asked for, and counts of broken links.

    Times are aware and kept to the second, in UTC. What cannot be read or written raises the error
    of the disk or the database.
    """

    async def language(self, chat: int) -> str | None:
        """The language kept for a chat."""

    async def keep_language(self, chat: int, language: str) -> None:
        """Keep a chosen language."""

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

    async def count_broken(self, link: str) -> None:
        """Count once more that a link did not open."""

    async def broken(self) -> dict[str, int]:
        """How often a link did not open, by its id."""

    async def forget(self, chat: int) -> None:
        """Delete all that is kept about a chat."""


class NoStore:
    """Keeps nothing, where nothing can be kept."""

    async def language(self, chat: int) -> str | None:  # noqa: ARG002
        """Nothing is known."""
        return None

    async def keep_language(self, chat: int, language: str) -> None:
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

    async def count_broken(self, link: str) -> None:
        """Let it go."""

    async def broken(self) -> dict[str, int]:
        """Nothing was counted."""
        return {}

    async def forget(self, chat: int) -> None:
        """There is nothing."""
