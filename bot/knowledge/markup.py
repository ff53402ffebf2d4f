"""The small markup of texts: paragraphs, lists, bold words, links by id.

A text is parsed once, when the content is loaded, into blocks that know no HTML. Whoever shows
them (Telegram, a terminal, a page) escapes and renders them in one place of its own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PLACEHOLDER = re.compile(r"\{([a-z0-9_.-]+)\}")
LINK = re.compile(r"\[([^\[\]]+)\]\(([a-z0-9-]+)\)")
_TOKEN = re.compile(r"\*\*(.+?)\*\*|\[([^\[\]]+)\]\(([a-z0-9-]+)\)|`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Plain:
    """Words as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Bold:
    """Words that stand out."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Words to copy; a tap copies them in Telegram."""

    text: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """Words that lead to a page."""

    text: str
    url: str


Span = Plain | Bold | Code | Anchor


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line or several."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a list."""

    spans: tuple[Span, ...]
    number: int | None = None
    """Counted from 1 in a list of steps; None in a list of points."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Set apart; an expandable one shows its first lines until it is tapped."""

    blocks: tuple["Paragraph | Item", ...]
    expandable: bool = False


Block = Paragraph | Item | Quote


def fill(text: str, values: Mapping[str, str]) -> str:
    """Set values in for `{name}`; unknown names stay as they are. Values are never read again."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def parse(text: str, link: Callable[[str], str]) -> tuple[Paragraph | Item, ...]:
    """Read a text; `link` gives the address for a link id (KeyError for an unknown one)."""
    blocks: list[Paragraph | Item] = []
    for chunk in re.split(r"\n\s*\n", text.strip()):
        running: list[str] = []
        for line in chunk.split("\n"):
            point = re.match(r"(?:-|(\d{1,2})\.)\s+(.*)", line.strip())
            if not point:
                running.append(line.strip())
                continue
            if running:
                blocks.append(Paragraph(_spans(" ".join(running), link)))
                running = []
            number = int(point[1]) if point[1] else None
            blocks.append(Item(_spans(point[2], link), number))
        if running:
            blocks.append(Paragraph(_spans(" ".join(running), link)))
    return tuple(blocks)


def _spans(line: str, link: Callable[[str], str]) -> tuple[Span, ...]:
    spans: list[Span] = []
    end = 0
    for found in _TOKEN.finditer(line):
        if found.start() > end:
            spans.append(Plain(line[end : found.start()]))
        bold, words, target, code = found.groups()
        if bold is not None:
            spans.append(Bold(bold))
        elif code is not None:
            spans.append(Code(code))
        else:
            spans.append(Anchor(words, link(target)))
        end = found.end()
    if end < len(line):
        spans.append(Plain(line[end:]))
    return tuple(spans)


def plain(blocks: tuple[Block, ...]) -> str:
    """The words alone, for a terminal or a machine."""
    lines: list[str] = []
    for block in blocks:
        match block:
            case Quote(inner, _):
                lines.append(plain(inner))
            case Item(spans, number):
                lines.append(f"{f'{number}.' if number else '-'} {_words(spans)}")
            case Paragraph(spans):
                lines.append(_words(spans))
    return "\n".join(lines)


def _words(spans: tuple[Span, ...]) -> str:
    return "".join(
        f"{span.text} ({span.url})" if isinstance(span, Anchor) else span.text for span in spans
    )
