"""No topic takes another's phrasing."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault

RULES = {
    "over-match": "Over the whole language, and over all languages together, a phrasing must be "
    "nearest to its own topic: else one topic steals another's questions while each one's own "
    "tests stay green (after the over-match gate of Home Assistant's intents)."
}


def find(subject: Subject) -> Iterator[Fault]:
    if subject.winners is None:
        return
    for raw in subject.answers():
        for n, text in enumerate(raw.phrasings):
            if thieves := subject.winners(text, raw.language) - {raw.topic}:
                yield raw.reading.fault(
                    "over-match",
                    f'"{text}" is nearer to {", ".join(sorted(thieves))}',
                    "reword it so that it can only mean its own topic, or move it there",
                    raw.topic,
                    "phrasings",
                    n,
                )
