"""Where everything on a letter's pages stands: a pure function of the letter and a font's widths.

Lengths are points (1/72 inch), counted from the upper left corner of the page. The head follows
DIN 5008, form B: folded at the marks, the recipient's address shows in the window of an envelope.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from bot.dialogue.replies import Letter

MM: Final = 72 / 25.4
WIDTH, HEIGHT = 210 * MM, 297 * MM
LEFT, RIGHT = 25 * MM, 190 * MM
SENDER_TOP, SENDER_WIDTH = 12 * MM, 100 * MM
ADDRESS_TOP, ADDRESS_WIDTH = 56 * MM, 80 * MM
DATE_TOP, DATE_LEFT = 86 * MM, 125 * MM
RIGHT_WINDOW, RIGHT_WINDOW_LEFT = frozenset({"es", "fr", "it", "pt"}), 110 * MM
"""Languages of countries whose envelopes have their window on the right, and where it begins."""
BODY_TOP = 101 * MM
"""Of the subject on the first page."""
TOP, BOTTOM = 25 * MM, 274 * MM
"""Of the text on further pages; the first one ends there too."""
ONLY_BOTTOM = 282 * MM
"""Of the text on an only page, which has no number below."""
FOLDS = (105 * MM, 210 * MM)
PAGE_NUMBER = 284 * MM

SIZE, LEADING, ADDRESS_LEADING = 11.0, 15.5, 14.0
SUBJECT_SIZE = 12.0
CAPTION_SIZE, CAPTION_DROP, RULE_DROP = 7.0, 8.5, 2.0
SUBJECT_SPACE, PARAGRAPH_SPACE, ITEM_SPACE = 14.0, 8.0, 3.0
INDENT = 18.0
"""By which the text of a list item hangs behind its marker."""
BLANK_ABOVE, BLANK_BELOW, SIGNATURE_ABOVE = 18.0, 12.0, 46.0
"""Room above and below the baseline of a row with a blank: handwriting needs 8 mm and more."""
BLANK_LENGTH, LAST_LENGTH, LONE_LENGTH = 35 * MM, 60 * MM, 85 * MM
"""At least: of a blank within a sentence, of one that ends its line, of one alone on its line."""
SHORT = 3
"""Rows up to which a text is never parted by the end of a page."""

BLANK = re.compile(r"\[[^\[\]\s](?:[^\[\]]{0,78}[^\[\]\s])?\]")
WORD = re.compile(r"\W?[^\W\d_]+\.?")
ITEM = re.compile(r"(-|\d{1,2}\.) +(?=\S)")

Measure = Callable[[str, float, bool], float]
"""Width of a text at a size, bold or not."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Words on a page; `y` is their baseline."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    caption: bool = False
    """Whether they say what to write on the line above them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line to write on."""

    x: float
    y: float
    length: float


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What is read in one go, or its part on this page, in reading order."""

    heading: bool
    pieces: tuple[Piece, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page in reading order."""

    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class _Style:
    """How a text is set."""

    left: float
    width: float
    size: float = SIZE
    leading: float = LEADING
    bold: bool = False
    above: float = BLANK_ABOVE
    marker: str = ""
    """Stands before the first row; all rows hang behind it."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What no end of a row parts: a word, or a blank with the signs that touch it."""

    spaced: bool
    """Whether a space stands before it."""
    before: str
    blank: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of text; its parts are placed from its own top."""

    text: int
    """Number of the text that it belongs to."""
    height: float
    pieces: tuple[Piece, ...]
    rules: tuple[Rule, ...]
    before: float = 0.0
    """Space above, which falls away at the top of a page."""
    glued: bool = False
    """Whether it stands on the same page as the row before it."""
    heading: bool = False


def lay_out(letter: Letter, measure: Measure) -> tuple[Page, ...]:
    """Place all that the letter says; at least one page.

    Four lines of a sender and five of a recipient fit above the subject; more push it down. A blank
    of more than 80 characters is set as words; a word that is wider than its row is cut.
    """
    setter = _Setter(measure)
    head, end = _head(letter, setter)
    rows = [*_subject(letter.subject, setter), *_body(letter.body, setter)]
    top = max(BODY_TOP, end)
    only = rows if _height(rows) <= ONLY_BOTTOM - top else None
    first, *others = [only] if only else _split(rows, BOTTOM - top)
    return (
        Page((*head, *_place(first, top))),
        *(Page(tuple(_place(page, TOP))) for page in others),
    )


def _head(letter: Letter, setter: "_Setter") -> tuple[list[Paragraph], float]:
    """What stands above the subject, and where that may begin."""
    right = letter.language in RIGHT_WINDOW
    address_left = RIGHT_WINDOW_LEFT if right else LEFT
    date_left = RIGHT_WINDOW_LEFT if right else DATE_LEFT
    head: list[Paragraph] = []
    end = 0.0
    for begins, texts, style in (
        (SENDER_TOP, letter.sender, _Style(LEFT, SENDER_WIDTH)),
        (
            ADDRESS_TOP,
            letter.recipient,
            _Style(address_left, ADDRESS_WIDTH, leading=ADDRESS_LEADING),
        ),
        (DATE_TOP, (letter.place_date,), _Style(date_left, RIGHT - date_left)),
    ):
        rows = [row for text in texts for row in setter.set_text(_one_line(text), style)]
        top = max(begins, end)
        head += _place(rows, top)
        end = top + _height(rows)
    return head, end


def _subject(subject: str, setter: "_Setter") -> list[_Row]:
    style = _Style(LEFT, RIGHT - LEFT, SUBJECT_SIZE, bold=True)
    rows = setter.set_text(_one_line(subject), style)
    return [replace(row, heading=True, glued=True) for row in rows]


def _body(body: str, setter: "_Setter") -> list[_Row]:
    """The rows of all paragraphs, and which of them the end of a page does not part."""
    rows: list[_Row] = []
    paragraph_begins = 0
    leads_in = True  # the subject to the salutation, that to what follows, a colon to its list
    for number, lines in enumerate(_paragraphs(body)):
        previous_begins, paragraph_begins = paragraph_begins, len(rows)
        signature = bool(number) and len(lines) == 1 and bool(BLANK.fullmatch(lines[0]))
        for index, line in enumerate(lines):
            item = ITEM.match(line)
            style = _Style(
                LEFT,
                RIGHT - LEFT,
                above=SIGNATURE_ABOVE if signature else BLANK_ABOVE,
                marker=("–" if item[1] == "-" else item[1]) if item else "",
            )
            if index:
                space = ITEM_SPACE if item else 0.0
                glued = leads_in or item is None or index == 1
            else:
                space = PARAGRAPH_SPACE if number else SUBJECT_SPACE
                glued = leads_in or signature
            set_rows = setter.set_text(line[item.end() :] if item else line, style)
            rows += _keep_together(set_rows, space, glued)
            leads_in = line.endswith(":")
        leads_in = leads_in or not number
        if signature and paragraph_begins - previous_begins <= SHORT:
            # The closing formula brings the end of the last paragraph along to the signature.
            rows[previous_begins] = replace(rows[previous_begins], glued=True)
    return rows


def _paragraphs(body: str) -> Iterator[list[str]]:
    """The lines of each paragraph; none is empty."""
    lines: list[str] = []
    for written in [*body.splitlines(), ""]:
        if line := _one_line(written):
            lines.append(line)
        elif lines:
            yield lines
            lines = []


def _one_line(text: str) -> str:
    """The text with single spaces; those that forbid a line break stay."""
    return re.sub(r"[ \t\n\r\v\f]+", " ", text).strip()


def _keep_together(rows: list[_Row], space: float, glued: bool) -> Iterator[_Row]:
    """One text's rows: a short text whole, of a long one at least two rows on a page."""
    last = len(rows) - 1
    for index, row in enumerate(rows):
        if index:
            yield replace(row, glued=last < SHORT or index in {1, last})
        else:
            yield replace(row, before=space, glued=glued)


def _height(rows: list[_Row]) -> float:
    """Of rows that begin a page."""
    return sum(row.height + (row.before if index else 0.0) for index, row in enumerate(rows))


def _split(rows: list[_Row], room: float) -> list[list[_Row]]:
    """The rows of each page; `room` is what the first page has left for them."""
    pages: list[list[_Row]] = []
    if rows and rows[0].height > room:
        pages.append([])
        room = BOTTOM - TOP
    start = 0
    while start < len(rows):
        full, used = start + 1, rows[start].height
        while full < len(rows) and used + rows[full].before + rows[full].height <= room:
            used += rows[full].before + rows[full].height
            full += 1
        end = full
        while start < end < len(rows) and rows[end].glued:
            end -= 1
        # Where everything is glued, the page is filled: some break there must be.
        end = end if end > start else full
        pages.append(rows[start:end])
        start, room = end, BOTTOM - TOP
    return pages or [[]]


def _place(rows: list[_Row], top: float) -> list[Paragraph]:
    """Give rows their places from `top` downwards, and put those of one text together."""
    paragraphs: list[Paragraph] = []
    text = None
    for index, row in enumerate(rows):
        top += row.before if index else 0.0
        pieces = tuple(replace(piece, y=top + piece.y) for piece in row.pieces)
        rules = tuple(replace(rule, y=top + rule.y) for rule in row.rules)
        if row.text == text:
            begun = paragraphs.pop()
            pieces, rules = begun.pieces + pieces, begun.rules + rules
        paragraphs.append(Paragraph(row.heading, pieces, rules))
        text = row.text
        top += row.height
    return paragraphs


class _Setter:
    """Sets texts as rows, and gives each text a number."""

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self.texts = 0

    def set_text(self, text: str, style: _Style) -> list[_Row]:
        """Rows that are no wider than the style; none for an empty text."""
        self.texts += 1
        width = style.width - (INDENT if style.marker else 0.0)
        units = [fit for unit in _units(text) for fit in self._fit(unit, width, style)]
        space = self.measure(" ", style.size, style.bold)
        rows: list[_Row] = []
        line: list[tuple[_Unit, float]] = []
        used = 0.0
        for index, unit in enumerate(units):
            words = self._width(unit.before + unit.after, style)
            length = min(width - words, self._length(unit)) if unit.blank else 0.0
            fills = (
                bool(unit.blank)
                and index == len(units) - 1
                and not any(sign.isalnum() for sign in unit.after)
            )
            lone = fills and len(units) == 1 and not unit.before + unit.after
            if lone:
                length = min(width, max(length, LONE_LENGTH))
            elif fills:
                length = max(length, LAST_LENGTH)
            gap = space if unit.spaced and line else 0.0
            if line and used + gap + words + length > width:
                rows.append(self._row(line, style, first=not rows, more=unit.spaced))
                line, used, gap = [], 0.0, 0.0
            if fills and not lone:
                length = width - used - gap - words
            line.append((unit, length))
            used += gap + words + length
        if line:
            rows.append(self._row(line, style, first=not rows, more=False))
        return rows

    def _width(self, text: str, style: _Style) -> float:
        return self.measure(text, style.size, style.bold)

    def _length(self, unit: _Unit) -> float:
        """Of the line to write on, as short as it may be."""
        return max(BLANK_LENGTH, self.measure(unit.blank, CAPTION_SIZE, False) + 4)

    def _fit(self, unit: _Unit, width: float, style: _Style) -> Iterator[_Unit]:
        """The unit, taken apart where it is wider than a row."""
        words = self._width(unit.before + unit.after, style)
        if words + (self._length(unit) if unit.blank else 0.0) <= width:
            yield unit
            return
        spaced = unit.spaced
        for text, blank in ((unit.before, ""), ("", unit.blank), (unit.after, "")):
            if blank:
                yield _Unit(spaced, "", blank)
                spaced = False
            for part in self._cut(text, width, style):
                yield _Unit(spaced, part)
                spaced = False

    def _cut(self, word: str, width: float, style: _Style) -> Iterator[str]:
        """Parts of a word that are as wide as a row, or narrower."""
        part, used = "", 0.0
        for sign in word:
            wide = self._width(sign, style)
            if part and used + wide > width:
                yield part
                part, used = "", 0.0
            part += sign
            used += wide
        if part:
            yield part

    def _row(
        self, line: list[tuple[_Unit, float]], style: _Style, *, first: bool, more: bool
    ) -> _Row:
        """A row of units, each with the length of its blank; a space after it if words follow."""
        blank = any(unit.blank for unit, _ in line)
        baseline = style.above if blank else (style.leading + 0.7 * style.size) / 2
        pieces: list[Piece] = []
        rules: list[Rule] = []
        start = style.left
        if style.marker:
            if first:
                marker = f"{style.marker} "
                pieces.append(Piece(start, baseline, marker, style.size, style.bold))
            start += INDENT
        text = ""
        for index, (unit, length) in enumerate(line):
            text += (" " if unit.spaced and index else "") + unit.before
            if not unit.blank:
                continue
            if text:
                pieces.append(Piece(start, baseline, text, style.size, style.bold))
            start += self._width(text, style)
            rules.append(Rule(start, baseline + RULE_DROP, length))
            wide = self.measure(unit.blank, CAPTION_SIZE, False)
            size = CAPTION_SIZE * min(1.0, length / wide)
            pieces.append(Piece(start, baseline + CAPTION_DROP, unit.blank, size, caption=True))
            start += length
            text = unit.after
        # Nobody sees it, but whoever copies or hears the text has no words run together.
        text += " " if more else ""
        if text:
            pieces.append(Piece(start, baseline, text, style.size, style.bold))
        height = baseline + BLANK_BELOW if blank else style.leading
        return _Row(self.texts, height, tuple(pieces), tuple(rules))


def _units(text: str) -> Iterator[_Unit]:
    """A text's words and blanks; only a space parts them, or a blank from the next blank."""
    unit = _Unit(False, "")
    for index, part in enumerate(re.split(f"({BLANK.pattern})", text)):
        if index % 2:
            if unit.blank:
                yield unit
                unit = _Unit(False, "")
            unit = replace(unit, blank=part)
            continue
        for number, word in enumerate(part.split(" ")):
            if number:
                # "Article 21", "within 14": a number stays with the word before it.
                if word[:1].isdigit() and WORD.fullmatch(unit.before) and not unit.blank:
                    word = f"{unit.before} {word}"  # noqa: PLW2901
                    unit = replace(unit, before="")
                else:
                    if unit.before or unit.blank:
                        yield unit
                    unit = _Unit(True, "")
            unit = replace(unit, after=word) if unit.blank else replace(unit, before=word)
    if unit.before or unit.blank:
        yield unit
