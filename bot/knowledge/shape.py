"""Checks that what was read has the shape it should have, collecting faults on the way."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from bot.knowledge.faults import ContentError, Fault
from bot.knowledge.kept import Kept
from bot.knowledge.strict_yaml import Reading, Value


@dataclass
class Shape:
    """Collects faults, so that one run names them all."""

    faults: list[Fault] = field(default_factory=list)
    kept: Kept = field(default_factory=lambda: Kept(None))

    def read(self, file: Path) -> Reading:
        try:
            return self.kept.read(file)
        except ContentError as error:
            self.faults.extend(error.faults)
            return Reading(file, {}, {})

    def fault(self, at: Reading, rule: str, message: str, remedy: str, *place: str | int) -> None:
        self.faults.append(at.fault(rule, message, remedy, *place))

    def mapping(
        self,
        at: Reading,
        value: Value,
        *place: str | int,
        required: AbstractSet[str] = frozenset(),
        optional: AbstractSet[str] | None = frozenset(),
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
