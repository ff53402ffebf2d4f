"""How sure a decision is: two logistic regressions over what a ranking looks like.

One for "the best topic is right", one for "the right topic is among the first three". They know
no language and no topic, only shapes of rankings; their coefficients and thresholds were learnt on
tests/calibration by `optout-bot eval --calibrate` and stand in calibration.json.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.matching.index import Ranking, Role

FEATURES = (
    "likeness",
    "learnt",
    "likeness lead",
    "learnt lead",
    "likeness margin",
    "learnt margin",
    "nearest phrasing",
    "words",
    "gap to the third",
)
FILE = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True, slots=True)
class Regression:
    """A logistic regression over `FEATURES`."""

    weights: tuple[float, ...]
    """One a feature, for features as they are; then the constant."""

    def __call__(self, features: Sequence[float]) -> float:
        """A probability, 0 to 1."""
        total = self.weights[-1] + sum(w * f for w, f in zip(self.weights, features, strict=False))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a decision needs beside the ranking."""

    right: Regression
    """How likely the best topic is the right one."""
    held: Regression
    """How likely the right one is among the first three."""
    answer: float
    """The probability of `right` from which the best topic is answered."""
    offer: float
    """The probability of `held` from which topics are offered."""

    def as_json(self) -> str:
        """For the file."""
        return json.dumps(
            {
                "features": list(FEATURES),
                "right": [round(w, 4) for w in self.right.weights],
                "held": [round(w, 4) for w in self.held.weights],
                "answer": round(self.answer, 3),
                "offer": round(self.offer, 3),
            },
            indent=1,
        )


def read_calibration(file: Path = FILE) -> Calibration:
    """The calibration that the package brings."""
    values: Mapping[str, list[float]] = json.loads(file.read_text(encoding="utf-8"))
    if tuple(map(str, values["features"])) != FEATURES:
        raise ValueError(
            f"{file.name} was made for other features: run optout-bot eval --calibrate"
        )
    return Calibration(
        Regression(tuple(values["right"])),
        Regression(tuple(values["held"])),
        float(values["answer"]),  # type: ignore[arg-type]
        float(values["offer"]),  # type: ignore[arg-type]
    )


def describe(ranking: Ranking, normal: str) -> tuple[float, ...]:
    """The features of a ranking; zeros where there is no topic."""
    topics = ranking.of(Role.TOPIC)
    if not topics:
        return (0.0,) * len(FEATURES)
    # Small talk was decided on before; a topic beside it is no less likely.
    others = ranking.of(Role.OUTSIDE)
    first = topics[0]
    second, third = (topics[n] if len(topics) > n else None for n in (1, 2))
    return (
        first.likeness,
        first.learnt,
        first.likeness - max((c.likeness for c in others), default=0.0),
        first.learnt - max((c.learnt for c in others), default=0.0),
        first.likeness - (second.likeness if second else 0.0),
        first.learnt - (second.learnt if second else 0.0),
        ranking.nearest,
        math.log(len(normal.split()) + 1),
        2 * ((second.score if second else 0.0) - (third.score if third else 0.0)),
    )


def fit(
    features: npt.NDArray[np.float64],
    outcomes: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    ridge: float = 5.0,
) -> Regression:
    """A regression from examples, by Newton's method on standardised features."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    table = np.c_[(features - mean) / spread, np.ones(len(features))]
    penalty = ridge * np.r_[np.ones(features.shape[1]), 0]
    found = np.zeros(table.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(table @ found, -60, 60)))
        slope = table.T @ (weights * (chance - outcomes)) + penalty * found
        bend = (table * (weights * chance * (1 - chance))[:, None]).T @ table
        found -= np.linalg.solve(bend + np.diag(penalty + 1e-9), slope)
    scaled = found[:-1] / spread
    return Regression((*scaled.tolist(), float(found[-1] - (scaled * mean).sum())))
