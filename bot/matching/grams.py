"""Character n-grams as 32-bit keys, computed for many texts at once."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint32]
Rows = npt.NDArray[np.int64]

_SPACE = ord(" ")
_BREAK = ord("\n")


def grams(texts: Sequence[str], sizes: Iterable[int], *, within_words: bool) -> tuple[Keys, Rows]:
    """Keys of all n-grams of all texts, and the number of the text that each stands in.

    Every text is read with a space before and after it. `within_words` leaves out n-grams that
    reach from one word into the next. The keys are the same in every process.
    """
    padded = [f"{_BREAK_TEXT} {text} " for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in padded])
    keys: list[Keys] = []
    rows: list[Rows] = []
    for size in sizes:
        count = len(codes) - size + 1
        if count <= 0:
            continue
        # FNV-1a over code points, then murmur3's finaliser to spread the bits.
        key = np.full(count, (2_166_136_261 + size) & 0xFFFFFFFF, np.uint32)
        bad = np.zeros(count, bool)
        for place in range(size):
            window = codes[place : place + count]
            key = (key ^ window) * np.uint32(16_777_619)
            bad |= window == _BREAK
            if within_words and 0 < place < size - 1:
                bad |= window == _SPACE
        key ^= key >> np.uint32(16)
        key *= np.uint32(0x85EBCA6B)
        key ^= key >> np.uint32(13)
        keys.append(key[~bad])
        rows.append(owners[:count][~bad])
    if not keys:
        return np.empty(0, np.uint32), np.empty(0, np.int64)
    return np.concatenate(keys), np.concatenate(rows)


_BREAK_TEXT = chr(_BREAK)
