"""What reaches the bot, in words that know no Telegram."""

from dataclasses import dataclass, field
from datetime import date

from bot.dialogue.objection import Step
from bot.dialogue.reminding import Reminder


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of who asks: languages, and nothing that names anybody."""

    app_language: str | None = None
    """Language of the person's app, such as `fr` or `pt-br`; anything, not to be trusted."""
    chosen: str | None = None
    """Language that the person asked us to keep."""
    reminders: tuple[Reminder, ...] = ()
    """Reminders that the person asked for."""
    chosen_until: date | None = None
    """The day on which the chosen language is deleted."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What a conversation is about at the moment. Kept in memory for a while, never stored."""

    step: Step | None = None
    """The step of the objection that the person stands at."""
    language: str | None = None
    """Language of the last answer."""
    topic: str | None = None
    """Topic of the last answer: what "and whatsapp?" goes on from."""
    chosen: str | None = None
    """Language chosen in this conversation: it holds even where it could not be stored."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A text was typed."""

    text: str
    person: Person = Person()
    thread: Thread = field(default_factory=Thread)


@dataclass(frozen=True, slots=True)
class Commanded:
    """A command such as /topics."""

    name: str
    argument: str = ""
    person: Person = Person()
    thread: Thread = field(default_factory=Thread)
    group: bool = False
    """Whether it was given in a group, where others read along."""
    bot: str = ""
    """The bot's user name, for the way from a group into a chat of one's own."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button was pressed."""

    data: str
    person: Person = Person()
    thread: Thread = field(default_factory=Thread)
    quoted: str | None = None
    """The message that the pressed one replies to, as Telegram gives it back; None: it is gone."""
    shown: str = ""
    """The words of the pressed message, as it stands in the chat."""


@dataclass(frozen=True, slots=True)
class Mentioned:
    """A question was put to the bot in a group, where others read along."""

    text: str
    person: Person = Person()
    bot: str = ""
    """The bot's user name, for the way into a chat of one's own."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something came that is no text: a photo, a voice message, a sticker."""

    person: Person = Person()
    thread: Thread = field(default_factory=Thread)


Event = Asked | Commanded | Pressed | Mentioned | Unreadable
