"""Any reply becomes HTML that Telegram takes."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.replies import Appointment, Attachment, Copy, Reply, Tap, Visit
from bot.knowledge.markup import Anchor, Bold, Code, Item, Paragraph, Plain, Quote
from bot.sandbox import markup
from bot.tg import render as render_module
from bot.tg.render import MAX_CAPTION_UNITS, MAX_ENTITIES, MAX_UNITS, render, shown, units

WORDS = st.text(st.characters(), max_size=3_000)
NASTY = st.sampled_from(
    [
        "<b>", "</b>", "</blockquote>", "&lt;", "&", "&amp;lt;", "&nbsp;", '"><script>', "'",
        "a\ud800b", "𝔘" * 3_000, "x" * 9_000, "one two " * 1_500, "<" * 5_000, "&#0;", " \n ", "",
    ]
)  # fmt: skip
TEXT = st.one_of(WORDS, NASTY)
URL = st.one_of(
    st.just("https://example.org/?a=1&b=%22"),
    st.text(st.sampled_from("<>&\"'/= ax"), max_size=20).map("https://example.org/{}".format),
)
SPAN = st.one_of(
    st.builds(Plain, TEXT),
    st.builds(Bold, TEXT),
    st.builds(Code, TEXT),
    st.builds(Anchor, TEXT, URL),
)
MANY = st.integers(95, 230).map(lambda count: [Bold("x"), Plain(" ")] * count)
SPANS = st.one_of(st.lists(SPAN, max_size=6), MANY).map(tuple)
LINES = st.one_of(
    st.builds(Paragraph, SPANS), st.builds(Item, SPANS, st.one_of(st.none(), st.integers(1, 99)))
)
BLOCKS = st.one_of(LINES, st.builds(Quote, st.lists(LINES, max_size=4).map(tuple), st.booleans()))
REPLIES = st.lists(BLOCKS, max_size=8).map(tuple)

FILE = Attachment("x.ics", Appointment("en", "x", "y", datetime(2026, 12, 21, tzinfo=UTC)))


def solid(text):
    """A text as it can be sent, without white space: how lines are broken is not what is said."""
    return "".join(text.encode("utf-8", "replace").decode().split())


def lines_of(blocks):
    for block in blocks:
        yield from lines_of(block.blocks) if isinstance(block, Quote) else [block]


def said(blocks):
    """All words, with what begins the lines of lists."""
    text = ""
    for line in lines_of(blocks):
        if isinstance(line, Item):
            text += f"{line.number}." if line.number else "•"
        text += "".join(span.text for span in line.spans)
    return solid(text)


def within(parsed, kind):
    """The words within entities of a kind."""
    units_of = parsed.text.encode("utf-16-le")
    return "".join(
        units_of[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")
        for e in parsed.entities
        if e["type"] == kind
    )


@given(REPLIES)
def test_any_reply_is_valid_html_within_the_limits(blocks):
    """Each part by itself, parsed as strictly as Telegram does: only its tags, all of them closed,
    at most 4,096 units and 100 entities, and never without a word."""
    for part in render(Reply(blocks)):
        parsed = markup.parse(part.text)
        assert units(parsed.text) <= MAX_UNITS
        assert len(parsed.entities) <= MAX_ENTITIES
        assert parsed.text.strip()


@given(REPLIES)
def test_any_reply_says_what_was_written_and_nothing_else(blocks):
    """All words in their order, whatever they look like; a reply without words says "…"."""
    parts = [markup.parse(part.text) for part in render(Reply(blocks))]
    assert solid("".join(part.text for part in parts)) == (said(blocks) or "…")


@given(REPLIES)
def test_only_what_was_meant_to_stand_out_does(blocks):
    """Bold words, words to copy, links with their addresses, and quotes: those, and no others."""
    parts = [markup.parse(part.text) for part in render(Reply(blocks))]
    spans = [span for line in lines_of(blocks) for span in line.spans]
    for kind, entity in ((Bold, "bold"), (Code, "code"), (Anchor, "text_link")):
        meant = "".join(span.text for span in spans if isinstance(span, kind))
        assert solid("".join(within(part, entity) for part in parts)) == solid(meant)
    for expandable, entity in ((False, "blockquote"), (True, "expandable_blockquote")):
        quotes = [b for b in blocks if isinstance(b, Quote) and b.expandable == expandable]
        assert solid("".join(within(part, entity) for part in parts)) == said(quotes)
    addresses = {e["url"] for part in parts for e in part.entities if e["type"] == "text_link"}
    assert addresses <= {span.url for span in spans if isinstance(span, Anchor)}


@given(REPLIES)
def test_what_is_shown_is_what_telegram_shows(blocks):
    """So the same words can go without markup where Telegram does not take it."""
    for part in render(Reply(blocks)):
        assert shown(part.text) == markup.parse(part.text).text


@given(TEXT.filter(str.strip), st.sampled_from([Plain, Bold, Code]))
def test_a_long_text_is_cut_and_nothing_comes_between(text, kind):
    """To the letter, white space included; and rather at the end of a word."""
    parts = [markup.parse(part.text).text for part in render(Reply((Paragraph((kind(text),)),)))]
    whole = text.encode("utf-8", "replace").decode()
    assert "".join(parts).strip() == whole.strip()
    if text == "one two " * 1_500:
        assert all(part.split()[-1] in {"one", "two"} for part in parts)
        assert len(parts) == 3


def test_text_is_escaped_in_one_place():
    """Here. Pages and pictures for editors, which Telegram never sees, escape for themselves."""
    folder = Path(render_module.__file__).parents[1]
    escaping = re.compile(r"html\.escape|from html import|saxutils|xhtml_escape")
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if escaping.search(path.read_text("utf-8"))
    }
    assert found == {"tg/render.py", "gallery.py", "chart.py"}


@given(st.lists(BLOCKS, max_size=4).map(tuple))
def test_any_words_go_with_a_file(blocks):
    """As its caption within 1,024 units, or whole before it; the file and the buttons come last."""
    rows = ((Tap("a", "1.en.p.home"),),)
    *before, last = render(Reply(blocks, rows, attachment=FILE))
    assert (last.attachment, last.keyboard is None) == (FILE, False)
    assert not any(part.attachment or part.keyboard for part in before)
    caption = markup.parse(last.text)
    assert units(caption.text) <= MAX_CAPTION_UNITS
    assert len(caption.entities) <= MAX_ENTITIES
    alone = [part.text for part in render(Reply(blocks)) if said(blocks)]
    assert [part.text for part in (*before, last) if part.text] == alone


def test_buttons_become_telegrams_own():
    """A tap comes back, a visit opens, a copy copies."""
    reply = Reply(
        (Paragraph((Plain("x"),)),),
        ((Tap("a", "1.en.p.home"),), (Visit("b", "https://example.org"), Copy("c", "text"))),
    )
    (part,) = render(reply)
    keyboard = json.loads(part.keyboard)["inline_keyboard"]
    assert keyboard == [
        [{"text": "a", "callback_data": "1.en.p.home"}],
        [{"text": "b", "url": "https://example.org"}, {"text": "c", "copy_text": {"text": "text"}}],
    ]
