"""What a check looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from bot.knowledge.faults import Fault, Severity
from bot.knowledge.files import ContentFiles, RawAnswer
from bot.knowledge.model import FALLBACK_LANGUAGE, Knowledge
from bot.knowledge.strict_yaml import Reading, Value


@dataclass(frozen=True)
class Subject:
    """The content, as it was written and as it was understood."""

    files: ContentFiles
    knowledge: Knowledge
    today: date
    winners: Callable[[str, str], set[str]] | None = None
    """Topics that an utterance is most like, exact hits not counted: in its own language, and
    over all languages it may be in. The index is passed in: knowledge knows no matching. None
    leaves the check of over-matches out."""

    def answers(self) -> Iterator[RawAnswer]:
        """All answers of topics that exist."""
        return (raw for raw in self.files.answers() if raw.topic in self.knowledge.topics)

    def english(self) -> dict[str, RawAnswer]:
        """The English answers by topic."""
        return {raw.topic: raw for raw in self.answers() if raw.language == FALLBACK_LANGUAGE}

    def interface(self) -> Iterator[tuple[str, Reading, str, tuple[str, ...]]]:
        """All interface texts: language, file, text, and the keys that lead to it."""
        for language, reading in self.files.spoken.items():
            for path, text in _texts(reading.value):
                yield language, reading, text, path


def _texts(value: Value, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """All texts below a value, and the keys that lead to each."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))


def warning(fault: Fault) -> Fault:
    """The same, as something that does not stop the start."""
    return Fault(fault.file, fault.line, fault.rule, fault.message, fault.remedy, Severity.WARNING)
