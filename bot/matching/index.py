"""The phrasings of one language, ready to be compared with an utterance.

Two views of the same similarities (over character n-grams, over stems, over pairs of stems;
misspelt words count as the words they resemble) are added up:

- likeness: class centroid and best phrasing, without training;
- what was learnt: kernel ridge regression of the labels on the phrasings (Saunders, Gammerman and
  Vovk, 1998), which finds the words that tell labels apart.

Figures for both, alone and together, stand in ARCHITECTURE.md.
"""

import json
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import Stemmer
from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.matching.grams import Keys, grams
from bot.matching.text import normalise

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

GRAM_SIZES = (3, 4)
"""Letters of an n-gram. As accurate on tests/calibration as 2 to 5, at half the size."""
COMMON = 0.2
"""Share of phrasings from which a feature is too common to count: it costs time and tells little."""
FEW = 50
"""Phrasings up to which nothing is too common."""
LABEL_RARITY = 0.5
"""How much it counts that a feature stands under few labels, beside that it stands in few
phrasings: "dm" says more than "used"."""
SIMILAR_ENOUGH = 0.74
"""Optimal string alignment similarity, 0 to 1, from which an unknown word counts as a known one."""
MOST_MISSPELT = 12
"""Unknown words of an utterance that are looked up by likeness: more are no question."""
SIMILAR_WORDS = 8
"""Known words that an unknown one may stand for."""
LONGEST_WORD = 64
"""Letters from which words are not told apart by length."""
SHORTEST_MISSPELT = 4
"""Letters from which a word is looked up by likeness; shorter ones resemble too many."""

KERNEL = {"grams": 0.5, "stems": 0.35, "pairs": 0.15}
"""What each similarity counts in the kernel of what is learnt."""
RIDGE = 0.3
"""How much the regression is held back; flat between 0.1 and 1 on tests/calibration."""

WEIGHTS = {
    "gram centroid": 0.35,
    "gram best": 0.20,
    "stem centroid": 0.20,
    "stem best": 0.15,
    "pair centroid": 0.10,
}
"""Parts of a score, summing to 1; flat within 1.5 points around these (the study, part 5)."""

_POSTINGS = ("grams", "stems", "pairs")
_PARTS = ("size", "keys", "starts", "rows", "weights", "rarity", "unknown_rarity")
_SNOWBALL = set(Stemmer.algorithms())
_STEMMERS = {
    "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "fi": "finnish", "fr": "french", "ga": "irish", "hu": "hungarian",
    "it": "italian", "lt": "lithuanian", "nl": "dutch", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "sv": "swedish",
}  # fmt: skip


class Role(Enum):
    """What a label is for."""

    TOPIC = "topic"
    """Answered from the content."""
    ASIDE = "aside"
    """Small talk with a reply of its own: greetings, thanks."""
    OUTSIDE = "outside"
    """Known not to be our business: never answered."""


MOST_CANDIDATES = {Role.TOPIC: 6, Role.ASIDE: 2, Role.OUTSIDE: 1}
"""Labels of each role that a ranking holds: nobody asks for more."""


@dataclass(frozen=True, slots=True)
class Phrasing:
    """A way of putting something, as people type it."""

    text: str
    label: str
    role: Role = Role.TOPIC


@dataclass(frozen=True, slots=True)
class Candidate:
    """How near an utterance is to one label."""

    label: str
    role: Role
    likeness: float
    """0 (nothing in common) to 1 (the same words)."""
    learnt: float
    """About 0 (another label) to 1 (this one), by the regression."""
    parts: tuple[tuple[str, float], ...]
    """What each part of the likeness gave, weighted, by the names of `WEIGHTS`."""
    nearest: str
    """The phrasing of this label that resembles the utterance most."""

    @property
    def score(self) -> float:
        """Likeness and what was learnt, half and half."""
        return (self.likeness + self.learnt) / 2


@dataclass(frozen=True, slots=True)
class Ranking:
    """What an utterance is near to."""

    candidates: tuple[Candidate, ...]
    """The nearest labels of each role, nearest first, ties by label."""
    nearest: float
    """Similarity of the nearest single phrasing, 0 to 1."""

    def of(self, *roles: Role) -> list[Candidate]:
        """The candidates of some roles, in order."""
        return [candidate for candidate in self.candidates if candidate.role in roles]


@dataclass(frozen=True, eq=False)
class Postings:
    """Which phrasings hold a feature, and how much it counts there (TF-IDF, rows of length 1)."""

    size: int
    """How many phrasings there are."""
    keys: Keys
    """All features, sorted."""
    starts: Ints
    """Where the entries of each key begin; one more than keys."""
    rows: npt.NDArray[np.int32]
    """By entry: the phrasing that holds the key."""
    weights: Floats
    """By entry: what the key counts there."""
    rarity: Floats
    """By key; 0 for those too common to tell anything."""
    unknown_rarity: float

    @classmethod
    def build(cls, entries: tuple[Keys, Ints], groups: Ints) -> "Postings":
        """From keys and the phrasing each stands in; `groups` holds each phrasing's label."""
        keys, owners = entries
        size = len(groups)
        # Key and row in one number: sorting it groups by key, then by row.
        packed, times = np.unique(
            (keys.astype(np.uint64) << np.uint64(32)) | owners.astype(np.uint64),
            return_counts=True,
        )
        rows = (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)
        distinct, spread = np.unique(
            (packed >> np.uint64(32)).astype(np.uint32), return_counts=True
        )
        amount = int(groups.max(initial=0)) + 1
        column = np.repeat(np.arange(len(distinct)), spread)
        labels = np.bincount(
            np.unique(column * amount + groups[rows]) // amount, minlength=len(distinct)
        )
        rarity = (
            np.log((1 + size) / (1 + spread))
            + LABEL_RARITY * np.log((1 + amount) / (1 + labels))
            + 1
        )
        rarity[spread > max(COMMON * size, FEW)] = 0
        kept = rarity[column] > 0
        rows, column, times = rows[kept], column[kept], times[kept]
        weights = (1 + np.log(times)) * rarity[column]
        lengths = np.sqrt(np.bincount(rows, weights=weights**2, minlength=size))
        starts = np.searchsorted(column, np.arange(len(distinct) + 1))
        return cls(
            size=size,
            keys=distinct,
            starts=starts.astype(np.int64),
            rows=rows.astype(np.int32),
            weights=(weights / np.where(lengths > 0, lengths, 1)[rows]).astype(np.float32),
            rarity=rarity.astype(np.float32),
            unknown_rarity=float(np.log(1 + size) + LABEL_RARITY * np.log(1 + amount) + 1),
        )

    def similarities(self, keys: Keys, times: npt.NDArray[np.float64]) -> Floats:
        """Cosine of the utterance with every phrasing.

        `times`: how often each key occurs (a fraction for a word that only resembles a known
        one). Unknown keys count in the length: strange words make everything less near.
        """
        result = np.zeros(self.size, np.float32)
        if not len(keys) or not len(self.keys):
            return result
        times = np.where(times > 1, 1 + np.log(np.maximum(times, 1)), times)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[places] == keys
        weights = times * np.where(known, self.rarity[places], self.unknown_rarity)
        length = float(np.sqrt((weights**2).sum()))
        telling = known & (weights > 0)
        places, weights = places[telling], weights[telling] / (length or 1.0)
        if not len(places):
            return result
        first, count = self.starts[places], self.starts[places + 1] - self.starts[places]
        ends = np.cumsum(count)
        entries = np.arange(ends[-1]) + np.repeat(first - (ends - count), count)
        products = self.weights[entries] * np.repeat(weights, count)
        return np.bincount(self.rows[entries], weights=products, minlength=self.size).astype(
            np.float32
        )

    def add_products(self, kernel: Floats, weight: float) -> None:
        """Add the weighted similarity of every pair of phrasings to a square matrix."""
        spread = np.diff(self.starts)
        single = self.starts[:-1][spread == 1]
        rows = self.rows[single]
        np.add.at(kernel, (rows, rows), weight * self.weights[single] ** 2)
        for first, end in zip(
            self.starts[:-1][spread > 1], self.starts[1:][spread > 1], strict=True
        ):
            rows, weights = self.rows[first:end], self.weights[first:end]
            kernel[np.ix_(rows, rows)] += np.outer(weights, weight * weights)

    def lengths(self, groups: Ints, amount: int) -> Floats:
        """Lengths of the summed rows of each group: what makes a sum of cosines a centroid's."""
        cells = np.unique(self.rows)  # rows without features have no part in it
        if not len(cells):
            return np.ones(amount, np.float32)
        column = np.repeat(np.arange(len(self.keys)), np.diff(self.starts))
        packed = groups[self.rows] * len(self.keys) + column
        where, inverse = np.unique(packed, return_inverse=True)
        sums = np.bincount(inverse, weights=self.weights)
        squares = np.bincount(where // len(self.keys), weights=sums**2, minlength=amount)
        return np.sqrt(np.where(squares > 0, squares, 1)).astype(np.float32)


class Index:
    """All phrasings of one language."""

    def __init__(self, language: str, phrasings: Iterable[Phrasing]) -> None:
        # Sorted, so that neither the order of files nor of lines changes a result.
        found = sorted(
            ((p.role.value, p.label, normalise(p.text), p.text), p) for p in set(phrasings)
        )
        kept = {order[:3]: phrasing for order, phrasing in found if order[2]}
        self._name(language, list(kept.values()), [normal for _, _, normal in kept])
        texts, groups = self.texts, self._groups
        stems = [self.stems(text) for text in texts]
        self._grams = Postings.build(grams(texts, GRAM_SIZES, within_words=True), groups)
        self._stems = Postings.build(_spread([[_key(s) for s in row] for row in stems]), groups)
        self._pairs = Postings.build(_spread([_pairs(row) for row in stems]), groups)
        self._lengths = [
            postings.lengths(groups, len(self.labels))
            for postings in (self._grams, self._stems, self._pairs)
        ]
        self._know({stem for row in stems for stem in row})
        self._duals = self._learn()

    def _name(self, language: str, phrasings: list[Phrasing], texts: list[str]) -> None:
        """What follows from the phrasings alone."""
        self.language, self.phrasings, self.texts = language, phrasings, texts
        self.labels = sorted({(p.role.value, p.label) for p in phrasings})
        self.roles = [Role(role) for role, _ in self.labels]
        self._topics = np.array([role is Role.TOPIC for role in self.roles])
        self.topic_count = int(self._topics.sum())
        number = {label: n for n, label in enumerate(self.labels)}
        self._groups = np.array([number[p.role.value, p.label] for p in phrasings], np.int64)
        self._firsts = np.searchsorted(self._groups, np.arange(len(self.labels) + 1))
        self._members = [
            np.array([n for n, own in enumerate(self.roles) if own is role], np.int64)
            for role in Role
        ]
        self.exact = dict(zip(texts, phrasings, strict=True))
        self._stemmer = _stemmer(language)

    def _know(self, stems: set[str]) -> None:
        """What follows from the words of the phrasings."""
        self._known = frozenset(stems)
        words = (s for s in stems if len(s) >= SHORTEST_MISSPELT - 1)
        self._vocabulary = sorted(words, key=lambda word: (len(word), word))
        sizes = [len(word) for word in self._vocabulary]
        self._lengths_from = [bisect_left(sizes, size) for size in range(LONGEST_WORD + 1)]
        self._lengths_from[-1] = len(sizes)

    def _learn(self) -> Floats:
        """What each phrasing speaks for or against each label: (K + ridge)⁻¹ Y."""
        size, amount = len(self.phrasings), len(self.labels)
        if not size:
            return np.zeros((0, 0), np.float32)
        kernel = np.zeros((size, size), np.float32)
        for kind, weight in KERNEL.items():
            getattr(self, f"_{kind}").add_products(kernel, weight)
        kernel[np.diag_indices(size)] += RIDGE
        targets = np.full((size, amount), -1 / amount, np.float32)
        targets[np.arange(size), self._groups] = 1
        return np.asarray(np.linalg.solve(kernel, targets), np.float32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was computed, as arrays without Python objects: safe to store and to load."""
        texts = {
            "phrasings": [[p.text, p.label, p.role.value] for p in self.phrasings],
            "texts": self.texts,
            "stems": sorted(self._known),
        }
        found: dict[str, npt.NDArray[Any]] = {
            name: np.frombuffer(json.dumps(value).encode(), np.uint8)
            for name, value in texts.items()
        }
        found["lengths"] = np.stack(self._lengths)
        found["duals"] = self._duals
        for kind in _POSTINGS:
            postings = getattr(self, f"_{kind}")
            found |= {f"{kind}.{part}": np.asarray(getattr(postings, part)) for part in _PARTS}
        return found

    @classmethod
    def restore(cls, language: str, arrays: Mapping[str, npt.NDArray[Any]]) -> "Index":
        """The index that gave these arrays.

        Raises:
            KeyError, ValueError, TypeError: when they are not such arrays.
        """
        index = cls.__new__(cls)
        roles = {role.value: role for role in Role}
        texts = {
            name: json.loads(arrays[name].tobytes()) for name in ("phrasings", "texts", "stems")
        }
        phrasings = [Phrasing(text, label, roles[role]) for text, label, role in texts["phrasings"]]
        index._name(language, phrasings, texts["texts"])
        for kind in _POSTINGS:
            parts: dict[str, Any] = {part: arrays[f"{kind}.{part}"] for part in _PARTS}
            parts |= {part: parts[part].item() for part in ("size", "unknown_rarity")}
            setattr(index, f"_{kind}", Postings(**parts))
        index._lengths = list(arrays["lengths"])
        index._duals = arrays["duals"]
        index._know(set(texts["stems"]))
        return index

    def stems(self, text: str) -> list[str]:
        """Words of a normal form, cut to their stems where Snowball knows the language."""
        words = text.split()
        return self._stemmer.stemWords(words) if self._stemmer else words

    def rank(self, text: str) -> Ranking:
        """Labels by their nearness to a normal form.

        Only the nearest of each role.
        """
        if not text or not self.phrasings:
            return Ranking((), 0.0)
        near, parts = self._compare(text)
        likeness, learnt = parts.sum(axis=0), near @ self._duals
        scores = likeness + learnt
        numbers = np.concatenate(
            [
                members[np.argsort(-scores[members], kind="stable")[: MOST_CANDIDATES[role]]]
                for role, members in zip(Role, self._members, strict=True)
            ]
        )
        found = []
        for n in numbers[np.lexsort((numbers, -scores[numbers]))].tolist():
            first, end = self._firsts[n], self._firsts[n + 1]
            found.append(
                Candidate(
                    label=self.labels[n][1],
                    role=self.roles[n],
                    likeness=float(likeness[n]),
                    learnt=float(learnt[n]),
                    parts=tuple(zip(WEIGHTS, parts[:, n].tolist(), strict=True)),
                    nearest=self.phrasings[first + int(near[first:end].argmax())].text,
                )
            )
        return Ranking(tuple(found), float(near.max()))

    def holding(self, word: str) -> set[str]:
        """Topics of which some phrasing holds a word (or its other forms)."""
        (stem,) = self.stems(word) or [""]
        place = int(np.searchsorted(self._stems.keys, _key(stem)))
        if stem not in self._known or place == len(self._stems.keys):
            return set()
        rows = self._stems.rows[self._stems.starts[place] : self._stems.starts[place + 1]]
        numbers = np.unique(self._groups[rows]).tolist()
        return {self.labels[n][1] for n in numbers if self.roles[n] is Role.TOPIC}

    def best(self, text: str) -> tuple[float, str]:
        """Score and label of the nearest topic to a normal form; nothing of the rest."""
        if not text or not self._topics.any():
            return 0.0, ""
        near, parts = self._compare(text)
        scores = np.where(self._topics, parts.sum(axis=0) + near @ self._duals, -9)
        best = int(scores.argmax())
        return float(scores[best]) / 2, self.labels[best][1]

    def _compare(self, text: str) -> tuple[Floats, Floats]:
        """Similarity to every phrasing, and the parts of likeness by label."""
        stems = self.stems(text)
        letters = self._grams.similarities(
            *_counted(grams([text], GRAM_SIZES, within_words=True)[0])
        )
        words = self._stems.similarities(*self._soft(stems))
        pairs = self._pairs.similarities(*_counted(np.array(_pairs(stems), np.uint32)))
        near = KERNEL["grams"] * letters + KERNEL["stems"] * words + KERNEL["pairs"] * pairs
        parts = np.stack(
            [
                self._centroids(letters, 0),
                np.maximum.reduceat(letters, self._firsts[:-1]),
                self._centroids(words, 1),
                np.maximum.reduceat(words, self._firsts[:-1]),
                self._centroids(pairs, 2),
            ]
        ) * np.array(list(WEIGHTS.values()), np.float32).reshape(-1, 1)
        return np.asarray(near, np.float32), np.asarray(parts, np.float32)

    def _centroids(self, similarities: Floats, kind: int) -> Floats:
        sums = np.add.reduceat(similarities, self._firsts[:-1])
        return np.asarray(sums / self._lengths[kind], np.float32)

    def _soft(self, stems: list[str]) -> tuple[Keys, npt.NDArray[np.float64]]:
        """Stems as features; an unknown one stands for the known ones that it resembles."""
        features: dict[int, float] = {}
        alike = self._alike(stems)
        for stem in stems:
            for known, weight in alike.get(stem, {stem: 1.0}).items():
                key = _key(known)
                features[key] = features.get(key, 0.0) + weight
        return (
            np.fromiter(features.keys(), np.uint32, len(features)),
            np.fromiter(features.values(), np.float64, len(features)),
        )

    def _alike(self, stems: list[str]) -> dict[str, dict[str, float]]:
        """For unknown stems the known ones that they resemble."""
        unknown = dict.fromkeys(
            stem for stem in stems if stem not in self._known and len(stem) >= SHORTEST_MISSPELT
        )
        found: dict[str, dict[str, float]] = {}
        for stem in list(unknown)[:MOST_MISSPELT]:
            # So alike, they differ by at most a quarter of their length.
            spread = len(stem) // 3
            first = self._lengths_from[min(max(len(stem) - spread, 0), LONGEST_WORD)]
            end = self._lengths_from[min(len(stem) + spread + 1, LONGEST_WORD)]
            near = process.cdist(
                [stem],
                self._vocabulary[first:end],
                scorer=OSA.normalized_similarity,
                score_cutoff=SIMILAR_ENOUGH,
                dtype=np.float32,
            )[0]
            best = np.argsort(-near, kind="stable")[:SIMILAR_WORDS]
            found[stem] = {
                self._vocabulary[first + n]: float(near[n]) ** 2
                for n in best.tolist()
                if near[n] > 0
            } or {stem: 1.0}
        return found


@lru_cache(maxsize=65_536)
def _key(feature: str) -> int:
    """A 32-bit key that is the same in every process, which Python's own hash is not."""
    return zlib.crc32(feature.encode())


def _pairs(stems: Sequence[str]) -> list[int]:
    return [_key(f"{a} {b}") for a, b in pairwise(stems)]


def _spread(rows: Sequence[Sequence[int]]) -> tuple[Keys, Ints]:
    counts = [len(row) for row in rows]
    keys = np.fromiter((key for row in rows for key in row), np.uint32, sum(counts))
    return keys, np.repeat(np.arange(len(rows)), counts)


def _counted(keys: Keys) -> tuple[Keys, npt.NDArray[np.float64]]:
    distinct, times = np.unique(keys, return_counts=True)
    return distinct, times.astype(np.float64)


def _stemmer(language: str) -> "Stemmer.Stemmer | None":
    name = _STEMMERS.get(language.partition("-")[0])
    return Stemmer.Stemmer(name) if name in _SNOWBALL else None
