"""No date, sum or address is typed into an answer."""

import re
from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault
from bot.knowledge.markup import LINK, PLACEHOLDER

RULES = {
    "literal-value": "A date, sum, percentage or address that is typed in cannot follow the fact "
    "when it changes, nor take each language's own form."
}

_LITERALS = (
    (re.compile(r"\b(19|20)\d\d\b"), "a year"),
    (re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b"), "a date"),
    (re.compile(r"\d\s?(%|€|£|\$)|(€|£|\$)\s?\d|\b\d[\d.,  ]*\s?(euros?|EUR|mio|million|Million|miljoen)\b"), "a sum"),
    (re.compile(r"\S+@\S+\.\w+"), "an e-mail address"),
    (re.compile(r"\b(www\.|https?:)|\b[\w-]+\.(com|eu|org|fr|de|be|nl|ie|net|at|ch|uk)\b"), "an address"),
)  # fmt: skip


def find(subject: Subject) -> Iterator[Fault]:
    for raw in subject.answers():
        for part in ("title", "short", "detail"):
            text = LINK.sub(r"\1", PLACEHOLDER.sub("", raw.text(part)))
            for pattern, name in _LITERALS:
                if found := pattern.search(text):
                    yield raw.reading.fault(
                        "literal-value",
                        f'{name} is typed in: "{found[0].strip()}"',
                        "use {fact-id} of facts.yaml or [words](link-id) of links.yaml",
                        raw.topic,
                        part,
                    )
