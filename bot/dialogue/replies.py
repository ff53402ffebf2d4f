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
    storage: Keep | Erase | Remind | StopReminding | CountBroken | None = None
    otherwise: Reply | None = None
    """What to say instead, where it could not be stored."""
