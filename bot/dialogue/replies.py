"""What a turn gives back: messages as blocks and buttons, without markup."""

from dataclasses import dataclass, field

from bot.dialogue.events import Thread
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
class Reply:
    """One message."""

    blocks: tuple[Block, ...]
    rows: tuple[Row, ...] = ()
    edits: bool = False
    """Whether it takes the place of the message whose button was pressed."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Store the language that was chosen."""

    language: str


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete all that is stored about this chat."""


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
    storage: Keep | Erase | None = None
