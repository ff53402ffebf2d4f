"""Buttons: 64 bytes, strictly parsed, and every one of them leads somewhere."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue import buttons, objection
from bot.dialogue.buttons import (
    Enter,
    Go,
    OpenGroup,
    OpenTopic,
    Page,
    Rate,
    Speak,
    Stale,
    Stop,
)
from bot.dialogue.events import Pressed
from bot.dialogue.replies import Tap
from bot.dialogue.turn import respond

TODAY = date(2026, 11, 21)


def steps(knowledge):
    """Every step that walking the flow can reach."""
    seen, waiting = set(), [objection.start(knowledge.flow)]
    while waiting:
        step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        waiting += [move.step for move in objection.moves(knowledge.flow, step)]
        before = objection.back(knowledge.flow, step)
        waiting += [before] if before else []
    return sorted(seen, key=lambda s: (s.screen, s.answers))


@pytest.fixture(scope="session")
def reachable(knowledge):
    return steps(knowledge)


@pytest.fixture(scope="session")
def all_buttons(knowledge, reachable):
    found = []
    for tag in knowledge.languages:
        found += [Page(tag, page) for page in buttons.PAGES]
        found += [OpenGroup(tag, group.id) for group in knowledge.groups]
        found += [OpenTopic(tag, topic) for topic in knowledge.topics]
        found += [Rate(tag, topic, good) for topic in knowledge.topics for good in (True, False)]
        found += [kind(tag, step) for step in reachable for kind in (Go, Enter, Stop)]
        found.append(Speak(tag))
    return found


def test_every_button_survives_the_way_to_telegram_and_back(all_buttons, knowledge):
    """parse(encode(button)) == button, within 64 bytes, for every button there is."""
    assert len(all_buttons) > 5_000
    for button in all_buttons:
        data = buttons.encode(button, knowledge)
        assert 1 <= len(data.encode()) <= buttons.MAX_BYTES
        assert buttons.parse(data, knowledge) == button


@given(data=st.one_of(st.binary(max_size=80), st.text(max_size=80)))
def test_any_bytes_parse_to_a_button_or_to_stale(data, knowledge):
    """Never an exception; and what parses is written the same way again."""
    parsed = buttons.parse(data, knowledge)
    if not isinstance(parsed, Stale):
        text = data if isinstance(data, str) else data.decode()
        assert buttons.encode(parsed, knowledge) == text


@given(drawn=st.data())
def test_changed_buttons_are_stale_or_other_real_buttons(drawn, all_buttons, knowledge):
    """One character changed gives nothing that the bot itself would not write."""
    text = buttons.encode(drawn.draw(st.sampled_from(all_buttons)), knowledge)
    place = drawn.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + drawn.draw(st.characters(codec="ascii")) + text[place + 1 :]
    parsed = buttons.parse(changed, knowledge)
    assert isinstance(parsed, Stale) or buttons.encode(parsed, knowledge) == changed


def test_every_reachable_step_has_a_screen_in_every_language(reachable, knowledge, assistant):
    """No step without text, buttons and (but for the first) a way back; every button leads on."""
    assert {step.screen for step in reachable} == set(knowledge.flow.screens)
    for tag in knowledge.languages:
        for step in reachable:
            turn = respond(Pressed(buttons.encode(Go(tag, step), knowledge)), assistant, TODAY)
            (reply,) = turn.replies
            assert reply.blocks
            taps = [key for row in reply.rows for key in row if isinstance(key, Tap)]
            targets = [buttons.parse(tap.data, knowledge) for tap in taps]
            assert not any(isinstance(target, Stale) for target in targets)
            labels = [tap.label for tap in taps]
            assert len(labels) == len(set(labels)), labels
            backs = sum(
                label == knowledge.catalogs[tag].text("page.button.back") for label in labels
            )
            assert backs == (step.screen != knowledge.flow.first)
            if step.screen != "done":
                assert any(isinstance(target, Stop) for target in targets)


def test_every_step_leads_to_an_end(reachable, knowledge):
    """From each step some way of pressing on reaches the end."""
    ends = {step for step in reachable if step.screen == "done"}
    leads = set(ends)
    while True:
        more = {
            step
            for step in reachable
            if step not in leads
            and any(move.step in leads for move in objection.moves(knowledge.flow, step))
        }
        if not more:
            break
        leads |= more
    assert leads == set(reachable)


@pytest.mark.parametrize(
    "data",
    ["", "1", "2.en.p.home", "1.xx.p.home", "1.en.p.nowhere", "1.en.t.no-such-topic", "1.en.o.0.form.zz",
     "1.en.o.1.form.0", "1.en.o.1.done.0", "1.en.o.1.region.00", "1.en.o.1.region.zzzzzzz", "1.en.l.set.x"],
)  # fmt: skip
def test_old_and_forged_buttons_get_a_fresh_screen_and_a_kind_word(data, knowledge, assistant):
    """Nothing is trusted, nobody is scolded."""
    assert isinstance(buttons.parse(data, knowledge), Stale)
    turn = respond(Pressed(data), assistant, TODAY)
    assert turn.notice == knowledge.catalogs["en"].text("stale.notice")
    assert turn.replies[0].rows
