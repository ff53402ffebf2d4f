"""No letter of another alphabet inside a word."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault

RULES = {
    "mixed-script": "A Latin letter inside a Cyrillic or Greek word looks right and matches "
    "nothing: а is not a."
}


def find(subject: Subject) -> Iterator[Fault]:
    for raw in subject.answers():
        for part in ("title", "short", "detail"):
            if word := mixed(raw.text(part)):
                yield raw.reading.fault("mixed-script", f'"{word}" mixes alphabets',
                                        "retype the word", raw.topic, part)  # fmt: skip
        for n, text in enumerate(raw.phrasings):
            if word := mixed(text):
                yield raw.reading.fault("mixed-script", f'"{word}" mixes alphabets',
                                        "retype the word", raw.topic, "phrasings", n)  # fmt: skip
    for _, reading, text, path in subject.interface():
        if word := mixed(text):
            yield reading.fault(
                "mixed-script", f'"{word}" mixes alphabets', "retype the word", *path
            )


def mixed(text: str) -> str | None:
    """The first word with letters of two alphabets."""
    for word in text.split():
        scripts = {_script(c) for c in word if c.isalpha()} - {""}
        if len(scripts) > 1 and "-" not in word:
            return word
    return None


@lru_cache(maxsize=4_096)
def _script(character: str) -> str:
    name = unicodedata.name(character, "")
    return next((s for s in ("LATIN", "CYRILLIC", "GREEK") if name.startswith(s)), "")
