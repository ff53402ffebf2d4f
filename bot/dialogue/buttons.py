"""What a button means, and how it is written into Telegram's 64 bytes of callback data.

Callback data is input: clients can be modified, and a keyboard in an old message lives for ever.
So it is versioned, parsed strictly, looked up in the content, and carries no authority.
"""

from dataclasses import dataclass

from bot.dialogue import objection
from bot.dialogue.objection import Step
from bot.knowledge.model import Knowledge

VERSION = "1"
MAX_BYTES = 64

PAGES = frozenset(
    {"home", "topics", "languages", "help", "privacy", "mydata", "forget", "none", "rephrase"}
)


@dataclass(frozen=True, slots=True)
class Page:
    """One of the screens that every bot has."""

    language: str
    page: str


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """The topics of one group."""

    language: str
    group: str


@dataclass(frozen=True, slots=True)
class OpenTopic:
    """The answer to a topic."""

    language: str
    topic: str


@dataclass(frozen=True, slots=True)
class Speak:
    """From now on in this language."""

    language: str


@dataclass(frozen=True, slots=True)
class Rate:
    """Whether an answer helped."""

    language: str
    topic: str
    helpful: bool


@dataclass(frozen=True, slots=True)
class Go:
    """A step of the objection."""

    language: str
    step: Step


@dataclass(frozen=True, slots=True)
class Enter:
    """Into the objection, in a message of its own: what stood before stays readable."""

    language: str
    step: Step


@dataclass(frozen=True, slots=True)
class Stop:
    """Leave the objection; the step is the way back."""

    language: str
    step: Step


@dataclass(frozen=True, slots=True)
class Stale:
    """A button of another version, or no button of ours."""

    language: str | None
    objecting: bool
    """Whether it looks like one of the objection."""


Button = Page | OpenGroup | OpenTopic | Speak | Rate | Go | Enter | Stop


def encode(button: Button, knowledge: Knowledge) -> str:
    """Callback data of a button, 1 to 64 bytes."""
    flow = knowledge.flow
    match button:
        case Page(language, page):
            rest = f"{language}.p.{page}"
        case OpenGroup(language, group):
            rest = f"{language}.g.{group}"
        case OpenTopic(language, topic):
            rest = f"{language}.t.{topic}"
        case Speak(language):
            rest = f"{language}.l.set"
        case Rate(language, topic, helpful):
            rest = f"{language}.r{'+' if helpful else '-'}.{topic}"
        case Go(language, step):
            rest = f"{language}.o.{objection.encode(flow, step)}"
        case Enter(language, step):
            rest = f"{language}.e.{objection.encode(flow, step)}"
        case Stop(language, step):
            rest = f"{language}.x.{objection.encode(flow, step)}"
    return f"{VERSION}.{rest}"


def parse(data: str | bytes, knowledge: Knowledge) -> Button | Stale:
    """What callback data means; never raises, for no input."""
    if isinstance(data, bytes):
        data = data.decode("utf-8", "replace")
    version, _, rest = data.partition(".")
    language, _, rest = rest.partition(".")
    kind, _, value = rest.partition(".")
    known = language if language in knowledge.languages else None
    stale = Stale(known, kind in _STEPS)
    if version != VERSION or known is None or len(data.encode("utf-8", "replace")) > MAX_BYTES:
        return stale
    return _button(known, kind, value, knowledge) or stale


def _button(language: str, kind: str, value: str, knowledge: Knowledge) -> Button | None:
    match kind:
        case "p" if value in PAGES:
            return Page(language, value)
        case "g" if any(group.id == value for group in knowledge.groups):
            return OpenGroup(language, value)
        case "t" if value in knowledge.topics:
            return OpenTopic(language, value)
        case "l" if value == "set":
            return Speak(language)
        case "r+" | "r-" if value in knowledge.topics:
            return Rate(language, value, kind == "r+")
        case "o" | "e" | "x" if step := objection.decode(knowledge.flow, value):
            return _step_button(kind, language, step)
    return None


def _step_button(kind: str, language: str, step: Step) -> Button:
    if kind == "o":
        return Go(language, step)
    return Enter(language, step) if kind == "e" else Stop(language, step)


_STEPS = frozenset({"o", "e", "x"})
