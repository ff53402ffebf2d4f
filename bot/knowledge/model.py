"""What the bot knows, as frozen objects. Built by `loader`, never changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from bot.knowledge.catalog import Catalog
from bot.knowledge.markup import Block

FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Document:
    """A publication that facts rest on."""

    id: str
    publisher: str
    title: str
    date: str
    """`2025-05-27`, `2025-05` or `2025`; empty where not known."""
    language: str
    kind: str
    """law, court, authority, company, press, consumer, association or community."""
    address: str | None
    reliability: str
    """high, medium or low, by the judgement of the fact-checker."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document carries a fact."""

    document: str
    at: str = ""
    errs: bool = False
    """Whether the document has it wrong there."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so, or is said to be so, written once."""

    id: str
    statement: str
    status: str
    """confirmed, reported, disputed or superseded."""
    says: str
    """Who carries the claim: meta, law, court, authority, consumer, association, press or us."""
    as_of: str
    checked: date
    places: tuple[Place, ...]
    values: Mapping[str, str]
    """Typed values by kind: `date`, `sum`, `number`, `percent`."""
    note: str = ""
    review_by: date | None = None
    replaced_by: str | None = None
    """For a superseded fact: the one that holds now."""


@dataclass(frozen=True, slots=True)
class Link:
    """An address that the bot may show."""

    id: str
    url: str
    urls: Mapping[str, str] = field(default_factory=dict)
    """Addresses for single languages."""

    def address(self, language: str) -> str:
        """Address for a reader of this language."""
        return self.urls.get(language, self.url)


@dataclass(frozen=True, slots=True)
class Topic:
    """Something people ask, in no particular language."""

    id: str
    group: str
    related: tuple[str, ...]
    facts: tuple[str, ...]
    """What the answer rests on, most important first; empty for topics about the bot itself."""
    starts_objection: bool
    """Whether "Start my objection" belongs under the answer."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that may read differently from some day on."""

    variants: tuple[tuple[date | None, tuple[Block, ...]], ...]
    """Each with the last day it holds; the last one, with None, from then on."""

    def on(self, today: date) -> tuple[Block, ...]:
        """What it says on a day."""
        return next(blocks for until, blocks in self.variants if until is None or today <= until)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a topic's answer says in one language."""

    title: str
    """A button label that makes sense alone."""
    short: Text
    detail: Text
    phrasings: tuple[str, ...]
    stale: bool = False
    """Whether English or a fact has changed since this was written; English is shown instead."""


@dataclass(frozen=True, slots=True)
class Group:
    """Topics that stand together in the menu."""

    id: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One answer of the person that the objection needs."""

    id: str
    options: tuple[str, ...]
    several: bool = False
    alone: tuple[str, ...] = ()
    """Options that exclude all others."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a button of the objection leads, if its conditions hold."""

    screen: str
    when: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By question: one of these options must be given; `any`: whichever; `left`: an account
    whose form is not sent yet."""
    unfiles: bool = False
    """Whether going there takes the last account off the ones done."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A button of a screen."""

    id: str
    targets: tuple[Target, ...]
    """The first whose conditions hold."""
    files: bool = False
    """Whether it marks the current account as done."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One step of the objection."""

    id: str
    step: int
    """Place in "Step 3 of 6"; 0 for screens beside the way."""
    back: tuple[Target, ...]
    needs: tuple[str, ...]
    """Questions that must be answered before it can be shown."""
    asks: str | None = None
    """The question that its buttons answer."""
    account: bool = False
    """Whether it is about one account, the first that is left."""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """The objection as data."""

    version: int
    questions: tuple[Question, ...]
    screens: Mapping[str, Screen]
    first: str
    forms: Mapping[str, tuple[str, ...]]
    """Links to the form by account, the one to try first in front."""

    @property
    def steps(self) -> int:
        """How many steps the longest way has."""
        return max(screen.step for screen in self.screens.values())

    def question(self, question_id: str) -> Question:
        """The question with this id."""
        return next(q for q in self.questions if q.id == question_id)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything, in all languages."""

    languages: tuple[str, ...]
    groups: tuple[Group, ...]
    topics: Mapping[str, Topic]
    answers: Mapping[str, Mapping[str, Answer]]
    """By language, then topic."""
    outside: Mapping[str, tuple[str, ...]]
    """Phrasings that are not our business, by language."""
    chitchat: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Small talk by language, then kind."""
    openings: Mapping[str, tuple[str, ...]]
    """How a short follow-up begins, by language: and, what about."""
    facts: Mapping[str, Fact]
    documents: Mapping[str, Document]
    links: Mapping[str, Link]
    hosts: frozenset[str]
    """Hosts that the bot may link to."""
    meta_hosts: frozenset[str]
    """Those of them, and others, that are Meta's own."""
    catalogs: Mapping[str, Catalog]
    flow: Flow

    def checked(self, topic: str) -> date | None:
        """The day up to which all that an answer rests on was checked."""
        return min((self.facts[f].checked for f in self.topics[topic].facts), default=None)

    def sources(self, topic: str, language: str, most: int = 4) -> tuple[Document, ...]:
        """Documents to show under an answer: for each fact in turn the best not shown yet."""
        shown: dict[str, Document] = {}
        publishers: set[str] = set()
        for fact in self.topics[topic].facts:
            documents = [self.documents[place.document] for place in self.facts[fact].places
                         if not place.errs]  # fmt: skip
            candidates = [d for d in documents if d.address and d.publisher not in publishers]
            if not candidates or any(d.id in shown for d in documents):
                continue
            best = min(candidates, key=lambda d: _usefulness(d, language))
            shown[best.id] = best
            publishers.add(best.publisher)
            if len(shown) == most:
                break
        return tuple(shown.values())


_KINDS = ("authority", "court", "law", "consumer", "company", "association", "press", "community")
_RELIABILITY = ("high", "medium", "low")


def _usefulness(document: Document, language: str) -> tuple[int, int, int, str]:
    readable = 0 if document.language == language else 1 if document.language == "en" else 2
    reliable = _RELIABILITY.index(document.reliability)
    return (reliable, readable, _KINDS.index(document.kind), document.id)
