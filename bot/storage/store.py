"""What may be kept about a chat, and only because the person asked for it."""

from typing import Protocol


class Store(Protocol):
    """Keeps the language that somebody chose."""

    async def language(self, chat: int) -> str | None:
        """The language kept for a chat."""

    async def keep_language(self, chat: int, language: str) -> None:
        """Keep a chosen language."""

    async def forget(self, chat: int) -> None:
        """Delete all that is kept about a chat."""


class NoStore:
    """Keeps nothing, where nothing can be kept."""

    async def language(self, chat: int) -> str | None:  # noqa: ARG002
        """Nothing is known."""
        return None

    async def keep_language(self, chat: int, language: str) -> None:
        """Let it go."""

    async def forget(self, chat: int) -> None:
        """There is nothing."""
