"""What a button means, and how it is written into Telegram's 64 bytes of callback data.

Callback data is input: clients can be modified, and a keyboard in an old message lives for ever.
So it is versioned, parsed strictly, looked up in the content, and carries no authority.
"""

import re
from dataclasses import dataclass
from datetime import date

from bot.dialogue import objection
from bot.dialogue.objection import Step
from bot.dialogue.reminding import HOURS, Plan
from bot.knowledge.flow import PAPERS, REMINDERS
from bot.knowledge.model import Knowledge

VERSION = "1"
MAX_BYTES = 64

PAGES = frozenset(
    {"home", "topics", "languages", "help", "privacy", "mydata", "forget", "none", "rephrase",
     "unremind"}
)  # fmt: skip


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
class Broken:
    """The link of this step does not open: count it, and show the next way."""

    language: str
    step: Step


@dataclass(frozen=True, slots=True)
class Deliver:
    """Something to send or to keep, made from the answers so far."""

    language: str
    paper: str
    """One of `knowledge.flow.PAPERS`."""
    form: str
    """One of `FORMS`."""
    step: Step


@dataclass(frozen=True, slots=True)
class Schedule:
    """A step of planning a reminder."""

    language: str
    stage: str
    """One of `STAGES`."""
    plan: Plan


@dataclass(frozen=True, slots=True)
class Give:
    """A step of giving a question to the team; which question stands in no button."""

    language: str
    stage: str
    """One of `GIVING`."""


@dataclass(frozen=True, slots=True)
class Stale:
    """A button of another version, or no button of ours."""

    language: str | None
    objecting: bool
    """Whether it looks like one of the objection."""


Button = (
    Page
    | OpenGroup
    | OpenTopic
    | Speak
    | Rate
    | Go
    | Enter
    | Stop
    | Broken
    | Deliver
    | Schedule
    | Give
)

FORMS = ("message", "pdf", "text")
"""A message to copy, or a file."""
STAGES = ("offer", "month", "hour", "keep", "file")
"""Which day; the days of a month; at what time; store it; a calendar file instead."""
GIVING = ("ask", "keep", "drop")
"""May we keep this sentence; yes, keep it; no."""
_DAY = re.compile(r"(20\d\d)([01]\d)([0-3]\d)")


def encode(button: Button, knowledge: Knowledge) -> str:
    """Callback data of a button, 1 to 64 bytes."""
    kind, value = _written(button, knowledge)
    return f"{VERSION}.{button.language}.{kind}.{value}"


def _written(button: Button, knowledge: Knowledge) -> tuple[str, str]:
    """The letters of a button's kind, and what it holds."""
    match button:
        case Page(_, page):
            return "p", page
        case OpenGroup(_, group):
            return "g", group
        case OpenTopic(_, topic):
            return "t", topic
        case Speak():
            return "l", "set"
        case Give(_, stage):
            return "q", stage
        case Rate(_, topic, helpful):
            return f"r{'+' if helpful else '-'}", topic
        case Schedule(_, stage, plan):
            day = f"{plan.day:%Y%m%d}" if plan.day else ""
            hour = "" if plan.hour is None else str(plan.hour)
            return f"m{stage[0]}", f"{plan.kind}.{plan.country}.{day}.{hour}"
    step = objection.encode(knowledge.flow, button.step)
    if isinstance(button, Deliver):
        return f"d{_PAPERS.index(button.paper)}{FORMS.index(button.form)}", step
    return _LETTERS[type(button)], step


def parse(data: str | bytes, knowledge: Knowledge) -> Button | Stale:
    """What callback data means; never raises, for no input."""
    if isinstance(data, bytes):
        data = data.decode("utf-8", "replace")
    version, _, rest = data.partition(".")
    language, _, rest = rest.partition(".")
    kind, _, value = rest.partition(".")
    known = language if language in knowledge.languages else None
    stale = Stale(known, kind in _STEPS or kind in _DELIVERIES)
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
        case "q" if value in GIVING:
            return Give(language, value)
        case "r+" | "r-" if value in knowledge.topics:
            return Rate(language, value, kind == "r+")
    if kind in _SCHEDULES:
        return _schedule(language, _SCHEDULES[kind], value, knowledge)
    if kind in _STEPS and (step := objection.decode(knowledge.flow, value)):
        return _STEPS[kind](language, step)
    if kind in _DELIVERIES and (step := objection.decode(knowledge.flow, value)):
        return Deliver(language, *_DELIVERIES[kind], step)
    return None


def _schedule(language: str, stage: str, value: str, knowledge: Knowledge) -> Schedule | None:
    """A stage of a plan; None for one that the bot itself would not offer."""
    kind, country, day_text, hour_text = (*value.split("."), "", "", "", "")[:4]
    found = _DAY.fullmatch(day_text)
    try:
        day = date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
    hour = int(hour_text) if hour_text in {str(hour) for hour in HOURS} else None
    needs_day, needs_hour = stage != "offer", stage in {"keep", "file"}
    known = kind in REMINDERS and country in knowledge.flow.question("country").options
    if not known or (day is not None) != needs_day or (hour is not None) != needs_hour:
        return None
    schedule = Schedule(language, stage, Plan(kind, country, day, hour))
    # Only as it is written by us: no zeros, dots or words beside it.
    return schedule if encode(schedule, knowledge).partition(f".m{stage[0]}.")[2] == value else None


_STEPS: dict[str, type[Go | Enter | Stop | Broken]] = {
    "o": Go,
    "e": Enter,
    "x": Stop,
    "b": Broken,
}
_LETTERS = {kind: letter for letter, kind in _STEPS.items()}
_PAPERS = sorted(PAPERS)
_DELIVERIES = {
    f"d{p}{f}": (paper, form) for p, paper in enumerate(_PAPERS) for f, form in enumerate(FORMS)
}
_SCHEDULES = {f"m{stage[0]}": stage for stage in STAGES}
