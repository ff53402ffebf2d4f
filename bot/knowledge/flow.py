"""Reads faq/objection.yaml: the objection's questions, screens and ways."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from bot.knowledge.catalog import Catalog
from bot.knowledge.model import Choice, Flow, Question, Screen, Target
from bot.knowledge.shape import Shape
from bot.knowledge.strict_yaml import Reading, Value

Place = tuple[str | int, ...]


def read_flow(shape: Shape, at: Reading, links: AbstractSet[str], english: Catalog) -> Flow | None:
    """The flow, or None with faults in `shape`.

    `links`: the link ids there are. `english` must have a text for every screen and button.
    """
    before = len(shape.faults)
    flow = _FlowReader(shape, at, links).read()
    _check_texts(shape, at, flow, english)
    return flow if len(shape.faults) == before else None


class _FlowReader:
    def __init__(self, shape: Shape, at: Reading, links: AbstractSet[str]) -> None:
        self.shape, self.at, self.links = shape, at, links
        self.screens: AbstractSet[str] = frozenset()
        self.questions: AbstractSet[str] = frozenset()

    def read(self) -> Flow:
        shape, at = self.shape, self.at
        whole = shape.mapping(
            at, at.value, required=frozenset({"version", "first", "questions", "forms", "screens"})
        )
        questions = tuple(self._questions(whole.get("questions", {})))
        entries = shape.mapping(at, whole.get("screens", {}), "screens", optional=None)
        self.questions = {question.id for question in questions}
        self.screens = entries.keys()
        version = shape.text(at, whole.get("version", ""), "version")
        if not version.isdecimal():
            remedy = "raise it by one with each change of questions or screens"
            shape.fault(at, "value", "the version is a whole number", remedy, "version")
        return Flow(
            version=int(version) if version.isdecimal() else 0,
            questions=questions,
            screens={key: self._screen(key, value) for key, value in entries.items()},
            first=self._known_screen(shape.text(at, whole.get("first", ""), "first"), "first"),
            forms=dict(self._forms(whole.get("forms", {}))),
        )

    def _questions(self, value: Value) -> Iterator[Question]:
        shape, at = self.shape, self.at
        for key, item in shape.mapping(at, value, "questions", optional=None).items():
            place = ("questions", key)
            entry = shape.mapping(at, item, *place, required=frozenset({"options"}),
                                  optional=frozenset({"several", "alone"}))  # fmt: skip
            yield Question(
                key,
                tuple(shape.texts(at, entry.get("options", []), *place, "options")),
                entry.get("several") == "true",
                tuple(shape.texts(at, entry.get("alone", []), *place, "alone")),
            )

    def _forms(self, value: Value) -> Iterator[tuple[str, tuple[str, ...]]]:
        shape, at = self.shape, self.at
        for key, item in shape.mapping(at, value, "forms", optional=None).items():
            names = tuple(shape.texts(at, item, "forms", key))
            for n, name in enumerate(names):
                if name not in self.links:
                    remedy = "add it to links.yaml or correct the id"
                    shape.fault(at, "unknown-link", f'there is no link "{name}"', remedy,
                                "forms", key, n)  # fmt: skip
            yield key, names

    def _screen(self, key: str, value: Value) -> Screen:
        shape, at = self.shape, self.at
        place = ("screens", key)
        entry = shape.mapping(
            at,
            value,
            *place,
            required=frozenset({"step"}),
            optional=frozenset({"back", "needs", "asks", "account", "to", "choices"}),
        )
        choices = []
        asks = entry.get("asks")
        if isinstance(asks, str):
            self._known_question(asks, *place, "asks")
            choices.append(Choice("", self._targets(entry.get("to", ""), *place, "to")))
        items = shape.mapping(at, entry.get("choices", {}), *place, "choices", optional=None)
        choices += [self._choice(name, item, *place, "choices") for name, item in items.items()]
        back = entry.get("back")
        step = shape.text(at, entry.get("step", ""), *place, "step")
        needs = tuple(shape.texts(at, entry.get("needs", []), *place, "needs"))
        for need in needs:
            self._known_question(need, *place, "needs")
        return Screen(
            id=key,
            step=int(step) if step.isdecimal() else 0,
            back=self._targets(back, *place, "back") if back else (),
            needs=needs,
            asks=asks if isinstance(asks, str) else None,
            account=entry.get("account") == "true",
            choices=tuple(choices),
        )

    def _choice(self, name: str, item: Value, *place: str | int) -> Choice:
        if not isinstance(item, dict):
            return Choice(name, self._targets(item, *place, name))
        entry = self.shape.mapping(self.at, item, *place, name, required=frozenset({"to"}),
                                   optional=frozenset({"files"}))  # fmt: skip
        targets = self._targets(entry.get("to", ""), *place, name, "to")
        return Choice(name, targets, entry.get("files") == "true")

    def _targets(self, value: Value, *place: str | int) -> tuple[Target, ...]:
        """One screen, or a list of screens with conditions; the last must have none."""
        shape, at = self.shape, self.at
        if isinstance(value, str):
            return (Target(self._known_screen(value, *place)),)
        targets = []
        for n, item in enumerate(value if isinstance(value, list) else []):
            entry = shape.mapping(at, item, *place, n, required=frozenset({"go"}),
                                  optional=frozenset({"when", "unfiles"}))  # fmt: skip
            when = {}
            conditions = shape.mapping(at, entry.get("when", {}), *place, n, optional=None)
            for question, options in conditions.items():
                self._known_question(question, *place, n)
                wanted = options if isinstance(options, list) else [options]
                when[question] = frozenset(str(option) for option in wanted)
            go = self._known_screen(str(entry.get("go", "")), *place, n)
            targets.append(Target(go, when, entry.get("unfiles") == "true"))
        if not targets or targets[-1].when:
            shape.fault(at, "dead-end", "no screen where none of the conditions holds",
                        "end the list with a {go: screen} without `when`", *place)  # fmt: skip
        return tuple(targets)

    def _known_screen(self, name: str, *place: str | int) -> str:
        if name not in self.screens:
            self.shape.fault(self.at, "unknown-screen", f'there is no screen "{name}"',
                             "correct the name, or add the screen", *place)  # fmt: skip
        return name

    def _known_question(self, name: str, *place: str | int) -> None:
        if name not in self.questions:
            self.shape.fault(self.at, "unknown-question", f'there is no question "{name}"',
                             "name one of `questions`", *place)  # fmt: skip


def _check_texts(shape: Shape, at: Reading, flow: Flow, english: Catalog) -> None:
    options: Mapping[str, tuple[str, ...]] = {q.id: q.options for q in flow.questions}
    for screen in flow.screens.values():
        wanted = [f"objection.{screen.id}.text"]
        wanted += [f"objection.{screen.id}.button.{c.id}" for c in screen.choices if c.id]
        wanted += [f"option.button.{option}" for option in options.get(screen.asks or "", ())]
        for key in wanted:
            if not english.has(key):
                shape.fault(at, "missing-text", f"locales/en.yaml has no {key}", "add it there",
                            "screens", screen.id)  # fmt: skip
