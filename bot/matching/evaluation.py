"""How well utterances are matched: counted, by language and kind; and thresholds from the counts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from bot.matching.confidence import Calibration, describe, fit
from bot.matching.index import Role
from bot.matching.matcher import COURTESIES, MOST_CHOICES, Match, Matcher, Outcome
from bot.matching.text import normalise


@dataclass(frozen=True, slots=True)
class Utterance:
    """A question of which it is known what it is about."""

    text: str
    language: str
    kind: str
    """How it is put: plain, story …; for what is not ours: near or far."""
    labels: frozenset[str] = frozenset()
    """Topics that a reader would accept; empty for what is not ours."""
    aside: str = ""
    """The kind of small talk, if it is some."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an utterance."""

    utterance: Utterance
    match: Match
    result: str
    """In scope: right, offered, refused or wrong, or missed (choices without the topic).
    Not ours: answered, offered, refused. Small talk: right or wrong."""


def judge(utterance: Utterance, match: Match, beside: Mapping[str, str] | None = None) -> Verdict:
    """Compare a decision with what is known.

    `beside`: kinds of small talk whose reply says what a topic says ("are you a bot?").
    """
    beside = beside or {}
    talk = str(match.label) if match.outcome is Outcome.CHITCHAT else None
    answered = match.outcome is Outcome.ANSWER
    if utterance.aside:
        good = talk is not None and utterance.aside in {talk, _ALIKE.get(talk)}
        good = good or (answered and match.label == beside.get(utterance.aside))
        return Verdict(utterance, match, "right" if good else "wrong")
    if talk and beside.get(talk) in utterance.labels:
        return Verdict(utterance, match, "right")
    if not utterance.labels:
        taken = {Outcome.ANSWER: "answered", Outcome.CHOOSE: "offered"}
        return Verdict(utterance, match, taken.get(match.outcome, "refused"))
    if answered:
        return Verdict(utterance, match, "right" if match.label in utterance.labels else "wrong")
    if match.outcome is Outcome.CHOOSE:
        held = any(c.label in utterance.labels for c in match.choices)
        return Verdict(utterance, match, "offered" if held else "missed")
    return Verdict(utterance, match, "wrong" if match.outcome is Outcome.CHITCHAT else "refused")


_ALIKE = {"praise": "thanks"}
"""Small talk with replies that fit both: "great, that helped" is a thank-you."""


def evaluate(
    matcher: Matcher, utterances: Iterable[Utterance], beside: Mapping[str, str] | None = None
) -> list[Verdict]:
    """Match every utterance, with its own language as that of the app."""
    return [judge(u, matcher.match(u.text, (u.language,)), beside) for u in utterances]


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares, 0 to 1, of one language."""

    right: float
    """Answered right at once, of what is ours."""
    found: float
    """Right at once or among the choices."""
    wrong: float
    near: float
    """Answered although not ours, of what is near to it."""
    far: float
    aside: float
    """Greetings, thanks and goodbyes recognised."""
    language: float
    """Language told right, of what has four words or more."""


def figures(verdicts: Sequence[Verdict]) -> Figures:
    """Count verdicts."""
    own = [v for v in verdicts if v.utterance.labels]
    counts = Counter(v.result for v in own)
    asides = [v for v in verdicts if v.utterance.aside in COURTESIES]
    longer = [v for v in own if len(v.utterance.text.split()) >= 4]  # noqa: PLR2004

    def answered(kind: str) -> float:
        some = [v for v in verdicts if not v.utterance.labels and v.utterance.kind == kind]
        return _share(sum(v.result == "answered" for v in some), some)

    return Figures(
        right=_share(counts["right"], own),
        found=_share(counts["right"] + counts["offered"], own),
        wrong=_share(counts["wrong"], own),
        near=answered("near"),
        far=answered("far"),
        aside=_share(sum(v.result == "right" for v in asides), asides),
        language=_share(sum(v.match.language == v.utterance.language for v in longer), longer),
    )


def _share(count: int, of: Sequence[object]) -> float:
    return count / len(of) if of else 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a calibration must keep within, as shares of the questions it is made from."""

    wrong: float = 0.01
    """Of what is ours, answered wrongly."""
    near: float = 0.015
    """Of what is near, answered as if it were ours."""
    kept: float = 0.985
    """Of what is ours, answered or offered."""


NOT_OURS_WEIGHT = 3.0
"""A question that is not ours counts so much: there are fewer of them, and they cost more."""
FOLDS = 5


def calibrate(
    matcher: Matcher, utterances: Sequence[Utterance], limits: Limits | None = None
) -> Calibration:
    """Learn when to answer and when to offer, from questions that are no phrasings and no tests.

    Thresholds are chosen on probabilities for questions that a regression did not see.
    """
    limits = limits or Limits()
    asked = [u for u in utterances if not u.aside and normalise(u.text)]
    rankings = [matcher.indexes[u.language].rank(normalise(u.text)) for u in asked]
    features = np.array(
        [describe(r, normalise(u.text)) for u, r in zip(asked, rankings, strict=True)]
    )
    tops = [[c.label for c in r.of(Role.TOPIC)[:MOST_CHOICES]] for r in rankings]
    own = np.array([bool(u.labels) for u in asked])
    right = np.array([bool(u.labels & set(t[:1])) for u, t in zip(asked, tops, strict=True)])
    held = np.array([bool(u.labels & set(t)) for u, t in zip(asked, tops, strict=True)])
    near = np.array([u.kind == "near" for u in asked]) & ~own
    weights = np.where(own, 1.0, NOT_OURS_WEIGHT)
    sure = _unseen(features, right, weights)
    close = _unseen(features, held, weights)

    def within(threshold: float) -> bool:
        answered = sure >= threshold
        wrong = _mean(answered & own & ~right, own)
        return wrong <= limits.wrong and _mean(answered & near, near) <= limits.near

    answer = next(t for t in np.arange(0.3, 1.001, 0.005) if within(float(t)))
    offer = float(np.quantile(close[own], 1 - limits.kept))
    return Calibration(
        fit(features, right, weights), fit(features, held, weights), float(answer), offer
    )


def _unseen(
    features: npt.NDArray[np.float64],
    outcomes: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Probabilities by regressions that each did not see what they judge."""
    folds = np.random.default_rng(0).integers(0, FOLDS, len(outcomes))
    chances = np.zeros(len(outcomes))
    for fold in range(FOLDS):
        seen = folds != fold
        model = fit(features[seen], outcomes[seen], weights[seen])
        chances[~seen] = [model(row) for row in features[~seen]]
    return chances


def _mean(some: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float:
    return float(some.sum() / max(among.sum(), 1))


def read_utterances(folder: Path) -> Iterator[Utterance]:
    """Questions from a folder with a YAML file a language.

    Each holds `topics` (topic: [{kind, text, also}]), `outside` and `chitchat` ([{kind, text}]).
    """
    for file in sorted(folder.glob("*.yaml")):
        language = file.stem
        asked = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - texts only
        for topic, questions in asked["topics"].items():
            for q in questions:
                labels = frozenset({topic, *q.get("also", [])})
                yield Utterance(q["text"], language, q["kind"], labels)
        for q in asked["outside"]:
            yield Utterance(q["text"], language, q["kind"])
        for q in asked["chitchat"]:
            yield Utterance(q["text"], language, q["kind"], aside=q["kind"])
