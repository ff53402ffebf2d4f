"""A letter as PDF that prints well, can be filled in by hand, and is read out in the right order."""

import contextlib
import logging
import unicodedata
from collections.abc import Container, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from importlib.resources import as_file, files

from fpdf import FPDF, ViewerPreferences
from fpdf.fonts import TTFFont

from bot.dialogue.replies import Letter
from bot.papers.layout import (
    FOLDS,
    HEIGHT,
    MM,
    PAGE_NUMBER,
    RIGHT,
    SIZE,
    WIDTH,
    Page,
    Paragraph,
    Piece,
    lay_out,
)

FAMILY = "letter"
FONTS = files("font_source_sans_pro") / "files"
MISSING = "☐"
"""Stands for a letter of a script that the font does not have."""
CAPTION_GREY, RULE_GREY, FOLD_GREY = 100, 90, 150
NEAREST = str.maketrans({"‐": "-", "‑": "-", "⁃": "-", "□": MISSING, "\u2009": "\u202f"})

# They tell at INFO which letters a text holds.
for _name in ("fpdf", "fontTools"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def write_pdf(letter: Letter, made: date) -> bytes:
    """Write the letter on A4 pages; equal values give equal bytes.

    Signs that the font lacks: the nearest that it has (a letter without its rare accent, a plain
    hyphen); emoji and invisible signs are left out; for any other letter stands an empty box, so
    that everybody sees that one is missing. The `.txt` of the same letter has them all.
    """
    with contextlib.ExitStack() as stack:
        sheet = _Sheet()
        for style, name in (("", "Regular"), ("B", "Bold")):
            path = stack.enter_context(as_file(FONTS / f"SourceSansPro-{name}.ttf"))
            sheet.add_font(FAMILY, style, path)
        shown = _shown(letter, sheet.covered())
        sheet.describe(shown, made)
        pages = lay_out(shown, sheet.measure)
        for number, page in enumerate(pages, 1):
            sheet.draw(page, number, len(pages))
        return bytes(sheet.output())


class _Sheet(FPDF):
    """Draws pages with tags: a screen reader reads paragraphs, and skips lines and numbers."""

    def __init__(self) -> None:
        super().__init__(unit="pt", format=(WIDTH, HEIGHT))
        self.set_auto_page_break(False)

    def font(self, bold: bool) -> TTFFont:
        """One of the two, which `add_font` has loaded."""
        font = self.fonts[f"{FAMILY}B" if bold else FAMILY]
        assert isinstance(font, TTFFont)  # noqa: S101 - the library's type allows its core fonts too
        return font

    def covered(self) -> frozenset[int]:
        """Code points that both fonts have."""
        return frozenset(self.font(False).cmap) & frozenset(self.font(True).cmap)

    def measure(self, text: str, size: float, bold: bool) -> float:
        """Width of a text in points."""
        widths = self.font(bold).cw
        return sum(widths[ord(sign)] for sign in text) * size / 1000

    def describe(self, letter: Letter, made: date) -> None:
        """What a viewer shows about the document; no author, no name."""
        self.set_lang(letter.language)
        self.set_title(letter.subject)
        self.set_subject(letter.subject)
        # Noon: the same day in all of Europe.
        self.set_creation_date(datetime.combine(made, time(12), UTC))
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)

    def draw(self, page: Page, number: int, count: int) -> None:
        """Draw one of `count` pages."""
        self.add_page()
        for paragraph in page.paragraphs:
            self._draw_text(paragraph)
        with self._artifact():
            self.set_line_width(0.4)
            self.set_draw_color(RULE_GREY)
            for paragraph in page.paragraphs:
                for rule in paragraph.rules:
                    self.line(rule.x, rule.y, rule.x + rule.length, rule.y)
            if number == 1:
                self.set_draw_color(FOLD_GREY)
                for y in FOLDS:
                    self.line(5 * MM, y, 9 * MM, y)
            else:
                text = f"{number} / {count}"
                x = RIGHT - self.measure(text, SIZE, False)
                self._write(Piece(x, PAGE_NUMBER, text, SIZE))

    def _draw_text(self, paragraph: Paragraph) -> None:
        tag = "/H1" if paragraph.heading else "/P"
        mark = self.struct_builder.next_mcid_for_page(self.page)
        self._add_marked_content(struct_type=tag, mcid=mark)
        self._out(f"{tag} <</MCID {mark}>> BDC")
        for piece in paragraph.pieces:
            self._write(piece)
        self._out("EMC")

    def _write(self, piece: Piece) -> None:
        self.set_font(FAMILY, "B" if piece.bold else "", piece.size)
        self.set_text_color(CAPTION_GREY if piece.caption else 0)
        self.text(piece.x, piece.y, piece.text)

    @contextlib.contextmanager
    def _artifact(self) -> Iterator[None]:
        """What is no part of the text."""
        self._out("/Artifact BMC")
        yield
        self._out("EMC")


def _shown(letter: Letter, covered: Container[int]) -> Letter:
    """The letter with nothing but signs that the font has."""
    return replace(
        letter,
        sender=tuple(_replace_missing(line, covered) for line in letter.sender),
        recipient=tuple(_replace_missing(line, covered) for line in letter.recipient),
        place_date=_replace_missing(letter.place_date, covered),
        subject=" ".join(_replace_missing(letter.subject, covered).split()),
        body=_replace_missing(letter.body, covered),
    )


def _replace_missing(text: str, covered: Container[int]) -> str:
    composed = unicodedata.normalize("NFC", text).translate(NEAREST)
    lines = ("".join(_nearest(sign, covered) for sign in line) for line in composed.splitlines())
    return "\n".join(lines)


def _nearest(sign: str, covered: Container[int]) -> str:
    """The sign itself, the nearest that the font has, nothing, or the box."""
    category = unicodedata.category(sign)
    if category in {"Cc", "Zs"} and ord(sign) not in covered:
        return " "
    # A soft hyphen is in the font, but would show at places where no row ends.
    if category[0] == "C":
        return ""
    if ord(sign) in covered:
        return sign
    plain = "".join(
        part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part)
    )
    if plain and plain != sign and all(ord(part) in covered for part in plain):
        return plain
    return "" if category[0] == "M" or category in {"So", "Sk"} else MISSING
