"""What should be looked at again by now."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject, warning
from bot.knowledge.faults import Fault

RULES = {
    "review-due": "Forms, links and court cases change; a fact with a day to review is checked "
    "again by then. Until it is, readers see the older day under the answer."
}


def find(subject: Subject) -> Iterator[Fault]:
    facts = subject.files.shared["facts"]
    for fact in subject.knowledge.facts.values():
        if fact.review_by and fact.review_by < subject.today:
            yield warning(
                facts.fault(
                    "review-due",
                    f"{fact.id} was to be reviewed by {fact.review_by}",
                    "check its documents, then renew checked and review_by",
                    fact.id,
                    "review_by",
                )
            )
