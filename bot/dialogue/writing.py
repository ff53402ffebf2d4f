"""The words that people send: reasons put together from grounds, and letters."""

from dataclasses import dataclass

from bot.dialogue import objection
from bot.dialogue.objection import Step
from bot.dialogue.replies import Letter
from bot.dialogue.screens import Voice
from bot.knowledge import formats
from bot.knowledge.model import Authority, Office, Regime

LENGTHS = ("short", "medium", "full")
"""How long a text for the form may be: for a copy button, about 600 characters, all of it."""
BLANKS = ("name", "address", "email", "profile", "place-date", "date-sent", "date-answer",
          "signature", "answer-words", "reasons")  # fmt: skip
"""What people fill in themselves; the bot never asks for any of it."""
LETTERS = ("objection", "reminder", "refusal", "complaint-silent", "complaint-refused")


def write_reason(voice: Voice, step: Step, length: str) -> str:
    """The text for Meta's box, from the grounds that were chosen: one of `LENGTHS`.

    Sentences stand on their own, so any of them can follow any other.
    """
    grounds = objection.given(voice.knowledge.flow, step, "grounds")
    opening = f"reason.{length}.opening"
    if length == "full" and "no-account" in _accounts(voice, step):
        opening += "-no-account"
    parts = [
        voice.say(opening, services=_services(voice, step)),
        *(voice.say(f"ground.{ground}.{length}") for ground in grounds),
        voice.say(f"reason.{length}.closing"),
    ]
    return ("\n\n" if length == "full" else " ").join(parts)


def write_letter(voice: Voice, step: Step, kind: str) -> Letter:
    """One of `LETTERS`, with blanks for what only the person knows."""
    flow = voice.knowledge.flow
    complains = kind.startswith("complaint-")
    base, _, variant = kind.partition("-")
    recipient = flow.company
    if complains and (addressee := complaint_office(voice, step)):
        voice = Voice(voice.knowledge, addressee.letter_language(voice), voice.today)
        recipient = addressee.lines(voice.language)
    body = f"letter.{base}.body"
    if complains:
        body += f"-{variant}"
    elif kind == "objection" and "no-account" in _accounts(voice, step):
        body += "-no-account"
    values = {name: f"[{voice.say(f'letter.blank.{name}')}]" for name in BLANKS}
    grounds = objection.given(flow, step, "grounds")
    reasons = "\n\n".join(voice.say(f"ground.{ground}.full") for ground in grounds)
    values |= {
        "reasons": reasons or values["reasons"],
        "services": _services(voice, step),
        "company": flow.company[0],
        "authority": recipient[0],
    }
    text = voice.say(body, **values)
    if complains:
        text += "\n\n" + voice.say("letter.complaint.attachments", **values)
    return Letter(
        language=voice.language,
        sender=(values["name"], values["address"]),
        recipient=recipient,
        place_date=values["place-date"],
        subject=voice.say(f"letter.{base}.subject", **values),
        body=text,
    )


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where somebody's complaint goes."""

    authority: Authority
    office: Office

    def letter_language(self, voice: Voice) -> str:
        """The person's own language if the authority takes it, else one that it takes.

        Of those that we have; where there is none, the person's own.
        """
        own = [voice.language, *self.authority.languages]
        for tag in own:
            if tag in self.authority.languages and tag in voice.knowledge.languages:
                return tag
        return voice.language

    def lines(self, language: str) -> tuple[str, ...]:
        """Name and postal address, in a language of the country."""
        return (self.office.name(language), *self.office.lines(language))


def complaint_office(voice: Voice, step: Step) -> Addressee | None:
    """The authority of the person's country and region; None where we know of none."""
    flow = voice.knowledge.flow
    country = next(iter(objection.given(flow, step, "country")), "")
    authority = voice.knowledge.authorities.get(country)
    if not authority:
        return None
    region = next(iter(objection.given(flow, step, "land")), None)
    return Addressee(authority, authority.office_for(region))


def can_write(voice: Voice, step: Step, paper: str) -> bool:
    """Whether a paper can be had: a complaint cites the GDPR, a reason needs grounds."""
    if paper.startswith("complaint-"):
        addressee = complaint_office(voice, step)
        return addressee is not None and addressee.authority.regime is Regime.GDPR
    if paper == "reason":
        return bool(objection.given(voice.knowledge.flow, step, "grounds"))
    return True


def _accounts(voice: Voice, step: Step) -> tuple[str, ...]:
    return objection.given(voice.knowledge.flow, step, "accounts")


def _services(voice: Voice, step: Step) -> str:
    """Names of the services that somebody has accounts with; Facebook and Instagram if unknown."""
    accounts = _accounts(voice, step)
    named = [a for a in ("facebook", "instagram", "whatsapp") if a in accounts]
    if "page" in accounts or not named:
        named = [
            a
            for a in ("facebook", "instagram", "whatsapp")
            if a in {*named, "facebook", "instagram"}
        ]
    return formats.join([voice.say(f"option.name.{name}") for name in named], voice.language)
