"""A letter as PDF: what stands on it, where, and that any text becomes one."""

import io
import logging
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from bot.dialogue.replies import Letter
from bot.papers import layout
from bot.papers.layout import BOTTOM, LEFT, MM, ONLY_BOTTOM, RIGHT, lay_out
from bot.papers.pdf import MISSING, write_pdf

MADE = date(2026, 11, 22)
PARAGRAPH = (
    "I ask you to stop using what I have posted for training AI, under Article 21(1) GDPR. " * 4
)
LETTER = Letter(
    "en",
    ("[first name and surname]", "[postal address]"),
    ("Meta Platforms Ireland Limited", "Merrion Road", "Dublin 4"),
    "[place and date]",
    "Objection of [date of the objection]",
    "Dear all,\n\nOn [date of the objection] I objected, and “[what Meta wrote]”.\n"
    "Profile: [link or user name]\n\nPlease:\n\n1. stop; \n- confirm.\n\n"
    "Yours faithfully,\n\n[signature]",
)
ODD = st.sampled_from(
    [
        "[",
        "]",
        "[a]",
        "[a b]",
        "\n\n",
        "\n",
        " ",
        "- ",
        "1. ",
        "w" * 200,
        "😀",
        "ქართული",
        "العربية",
        "{nb}",
        "\x00",
        "\ud800",
        "\u2028",
        "\xad",
        "\u202e",
        "ḝ",
        "(\\)",
        "ﷺ",
        "a" * 90 + "]",
    ]
)
TEXTS = st.lists(st.one_of(ODD, st.text(max_size=60)), max_size=40).map("".join)
LETTERS = st.builds(
    Letter,
    st.sampled_from(["en", "fr", "el"]),
    st.lists(TEXTS.map(lambda text: text[:80]), max_size=4).map(tuple),
    st.lists(TEXTS.map(lambda text: text[:80]), max_size=5).map(tuple),
    TEXTS,
    TEXTS,
    TEXTS,
)


def width(text, size, bold):
    """Every sign half as wide as high: a font that needs no file."""
    return len(text) * size * (0.55 if bold else 0.5)


def read(letter):
    return PdfReader(io.BytesIO(write_pdf(letter, MADE)), strict=True)


def words(letter):
    """All that is read out, in its order, with single spaces."""
    return " ".join("".join(page.extract_text() for page in read(letter).pages).split())


def body_of(letter, text):
    return replace(letter, body=text)


def lines(page):
    """The words of a page by their height, from above."""
    found = {}
    for paragraph in page.paragraphs:
        for piece in paragraph.pieces:
            found.setdefault(round(piece.y, 1), []).append(piece.text)
    return ["".join(found[y]) for y in sorted(found)]


def test_equal_letters_are_equal_bytes():
    """No clock, no random id, no order of a set; another day or another word is another file."""
    once = write_pdf(LETTER, MADE)
    assert once == write_pdf(LETTER, MADE)
    assert once != write_pdf(LETTER, date(2026, 11, 23))
    assert once != write_pdf(replace(LETTER, subject="Objection"), MADE)


@pytest.mark.slow
def test_neither_machine_nor_process_shows():
    """Another time zone and another seed of hashes give the same bytes."""
    program = (
        "import datetime, hashlib, bot.dialogue.replies as r, bot.papers.pdf as p\n"
        f"letter = r.{LETTER!r}\n"
        f"print(hashlib.sha256(p.write_pdf(letter, {MADE!r})).hexdigest())\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"TZ": zone, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for zone, seed in (("America/New_York", "1"), ("Europe/Athens", "2"))
    }
    assert len(said) == 1


def test_all_words_are_read_in_order():
    """Text that is copied, searched or read out is the letter's, blanks with their brackets."""
    assert words(LETTER) == (
        "[first name and surname] [postal address] Meta Platforms Ireland Limited Merrion Road "
        "Dublin 4 [place and date] Objection of [date of the objection] Dear all, "
        "On [date of the objection] I objected, and “ [what Meta wrote] ”. "
        "Profile: [link or user name] Please: 1. stop; – confirm. Yours faithfully, [signature]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Œuvre, « à l’île », ça : où ?",
        "„Größe“, ẞ, Łódź, Žižkov, őű, șț, ħ, ı",
        "Εναντίωση στην εκπαίδευση τεχνητής νοημοσύνης· ΐΰ",
        "Възражение срещу обучението; № 1, Ї, ђ",
    ],
)
def test_the_scripts_of_the_union_are_printed_as_they_are(text):
    """Latin, Greek and Cyrillic, with their quotation marks."""
    assert " ".join(text.split()) in words(body_of(LETTER, text))


def test_what_the_font_lacks_is_seen_to_be_missing():
    """Nearest sign, nothing for ornament, a box for a letter; never a silent gap."""
    text = "a\u2011b e\u0301 ḝ \u200b😀👍🏽 soft\u00adhyphen ქარ 漢 ①"
    assert "a-b é e soft" + f"hyphen {MISSING * 3} {MISSING} 1" in words(body_of(LETTER, text))


def test_what_is_said_about_the_document():
    """Language, title, subject and the day; nobody's name; tags for who cannot see."""
    reader = read(LETTER)
    assert reader.metadata.title == reader.metadata.subject == LETTER.subject
    assert reader.metadata.author is None
    assert reader.metadata.creation_date.date() == MADE
    catalog = reader.trailer["/Root"]
    assert catalog["/Lang"] == "en"
    assert catalog["/MarkInfo"]["/Marked"]
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"]
    kinds = [kid.get_object()["/S"] for kid in catalog["/StructTreeRoot"]["/K"][0]["/K"]]
    assert kinds.count("/H1") == 1
    assert set(kinds) == {"/H1", "/P"}


def test_the_pages_are_a4_and_the_fonts_are_parts():
    """A letter of two pages stays below 40 kB: only the letters that occur are sent along."""
    raw = write_pdf(body_of(LETTER, "\n\n".join([PARAGRAPH] * 11)), MADE)
    pages = PdfReader(io.BytesIO(raw)).pages
    assert len(pages) == 2
    assert {(round(p.mediabox.width), round(p.mediabox.height)) for p in pages} == {(595, 842)}
    assert len(raw) < 40_000


def test_pages_have_numbers_from_the_second_on():
    """And an only page has none."""
    assert "1 / 1" not in words(LETTER)
    pages = [p.extract_text() for p in read(body_of(LETTER, "\n\n".join([PARAGRAPH] * 20))).pages]
    assert len(pages) == 3
    assert [f"{n} / 3" in page for n, page in enumerate(pages, 1)] == [False, True, True]


def test_logs_hold_no_letter_of_it(caplog):
    """Libraries tell which signs they embed, and which they miss: not here."""
    with caplog.at_level(logging.INFO):
        write_pdf(body_of(LETTER, "ქართული 😀 text"), MADE)
    assert not caplog.records


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LETTERS)
def test_any_text_becomes_a_file(letter):
    """Whatever is written, a reader that is strict opens the file."""
    assert len(read(letter).pages) >= 1


@pytest.mark.slow
def test_a_whole_message_of_text_becomes_a_file():
    """4,096 signs: as one word, and as blanks without end."""
    for body in ("w" * 4_096, "[a]" * 1_365, "[a] " * 1_024, "- x\n" * 1_024, "1\n\n" * 1_365):
        assert len(read(body_of(LETTER, body)).pages) >= 2


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LETTERS)
def test_nothing_leaves_the_page(letter):
    """All words and lines lie between the margins, and rows follow one another downwards."""
    pages = lay_out(letter, width)
    bottom = ONLY_BOTTOM if len(pages) == 1 else BOTTOM
    for page in pages:
        for paragraph in page.paragraphs:
            for piece in paragraph.pieces:
                assert piece.x >= LEFT - 0.01
                end = piece.x + width(piece.text.rstrip(), piece.size, piece.bold)
                assert end <= RIGHT + 0.01
            for rule in paragraph.rules:
                assert rule.x >= LEFT - 0.01
                assert rule.x + rule.length <= RIGHT + 0.01
        heights = [paragraph.pieces[0].y for paragraph in page.paragraphs]
        assert heights == sorted(heights)
    # The head of nonsense may be longer than a page; a body never is.
    if sum(map(len, (*letter.sender, *letter.recipient, letter.place_date))) < 200:
        assert all(
            piece.y <= bottom
            for page in pages
            for paragraph in page.paragraphs
            for piece in paragraph.pieces
        )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LETTERS)
def test_nothing_is_lost_or_said_twice(letter):
    """All signs of the letter, in its order; only spaces and the marks of lists may differ."""
    written = [*letter.sender, *letter.recipient, letter.place_date, letter.subject, letter.body]
    placed = "".join(
        piece.text
        for page in lay_out(letter, width)
        for paragraph in page.paragraphs
        for piece in paragraph.pieces
    )

    def signs(text):
        return "".join(text.replace("–", "-").split())

    assert signs(placed) == signs("\n".join(written))


def test_a_blank_is_a_line_with_its_words_below():
    """Long enough to write on, and all the rest of the row where a sentence or a label ends."""
    (page,) = lay_out(LETTER, width)
    rules = {
        piece.text: rule
        for paragraph in page.paragraphs
        for piece, rule in zip(
            (piece for piece in paragraph.pieces if piece.caption), paragraph.rules, strict=True
        )
    }
    assert set(rules) == {
        *LETTER.sender,
        LETTER.place_date,
        *("[date of the objection]", "[what Meta wrote]", "[link or user name]", "[signature]"),
    }
    assert all(rule.length >= 35 * MM for rule in rules.values())
    assert rules["[signature]"].length >= 80 * MM
    profile = rules["[link or user name]"]
    assert profile.x + profile.length == pytest.approx(RIGHT)
    for paragraph in page.paragraphs:
        captions = [piece for piece in paragraph.pieces if piece.caption]
        for piece, rule in zip(captions, paragraph.rules, strict=True):
            assert piece.x == rule.x
            assert 5 < piece.y - rule.y < 8
            assert piece.size <= 7


@pytest.mark.parametrize("filling", range(1, 90))
def test_a_blank_that_ends_a_sentence_has_room(filling):
    """Wherever its row begins: six centimetres and more, up to the margin, with its signs beside it."""
    letter = body_of(LETTER, "x" * filling + " “[what Meta wrote]”.")
    (page,) = lay_out(letter, width)
    paragraph = page.paragraphs[-1]
    (rule,) = paragraph.rules
    assert rule.length >= 60 * MM - 0.01
    marks = [piece for piece in paragraph.pieces if {"“", "”"} & set(piece.text)]
    assert len({piece.y for piece in marks}) == 1
    assert marks[-1].x == pytest.approx(rule.x + rule.length)
    assert marks[-1].x + width(marks[-1].text, marks[-1].size, False) == pytest.approx(RIGHT)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_address_stands_in_the_window(language):
    """Left, or right where envelopes have it there, above the first fold; the date right of it."""
    (page,) = lay_out(replace(LETTER, language=language), width)
    pieces = {piece.text: piece for part in page.paragraphs for piece in part.pieces}
    left, right = (20 * MM, 110 * MM) if language == "en" else (100 * MM, 190 * MM)
    for line in LETTER.recipient:
        assert left <= pieces[line].x
        assert pieces[line].x + width(line, pieces[line].size, False) <= right
        assert 50 * MM < pieces[line].y < 84 * MM
    assert pieces[LETTER.place_date].x >= 110 * MM
    assert all(pieces[line].y < 50 * MM for line in LETTER.sender)


def test_the_rows_of_a_list_hang():
    """The marker stands alone at the margin; further rows begin where the first one does."""
    pages = lay_out(body_of(LETTER, f"Please:\n\n- {PARAGRAPH}\n2. {PARAGRAPH}"), width)
    for marker in ("– ", "2. "):
        (item,) = (p for p in pages[0].paragraphs if p.pieces[0].text == marker)
        assert item.pieces[0].x == LEFT
        assert {piece.x for piece in item.pieces[1:]} == {LEFT + layout.INDENT}
        assert len(item.pieces) > 3


@pytest.mark.parametrize("filling", range(4, 18))
def test_a_signature_is_never_alone_on_a_page(filling):
    """Wherever the page ends: the closing formula and the end of the text come along."""
    body = "\n\n".join(["Dear all,", *["One."] * filling, PARAGRAPH * 2, "Yours,", "[signature]"])
    pages = lay_out(body_of(LETTER, body), width)
    last = lines(pages[-1])
    assert last[-2:] == ["Yours,", "[signature]"]
    assert len(last) >= 4
    assert len({line for line in last if "GDPR" in line or "AI" in line or "ask" in line}) >= 2


@pytest.mark.parametrize("filling", range(4, 24))
def test_paragraphs_are_not_torn_badly(filling):
    """At least two rows or items on each side, and no colon parts from its list."""
    body = "\n\n".join(["Dear all,", *["One."] * filling, PARAGRAPH * 2, "I ask:", "- a\n- b"])
    pages = lay_out(body_of(LETTER, body), width)
    for page, following in pairwise(pages):
        assert not lines(page)[-1].endswith(":")
        assert lines(page)[-1] != "– a"
        for side in (page.paragraphs[-1], following.paragraphs[0]):
            texts = [piece.text for piece in side.pieces]
            assert texts[0] in {"One.", "– ", "I ask:"} or len(texts) >= 2


def test_a_number_stays_with_its_word():
    """No row ends between "Article" and its number, wherever it ends."""
    for filling in range(1, 110):
        for page in lay_out(body_of(LETTER, "x" * filling + " Article 21(1) GDPR" * 12), width):
            assert not any(line.rstrip().endswith("Article") for line in lines(page))
