"""Buttons: 64 bytes, strictly parsed, and every one of them leads somewhere."""

import os
from collections import defaultdict
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dialogue import buttons, objection
from bot.dialogue.buttons import (
    Broken,
    Deliver,
    Enter,
    Give,
    Go,
    OpenGroup,
    OpenTopic,
    Page,
    Rate,
    Schedule,
    Speak,
    Stale,
    Stop,
)
from bot.dialogue.events import Person, Pressed
from bot.dialogue.exploration import explore
from bot.dialogue.reminding import HOURS, Plan
from bot.dialogue.replies import KeepQuestion, Tap
from bot.dialogue.turn import respond
from bot.knowledge.flow import PAPERS, REMINDERS

TODAY = date(2026, 11, 21)
FORGED = int(os.environ.get("FORGED_BUTTONS", "300"))
"""How many forged buttons are pressed."""


@pytest.fixture(scope="session")
def reachable(knowledge):
    """Every step that the samples of the exploration reach."""
    return list(explore(knowledge.flow).leads)


@pytest.fixture(scope="session")
def some(reachable):
    """About twenty steps of each screen, with answers as different as can be."""
    by_screen = defaultdict(list)
    for step in reachable:
        by_screen[step.screen].append(step)
    return [step for own in by_screen.values() for step in own[:: max(1, len(own) // 20)]]


@pytest.fixture(scope="session")
def plans(knowledge):
    """Plans of each kind and country, as far as each stage needs them."""
    return list(_plans(knowledge))


def _plans(knowledge):
    days = (date(2026, 11, 22), date(2027, 12, 31))
    for kind in sorted(REMINDERS):
        for country in knowledge.flow.question("country").options:
            yield "offer", Plan(kind, country)
            yield from (
                (stage, Plan(kind, country, day)) for stage in ("month", "hour") for day in days
            )
            yield from (
                (stage, Plan(kind, country, days[0], hour))
                for stage in ("keep", "file")
                for hour in HOURS
            )


def buttons_of(knowledge, tag, steps, plans):
    """Every kind of button in one language."""
    yield from (Page(tag, page) for page in buttons.PAGES)
    yield from (OpenGroup(tag, group.id) for group in knowledge.groups)
    yield from (OpenTopic(tag, topic) for topic in knowledge.topics)
    yield from (Rate(tag, topic, good) for topic in knowledge.topics for good in (True, False))
    yield from (kind(tag, step) for step in steps for kind in (Go, Enter, Stop, Broken))
    papers = [(paper, form) for paper in sorted(PAPERS) for form in buttons.FORMS]
    yield from (Deliver(tag, paper, form, step) for step in steps[::5] for paper, form in papers)
    yield from (Schedule(tag, stage, plan) for stage, plan in plans)
    yield Speak(tag)
    yield from (Give(tag, stage) for stage in buttons.GIVING)


@pytest.fixture(scope="session")
def written(knowledge, some, plans):
    """Callback data of a few buttons of every kind."""
    few = buttons_of(knowledge, "en", some[::15], plans[::9])
    return [buttons.encode(button, knowledge) for button in few]


@pytest.mark.slow
def test_every_button_survives_the_way_to_telegram_and_back(knowledge, some, plans):
    """parse(encode(button)) == button, within 64 bytes; also for a language such as pt-br."""
    longest = replace(knowledge, languages=(*knowledge.languages, "pt-br"))
    seen = {}
    for tag in longest.languages:
        for button in buttons_of(knowledge, tag, some, plans):
            data = buttons.encode(button, longest)
            assert 1 <= len(data.encode()) <= buttons.MAX_BYTES
            assert buttons.parse(data, longest) == button
            assert seen.setdefault(data, button) == button, "two buttons have the same data"
    assert len(seen) > 20_000


def test_the_fullest_step_fits(knowledge):
    """All that can be answered at once, on the screen with the longest name."""
    flow = knowledge.flow
    answers = tuple(
        (1 << len(q.options)) - 1 if q.several else len(q.options) for q in flow.questions
    )
    for screen in flow.screens:
        step = objection.Step(screen, answers, list(flow.screens)[-1])
        data = buttons.encode(Deliver("pt-br", "complaint-refused", "message", step), knowledge)
        assert len(data) <= buttons.MAX_BYTES
        assert len(data.rpartition(".")[2]) <= objection.MOST_DIGITS


@given(data=st.one_of(st.binary(max_size=80), st.text(max_size=80)))
def test_any_bytes_parse_to_a_button_or_to_stale(data, knowledge):
    """Never an exception; and what parses is written the same way again."""
    parsed = buttons.parse(data, knowledge)
    if not isinstance(parsed, Stale):
        text = data if isinstance(data, str) else data.decode()
        assert buttons.encode(parsed, knowledge) == text


@pytest.mark.slow  # what stands on all screens is collected for it
@given(drawn=st.data())
def test_changed_buttons_are_stale_or_other_real_buttons(drawn, written, knowledge):
    """One character changed gives nothing that the bot itself would not write."""
    text = drawn.draw(st.sampled_from(written))
    place = drawn.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + drawn.draw(st.characters(codec="ascii")) + text[place + 1 :]
    parsed = buttons.parse(changed, knowledge)
    assert isinstance(parsed, Stale) or buttons.encode(parsed, knowledge) == changed


@pytest.mark.slow
@settings(max_examples=FORGED, deadline=None)
@given(drawn=st.data())
def test_whatever_is_pressed_gets_an_answer_and_no_more_than_was_asked(drawn, written, assistant):
    """Real data with a piece swapped or changed, and noise: a screen, and nothing of others'."""
    text = drawn.draw(st.sampled_from(written))
    parts = [*text.split("."), *drawn.draw(st.sampled_from(written)).split("."), "", "zz", "\ud800"]
    place = drawn.draw(st.integers(0, 6))
    piece = drawn.draw(st.sampled_from(parts) | st.text(max_size=20))
    forged = ".".join([*text.split(".")[:place], piece, *text.split(".")[place + 1 :]])
    quoted = drawn.draw(st.sampled_from([None, "", "\ud800", "what about this then?"]))
    person = Person(drawn.draw(st.sampled_from(["en", "nl", "xx", "\ud800", None])))
    turn = respond(Pressed(forged, person, quoted=quoted, shown=forged), assistant, TODAY)
    assert turn.replies
    assert len(turn.notice) <= 200
    assert not isinstance(turn.storage, KeepQuestion), "kept without having been shown"
    for reply in turn.replies:
        assert reply.blocks
        taps = [key for row in reply.rows for key in row if isinstance(key, Tap)]
        for tap in taps:
            assert not isinstance(buttons.parse(tap.data, assistant.knowledge), Stale)


@pytest.mark.slow
def test_every_screen_has_text_buttons_and_a_way_back_in_every_language(
    some, reachable, knowledge, assistant
):
    """Back but on the first, Stop or the summary but beside the way; every button leads on."""
    assert {step.screen for step in reachable} == set(knowledge.flow.screens)
    for tag in knowledge.languages:
        say = knowledge.catalogs[tag].text
        for step in some:
            turn = respond(Pressed(buttons.encode(Go(tag, step), knowledge)), assistant, TODAY)
            (reply,) = turn.replies
            assert reply.blocks
            taps = [key for row in reply.rows for key in row if isinstance(key, Tap)]
            assert not any(isinstance(buttons.parse(tap.data, knowledge), Stale) for tap in taps)
            labels = [tap.label for tap in taps]
            assert len(labels) == len(set(labels)), labels
            backs = labels.count(say("page.button.back"))
            assert backs == (step.screen != knowledge.flow.first or step.origin is not None)
            ways_out = {say("objection.button.summary"), say("objection.button.stop")}
            assert knowledge.flow.screens[step.screen].aside or ways_out & set(labels)


@pytest.mark.slow
def test_every_step_can_be_read_back_and_leads_to_an_end(knowledge):
    """No dead button and no dead end, however one walks."""
    journey = explore(knowledge.flow)
    assert journey.impossible == ()
    assert journey.stuck(frozenset({"done", "nothing", "settled"})) == []


@pytest.mark.parametrize(
    "data",
    ["", "1", "2.en.p.home", "1.xx.p.home", "1.en.p.nowhere", "1.en.t.no-such-topic", "1.en.o.0.form.zz",
     "1.en.o.1.form.0", "1.en.mo.month.DE.20261122.", "1.en.mk.month.DE.20261122.10", "1.en.mk.month.DE.20260230.9",
     "1.en.mo.month.XX..", "1.en.mo.other.DE..", "1.en.d99.1.done.0", "1.en.b.2.nowhere.0", "1.en.o.1.done.0", "1.en.o.1.region.00", "1.en.o.1.region.zzzzzzz", "1.en.l.set.x"],
)  # fmt: skip
def test_old_and_forged_buttons_get_a_fresh_screen_and_a_kind_word(data, knowledge, assistant):
    """Nothing is trusted, nobody is scolded."""
    assert isinstance(buttons.parse(data, knowledge), Stale)
    turn = respond(Pressed(data), assistant, TODAY)
    assert turn.notice == knowledge.catalogs["en"].text("stale.notice")
    assert turn.replies[0].rows
