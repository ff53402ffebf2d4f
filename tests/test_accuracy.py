"""The gate: how often the bot is wrong, on questions that nobody tuned to, by language."""

import re
from pathlib import Path

import pytest

from bot import report
from bot.dialogue.screens import BESIDE
from bot.matching.evaluation import evaluate, figures, read_utterances

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def verdicts(assistant):
    utterances = list(read_utterances(ROOT / "tests" / "utterances"))
    return evaluate(assistant.matcher, utterances, BESIDE)


@pytest.mark.parametrize("language", ["en", "fr", "de", "nl"])
def test_right_or_honest(verdicts, language):
    """Few wrong answers, little answered that is not ours, and nearly everything found."""
    seen = figures([v for v in verdicts if v.utterance.language == language])
    assert seen.wrong <= 0.025
    assert seen.near <= 0.05
    assert seen.far <= 0.01
    assert seen.found >= 0.93
    assert seen.right >= 0.68
    assert seen.language >= 0.97


def test_courtesies_are_recognised(verdicts):
    """Greetings, thanks and goodbyes, over all languages; next to nothing else is taken for them."""
    assert figures(verdicts).aside >= 0.95
    taken = [v for v in verdicts if not v.utterance.aside and v.match.outcome.value == "chitchat"]
    assert len(taken) <= len(verdicts) * 0.01


def test_the_readme_shows_what_the_command_prints(verdicts, knowledge):
    """The published table is that of `optout-bot eval`, figure by figure."""
    shown = (ROOT / "README.md").read_text(encoding="utf-8")
    printed = list(report.by_language(verdicts, knowledge.languages))
    table = re.search(r"<!-- eval -->\n(.*?)\n<!-- /eval -->", shown, re.DOTALL)
    assert table
    assert table[1].strip().split("\n") == printed
