"""The words that are known, and those that a misspelt one resembles."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.matching.lines import Lines

SIMILAR_ENOUGH = 0.74
"""Optimal string alignment similarity, 0 to 1, from which an unknown word counts as a known one."""
MOST_ALIKE = 8
"""Known words that an unknown one may stand for."""


class Vocabulary:
    """Known words, shortest first."""

    def __init__(self, words: Iterable[str]) -> None:
        kept = sorted(set(words), key=lambda word: (len(word), word))
        self._words = Lines.build(kept)
        self._letters = np.array([_letters(word) for word in kept], np.uint32)
        self._sizes = np.diff(self._words.ends)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was computed, to store."""
        words = self._words
        return {"words": words.letters, "ends": words.ends, "letters": self._letters}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "Vocabulary":
        """The vocabulary that gave these arrays; KeyError or ValueError for others."""
        vocabulary = cls.__new__(cls)
        vocabulary._words = Lines.restore(arrays["words"], arrays["ends"])
        vocabulary._letters = arrays["letters"]
        vocabulary._sizes = np.diff(vocabulary._words.ends)
        return vocabulary

    def alike(self, word: str) -> list[tuple[str, float]]:
        """The nearest known words and their similarity, `SIMILAR_ENOUGH` to 1, nearest first."""
        # So alike, they differ by at most this share of the longer one's letters ...
        apart = 1 - SIMILAR_ENOUGH
        least, most = math.ceil(len(word) * SIMILAR_ENOUGH), int(len(word) / SIMILAR_ENOUGH)
        first, end = self._sizes.searchsorted([least, most + 1]).tolist()
        far = apart * np.maximum(self._sizes[first:end], len(word)) + 1e-6
        # ... and each letter changed takes at most one away from either that the other lacks.
        mine, theirs = np.uint32(_letters(word)), self._letters[first:end]
        near = np.bitwise_count(mine & ~theirs) <= far
        near &= np.bitwise_count(theirs & ~mine) <= far
        words = self._words.some(near.nonzero()[0] + first)
        scores = process.cdist(
            [word], words, scorer=OSA.normalized_similarity, score_cutoff=SIMILAR_ENOUGH,
            dtype=np.float32,
        )[0]  # fmt: skip
        found = [(words[n], scores[n].item()) for n in scores.nonzero()[0].tolist()]
        found.sort(key=lambda pair: (-pair[1], len(pair[0]), pair[0]))
        return found[:MOST_ALIKE]


def _letters(word: str) -> int:
    """Which letters a word holds, as bits (some letters share one)."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 31)
    return bits
