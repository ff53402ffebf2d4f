"""One turn: an event in, replies out."""

import re
from dataclasses import dataclass, field, replace
from datetime import date

from bot.dialogue import buttons, delivery, objection, planning, screens, wizard
from bot.dialogue.addresses import Verdict, judge_addresses, without_addresses
from bot.dialogue.buttons import (
    Broken,
    Deliver,
    Enter,
    Go,
    OpenGroup,
    OpenTopic,
    Page,
    Rate,
    Schedule,
    Speak,
    Stale,
    Stop,
)
from bot.dialogue.events import Asked, Commanded, Event, Person, Pressed, Thread, Unreadable
from bot.dialogue.objection import start
from bot.dialogue.personal import holds_personal_data
from bot.dialogue.reminding import Reminder
from bot.dialogue.replies import CountBroken, Erase, Keep, Record, Reply, Turn
from bot.dialogue.screens import Operator, Voice
from bot.knowledge import formats
from bot.knowledge.model import FALLBACK_LANGUAGE, Knowledge
from bot.matching.matcher import Match, Matcher, Outcome
from bot.matching.text import normalise

FOLLOW_UP_WORDS = 4
"""Words of a follow-up after its opening, at most."""
MOST_QUESTIONS = 4
"""Questions of one message that are looked at."""
_QUESTION = re.compile(r"[^?!.\n]{6,400}\?")

COMMANDS = ("object", "topics", "language", "help", "privacy", "mydata", "forget")
"""Commands besides /start, in the order of the menu."""


@dataclass(frozen=True, slots=True)
class Assistant:
    """All that a turn needs beside the event."""

    knowledge: Knowledge
    matcher: Matcher = field(repr=False)
    operator: Operator = field(default_factory=Operator)


def respond(event: Event, assistant: Assistant, today: date) -> Turn:
    """What comes of an event. Never raises for anything a person can send."""
    language = interface_language(event.person, assistant.knowledge)
    voice = Voice(assistant.knowledge, language, today)
    match event:
        case Asked():
            return _asked(event, voice, assistant)
        case Commanded():
            return _commanded(event, voice, assistant)
        case Pressed():
            return _pressed(event, voice, assistant)
        case Unreadable(_, thread):
            reply = screens.unknown(voice, thread, key="unreadable.text")
            return Turn((reply,), Record("unreadable", voice.language, "unreadable"), thread)


def remind(reminder: Reminder, assistant: Assistant, today: date) -> Reply:
    """The message of a reminder that is due."""
    known = _known(reminder.language, assistant.knowledge) or FALLBACK_LANGUAGE
    return planning.compose(Voice(assistant.knowledge, known, today), reminder)


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


def decide(text: str, person: Person, thread: Thread, assistant: Assistant) -> Match:
    """Match an utterance, with what is known of the person's languages as a prior."""
    likely = (thread.language, person.chosen, person.app_language)
    prior = dict.fromkeys(k for tag in likely if tag and (k := _known(tag, assistant.knowledge)))
    return assistant.matcher.match(text, tuple(prior))


def _asked(event: Asked, voice: Voice, assistant: Assistant) -> Turn:
    knowledge = assistant.knowledge
    judged = judge_addresses(event.text, knowledge.hosts, knowledge.meta_hosts)
    judged = [one for one in judged if not one.is_mail or one.verdict is not Verdict.UNKNOWN]
    text = without_addresses(event.text) if judged else event.text
    match = _understood(text, event, assistant)
    sure = match.certain or match.outcome in {Outcome.ANSWER, Outcome.CHOOSE}
    if sure and match.language in knowledge.languages:
        voice = replace(voice, language=match.language)
    record = Record("asked", voice.language, match.outcome.value, match.label or "-")
    answered = match.label if match.outcome is Outcome.ANSWER else None
    thread = replace(event.thread, language=voice.language, topic=answered or event.thread.topic)
    if judged:
        replies = [screens.addresses(voice, judged, thread)]
        replies += [screens.answer(voice, answered, thread)] if answered else []
        record = replace(record, outcome="address")
    else:
        replies = [_reply(match, voice, thread)]
    if answered and (second := _second(text, answered, event, assistant)):
        replies.append(screens.also(voice, second))
    if holds_personal_data(event.text):
        warned = voice.blocks("personal.text") + replies[0].blocks
        replies[0] = replace(replies[0], blocks=warned)
    return Turn(tuple(replies), record, thread)


def _reply(match: Match, voice: Voice, thread: Thread) -> Reply:
    match match.outcome:
        case Outcome.ANSWER if match.label:
            return screens.answer(voice, match.label, thread)
        case Outcome.CHOOSE:
            return screens.choices(voice, tuple(c.label for c in match.choices), thread)
        case Outcome.CHITCHAT if match.label == "help":
            return screens.help_page(voice)
        case Outcome.CHITCHAT:
            return screens.small_talk(voice, str(match.label), thread)
        case _:
            return screens.unknown(voice, thread)


def _understood(text: str, event: Asked, assistant: Assistant) -> Match:
    """Match an utterance; a short follow-up together with what was answered before."""
    match = decide(text, event.person, event.thread, assistant)
    rest = _followed(text, match.language, assistant.knowledge) if event.thread.topic else None
    if not rest or match.outcome is Outcome.CHITCHAT:
        return match
    topic = str(event.thread.topic)
    title = assistant.knowledge.answers[match.language][topic].title
    return assistant.matcher.follow(topic, title, rest, match)


def _followed(text: str, language: str, knowledge: Knowledge) -> str | None:
    """What is left of "and whatsapp?" without its first words; None where it is no follow-up."""
    normal = normalise(text)
    for opening in sorted(knowledge.openings.get(language, ()), key=len, reverse=True):
        rest = normal.removeprefix(f"{opening} ")
        if rest != normal and len(rest.split()) <= FOLLOW_UP_WORDS:
            return rest
    return None


def _second(text: str, answered: str, event: Asked, assistant: Assistant) -> str | None:
    """The topic of a second question in the same message."""
    questions = [part.strip() for part in _QUESTION.findall(text)]
    if len(questions) < 2:  # noqa: PLR2004
        return None
    for question in questions[:MOST_QUESTIONS]:
        match = decide(question, event.person, event.thread, assistant)
        if match.outcome is Outcome.ANSWER and match.label != answered:
            return match.label
    return None


def _commanded(event: Commanded, voice: Voice, assistant: Assistant) -> Turn:
    """A command opens a page, or with /start a topic: t.me/<bot>?start=deadline."""
    name = event.name if event.name in COMMANDS else "start"
    record = Record("commanded", voice.language, name)
    argument = event.argument.strip().lower()
    if name == "start" and argument in assistant.knowledge.topics:
        reply = screens.answer(voice, argument, event.thread)
        return Turn((reply,), replace(record, topic=argument), event.thread)
    if name == "object" or (name == "start" and argument == "object"):
        step = start(assistant.knowledge.flow)
        reply = wizard.show(voice, step, edits=False)
        return Turn((reply,), record, replace(event.thread, step=step))
    # /start begins anew: an objection that was open is left, as all is after /forget.
    thread = Thread() if event.name in {"start", "forget"} else event.thread
    page = {"start": "home", "language": "languages"}.get(name, name)
    reply = _page(page, voice, replace(event, thread=thread), assistant)
    return Turn((reply,), record, thread, storage=Erase() if name == "forget" else None)


def _pressed(event: Pressed, voice: Voice, assistant: Assistant) -> Turn:
    button = buttons.parse(event.data, assistant.knowledge)
    if isinstance(button, Stale):
        return _stale(button, event.thread, voice)
    voice = replace(voice, language=button.language)
    record = Record("pressed", voice.language, type(button).__name__.lower())
    thread = replace(event.thread, language=voice.language)
    match button:
        case Go() | Enter() | Stop() | Broken() | Deliver() | Schedule():
            return _objecting(button, voice, thread, record)
        case Page(_, "unremind"):
            reply, change = planning.stopped(voice)
            record = replace(record, outcome="unremind")
            return Turn((replace(reply, edits=True),), record, thread, storage=change)
        case Page(_, page):
            reply = replace(_page(page, voice, event, assistant), edits=page != "rephrase")
            storage = Erase() if page == "forget" else None
            return Turn((reply,), replace(record, outcome=page), thread, storage=storage)
        case OpenGroup(_, group):
            return Turn((screens.group(voice, group),), record, thread)
        case OpenTopic(_, topic):
            thread = replace(thread, topic=topic)
            reply = screens.answer(voice, topic, thread)
            return Turn((reply,), replace(record, topic=topic), thread)
        case Speak(language):
            reply = replace(screens.home(voice, thread), edits=True)
            notice = voice.say("languages.chosen", language=formats.autonym(language))
            return Turn((reply,), record, thread, notice, Keep(language))
        case Rate(_, topic, helpful):
            return _rated(voice, topic, helpful, thread, record)


def _objecting(
    button: Go | Enter | Stop | Broken | Deliver | Schedule,
    voice: Voice,
    thread: Thread,
    record: Record,
) -> Turn:
    """A button of the objection."""
    match button:
        case Go(_, step) | Enter(_, step):
            thread = replace(thread, step=None if step.screen == "done" else step)
            reply = wizard.show(voice, step, edits=isinstance(button, Go))
            return Turn((reply,), replace(record, outcome=step.screen), thread)
        case Stop(_, step):
            return Turn((wizard.stopped(voice, step),), record, replace(thread, step=None))
        case Broken(_, step):
            return _broken(voice, step, thread, record)
        case Schedule():
            return _scheduled(button, voice, thread, record)
        case Deliver(_, paper, form, step):
            handed = delivery.deliver(voice, paper, form, step)
            if not handed:
                return _stale(Stale(voice.language, True), thread, voice)
            return Turn((handed,), replace(record, outcome=f"{paper}-{form}"), thread)


def _broken(voice: Voice, step: objection.Step, thread: Thread, record: Record) -> Turn:
    """A link does not open: count it by its id alone, and show the next way."""
    flow = voice.knowledge.flow
    link = objection.link(flow, step)
    following = next((m.step for m in objection.moves(flow, step) if m.broken), None)
    if not following:
        return _stale(Stale(voice.language, True), thread, voice)
    return Turn(
        (wizard.show(voice, following),),
        replace(record, outcome=following.screen),
        replace(thread, step=following),
        storage=CountBroken(link) if link else None,
    )


def _scheduled(button: Schedule, voice: Voice, thread: Thread, record: Record) -> Turn:
    """A step of planning a reminder."""
    plan, stage = button.plan, button.stage
    record = replace(record, outcome=f"remind-{stage}")
    if not planning.is_possible(plan, stage, voice.today):
        # The day of an old button has passed: choose anew.
        notice = voice.say("stale.notice")
        return Turn((planning.offer(voice, plan),), record, thread, notice)
    match stage:
        case "offer":
            return Turn((planning.offer(voice, plan),), record, thread)
        case "month":
            return Turn((planning.month(voice, plan),), record, thread)
        case "hour":
            return Turn((planning.hour(voice, plan),), record, thread)
        case "keep":
            said, storage_change, failed = planning.kept(voice, plan)
            return Turn((said,), record, thread, storage=storage_change, otherwise=failed)
        case _:
            return Turn((planning.file(voice, plan),), record, thread)


def _stale(button: Stale, thread: Thread, voice: Voice) -> Turn:
    """An old or forged button: a fresh screen and a kind word."""
    if button.language:
        voice = replace(voice, language=button.language)
    if button.objecting:
        step = start(voice.knowledge.flow)
        reply, thread = wizard.show(voice, step, edits=False), replace(thread, step=step)
    else:
        reply = screens.home(voice, thread)
    notice = voice.say("stale.notice")
    return Turn((reply,), Record("pressed", voice.language, "stale"), thread, notice)


def _page(page: str, voice: Voice, event: Commanded | Pressed, assistant: Assistant) -> Reply:
    """One of the standing pages, as a message of its own."""
    match page:
        case "topics":
            return screens.topics(voice, event.thread)
        case "languages":
            return screens.languages(voice)
        case "help":
            return screens.help_page(voice)
        case "mydata":
            return screens.my_data(
                voice, event.person.chosen, planning.listed(voice, event.person.reminders)
            )
        case "none" | "rephrase":
            return screens.unknown(voice, event.thread, key=f"{page}.text")
        case "privacy":
            return screens.privacy(voice, assistant.operator)
        case "forget":
            return screens.page(voice, "forget")
        case _:
            return screens.home(voice, event.thread)


def _rated(voice: Voice, topic: str, helpful: bool, thread: Thread, record: Record) -> Turn:
    """Thank; after "not helpful" say what else there is."""
    record = replace(record, topic=topic, outcome="helpful" if helpful else "unhelpful")
    replies = [screens.answer(voice, topic, thread, edits=True, rated=True)]
    if not helpful:
        replies.append(screens.unknown(voice, thread, key="rephrase.text"))
    return Turn(tuple(replies), record, thread, voice.say("answer.thanks"))
