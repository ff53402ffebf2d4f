"""Every answer can be traced to a dated document that can be opened."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault

RULES = {
    "no-source": "A reader must be able to see what an answer rests on, and how old it is. Only "
    "what the bot says of itself rests on no document."
}

OF_ITSELF = frozenset({"about-bot", "bot-privacy"})


def find(subject: Subject) -> Iterator[Fault]:
    knowledge = subject.knowledge
    for topic in knowledge.topics.values():
        if topic.id in OF_ITSELF:
            continue
        for language in knowledge.languages:
            shown = knowledge.sources(topic.id, language)
            if not any(document.date for document in shown):
                yield subject.files.shared["topics"].fault(
                    "no-source",
                    f"{topic.id} shows no dated document with an address in {language}",
                    "add a fact whose documents have date and address",
                    topic.group,
                    topic.id,
                )
                break
