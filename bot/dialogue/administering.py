"""What whoever runs the bot asks it in the chat. Who may ask is decided elsewhere."""

from collections.abc import Sequence

from bot.dialogue.replies import Record, Reply, Turn
from bot.dialogue.screens import Voice
from bot.knowledge.markup import Item, Plain

COMMANDS = ("stats", "state", "reload")
"""Commands for the host alone; in no menu."""
MOST_FAULTS = 10
"""Faults of broken content that are shown; `optout-bot check` shows all."""


def stats(voice: Voice, lines: Sequence[str]) -> Turn:
    """How often what was asked: lines in which small numbers are hidden already."""
    return _listed(voice, "stats", lines)


def state(voice: Voice, lines: Sequence[str]) -> Turn:
    """How the process is."""
    return _listed(voice, "state", lines)


def reloaded(voice: Voice, faults: Sequence[str]) -> Turn:
    """Whether new content was taken; with faults the old one is kept."""
    if not faults:
        return Turn((Reply(voice.blocks("admin.reload.good")),), _record(voice, "reload"))
    said = voice.blocks("admin.reload.kept", count=str(len(faults)))
    shown = tuple(Item((Plain(line),)) for line in faults[:MOST_FAULTS])
    return Turn((Reply((*said, *shown)),), _record(voice, "reload-failed"))


def _listed(voice: Voice, name: str, lines: Sequence[str]) -> Turn:
    heading = voice.blocks(f"admin.{name}.heading")
    shown = tuple(Item((Plain(line),)) for line in lines) or voice.blocks("admin.nothing")
    return Turn((Reply((*heading, *shown)),), _record(voice, name))


def _record(voice: Voice, outcome: str) -> Record:
    return Record("administered", voice.language, outcome)
