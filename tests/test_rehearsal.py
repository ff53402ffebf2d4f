"""Faults that are planted into the objection are found before a person meets them."""

from dataclasses import replace
from datetime import date

import pytest

from bot.cli import main
from bot.knowledge.model import Choice, Effect, Question, Target
from bot.rehearsal import _too_long_to_press, _unanswerable, rehearse

TODAY = date(2026, 11, 21)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def flaws(knowledge):
    """What is found in a flow with several faults, walked once: a walk takes seconds.

    English alone: walking is the same in all languages.
    """
    flow, english = knowledge.flow, knowledge.catalogs["en"]
    planted = {
        "sides": {"choices": ()},
        "login": {"choices": (Choice("ready", (Target("login"),)),), "back": (Target("login"),)},
        "second": {"choices": (Choice("open", (Target("email"),), (Effect.FILE,)),)},
    }
    screens = {name: replace(s, **planted.get(name, {})) for name, s in flow.screens.items()}
    texts = {
        **english.texts,
        "objection.reason.button.with": english.texts["page.button.back"],
        "objection.send.button.sent": "I have sent it " * 5,
        "objection.settled.text": "word " * 1_000,
    }
    broken = replace(
        knowledge,
        languages=("en",),
        catalogs={"en": replace(english, texts=texts)},
        flow=replace(flow, screens=screens),
    )
    return [str(flaw) for flaw in rehearse(broken, TODAY).flaws]


@pytest.fixture(scope="module")
def idle(knowledge):
    """What is found in a flow with parts that never come into play, walked once."""
    flow = knowledge.flow
    again = Target("settled", {"before": frozenset({"since-2025"})})
    never = {"accounts": frozenset({"facebook+no-account"})}
    planted = {
        "before": {"choices": (Choice("", (again, again, Target("accounts"))),)},
        "done": {"choices": (Choice("problem", (Target("aftermath"),), (Effect.FILE,)),)},
        "settled": {"choices": (Choice("more", (Target("accounts"),), when=never),)},
        "other-email": {"back": ()},
        "post": {"papers": ()},
    }
    way = replace(flow.question("way"), options=(*flow.question("way").options, "post"))
    broken = replace(
        knowledge,
        languages=("en",),
        flow=replace(
            flow,
            questions=(
                *(way if q.id == "way" else q for q in flow.questions),
                Question("pet", ("cat", "dog")),
            ),
            screens={name: replace(s, **planted.get(name, {})) for name, s in flow.screens.items()},
            ways={**flow.ways, "page": {**flow.ways["page"], "second": "facebook-form-second"}},
            spared={**flow.spared, "page": never},
        ),
    )
    return [str(flaw) for flaw in rehearse(broken, TODAY).flaws]


def test_our_flow_has_no_fault(capsys):
    """What we ship: walked in every language, exit status 0."""
    assert main(["flow"]) == 0
    assert "0 faults" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("screen", "what"),
    [
        ("photos", "a screen that no button leads to"),
        ("login", "a step from which no way leads to an end"),
        ("second", "a button that leads where no account is left"),
        ("reason", "two buttons with the same words"),
        ("send", "a button that is too long for a phone"),
        ("settled", "a text that no message holds"),
    ],
)
def test_a_planted_fault_is_found_where_it_stands(flaws, screen, what):
    """Each with what to do."""
    found = [flaw for flaw in flaws if screen in flaw.partition(": ")[0]]
    assert found, what
    assert all(" → " in flaw for flaw in found)


@pytest.mark.parametrize(
    "start",
    [
        "questions.pet: no screen asks it",
        "questions.way: the option post is never noted",
        "screens.before.to: the condition [before: since-2025] for settled is never",
        "screens.done.choices.problem: its effect `file` never changes anything",
        "screens.settled.choices.more: this button is never shown",
        "screens.other-email: there is no way back",
        "screens: the paper objection is offered nowhere",
        "ways.page.second: no walk of this account comes to facebook-form-second",
        "spared.page: this account is never spared",
    ],
)
def test_what_never_comes_into_play_is_found(idle, start):
    """One line, at the place to mend, with what to do; and nothing is found beside it."""
    (found,) = [flaw for flaw in idle if flaw.startswith(start)]
    assert " → " in found
    assert len(idle) == 9


def test_an_effect_that_has_nowhere_to_write_is_found_before_walking(knowledge):
    """A walk would end in the middle: so nothing is walked, and it is said why."""
    noting = Choice("anyway", (Target("before"),), (Effect.WAY,))
    screens = dict(knowledge.flow.screens)
    screens["elsewhere"] = replace(screens["elsewhere"], choices=(noting,))
    found = rehearse(replace(knowledge, flow=replace(knowledge.flow, screens=screens)), TODAY)
    (flaw,) = found.flaws
    assert found.steps == 0
    assert str(flaw).startswith("screens.elsewhere.choices.anyway: its effect `way` notes")
    assert "add elsewhere to the options of `way`" in flaw.remedy


def test_a_country_that_nobody_can_choose_is_found(knowledge):
    """Where each screen shows the likely options alone, others need a screen of their own."""
    flow = knowledge.flow
    screens = {**flow.screens, "countries": replace(flow.screens["countries"], likely=True)}
    found = [str(flaw) for flaw in _unanswerable(replace(flow, screens=screens))]
    assert any("the option PL is offered in no language" in flaw for flaw in found)
    assert not any("the option DE " in flaw for flaw in found)
    assert not list(_unanswerable(flow))


def test_a_state_that_fits_into_no_button_is_found(knowledge):
    """Counted for the most that can be answered, whether or not a walk comes that far."""
    flow = knowledge.flow
    assert not list(_too_long_to_press(knowledge))
    long = replace(knowledge, flow=replace(flow, version=10**50))
    assert any("more than 64" in str(flaw) for flaw in _too_long_to_press(long))
    asked = (*flow.questions, Question("pet", tuple(f"pet-{n}" for n in range(40)), several=True))
    many = replace(knowledge, flow=replace(flow, questions=asked))
    assert ["12 digits" in str(flaw) for flaw in _too_long_to_press(many)] == [True]


def test_an_unknown_language_is_wrong_use(capsys):
    """With the languages there are."""
    assert main(["flow", "--lang", "xx"]) == 2
    assert "de, en, fr, nl" in capsys.readouterr().err
