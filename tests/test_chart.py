"""The picture of the objection is that of the objection."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from bot.chart import chart, mermaid, svg
from bot.dialogue.screens import Voice

SVG = "{http://www.w3.org/2000/svg}"
DOCS = Path(__file__).parent.parent / "docs"
TODAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def drawn(knowledge):
    return chart(Voice(knowledge, "en", TODAY))


def test_the_documents_show_the_flow_of_today(drawn):
    """Changed and not drawn anew? `optout-bot flow --svg > docs/objection.svg`, and --mermaid."""
    assert (DOCS / "objection.svg").read_text(encoding="utf-8").strip() == svg(drawn).strip()
    shown = (DOCS / "objection.md").read_text(encoding="utf-8")
    found = re.search(r"```mermaid\n(.*?)\n```", shown, re.DOTALL)
    assert found
    assert found[1] == mermaid(drawn).strip()


def test_every_screen_is_drawn_in_every_language(knowledge):
    """Boxes for all screens, words of that language, a picture that parses and names itself."""
    for tag in knowledge.languages:
        drawn = chart(Voice(knowledge, tag, TODAY))
        picture = ET.fromstring(svg(drawn))  # noqa: S314 - our own picture
        words = "".join(picture.itertext())
        flow = mermaid(drawn)
        for screen in knowledge.flow.screens:
            assert screen in words
            assert f"<b>{screen}</b>" in flow
        assert picture.find("{http://www.w3.org/2000/svg}title") is not None


def test_no_edge_leads_to_a_box_that_is_not_there(drawn):
    """What Mermaid connects it has drawn."""
    text = mermaid(drawn)
    boxes = set(re.findall(r"^    (s_\w+)\[", text, re.MULTILINE))
    ends = re.findall(r"^  (s_\w+) [-=.].*?(s_\w+)$", text, re.MULTILINE)
    assert len(ends) > len(boxes)
    assert {end for edge in ends for end in edge} <= boxes


def corners(path):
    """The corners of a line as pairs of numbers."""
    return [tuple(map(float, pair.split())) for pair in path.removeprefix("M").split("L")]


def test_no_line_runs_through_a_box_in_any_language(knowledge):
    """Words differ in length, and boxes with them: lines keep to the gaps, and on the page."""
    for tag in knowledge.languages:
        picture = ET.fromstring(svg(chart(Voice(knowledge, tag, TODAY))))  # noqa: S314
        boxes = [
            tuple(float(box.get(name)) for name in ("x", "y", "width", "height"))
            for box in picture.iter(f"{SVG}rect")
            if "box" in box.get("class").split()
        ]
        assert len(boxes) == len(knowledge.flow.screens)
        lines = [
            corners(line.get("d"))
            for line in picture.iter(f"{SVG}path")
            if line.get("class") in {"edge", "main-edge"}
        ]
        assert len(lines) > len(boxes)
        for (ax, ay), (bx, by) in (leg for line in lines for leg in pairwise(line)):
            assert ax == bx or ay == by
            assert 0 < min(ax, bx) <= max(ax, bx) < float(picture.get("width"))
            for x, y, width, height in boxes:
                beside = max(ax, bx) <= x or min(ax, bx) >= x + width
                assert beside or max(ay, by) <= y or min(ay, by) >= y + height


def test_the_main_way_is_one_line_from_the_first_screen_to_the_last(knowledge, drawn):
    """Whoever gives the first answers comes to the end; each of its steps is drawn thick."""
    assert drawn.main[0] == knowledge.flow.first
    assert drawn.main[-1] == "done"
    thick = re.findall(r"^  (s_\w+) ==>.*?(s_\w+)$", mermaid(drawn), re.MULTILINE)
    assert thick == [
        tuple(f"s_{name.replace('-', '_')}" for name in pair) for pair in pairwise(drawn.main)
    ]
    assert svg(drawn).count('class="main-edge"') == len(thick) + 1  # and one in the legend


def test_words_cannot_break_out_of_the_drawing(knowledge):
    """Quotes, tags and brackets in a label are words, in Mermaid and in the picture."""
    english = knowledge.catalogs["en"]
    texts = {**english.texts, "objection.send.button.sent": """a "b" <i>c</i> ]| # & {d}; `e`"""}
    catalogs = {**knowledge.catalogs, "en": replace(english, texts=texts)}
    odd = chart(Voice(replace(knowledge, catalogs=catalogs), "en", TODAY))
    (line,) = [line for line in mermaid(odd).splitlines() if "s_send ==>" in line]
    assert re.fullmatch(r'  s_send ==>\|"[^"<>`{}]*"\| s_outcome', line)
    words = "".join(ET.fromstring(svg(odd)).itertext())  # noqa: S314 - our own picture
    assert """a "b" <i>c</i>""" in words
