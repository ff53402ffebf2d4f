"""Reads faq/ and locales/ into `Knowledge`, or says everything that is wrong with them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from babel import UnknownLocaleError

from bot.knowledge import formats
from bot.knowledge.authorities import read_authorities
from bot.knowledge.catalog import Catalog
from bot.knowledge.faults import ContentError, Fault, Severity
from bot.knowledge.files import PHRASINGS_ONLY, ContentFiles, RawAnswer
from bot.knowledge.flow import read_flow
from bot.knowledge.kept import Kept
from bot.knowledge.lineage import is_stale
from bot.knowledge.markup import LINK, PLACEHOLDER, Block, fill, parse
from bot.knowledge.model import (
    FALLBACK_LANGUAGE,
    Answer,
    Document,
    Fact,
    Group,
    Knowledge,
    Link,
    Place,
    Text,
    Topic,
)
from bot.knowledge.shape import Shape
from bot.knowledge.strict_yaml import Reading, Value

TITLE_LENGTH = 24
"""Characters of a title: what fits on half a phone's width beside another button."""
LABEL_LENGTH = 32
"""Characters of any other button label."""
KINDS = frozenset(
    {"law", "court", "authority", "company", "press", "consumer", "association", "community"}
)
CARRIERS = frozenset(
    {"meta", "law", "court", "authority", "consumer", "association", "press", "us"}
)
STATES = frozenset({"confirmed", "reported", "disputed", "superseded"})
VALUE_FORMS = {
    "date": re.compile(r"(19|20)\d\d(-\d\d(-\d\d)?)?"),
    "sum": re.compile(r"[1-9]\d* [A-Z]{3}"),
    "number": re.compile(r"\d+"),
    "percent": re.compile(r"\d+"),
}
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def load(faq: Path, locales: Path, cache: Path | None = None) -> Knowledge:
    """Read the content of two folders; what was parsed is kept in the cache, if there is one.

    Raises:
        ContentError: with all faults that were found; nothing is used of broken content.
    """
    examination = examine(faq, locales, cache)
    errors = [fault for fault in examination.faults if fault.severity is Severity.ERROR]
    if errors or examination.knowledge is None:
        raise ContentError(errors)
    return examination.knowledge


@dataclass(frozen=True, slots=True)
class Examination:
    """What was read, what could be made of it, and what is wrong with it."""

    files: ContentFiles
    knowledge: Knowledge | None
    """None where too much is broken."""
    faults: list[Fault]
    topics: Mapping[str, Topic]
    facts: Mapping[str, Fact]
    """Topics and facts as far as they could be read, also where the rest is broken."""


def examine(faq: Path, locales: Path, cache: Path | None = None) -> Examination:
    """Read the content and collect all faults of its shape."""
    shape = Shape(kept=Kept.open(cache))
    files = ContentFiles.read(shape, faq, locales)
    shape.kept.save()
    if not files.own and not shape.faults:
        remedy = "point FAQ_DIR to the folder that holds topics.yaml and en/"
        shape.faults.append(
            Fault(faq, 1, "no-languages", "no folder with a language in it", remedy)
        )
    if shape.faults:
        # Nothing can be said of the rest before the files can be read.
        return Examination(files, None, shape.faults, {}, {})
    builder = _Builder(shape, files)
    knowledge = builder.build()
    return Examination(files, knowledge, shape.faults, builder.topics, builder.facts)


class _Builder:
    def __init__(self, shape: Shape, files: ContentFiles) -> None:
        self.shape, self.files = shape, files
        self.links: dict[str, Link] = {}
        self.facts: dict[str, Fact] = {}
        self.topics: dict[str, Topic] = {}
        self.fact_texts: dict[str, dict[str, str]] = {}
        self.kinds: set[str] = set()
        self.meta_hosts: frozenset[str] = frozenset()
        self.english = {
            raw.topic: raw for raw in files.answers() if raw.language == FALLBACK_LANGUAGE
        }

    def build(self) -> Knowledge | None:
        shape = self.shape
        documents = dict(self._documents())
        self.facts = dict(self._facts(documents))
        hosts = self._links()
        groups = self._topics()
        known = [language for language in self.files.own if self._is_language(language)]
        self.fact_texts = {language: self._fact_texts(language) for language in known}
        catalogs = {language: self._catalog(language) for language in known}
        if FALLBACK_LANGUAGE not in catalogs:
            shape.fault(self.files.shared["topics"], "no-english", "there is no English (en)",
                       "English is the fallback: add faq/en and locales/en.yaml")  # fmt: skip
            return None
        self._same_keys(catalogs)
        answers = {language: self._answers(language) for language in known}
        outside = {
            language: tuple(chain.from_iterable(self._phrasings(language, "outside").values()))
            for language in known
        }
        chitchat = {language: self._phrasings(language, "chitchat") for language in known}
        openings = {
            language: tuple(chain.from_iterable(self._phrasings(language, "openings").values()))
            for language in known
        }
        flow = read_flow(
            shape,
            self.files.shared["objection"],
            self.links.keys(),
            self.topics.keys(),
            catalogs[FALLBACK_LANGUAGE],
        )
        authorities = read_authorities(
            shape,
            self.files.shared["authorities"],
            lambda url: _is_web_address(url) and _is_listed(url, hosts),
        )
        if flow is None or any(f.severity is Severity.ERROR for f in shape.faults):
            return None
        return Knowledge(
            languages=tuple(known),
            groups=tuple(groups),
            topics=self.topics,
            answers=answers,
            outside=outside,
            chitchat=chitchat,
            openings=openings,
            facts=self.facts,
            documents=documents,
            links=self.links,
            hosts=frozenset(hosts),
            meta_hosts=self.meta_hosts,
            catalogs=catalogs,
            flow=flow,
            authorities=authorities,
        )

    def _is_language(self, language: str) -> bool:
        try:
            formats.locale_of(language)
        except (ValueError, UnknownLocaleError):
            message, remedy = f'"{language}" is no language tag', "name the folder like fr or pt-br"
            self.shape.faults.append(
                Fault(self.files.faq / language, 1, "unknown-language", message, remedy)
            )
            return False
        return True

    # -- what is true -------------------------------------------------------------------------

    def _entries(self, name: str) -> Iterator[tuple[str, Value]]:
        at = self.files.shared[name]
        for key, value in self.shape.mapping(at, at.value, optional=None).items():
            if not ID.fullmatch(key):
                self.shape.fault(at, "id", f'"{key}" is no id',
                                "use lower-case letters, digits and hyphens", key)  # fmt: skip
            yield key, value

    def _documents(self) -> Iterator[tuple[str, Document]]:
        shape, at = self.shape, self.files.shared["documents"]
        for key, value in self._entries("documents"):
            entry = shape.mapping(
                at, value, key,
                required=frozenset({"publisher", "title", "date", "language", "kind", "reliability"}),
                optional=frozenset({"address", "note"}),
            )  # fmt: skip
            text = {name: shape.text(at, entry[name], key, name) for name in entry}
            shape.one_of(at, text.get("kind", "press"), KINDS, key, "kind")
            shape.one_of(at, text.get("reliability", "low"), frozenset({"high", "medium", "low"}),
                        key, "reliability")  # fmt: skip
            if "date" in text and not VALUE_FORMS["date"].fullmatch(text["date"]):
                shape.fault(at, "date", f'"{text["date"]}" is no date',
                           "write 2025-05-27, 2025-05 or 2025", key, "date")  # fmt: skip
            address = text.get("address")
            if address and not _is_web_address(address):
                shape.fault(at, "address", f'"{address}" is no https address',
                           "write it whole, from https://", key, "address")  # fmt: skip
            yield (
                key,
                Document(
                    id=key,
                    publisher=text.get("publisher", ""),
                    title=text.get("title", ""),
                    date=text.get("date", ""),
                    language=text.get("language", ""),
                    kind=text.get("kind", "press"),
                    address=address,
                    reliability=text.get("reliability", "low"),
                ),
            )

    def _facts(self, documents: Mapping[str, Document]) -> Iterator[tuple[str, Fact]]:
        shape, at = self.shape, self.files.shared["facts"]
        for key, value in self._entries("facts"):
            entry = shape.mapping(
                at, value, key,
                required=frozenset({"statement", "status", "says", "as_of", "checked", "documents"}),
                optional=frozenset({"note", "review_by", "replaced_by", *VALUE_FORMS}),
            )  # fmt: skip
            text = {
                name: shape.text(at, item, key, name)
                for name, item in entry.items()
                if name != "documents"
            }
            shape.one_of(at, text.get("status", "reported"), STATES, key, "status")
            shape.one_of(at, text.get("says", "us"), CARRIERS, key, "says")
            values = {name: text[name] for name in VALUE_FORMS if name in text}
            for name, form in VALUE_FORMS.items():
                if name in values and not form.fullmatch(values[name]):
                    shape.fault(at, "value", f'"{values[name]}" is no {name}',
                               f"write it like {_EXAMPLES[name]}", key, name)  # fmt: skip
            review = text.get("review_by")
            yield (
                key,
                Fact(
                    id=key,
                    statement=text.get("statement", ""),
                    status=text.get("status", ""),
                    says=text.get("says", ""),
                    as_of=text.get("as_of", ""),
                    checked=shape.day(at, text.get("checked", ""), key, "checked"),
                    places=tuple(self._places(at, key, entry.get("documents", []), documents)),
                    values=values,
                    note=text.get("note", ""),
                    review_by=shape.day(at, review, key, "review_by") if review else None,
                    replaced_by=text.get("replaced_by"),
                ),
            )

    def _places(
        self, at: Reading, key: str, value: Value, documents: Mapping[str, Document]
    ) -> Iterator[Place]:
        shape = self.shape
        if not isinstance(value, list) or not value:
            shape.fault(at, "no-source", "no document stands behind this fact",
                       "add documents: with at least one id of documents.yaml", key)  # fmt: skip
            return
        for n, item in enumerate(value):
            entry = shape.mapping(at, item, key, "documents", n, required=frozenset({"id"}),
                                 optional=frozenset({"at", "errs"}))  # fmt: skip
            name = str(entry.get("id", ""))
            if name not in documents:
                shape.fault(at, "unknown-document", f'there is no document "{name}"',
                           "add it to documents.yaml or correct the id",
                           key, "documents", n)  # fmt: skip
                continue
            yield Place(name, str(entry.get("at", "")), entry.get("errs") == "true")

    def _fact_texts(self, language: str) -> dict[str, str]:
        """What each placeholder stands for in a language: {training-start}, {fine-2023.sum}."""
        shown: dict[str, str] = {}
        for fact in self.facts.values():
            for kind, value in fact.values.items():
                try:
                    text = _SHOW[kind](value, language)
                except ValueError:  # the form of the value was complained about already
                    continue
                shown[f"{fact.id}.{kind}"] = text
                shown.setdefault(fact.id, text)
        return shown

    def _links(self) -> set[str]:
        shape, at = self.shape, self.files.shared["links"]
        whole = shape.mapping(at, at.value, required=frozenset({"meta", "hosts", "links"}))
        self.meta_hosts = frozenset(shape.texts(at, whole.get("meta", []), "meta"))
        hosts = {*shape.texts(at, whole.get("hosts", []), "hosts"), *self.meta_hosts}
        for key, value in shape.mapping(at, whole.get("links", {}), "links", optional=None).items():
            entry = shape.mapping(at, value, "links", key, required=frozenset({"url"}),
                                 optional=frozenset({"urls", "checked", "note"}))  # fmt: skip
            url = shape.text(at, entry.get("url", ""), "links", key, "url")
            by_language = {
                language: shape.text(at, text, "links", key, "urls", language)
                for language, text in shape.mapping(
                    at, entry.get("urls", {}), "links", key, "urls", optional=None
                ).items()
            }
            for address in (url, *by_language.values()):
                if not _is_web_address(address):
                    shape.fault(at, "address", f'"{address}" is no https address',
                               "write it whole, from https://", "links", key)  # fmt: skip
                elif not _is_listed(address, hosts):
                    shape.fault(at, "host", f"{urlsplit(address).hostname} is not in `hosts`",
                               "add the host if it is the right one: readers are sent there",
                               "links", key)  # fmt: skip
            self.links[key] = Link(key, url, by_language)
        return hosts

    # -- what is asked ------------------------------------------------------------------------

    def _topics(self) -> list[Group]:
        shape, at = self.shape, self.files.shared["topics"]
        groups: list[Group] = []
        for group, members in self._entries("topics"):
            entries = shape.mapping(at, members, group, optional=None)
            groups.append(Group(group, tuple(entries)))
            for key, value in entries.items():
                entry = shape.mapping(at, value, group, key,
                                     optional=frozenset({"scope", "related", "facts", "objection"}))  # fmt: skip
                if key in self.topics:
                    shape.fault(at, "topic-twice", f'"{key}" stands in two groups',
                               "keep one", group, key)  # fmt: skip
                self.topics[key] = Topic(
                    id=key,
                    group=group,
                    related=tuple(shape.texts(at, entry.get("related", []), group, key, "related")),
                    facts=tuple(shape.texts(at, entry.get("facts", []), group, key, "facts")),
                    starts_objection=entry.get("objection") == "true",
                )
        for topic in self.topics.values():
            for n, other in enumerate(topic.related):
                if other not in self.topics or other == topic.id:
                    shape.fault(at, "unknown-topic", f'"{other}" is no other topic',
                               "use an id of this file", topic.group, topic.id, "related", n)  # fmt: skip
            for n, fact in enumerate(topic.facts):
                if fact not in self.facts:
                    shape.fault(at, "unknown-fact", f'there is no fact "{fact}"',
                               "add it to facts.yaml or correct the id",
                               topic.group, topic.id, "facts", n)  # fmt: skip
        return groups

    def _answers(self, language: str) -> dict[str, Answer]:
        shape = self.shape
        answers: dict[str, Answer] = {}
        for at in self.files.own[language]:
            if at.file.stem in PHRASINGS_ONLY:
                continue
            for key, value in shape.mapping(at, at.value, optional=None).items():
                if key not in self.topics:
                    shape.fault(at, "unknown-topic", f'"{key}" is not in topics.yaml',
                                "correct the id, or add the topic there", key)  # fmt: skip
                elif key in answers:
                    shape.fault(at, "topic-twice", f'"{key}" is answered in two files',
                                "keep one of the two", key)  # fmt: skip
                else:
                    answers[key] = self._answer(at, language, key, value)
        if missing := [topic for topic in self.topics if topic not in answers]:
            listed = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")  # noqa: PLR2004
            shape.faults.append(
                Fault(
                    self.files.faq / language,
                    1,
                    "missing-topic",
                    f"{len(missing)} topics have no answer in {language}: {listed}",
                    f"add each to the file of its group, such as {language}/data.yaml",
                )
            )
        return answers

    def _phrasings(self, language: str, stem: str) -> dict[str, tuple[str, ...]]:
        """Phrasings of a file that holds nothing else: outside.yaml or chitchat.yaml."""
        shape = self.shape
        found: dict[str, tuple[str, ...]] = {}
        for at in self.files.own[language]:
            if at.file.stem != stem:
                continue
            for key, value in shape.mapping(at, at.value, optional=None).items():
                if stem == "chitchat" and f"chitchat.{key}" not in self.kinds:
                    shape.fault(at, "unknown-chitchat", f'no reply for "{key}"',
                                f"add chitchat: {key}: … to locales/, or correct the key",
                                key)  # fmt: skip
                found[key] = tuple(shape.texts(at, value, key))
        return found

    def _answer(self, at: Reading, language: str, key: str, value: Value) -> Answer:
        shape = self.shape
        entry = shape.mapping(at, value, key,
                             required=frozenset({"title", "short", "detail", "phrasings"}),
            optional=frozenset({"follows"}))  # fmt: skip
        title = shape.text(at, entry.get("title", ""), key, "title")
        if len(title) > TITLE_LENGTH:
            shape.fault(at, "title-length", f"{len(title)} characters", f"at most {TITLE_LENGTH}: "
                       "it is a button", key, "title")  # fmt: skip
        raw = RawAnswer(language, key, at, entry)
        facts = [self.facts[name] for name in self.topics[key].facts if name in self.facts]
        if "follows" not in entry:
            shape.fault(at, "no-follows", "it is not said which English this follows",
                        f"run: optout-bot follow {language} {key}", key)  # fmt: skip
        return Answer(
            title=title,
            short=self._text(at, language, entry.get("short", ""), key, "short"),
            detail=self._text(at, language, entry.get("detail", ""), key, "detail"),
            phrasings=tuple(shape.texts(at, entry.get("phrasings", []), key, "phrasings")),
            stale=is_stale(raw, self.english.get(key), facts),
        )

    def _text(self, at: Reading, language: str, value: Value, *place: str | int) -> Text:
        """A text, or a list of texts of which each but the last holds until a day."""
        shape = self.shape
        if not isinstance(value, list):
            return Text(((None, self._blocks(at, language, value, *place)),))
        variants: list[tuple[date | None, tuple[Block, ...]]] = []
        for n, item in enumerate(value):
            entry = shape.mapping(at, item, *place, n, required=frozenset({"text"}),
                                  optional=frozenset({"until"}))  # fmt: skip
            until = entry.get("until")
            last = n == len(value) - 1
            if (until is None) != last:
                shape.fault(at, "until", "each text but the last one needs a day it holds until",
                            "add until: 2026-12-31, and none to the last", *place, n)  # fmt: skip
            day = shape.day(at, str(until), *place, n, "until") if until and not last else None
            text = self._blocks(at, language, entry.get("text", ""), *place, n, "text")
            variants.append((day, text))
        return Text(tuple(variants) or ((None, ()),))

    def _blocks(
        self, at: Reading, language: str, value: Value, *place: str | int
    ) -> tuple[Block, ...]:
        text = self.shape.text(at, value, *place)
        self._references(at, text, frozenset(), *place)
        return parse(
            fill(text, self.fact_texts[language]),
            lambda name: self.links[name].address(language) if name in self.links else "",
        )

    def _references(
        self, at: Reading, text: str, values: frozenset[str], *place: str | int
    ) -> None:
        """Complain about placeholders and links that lead nowhere, and about HTML."""
        shape = self.shape
        for found in PLACEHOLDER.finditer(text):
            name, _, kind = found[1].partition(".")
            fact = self.facts.get(name)
            if found[1] in values or (fact and (kind in fact.values if kind else fact.values)):
                continue
            shape.fault(at, "unknown-placeholder", f"{found[0]} stands for nothing",
                       "use the id of a fact with a date, sum, number or percent",
                       *place)  # fmt: skip
        for found in LINK.finditer(text):
            if found[2] not in self.links:
                shape.fault(at, "unknown-link", f'there is no link "{found[2]}"',
                           "add it to links.yaml or correct the id", *place)  # fmt: skip
        if "<" in text or "://" in text:
            shape.fault(at, "raw-markup", "HTML or an address in a text",
                       "use **bold** and [words](link-id)", *place)  # fmt: skip

    # -- what the interface says --------------------------------------------------------------

    def _catalog(self, language: str) -> Catalog:
        at = self.files.spoken[language]
        texts: dict[str, str] = {}

        def walk(value: Value, *place: str) -> None:
            if isinstance(value, dict):
                for key, inner in value.items():
                    walk(inner, *place, key)
            else:
                text = self.shape.text(at, value, *place)
                texts[".".join(place)] = fill(text, self.fact_texts[language])
                self._references(at, text, _RUNTIME, *place)
                if "button" in place and len(text) > LABEL_LENGTH:
                    self.shape.fault(at, "label-length", f"{len(text)} characters",
                                    f"at most {LABEL_LENGTH}: it is a button", *place)  # fmt: skip

        walk(at.value)
        if language == FALLBACK_LANGUAGE:
            self.kinds = {key for key in texts if key.startswith("chitchat.")}
        return Catalog(language, texts)

    def _same_keys(self, catalogs: Mapping[str, Catalog]) -> None:
        english = catalogs[FALLBACK_LANGUAGE].texts
        for language, catalog in catalogs.items():
            at = self.files.spoken[language]
            for key in english.keys() - catalog.texts.keys():
                self.shape.fault(at, "missing-text", f"{key} is missing",
                                f"English says: {english[key][:60]}", *key.split("."))  # fmt: skip
            for key in catalog.texts.keys() - english.keys():
                self.shape.fault(at, "unknown-text", f"{key} is not in en.yaml",
                                "correct the key, or delete it", *key.split("."))  # fmt: skip
            for key in english.keys() & catalog.texts.keys():
                wanted, given = (set(PLACEHOLDER.findall(t[key])) for t in (english, catalog.texts))
                # A letter is written anew in each language: it may name the company twice.
                compared = _SET_IN if key.startswith("letter.") else _RUNTIME
                if wanted & compared != given & compared:
                    self.shape.fault(at, "placeholders", f"{key}: placeholders differ from English",
                                    f"English has: {', '.join(sorted(wanted)) or 'none'}",
                                    *key.split("."))  # fmt: skip


_RUNTIME = frozenset(
    {
        "account", "accounts", "bot", "checked", "contact", "count", "country", "date", "host",
        "language", "mode", "operator", "step", "title", "total",
        # the objection: answers, papers, authorities, reminders
        "about", "answer", "day", "languages", "mail", "month", "paper", "place", "reason",
        "status", "time", "way",
        # letters: whom they go to, what is put together, and blanks that people fill in
        "address", "answer-words", "authority", "company", "date-answer", "date-sent", "email",
        "name", "place-date", "profile", "reasons", "services", "signature",
    }
)  # fmt: skip
"""Names that the code sets in; every other placeholder is a fact."""

_SET_IN = frozenset({"reasons", "services", "signature"})
"""What a letter must hold in every language."""

_EXAMPLES = {"date": "2025-05-27", "sum": "251000000 EUR", "number": "18", "percent": "7"}
_SHOW: dict[str, Callable[[str, str], str]] = {
    "date": formats.show_date,
    "sum": formats.show_sum,
    "number": lambda value, language: formats.show_number(int(value), language),
    "percent": lambda value, language: formats.show_percent(int(value), language),
}


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and " " not in address


def _is_listed(address: str, hosts: set[str]) -> bool:
    host = urlsplit(address).hostname or ""
    return any(host == listed or host.endswith(f".{listed}") for listed in hosts)
