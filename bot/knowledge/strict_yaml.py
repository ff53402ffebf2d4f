"""YAML without its surprises: every scalar is a string, nothing is repeated, nothing refers.

Plain YAML reads `no` as false (the Norwegian locale), `12:30` as 750, lets the last of two equal
keys win in silence, and unfolds a few hundred bytes of aliases into millions of nodes. Here each
of these is an error with file, line and remedy, or simply cannot happen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.knowledge.faults import ContentError, Fault

MAX_BYTES = 2_000_000
MAX_DEPTH = 12
MAX_NODES = 200_000

# libyaml where the wheel has it: ten times as fast, the same events.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u2028\u2029]")

Value = str | list["Value"] | dict[str, "Value"]
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read, and where in it each thing stands."""

    file: Path
    value: Value
    lines: dict[Place, int] | None = field(repr=False)
    """None where the values were kept from before: the lines are looked for when they are needed."""

    def line(self, *path: str | int) -> int:
        """Line of the value at a path of keys and positions, or of the nearest one around it."""
        lines = self.lines
        if lines is None:
            try:
                lines = read(self.file).lines or {}
            except ContentError:  # changed since: there is no better place than its beginning
                lines = {}
        while path and path not in lines:
            path = path[:-1]
        return lines.get(path, 1)

    def fault(self, rule: str, message: str, remedy: str, *path: str | int) -> Fault:
        """Something wrong at a place in this file."""
        return Fault(self.file, self.line(*path), rule, message, remedy)


def read(file: Path) -> Reading:
    """Read a file.

    Raises:
        ContentError: with one fault, when the file cannot be read or is not strict YAML.
    """
    return parse(load_bytes(file), file)


def load_bytes(file: Path) -> bytes:
    """What stands in a file; raises like `read`."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ContentError(
            [Fault(file, 1, "yaml-unreadable", error.strerror or "cannot be read",
                   "check that the file exists and may be read")]
        ) from error  # fmt: skip


def parse(raw: bytes, file: Path) -> Reading:
    """Read the bytes of a file; raises like `read`."""
    if len(raw) > MAX_BYTES:
        _fail(file, 1, "yaml-too-big", f"more than {MAX_BYTES:,} bytes", "split the file")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        _fail(file, line, "yaml-not-utf-8", "not UTF-8", "save the file as UTF-8")
    if bad := _CONTROL.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        _fail(file, line, "yaml-control", f"a control character (U+{ord(bad[0]):04X})",
              "delete it; it cannot be seen, so retype the line")  # fmt: skip
    builder = _Builder(file)
    try:
        value = builder.build(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _fail(file, mark.line + 1 if mark else 1, "yaml-syntax", error.problem or "not YAML",
              'check indentation and quotes; a text with ": " or a leading sign needs quotes')  # fmt: skip
    except yaml.YAMLError as error:
        _fail(file, 1, "yaml-syntax", str(error), "check the file with a YAML editor")
    except RecursionError:
        _fail(file, 1, "yaml-too-deep", "nested too deep", "flatten it")
    return Reading(file, value, builder.lines)


def _fail(file: Path, line: int, rule: str, message: str, remedy: str) -> None:
    raise ContentError([Fault(file, line, rule, message, remedy)])


class _Builder:
    """Turns YAML events into plain values, refusing what is not plain."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.nodes = 0

    def build(self, events: Iterator[Any]) -> Value:
        value: Value = {}
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fail(
                        event, "yaml-documents", "a second document (---)", "use one file each"
                    )
            elif isinstance(event, yaml.NodeEvent):
                value = self._node(event, events, ())
        return value

    def _fail(self, event: Any, rule: str, message: str, remedy: str) -> None:
        _fail(self.file, event.start_mark.line + 1, rule, message, remedy)

    def _node(self, event: Any, events: Iterator[Any], path: Place) -> Value:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._fail(event, "yaml-too-many", f"more than {MAX_NODES:,} values", "split the file")
        if len(path) > MAX_DEPTH:
            self._fail(event, "yaml-too-deep", f"deeper than {MAX_DEPTH} levels", "flatten it")
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            self._fail(event, "yaml-alias", "an anchor (&) or alias (*)",
                       "write the value out; in a text, put quotes around it")  # fmt: skip
        if event.tag:
            self._fail(event, "yaml-tag", f"a tag ({event.tag})",
                       "leave it out; in a text, put quotes around it")  # fmt: skip
        self.lines[path] = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Value] = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self._node(event, events, (*path, len(items))))
            return items
        return self._mapping(events, path)

    def _mapping(self, events: Iterator[Any], path: Place) -> Value:
        mapping: dict[str, Value] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                self._fail(
                    event, "yaml-key", "a key that is no plain text", "use a plain word as key"
                )
            key = str(event.value)
            if key == "<<":
                self._fail(event, "yaml-merge", "a merge key (<<)", "write the values out")
            if key in mapping:
                self._fail(event, "yaml-duplicate-key", f'"{key}" stands twice here (first in line '
                           f"{self.lines[*path, key]})", "keep one of the two")  # fmt: skip
            line = event.start_mark.line + 1
            mapping[key] = self._node(next(events), events, (*path, key))
            self.lines[*path, key] = line
        return mapping
