"""What people are told about what is kept: true, whole, and honest where something failed."""

from datetime import UTC, date, datetime

import pytest

from bot.dialogue import buttons
from bot.dialogue.buttons import Page, Speak
from bot.dialogue.events import Asked, Commanded, Person, Pressed, Thread
from bot.dialogue.reminding import Reminder
from bot.dialogue.replies import Erase, Keep, StopReminding
from bot.dialogue.screens import Operator
from bot.dialogue.turn import Assistant, respond
from bot.knowledge import formats
from bot.knowledge.markup import Anchor, Item, Quote, plain
from bot.tg.render import render

TODAY = date(2026, 11, 22)
LANGUAGES = ("en", "fr", "de", "nl")
GDPR = {"en": "GDPR", "fr": "RGPD", "de": "DSGVO", "nl": "AVG"}
KEPT = 6
"""Kinds of things that are kept: language, reminders, questions, counts, numbers, backups."""


def command(assistant, name, person):
    return respond(Commanded(name, "", person), assistant, TODAY)


def press(assistant, button, person, thread=None):
    data = buttons.encode(button, assistant.knowledge)
    return respond(Pressed(data, person, thread or Thread()), assistant, TODAY)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_policy_is_short_first_and_whole_below(assistant, knowledge, language):
    """One message: what is kept and how long, Telegram, rights, legal basis; links of ours alone."""
    (reply,) = command(assistant, "privacy", Person(language)).replies
    assert len(render(reply)) == 1
    (detail,) = [block for block in reply.blocks if isinstance(block, Quote)]
    assert detail.expandable
    assert reply.blocks[-1] is detail
    assert sum(isinstance(block, Item) for block in detail.blocks) == KEPT
    said = plain(detail.blocks)
    words = ("Telegram", GDPR[language], "/mydata", "/forget", "90", "7", "@")
    assert [word for word in words if word not in said] == []
    urls = [span.url for block in detail.blocks for span in block.spans if isinstance(span, Anchor)]
    known = {link.address(language) for link in knowledge.links.values()}
    assert len(urls) == 3
    assert "https://telegram.org/privacy" in urls
    assert set(urls) <= known


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("operator", "key"),
    [
        (Operator(), "privacy.operator-unknown"),
        (Operator("Ligue *X*"), "privacy.operator-name"),
        (Operator("", "bot@example.org"), "privacy.operator-contact"),
        (Operator("Ligue *X*", "bot@example.org"), "privacy.operator"),
    ],
)
def test_whoever_runs_the_bot_is_named_as_they_wish(assistant, language, operator, key):
    """And where nothing is known, that is what is said; their words are shown as they are."""
    own = Assistant(assistant.knowledge, assistant.matcher, operator)
    (reply,) = command(own, "privacy", Person(language)).replies
    catalog = own.knowledge.catalogs[language]
    wanted = catalog.text(key, operator=operator.name, contact=operator.contact)
    assert wanted in plain(reply.blocks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_my_data_shows_all_that_is_kept_and_until_when(assistant, language):
    """The language with its last day, each reminder; and that the rest belongs to nobody."""
    until = date(2027, 11, 21)
    kept = Reminder("silent", datetime(2026, 12, 24, 20, tzinfo=UTC), language)
    person = Person(language, language, (kept,), until)
    (reply,) = command(assistant, "mydata", person).replies
    said = plain(reply.blocks)
    assert formats.autonym(language) in said
    assert formats.show_day(until, language) in said
    assert formats.show_day(kept.due.date(), language) in said
    say = assistant.knowledge.catalogs[language].text
    assert said.endswith(say("mydata.untied"))
    (nothing,) = command(assistant, "mydata", Person(language)).replies
    assert plain(nothing.blocks).endswith(say("mydata.untied"))
    assert formats.autonym(language) not in plain(nothing.blocks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_could_not_be_deleted_is_said_to_be_there(assistant, language):
    """By command and by button; with a way to try again, and never "deleted"."""
    say = assistant.knowledge.catalogs[language].text
    person = Person(language)
    for turn in (
        command(assistant, "forget", person),
        press(assistant, Page(language, "forget"), person),
    ):
        assert turn.storage == Erase()
        assert turn.thread == Thread(), "nothing is remembered either"
        assert plain(turn.otherwise.blocks) == plain_of(say("forget.failed.text"))
        data = [key.data for row in turn.otherwise.rows for key in row]
        assert buttons.encode(Page(language, "forget"), assistant.knowledge) in data
    turn = press(assistant, Page(language, "unremind"), person)
    assert turn.storage == StopReminding()
    assert plain(turn.otherwise.blocks) == plain_of(say("remind.not-stopped"))


def plain_of(text):
    return text.replace("**", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_that_could_not_be_kept_holds_for_the_conversation(assistant, language):
    """It says so, and goes on in that language although nothing was stored."""
    turn = press(assistant, Speak(language), Person("pl"))
    assert turn.storage == Keep(language)
    first = plain(turn.otherwise.blocks).partition("\n")[0]
    named = formats.autonym(language)
    say = assistant.knowledge.catalogs[language].text
    assert first == plain_of(say("languages.failed", language=named))
    after = respond(Commanded("topics", "", Person("pl"), turn.thread), assistant, TODAY)
    assert after.record.language == language
    anew = respond(Commanded("start", "", Person("pl"), after.thread), assistant, TODAY)
    assert anew.record.language == language
    gone = respond(Commanded("forget", "", Person("pl"), anew.thread), assistant, TODAY)
    assert respond(Asked("?", Person("pl"), gone.thread), assistant, TODAY).record.language == "en"
