"""A letter as text: opens right everywhere, pastes well."""

from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.replies import Letter
from bot.papers.text import write_text

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
LETTERS = st.builds(
    Letter,
    st.just("en"),
    st.lists(WORDS, max_size=3).map(tuple),
    st.lists(WORDS, max_size=3).map(tuple),
    WORDS,
    WORDS,
    WORDS,
)


def test_parts_stand_in_the_order_of_the_printed_letter():
    """Sender, recipient, place and date, subject, text; an empty line between, no row broken."""
    long = "A sentence that goes on. " * 40 + "Ende, « à », ქართული 😀."
    letter = Letter(
        "en", ("[name]", "[address]"), ("Meta",), "[place]", "Subject", f"Dear,\n\n{long}"
    )
    assert write_text(letter).decode("utf-8-sig") == (
        "[name]\r\n[address]\r\n\r\nMeta\r\n\r\n[place]\r\n\r\nSubject\r\n\r\nDear,\r\n\r\n"
        f"{long}\r\n"
    )


def test_an_empty_part_leaves_no_gap():
    """No more than one empty line between two parts."""
    text = write_text(Letter("en", (), ("Meta",), "", "Subject", "Dear")).decode("utf-8-sig")
    assert text == "Meta\r\n\r\nSubject\r\n\r\nDear\r\n"


@given(LETTERS)
def test_phones_and_old_editors_open_it_right(letter):
    """One byte order mark, which says UTF-8, and CRLF alone as line end."""
    raw = write_text(letter)
    assert raw.startswith(b"\xef\xbb\xbf")
    text = raw.decode("utf-8-sig")
    assert "\ufeff" not in text
    assert text.count("\r") == text.count("\n") == text.count("\r\n")


def test_a_mark_that_came_in_with_a_text_is_dropped():
    """Inside a text it would be pasted along, unseen."""
    raw = write_text(Letter("en", ("\ufeff[name]",), (), "", "Sub\ufeffject", ""))
    assert raw.decode("utf-8-sig") == "[name]\r\n\r\nSubject\r\n"


def test_half_a_pair_is_no_error():
    """What UTF-8 cannot hold is a question mark."""
    assert "a?b" in write_text(Letter("en", (), (), "", "", "a\ud800b")).decode("utf-8-sig")
