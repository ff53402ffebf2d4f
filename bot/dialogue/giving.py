"""A question that was not understood, given to the team: shown word for word before it is kept.

Nothing is remembered for it. The bot's message is a reply to the person's, so Telegram hands the
question back when a button is pressed.
"""

from dataclasses import replace

from bot.dialogue import screens
from bot.dialogue.buttons import Give
from bot.dialogue.events import Thread
from bot.dialogue.personal import without_personal_data
from bot.dialogue.replies import KeepQuestion, Reply, Row
from bot.dialogue.screens import Voice
from bot.knowledge.markup import Block, Paragraph, Plain, Quote, plain

KEPT_DAYS = 90
"""How long a question is kept, as people are told."""
FEWEST_LETTERS = 3
"""Fewer are no question."""


def is_worth_giving(text: str) -> bool:
    """Whether something is left of a text when what may be personal is taken out."""
    return _letters(without_personal_data(text)) >= FEWEST_LETTERS


def ask(voice: Voice, quoted: str | None, thread: Thread) -> Reply:
    """May we keep this sentence? It is shown as it would be kept."""
    if quoted is None:
        return _again(voice, thread, "missing")
    sentence = without_personal_data(quoted)
    if _letters(sentence) < FEWEST_LETTERS:
        return _again(voice, thread, "nothing")
    rows: tuple[Row, ...] = (
        (voice.tap(voice.say("give.button.keep"), Give(voice.language, "keep")),),
        (voice.tap(voice.say("give.button.drop"), Give(voice.language, "drop")),),
    )
    return Reply(_consent(voice, sentence), rows, edits=True)


def keep(
    voice: Voice, quoted: str | None, shown: str, thread: Thread
) -> tuple[Reply, KeepQuestion | None, Reply | None]:
    """What is said, what is kept, and what is said where it cannot be kept.

    Kept is only what the pressed message showed: a message can be edited in between, and a button
    can be pressed that was never there.
    """
    thanks = _again(voice, thread, "kept")
    if _compared(plain(thanks.blocks)) == _compared(shown):
        return thanks, None, None  # a double tap: it is kept
    sentence = without_personal_data(quoted or "")
    is_agreed = _compared(plain(_consent(voice, sentence))) == _compared(shown)
    if quoted is None or _letters(sentence) < FEWEST_LETTERS or not is_agreed:
        return ask(voice, quoted, thread), None, None
    kept = KeepQuestion(voice.language, sentence)
    return thanks, kept, _again(voice, thread, "failed")


def drop(voice: Voice, thread: Thread) -> Reply:
    """Nothing is kept."""
    return _again(voice, thread, "dropped")


def _consent(voice: Voice, sentence: str) -> tuple[Block, ...]:
    quote = Quote((Paragraph((Plain(sentence),)),))
    terms = voice.blocks("give.terms", count=str(KEPT_DAYS))
    return (*voice.blocks("give.ask"), quote, *terms)


def _again(voice: Voice, thread: Thread, name: str) -> Reply:
    """A word, and the topics."""
    return replace(screens.unknown(voice, thread, key=f"give.{name}"), edits=True)


def _letters(text: str) -> int:
    return sum(character.isalpha() for character in text)


def _compared(text: str) -> str:
    """Letters and digits alone: marks of lists and spaces change on the way through Telegram."""
    return "".join(character for character in text.casefold() if character.isalnum())
