"""What the bot says when a turn could not go as it should: late, too fast, failed, not stored."""

from dataclasses import replace
from datetime import date

from bot.dialogue.events import Person, Thread
from bot.dialogue.replies import Record, Reply, Row, Turn
from bot.dialogue.screens import Voice
from bot.dialogue.turn import Assistant, still, voice_of

NAMES = ("late", "busy", "failed", "unkept")
_KINDS = {"late": "stale", "busy": "flood"}
"""What the log calls them, where it is another word."""


def stale(
    person: Person, assistant: Assistant, today: date, *, thread: Thread | None = None
) -> Turn:
    """To somebody whose message waited too long to be answered: please ask again."""
    return _said("late", person, assistant, today, thread)


def busy(
    person: Person,
    assistant: Assistant,
    today: date,
    *,
    thread: Thread | None = None,
    pressed: bool = False,
) -> Turn:
    """To somebody who writes faster than we may answer; `pressed`: over the button alone."""
    turn = _said("busy", person, assistant, today, thread)
    return replace(turn, replies=()) if pressed else turn


def sorry(
    person: Person, assistant: Assistant, today: date, *, thread: Thread | None = None
) -> Turn:
    """A turn failed on our side."""
    return _said("failed", person, assistant, today, thread)


def unkept(
    person: Person, assistant: Assistant, today: date, *, thread: Thread | None = None
) -> Turn:
    """Something could not be stored, and the turn has no sentence of its own for that."""
    return _said("unkept", person, assistant, today, thread)


def _said(
    name: str, person: Person, assistant: Assistant, today: date, thread: Thread | None
) -> Turn:
    thread = still(thread or Thread(), assistant.knowledge)
    return compose(voice_of(person, assistant, today, thread), name, thread)


def compose(voice: Voice, name: str, thread: Thread) -> Turn:
    """One of `NAMES` as a message, and in the same words over a button that was pressed."""
    key = f"notice.{name}"
    kind = _KINDS.get(name, name)
    reply = Reply(voice.blocks(key), _rows(voice, name, thread))
    return Turn((reply,), Record(kind, voice.language, kind), thread, voice.say(key))


def _rows(voice: Voice, name: str, thread: Thread) -> tuple[Row, ...]:
    home = (voice.page_tap("home"),)
    match name:
        case "busy":
            return ()  # a button would be the next thing that is too fast
        case "late":
            return ((voice.objection_tap(thread),), (voice.page_tap("topics"),), home)
        case _:
            return (home,)
