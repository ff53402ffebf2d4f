"""The same facts and links stand in every language."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault
from bot.knowledge.markup import PLACEHOLDER

RULES = {
    "answer-placeholders": "A date or sum that English names and a translation does not was lost "
    "on the way, or was typed in."
}


def find(subject: Subject) -> Iterator[Fault]:
    english = subject.english()
    for raw in subject.answers():
        source = english.get(raw.topic)
        if not source or raw.language == source.language:
            continue
        wanted, given = (
            set(PLACEHOLDER.findall(one.text("short") + one.text("detail")))
            for one in (source, raw)
        )
        for name in sorted(wanted ^ given):
            missing = name in wanted
            message = f"{{{name}}} is {'missing here' if missing else 'not in English'}"
            remedy = (
                "set it in where English has it" if missing else "leave it out, or add it there"
            )
            yield raw.reading.fault("answer-placeholders", message, remedy, raw.topic, "detail")
