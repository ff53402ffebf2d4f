"""What a turn gives back: messages as blocks and buttons, without markup."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.dialogue.events import Thread
from bot.dialogue.reminding import Reminder
from bot.knowledge.markup import Block

COPY_LENGTH = 256
"""Characters that a copy button can hold (Telegram's limit)."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A button that comes back to us."""

    label: str
    data: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A button that opens a page."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A button that copies a text."""

    label: str
    text: str


Key = Tap | Visit | Copy
Row = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to print or to paste; places to fill in stand in square brackets."""

    language: str
    sender: tuple[str, ...]
    """Lines of the sender's block, all of them blanks."""
    recipient: tuple[str, ...]
    """Lines of the recipient's name and address."""
    place_date: str
    subject: str
    body: str
    """Paragraphs with an empty line between; lines that begin with "- " are list items."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """Something to be reminded of by one's own calendar."""

    language: str
    title: str
    text: str
    begins: datetime
    """Aware, in the person's time zone; it lasts a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is made when it is sent; nothing of it is stored."""

    name: str
    """Of the file, in ASCII, with its suffix: .pdf or .txt for a letter, .ics for an appointment."""
    content: Letter | Appointment


@dataclass(frozen=True, slots=True)
class Reply:
    """One message."""

    blocks: tuple[Block, ...]
    rows: tuple[Row, ...] = ()
    edits: bool = False
    """Whether it takes the place of the message whose button was pressed."""
    attachment: Attachment | None = None
    """A file; the blocks are its caption then (at most 1,024 characters)."""
    quotes: bool = False
    """Whether it is sent as a reply to the message that it answers."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Store the language that was chosen."""

    language: str


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete all that is stored about this chat."""


@dataclass(frozen=True, slots=True)
class Remind:
    """Store a reminder: the person asked for it."""

    reminder: Reminder


@dataclass(frozen=True, slots=True)
class StopReminding:
    """Delete all reminders of this chat."""


@dataclass(frozen=True, slots=True)
class CountBroken:
    """Count that a link did not open, without a person."""

    link: str


@dataclass(frozen=True, slots=True)
class KeepQuestion:
    """Keep a question that was not understood, without a person: somebody agreed to each word."""

    language: str
    text: str
    """What was agreed to: without personal data as far as it can be told, 1 to 300 characters."""


Storage = Keep | Erase | Remind | StopReminding | CountBroken | KeepQuestion


@dataclass(frozen=True, slots=True)
class Record:
    """What the log may say about a turn; nothing personal."""

    kind: str
    language: str
    outcome: str
    topic: str = "-"


@dataclass(frozen=True, slots=True)
class Turn:
    """All that comes of one event."""

    replies: tuple[Reply, ...]
    record: Record
    thread: Thread = field(default_factory=Thread)
    notice: str = ""
    """A word that shows for a moment when a button was pressed; at most 200 characters."""
    storage: Storage | None = None
    otherwise: Reply | None = None
    """What to say instead, where it could not be stored."""


_ASKED = frozenset({"answer", "choose", "unknown", "chitchat", "address"})
_RATED = frozenset({"helpful", "unhelpful"})


def tally(record: Record) -> tuple[str, str, str] | None:
    """Topic, language and outcome to count; None for a turn that is not counted.

    Counted are questions (`answer`, `choose`, `unknown`, `chitchat`, `address`), topics that were
    `opened` by a button or a link, and what was said of an answer (`helpful`, `unhelpful`).
    """
    outcome = record.outcome
    match record.kind:
        case "asked" | "mentioned" if outcome in _ASKED:
            pass
        case "pressed" if outcome in _RATED:
            pass
        case "pressed" if outcome == "opentopic":
            outcome = "opened"
        case "commanded" if outcome == "start" and record.topic != "-":
            outcome = "opened"
        case _:
            return None
    return record.topic, record.language, outcome
