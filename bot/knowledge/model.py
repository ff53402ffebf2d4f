"""What the bot knows, as frozen objects. Built by `loader`, never changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import cached_property

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


class Regime(Enum):
    """The law that an authority works under."""

    GDPR = "gdpr"
    UK = "uk"
    SWISS = "swiss"


@dataclass(frozen=True, slots=True)
class Office:
    """Where a complaint is handed in."""

    names: Mapping[str, str]
    """By language of the country, the most spoken first."""
    site: str
    complaint: str
    """The page where a complaint begins; the home page where only that is known."""
    complaints: Mapping[str, str]
    """Other such pages, by language of the reader."""
    email: str | None
    address: tuple[str, ...]
    """Lines, as written in the country; none where none is certain."""
    addresses: Mapping[str, tuple[str, ...]]
    """The same as other languages of the country write it."""
    sure: str
    """`confirmed`: the page was seen; `seen`: an older address or others' notices; `home`."""

    def name(self, language: str) -> str:
        """Its name in a language of its country, else in the most spoken one."""
        return self.names.get(language) or next(iter(self.names.values()))

    def lines(self, language: str) -> tuple[str, ...]:
        """The postal address, in a language of the country."""
        return self.addresses.get(language, self.address)

    def page(self, language: str) -> str:
        """The page to complain on, for a reader of a language."""
        return self.complaints.get(language, self.complaint)


@dataclass(frozen=True, slots=True)
class Authority:
    """The data protection authority of a country."""

    country: str
    """ISO 3166 code."""
    short: str
    office: Office
    languages: tuple[str, ...]
    """In which a complaint can be handed in."""
    asks: tuple[str, ...]
    """What it expects; worded under `authority.asks` in locales/."""
    regime: Regime
    checked: date
    sources: tuple[str, ...]
    regions: Mapping[str, "Region"]
    """Where the regions of a country have authorities of their own."""
    lead: str | None = None
    """The region whose authority stands for the country."""

    def office_for(self, region: str | None) -> Office:
        """The office in charge of somebody who lives in a region."""
        chosen = self.regions.get(region or "") or self.regions.get(self.lead or "")
        return chosen.office if chosen else self.office


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a country with an authority of its own."""

    name: str
    office: Office


@dataclass(frozen=True, slots=True)
class Question:
    """One answer of the person that the objection needs."""

    id: str
    options: tuple[str, ...]
    several: bool = False
    alone: tuple[str, ...] = ()
    """Options that exclude all others."""
    most: int = 0
    """How many may be ticked at once; 0 for any number."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a button of the objection leads, if its conditions hold."""

    screen: str
    when: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By question (or `account`, the one whose turn it is): one of these options must be given.
    `any` stands for whichever."""
    reopens: bool = False
    """Whether going there takes the last account off the ones done."""


class Effect(Enum):
    """What a button of the objection notes beside leading on."""

    FILE = "file"
    """The current account's objection is sent."""
    CONFIRM = "confirm"
    """Meta has confirmed it."""
    WAY = "way"
    """The screen of this button is the way that worked."""
    AFRESH = "afresh"
    """Everything answered is forgotten."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A button of a screen."""

    id: str
    targets: tuple[Target, ...]
    """The first whose conditions hold."""
    does: tuple[Effect, ...] = ()
    when: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Where the button is shown at all; as for targets."""
    broken: bool = False
    """Whether it says that the screen's link does not open: counted, without a person."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One step of the objection."""

    id: str
    step: int
    """Place in "Step 3 of 8"; 0 for screens beside the way."""
    back: tuple[Target, ...]
    needs: tuple[str, ...]
    """Questions that must be answered before it can be shown."""
    asks: str | None = None
    """The question that its buttons answer."""
    likely: bool = False
    """Whether only the options that are likely in the person's language are shown."""
    account: bool = False
    """Whether it is about one account, the first that is left."""
    aside: bool = False
    """Whether it lies beside the way: it leads back to where one came from."""
    papers: tuple[str, ...] = ()
    """Letters that can be had here."""
    link: str | None = None
    """A page to visit from here, whatever the account."""
    topic: str | None = None
    """The topic that tells more."""
    reminds: str | None = None
    """What somebody may want to be reminded of here."""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Fitting:
    """Options of a question that alone make sense where a condition holds."""

    when: Mapping[str, frozenset[str]]
    """As in `Target`."""
    options: frozenset[str]


@dataclass(frozen=True)
class Flow:
    """The objection as data."""

    version: int
    questions: tuple[Question, ...]
    screens: Mapping[str, Screen]
    first: str
    ways: Mapping[str, Mapping[str, str]]
    """Links by account, then by the screen that shows them."""
    likely: Mapping[str, tuple[str, ...]]
    """Countries by language, the likeliest first."""
    company: tuple[str, ...]
    """Name and address of the company that letters go to, a line an item."""
    fitting: Mapping[str, "Fitting"]
    """By question, which options fit."""
    spared: Mapping[str, Mapping[str, frozenset[str]]]
    """Accounts for which there is nothing to send, by conditions as in `Target`."""

    @property
    def steps(self) -> int:
        """How many steps the longest way has."""
        return max(screen.step for screen in self.screens.values())

    def question(self, question_id: str) -> Question:
        """The question with this id."""
        return self.questions[self.places[question_id]]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each question among all."""
        return {question.id: place for place, question in enumerate(self.questions)}

    @cached_property
    def way_screens(self) -> frozenset[str]:
        """The screens that show a link of the current account."""
        return frozenset(screen for own in self.ways.values() for screen in own)


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
    authorities: Mapping[str, Authority]
    """By country."""

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
