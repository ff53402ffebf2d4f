"""What is said when a turn could not go as it should, and to whoever runs the bot."""

import math
import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.dialogue import administering, buttons, notices, objection
from bot.dialogue.administering import State
from bot.dialogue.buttons import Enter, OpenTopic, Page, Rate, Stale
from bot.dialogue.events import Asked, Commanded, Mentioned, Person, Pressed, Thread, Unreadable
from bot.dialogue.objection import Step
from bot.dialogue.replies import Record, Tap, tally
from bot.dialogue.turn import respond, voice_of
from bot.knowledge.markup import plain
from bot.tg.render import render

TODAY = date(2026, 11, 22)
LANGUAGES = ("en", "fr", "de", "nl")
SAYING = {
    notices.stale: "stale",
    notices.busy: "flood",
    notices.sorry: "failed",
    notices.unkept: "unkept",
}


def taps(reply):
    return [key for row in reply.rows for key in row if isinstance(key, Tap)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("say", SAYING, ids=SAYING.get)
def test_a_notice_is_one_short_message_that_fits_over_a_button(assistant, say, language):
    """In the person's language, kept thread and all; each with words of its own."""
    step = Step("surface", objection.start(assistant.knowledge.flow).answers)
    thread = Thread(None, language, "deadline")
    turn = say(Person(language), assistant, TODAY, thread=thread)
    (reply,) = turn.replies
    assert turn.record == Record(SAYING[say], language, SAYING[say])
    assert turn.notice == plain(reply.blocks)
    assert 20 <= len(turn.notice) <= 200
    assert turn.thread == thread
    assert turn.storage is None
    assert say(Person(language), assistant, TODAY).thread == Thread()
    assert not objection.is_of(assistant.knowledge.flow, step)
    assert say(Person(language), assistant, TODAY, thread=Thread(step)).thread == Thread()
    others = {other(Person(language), assistant, TODAY).notice for other in SAYING}
    assert len(others) == len(SAYING)


def test_who_is_too_fast_gets_no_buttons_and_over_a_button_no_message(assistant):
    """Nothing to press at once again."""
    turn = notices.busy(Person("de"), assistant, TODAY)
    assert turn.replies[0].rows == ()
    pressed = notices.busy(Person("de"), assistant, TODAY, pressed=True)
    assert pressed.replies == ()
    assert pressed.notice == turn.notice


def test_who_was_not_answered_finds_the_way_back(assistant, knowledge):
    """The step of the objection, the topics, the start page."""
    step = objection.start(knowledge.flow)
    (reply,) = notices.stale(Person("nl"), assistant, TODAY, thread=Thread(step)).replies
    found = [buttons.parse(tap.data, knowledge) for tap in taps(reply)]
    assert found == [Enter("nl", step), Page("nl", "topics"), Page("nl", "home")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_host_sees_the_lines_as_they_are(assistant, language):
    """A line each under a heading; nothing in them is markup."""
    voice = voice_of(Person(language), assistant, TODAY)
    lines = ["private-messages: 12", "**x** <b> [y](beuc): fewer than 5"]
    (reply,) = administering.stats(voice, lines).replies
    said = plain(reply.blocks).split("\n")
    assert said[1:] == [f"- {line}" for line in lines]
    assert "&lt;b&gt;" in render(reply)[0].text
    (nothing,) = administering.stats(voice, []).replies
    assert voice.say("admin.nothing") in plain(nothing.blocks)
    assert administering.stats(voice, lines).record.kind == "administered"
    long = administering.stats(voice, ["x" * 5000] * 9).replies[0]
    assert all(part.text for part in render(long))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_host_sees_how_the_process_is(assistant, language):
    """Since when, when Telegram was heard, what is wrong; as the host's own language has it."""
    voice = voice_of(Person(language), assistant, TODAY)
    since = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)

    def said(*found):
        (reply,) = administering.state(voice, State(since, *found)).replies
        return plain(reply.blocks)

    well = said("polling", 12.3)
    assert "2026" in well
    assert "09:05" in well
    assert "12 (polling)" in well
    assert len(well.split("\n")) == 5
    ill = said("webhook", math.inf, "faq/en/law.yaml:3: <b>", "read: OSError")
    assert "(webhook)" in ill
    assert not re.search(r"\binf\b", ill)
    assert "law.yaml:3: <b>" in ill
    assert "read: OSError" in ill


@pytest.mark.parametrize("language", LANGUAGES)
def test_broken_content_is_told_with_its_first_faults(assistant, language):
    """That the old one is kept, how many faults, and the first ten."""
    voice = voice_of(Person(language), assistant, TODAY)
    good = plain(administering.reloaded(voice, []).replies[0].blocks)
    bad = administering.reloaded(voice, [f"faq/en/law.yaml:{n}: error" for n in range(1, 24)])
    said = plain(bad.replies[0].blocks)
    assert "23" in said
    assert "law.yaml:10:" in said
    assert "law.yaml:11:" not in said
    assert good not in said


@pytest.mark.parametrize(
    ("event", "counted"),
    [
        (Asked("are my private messages used?"), ("private-messages", "en", "answer")),
        (Asked("whatsapp"), ("-", "en", "choose")),
        (Asked("zzqx blorf wibble"), ("-", "en", "unknown")),
        (Asked("hello"), ("greeting", "en", "chitchat")),
        (Asked("is https://faceb00k.com real?"), ("-", "en", "address")),
        (Mentioned("are my private messages used?"), ("private-messages", "en", "answer")),
        (Mentioned(""), None),
        (OpenTopic("fr", "deadline"), ("deadline", "fr", "opened")),
        (Rate("de", "deadline", True), ("deadline", "de", "helpful")),
        (Rate("de", "deadline", False), ("deadline", "de", "unhelpful")),
        (Commanded("start", "deadline"), ("deadline", "en", "opened")),
        (Commanded("start"), None),
        (Commanded("forget"), None),
        (Commanded("help", group=True), None),
        (Page("en", "home"), None),
        (Unreadable(), None),
    ],
    ids=str,
)
def test_questions_openings_and_ratings_are_counted(assistant, event, counted):
    """Topic, language, outcome; nothing else is."""
    if not isinstance(event, Asked | Mentioned | Commanded | Unreadable):
        event = Pressed(buttons.encode(event, assistant.knowledge))
    assert tally(respond(event, assistant, TODAY).record) == counted


def test_notices_are_not_counted(assistant):
    """They say nothing about what people ask."""
    assert [tally(say(Person(), assistant, TODAY).record) for say in SAYING] == [None] * len(SAYING)


@pytest.mark.slow
@settings(deadline=None)
@given(
    text=st.text(max_size=200) | st.text(st.sampled_from("a1@.:/?\ud800\u0301ﷺ \n…"), max_size=99)
)
@example("ﷺ" * 4096)
@example("\ud800" * 4096)
@example("🏴‍☠️" * 1024)
@example("a" * 4096)
@example("1 " * 2048)
@example("?! " * 1365)
@example("why? " * 819)
@example("www.a.be " * 455)
@example("a.b@c.de " * 455)
@example("(at) " * 819)
@example("\0" * 4096)
def test_any_text_gets_an_answer(assistant, text):
    """4,096 characters of whatever there is: words and buttons that Telegram takes, no error."""
    for event in (Asked(text), Commanded("start", text), Commanded(text), Mentioned(text)):
        turn = respond(event, assistant, TODAY)
        assert turn.replies
        assert turn.storage is None or text == "forget"
        for reply in turn.replies:
            assert all(part.text.strip() for part in render(reply))
            for tap in taps(reply):
                assert not isinstance(buttons.parse(tap.data, assistant.knowledge), Stale)
