"""One normal form for what people type and for the phrasings it is compared with."""

import re
import unicodedata
from collections.abc import Callable

MAX_INPUT = 800
"""Code points of an utterance that are read: the first and the last half of these.
A story is long, and its question stands at the end."""

MAX_NORMAL = 900
"""Code points of a normal form at most; some characters unfold into many (U+FDFA into 18)."""

MAX_WORDS = 120
"""Words of a normal form at most."""

# Letters that Unicode does not take apart, spelt as people do without the key.
_SPELT = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ı": "i",
}  # fmt: skip
_RUNS = re.compile(r"(.)\1{2,}")
_MOST_KEPT = 20_000


def cut(text: str) -> str:
    """Bound an utterance to `MAX_INPUT` code points, keeping its beginning and its end."""
    if len(text) <= MAX_INPUT:
        return text
    half = MAX_INPUT // 2
    return f"{text[:half]} {text[-half + 1 :]}"


def normalise(text: str) -> str:
    """Bring a text into its normal form: lower-case words without accents, one space between.

    Never raises, for no string; idempotent; at most `MAX_NORMAL` code points. Case, accents,
    NFC or NFD, zero-width characters, soft hyphens, punctuation and "sooooo" make no difference.
    """
    # Unicode's compatibility caseless form (The Unicode Standard, D146): fold, take apart, twice.
    folded = unicodedata.normalize("NFKD", cut(text).casefold())[:MAX_NORMAL]
    folded = unicodedata.normalize("NFKD", folded.casefold())[:MAX_NORMAL]
    words = folded.translate(_BARE).split()
    if len(words) > MAX_WORDS:
        words = words[: MAX_WORDS // 2] + words[-MAX_WORDS // 2 :]
    return _RUNS.sub(r"\1\1", " ".join(words))[:MAX_NORMAL].rstrip()


def spelling(text: str) -> str:
    """Lower-case words with their accents, which tell languages apart.

    Bounded and safe like `normalise`.
    """
    composed = unicodedata.normalize("NFC", cut(text).casefold())[:MAX_NORMAL]
    return " ".join(composed.translate(_ACCENTED).split()[:MAX_WORDS])


class _Table(dict[int, str]):
    """What becomes of each character, worked out when it is first met."""

    def __init__(self, rule: Callable[[str], str]) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, code: int) -> str:
        kept = self._rule(chr(code))
        if len(self) < _MOST_KEPT:
            self[code] = kept
        return kept


def _bare(character: str) -> str:
    """Keep letters and digits, drop marks and what has no width, turn the rest into a space."""
    category = unicodedata.category(character)
    if category[0] == "L" or category in {"Nd", "Nl", "No"}:
        return _SPELT.get(character, character)
    if character == "+":
        return " plus "  # « a+ » is a goodbye
    return "" if category in {"Mn", "Me", "Mc", "Cf"} else " "


def _accented(character: str) -> str:
    """Keep letters and their marks, drop what has no width, turn the rest into a space."""
    category = unicodedata.category(character)
    if category[0] in "LM":
        return character
    return "" if category == "Cf" else " "


_BARE = _Table(_bare)
_ACCENTED = _Table(_accented)
