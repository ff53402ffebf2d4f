"""Which language an utterance is in, learnt from the phrasings alone.

Naive Bayes over character n-grams. Learnt on each phrasing with its accents and without: a third
of what people type has none. On the bot's own kind of text this beat general detectors
(the study in ARCHITECTURE.md); what it cannot know, short names above all, the prior decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bot.matching.grams import codes, grams
from bot.matching.text import normalise, spelling

BUCKETS = 1 << 15
SIZES = (1, 2, 3, 4)
SMOOTHING = 0.5
PRIOR_NATS = 3.0
"""What a stated language (the app's, or the one of the last answer) is worth, in nats."""
NEAR_NATS = 4.0
"""Languages within so many nats of the best one are searched as well."""
CLEAR_NATS = 1.0
"""How far one language must be ahead for a single word to be clearly of it."""
MIXED_SHARE = 0.25
"""Share of clear letters from which a mixed utterance counts as of the expected language."""
MIXED_SHARE_UNEXPECTED = 0.4
"""The same where no language is expected, for one that English is mixed into."""
FALLBACK = "en"
"""The language of what has none, where nothing is known beforehand."""
ENOUGH_LETTERS = 300
"""Letters after which the language is clear."""
FEWEST_LETTERS = 4
"""Letters below which an utterance says nothing about its language."""
HALF_TRUSTED_LETTERS = 10
"""Letters at which half of the evidence counts: a name alone has no language."""


class Vote(NamedTuple):
    """How much speaks for a language."""

    language: str
    nats: float
    """Log probability relative to the best language: 0 for the best, less for the others."""


class Detector:
    """Tells languages apart by the phrasings of each."""

    def __init__(self, texts: Mapping[str, Iterable[str]]) -> None:
        self.languages = tuple(sorted(texts))
        counts = np.full((len(self.languages), BUCKETS), SMOOTHING)
        for row, language in enumerate(self.languages):
            forms = [form(text) for text in texts[language] for form in (spelling, normalise)]
            buckets, _ = _buckets(" ".join(forms))
            counts[row] += np.bincount(buckets, minlength=BUCKETS)
        shares = counts / counts.sum(axis=1, keepdims=True)
        # Against the mean of all languages: n-grams that all share say nothing.
        table = np.log(shares / shares.mean(axis=0)).astype(np.float32)
        self.table = np.ascontiguousarray(table.T)
        """By bucket, then language: what an n-gram says for it."""

    @classmethod
    def restore(cls, languages: Iterable[str], table: npt.NDArray[np.float32]) -> "Detector":
        """The detector that had this table."""
        detector = cls.__new__(cls)
        detector.languages, detector.table = tuple(languages), table
        if table.shape != (BUCKETS, len(detector.languages)):
            raise ValueError("the table does not fit the languages")
        return detector

    def votes(self, text: str, prior: Iterable[str] = ()) -> list[Vote]:
        """Languages by how much speaks for them, best first.

        `prior` holds languages that are likely beforehand, the likeliest first; each is worth
        half of the one before it. An utterance that mixes languages belongs to the likeliest of
        them: "can my GmbH opt out? oder gilt das only für private people" is German for somebody
        whose app speaks German.
        """
        return self.ranked(self.evidence(text), prior)

    def evidence(self, text: str) -> "Evidence":
        """What the words alone say."""
        words = " ".join(spelling(text)[:ENOUGH_LETTERS].split())
        letters = np.array([len(word) for word in words.split()], np.float64)
        total = float(letters.sum())
        if not self.languages or total < FEWEST_LETTERS:
            return Evidence(np.zeros(len(self.languages)), np.zeros(len(self.languages)))
        buckets, owners = _buckets(words)
        of_word = np.zeros((len(letters), len(buckets)), np.float32)
        # N-grams of several sizes repeat what one of them says: count them as one.
        of_word[owners, np.arange(len(buckets))] = 1 / len(SIZES)
        by_word = of_word @ self.table[buckets]
        trust = total / (total + HALF_TRUSTED_LETTERS)
        rest = np.partition(by_word, -2, axis=1)[:, -2:] if len(self.languages) > 1 else None
        clear = rest is None or rest[:, 1] - rest[:, 0] >= CLEAR_NATS
        shares = np.bincount(
            by_word.argmax(axis=1), weights=letters * clear, minlength=len(self.languages)
        )
        return Evidence(by_word.sum(axis=0, dtype=np.float64) * trust, shares / total)

    def ranked(self, evidence: "Evidence", prior: Iterable[str]) -> list[Vote]:
        """Votes from evidence and prior."""
        nats = self._nats(evidence, prior)
        order = np.argsort(-nats, kind="stable")
        found = zip(order.tolist(), (nats[order] - nats.max(initial=-np.inf)).tolist(), strict=True)
        return [Vote(self.languages[n], own) for n, own in found]

    def certain(self, evidence: "Evidence") -> bool:
        """Whether the words alone leave no doubt."""
        nats = self._nats(evidence, ())
        return int(np.count_nonzero(nats > nats.max(initial=-np.inf) - NEAR_NATS)) <= 1

    def _nats(self, evidence: "Evidence", prior: Iterable[str]) -> npt.NDArray[np.float64]:
        nats = evidence.nats.copy()
        expected = [self.languages.index(tag) for tag in prior if tag in self.languages]
        for rank, number in enumerate(expected):
            nats[number] += PRIOR_NATS / 2**rank
        mixed = expected[:1]
        if not expected and FALLBACK in self.languages:
            # A bare name: what most people can read. A mixture: English is what others mix in.
            english = self.languages.index(FALLBACK)
            nats[english] += PRIOR_NATS / 2
            if nats.argmax() == english and len(nats) > 1:
                mixed = [int(np.argsort(nats)[-2])]
        for number in mixed:
            if evidence.shares[number] >= (MIXED_SHARE if expected else MIXED_SHARE_UNEXPECTED):
                nats[number] = max(nats[number], nats.max() + NEAR_NATS / 4)
        return nats


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the words of an utterance say about its language, by language."""

    nats: npt.NDArray[np.float64]
    """Log likelihoods; zeros where the words are too few."""
    shares: npt.NDArray[np.float64]
    """Shares of the letters in words that are clearly of this language."""


def _buckets(words: str) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Buckets of all n-grams of words with one space between, and the number of each one's word."""
    letters = codes(f" {words} ")
    keys, places = grams(letters, SIZES)
    # A space belongs to the word after it; behind the last word there is none.
    begun = (letters == ord(" ")).cumsum()
    owners = begun[places] - 1
    own = owners < begun[-1] - 1
    return (keys[own] % np.uint32(BUCKETS)).astype(np.intp), owners[own]
