"""Any reply becomes HTML that Telegram takes."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.replies import Appointment, Attachment, Copy, Reply, Tap, Visit
from bot.knowledge.markup import Anchor, Bold, Code, Item, Paragraph, Plain, Quote
from bot.sandbox import markup
from bot.tg.render import MAX_CAPTION_UNITS, MAX_ENTITIES, MAX_UNITS, render, units

WORDS = st.text(st.characters(), max_size=3_000)
NASTY = st.sampled_from(
    ["<b>", "</b>", "&lt;", "&", '"><script>', "a\ud800b", "𝔘" * 3_000, "<", "&#0;"]
)
TEXT = st.one_of(WORDS, NASTY)
SPANS = st.lists(
    st.one_of(
        st.builds(Plain, TEXT),
        st.builds(Bold, TEXT),
        st.builds(Code, TEXT),
        st.builds(Anchor, TEXT, st.just("https://example.org/?a=1&b=%22")),
    ),
    max_size=6,
).map(tuple)
LINES = st.one_of(
    st.builds(Paragraph, SPANS), st.builds(Item, SPANS, st.one_of(st.none(), st.integers(1, 9)))
)
BLOCKS = st.one_of(LINES, st.builds(Quote, st.lists(LINES, max_size=4).map(tuple), st.booleans()))

FILE = Attachment("x.ics", Appointment("en", "x", "y", datetime(2026, 12, 21, tzinfo=UTC)))


@given(st.lists(BLOCKS, max_size=8).map(tuple))
def test_any_reply_is_valid_html_within_the_limits(blocks):
    """Parsed as strictly as Telegram does: valid, at most 4,096 units and 100 entities a part."""
    for part in render(Reply(blocks)):
        parsed = markup.parse(part.text)
        assert units(parsed.text) <= MAX_UNITS
        assert len(parsed.entities) <= MAX_ENTITIES


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
    alone = [part.text for part in render(Reply(blocks)) if blocks and part.text]
    assert [part.text for part in (*before, last) if part.text] == alone


@given(TEXT)
def test_a_text_reads_as_it_was_written(text):
    """Escaping loses nothing and lets nothing through: no entity comes out of plain words."""
    sendable = text.encode("utf-8", "replace").decode()
    parts = render(Reply((Paragraph((Plain(text),)),)))
    parsed = [markup.parse(part.text) for part in parts]
    assert not any(p.entities for p in parsed)
    if len(sendable) <= 1_000:
        assert parsed[0].text == (sendable or parsed[0].text)


def test_buttons_become_telegrams_own():
    """A tap comes back, a visit opens, a copy copies."""
    reply = Reply(
        (Paragraph((Plain("x"),)),),
        ((Tap("a", "1.en.p.home"),), (Visit("b", "https://example.org"), Copy("c", "text"))),
    )
    (part,) = render(reply)
    keyboard = json.loads(part.keyboard.to_json())["inline_keyboard"]
    assert keyboard == [
        [{"text": "a", "callback_data": "1.en.p.home"}],
        [{"text": "b", "url": "https://example.org"}, {"text": "c", "copy_text": {"text": "text"}}],
    ]
