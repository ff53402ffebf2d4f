"""The questions that measure: complete, and used for nothing else."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from bot.matching.text import normalise

TESTS = Path(__file__).resolve().parent
FILES = [
    *sorted((TESTS / "utterances").glob("*.yaml")),
    *sorted((TESTS / "calibration").glob("*.yaml")),
]
KINDS = {"plain", "terse", "slang", "typo", "indirect", "story", "formal", "mixed"}


def read(file):
    return yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_every_topic_and_what_is_not_ours_is_asked(file, knowledge):
    """Four questions a topic, 60 that are not ours, 24 of small talk, in every language."""
    asked = read(file)
    assert set(asked["topics"]) == set(knowledge.topics)
    for questions in asked["topics"].values():
        assert len(questions) == 4
        for question in questions:
            assert question["kind"] in KINDS
            assert set(question.get("also", [])) <= set(knowledge.topics)
    assert Counter(q["kind"] for q in asked["outside"]) == {"near": 35, "far": 25}
    assert len(asked["chitchat"]) == 24
    assert {q["kind"] for q in asked["chitchat"]} <= set(knowledge.chitchat[file.stem])


def test_all_languages_are_measured(knowledge):
    """A language without held-out questions cannot say how often it is wrong."""
    for folder in ("utterances", "calibration"):
        assert {f.stem for f in FILES if f.parent.name == folder} == set(knowledge.languages)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_no_measuring_question_is_a_phrasing(file, knowledge):
    """Nothing was copied from one to the other."""
    asked = read(file)
    answers = knowledge.answers[file.stem]
    known = {normalise(p) for answer in answers.values() for p in answer.phrasings}
    known |= {normalise(text) for text in knowledge.outside[file.stem]}
    questions = [q["text"] for qs in asked["topics"].values() for q in qs]
    questions += [q["text"] for q in asked["outside"]]
    same = [q for q in questions if normalise(q) in known]
    # Different people do type the same plain question now and then; more would be copying.
    assert len(same) <= len(questions) * 0.06, same
