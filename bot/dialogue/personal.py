"""Notices personal data that nobody needs to send here. Looks, warns, keeps nothing."""

import re

_MAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b")
_PHONE = re.compile(r"(?<![\w.,/-])(?:\+|0)\d(?:[ ./()-]{0,2}\d){7,13}(?![\w-])")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")


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
