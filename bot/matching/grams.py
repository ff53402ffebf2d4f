"""Character n-grams as 32-bit keys, computed for many texts at once."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint32]
Places = npt.NDArray[np.intp]

_SPACE, _BREAK = ord(" "), ord("\n")
_PRIME = np.uint32(16_777_619)


def codes(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def grams(letters: npt.NDArray[np.uint32], sizes: Collection[int]) -> tuple[Keys, Places]:
    """Keys of the n-grams within words, by size, and the place where each begins.

    A word's n-grams hold the space before and after it, but none reaches into the next word.
    Line breaks part texts: no n-gram holds one. The keys are the same in every process.
    """
    spaces = letters == _SPACE
    broken = letters == _BREAK
    bad = broken
    # FNV-1a over code points, one letter more in each round.
    key: Keys = np.full(len(letters), 2_166_136_261, np.uint32)
    keys: list[Keys] = []
    places: list[Places] = []
    for size in range(1, min(max(sizes), len(letters)) + 1):
        count = len(letters) - size + 1
        key = (key[:count] ^ letters[size - 1 :]) * _PRIME
        bad = bad[:count] | broken[size - 1 :]
        if size > 2:  # noqa: PLR2004 - the last letter but one is inside now
            bad |= spaces[size - 2 : size - 2 + count]
        if size in sizes:
            kept = np.flatnonzero(~bad)
            keys.append(key[kept])
            places.append(kept)
    if not keys:
        return np.empty(0, np.uint32), np.empty(0, np.intp)
    # murmur3's finaliser spreads the bits.
    found = np.concatenate(keys)
    found ^= found >> np.uint32(16)
    found *= np.uint32(0x85EBCA6B)
    found ^= found >> np.uint32(13)
    return found, np.concatenate(places)


def text_grams(text: str, sizes: Collection[int]) -> Keys:
    """Keys of the n-grams of one text."""
    return grams(codes(f" {text} "), sizes)[0]


def all_grams(texts: Sequence[str], sizes: Collection[int]) -> tuple[Keys, Places]:
    """Keys of the n-grams of many texts, and the number of the text that each stands in."""
    padded = [f"\n {text} " for text in texts]
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in padded])
    keys, places = grams(codes("".join(padded)), sizes)
    return keys, owners[places]
