"""A question given to the team: shown first, kept after the second tap, never with personal data."""

import re
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.dialogue import buttons
from bot.dialogue.buttons import Give
from bot.dialogue.events import Asked, Mentioned, Person, Pressed, Thread
from bot.dialogue.personal import MOST_KEPT, without_personal_data
from bot.dialogue.replies import KeepQuestion
from bot.dialogue.turn import respond
from bot.knowledge.markup import Quote, plain

TODAY = date(2026, 11, 22)
LANGUAGES = ("en", "fr", "de", "nl")
UNKNOWN = "zzqx blorf wibble"
"""Understood in no language."""


def press(assistant, stage, language="en", **told):
    data = buttons.encode(Give(language, stage), assistant.knowledge)
    return respond(Pressed(data, Person(language), **told), assistant, TODAY)


def consent(assistant, sentence, language="en"):
    """The screen that asks whether the sentence may be kept."""
    (reply,) = press(assistant, "ask", language, quoted=sentence).replies
    return reply


def quoted_in(reply):
    return [plain(block.blocks) for block in reply.blocks if isinstance(block, Quote)]


def offers(turn, knowledge):
    """Whether the last message has the button, under a reply to the person's own message."""
    (reply, *_) = turn.replies
    data = [buttons.encode(Give(tag, "ask"), knowledge) for tag in knowledge.languages]
    found = [key for row in reply.rows for key in row if getattr(key, "data", "") in data]
    assert reply.quotes == bool(found), "it cannot come back without being quoted"
    return bool(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_that_was_not_understood_can_be_given(assistant, knowledge, language):
    """From the question to what is kept: two taps, and a thank-you without the sentence."""
    turn = respond(Asked(UNKNOWN, Person(language)), assistant, TODAY)
    assert turn.record.outcome == "unknown"
    assert offers(turn, knowledge)
    assert turn.storage is None
    asking = press(assistant, "ask", language, quoted=UNKNOWN)
    (shown,) = asking.replies
    assert asking.storage is None
    assert quoted_in(shown) == [UNKNOWN]
    assert "90" in plain(shown.blocks)
    assert shown.edits
    turn = press(assistant, "keep", language, quoted=UNKNOWN, shown=plain(shown.blocks))
    assert turn.storage == KeepQuestion(language, UNKNOWN)
    (said,) = turn.replies
    assert UNKNOWN not in plain(said.blocks)
    assert said.rows
    assert turn.otherwise
    assert turn.otherwise.edits
    assert plain(turn.otherwise.blocks) != plain(said.blocks)


@pytest.mark.parametrize(
    "text",
    ["??", "12 34", "0470 12 34 56", "😀😀😀", "jo@example.org", "https://example.org/x",
     "is https://faceb00k.com/abc real?", "hello", "are my private messages used?", "whatsapp"],
)  # fmt: skip
def test_other_messages_are_not_offered(assistant, knowledge, text):
    """Understood ones, pasted addresses, and what nothing is left of."""
    assert not offers(respond(Asked(text, Person("en")), assistant, TODAY), knowledge)


def test_in_a_group_nothing_is_offered(assistant):
    """There everybody could press, and the message is read by all."""
    turn = respond(Mentioned(UNKNOWN, Person("en"), "a_bot"), assistant, TODAY)
    assert turn.record.outcome == "unknown"
    assert not any(reply.quotes for reply in turn.replies)


@pytest.mark.parametrize(
    "shown",
    ["", UNKNOWN, f"May we keep this sentence? {UNKNOWN}", "zzqx blorf", "\ud800"],
)
def test_nothing_is_kept_that_was_not_shown_as_it_is_kept(assistant, shown):
    """A forged tap, or a message edited after the first one: the question is asked anew."""
    turn = press(assistant, "keep", quoted=UNKNOWN, shown=shown)
    assert turn.storage is None
    assert turn.replies == (consent(assistant, UNKNOWN),)


def test_a_message_edited_in_between_is_shown_anew(assistant):
    """What was agreed to is the sentence of before."""
    shown = plain(consent(assistant, UNKNOWN).blocks)
    turn = press(assistant, "keep", quoted=f"{UNKNOWN} Mueller", shown=shown)
    assert turn.storage is None
    assert quoted_in(turn.replies[0]) == [f"{UNKNOWN} Mueller"]


def test_the_words_of_the_screen_are_no_agreement(assistant):
    """A sentence that stands in the words around it was not shown as the sentence."""
    shown = plain(consent(assistant, UNKNOWN).blocks)
    turn = press(assistant, "keep", quoted="this is what we would keep", shown=shown)
    assert turn.storage is None


def test_spaces_and_marks_may_change_on_the_way_through_telegram(assistant):
    """Agreed is agreed, with another kind of space as well."""
    shown = plain(consent(assistant, UNKNOWN).blocks).replace(" ", "\xa0").replace("\n", "\n\n")
    assert press(assistant, "keep", quoted=UNKNOWN, shown=shown).storage


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", ["ask", "keep"])
@pytest.mark.parametrize("quoted", [None, "0470 123456", ""])
def test_a_message_that_is_gone_or_empty_is_asked_for_kindly(assistant, language, stage, quoted):
    """Nothing is kept, and the topics are there."""
    turn = press(assistant, stage, language, quoted=quoted, shown="0470 123456")
    assert turn.storage is None
    key = "give.missing" if quoted is None else "give.nothing"
    words = assistant.knowledge.catalogs[language].text(key)
    assert plain(turn.replies[0].blocks) == words
    assert turn.replies[0].rows


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_keeps_nothing(assistant, language):
    """The sentence goes away from the screen, and the way into the objection stays."""
    turn = press(assistant, "drop", language, quoted=UNKNOWN, shown=UNKNOWN)
    assert turn.storage is None
    assert UNKNOWN not in plain(turn.replies[0].blocks)


def test_the_thread_survives_giving(assistant, knowledge):
    """Somebody in the middle of the objection finds the way back."""
    thread = Thread(topic="deadline")
    data = buttons.encode(Give("en", "ask"), knowledge)
    turn = respond(Pressed(data, Person("en"), thread, UNKNOWN), assistant, TODAY)
    assert turn.thread.topic == "deadline"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("my mail is jane.doe+x@ex-ample.co.uk, did it arrive?", "my mail is … did it arrive?"),
        ("call +32 (0)470/12.34.56 now", "call … now"),
        ("card 4111-1111-1111-1111 and DE89 3704 0044 0532 0130 00", "card … and …"),
        ("gb29 nwbk 6016 1331 9268 19 is mine", "… is mine"),
        ("since 2025 or 12.05.25?", "since … or …?"),
        ("I have 2 accounts and 14 photos", "I have 2 accounts and 14 photos"),
        ("ask @jane_doe or kevin1987", "ask … or …"),
        ("see https://example.org/a?b=1, www.Foo.be/x and t.me/jane", "see … … and …"),
        ("john (at) example.com", "…"),
        ("my code is a1b2c3 there", "my code is … there"),
        ("٠٤٧٠١٢٣٤٥٦ or ０４７０-１２ or 4️⃣7️⃣0️⃣ or ①②③", "… or … or … or …"),
        ("12\u200b34 5\u00ad6 \u202egnp", "… gnp"),
        ("z.B. u.a. 5 % of it...", "z.B. u.a. 5 % of it…"),
        ("two\nlines\tand\r\nmore", "two lines and more"),
        ("fo\ud800o\x00bar", "foo bar"),
    ],
)
def test_what_may_be_personal_is_taken_out(text, kept):
    """Addresses, numbers, names after @, links; the rest stays as it is, in one line."""
    assert without_personal_data(text) == kept


PIECES = st.sampled_from(
    ["@", "a@b.co", "jane.doe@example.org", "0470", "12", "3", "٣", "Ⅷ", "²", "①", "+32 ", " ", ".", "/", "-", "…",
     "...", "www.", "WWW.x", "https://", "x.be/", "BE68 5390 ", "\u200d", "\u0301", "\ud800", "\n", "ﷺ", "_", "a",
     "(at)", "é", "。", "\u202e", "\ufe0f", "\u20e3", "½", "%"]
)  # fmt: skip
TEXTS = st.text(max_size=80) | st.lists(PIECES, max_size=40).map("".join)


@given(TEXTS)
@example("ﷺ" * 4096)
@example("1 a" * 1365)
@example("a" * 299 + " 12" * 50)
@example("ab." * 1000 + "de")
def test_nothing_of_it_survives_in_any_text(text):
    """No @, link, host, or number of three digits in any script; bounded; the same when done twice."""
    kept = without_personal_data(text)
    assert len(kept) <= MOST_KEPT
    assert without_personal_data(kept) == kept
    assert "@" not in kept
    assert "://" not in kept
    assert not re.search(r"(?<!\w)www\.", kept, re.IGNORECASE)
    assert not re.search(r"[^\W_]\.[^\W\d_]{2}", kept)
    digits = "".join("9" if c.isdigit() else " " if c.isalpha() or c == "…" else "-" for c in kept)
    assert not re.search(r"9-?9-?9", digits)
    assert not any(c < " " or 0x202A <= ord(c) <= 0x202E for c in kept)
    kept.encode()


@given(st.emails(), st.text("abc ", max_size=20))
def test_no_mail_address_survives(mail, around):
    """Whatever stands around it."""
    for text in (mail, f"{around} {mail} {around}", f"<{mail}>", f"mailto:{mail}?x"):
        assert mail.rpartition("@")[2] not in without_personal_data(text)


@given(
    st.lists(st.integers(0, 9), min_size=3, max_size=30),
    st.sampled_from(["", " ", "-", ".", "/", " - ", ") ", "\xa0", "\u202f", "‑", ", "]),
    st.sampled_from(
        ["0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"]
    ),
)
def test_no_long_number_survives(number, separator, script):
    """With the signs that people put between digits, in any script."""
    written = separator.join(script[digit] for digit in number)
    kept = without_personal_data(f"it is {written} indeed")
    assert kept == "it is … indeed"
