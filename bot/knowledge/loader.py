"""Reads faq/ and locales/ into `Knowledge`, or says everything that is wrong with them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from babel import UnknownLocaleError

from bot.knowledge import formats
from bot.knowledge.catalog import Catalog
from bot.knowledge.faults import ContentError, Fault, Severity
from bot.knowledge.markup import LINK, PLACEHOLDER, Block, fill, parse
from bot.knowledge.model import (
    FALLBACK_LANGUAGE,
    Answer,
    Choice,
    Document,
    Fact,
    Flow,
    Group,
    Knowledge,
    Link,
    Place,
    Question,
    Screen,
    Target,
    Topic,
)
from bot.knowledge.strict_yaml import Reading, Value, read

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


def load(faq: Path, locales: Path) -> Knowledge:
    """Read the content of two folders.

    Raises:
        ContentError: with all faults that were found; nothing is used of broken content.
    """
    knowledge, faults = examine(faq, locales)
    errors = [fault for fault in faults if fault.severity is Severity.ERROR]
    if errors or knowledge is None:
        raise ContentError(errors)
    return knowledge


def examine(faq: Path, locales: Path) -> tuple[Knowledge | None, list[Fault]]:
    """Read the content; give what could be built (None where too much is broken) and all faults."""
    work = _Work()
    shared = {
        name: work.read(faq / f"{name}.yaml")
        for name in ("topics", "documents", "facts", "links", "objection")
    }
    languages = sorted(p.name for p in faq.iterdir() if p.is_dir()) if faq.is_dir() else []
    own = {
        language: [work.read(file) for file in sorted((faq / language).glob("*.yaml"))]
        for language in languages
    }
    spoken = {language: work.read(locales / f"{language}.yaml") for language in languages}
    if work.faults or not languages:
        # Nothing can be said of the rest before the files can be read.
        return None, work.faults or [_no_languages(faq)]
    return _Builder(work, languages, shared, own, spoken, locales).build(), work.faults


def _no_languages(faq: Path) -> Fault:
    return Fault(faq, 1, "no-languages", "no folder with a language in it",
                 "point FAQ_DIR to the folder that holds topics.yaml and en/")  # fmt: skip


@dataclass
class _Work:
    """Collects faults, so that one run names them all."""

    faults: list[Fault] = field(default_factory=list)

    def read(self, file: Path) -> Reading:
        try:
            return read(file)
        except ContentError as error:
            self.faults.extend(error.faults)
            return Reading(file, {}, {})

    def fault(
        self, at: Reading, rule: str, message: str, remedy: str, *place: str | int
    ) -> None:
        self.faults.append(at.fault(rule, message, remedy, *place))

    def mapping(
        self,
        at: Reading,
        value: Value,
        *place: str | int,
        required: frozenset[str] = frozenset(),
        optional: frozenset[str] | None = frozenset(),
    ) -> dict[str, Value]:
        """A mapping with just these keys (`optional=None`: with any)."""
        if not isinstance(value, dict):
            self.fault(at, "shape", "a mapping (key: value) belongs here",
                       "see the same place in a neighbouring entry", *place)  # fmt: skip
            return {}
        for key in required - value.keys():
            self.fault(at, "missing", f'"{key}" is missing', f"add a line {key}: …", *place)
        if optional is not None:
            for key in value.keys() - required - optional:
                known = ", ".join(sorted(required | optional))
                self.fault(at, "unknown-key", f'"{key}" is not known here',
                           f"known are: {known}", *place, key)  # fmt: skip
        return value

    def text(self, at: Reading, value: Value, *place: str | int) -> str:
        if not isinstance(value, str) or not value.strip():
            self.fault(at, "shape", "a text belongs here", "write one after the colon", *place)
            return ""
        return value.strip()

    def texts(self, at: Reading, value: Value, *place: str | int) -> list[str]:
        if not isinstance(value, list):
            self.fault(at, "shape", "a list belongs here", 'start each line with "- "', *place)
            return []
        return [self.text(at, item, *place, n) for n, item in enumerate(value)]

    def one_of(self, at: Reading, value: str, known: frozenset[str], *place: str | int) -> str:
        if value not in known:
            self.fault(at, "unknown-value", f'"{value}" is not known here',
                       f"one of: {', '.join(sorted(known))}", *place)  # fmt: skip
        return value

    def day(self, at: Reading, value: str, *place: str | int) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fault(at, "date", f'"{value}" is no date', "write it like 2026-11-21", *place)
            return date.min


class _Builder:
    def __init__(
        self,
        work: _Work,
        languages: list[str],
        shared: Mapping[str, Reading],
        own: Mapping[str, list[Reading]],
        spoken: Mapping[str, Reading],
        locales: Path,
    ) -> None:
        self.work, self.languages = work, languages
        self.shared, self.own, self.spoken, self.locales = shared, own, spoken, locales
        self.links: dict[str, Link] = {}
        self.facts: dict[str, Fact] = {}
        self.topics: dict[str, Topic] = {}
        self.fact_texts: dict[str, dict[str, str]] = {}
        self.kinds: set[str] = set()

    def build(self) -> Knowledge | None:
        work = self.work
        documents = dict(self._documents())
        self.facts = dict(self._facts(documents))
        hosts = self._links()
        groups = self._topics()
        known = [language for language in self.languages if self._is_language(language)]
        self.fact_texts = {language: self._fact_texts(language) for language in known}
        catalogs = {language: self._catalog(language) for language in known}
        if FALLBACK_LANGUAGE not in catalogs:
            work.fault(self.shared["topics"], "no-english", "there is no English (en)",
                       "English is the fallback: add faq/en and locales/en.yaml")  # fmt: skip
            return None
        self._same_keys(catalogs)
        answers: dict[str, dict[str, Answer]] = {}
        outside: dict[str, tuple[str, ...]] = {}
        chitchat: dict[str, dict[str, tuple[str, ...]]] = {}
        for language in known:
            answers[language], outside[language], chitchat[language] = self._language(language)
        flow = self._flow(catalogs[FALLBACK_LANGUAGE])
        if flow is None or any(f.severity is Severity.ERROR for f in work.faults):
            return None
        return Knowledge(
            languages=tuple(known),
            groups=tuple(groups),
            topics=self.topics,
            answers=answers,
            outside=outside,
            chitchat=chitchat,
            facts=self.facts,
            documents=documents,
            links=self.links,
            hosts=frozenset(hosts),
            catalogs=catalogs,
            flow=flow,
        )

    def _is_language(self, language: str) -> bool:
        try:
            formats.locale_of(language)
        except (ValueError, UnknownLocaleError):
            self.work.faults.append(
                Fault(self.own[language][0].file if self.own[language] else Path(language), 1,
                      "unknown-language", f'"{language}" is no language tag',
                      "name the folder like fr or pt-br")  # fmt: skip
            )
            return False
        return True

    # -- what is true -------------------------------------------------------------------------

    def _entries(self, name: str) -> Iterator[tuple[str, Value]]:
        at = self.shared[name]
        for key, value in self.work.mapping(at, at.value, optional=None).items():
            if not ID.fullmatch(key):
                self.work.fault(at, "id", f'"{key}" is no id',
                                "use lower-case letters, digits and hyphens", key)  # fmt: skip
            yield key, value

    def _documents(self) -> Iterator[tuple[str, Document]]:
        work, at = self.work, self.shared["documents"]
        for key, value in self._entries("documents"):
            entry = work.mapping(
                at, value, key,
                required=frozenset({"publisher", "title", "date", "language", "kind", "reliability"}),
                optional=frozenset({"address", "note"}),
            )  # fmt: skip
            text = {name: work.text(at, entry[name], key, name) for name in entry}
            work.one_of(at, text.get("kind", "press"), KINDS, key, "kind")
            work.one_of(at, text.get("reliability", "low"), frozenset({"high", "medium", "low"}),
                        key, "reliability")  # fmt: skip
            if "date" in text and not VALUE_FORMS["date"].fullmatch(text["date"]):
                work.fault(at, "date", f'"{text["date"]}" is no date',
                           "write 2025-05-27, 2025-05 or 2025", key, "date")  # fmt: skip
            address = text.get("address")
            if address and not _is_web_address(address):
                work.fault(at, "address", f'"{address}" is no https address',
                           "write it whole, from https://", key, "address")  # fmt: skip
            yield key, Document(
                id=key,
                publisher=text.get("publisher", ""),
                title=text.get("title", ""),
                date=text.get("date", ""),
                language=text.get("language", ""),
                kind=text.get("kind", "press"),
                address=address,
                reliability=text.get("reliability", "low"),
            )

    def _facts(self, documents: Mapping[str, Document]) -> Iterator[tuple[str, Fact]]:
        work, at = self.work, self.shared["facts"]
        for key, value in self._entries("facts"):
            entry = work.mapping(
                at, value, key,
                required=frozenset({"statement", "status", "says", "as_of", "checked", "documents"}),
                optional=frozenset({"note", "review_by", "replaced_by", *VALUE_FORMS}),
            )  # fmt: skip
            text = {
                name: work.text(at, item, key, name)
                for name, item in entry.items()
                if name != "documents"
            }
            work.one_of(at, text.get("status", "reported"), STATES, key, "status")
            work.one_of(at, text.get("says", "us"), CARRIERS, key, "says")
            values = {name: text[name] for name in VALUE_FORMS if name in text}
            for name, form in VALUE_FORMS.items():
                if name in values and not form.fullmatch(values[name]):
                    work.fault(at, "value", f'"{values[name]}" is no {name}',
                               f"write it like {_EXAMPLES[name]}", key, name)  # fmt: skip
            review = text.get("review_by")
            yield key, Fact(
                id=key,
                statement=text.get("statement", ""),
                status=text.get("status", ""),
                says=text.get("says", ""),
                as_of=text.get("as_of", ""),
                checked=work.day(at, text.get("checked", ""), key, "checked"),
                places=tuple(self._places(at, key, entry.get("documents", []), documents)),
                values=values,
                note=text.get("note", ""),
                review_by=work.day(at, review, key, "review_by") if review else None,
            )

    def _places(
        self, at: Reading, key: str, value: Value, documents: Mapping[str, Document]
    ) -> Iterator[Place]:
        work = self.work
        if not isinstance(value, list) or not value:
            work.fault(at, "no-source", "no document stands behind this fact",
                       "add documents: with at least one id of documents.yaml", key)  # fmt: skip
            return
        for n, item in enumerate(value):
            entry = work.mapping(at, item, key, "documents", n, required=frozenset({"id"}),
                                 optional=frozenset({"at", "errs"}))  # fmt: skip
            name = str(entry.get("id", ""))
            if name not in documents:
                work.fault(at, "unknown-document", f'there is no document "{name}"',
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
        work, at = self.work, self.shared["links"]
        whole = work.mapping(at, at.value, required=frozenset({"hosts", "links"}))
        hosts = set(work.texts(at, whole.get("hosts", []), "hosts"))
        for key, value in work.mapping(at, whole.get("links", {}), "links", optional=None).items():
            entry = work.mapping(at, value, "links", key, required=frozenset({"url"}),
                                 optional=frozenset({"urls", "checked", "note"}))  # fmt: skip
            url = work.text(at, entry.get("url", ""), "links", key, "url")
            by_language = {
                language: work.text(at, text, "links", key, "urls", language)
                for language, text in work.mapping(
                    at, entry.get("urls", {}), "links", key, "urls", optional=None
                ).items()
            }
            for address in (url, *by_language.values()):
                if not _is_web_address(address):
                    work.fault(at, "address", f'"{address}" is no https address',
                               "write it whole, from https://", "links", key)  # fmt: skip
                elif not _is_listed(address, hosts):
                    work.fault(at, "host", f"{urlsplit(address).hostname} is not in `hosts`",
                               "add the host if it is the right one: readers are sent there",
                               "links", key)  # fmt: skip
            self.links[key] = Link(key, url, by_language)
        return hosts

    # -- what is asked ------------------------------------------------------------------------

    def _topics(self) -> list[Group]:
        work, at = self.work, self.shared["topics"]
        groups: list[Group] = []
        for group, members in self._entries("topics"):
            entries = work.mapping(at, members, group, optional=None)
            groups.append(Group(group, tuple(entries)))
            for key, value in entries.items():
                entry = work.mapping(at, value, group, key,
                                     optional=frozenset({"scope", "related", "facts", "objection"}))  # fmt: skip
                if key in self.topics:
                    work.fault(at, "topic-twice", f'"{key}" stands in two groups',
                               "keep one", group, key)  # fmt: skip
                self.topics[key] = Topic(
                    id=key,
                    group=group,
                    related=tuple(work.texts(at, entry.get("related", []), group, key, "related")),
                    facts=tuple(work.texts(at, entry.get("facts", []), group, key, "facts")),
                    starts_objection=entry.get("objection") == "true",
                )
        for topic in self.topics.values():
            for n, other in enumerate(topic.related):
                if other not in self.topics or other == topic.id:
                    work.fault(at, "unknown-topic", f'"{other}" is no other topic',
                               "use an id of this file", topic.group, topic.id, "related", n)  # fmt: skip
            for n, fact in enumerate(topic.facts):
                if fact not in self.facts:
                    work.fault(at, "unknown-fact", f'there is no fact "{fact}"',
                               "add it to facts.yaml or correct the id",
                               topic.group, topic.id, "facts", n)  # fmt: skip
        return groups

    def _language(
        self, language: str
    ) -> tuple[dict[str, Answer], tuple[str, ...], dict[str, tuple[str, ...]]]:
        work = self.work
        answers: dict[str, Answer] = {}
        outside: list[str] = []
        chitchat: dict[str, tuple[str, ...]] = {}
        for at in self.own[language]:
            entries = work.mapping(at, at.value, optional=None)
            if at.file.stem == "outside":
                for key in entries:
                    outside += work.texts(at, entries[key], key)
            elif at.file.stem == "chitchat":
                for key in entries:
                    if not self.spoken[language].value or f"chitchat.{key}" not in self.kinds:
                        work.fault(at, "unknown-chitchat", f'no reply for "{key}"',
                                   f"add chitchat: {key}: … to locales/, or correct the key",
                                   key)  # fmt: skip
                    chitchat[key] = tuple(work.texts(at, entries[key], key))
            else:
                for key, value in entries.items():
                    if key not in self.topics:
                        work.fault(at, "unknown-topic", f'"{key}" is not in topics.yaml',
                                   "correct the id, or add the topic there", key)  # fmt: skip
                    elif key in answers:
                        work.fault(at, "topic-twice", f'"{key}" is answered in two files',
                                   "keep one of the two", key)  # fmt: skip
                    else:
                        answers[key] = self._answer(at, language, key, value)
        missing = [topic for topic in self.topics if topic not in answers]
        if missing and self.own[language]:
            work.fault(self.own[language][0], "missing-topic",
                       f"no answer in {language} to: {', '.join(missing)}",
                       "add each to the file of its group")  # fmt: skip
        return answers, tuple(outside), chitchat

    def _answer(self, at: Reading, language: str, key: str, value: Value) -> Answer:
        work = self.work
        entry = work.mapping(at, value, key,
                             required=frozenset({"title", "short", "detail", "phrasings"}))  # fmt: skip
        title = work.text(at, entry.get("title", ""), key, "title")
        if len(title) > TITLE_LENGTH:
            work.fault(at, "title-length", f"{len(title)} characters", f"at most {TITLE_LENGTH}: "
                       "it is a button", key, "title")  # fmt: skip
        return Answer(
            title=title,
            short=self._blocks(at, language, entry.get("short", ""), key, "short"),
            detail=self._blocks(at, language, entry.get("detail", ""), key, "detail"),
            phrasings=tuple(work.texts(at, entry.get("phrasings", []), key, "phrasings")),
        )

    def _blocks(
        self, at: Reading, language: str, value: Value, *place: str | int
    ) -> tuple[Block, ...]:
        text = self.work.text(at, value, *place)
        self._references(at, text, frozenset(), *place)
        return parse(
            fill(text, self.fact_texts[language]),
            lambda name: self.links[name].address(language) if name in self.links else "",
        )

    def _references(
        self, at: Reading, text: str, values: frozenset[str], *place: str | int
    ) -> None:
        """Complain about placeholders and links that lead nowhere, and about HTML."""
        work = self.work
        for found in PLACEHOLDER.finditer(text):
            name, _, kind = found[1].partition(".")
            fact = self.facts.get(name)
            if found[1] in values or (fact and (kind in fact.values if kind else fact.values)):
                continue
            work.fault(at, "unknown-placeholder", f"{found[0]} stands for nothing",
                       "use the id of a fact with a date, sum, number or percent",
                       *place)  # fmt: skip
        for found in LINK.finditer(text):
            if found[2] not in self.links:
                work.fault(at, "unknown-link", f'there is no link "{found[2]}"',
                           "add it to links.yaml or correct the id", *place)  # fmt: skip
        if "<" in text or "://" in text:
            work.fault(at, "raw-markup", "HTML or an address in a text",
                       "use **bold** and [words](link-id)", *place)  # fmt: skip

    # -- what the interface says --------------------------------------------------------------

    def _catalog(self, language: str) -> Catalog:
        at = self.spoken[language]
        texts: dict[str, str] = {}

        def walk(value: Value, *place: str) -> None:
            if isinstance(value, dict):
                for key, inner in value.items():
                    walk(inner, *place, key)
            else:
                text = self.work.text(at, value, *place)
                texts[".".join(place)] = fill(text, self.fact_texts[language])
                self._references(at, text, _RUNTIME, *place)
                if "button" in place and len(text) > LABEL_LENGTH:
                    self.work.fault(at, "label-length", f"{len(text)} characters",
                                    f"at most {LABEL_LENGTH}: it is a button", *place)  # fmt: skip

        walk(at.value)
        if language == FALLBACK_LANGUAGE:
            self.kinds = {key for key in texts if key.startswith("chitchat.")}
        return Catalog(language, texts)

    def _same_keys(self, catalogs: Mapping[str, Catalog]) -> None:
        english = catalogs[FALLBACK_LANGUAGE].texts
        for language, catalog in catalogs.items():
            at = self.spoken[language]
            for key in english.keys() - catalog.texts.keys():
                self.work.fault(at, "missing-text", f"{key} is missing",
                                f"English says: {english[key][:60]}", *key.split("."))  # fmt: skip
            for key in catalog.texts.keys() - english.keys():
                self.work.fault(at, "unknown-text", f"{key} is not in en.yaml",
                                "correct the key, or delete it", *key.split("."))  # fmt: skip
            for key in english.keys() & catalog.texts.keys():
                wanted, given = (set(PLACEHOLDER.findall(t[key])) for t in (english, catalog.texts))
                if wanted & _RUNTIME != given & _RUNTIME:
                    self.work.fault(at, "placeholders", f"{key}: placeholders differ from English",
                                    f"English has: {', '.join(sorted(wanted)) or 'none'}",
                                    *key.split("."))  # fmt: skip

    # -- the objection ------------------------------------------------------------------------

    def _flow(self, english: Catalog) -> Flow | None:
        work, at = self.work, self.shared["objection"]
        whole = work.mapping(
            at, at.value, required=frozenset({"version", "first", "questions", "forms", "screens"})
        )
        before = len(work.faults)
        questions = tuple(self._questions(at, whole.get("questions", {})))
        ids = {question.id for question in questions}
        entries = work.mapping(at, whole.get("screens", {}), "screens", optional=None)
        screens = {
            key: self._screen(at, key, value, entries.keys(), ids)
            for key, value in entries.items()
        }
        forms: dict[str, tuple[str, ...]] = {}
        for key, value in work.mapping(at, whole.get("forms", {}), "forms", optional=None).items():
            forms[key] = tuple(work.texts(at, value, "forms", key))
            for n, name in enumerate(forms[key]):
                if name not in self.links:
                    work.fault(at, "unknown-link", f'there is no link "{name}"',
                               "add it to links.yaml or correct the id", "forms", key, n)  # fmt: skip
        version = work.text(at, whole.get("version", ""), "version")
        if not version.isdecimal():
            work.fault(at, "value", "the version is a whole number", "raise it by one with each "
                       "change of questions or screens", "version")  # fmt: skip
        first = work.text(at, whole.get("first", ""), "first")
        if first not in screens:
            work.fault(at, "unknown-screen", f'there is no screen "{first}"',
                       "name one of `screens`", "first")  # fmt: skip
        self._screen_texts(at, screens, questions, english)
        if len(work.faults) > before:
            return None
        return Flow(int(version), questions, screens, first, forms)

    def _questions(self, at: Reading, value: Value) -> Iterator[Question]:
        work = self.work
        for key, item in work.mapping(at, value, "questions", optional=None).items():
            entry = work.mapping(at, item, "questions", key, required=frozenset({"options"}),
                                 optional=frozenset({"several", "alone"}))  # fmt: skip
            options = tuple(work.texts(at, entry.get("options", []), "questions", key, "options"))
            alone = tuple(work.texts(at, entry.get("alone", []), "questions", key, "alone"))
            yield Question(key, options, entry.get("several") == "true", alone)

    def _screen(
        self, at: Reading, key: str, value: Value, screens: "set[str] | object", questions: set[str]
    ) -> Screen:
        work = self.work
        entry = work.mapping(
            at, value, "screens", key,
            required=frozenset({"step"}),
            optional=frozenset({"back", "needs", "asks", "account", "to", "choices"}),
        )  # fmt: skip
        place = ("screens", key)

        def screen(name: str, *where: str | int) -> str:
            if name not in screens:  # type: ignore[operator]
                work.fault(at, "unknown-screen", f'there is no screen "{name}"',
                           "correct the name, or add the screen", *place, *where)  # fmt: skip
            return name

        def targets(target: Value, *where: str | int) -> tuple[Target, ...]:
            if isinstance(target, str):
                return (Target(screen(target, *where)),)
            found = []
            for n, item in enumerate(target if isinstance(target, list) else []):
                one = work.mapping(at, item, *place, *where, n, required=frozenset({"go"}),
                                   optional=frozenset({"when", "unfiles"}))  # fmt: skip
                when = work.mapping(at, one.get("when", {}), *place, *where, n, optional=None)
                found.append(
                    Target(
                        screen(str(one.get("go", "")), *where, n),
                        {
                            question: frozenset(
                                options if isinstance(options, list) else [options]  # type: ignore[list-item]
                            )
                            for question, options in when.items()
                        },
                        one.get("unfiles") == "true",
                    )
                )
            return tuple(found)

        choices = [
            Choice(
                name,
                targets(item.get("to", key) if isinstance(item, dict) else item, "choices", name),
                isinstance(item, dict) and item.get("files") == "true",
            )
            for name, item in work.mapping(
                at, entry.get("choices", {}), *place, "choices", optional=None
            ).items()
        ]
        asks = entry.get("asks")
        if isinstance(asks, str):
            if asks not in questions:
                work.fault(at, "unknown-question", f'there is no question "{asks}"',
                           "name one of `questions`", *place, "asks")  # fmt: skip
            choices.insert(0, Choice("", targets(entry.get("to", ""), "to")))
        back = entry.get("back")
        step = work.text(at, entry.get("step", ""), *place, "step")
        return Screen(
            id=key,
            step=int(step) if step.isdecimal() else 0,
            back=targets(back, "back") if back else (),
            needs=tuple(work.texts(at, entry.get("needs", []), *place, "needs")),
            asks=asks if isinstance(asks, str) else None,
            account=entry.get("account") == "true",
            choices=tuple(choices),
        )

    def _screen_texts(
        self, at: Reading, screens: Mapping[str, Screen], questions: tuple[Question, ...],
        english: Catalog,
    ) -> None:  # fmt: skip
        options = {question.id: question.options for question in questions}
        for screen in screens.values():
            wanted = [f"objection.{screen.id}.text"]
            wanted += [f"objection.{screen.id}.button.{c.id}" for c in screen.choices if c.id]
            wanted += [f"option.button.{o}" for o in options.get(screen.asks or "", ())]
            for key in wanted:
                if not english.has(key):
                    self.work.fault(at, "missing-text", f"locales/en.yaml has no {key}",
                                    "add it there", "screens", screen.id)  # fmt: skip


_RUNTIME = frozenset(
    {
        "account", "accounts", "bot", "checked", "contact", "count", "country", "date", "host",
        "kept", "language", "left", "of", "operator", "path", "step", "title", "topic", "total",
    }
)  # fmt: skip
"""Names that the code sets in; every other placeholder is a fact."""

_EXAMPLES = {"date": "2025-05-27", "sum": "251000000 EUR", "number": "18", "percent": "7"}
_SHOW = {
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
