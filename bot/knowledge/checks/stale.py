"""No translation goes stale in silence."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject, warning
from bot.knowledge.faults import Fault
from bot.knowledge.model import FALLBACK_LANGUAGE

RULES = {
    "stale-answer": "English, or a fact under the answer, has changed since this was written. "
    "Until it is read again, readers get the English answer with a word of explanation."
}


def find(subject: Subject) -> Iterator[Fault]:
    for raw in subject.answers():
        if not subject.knowledge.answers[raw.language][raw.topic].stale:
            continue
        what = "a fact" if raw.language == FALLBACK_LANGUAGE else "English or a fact"
        yield warning(
            raw.reading.fault(
                "stale-answer",
                f"{what} has changed since {raw.topic} was written in {raw.language}",
                f"read and mend it, then run: optout-bot follow {raw.language} {raw.topic}",
                raw.topic,
                "follows",
            )
        )
