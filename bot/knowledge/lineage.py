"""Which English, and which facts, an answer follows: so that nothing goes stale in silence.

An answer carries a fingerprint of what it was written after: of the English answer's words for a
translation, and of what the facts under it state, for every language. A changed value of a fact
(a date, a sum) is set into all languages by itself and makes nothing stale.
"""

import hashlib
from collections.abc import Iterable

from bot.knowledge.files import RawAnswer
from bot.knowledge.model import FALLBACK_LANGUAGE, Fact

LENGTH = 8
"""Hexadecimal digits of a fingerprint: enough to notice a change, short enough to read."""


def fingerprint(answer: RawAnswer, english: RawAnswer | None, facts: Iterable[Fact]) -> str:
    """What `follows` should say of an answer that is up to date."""
    parts = [f"{fact.id}|{fact.status}|{fact.statement}" for fact in facts]
    if answer.language != FALLBACK_LANGUAGE and english:
        parts += [english.text("short"), english.text("detail")]
    words = "\n".join(" ".join(part.split()) for part in parts)
    return hashlib.sha256(words.encode()).hexdigest()[:LENGTH]


def is_stale(answer: RawAnswer, english: RawAnswer | None, facts: Iterable[Fact]) -> bool:
    """Whether what an answer was written after has changed since."""
    return answer.entry.get("follows") != fingerprint(answer, english, facts)
