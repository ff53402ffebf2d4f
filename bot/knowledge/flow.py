"""Reads faq/objection.yaml: the objection's questions, screens and ways."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from bot.knowledge.catalog import Catalog
from bot.knowledge.model import Choice, Effect, Fitting, Flow, Question, Screen, Target
from bot.knowledge.shape import Shape
from bot.knowledge.strict_yaml import Reading, Value

PAPERS = frozenset(
    {
        "reason",
        "objection",
        "reminder",
        "refusal",
        "complaint-silent",
        "complaint-refused",
        "receipt",
    }
)
"""What can be had to send or to keep; dialogue/writing.py writes them."""
REMINDERS = frozenset({"confirm", "month", "silent"})
"""What one can be reminded of; the texts stand in locales/ under `remind`."""


def read_flow(
    shape: Shape,
    at: Reading,
    links: AbstractSet[str],
    topics: AbstractSet[str],
    english: Catalog,
) -> Flow | None:
    """The flow, or None with faults in `shape`.

    `links`, `topics`: the ids there are. `english` must have a text for every screen and button.
    """
    before = len(shape.faults)
    flow = _FlowReader(shape, at, links, topics).read()
    _check_texts(shape, at, flow, english)
    return flow if len(shape.faults) == before else None


class _FlowReader:
    def __init__(
        self, shape: Shape, at: Reading, links: AbstractSet[str], topics: AbstractSet[str]
    ) -> None:
        self.shape, self.at, self.links, self.topics = shape, at, links, topics
        self.screens: AbstractSet[str] = frozenset()
        self.options: Mapping[str, AbstractSet[str]] = {}

    def read(self) -> Flow:
        shape, at = self.shape, self.at
        names = frozenset({"version", "first", "questions", "ways", "screens", "likely", "spared",
                           "company", "fitting"})  # fmt: skip
        whole = shape.mapping(at, at.value, required=names)
        questions = tuple(self._questions(whole.get("questions", {})))
        entries = shape.mapping(at, whole.get("screens", {}), "screens", optional=None)
        self.screens = entries.keys()
        self.options = {question.id: set(question.options) for question in questions}
        self.options = {**self.options, "account": self.options.get("accounts", set())}
        version = shape.text(at, whole.get("version", ""), "version")
        if not version.isdecimal():
            remedy = "raise it by one with each change of questions or screens"
            shape.fault(at, "value", "the version is a whole number", remedy, "version")
        spared = shape.mapping(at, whole.get("spared", {}), "spared", optional=None)
        return Flow(
            version=int(version) if version.isdecimal() else 0,
            questions=questions,
            screens={key: self._screen(key, value) for key, value in entries.items()},
            first=self._known_screen(shape.text(at, whole.get("first", ""), "first"), "first"),
            ways=dict(self._ways(whole.get("ways", {}))),
            likely=dict(self._likely(whole.get("likely", {}))),
            fitting=dict(self._fitting(whole.get("fitting", {}))),
            company=self._company(whole.get("company", {})),
            spared={key: self._when(value, "spared", key) for key, value in spared.items()},
        )

    def _questions(self, value: Value) -> Iterator[Question]:
        shape, at = self.shape, self.at
        for key, item in shape.mapping(at, value, "questions", optional=None).items():
            place = ("questions", key)
            entry = shape.mapping(at, item, *place, required=frozenset({"options"}),
                                  optional=frozenset({"several", "alone", "most"}))  # fmt: skip
            most = entry.get("most", "0")
            yield Question(
                key,
                tuple(shape.texts(at, entry.get("options", []), *place, "options")),
                entry.get("several") == "true",
                tuple(shape.texts(at, entry.get("alone", []), *place, "alone")),
                int(most) if isinstance(most, str) and most.isdecimal() else 0,
            )

    def _ways(self, value: Value) -> Iterator[tuple[str, dict[str, str]]]:
        shape, at = self.shape, self.at
        for account, item in shape.mapping(at, value, "ways", optional=None).items():
            place = ("ways", account)
            own = {}
            for screen, link in shape.mapping(at, item, *place, optional=None).items():
                self._known_screen(screen, *place, screen)
                own[screen] = self._known_link(str(link), *place, screen)
            yield account, own

    def _likely(self, value: Value) -> Iterator[tuple[str, tuple[str, ...]]]:
        shape, at = self.shape, self.at
        for language, item in shape.mapping(at, value, "likely", optional=None).items():
            countries = tuple(shape.texts(at, item, "likely", language))
            for n, country in enumerate(countries):
                self._known_option("country", country, "likely", language, n)
            yield language, countries

    def _fitting(self, value: Value) -> Iterator[tuple[str, Fitting]]:
        shape, at = self.shape, self.at
        for question, item in shape.mapping(at, value, "fitting", optional=None).items():
            place = ("fitting", question)
            self._known_question(question, *place)
            entry = shape.mapping(at, item, *place, required=frozenset({"when", "options"}))
            options = shape.texts(at, entry.get("options", []), *place, "options")
            for n, option in enumerate(options):
                self._known_option(question, option, *place, "options", n)
            yield question, Fitting(self._when(entry.get("when", {}), *place), frozenset(options))

    def _company(self, value: Value) -> tuple[str, ...]:
        shape, at = self.shape, self.at
        entry = shape.mapping(at, value, "company", required=frozenset({"name", "address"}))
        name = shape.text(at, entry.get("name", ""), "company", "name")
        return (name, *shape.texts(at, entry.get("address", []), "company", "address"))

    def _screen(self, key: str, value: Value) -> Screen:
        shape, at = self.shape, self.at
        place = ("screens", key)
        optional = {"back", "needs", "asks", "likely", "account", "aside", "papers", "link",
                    "topic", "reminds", "to", "choices"}  # fmt: skip
        entry = shape.mapping(
            at, value, *place, required=frozenset({"step"}), optional=frozenset(optional)
        )
        choices = []
        asks = entry.get("asks")
        if isinstance(asks, str):
            self._known_question(asks, *place, "asks")
            choices.append(Choice("", self._targets(entry.get("to", ""), *place, "to")))
        items = shape.mapping(at, entry.get("choices", {}), *place, "choices", optional=None)
        choices += [self._choice(name, item, *place, "choices") for name, item in items.items()]
        step = shape.text(at, entry.get("step", ""), *place, "step")
        needs = tuple(shape.texts(at, entry.get("needs", []), *place, "needs"))
        for need in needs:
            self._known_question(need, *place, "needs")
        papers = tuple(shape.texts(at, entry.get("papers", []), *place, "papers"))
        for paper in papers:
            shape.one_of(at, paper, PAPERS, *place, "papers")
        link, topic, reminds = (self._text(entry, k) for k in ("link", "topic", "reminds"))
        if link:
            self._known_link(link, *place, "link")
        if topic and topic not in self.topics:
            shape.fault(at, "unknown-topic", f'there is no topic "{topic}"',
                        "name one of topics.yaml", *place, "topic")  # fmt: skip
        if reminds:
            shape.one_of(at, reminds, REMINDERS, *place, "reminds")
        back = entry.get("back")
        return Screen(
            id=key,
            step=int(step) if step.isdecimal() else 0,
            back=self._targets(back, *place, "back") if back else (),
            needs=needs,
            asks=asks if isinstance(asks, str) else None,
            likely=entry.get("likely") == "true",
            account=entry.get("account") == "true",
            aside=entry.get("aside") == "true",
            papers=papers,
            link=link,
            topic=topic,
            reminds=reminds,
            choices=tuple(choices),
        )

    @staticmethod
    def _text(entry: Mapping[str, Value], key: str) -> str | None:
        value = entry.get(key)
        return value if isinstance(value, str) else None

    def _choice(self, name: str, item: Value, *place: str | int) -> Choice:
        shape, at = self.shape, self.at
        if not isinstance(item, dict):
            return Choice(name, self._targets(item, *place, name))
        entry = shape.mapping(at, item, *place, name, required=frozenset({"to"}),
                              optional=frozenset({"does", "when", "broken"}))  # fmt: skip
        effects = {effect.value: effect for effect in Effect}
        does = shape.texts(at, entry.get("does", []), *place, name, "does")
        for effect in does:
            shape.one_of(at, effect, frozenset(effects), *place, name, "does")
        return Choice(
            name,
            self._targets(entry.get("to", ""), *place, name, "to"),
            tuple(effects[effect] for effect in does if effect in effects),
            self._when(entry.get("when", {}), *place, name, "when"),
            entry.get("broken") == "true",
        )

    def _targets(self, value: Value, *place: str | int) -> tuple[Target, ...]:
        """One screen, or a list of screens with conditions; the last must have none."""
        shape, at = self.shape, self.at
        if isinstance(value, str):
            return (Target(self._known_screen(value, *place)),)
        targets = []
        for n, item in enumerate(value if isinstance(value, list) else [value]):
            entry = shape.mapping(at, item, *place, n, required=frozenset({"go"}),
                                  optional=frozenset({"when", "reopens"}))  # fmt: skip
            when = self._when(entry.get("when", {}), *place, n)
            go = self._known_screen(str(entry.get("go", "")), *place, n)
            targets.append(Target(go, when, entry.get("reopens") == "true"))
        if not targets or targets[-1].when:
            shape.fault(at, "dead-end", "no screen where none of the conditions holds",
                        "end the list with a {go: screen} without `when`", *place)  # fmt: skip
        return tuple(targets)

    def _when(self, value: Value, *place: str | int) -> dict[str, frozenset[str]]:
        conditions = self.shape.mapping(self.at, value, *place, optional=None)
        when = {}
        for question, options in conditions.items():
            self._known_question(question, *place)
            wanted = options if isinstance(options, list) else [options]
            when[question] = frozenset(str(option) for option in wanted)
            for option in when[question] - {"any"}:
                for part in option.split("+"):
                    self._known_option(question, part, *place)
        return when

    def _known_screen(self, name: str, *place: str | int) -> str:
        if name not in self.screens:
            self.shape.fault(self.at, "unknown-screen", f'there is no screen "{name}"',
                             "correct the name, or add the screen", *place)  # fmt: skip
        return name

    def _known_link(self, name: str, *place: str | int) -> str:
        if name not in self.links:
            self.shape.fault(self.at, "unknown-link", f'there is no link "{name}"',
                             "add it to links.yaml or correct the id", *place)  # fmt: skip
        return name

    def _known_question(self, name: str, *place: str | int) -> None:
        if name not in self.options:
            self.shape.fault(self.at, "unknown-question", f'there is no question "{name}"',
                             "name one of `questions`", *place)  # fmt: skip

    def _known_option(self, question: str, name: str, *place: str | int) -> None:
        if name not in self.options.get(question, {name}):
            self.shape.fault(self.at, "unknown-option", f'"{question}" has no option "{name}"',
                             "name one of its options", *place)  # fmt: skip


UNWORDED = frozenset({"country", "land", "filed", "confirmed", "way", "grounds"})
"""Questions whose options have their names elsewhere: in Babel, in authorities.yaml, nowhere, or
under `ground`."""


def _check_texts(shape: Shape, at: Reading, flow: Flow, english: Catalog) -> None:
    options: Mapping[str, tuple[str, ...]] = {
        q.id: q.options for q in flow.questions if q.id not in UNWORDED
    }
    for screen in flow.screens.values():
        wanted = [f"objection.{screen.id}.text"]
        wanted += [f"objection.{screen.id}.button.{c.id}" for c in screen.choices if c.id]
        asked = screen.asks or ""
        wanted += [f"option.{asked}.{option}" for option in options.get(asked, ())]
        for key in wanted:
            if not english.has(key):
                shape.fault(at, "missing-text", f"locales/en.yaml has no {key}", "add it there",
                            "screens", screen.id)  # fmt: skip
