"""One turn: an event in, replies out."""

from dataclasses import dataclass, field, replace

from bot.dialogue import buttons, screens, wizard
from bot.dialogue.buttons import (
    Enter,
    Go,
    OpenGroup,
    OpenTopic,
    Page,
    Rate,
    Speak,
    Stale,
    Stop,
)
from bot.dialogue.events import Asked, Commanded, Event, Person, Pressed, Thread, Unreadable
from bot.dialogue.objection import start
from bot.dialogue.replies import Erase, Keep, Record, Reply, Turn
from bot.dialogue.screens import Voice
from bot.knowledge import formats
from bot.knowledge.model import FALLBACK_LANGUAGE, Knowledge
from bot.matching.matcher import Match, Matcher, Outcome

COMMANDS = ("object", "topics", "language", "help", "privacy", "mydata", "forget")
"""Commands besides /start, in the order of the menu."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs the bot, as they wish to be named."""

    name: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Assistant:
    """All that a turn needs beside the event."""

    knowledge: Knowledge
    matcher: Matcher = field(repr=False)
    operator: Operator = Operator()


def respond(event: Event, assistant: Assistant) -> Turn:
    """What comes of an event. Never raises for anything a person can send."""
    knowledge = assistant.knowledge
    voice = Voice(knowledge, interface_language(event.person, knowledge))
    match event:
        case Asked(text, person, thread):
            return _asked(text, person, thread, voice, assistant.matcher)
        case Commanded(name, argument, person, thread):
            return _commanded(name, argument, person, thread, voice, assistant.operator)
        case Pressed(data, person, thread):
            button = buttons.parse(data, knowledge)
            return _pressed(button, person, thread, voice, assistant.operator)
        case Unreadable(_, thread):
            reply = screens.unknown(voice, thread, key="unreadable.text")
            return Turn((reply,), Record("unreadable", voice.language, "unreadable"), thread)


def interface_language(person: Person, knowledge: Knowledge) -> str:
    """The language of buttons and screens: chosen, else the app's, else English."""
    for tag in (person.chosen, person.app_language):
        if tag and (known := _known(tag, knowledge)):
            return known
    return FALLBACK_LANGUAGE


def _known(tag: str, knowledge: Knowledge) -> str | None:
    tag = tag.lower().replace("_", "-")
    for candidate in (tag, tag.partition("-")[0]):
        if candidate in knowledge.languages:
            return candidate
    return None


def decide(text: str, person: Person, thread: Thread, knowledge: Knowledge, matcher: Matcher) -> Match:
    """Match an utterance, with what is known of the person's languages as a prior."""
    likely = (thread.language, person.chosen, person.app_language)
    prior = dict.fromkeys(k for tag in likely if tag and (k := _known(tag, knowledge)))
    return matcher.match(text, tuple(prior) or (FALLBACK_LANGUAGE,))


def _asked(text: str, person: Person, thread: Thread, voice: Voice, matcher: Matcher) -> Turn:
    match = decide(text, person, thread, voice.knowledge, matcher)
    sure = match.certain or match.outcome in {Outcome.ANSWER, Outcome.CHOOSE}
    if sure and match.language in voice.knowledge.languages:
        voice = Voice(voice.knowledge, match.language)
    record = Record("asked", voice.language, match.outcome.value, match.label or "-")
    thread = replace(thread, language=voice.language)
    match match.outcome:
        case Outcome.ANSWER if match.label in voice.knowledge.topics:
            reply = screens.answer(voice, match.label, thread)
        case Outcome.CHOOSE:
            reply = screens.choices(voice, tuple(c.label for c in match.choices), thread)
        case Outcome.CHITCHAT if match.label == "help":
            reply = _help(voice, edits=False)
        case Outcome.CHITCHAT:
            reply = screens.small_talk(voice, str(match.label), thread)
        case _:
            reply = screens.unknown(voice, thread)
    return Turn((reply,), record, thread)


def _commanded(
    name: str, argument: str, person: Person, thread: Thread, voice: Voice, operator: Operator
) -> Turn:
    record = Record("commanded", voice.language, name if name in COMMANDS else "start")
    argument = argument.strip().lower()
    if name == "start" and argument in voice.knowledge.topics:
        reply = screens.answer(voice, argument, thread)
        return Turn((reply,), replace(record, topic=argument), thread)
    if name == "object" or (name == "start" and argument == "object"):
        step = start(voice.knowledge.flow)
        reply = wizard.show(voice, step, edits=False)
        return Turn((reply,), record, replace(thread, step=step))
    match name:
        case "topics":
            reply = screens.topics(voice, thread=thread)
        case "language":
            reply = screens.languages(voice)
        case "help":
            reply = _help(voice, edits=False)
        case "privacy":
            reply = _privacy(voice, operator, edits=False)
        case "mydata":
            reply = _my_data(voice, person)
        case "forget":
            return Turn((screens.page(voice, "forget"),), record, Thread(), storage=Erase())
        case _:
            # /start begins anew, so the objection that was open is left.
            thread = Thread() if name == "start" else thread
            reply = screens.home(voice, thread=thread)
    return Turn((reply,), record, thread)


def _pressed(
    button: buttons.Button | Stale, person: Person, thread: Thread, voice: Voice, operator: Operator
) -> Turn:
    if isinstance(button, Stale):
        return _stale(button, thread, voice)
    voice = Voice(voice.knowledge, button.language)
    record = Record("pressed", voice.language, type(button).__name__.lower())
    thread = replace(thread, language=voice.language)
    match button:
        case Page(_, page):
            reply = _page(voice, page, person, thread, operator)
            storage = Erase() if page == "forget" else None
            return Turn((reply,), replace(record, outcome=page), thread, storage=storage)
        case OpenGroup(_, group):
            return Turn((screens.group(voice, group, edits=True),), record, thread)
        case OpenTopic(_, topic):
            reply = screens.answer(voice, topic, thread)
            return Turn((reply,), replace(record, topic=topic), thread)
        case Speak(language):
            reply = screens.home(voice, edits=True, thread=thread)
            notice = voice.say("languages.chosen", language=formats.autonym(language))
            return Turn((reply,), record, thread, notice, Keep(language))
        case Rate(_, topic, helpful):
            return _rated(voice, topic, helpful, thread, record)
        case Go(_, step) | Enter(_, step):
            thread = replace(thread, step=None if step.screen == "done" else step)
            reply = wizard.show(voice, step, edits=isinstance(button, Go))
            return Turn((reply,), replace(record, outcome=step.screen), thread)
        case Stop(_, step):
            return Turn((wizard.stopped(voice, step),), record, replace(thread, step=None))


def _stale(button: Stale, thread: Thread, voice: Voice) -> Turn:
    """An old or forged button: a fresh screen and a kind word."""
    if button.language:
        voice = Voice(voice.knowledge, button.language)
    if button.objecting:
        step = start(voice.knowledge.flow)
        reply, thread = wizard.show(voice, step, edits=False), replace(thread, step=step)
    else:
        reply = screens.home(voice, thread=thread)
    notice = voice.say("stale.notice")
    return Turn((reply,), Record("pressed", voice.language, "stale"), thread, notice)


def _page(voice: Voice, page: str, person: Person, thread: Thread, operator: Operator) -> Reply:
    match page:
        case "topics":
            return screens.topics(voice, edits=True, thread=thread)
        case "languages":
            return screens.languages(voice, edits=True)
        case "help":
            return _help(voice, edits=True)
        case "mydata":
            return replace(_my_data(voice, person), edits=True)
        case "none" | "rephrase":
            return screens.unknown(voice, thread, key=f"{page}.text", edits=page == "none")
        case "privacy":
            return _privacy(voice, operator, edits=True)
        case "forget":
            return screens.page(voice, page, edits=True)
        case _:
            return screens.home(voice, edits=True, thread=thread)


def _rated(voice: Voice, topic: str, helpful: bool, thread: Thread, record: Record) -> Turn:
    """Thank; after "not helpful" say what else there is."""
    record = replace(record, topic=topic, outcome="helpful" if helpful else "unhelpful")
    replies = [screens.answer(voice, topic, thread, edits=True, rated=True)]
    if not helpful:
        replies.append(screens.unknown(voice, thread, key="rephrase.text"))
    return Turn(tuple(replies), record, thread, voice.say("answer.thanks"))


def _help(voice: Voice, *, edits: bool) -> Reply:
    page = screens.page(voice, "help", edits=edits)
    rows = ((voice.page_tap("topics"),), (voice.page_tap("privacy"),), *page.rows)
    return replace(page, rows=rows)


def _privacy(voice: Voice, operator: Operator, *, edits: bool) -> Reply:
    match operator:
        case Operator("", ""):
            who = voice.say("privacy.operator-unknown")
        case Operator(name, ""):
            who = voice.say("privacy.operator-name", operator=name)
        case Operator("", contact):
            who = voice.say("privacy.operator-contact", contact=contact)
        case Operator(name, contact):
            who = voice.say("privacy.operator", operator=name, contact=contact)
    page = screens.page(voice, "privacy", edits=edits, operator=who)
    return replace(page, rows=((voice.page_tap("mydata"),), *page.rows))


def _my_data(voice: Voice, person: Person) -> Reply:
    if not person.chosen:
        return screens.page(voice, "mydata.nothing")
    kept = screens.page(voice, "mydata.language", language=formats.autonym(person.chosen))
    return replace(kept, rows=((voice.page_tap("forget"),), *kept.rows))
