"""What whoever runs the bot asks it in the chat. Who may ask is decided elsewhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.dialogue.replies import Record, Reply, Turn
from bot.dialogue.screens import Voice
from bot.knowledge import formats
from bot.knowledge.markup import Item, Plain

COMMANDS = ("stats", "state", "reload")
"""Commands for the host alone; in no menu."""
MOST_FAULTS = 10
"""Faults of broken content that are shown; `optout-bot check` shows all."""


@dataclass(frozen=True, slots=True)
class State:
    """How the process is."""

    since: datetime
    """In UTC."""
    mode: str
    """`polling` or `webhook`."""
    silence_s: float
    """Seconds since Telegram was heard; infinity: never yet."""
    content: str = ""
    """Why new content was not taken; empty: all is as it should be."""
    storage: str = ""
    """What is wrong with the storage; empty: nothing."""


def stats(voice: Voice, lines: Sequence[str]) -> Turn:
    """How often what was asked: lines in which small numbers are hidden already."""
    return _listed(voice, "stats", lines)


def state(voice: Voice, found: State) -> Turn:
    """How the process is."""
    day = formats.show_day(found.since.date(), voice.language)
    lines = [
        voice.say("admin.state.since", date=day, time=f"{found.since:%H:%M}"),
        voice.say("admin.state.heard", count=f"{found.silence_s:.0f}", mode=found.mode)
        if math.isfinite(found.silence_s)
        else voice.say("admin.state.unheard", mode=found.mode),
    ]
    for part, wrong in (("content", found.content), ("storage", found.storage)):
        lines.append(
            voice.say(f"admin.state.{part}.bad", reason=wrong)
            if wrong
            else voice.say(f"admin.state.{part}.good")
        )
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
