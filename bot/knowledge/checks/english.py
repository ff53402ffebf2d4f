"""No English left over in another language."""

import re
from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault
from bot.knowledge.markup import LINK, PLACEHOLDER
from bot.knowledge.model import FALLBACK_LANGUAGE

RULES = {
    "leftover-english": "A text that is still English, or English words in the middle of another "
    "language, was forgotten in translation."
}

_WORDS = frozenset(
    [
        "the",
        "and",
        "you",
        "your",
        "with",
        "that",
        "this",
        "from",
        "have",
        "are",
        "what",
        "which",
        "when",
        "they",
        "them",
        "their",
        "would",
        "should",
        "could",
        "about",
        "because",
        "been",
        "does",
        "not",
        "only",
        "other",
        "our",
    ]
)
ENOUGH = 3
"""Different English function words that make a text suspicious; `not` or `are` alone may be
another language's."""


def find(subject: Subject) -> Iterator[Fault]:
    english = subject.english()
    for raw in subject.answers():
        if raw.language == FALLBACK_LANGUAGE:
            continue
        for part in ("short", "detail"):
            source = english.get(raw.topic)
            if reason := _reason(raw.text(part), source.text(part) if source else ""):
                yield raw.reading.fault("leftover-english", reason, "translate it", raw.topic, part)
    texts = subject.knowledge.catalogs[FALLBACK_LANGUAGE].texts
    for language, reading, text, path in subject.interface():
        if language != FALLBACK_LANGUAGE and (
            reason := _reason(text, texts.get(".".join(path), ""))
        ):
            yield reading.fault("leftover-english", reason, "translate it", *path)


def _reason(text: str, english: str) -> str | None:
    words = [
        w.lower() for w in re.findall(r"[^\W\d_]+", LINK.sub(r"\1", PLACEHOLDER.sub("", text)))
    ]
    if text.strip() == english.strip() and len(words) > ENOUGH:
        return "word for word the English text"
    left = sorted(_WORDS.intersection(words))
    return f"English words: {', '.join(left)}" if len(left) >= ENOUGH else None
