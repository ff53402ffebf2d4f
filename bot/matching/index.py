"""The phrasings of one language, ready to be compared with an utterance.

Two views of the same similarities (over character n-grams, over stems, over pairs of stems;
misspelt words count as the words they resemble) are added up:

- likeness: class centroid and best phrasing, without training;
- what was learnt: kernel ridge regression of the labels on the phrasings (Saunders, Gammerman and
  Vovk, 1998), which finds the words that tell labels apart.

Figures for both, alone and together, stand in ARCHITECTURE.md.
"""

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import Stemmer

from bot.matching.grams import Keys, Places, all_grams, text_grams
from bot.matching.lines import Lines
from bot.matching.text import normalise
from bot.matching.vocabulary import Vocabulary

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
LongKeys = npt.NDArray[np.uint64]

GRAM_SIZES = (3, 4)
"""Letters of an n-gram. As accurate on tests/calibration as 2 to 5, at half the size."""
COMMON = 0.2
"""Share of phrasings from which a feature is too common to count: it costs time and tells little."""
FEW = 50
"""Phrasings up to which nothing is too common."""
LABEL_RARITY = 0.5
"""How much it counts that a feature stands under few labels, beside that it stands in few
phrasings: "dm" says more than "used"."""
MOST_MISSPELT = 12
"""Unknown words of an utterance that are looked up by likeness: more are no question."""
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

STEMS, PAIRS = 1, 2
"""The places of stems and of their pairs among the kinds of features."""
SHORTLIST = 2
"""How many times as many labels as a ranking holds are asked what was learnt of them."""
EVERYWHERE = 0.6
"""The share of topics above which a word that stands in them tells nothing about any."""
_KERNEL = np.array(list(KERNEL.values()), np.float32)
_WEIGHTS = np.array(list(WEIGHTS.values()), np.float32).reshape(-1, 1)
_HALF = np.uint64(32)
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_ARRAYS = ("firsts", "order", "hashes", "lengths", "duals")
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
    parts: tuple[float, ...]
    """What each part of the likeness gave, weighted, in the order of `WEIGHTS`."""
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
    """Which phrasings hold a feature, and how much it counts there.

    Features are of several kinds (`KERNEL`); within each kind the phrasings are rows of TF-IDF of
    length 1. All kinds stand in one set of arrays, so that a question is looked up in one pass.
    """

    keys: LongKeys
    """All features, sorted: the number of the kind in the upper half, the key in the lower."""
    starts: Ints
    """Where the entries of each key begin; one more than keys."""
    rows: npt.NDArray[np.unsignedinteger]
    """By entry: the phrasing that holds the key, plus the number of phrasings for each kind before."""
    weights: Floats
    """By entry: what the key counts there."""
    rarity: Floats
    """By key; 0 for those too common to tell anything."""

    @classmethod
    def build(cls, features: Sequence[tuple[Keys, Places]], groups: Places) -> "Postings":
        """From the keys of each kind and the phrasing each stands in.

        `groups` holds each phrasing's label.
        """
        parts = [cls._of_kind(*entries, groups) for entries in features]
        keys, spreads, rows, weights, rarity = zip(*parts, strict=True)
        return cls(
            keys=np.concatenate([long_keys(kind, own) for kind, own in enumerate(keys)]),
            starts=np.cumsum([0, *np.concatenate(spreads)], dtype=np.int32),
            rows=np.concatenate(
                [own + n * len(groups) for n, own in enumerate(rows)],
                dtype=np.min_scalar_type(len(parts) * len(groups)),
                casting="unsafe",
            ),
            weights=np.concatenate(weights, dtype=np.float32),
            rarity=np.concatenate(rarity, dtype=np.float32),
        )

    @staticmethod
    def _of_kind(
        keys: Keys, owners: Places, groups: Places
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Places, Doubles, Doubles]:
        """Keys, entries of each, and by entry row and weight; rarity by key."""
        size = len(groups)
        # Key and row in one number: sorting it groups by key, then by row.
        packed, times = np.unique(
            (keys.astype(np.uint64) << np.uint64(32)) | owners.astype(np.uint64),
            return_counts=True,
        )
        rows = (packed & np.uint64(0xFFFFFFFF)).astype(np.intp)
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
        return (
            distinct,
            np.bincount(column, minlength=len(distinct)),
            rows,
            weights / np.where(lengths > 0, lengths, 1)[rows],
            rarity,
        )

    def find(self, keys: LongKeys) -> tuple[Places, npt.NDArray[np.bool_]]:
        """The place of each key, and whether it is there at all."""
        if not len(self.keys):
            return np.zeros(len(keys), np.intp), np.zeros(len(keys), bool)
        places = np.minimum(self.keys.searchsorted(keys), len(self.keys) - 1)
        return places, self.keys[places] == keys

    def similarities(
        self, keys: LongKeys, times: Doubles, size: int, unknown_rarity: float
    ) -> Floats:
        """Cosine of the utterance with every phrasing, a row for each kind.

        `keys` are distinct; `times` is how often each occurs (a fraction for a word that only
        resembles a known one). Unknown keys count in the length: strange words make everything
        less near. `size`: how many phrasings there are.
        """
        amount = len(KERNEL)
        places, known = self.find(keys)
        kinds = (keys >> _HALF).astype(np.intp)
        weights = np.where(known, self.rarity[places], unknown_rarity)
        weights *= np.where(times > 1, 1 + np.log(np.maximum(times, 1)), times)
        squares = np.bincount(kinds, weights * weights, amount)
        lengths = np.sqrt(np.where(squares > 0, squares, 1))
        telling = (known & (weights > 0)).nonzero()[0]
        places, weights = places[telling], (weights / lengths[kinds])[telling]
        first = self.starts[places]
        count = self.starts[places + 1] - first
        ends = count.cumsum()
        total = int(ends[-1]) if len(ends) else 0
        entries = np.arange(total) + (first - ends + count).repeat(count)
        products = self.weights[entries] * weights.repeat(count)
        sums = np.bincount(self.rows[entries], products, amount * size)
        return sums.astype(np.float32).reshape(amount, size)

    def add_products(self, kernel: Floats, weights: Iterable[float]) -> None:
        """Add the similarities of every pair of phrasings, weighted by kind, to a matrix."""
        size = len(kernel)
        spread = np.diff(self.starts)
        for kind, weight in enumerate(weights):
            own = slice(*self.keys.searchsorted([kind << 32, kind + 1 << 32]).tolist())
            single = self.starts[:-1][own][spread[own] == 1]
            rows = self.rows[single].astype(np.intp) - kind * size
            np.add.at(kernel, (rows, rows), weight * self.weights[single] ** 2)
            for n in np.flatnonzero(spread[own] > 1) + own.start:
                entries = slice(self.starts[n], self.starts[n + 1])
                rows = self.rows[entries].astype(np.intp) - kind * size
                counts = self.weights[entries]
                kernel[np.ix_(rows, rows)] += np.outer(counts, weight * counts)

    def lengths(self, groups: Places, amount: int) -> Floats:
        """By kind, lengths of the summed rows of each group.

        They make a sum of cosines a centroid's.
        """
        kinds = len(KERNEL)
        column = np.repeat(np.arange(len(self.keys)), np.diff(self.starts))
        kind, row = np.divmod(self.rows.astype(np.intp), max(len(groups), 1))
        owners = groups[row] + kind * amount
        where, inverse = np.unique(owners * len(self.keys) + column, return_inverse=True)
        sums = np.bincount(inverse, weights=self.weights)
        squares = np.bincount(
            where // max(len(self.keys), 1), weights=sums**2, minlength=kinds * amount
        )
        lengths = np.sqrt(np.where(squares > 0, squares, 1))
        return np.asarray(lengths, np.float32).reshape(kinds, amount)


class Index:
    """All phrasings of one language."""

    def __init__(self, language: str, phrasings: Iterable[Phrasing]) -> None:
        # Sorted, so that neither the order of files nor of lines changes a result.
        found = sorted((p.role.value, p.label, normalise(p.text), p.text) for p in set(phrasings))
        kept = {line[:3]: line for line in found if line[2]}
        labels = sorted({line[:2] for line in kept})
        number = {label: n for n, label in enumerate(labels)}
        normals = [normal for _, _, normal in kept]
        self._texts = Lines.build(text for *_, text in kept.values())
        groups = np.array([number[line[:2]] for line in kept], np.intp)
        self._firsts = np.searchsorted(groups, np.arange(len(labels) + 1)).astype(np.int32)
        self._name(language, labels)
        hashes = np.array([_hash(text) for text in normals], np.uint64)
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[self._order]
        stems = [self.stems(text) for text in normals]
        self._postings = Postings.build(
            [
                all_grams(normals, GRAM_SIZES),
                _spread([[_key(stem) for stem in row] for row in stems]),
                _spread([_pairs(row) for row in stems]),
            ],
            groups,
        )
        self._lengths = self._postings.lengths(groups, len(labels))
        words = {s for row in stems for s in row if len(s) >= SHORTEST_MISSPELT - 1}
        self._vocabulary = Vocabulary(words)
        self._duals = self._learn(groups)

    def _name(self, language: str, labels: list[tuple[str, str]]) -> None:
        """What follows from the language and the labels."""
        self.language = language
        self._labels = labels
        self._roles = [Role(role) for role, _ in labels]
        self._members = [
            (role, np.array([n for n, own in enumerate(self._roles) if own is role], np.intp), most)
            for role, most in MOST_CANDIDATES.items()
        ]
        self._topic_count = self._roles.count(Role.TOPIC)
        self._spans = list(pairwise(self._firsts.tolist()))
        self._stemmer = _stemmer(language)
        size = int(self._firsts[-1])
        self._unknown_rarity = math.log(1 + size) + LABEL_RARITY * math.log(1 + len(labels)) + 1

    def _learn(self, groups: Places) -> Floats:
        """What each phrasing speaks for or against each label, a row a label: (K + ridge)⁻¹ Y."""
        size, amount = len(groups), len(self._labels)
        if not size:
            return np.zeros((0, 0), np.float32)
        kernel = np.zeros((size, size), np.float32)
        self._postings.add_products(kernel, KERNEL.values())
        kernel[np.diag_indices(size)] += RIDGE
        targets = np.full((size, amount), -1 / amount, np.float32)
        targets[np.arange(size), groups] = 1
        return np.ascontiguousarray(np.linalg.solve(kernel, targets).T, np.float32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was computed, as arrays without Python objects: safe to store and to load."""
        labels = json.dumps(self._labels).encode()
        found: dict[str, npt.NDArray[Any]] = {"labels": np.frombuffer(labels, np.uint8)}
        found |= {name: getattr(self, f"_{name}") for name in _ARRAYS}
        found |= {"texts.letters": self._texts.letters, "texts.ends": self._texts.ends}
        found |= {f"words.{name}": array for name, array in self._vocabulary.arrays().items()}
        return found | {
            f"postings.{part.name}": getattr(self._postings, part.name) for part in fields(Postings)
        }

    @classmethod
    def restore(cls, language: str, arrays: Mapping[str, npt.NDArray[Any]]) -> "Index":
        """The index that gave these arrays.

        Raises:
            KeyError, ValueError, TypeError: when they are not such arrays.
        """
        index = cls.__new__(cls)
        for name in _ARRAYS:
            setattr(index, f"_{name}", arrays[name])
        index._texts = Lines.restore(arrays["texts.letters"], arrays["texts.ends"])
        index._vocabulary = Vocabulary.restore(
            {name: arrays[f"words.{name}"] for name in ("words", "ends", "letters")}
        )
        labels = [(str(role), str(label)) for role, label in json.loads(arrays["labels"].tobytes())]
        index._name(language, labels)
        index._postings = Postings(
            **{part.name: arrays[f"postings.{part.name}"] for part in fields(Postings)}
        )
        return index

    def stems(self, text: str) -> list[str]:
        """Words of a normal form, cut to their stems where Snowball knows the language."""
        words = text.split()
        return self._stemmer.stemWords(words) if self._stemmer else words

    def exact(self, text: str) -> tuple[Role, str] | None:
        """Role and label of the phrasing with this normal form, if there is one."""
        wanted = np.uint64(_hash(text))
        found = self._order[
            slice(*(int(self._hashes.searchsorted(wanted, side)) for side in _SIDES))
        ]
        for number in found[::-1].tolist():
            if normalise(self._texts[number]) == text:
                label = int(self._firsts.searchsorted(number, "right")) - 1
                return self._roles[label], self._labels[label][1]
        return None

    def rank(self, text: str) -> Ranking:
        """Labels by their nearness to a normal form.

        Only the nearest of each role.
        """
        if not text or not self._labels:
            return Ranking((), 0.0)
        near, parts = self._compare(text)
        likeness = parts.sum(axis=0)
        found: list[Candidate] = []
        for role, members, most in self._members:
            some = self._likeliest(likeness, members, most)
            learnt = self._duals[some] @ near
            best = (-likeness[some] - learnt).argsort(kind="stable")[:most]
            some, learnt = some[best], learnt[best]
            for n, own, learnt_own, by_part in zip(
                some.tolist(), likeness[some].tolist(), learnt.tolist(),
                parts[:, some].T.tolist(), strict=True,
            ):  # fmt: skip
                first, end = self._spans[n]
                found.append(
                    Candidate(
                        self._labels[n][1],
                        role,
                        own,
                        learnt_own,
                        tuple(by_part),
                        self._texts[first + int(near[first:end].argmax())],
                    )
                )
        found.sort(key=lambda c: (-c.score, c.label))
        return Ranking(tuple(found), float(near.max()))

    @staticmethod
    def _likeliest(likeness: Floats, members: Places, most: int) -> Places:
        """The labels of a role that may be its nearest: only they are asked what was learnt."""
        most *= SHORTLIST
        if len(members) <= most:
            return members
        return np.sort(members[likeness[members].argpartition(-most)[-most:]])

    def holding(self, word: str) -> set[str] | None:
        """Topics of which some phrasing holds a word (or its other forms).

        None for a word that stands nearly everywhere, and so tells nothing about any.
        """
        (stem,) = self.stems(word) or [""]
        places, known = self._postings.find(np.array([STEMS << 32 | _key(stem)], np.uint64))
        if not known[0]:
            return set()
        if not self._postings.rarity[places[0]]:
            return None
        entries = slice(*self._postings.starts[places[0] : places[0] + 2].tolist())
        rows = self._postings.rows[entries].astype(np.intp) - STEMS * int(self._firsts[-1])
        numbers = set((self._firsts.searchsorted(rows, "right") - 1).tolist())
        topics = {self._labels[n][1] for n in numbers if self._roles[n] is Role.TOPIC}
        return None if len(topics) > EVERYWHERE * self._topic_count else topics

    def best(self, text: str) -> tuple[float, str]:
        """Score and label of the nearest topic to a normal form; nothing of the rest."""
        topics = self.rank(text).of(Role.TOPIC)
        return (topics[0].score, topics[0].label) if topics else (0.0, "")

    def _compare(self, text: str) -> tuple[Floats, Floats]:
        """Similarity to every phrasing, and the parts of likeness by label."""
        stems = self.stems(text)
        letters, letter_times = _counted(text_grams(text, GRAM_SIZES))
        words = self._words(stems)
        similar = self._postings.similarities(
            np.concatenate((letters.astype(np.uint64), np.array([*words], np.uint64))),
            np.concatenate((letter_times, [*words.values()])),
            int(self._firsts[-1]),
            self._unknown_rarity,
        )
        firsts = self._firsts[:-1]
        letters, words, pairs = np.add.reduceat(similar, firsts, axis=1) / self._lengths
        best_letters, best_words = np.maximum.reduceat(similar[:2], firsts, axis=1)
        parts = np.stack([letters, best_letters, words, best_words, pairs])
        return _KERNEL @ similar, parts * _WEIGHTS

    def _words(self, stems: list[str]) -> dict[int, float]:
        """Stems and their pairs as features, and how often each occurs.

        An unknown stem stands for the known ones that it resembles.
        """
        keys = [STEMS << 32 | _key(stem) for stem in stems]
        known = self._postings.find(np.array(keys, np.uint64))[1].tolist()
        features: dict[int, float] = {}
        alike: dict[str, dict[int, float]] = {}
        for stem, key, is_known in zip(stems, keys, known, strict=True):
            like = {key: 1.0}
            if not is_known and len(stem) >= SHORTEST_MISSPELT:
                if stem not in alike and len(alike) < MOST_MISSPELT:
                    near = self._vocabulary.alike(stem)
                    alike[stem] = {STEMS << 32 | _key(a): b**2 for a, b in near} or like
                like = alike.get(stem, like)
            for other, weight in like.items():
                features[other] = features.get(other, 0.0) + weight
        for pair in _pairs(stems):
            key = PAIRS << 32 | pair
            features[key] = features.get(key, 0.0) + 1.0
        return features


def long_keys(kind: int, keys: Keys) -> LongKeys:
    """Keys with the number of their kind in the upper half."""
    return keys.astype(np.uint64) | np.uint64(kind << 32)


def _key(feature: str) -> int:
    """A 32-bit key that is the same in every process, which Python's own hash is not."""
    return zlib.crc32(feature.encode())


def _pairs(stems: Sequence[str]) -> list[int]:
    return [_key(f"{a} {b}") for a, b in pairwise(stems)]


def _spread(rows: Sequence[Sequence[int]]) -> tuple[Keys, Places]:
    counts = [len(row) for row in rows]
    keys = np.fromiter((key for row in rows for key in row), np.uint32, sum(counts))
    return keys, np.repeat(np.arange(len(rows)), counts)


def _counted(keys: Keys) -> tuple[Keys, Doubles]:
    """Distinct keys and how often each occurs."""
    if not len(keys):
        return keys, np.empty(0)
    keys = np.sort(keys)
    ends = np.append((keys[1:] != keys[:-1]).nonzero()[0], len(keys) - 1)
    times = ends.astype(np.float64)
    times[0] += 1
    times[1:] -= ends[:-1]
    return keys[ends], times


def _hash(text: str) -> int:
    """A 64-bit hash that is the same in every process."""
    letters = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(letters, digest_size=8).digest(), "little")


def _stemmer(language: str) -> "Stemmer.Stemmer | None":
    name = _STEMMERS.get(language.partition("-")[0])
    # 0: without a cache, in which thousands of the words that people type would stay.
    return Stemmer.Stemmer(name, 0) if name in _SNOWBALL else None
