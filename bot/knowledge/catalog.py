"""What the interface says in one language."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.knowledge.markup import fill


@dataclass(frozen=True, slots=True)
class Catalog:
    """Texts by dotted key, such as `start.hello`."""

    language: str
    texts: Mapping[str, str]

    def text(self, key: str, **values: str) -> str:
        """The text of a key with values set in.

        Raises:
            KeyError: when the key is in no locale file; the checks hold all languages to the
                keys of English, so this cannot happen in one language alone.
        """
        return fill(self.texts[key], values)

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in self.texts
