"""Many short texts as one: a fraction of the memory of as many strings, nothing to parse."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

_CODEC = ("utf-8", "surrogatepass")


@dataclass(frozen=True, eq=False)
class Lines:
    """Texts in order, each cut out only when it is asked for."""

    joined: str
    ends: npt.NDArray[np.int32]
    """Where each text ends, after a 0 for where the first begins; in code points."""

    @classmethod
    def build(cls, texts: Iterable[str]) -> "Lines":
        """From texts."""
        kept = list(texts)
        return cls("".join(kept), np.array([0, *accumulate(map(len, kept))], np.int32))

    @classmethod
    def restore(cls, letters: npt.NDArray[np.uint8], ends: npt.NDArray[np.int32]) -> "Lines":
        """From what `letters` and `ends` gave."""
        return cls(letters.tobytes().decode(*_CODEC), ends)

    @property
    def letters(self) -> npt.NDArray[np.uint8]:
        """The texts as bytes, to store; lone surrogates are kept."""
        return np.frombuffer(self.joined.encode(*_CODEC), np.uint8)

    def some(self, numbers: npt.NDArray[np.intp]) -> list[str]:
        """The texts with these numbers."""
        starts, ends = self.ends[numbers].tolist(), self.ends[numbers + 1].tolist()
        return [self.joined[start:end] for start, end in zip(starts, ends, strict=True)]

    def __getitem__(self, number: int) -> str:
        """The text with a number from 0."""
        return self.joined[int(self.ends[number]) : int(self.ends[number + 1])]
