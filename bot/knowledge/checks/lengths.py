"""What Telegram would cut or refuse."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault
from bot.knowledge.markup import plain

RULES = {
    "message-length": "A message holds 4,096 characters; an answer with heading and sources must "
    "stay one message.",
    "short-length": "The short answer is what people read on a phone before they scroll.",
    "notice-length": "A word that shows for a moment when a button is pressed holds 200 characters.",
    "copy-length": "A copy button holds 256 characters.",
    "button-twice": "Two buttons with the same words on one screen cannot be told apart.",
}

ANSWER = 3_300
"""Characters of an answer: leaves room for heading, sources and date."""
SHORT = 340
SCREEN = 3_500
NOTICES = ("stale.notice", "languages.chosen", "answer.thanks")


def find(subject: Subject) -> Iterator[Fault]:
    yield from _answers(subject)
    yield from _interface(subject)


def _answers(subject: Subject) -> Iterator[Fault]:
    titles: dict[tuple[str, str], str] = {}
    for raw in subject.answers():
        answer = subject.knowledge.answers[raw.language][raw.topic]
        short = max(len(plain(blocks)) for _, blocks in answer.short.variants)
        detail = max(len(plain(blocks)) for _, blocks in answer.detail.variants)
        if short > SHORT:
            yield raw.reading.fault("short-length", f"{short} characters",
                                    f"at most {SHORT}: move the rest to detail", raw.topic, "short")  # fmt: skip
        if short + detail > ANSWER:
            yield raw.reading.fault("message-length", f"{short + detail} characters",
                                    f"at most {ANSWER} for short and detail", raw.topic, "detail")  # fmt: skip
        other = titles.setdefault((raw.language, answer.title.casefold()), raw.topic)
        if other != raw.topic:
            yield raw.reading.fault("button-twice", f"the title is that of {other} too",
                                    "choose another title", raw.topic, "title")  # fmt: skip


def _interface(subject: Subject) -> Iterator[Fault]:
    for language, reading, text, path in subject.interface():
        key = ".".join(path)
        most, rule = SCREEN, "message-length"
        if key in NOTICES:
            most, rule = 200, "notice-length"
        elif key == "objection.reason.ready":
            most, rule = 256, "copy-length"
        if len(text) > most:
            yield reading.fault(rule, f"{len(text)} characters in {language}",
                                f"at most {most}", *path)  # fmt: skip
