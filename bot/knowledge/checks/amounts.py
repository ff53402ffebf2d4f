"""Enough phrasings to be found by."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject, warning
from bot.knowledge.faults import Fault

RULES = {
    "few-phrasings": "Each doubling of varied phrasings finds 13 to 16 points more; under 40 a "
    "topic is hard to find.",
    "few-outside": "Phrasings that are not ours teach the bot to say that it does not know.",
    "few-chitchat": "Small talk is recognised by its phrasings too.",
}

PHRASINGS, OUTSIDE, CHITCHAT = 40, 200, 60


def find(subject: Subject) -> Iterator[Fault]:
    for raw in subject.answers():
        count = len(set(raw.phrasings))
        if count < PHRASINGS:
            yield warning(
                raw.reading.fault(
                    "few-phrasings",
                    f"{count} phrasings",
                    f"write {PHRASINGS} or more, as different people would ask",
                    raw.topic,
                    "phrasings",
                )
            )
    knowledge = subject.knowledge
    for language in knowledge.languages:
        folder = subject.files.faq / language
        outside = len(knowledge.outside[language])
        chitchat = sum(map(len, knowledge.chitchat[language].values()))
        for name, count, enough in (
            ("outside", outside, OUTSIDE),
            ("chitchat", chitchat, CHITCHAT),
        ):
            if count < enough:
                file = folder / f"{name}.yaml"
                message = f"{count} phrasings in {language}"
                remedy = f"write {enough} or more"
                yield warning(Fault(file, 1, f"few-{name}", message, remedy))
