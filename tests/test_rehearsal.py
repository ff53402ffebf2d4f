"""Faults that are planted into the objection are found before a person meets them."""

from dataclasses import replace
from datetime import date

import pytest

from bot.cli import main
from bot.knowledge.model import Choice, Effect, Target
from bot.rehearsal import rehearse

TODAY = date(2026, 11, 21)


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


def test_an_unknown_language_is_wrong_use(capsys):
    """With the languages there are."""
    assert main(["flow", "--lang", "xx"]) == 2
    assert "de, en, fr, nl" in capsys.readouterr().err
