"""In a group: short, nobody's own data, no buttons that all could press, and the way to a chat."""

import re
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dialogue.events import Commanded, Mentioned, Person, Thread
from bot.dialogue.replies import Tap, Visit
from bot.dialogue.turn import COMMANDS, respond
from bot.knowledge.markup import Quote, plain
from bot.tg.render import render

TODAY = date(2026, 11, 22)
LANGUAGES = ("en", "fr", "de", "nl")
BOT = "objection_bot"
LONGEST = 900
"""Characters of a short answer with its sources."""
QUESTIONS = {
    "en": "are my private messages used?",
    "fr": "mes messages privés sont-ils utilisés ?",
    "de": "Werden meine privaten Nachrichten genutzt?",
    "nl": "Worden mijn privéberichten gebruikt?",
}


def mention(assistant, text, language="en", bot=BOT):
    return respond(Mentioned(text, Person(language, language), bot), assistant, TODAY)


def way(turn):
    """Where the one button leads: what stands behind ?start=."""
    (reply,) = turn.replies
    ((key,),) = reply.rows
    assert isinstance(key, Visit)
    parts = urlsplit(key.url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "t.me", f"/{BOT}")
    (payload,) = parse_qs(parts.query)["start"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", payload)
    return payload


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_gets_the_short_answer_with_its_sources(assistant, language):
    """Heading, short, sources and day; the rest is behind the button."""
    turn = mention(assistant, f"@{BOT} {QUESTIONS[language]}", language)
    answer = assistant.knowledge.answers[language]["private-messages"]
    (reply,) = turn.replies
    said = plain(reply.blocks)
    assert said.startswith(answer.title)
    assert plain(answer.short.on(TODAY)) in said
    assert assistant.knowledge.catalogs[language].text("answer.sources") in said
    assert not any(isinstance(block, Quote) for block in reply.blocks)
    assert way(turn) == "private-messages"
    assert turn.thread == Thread()
    assert turn.record.kind == "mentioned"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "key"),
    [("zzqx blorf wibble", "public.unknown"), ("", "public.about"), (f"@{BOT}", "public.about"),
     (f"@{BOT.upper()}  ", "public.about")],
)  # fmt: skip
def test_what_is_no_answer_is_one_line(assistant, language, text, key):
    """And the way into a chat of one's own."""
    turn = mention(assistant, text, language)
    assert plain(turn.replies[0].blocks) == assistant.knowledge.catalogs[language].text(key)
    assert way(turn) == "home"


def test_several_topics_are_not_listed_for_all(assistant):
    """One word: the choice is offered in a chat of one's own."""
    turn = mention(assistant, "whatsapp")
    assert turn.record.outcome == "choose"
    assert plain(turn.replies[0].blocks) == assistant.knowledge.catalogs["en"].text("public.unsure")


def test_a_chain_letter_leads_to_the_objection(assistant):
    """Its reply speaks of a button that starts it."""
    letter = "Goodbye Meta AI! I do not authorise Meta to use my pictures. Copy and paste this!"
    turn = mention(assistant, letter)
    assert turn.record.topic == "letter-goodbye"
    assert way(turn) == "object"


def test_a_pasted_address_is_judged_for_all(assistant):
    """Whoever reads along is warned too."""
    turn = mention(assistant, "is https://faceb00k.com/x real?")
    assert "faceb00k.com: careful" in plain(turn.replies[0].blocks)
    assert turn.record.outcome == "address"


def test_somebody_who_posts_a_number_is_warned(assistant):
    """The question is answered all the same."""
    turn = mention(assistant, "are my DMs used? call +32 470 12 34 56")
    assert plain(turn.replies[0].blocks).startswith("One thing first:")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["start", *COMMANDS, "nonsense"])
def test_a_command_is_one_line_and_changes_nothing(assistant, language, name):
    """Nothing is deleted for all, nothing of one is shown to all."""
    person = Person(language, language, chosen_until=TODAY)
    command = Commanded(name, "deadline", person, Thread(), True, BOT)
    turn = respond(command, assistant, TODAY)
    assert turn.storage is None
    assert turn.thread == Thread()
    payload = way(turn)
    assert payload == (name if name in COMMANDS and name not in {"help", "forget"} else "home")
    there = respond(Commanded("start", payload, Person(language)), assistant, TODAY)
    assert there.replies[0].rows, "the button leads somewhere"


def test_a_link_never_deletes(assistant):
    """Somebody else may have written it."""
    turn = respond(Commanded("start", "forget", Person("en")), assistant, TODAY)
    assert turn.storage is None
    assert turn.record.outcome == "start"


@pytest.mark.parametrize("topic", ["deadline", "private-messages"])
def test_the_way_from_a_group_opens_the_whole_answer(assistant, topic):
    """t.me/<bot>?start=<topic>: with the detail, and counted as opened."""
    turn = respond(Commanded("start", topic, Person("en")), assistant, TODAY)
    assert any(isinstance(block, Quote) for block in turn.replies[0].blocks)
    assert turn.record.topic == topic


@pytest.mark.parametrize("bot", ["", "no name", "x/../y", "a" * 33, "\ud800"])
def test_without_a_name_of_its_own_there_is_no_button(assistant, bot):
    """Rather none than one that leads elsewhere."""
    turn = mention(assistant, "hello there", bot=bot)
    assert turn.replies[0].rows == ()


def test_every_topic_is_short_in_a_group(assistant, knowledge):
    """In all languages, with its way on."""
    for language in knowledge.languages:
        for topic, answer in knowledge.answers[language].items():
            turn = mention(assistant, answer.title, language)
            (part,) = render(turn.replies[0])
            assert len(re.sub("<[^>]*>", "", part.text)) <= LONGEST, topic


@settings(deadline=None)
@given(text=st.text(max_size=60), bot=st.text(max_size=8))
def test_any_text_gets_one_message_without_our_buttons(assistant, text, bot):
    """Never an error, never a callback."""
    turn = mention(assistant, text, bot=bot)
    (reply,) = turn.replies
    assert reply.blocks
    assert not any(isinstance(key, Tap) for row in reply.rows for key in row)
    assert turn.storage is None
