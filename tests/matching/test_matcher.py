"""Right, or honest: what the matcher answers, offers and refuses, on data of its own."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop import SHOP

from bot.matching.index import Phrasing, Role
from bot.matching.matcher import Matcher, Outcome


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher.build(SHOP)


@pytest.mark.parametrize(
    ("language", "phrasing"), [(lang, p) for lang, ps in SHOP.items() for p in ps]
)
def test_an_exact_phrasing_is_its_own_label(matcher, language, phrasing):
    """Each phrasing, asked exactly, in capitals or without accents, finds its label.

    A single word is no question: its topic is offered first, not answered.
    """
    for text in (phrasing.text, phrasing.text.upper(), f"  {phrasing.text}?!"):
        match = matcher.match(text, (language,))
        if phrasing.role is Role.TOPIC and " " not in phrasing.text:
            assert match.outcome is Outcome.CHOOSE
            assert match.choices[0].label == phrasing.label
        elif phrasing.role is Role.TOPIC:
            assert (match.outcome, match.label) == (Outcome.ANSWER, phrasing.label)
        elif phrasing.role is Role.ASIDE:
            assert (match.outcome, match.label) == (Outcome.CHITCHAT, phrasing.label)
        else:
            assert match.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("text", ["", "   ", "?!", "🙂🙂", "\u200b", "\ud800"])
def test_nothing_to_read_is_no_match(matcher, text):
    """An empty normal form is refused before any score: two empty texts would be 100 % alike."""
    assert matcher.match(text).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("text", ["the", "qwxzvb kjhgf", "tax law of 1923 explained", "12 + 30"])
def test_what_shares_nothing_is_refused(matcher, text):
    """Common words or random letters are no reason to answer."""
    assert matcher.match(text, ("en",)).outcome is Outcome.UNKNOWN


def test_misspelt_words_are_found(matcher):
    """A slip in the key word does not hide the topic."""
    match = matcher.match("how to mend a flat tyyre", ("en",))
    assert match.label == "tyre" or "tyre" in [c.label for c in match.choices]


def test_the_question_decides_the_language(matcher):
    """Asked in French under an English app: answered in French; a bare name follows the app."""
    assert matcher.match("combien coûte une chaîne neuve", ("en",)).language == "fr"
    assert matcher.match("ok", ("fr",)).language == "fr"


def test_order_changes_nothing():
    """Neither the order of files nor of lines changes a result."""
    shuffled = {}
    for language, phrasings in reversed(SHOP.items()):
        shuffled[language] = random.Random(7).sample(phrasings, len(phrasings))
    one, two = Matcher.build(SHOP), Matcher.build(shuffled)
    for text in ("flat", "chain price", "ouvert samedi ?", "morning", "weather"):
        a, b = one.match(text, ("en",)), two.match(text, ("en",))
        assert (a.outcome, a.label, a.score, a.choices) == (b.outcome, b.label, b.score, b.choices)


def test_an_unrelated_topic_changes_no_exact_hit():
    """More knowledge takes nothing away."""
    more = {
        **SHOP,
        "en": [*SHOP["en"], *(Phrasing(f"xylophone lesson {n}", "music") for n in range(9))],
    }
    matcher = Matcher.build(more)
    for phrasing in SHOP["en"]:
        if phrasing.role is Role.TOPIC:
            match = matcher.match(phrasing.text, ("en",))
            assert phrasing.label in (match.label, *(c.label for c in match.choices[:1]))


@settings(max_examples=300)
@given(st.text(st.characters(), max_size=300))
def test_any_text_gets_a_decision(matcher, text):
    """Whatever is typed: a decision with choices in order, never an exception."""
    match = matcher.match(text, ("fr", "en"))
    scores = [choice.score for choice in match.choices]
    assert scores == sorted(scores, reverse=True)
    assert len(match.choices) <= 3
    assert (match.outcome is Outcome.ANSWER) <= (match.label is not None)


def test_parts_sum_to_the_score(matcher):
    """What `ask --explain` shows is what decided."""
    for text, prior in itertools.product(["flat wheel", "rusty chain price"], ["en", "fr"]):
        for candidate in matcher.match(text, (prior,)).candidates:
            likeness = sum(candidate.parts)
            assert likeness == pytest.approx(candidate.likeness, abs=1e-5)
            assert candidate.score == (candidate.likeness + candidate.learnt) / 2
