"""Hands over what people send or keep: as a message to copy, or as a file."""

from collections.abc import Iterator

from bot.dialogue import objection, writing
from bot.dialogue.buttons import Deliver
from bot.dialogue.objection import Step
from bot.dialogue.replies import Attachment, Letter, Reply, Row
from bot.dialogue.screens import Voice
from bot.dialogue.wizard import status
from bot.knowledge import formats
from bot.knowledge.markup import Block, Code, Paragraph, Plain
from bot.knowledge.model import Regime

_SUFFIXES = {"pdf": "pdf", "text": "txt"}


def deliver(voice: Voice, paper: str, form: str, step: Step) -> Reply | None:
    """The message or file; None where there is none for these answers, as with a forged button."""
    if not writing.can_write(voice, step, paper):
        return None
    name = voice.say(f"paper.name.{paper}")
    if paper == "receipt":
        return Reply(tuple(_receipt(voice, step))) if form == "message" else None
    if paper == "reason":
        text = writing.write_reason(voice, step, "full")
        copied = tuple(_copied(voice, "paper.copy", name, text))
        return Reply(copied) if form == "message" else None
    letter = writing.write_letter(voice, step, paper)
    if form == "message":
        rows: list[Row] = [
            tuple(
                voice.tap(
                    voice.say(f"paper.button.{other}"), Deliver(voice.language, paper, other, step)
                )
                for other in _SUFFIXES
            )
        ]
        said = (*_copied(voice, "paper.message", name, as_text(letter)), *_regime(voice, step))
        return Reply(said, tuple(rows))
    file = f"{paper}-{letter.language}.{_SUFFIXES[form]}"
    return Reply(voice.blocks("paper.file", paper=name), attachment=Attachment(file, letter))


def as_text(letter: Letter) -> str:
    """A letter as one text: recipient, place and date, subject, body."""
    parts = ["\n".join(letter.sender), "\n".join(letter.recipient), letter.place_date,
             letter.subject, letter.body]  # fmt: skip
    return "\n\n".join(parts)


def _regime(voice: Voice, step: Step) -> tuple[Block, ...]:
    """What to mind where a law of its own applies."""
    addressee = writing.complaint_office(voice, step)
    if not addressee or addressee.authority.regime is Regime.GDPR:
        return ()
    return voice.blocks(f"paper.{addressee.authority.regime.value}")


def _copied(voice: Voice, key: str, name: str, text: str) -> Iterator[Block]:
    """What to do with a text, and the text so that a tap copies it."""
    yield from voice.blocks(key, paper=name)
    yield Paragraph((Code(text),))


def _receipt(voice: Voice, step: Step) -> Iterator[Block]:
    """What somebody did, for them to keep: nothing of it is stored."""
    flow = voice.knowledge.flow
    day = formats.show_day(voice.today, voice.language)
    account = objection.current(flow, step) if flow.screens[step.screen].account else None
    if not account:
        *said, kept = voice.blocks("paper.receipt-all", date=day)
        yield from said
        yield Paragraph((Plain("\n".join(status(voice, step))),))
        yield kept
        return
    way = next(iter(objection.given(flow, step, "way")), "form")
    grounds = objection.given(flow, step, "grounds")
    reason = writing.write_reason(voice, step, "medium") if grounds else ""
    yield from voice.blocks(
        "paper.receipt-text",
        date=day,
        account=voice.say(f"option.name.{account}"),
        way=voice.say(f"paper.way.{way}"),
        reason=reason or voice.say("paper.without-reason"),
    )
