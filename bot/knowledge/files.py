"""The files of faq/ and locales/ as they were read, for whoever looks at the raw texts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.knowledge.shape import Shape
from bot.knowledge.strict_yaml import Reading, Value

_SHARED = ("topics", "documents", "facts", "links", "objection", "authorities")
PHRASINGS_ONLY = frozenset({"outside", "chitchat", "openings"})
"""Files of a language that hold phrasings and no answers."""


@dataclass(frozen=True, slots=True)
class ContentFiles:
    """All files as they were read."""

    faq: Path
    shared: Mapping[str, Reading]
    own: Mapping[str, list[Reading]]
    """Files of faq/<language>/."""
    spoken: Mapping[str, Reading]
    """Files of locales/."""

    @classmethod
    def read(cls, shape: Shape, faq: Path, locales: Path) -> "ContentFiles":
        languages = sorted(p.name for p in faq.iterdir() if p.is_dir()) if faq.is_dir() else []
        return cls(
            faq,
            {name: shape.read(faq / f"{name}.yaml") for name in _SHARED},
            {
                language: [shape.read(file) for file in sorted((faq / language).glob("*.yaml"))]
                for language in languages
            },
            {language: shape.read(locales / f"{language}.yaml") for language in languages},
        )

    def answers(self) -> Iterator["RawAnswer"]:
        """All answers as they were written, in the order of files."""
        for language, readings in self.own.items():
            for reading in readings:
                if reading.file.stem in PHRASINGS_ONLY or not isinstance(reading.value, dict):
                    continue
                for topic, entry in reading.value.items():
                    if isinstance(entry, dict):
                        yield RawAnswer(language, topic, reading, entry)


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it was written."""

    language: str
    topic: str
    reading: Reading
    entry: Mapping[str, Value]

    def text(self, part: str) -> str:
        """`title`, `short` or `detail`; all its texts, where they differ by date."""
        value = self.entry.get(part, "")
        if isinstance(value, list):
            texts = [item.get("text", "") for item in value if isinstance(item, dict)]
            return "\n\n".join(str(text) for text in texts)
        return str(value) if isinstance(value, str) else ""

    @property
    def phrasings(self) -> list[str]:
        """What people type."""
        value = self.entry.get("phrasings", [])
        return [str(item) for item in value] if isinstance(value, list) else []
