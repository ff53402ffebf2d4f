"""Draws the objection as a flowchart: as Mermaid, and as an SVG picture for the README.

Both show the same: screens grouped by step, and where each button leads. Ways back are left out.
In the picture the main way runs down the first column; what belongs beside it stands to the right.
A line is drawn where it can be followed: within a step, and on to the next. Where a button leads
further away, its arrow names the screen instead.
"""

import html
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from bot.dialogue import objection
from bot.dialogue.exploration import explore
from bot.dialogue.objection import SUMMARY, Step
from bot.dialogue.screens import Voice
from bot.knowledge.markup import Bold, plain
from bot.knowledge.model import Flow, Screen, Target

END = "done"
"""The screen that the main way ends at."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a button leads."""

    source: str
    target: str
    label: str
    """The button's words; for many options an ellipsis."""
    condition: str = ""
    """As in faq/objection.yaml, in brackets; empty where none."""


@dataclass(frozen=True, slots=True)
class Node:
    """A screen."""

    id: str
    words: str
    """What it asks or says first."""


@dataclass(frozen=True, slots=True)
class Group:
    """The screens of one step, or those beside the way."""

    id: str
    title: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The flow as a graph."""

    title: str
    groups: tuple[Group, ...]
    edges: tuple[Edge, ...]
    main: tuple[str, ...]
    """The screens of somebody who always gives the first answer, up to a confirmed objection."""

    @property
    def main_edges(self) -> frozenset[tuple[str, str]]:
        """Pairs of screens along the main way."""
        return frozenset(pairwise(self.main))


def chart(voice: Voice) -> Chart:
    """The flow of the objection in one language."""
    flow = voice.knowledge.flow
    edges = tuple(edge for screen in flow.screens.values() for edge in _edges(voice, screen))
    groups: dict[str, list[Node]] = {}
    for screen in flow.screens.values():
        group = _group(flow, screen, edges)
        groups.setdefault(group, []).append(Node(screen.id, _words(voice, screen)))
    names = [*(f"step{n}" for n in range(1, flow.steps + 1)), "finish", "beside"]
    titles = {
        f"step{n}": voice.say("objection.progress", step=str(n), total=str(flow.steps))
        for n in range(1, flow.steps + 1)
    }
    titles |= {"finish": "✓", "beside": voice.say("objection.button.summary")}
    return Chart(
        title=voice.say("objection.title"),
        groups=tuple(Group(n, titles[n], tuple(groups[n])) for n in names if n in groups),
        edges=edges,
        main=_main_way(flow),
    )


def _group(flow: Flow, screen: Screen, edges: tuple[Edge, ...]) -> str:
    """The step of a screen; where it has none, the step of the first that leads to it."""
    if screen.aside:
        return "beside"
    if screen.id == END:
        return "finish"
    if screen.step:
        return f"step{screen.step}"
    before = (flow.screens[edge.source] for edge in edges if edge.target == screen.id)
    return next((f"step{s.step}" for s in before if s.step), "finish")


def _main_way(flow: Flow) -> tuple[str, ...]:
    """The fewest taps to a confirmed end, giving the first answer everywhere."""
    leads = explore(flow, [{}]).leads
    start = objection.start(flow)
    came_from: dict[Step, Step | None] = {start: None}
    waiting = [start]
    for step in waiting:
        if step.screen == END and objection.given(flow, step, "confirmed"):
            way = []
            at: Step | None = step
            while at:
                way.append(at.screen)
                at = came_from[at]
            return tuple(dict.fromkeys(reversed(way)))
        for target in leads.get(step, ()):
            if target not in came_from:
                came_from[target] = step
                waiting.append(target)
    return (flow.first,)


def _words(voice: Voice, screen: Screen) -> str:
    """The first bold words of a screen, else its first sentence."""
    key = f"objection.{screen.id}.text"
    blocks = voice.blocks(key, account="…", accounts="…")
    for block in blocks:
        for span in getattr(block, "spans", ()):
            if isinstance(span, Bold):
                return span.text
    first, dot, _ = plain(blocks[:1]).partition(". ")
    return f"{first}." if dot else first


def _edges(voice: Voice, screen: Screen) -> Iterator[Edge]:
    flow = voice.knowledge.flow
    for choice in screen.choices:
        merged: dict[str, list[Target]] = {}
        for target in choice.targets:
            merged.setdefault(target.screen, []).append(target)
        for name, targets in merged.items():
            said = None
            if choice.id:
                label = voice.say(f"objection.{screen.id}.button.{choice.id}")
            else:
                label = _answers(voice, screen, choice.targets, targets)
                said = None if flow.question(screen.asks or "").several else screen.asks
            conditions = []
            for target in targets:
                when = {**choice.when, **target.when}
                # The words of an answer say already that it is given.
                rest = {question: some for question, some in when.items() if question != said}
                conditions.append(condition(flow, rest))
            told = " ".join(dict.fromkeys(conditions)) if all(conditions) else ""
            yield Edge(screen.id, name, label, told)


def _answers(voice: Voice, screen: Screen, targets: tuple[Target, ...], mine: list[Target]) -> str:
    """The options that lead to a target: their words, or an ellipsis for many."""
    question = voice.knowledge.flow.question(screen.asks or "")
    if question.several:
        return voice.say("objection.button.continue")
    leading: list[str] = []
    for option in question.options:
        for target in targets:
            if option in target.when.get(question.id, {option}):
                if target in mine:
                    leading.append(option)
                if not set(target.when) - {question.id}:
                    break  # nothing else decides: this one takes it
    if question.id == "country" and leading == ["elsewhere"]:
        return voice.say("objection.countries.elsewhere")
    key = f"option.{question.id}."
    if len(leading) > 3 or not all(voice.catalog.has(key + o) for o in leading):  # noqa: PLR2004
        return "…"
    return " / ".join(dict.fromkeys(voice.say(key + option) for option in leading))


def condition(flow: Flow, when: Mapping[str, frozenset[str]]) -> str:
    """A condition as it stands in the file, in brackets; its options in their own order."""
    parts = []
    for question, options in when.items():
        known = flow.question("accounts" if question == "account" else question).options
        in_order = sorted(
            options, key=lambda option: [known.index(o) for o in option.split("+") if o in known]
        )
        parts.append(f"{question}: {', '.join(in_order)}")
    return f"[{'; '.join(parts)}]" if parts else ""


# -- Mermaid ------------------------------------------------------------------------------------


def mermaid(chart: Chart) -> str:
    """The chart as a Mermaid flowchart."""
    lines = ["flowchart TD", f"  accTitle: {_inline(chart.title)}",
             f"  accDescr: {_inline(_description(chart))}"]  # fmt: skip
    for group in chart.groups:
        lines.append(f'  subgraph {group.id}["{_inline(group.title)}"]')
        lines += [
            f'    {_name(node.id)}["<b>{_inline(node.id)}</b><br/>{_inline(node.words)}"]'
            for node in group.nodes
        ]
        lines.append("  end")
    for edge in chart.edges:
        words = _inline(f"{edge.label} {edge.condition}".strip())
        arrow = "==>" if (edge.source, edge.target) in chart.main_edges else "-->"
        lines.append(f'  {_name(edge.source)} {arrow}|"{words}"| {_name(edge.target)}')
    return "\n".join(lines) + "\n"


def _name(screen: str) -> str:
    """An id that is no keyword of Mermaid: `end` would be one."""
    return "s_" + screen.replace("-", "_")


_MERMAID = str.maketrans(
    {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", ";": "#59;",
     "&": "#amp;", "{": "#123;", "}": "#125;", "\n": " "}
)  # fmt: skip


def _inline(text: str) -> str:
    return text.translate(_MERMAID)


def _description(chart: Chart) -> str:
    count = sum(len(group.nodes) for group in chart.groups)
    return f"{count} screens. Main way: {', '.join(chart.main)}."


# -- SVG ----------------------------------------------------------------------------------------

WIDTH = 1_000
_COLUMNS = 3
_MARGIN, _COLUMN, _GUTTER = 14, 276, 62
_LINE, _PAD, _GAP = 17, 9, 16
_CHANNEL = 30
_TITLE = 26
_CHARS = 37
"""Characters of a line in a box at 13 px, with room for wide ones."""
_LEGEND = 44
_PORT, _PORTS = 120, 44
"""Where lines enter from above: the main way, and how far apart; right of the step's name."""

_STYLE = """
  svg { color-scheme: light dark; --wall: #fff; --band: #f2f5f9; --card: #fff; --ink: #10161d; --soft: #4a5866; --line: #6b7f94; --main: #0b57c9; --rim: #b9c8d8; }
  @media (prefers-color-scheme: dark) { svg { --wall: #0d1117; --band: #151d26; --card: #1f2a36; --ink: #eef3f8; --soft: #b3c0cd; --line: #8396a9; --main: #8fc1ff; --rim: #3a4c5d; } }
  text { font: 13px/1 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; fill: var(--ink); }
  .wall { fill: var(--wall); } .band { fill: var(--band); } .box { fill: var(--card); stroke: var(--rim); }
  .main-box { stroke: var(--main); stroke-width: 2; }
  .name { font-weight: 700; } .step { font-weight: 700; fill: var(--soft); } .exit, .far { fill: var(--soft); font-size: 12px; } .main-exit { fill: var(--main); font-weight: 700; font-size: 12px; }
  .far { font-style: italic; } .rule { stroke: var(--rim); }
  .edge { fill: none; stroke: var(--line); stroke-width: 1.4; } .main-edge { fill: none; stroke: var(--main); stroke-width: 4; }
  .tip { fill: var(--line); } .main-tip { fill: var(--main); }
"""


@dataclass(slots=True)
class _Exit:
    """A row of a box: a button, and where it leads."""

    edge: Edge
    lines: list[str]
    y: float = 0
    """Of its middle."""
    drawn: bool = False
    """Whether a line leads from it; else it names the screen."""


@dataclass(slots=True)
class _Box:
    node: Node
    column: int
    band: int
    main: bool
    words: list[str]
    exits: list[_Exit] = field(default_factory=list)
    x: float = 0
    y: float = 0
    height: float = 0

    @property
    def right(self) -> float:
        return self.x + _COLUMN

    @property
    def bottom(self) -> float:
        return self.y + self.height


def svg(chart: Chart) -> str:
    """The chart as an SVG picture, about 1,000 px wide, in light and dark."""
    return _Drawing(chart).draw()


class _Drawing:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.boxes: dict[str, _Box] = {}
        self.bands: list[tuple[float, float]] = []
        """Top and bottom of each group."""
        self.lines: list[tuple[Edge, list[tuple[float, float]]]] = []
        """Edges as corners, the last of which is the tip."""
        self._place()
        self._stack()
        self._route()

    def draw(self) -> str:
        height = self.bands[-1][1] + _MARGIN
        title = html.escape(self.chart.title)
        said = html.escape(_description(self.chart) + " Ways back are left out.")
        parts = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" '
                f'width="{WIDTH}" height="{height:g}" role="img" '
                'aria-labelledby="title description">'
            ),
            f'<title id="title">{title}</title>',
            f'<desc id="description">{said}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="wall" width="{WIDTH}" height="{height:g}"/>',
            *self._legend(),
        ]
        for group, (top, bottom) in zip(self.chart.groups, self.bands, strict=True):
            parts.append(f'<rect class="band" x="4" y="{top:g}" width="{WIDTH - 8}" '
                         f'height="{bottom - top:g}" rx="10"/>')  # fmt: skip
            parts.append(_text("step", _MARGIN, top + 18, group.title))
        for edge, corners in sorted(self.lines, key=lambda line: self._is_main(line[0])):
            parts += _line(corners, main=self._is_main(edge))
        for box in self.boxes.values():
            parts += self._card(box)
        return "\n".join([*parts, "</svg>"]) + "\n"

    def _is_main(self, edge: Edge) -> bool:
        return (edge.source, edge.target) in self.chart.main_edges

    # Where boxes stand

    def _place(self) -> None:
        """Column by column: the main way, what it leads to, what that leads to."""
        for band, group in enumerate(self.chart.groups):
            ids = [node.id for node in group.nodes]
            inner = {i: [e.target for e in self.chart.edges if e.source == i and e.target in ids
                         and e.target != i] for i in ids}  # fmt: skip
            columns = {i: 0 for i in ids if i in self.chart.main or i == SUMMARY}
            waiting = list(columns) or ids[:1]
            columns.setdefault(waiting[0], 0)
            for source in waiting:
                for target in inner[source]:
                    if target not in columns:
                        # A list of screens that lead nowhere needs no column of its own.
                        ending = [t for t in inner[target] if not inner[t]]
                        flat = len(ending) == len(inner[target]) > 3  # noqa: PLR2004
                        columns[target] = min(columns[source] + (not flat), _COLUMNS - 1)
                        waiting.append(target)
            for node in group.nodes:
                self.boxes[node.id] = _Box(
                    node,
                    columns.get(node.id, _COLUMNS - 1),
                    band,
                    node.id in self.chart.main,
                    textwrap.wrap(node.words, _CHARS, max_lines=2, placeholder="…"),
                )
        for edge in self.chart.edges:
            box = self.boxes[edge.source]
            drawn = self._can_draw(edge)
            words = edge.label + (f" {edge.condition}" if edge.condition else "")
            if not drawn:
                words += f" → {edge.target}"
            box.exits.append(_Exit(edge, textwrap.wrap(words, _CHARS), drawn=drawn))

    def _can_draw(self, edge: Edge) -> bool:
        """Whether a line can be followed: within a step, or on to the next one's first column."""
        source, target = self.boxes[edge.source], self.boxes[edge.target]
        if self._is_main(edge):
            return True
        if source.band == target.band:
            return source is not target and abs(source.column - target.column) <= 1
        aside = self.chart.groups[target.band].id == "beside"
        return target.band == source.band + 1 and target.column == 0 and not aside

    def _stack(self) -> None:
        y: float = _LEGEND + _MARGIN
        for band in range(len(self.chart.groups)):
            top, bottoms = y, []
            for column in range(_COLUMNS):
                at = top + _TITLE
                for box in self.boxes.values():
                    if (box.band, box.column) == (band, column):
                        box.x = _MARGIN + column * (_COLUMN + _GUTTER)
                        box.y = at
                        box.height = _fill(box)
                        at = box.bottom + _GAP
                bottoms.append(at - _GAP)
            self.bands.append((top, max(bottoms) + 10))
            y = max(bottoms) + 10 + _CHANNEL

    # Where lines run

    def _route(self) -> None:
        ways = [(box, way) for box in self.boxes.values() for way in box.exits if way.drawn]
        tracks = self._tracks(ways)
        for box, way in ways:
            target = self.boxes[way.edge.target]
            if self._straight(box, target):
                middle = box.x + _PORT
                self.lines.append((way.edge, [(middle, box.bottom), (middle, target.y)]))
                continue
            gutter = self._gutter(box, target)
            x = tracks[box.band, gutter, target.node.id]
            leaves_right = gutter == box.column
            start = box.right if leaves_right else box.x
            out = way.y + (-3 if leaves_right else 3)
            corners = [(start, out), (x, out)]
            if target.band == box.band:
                enters_right = gutter == target.column
                end = target.right if enters_right else target.x
                into = target.y + (20 if enters_right else 10)
                corners += [(x, into), (end, into)]
            else:
                port = target.x + _PORT + _PORTS * (gutter + 1)
                level = self.bands[target.band][0] - 8 - 7 * gutter
                corners += [(x, level), (port, level), (port, target.y)]
            self.lines.append((way.edge, corners))

    def _tracks(self, ways: list[tuple[_Box, _Exit]]) -> dict[tuple[int, int, str], float]:
        """Where lines run down or up between columns: one track a target, so that few cross."""
        found: dict[tuple[int, int], dict[str, tuple[bool, float]]] = {}
        for box, way in ways:
            target = self.boxes[way.edge.target]
            if not self._straight(box, target):
                gutter = self._gutter(box, target)
                rises = target.y < way.y
                order = (not rises, way.y if rises else -way.y)
                found.setdefault((box.band, gutter), {}).setdefault(target.node.id, order)
        tracks = {}
        for (band, gutter), targets in found.items():
            left = _MARGIN + (gutter + 1) * _COLUMN + gutter * _GUTTER
            room = _GUTTER if gutter < _COLUMNS - 1 else WIDTH - left
            apart = min(10, (room - 24) / max(len(targets) - 1, 1))
            for n, name in enumerate(sorted(targets, key=targets.__getitem__)):
                tracks[band, gutter, name] = left + 12 + apart * n
        return tracks

    def _straight(self, box: _Box, target: _Box) -> bool:
        """Whether the target stands right below in the first column, with nothing between."""
        if box.column or target.column or target.y <= box.y:
            return False
        return not any(b.column == 0 and box.y < b.y < target.y for b in self.boxes.values())

    @staticmethod
    def _gutter(box: _Box, target: _Box) -> int:
        """The gap between columns that a line runs down: its number is that of the column left."""
        if target.band != box.band:
            return max(box.column - 1, 0)
        return min(box.column, target.column) if box.column != target.column else box.column

    # What is written

    def _card(self, box: _Box) -> Iterator[str]:
        kind = "box main-box" if box.main else "box"
        yield (f'<rect class="{kind}" x="{box.x:g}" y="{box.y:g}" width="{_COLUMN}" '
               f'height="{box.height:g}" rx="7"/>')  # fmt: skip
        y = box.y + _PAD + 11
        yield _text("name", box.x + 11, y, box.node.id)
        for words in box.words:
            y += _LINE
            yield _text("", box.x + 11, y, words)
        if box.exits:
            rule = y + 8
            yield (f'<path class="rule" d="M{box.x:g} {rule:g}h{_COLUMN}"/>')
        for way in box.exits:
            kind = "main-exit" if self._is_main(way.edge) else "exit" if way.drawn else "far"
            first = way.y - _LINE * (len(way.lines) - 1) / 2 + 4
            for n, line in enumerate(way.lines):
                yield _text(kind, box.x + 11, first + n * _LINE, line)

    @staticmethod
    def _legend() -> Iterator[str]:
        yield from _line([(_MARGIN, 24), (_MARGIN + 40, 24)], main=True)
        yield _text("", _MARGIN + 50, 28, "the main way")
        yield from _line([(190, 24), (230, 24)], main=False)
        yield _text("", 240, 28, "other buttons")
        yield _text("far", 350, 28, "→ screen")
        yield _text(
            "", 410, 28, "goes on there, further up or down; [when only]; ways back left out"
        )


def _fill(box: _Box) -> float:
    """Set the rows of a box; its height."""
    y = box.y + _PAD + 11 + _LINE * len(box.words) + 8
    for way in box.exits:
        height = _LINE * len(way.lines) + 3
        way.y = y + height / 2 + 1
        y += height
    return y + 3 - box.y


def _line(corners: list[tuple[float, float]], *, main: bool) -> Iterator[str]:
    """Corners as a path with a tip."""
    (fx, fy), (x, y) = corners[-2:]
    kind, size = ("main-", 9) if main else ("", 6)
    dx, dy = (x > fx) - (x < fx), (y > fy) - (y < fy)
    shaft = [*corners[:-1], (x - dx * size, y - dy * size)]
    path = "M" + "L".join(f"{a:g} {b:g}" for a, b in shaft)
    yield f'<path class="{kind}edge" d="{path}"/>'
    left = (x - dx * size - dy * size * 0.7, y - dy * size - dx * size * 0.7)
    right = (x - dx * size + dy * size * 0.7, y - dy * size + dx * size * 0.7)
    yield (f'<path class="{kind}tip" d="M{x:g} {y:g}L{left[0]:g} {left[1]:g}'
           f'L{right[0]:g} {right[1]:g}Z"/>')  # fmt: skip


def _text(kind: str, x: float, y: float, words: str) -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text{of_kind} x="{x:g}" y="{y:g}">{html.escape(words)}</text>'
