"""Facts are used, and none that no longer holds is used alone."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject, warning
from bot.knowledge.faults import Fault
from bot.knowledge.markup import PLACEHOLDER

RULES = {
    "unused-fact": "A fact that no topic rests on is not looked at again, and goes stale.",
    "unlisted-fact": "An answer that names a fact's date or sum rests on it, and must say so.",
    "superseded-fact": "What held once may be told as past only beside what holds now.",
}


def find(subject: Subject) -> Iterator[Fault]:
    knowledge = subject.knowledge
    topics, facts = subject.files.shared["topics"], subject.files.shared["facts"]
    used = {fact for topic in knowledge.topics.values() for fact in topic.facts}
    for fact in knowledge.facts.values():
        if fact.id not in used:
            yield warning(
                facts.fault(
                    "unused-fact",
                    f"no topic rests on {fact.id}",
                    "add it to the facts of a topic, or delete it",
                    fact.id,
                )
            )
    for topic in knowledge.topics.values():
        for n, name in enumerate(topic.facts):
            fact = knowledge.facts[name]
            holds = fact.replaced_by
            if fact.status == "superseded" and (not holds or holds not in topic.facts):
                yield topics.fault(
                    "superseded-fact",
                    f"{name} no longer holds",
                    f"add {holds or 'what holds now'} beside it, or take it out",
                    topic.group, topic.id, "facts", n,
                )  # fmt: skip
    for raw in subject.answers():
        listed = knowledge.topics[raw.topic].facts
        for found in PLACEHOLDER.findall(raw.text("short") + raw.text("detail")):
            name = found.partition(".")[0]
            if name not in listed:
                yield raw.reading.fault(
                    "unlisted-fact",
                    f"{{{found}}} is used, but {name} is no fact of this topic",
                    "add it to the topic's facts in topics.yaml",
                    raw.topic, "detail",
                )  # fmt: skip
