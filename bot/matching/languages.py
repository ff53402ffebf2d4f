"""Which language an utterance is in, learnt from the phrasings alone.

Naive Bayes over character n-grams. Learnt on each phrasing with its accents and without: a third
of what people type has none. On the bot's own kind of text this beat general detectors
(the study in ARCHITECTURE.md); what it cannot know, short names above all, the prior decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.matching.grams import grams
from bot.matching.text import normalise, spelling

BUCKETS = 1 << 15
SIZES = (1, 2, 3, 4)
SMOOTHING = 0.5
PRIOR_NATS = 3.0
"""What a stated language (the app's, or the one of the last answer) is worth, in nats."""
NEAR_NATS = 4.0
"""Languages within so many nats of the best one are searched as well."""
FEWEST_LETTERS = 4
"""Letters below which an utterance says nothing about its language."""
HALF_TRUSTED_LETTERS = 10
"""Letters at which half of the evidence counts: a name alone has no language."""


@dataclass(frozen=True, slots=True)
class Vote:
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
            counts[row] += np.bincount(_buckets(forms), minlength=BUCKETS)
        shares = counts / counts.sum(axis=1, keepdims=True)
        # Against the mean of all languages: n-grams that all share say nothing.
        self.table = np.log(shares / shares.mean(axis=0)).astype(np.float32)

    @classmethod
    def restore(cls, languages: Iterable[str], table: npt.NDArray[np.float32]) -> "Detector":
        """The detector that had this table."""
        detector = cls.__new__(cls)
        detector.languages, detector.table = tuple(languages), table
        if table.shape != (len(detector.languages), BUCKETS):
            raise ValueError("the table does not fit the languages")
        return detector

    def votes(self, text: str, prior: Iterable[str] = ()) -> list[Vote]:
        """Languages by how much speaks for them, best first.

        `prior` holds languages that are likely beforehand, the likeliest first; each is worth
        half of the one before it.
        """
        return self.ranked(self.evidence(text), prior)

    def evidence(self, text: str) -> npt.NDArray[np.float64]:
        """What the words alone say, in nats by language; zeros where they are too few."""
        form = spelling(text)
        letters = sum(map(len, form.split()))
        if not self.languages or letters < FEWEST_LETTERS:
            return np.zeros(len(self.languages))
        # N-grams of several sizes repeat what one of them says: count them as one.
        sums = self.table[:, _buckets([form])].sum(axis=1) / len(SIZES)
        return np.asarray(sums * letters / (letters + HALF_TRUSTED_LETTERS), np.float64)

    def ranked(self, evidence: npt.NDArray[np.float64], prior: Iterable[str]) -> list[Vote]:
        """Votes from evidence and prior."""
        nats = evidence.copy()
        for rank, language in enumerate(prior):
            if language in self.languages:
                nats[self.languages.index(language)] += PRIOR_NATS / 2**rank
        order = sorted(range(len(nats)), key=lambda n: (-nats[n], n))
        return [Vote(self.languages[n], float(nats[n] - nats[order[0]])) for n in order]


def _buckets(forms: Sequence[str]) -> npt.NDArray[np.int64]:
    keys, _ = grams(forms, SIZES, within_words=False)
    return (keys % np.uint32(BUCKETS)).astype(np.int64)
