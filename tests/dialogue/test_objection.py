"""The objection as people go through it: every way ends well, and nothing is kept of it."""

import re
from collections import defaultdict
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.dialogue import buttons, notices, objection, wizard
from bot.dialogue.buttons import Broken, Enter, Go, Page, Schedule, Speak, Stale, Stop
from bot.dialogue.events import Asked, Commanded, Person, Pressed, Thread, Unreadable
from bot.dialogue.exploration import explore
from bot.dialogue.replies import Copy, CountBroken, Erase, Keep, Remind, StopReminding, Tap, Visit
from bot.dialogue.screens import Voice
from bot.dialogue.turn import COMMANDS, respond
from bot.knowledge.markup import plain
from bot.tg.render import MAX_UNITS, render, units

TODAY = date(2026, 11, 21)
LANGUAGES = ("en", "fr", "de", "nl")
HOMES = {"en": "Ireland", "fr": "France", "de": "Deutschland", "nl": "Nederland"}
"""A country by language, as its own button says it."""
ENDS = {"done", "nothing", "settled"}
MOST_PRESSES = 60


def taps_of(reply):
    return [key for row in reply.rows for key in row if isinstance(key, Tap)]


def visits(reply):
    return [key.url for row in reply.rows for key in row if isinstance(key, Visit)]


class Chat:
    """Somebody who talks to the bot: presses what stands there, and nothing else."""

    def __init__(self, assistant, language="en"):
        self.assistant, self.knowledge = assistant, assistant.knowledge
        self.person, self.thread = Person(language), Thread()
        self.language = language
        self.presses = 0
        self.turn = None

    def say(self, key, **values):
        return self.knowledge.catalogs[self.language].text(key, **values)

    @property
    def screen(self):
        """The newest message with buttons."""
        return self.turn.replies[-1]

    @property
    def text(self):
        return plain(self.screen.blocks)

    @property
    def step(self):
        return self.thread.step

    def command(self, name, argument=""):
        return self._take(Commanded(name, argument, self.person, self.thread))

    def ask(self, text):
        return self._take(Asked(text, self.person, self.thread))

    def press(self, data):
        self.presses += 1
        return self._take(Pressed(data, self.person, self.thread))

    def find(self, label):
        found = [tap for tap in taps_of(self.screen) if tap.label.removesuffix(" ⬜") == label]
        assert len(found) == 1, (label, [tap.label for tap in taps_of(self.screen)])
        return found[0].data

    def tap(self, *keys):
        """Press the buttons with these texts of the catalogue, one after the other."""
        for key in keys:
            self.press(self.find(self.say(key)))
        return self

    def change(self, question):
        """Press the line of the summary that changes this answer."""
        name = self.say(f"changing.{question}", answer="").strip()
        (data,) = [tap.data for tap in taps_of(self.screen) if tap.label.startswith(name)]
        return self.press(data)

    def _take(self, event):
        self.turn = respond(event, self.assistant, TODAY)
        self.thread = self.turn.thread
        return self.turn

    # Ways that most tests begin with.

    def begin(self, *accounts, before="no"):
        """From /start to what follows the accounts."""
        self.command("start")
        self.tap("objection.button.start")
        self.press(self.find(HOMES[self.language]))
        self.tap(f"option.before.{before}")
        self.tap(*(f"option.accounts.{account}" for account in accounts))
        return self.tap("objection.button.continue")

    def send(self):
        """From the form to what Meta answered, without a reason."""
        return self.tap(
            "objection.form.button.open",
            "objection.email.button.right",
            "objection.reason.button.without",
            "objection.send.button.sent",
        )


@pytest.fixture(params=LANGUAGES)
def chat(request, assistant):
    return Chat(assistant, request.param)


# -- conversations --------------------------------------------------------------------------------


def test_the_shortest_way_takes_eight_taps(chat):
    """EU, Instagram, in the app: from /start to the form's link, with what to beware of."""
    chat.begin("instagram").tap("option.surface.app")
    assert chat.presses <= 8
    url = chat.knowledge.links["instagram-form"].address(chat.language)
    assert visits(chat.screen) == [url]
    assert Copy(chat.say("objection.button.copy-link"), url) in sum(chat.screen.rows, ())
    assert chat.say("objection.login-warning").replace("**", "") in chat.text
    assert chat.step.screen == "form"


def test_a_country_that_is_not_at_the_top_costs_one_tap_more(assistant):
    """Behind "Another country" stand all of them, sorted as a reader looks for them."""
    chat = Chat(assistant, "en")
    chat.command("object")
    chat.tap("objection.country.button.more")
    labels = [tap.label for tap in taps_of(chat.screen)]
    assert len(labels) == 32 + 3  # elsewhere, Back, Stop
    assert labels[:3] == ["Austria", "Belgium", "Bulgaria"]
    assert labels[31:33] == ["United Kingdom", "None of these"]
    chat.press(chat.find("Portugal"))
    assert chat.step.screen == "before"


def test_two_accounts_that_are_not_linked_need_two_forms(chat):
    """One after the other, each confirmed, and both on the list at the end."""
    chat.begin("facebook", "instagram").tap("option.linked.no", "option.surface.app")
    for account in ("facebook", "instagram"):
        url = chat.knowledge.links[f"{account}-form"].address(chat.language)
        assert visits(chat.screen) == [url]
        chat.send().tap("objection.outcome.button.confirmed")
    for account in ("Facebook", "Instagram"):
        assert chat.say("status.confirmed", account=account) in chat.text
    assert chat.step is None
    assert chat.say("page.button.home") in [tap.label for tap in taps_of(chat.screen)]


@pytest.mark.parametrize(("answer", "left"), [("covered", 0), ("separate", 1)])
def test_linked_accounts_may_be_covered_by_one_form(chat, answer, left):
    """Meta's e-mail says which: asked, not assumed."""
    chat.begin("facebook", "instagram").tap("option.linked.yes", "option.surface.app")
    chat.send().tap("objection.outcome.button.confirmed")
    assert chat.step.screen == "covered"
    chat.tap(f"objection.covered.button.{answer}")
    assert len(visits(chat.screen)) == left


def test_without_an_account_there_is_a_form_too(chat):
    """No question about apps, and no log-in."""
    chat.begin("no-account")
    assert visits(chat.screen) == [chat.knowledge.links["third-party-form"].address(chat.language)]
    assert chat.say("objection.login-warning").replace("**", "") not in chat.text
    chat.send().tap("objection.outcome.button.confirmed")
    assert chat.step is None


def test_no_account_excludes_all_others(chat):
    """Ticking it takes the others away, and the other way round."""
    chat.begin("facebook", "instagram").tap("page.button.back", "option.accounts.no-account")
    given = objection.given(chat.knowledge.flow, chat.step, "accounts")
    assert given == ("no-account",)
    chat.tap("option.accounts.whatsapp")
    assert objection.given(chat.knowledge.flow, chat.step, "accounts") == ("whatsapp",)


def test_whatsapp_without_meta_ai_ends_at_once(chat):
    """Nothing to send, nothing to open, and a way to name other accounts."""
    chat.begin("whatsapp").tap("option.used-ai.no")
    assert chat.step.screen == "nothing"
    assert visits(chat.screen) == []
    chat.tap("objection.nothing.button.other")
    assert chat.step.screen == "accounts"


def test_a_form_that_does_not_open_has_four_ways_behind_it(chat):
    """Second number, Privacy Centre, portal, letter; each link counted by its id alone."""
    chat.begin("instagram").tap("option.surface.app")
    links = [
        "instagram-form",
        "instagram-form-second",
        "instagram-privacy-centre",
        "privacy-portal",
    ]
    for screen, link in zip(("form", "second", "centre", "portal"), links, strict=True):
        assert chat.step.screen == screen
        assert visits(chat.screen) == [chat.knowledge.links[link].address(chat.language)]
        chat.tap(f"objection.{screen}.button.trouble")
        assert chat.turn.storage == CountBroken(link)
    assert chat.step.screen == "post"
    at = chat.step
    chat.tap("paper.name.objection")
    letter = chat.text
    assert "Meta Platforms Ireland Limited" in letter
    assert chat.step == at, "having the letter is no step"
    assert chat.turn.storage is None


def test_a_letter_that_is_posted_counts_as_sent(chat):
    """It is on the list, not confirmed."""
    chat.begin("page").tap("option.surface.app", "objection.form.button.trouble")
    assert chat.step.screen == "portal", "a page has no second number"
    chat.tap("objection.portal.button.trouble", "objection.post.button.sent")
    assert chat.say("status.filed", account=chat.say("option.name.page")) in chat.text


def test_a_refusal_is_answered_and_leads_to_the_complaint(chat):
    """The answer to it as a letter, then the authority, then back to where it began."""
    chat.begin("instagram").tap("option.surface.app").send()
    chat.tap("objection.outcome.button.refused", "objection.refused.button.answer")
    refusal = chat.screen
    chat.tap("paper.name.refusal")
    assert f"[{chat.say('letter.blank.answer-words')}]" in chat.text
    chat.turn = replace(chat.turn, replies=(refusal,))  # the screen above still has its buttons
    chat.tap("objection.refusal.button.complain")
    if chat.language == "de":
        assert chat.step.screen == "land"
        chat.press(chat.find("Hessen"))
    assert chat.step.screen == "complaint"
    assert len(visits(chat.screen)) >= 1
    labels = {tap.label for tap in taps_of(chat.screen)}
    assert chat.say("paper.name.complaint-refused") in labels
    for _ in range(5):
        if not chat.knowledge.flow.screens[chat.step.screen].aside:
            break
        chat.tap("page.button.back")
    assert chat.step.screen == "refused"


def test_a_month_of_silence_leads_to_the_reminder_and_the_complaint(chat):
    """From the end, without a fresh start."""
    chat.begin("facebook").tap("option.surface.app").send()
    chat.tap("objection.outcome.button.confirmed", "objection.done.button.problem")
    chat.tap("objection.aftermath.button.silent")
    silent = chat.screen
    chat.tap("paper.name.reminder")
    assert f"[{chat.say('letter.blank.date-sent')}]" in chat.text
    chat.turn = replace(chat.turn, replies=(silent,))
    chat.tap("objection.silent.button.complain")
    if chat.language == "de":
        chat.press(chat.find("Hessen"))
    labels = {tap.label for tap in taps_of(chat.screen)}
    assert chat.say("paper.name.complaint-silent") in labels


def test_reasons_become_words_to_copy(chat):
    """Chosen by tapping; a fourth one changes nothing."""
    chat.begin("instagram").tap("option.surface.app", "objection.form.button.open")
    chat.tap("objection.email.button.right", "objection.reason.button.with")
    chat.tap("ground.button.children", "ground.button.creative", "ground.button.chats")
    before = chat.screen
    chat.tap("ground.button.family")
    assert chat.screen == before
    chat.tap("objection.button.continue")
    for ground in ("children", "creative", "chats"):
        assert chat.say(f"ground.{ground}.medium") in chat.text
    (short,) = [key.text for row in chat.screen.rows for key in row if isinstance(key, Copy)]
    for ground in ("children", "creative", "chats"):
        assert chat.say(f"ground.{ground}.short") in short


def test_the_receipt_is_a_message_and_nothing_is_stored(chat):
    """Day, service and way, for the person to keep."""
    chat.begin("instagram").tap("option.surface.app", "objection.form.button.trouble")
    chat.tap("objection.second.button.open", "objection.email.button.right")
    chat.tap("objection.reason.button.without", "objection.send.button.sent", "paper.name.receipt")
    assert "Instagram" in chat.text
    assert "2026" in chat.text
    assert chat.say("paper.way.second") in chat.text
    assert chat.turn.storage is None
    assert not chat.screen.edits


def test_an_answer_is_changed_in_the_summary_without_losing_the_others(chat):
    """And one goes on where one was."""
    chat.begin("instagram").tap("option.surface.app", "objection.form.button.open")
    at = chat.step
    chat.tap("objection.button.summary")
    chat.change("before")
    chat.tap("option.before.in-2024")
    assert chat.step.screen == "summary"
    chat.tap("page.button.back")
    place = chat.knowledge.flow.places["before"]
    answers = list(at.answers)
    answers[place] = 2
    assert chat.step == objection.Step("email", tuple(answers))


def test_a_question_in_the_middle_leads_back_to_the_same_step(chat):
    """One button below the answer."""
    chat.begin("instagram").tap("option.surface.app")
    at, screen = chat.step, chat.screen
    title = chat.knowledge.answers[chat.language]["private-messages"].title
    chat.ask(title)
    assert chat.step == at
    chat.press(chat.find(chat.say("objection.button.resume-step", step="5")))
    assert chat.step == at
    assert chat.screen == replace(screen, edits=False)


def test_stopping_leaves_nothing_but_a_way_back(chat):
    """Stopped means stopped: no step is remembered."""
    chat.begin("instagram").tap("option.surface.app")
    at = chat.step
    chat.tap("objection.button.summary", "objection.button.stop")
    assert chat.step is None
    assert chat.turn.storage is None
    chat.tap("objection.button.go-on", "page.button.back")
    assert chat.step == at


def test_who_objected_since_2025_may_be_done(chat):
    """Said so, with a way to send it once more."""
    chat.command("object")
    chat.press(chat.find(HOMES[chat.language]))
    chat.tap("option.before.since-2025")
    assert chat.step.screen == "settled"
    chat.tap("objection.settled.button.more")
    assert chat.step.screen == "accounts"


def test_elsewhere_is_told_honestly(chat):
    """No promise, but a way on."""
    chat.command("object")
    chat.tap("objection.country.button.more", "objection.countries.elsewhere")
    assert chat.step.screen == "elsewhere"
    assert visits(chat.screen) == []
    chat.tap("objection.elsewhere.button.anyway")
    assert chat.step.screen == "before"


@pytest.mark.parametrize("version", ["0", "1", "999"])
def test_buttons_of_another_version_of_the_flow_get_a_fresh_start(chat, version):
    """A kind word, a new message, nothing guessed; the way back leads to where one was."""
    chat.begin("instagram").tap("option.surface.app")
    before = chat.step
    own = f".o.{chat.knowledge.flow.version}."
    old = buttons.encode(Go(chat.language, before), chat.knowledge)
    old = old.replace(own, f".o.{version}.")
    chat.press(old)
    assert chat.turn.notice == chat.say("stale.resumed")
    assert chat.step == before
    voice = Voice(chat.knowledge, chat.language, TODAY)
    assert chat.screen == wizard.show(voice, before, edits=False)
    chat.thread = Thread()
    chat.press(old)
    assert chat.turn.notice == chat.say("stale.notice")
    assert chat.step == objection.start(chat.knowledge.flow)
    assert not chat.screen.edits


def test_an_old_button_of_another_page_leaves_the_step_alone(chat):
    """The home page comes, with the way back to the same step."""
    chat.begin("instagram").tap("option.surface.app")
    before = chat.step
    chat.press(f"1.{chat.language}.p.nowhere")
    back = buttons.encode(Enter(chat.language, before), chat.knowledge)
    assert back in {tap.data for tap in taps_of(chat.screen)}
    assert chat.step == before


def test_a_step_that_the_content_no_longer_has_is_let_go(assistant, knowledge):
    """Content may change while somebody is on the way: no error, and the objection begins anew."""
    flow = knowledge.flow
    first = objection.start(flow)
    gone = [
        replace(first, screen="gone"), replace(first, origin="gone"),
        replace(first, answers=first.answers[1:]), replace(first, answers=(10**9, *first.answers[1:])),
        replace(first, screen="send"),
    ]  # fmt: skip
    for step in gone:
        thread = Thread(step, "en", "no-such-topic")
        turn = respond(Asked("and whatsapp?", Person("en"), thread), assistant, TODAY)
        assert turn.thread.step is None
        turn = notices.stale(Person("en"), assistant, TODAY, thread=thread)
        assert turn.thread == Thread(language="en")


def test_the_checklist_says_which_account_needs_nothing(chat):
    """WhatsApp without Meta AI beside an account that needs the form."""
    chat.begin("facebook", "whatsapp").tap("option.used-ai.no", "option.surface.app")
    chat.send().tap("objection.outcome.button.waiting", "objection.waiting.button.later")
    assert chat.say("status.filed", account="Facebook") in chat.text
    assert chat.say("status.spared", account="WhatsApp") in chat.text


def test_back_from_the_end_opens_where_the_last_account_is_spared_since(assistant):
    """Sent for WhatsApp, then "never used Meta AI" after all: the way back still leads somewhere."""
    chat = Chat(assistant)
    chat.begin("facebook", "whatsapp").tap("option.used-ai.yes", "option.surface.app")
    for _ in ("facebook", "whatsapp"):
        chat.send().tap("objection.outcome.button.confirmed")
    chat.tap("objection.button.summary")
    chat.change("used-ai")
    chat.tap("option.used-ai.no", "page.button.back", "page.button.back")
    assert chat.turn.notice == ""
    assert chat.step != objection.start(chat.knowledge.flow)


def test_a_form_sent_for_another_account_later_is_reopened_alone(assistant):
    """Instagram is sent, then Facebook is added before it: Back takes Instagram off the list."""
    chat = Chat(assistant)
    chat.begin("instagram", "whatsapp").tap("option.used-ai.yes", "option.surface.app")
    chat.send().tap("objection.outcome.button.confirmed", "objection.button.summary")
    chat.change("accounts")
    chat.tap("option.accounts.facebook", "objection.button.continue", "page.button.back")
    given = objection.given(chat.knowledge.flow, chat.step, "confirmed")
    assert given == ("instagram",)


def test_only_start_takes_the_objection_as_its_word(assistant):
    """t.me/<bot>?start=object opens it; "/forget object" still deletes."""
    chat = Chat(assistant)
    chat.command("start", "object")
    assert chat.step == objection.start(chat.knowledge.flow)
    assert chat.command("forget", "object").storage == Erase()


# -- wandering ------------------------------------------------------------------------------------

QUESTIONS = ("are my DMs used?", "is it too late?", "et pour Instagram ?", "Danke!", "xyzzy", "",
             "a@b.example https://facebook.com.evil.example")  # fmt: skip


class Wanderer(RuleBasedStateMachine):
    """Somebody who presses, types and changes their mind without any plan."""

    assistant = None
    steps = ()

    @initialize(language=st.sampled_from(LANGUAGES), n=st.none() | st.integers(0, 99_999))
    def begin(self, language, n):
        """At the beginning, or with a button of last week's from the midst of it."""
        self.knowledge, self.flow = self.assistant.knowledge, self.assistant.knowledge.flow
        self.person, self.thread = Person(language), Thread()
        self.older: list[str] = []
        self.at = objection.start(self.flow)
        self.command("object")
        if n is not None:
            step = self.steps[n % len(self.steps)]
            self.press(buttons.encode(Go(language, step), self.knowledge))

    # What can be done.

    @rule(n=st.integers(0, 99))
    def press_a_button_of_the_newest_message(self, n):
        taps = taps_of(self.screen)
        self.press(taps[n % len(taps)].data)

    @rule(n=st.integers(0, 9))
    def press_a_button_that_leads_on(self, n):
        """Otherwise chance stays at the beginning."""
        targets = [tap.data for tap in taps_of(self.screen) if ".o." in tap.data]
        if targets:
            self.press(targets[min(n, len(targets) - 1)])

    @rule(n=st.integers(0, 9))
    def press_a_button_of_another_kind(self, n):
        """Papers, reminders, topics, a link that does not open."""
        others = [tap.data for tap in taps_of(self.screen)
                  if not isinstance(self.parsed(tap.data), Go | Enter | Stop)]  # fmt: skip
        if others:
            self.press(others[n % len(others)])

    @rule(n=st.integers(0, 9_999))
    def press_a_button_of_an_older_message(self, n):
        self.press(self.older[n % len(self.older)])

    @rule(n=st.integers(0, 99))
    def press_twice(self, n):
        """The second tap shows what the first one showed."""
        taps = taps_of(self.screen)
        data = taps[n % len(taps)].data
        first = self.press(data)
        assert self.press(data).replies == first.replies

    @rule(text=st.sampled_from(QUESTIONS) | st.text(max_size=30))
    def type_something(self, text):
        turn = self.take(Asked(text, self.person, self.thread))
        assert turn.storage is None

    @rule()
    def send_a_photo(self):
        assert self.take(Unreadable(self.person, self.thread)).storage is None

    @rule(name=st.sampled_from(("start", *COMMANDS, "nonsense")), argument=st.sampled_from(
        ("", "object", "deadline", "…")))  # fmt: skip
    def command(self, name, argument=""):
        turn = self.take(Commanded(name, argument, self.person, self.thread))
        assert turn.storage == (Erase() if name == "forget" else None)
        if name == "forget":
            self.forgotten()

    @rule(
        n=st.integers(0, 9_999), where=st.integers(0, 60), sign=st.sampled_from("0az.+é\U0001f600")
    )
    def press_a_forged_button(self, n, where, sign):
        data = self.older[n % len(self.older)]
        where %= len(data)
        self.press_aside(data[:where] + sign + data[where + 1 :])

    @rule(screen=st.data(), number=st.integers(0, 36**12), version=st.integers(0, 4))
    def press_a_button_made_up(self, screen, number, version):
        """Any screen with any answers, of this version of the flow and of others."""
        name = screen.draw(st.sampled_from(sorted(self.flow.screens)))
        kind = screen.draw(st.sampled_from(["o", "e", "x", "b", "d00", "d31", "d52"]))
        language = screen.draw(st.sampled_from(LANGUAGES))
        digits = objection._base36(number)
        self.press_aside(f"1.{language}.{kind}.{version}.{name}.{digits}")

    def press_aside(self, data):
        """The message that was there before still stands there."""
        screen = self.screen
        self.press(data)
        self.screen = screen

    @rule()
    def go_back(self):
        self.press_labelled("page.button.back")

    @rule()
    def look_at_the_summary(self):
        self.press_labelled("objection.button.summary")

    @precondition(lambda self: self.thread.step)
    @rule(text=st.sampled_from(QUESTIONS[:3]))
    def ask_in_the_middle_and_resume(self, text):
        """The same step, the same screen, in a message of its own."""
        step = self.thread.step
        self.take(Asked(text, self.person, self.thread))
        assert self.thread.step == step
        if not any(self.parsed(tap.data) == Enter(self.language, step)
                   for tap in taps_of(self.screen)):  # fmt: skip
            self.command("topics")
        entries = [tap.data for reply in self.turn.replies for tap in taps_of(reply)
                   if isinstance(self.parsed(tap.data), Enter)]  # fmt: skip
        self.press(entries[0])
        assert self.thread.step == step

    @precondition(lambda self: self.thread.step)
    @rule(which=st.integers(0, 9), option=st.integers(0, 40), more=st.booleans())
    def change_an_answer_and_go_on(self, which, option, more):
        """All other answers stay; forms sent stay sent, but for accounts that are gone."""
        if self.thread.step.screen != "summary":
            self.press_labelled("objection.button.summary")
        changes = [tap.data for tap in taps_of(self.screen) if self.asks(tap.data)]
        if self.thread.step.screen != "summary" or not changes:
            return
        before = self.thread.step
        self.press(changes[which % len(changes)])
        question = self.flow.screens[self.thread.step.screen].asks
        assert self.thread.step.answers == before.answers
        self.answer_until_the_summary(option, 3 if more else 1)
        after = self.thread.step
        assert after.screen == "summary"
        for other in self.flow.questions:
            old = objection.given(self.flow, before, other.id)
            new = objection.given(self.flow, after, other.id)
            if question == "accounts" and other.id in {"filed", "confirmed"}:
                assert set(new) <= set(old) & set(objection.given(self.flow, after, "accounts"))
            elif question == "accounts" and other.id in self.flow.fitting:
                assert set(new) <= set(old)
            elif other.id != question:
                assert new == old
        self.press_labelled("page.button.back")
        assert self.at.screen != "summary"

    def answer_until_the_summary(self, option, most):
        """Press options; where several can be ticked, "continue" or Back ends it."""
        for _ in range(most):
            if self.thread.step.screen == "summary":
                return
            options = [tap.data for tap in taps_of(self.screen) if self.leads_on(tap)]
            self.press(options[option % len(options)])
        for key in ("objection.button.continue", "page.button.back", "page.button.back"):
            if self.thread.step.screen != "summary":
                self.press_labelled(key)

    def teardown(self):
        """Wherever somebody is: some way of pressing leads to an end."""
        if not hasattr(self, "at"):
            return
        where = self.at
        self.press(buttons.encode(Go(self.person.chosen or "en", where), self.knowledge))
        seen = set()
        for _ in range(MOST_PRESSES):
            if self.at.screen in ENDS:
                return
            seen.add(self.at)
            self.press(self.towards_an_end(seen))
        raise AssertionError(f"no end in {MOST_PRESSES} presses from {where}, now at {self.at}")

    def towards_an_end(self, seen):
        """Back to the way; there "continue", else the first button that shows something new."""
        screen = self.flow.screens[self.at.screen]
        by_label = {tap.label: tap.data for tap in taps_of(self.screen)}
        back = by_label.get(self.say("page.button.back"))
        if back and (screen.aside or self.at.origin):
            return back
        if on := by_label.get(self.say("objection.button.continue")):
            return on
        for tap in taps_of(self.screen):
            button = self.parsed(tap.data)
            if self.leads_on(tap) and button.step not in seen:
                return tap.data
        return back

    # What holds after each of them.

    def press(self, data):
        button, before = self.parsed(data), self.thread.step
        turn = self.take(Pressed(data, self.person, self.thread))
        self.check_step(button, before)
        self.check_storage(button)
        return turn

    def check_step(self, button, before):
        """Where somebody stands is where the button leads; what is stale leads nowhere else."""
        match button:
            case Go(_, step) | Enter(_, step):
                assert self.thread.step == (None if step.screen == "done" else step)
                self.at = step
                self.check_screen(step)
            case Broken() if self.turn.record.outcome != "stale":
                self.at = self.thread.step
                self.check_screen(self.at)
            case Stop():
                assert self.thread.step is None
            case Stale(_, True):
                assert self.turn.notice
                assert self.thread.step == (before or objection.start(self.flow))
                self.at = self.thread.step
            case Stale():
                assert self.turn.notice

    def check_storage(self, button):
        """Nothing is stored but what was asked for."""
        storage = self.turn.storage
        match button:
            case Speak(language):
                assert storage == Keep(language)
                self.person = replace(self.person, chosen=language)
            case Page(_, "forget"):
                assert storage == Erase()
                self.forgotten()
            case Page(_, "unremind"):
                assert storage == StopReminding()
                self.person = replace(self.person, reminders=())
            case Schedule(_, "keep", plan):
                assert isinstance(storage, Remind)
                assert storage.reminder.kind == plan.kind
                assert self.turn.otherwise
                kept = (*self.person.reminders, storage.reminder)
                self.person = replace(self.person, reminders=kept[-5:])
            case Broken(_, step) if self.turn.record.outcome != "stale":
                link = objection.link(self.flow, step)
                assert storage == (CountBroken(link) if link else None)
            case _:
                assert storage is None

    def forgotten(self):
        self.person = replace(self.person, chosen=None, reminders=())

    def take(self, event):
        self.turn = turn = respond(event, self.assistant, TODAY)
        self.thread, self.language = turn.thread, turn.record.language
        assert turn.replies
        assert len(turn.notice) <= 200
        for reply in (*turn.replies, *([turn.otherwise] if turn.otherwise else [])):
            assert reply.blocks
            for part in render(reply):
                assert units(re.sub("<[^>]*>", "", part.text)) <= MAX_UNITS + 300  # escapes
            for tap in taps_of(reply):
                button = self.parsed(tap.data)
                assert not isinstance(button, Stale), tap
                assert buttons.encode(button, self.knowledge) == tap.data
                assert tap.label.strip()
                assert "{" not in tap.label
        with_buttons = [reply for reply in turn.replies if taps_of(reply)]
        if with_buttons:
            self.screen = with_buttons[-1]
            self.older = [*self.older, *(tap.data for tap in taps_of(self.screen))][-400:]
        return turn

    def check_screen(self, step):
        """A screen of the objection: buttons, all different; Back but on the first."""
        (reply,) = self.turn.replies
        labels = [tap.label for tap in taps_of(reply)]
        assert len(labels) == len(set(labels)), labels
        backs = labels.count(self.say("page.button.back"))
        assert backs == (step.screen != self.flow.first or step.origin is not None), step

    def say(self, key):
        return self.knowledge.catalogs[self.language].text(key)

    def parsed(self, data):
        return buttons.parse(data, self.knowledge)

    def press_labelled(self, key):
        found = [tap.data for tap in taps_of(self.screen) if tap.label == self.say(key)]
        if found:
            self.press(found[0])
        return bool(found)

    def asks(self, data):
        """Whether a button of the summary opens a question to change it.

        The Land is asked beside the way: its answer leads to the complaint.
        """
        button = self.parsed(data)
        if not isinstance(button, Go) or not button.step.origin:
            return False
        screen = self.flow.screens[button.step.screen]
        return screen.asks is not None and not screen.aside

    def leads_on(self, tap):
        words = {self.say(f"{key}") for key in ("page.button.back", "objection.button.summary")}
        return isinstance(self.parsed(tap.data), Go) and tap.label not in words


@pytest.mark.slow
def test_wandering_never_breaks_and_never_ends_in_a_dead_end(assistant):
    """Any presses, questions and commands, in any order: screens, buttons, and a way to an end."""
    # As many steps of each screen, so that chance sees all of them.
    by_screen = defaultdict(list)
    for step in explore(assistant.knowledge.flow).leads:
        by_screen[step.screen].append(step)
    steps = [own[n * 97 % len(own)] for n in range(50) for own in by_screen.values()]
    bound = type("BoundWanderer", (Wanderer,), {"assistant": assistant, "steps": steps})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=80,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
