"""Personal data that nobody needs to send here: noticed, and taken out of what may be kept."""

import re
import unicodedata

_MAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b")
_PHONE = re.compile(r"(?<![\w.,/-])(?:\+|0)\d(?:[ ./()-]{0,2}\d){7,13}(?![\w-])")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")

MOST_KEPT = 300
"""Characters of a sentence without personal data."""
_MOST_READ = 600
_GAP = "…"
"""Stands where something was taken out."""
_TAKEN = (
    # Addresses of pages and of people, and whoever is called by @.
    re.compile(r"(?<!\S)\S*(?:://|(?<!\w)www\.)\S*", re.IGNORECASE),
    re.compile(r"(?<!\S)\S*@\s*\S*"),
    re.compile(r"(?<![^\s…])[^\s…]+\s?[(\[{<]\s?(?:at|ät|arobase|apenstaartje)\s?[)\]}>]\s?\S*", re.IGNORECASE),
    # Names of hosts: words with dots and no space between, and what follows them.
    re.compile(r"(?<![\w-])(?:[\w-]+[.。])+[^\W\d_]{2,}(?:[/:?#]\S*)?"),
    # Account numbers; digits with signs between; words with three digits in them.
    re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[\W_]{0,2}[A-Z0-9]{4}){2,7}(?:[\W_]{0,2}[A-Z0-9]{1,3})?(?!\w)", re.IGNORECASE),
    re.compile(r"[+(]*(?<!\w)[^\W\d]*\d(?:(?:[^\w…]|_){0,4}\d){2,}\w*"),
    re.compile(r"\d(?:(?:[^\w…]|_){0,4}\d){2,}\w*"),
    re.compile(r"(?<!\w)[^\W\d]*(?:\d[^\W\d]*){3,}"),
)  # fmt: skip


def holds_personal_data(text: str) -> bool:
    """Whether a text holds an e-mail address, a telephone, card or account number."""
    text = text[:8_192]
    words = _without_addresses(text)
    return bool(
        _MAIL.search(text)
        or _IBAN.search(words)
        or any(_is_card(found[0]) for found in _CARD.finditer(words))
        or _PHONE.search(words)
    )


def without_personal_data(text: str) -> str:
    """A text as one line of at most 300 characters, with "…" for what may be personal.

    Taken out are e-mail addresses, what follows an @, links and names of hosts, and numbers of
    three digits and more in any script and form. Names of people are words like others and stay:
    whoever agrees to keep the sentence reads it first. Taken twice it is the same.
    """
    if len(text) > _MOST_READ:
        # Half a number or half an address at the end would not be known for one.
        text = re.sub(r"(?<!\S)\S+\Z", "", text[:_MOST_READ])
    # Each round takes something out or changes nothing, so there is an end to it.
    while (shorter := _once(text)) != text:
        text = shorter
    return text


def _once(text: str) -> str:
    text = _plain(text)
    for pattern in _TAKEN:
        text = pattern.sub(_GAP, text)
    return text if len(text) <= MOST_KEPT else f"{text[: MOST_KEPT - 1].rstrip()}{_GAP}"


def _plain(text: str) -> str:
    """One line of visible characters; digits of all scripts as 0 to 9."""
    seen = "".join(map(_visible, text))
    whole = "".join(_digit(c) for c in unicodedata.normalize("NFKC", seen))
    return re.sub(r"\.{2,}|…+", _GAP, " ".join(whole.split()))


def _visible(character: str) -> str:
    """The character; nothing for one that is not seen or has no meaning."""
    if character.isspace() or unicodedata.category(character) == "Cc":
        return " "
    # Marks that change how an emoji looks would stand between digits.
    hidden = unicodedata.category(character) in {"Cf", "Cs", "Co", "Cn"}
    return "" if hidden or character in "\ufe0e\ufe0f\u20e3" else character


def _digit(character: str) -> str:
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)


def _without_addresses(text: str) -> str:
    """Numbers inside addresses are no telephone numbers."""
    return re.sub(r"https?://\S+|\b[\w-]+\.[a-z]{2,}/\S*", " ", text)


def _is_card(number: str) -> bool:
    """The check digit of payment cards (Luhn, ISO/IEC 7812-1)."""
    digits = [int(c) for c in number if c.isdigit()]
    if len(digits) < 13 or len(set(digits)) == 1:  # noqa: PLR2004
        return False
    doubled = [d if n % 2 == 0 else d * 2 - 9 * (d > 4) for n, d in enumerate(reversed(digits))]  # noqa: PLR2004
    return sum(doubled) % 10 == 0
