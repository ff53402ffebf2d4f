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
    "copy-length": "A copy button holds 256 characters, and Meta's box not much more: whatever reasons "
    "are chosen must fit.",
    "button-twice": "Two buttons with the same words on one screen cannot be told apart.",
}

ANSWER = 3_300
"""Characters of an answer: leaves room for heading, sources and date."""
SHORT = 340
SCREEN = 3_500
NOTICES = (
    "stale.notice",
    "stale.resumed",
    "languages.chosen",
    "answer.thanks",
    "notice.late",
    "notice.busy",
    "notice.failed",
    "notice.unkept",
)


REASONS = {"short": 256, "medium": 700, "full": 3_000}
"""Characters of a text that is put together from reasons; the short one goes on a copy button."""
GROUNDS = 3
"""Reasons that one can choose at once."""


def find(subject: Subject) -> Iterator[Fault]:
    yield from _answers(subject)
    yield from _interface(subject)
    yield from _reasons(subject)


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
        if len(text) > most:
            yield reading.fault(rule, f"{len(text)} characters in {language}",
                                f"at most {most}", *path)  # fmt: skip


def _reasons(subject: Subject) -> Iterator[Fault]:
    """The longest texts that can be put together."""
    for language, reading in subject.files.spoken.items():
        texts = subject.knowledge.catalogs[language].texts
        for length, most in REASONS.items():
            own = [text for key, text in texts.items()
                   if key.startswith("ground.") and key.endswith(f".{length}")]  # fmt: skip
            frame = [text for key, text in texts.items() if key.startswith(f"reason.{length}.")]
            longest = [*frame, *sorted(own, key=len)[-GROUNDS:]]
            total = sum(map(len, longest)) + 2 * len(longest)
            if total > most:
                yield reading.fault("copy-length", f"{total} characters with the longest reasons",
                                    f"at most {most}: shorten ground.*.{length}", "reason", length)  # fmt: skip
