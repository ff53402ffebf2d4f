"""One turn: an event in, replies out."""

import re
from dataclasses import dataclass, field, replace
from datetime import date

from bot.dialogue import (
    buttons,
    delivery,
    giving,
    objection,
    planning,
    public,
    screens,
    wizard,
)
from bot.dialogue.addresses import Judged, Verdict, judge_addresses, without_addresses
from bot.dialogue.buttons import (
    Broken,
    Deliver,
    Enter,
    Give,
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
from bot.dialogue.events import (
    Asked,
    Commanded,
    Event,
    Mentioned,
    Person,
    Pressed,
    Thread,
    Unreadable,
)
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
OPENED_BY_LINK = frozenset(COMMANDS) - {"forget"}
"""What t.me/<bot>?start=… opens, beside topics."""


@dataclass(frozen=True, slots=True)
class Assistant:
    """All that a turn needs beside the event."""

    knowledge: Knowledge
    matcher: Matcher = field(repr=False)
    operator: Operator = field(default_factory=Operator)


def respond(event: Event, assistant: Assistant, today: date) -> Turn:
    """What comes of an event. Never raises for anything a person can send."""
    if not isinstance(event, Mentioned):
        event = replace(event, thread=still(event.thread, assistant.knowledge))
    thread = Thread() if isinstance(event, Mentioned) else event.thread
    voice = voice_of(event.person, assistant, today, thread)
    match event:
        case Commanded(group=True):
            return _commanded_in_public(event, voice)
        case Asked():
            return _asked(event, voice, assistant)
        case Commanded():
            return _commanded(event, voice, assistant)
        case Pressed():
            return _pressed(event, voice, assistant)
        case Mentioned():
            return _mentioned(event, voice, assistant)
        case Unreadable(_, thread):
            reply = screens.unknown(voice, thread, key="unreadable.text")
            return Turn((reply,), Record("unreadable", voice.language, "unreadable"), thread)


def remind(reminder: Reminder, assistant: Assistant, today: date) -> Reply:
    """The message of a reminder that is due."""
    known = _known(reminder.language, assistant.knowledge) or FALLBACK_LANGUAGE
    return planning.compose(Voice(assistant.knowledge, known, today), reminder)


def still(thread: Thread, knowledge: Knowledge) -> Thread:
    """What of a thread still holds: the content may have been changed since."""
    if thread.step and not objection.is_of(knowledge.flow, thread.step):
        thread = replace(thread, step=None)
    if thread.topic and thread.topic not in knowledge.topics:
        thread = replace(thread, topic=None)
    return thread


def voice_of(
    person: Person, assistant: Assistant, today: date, thread: Thread | None = None
) -> Voice:
    """How the bot speaks to somebody whose question does not show their language."""
    language = interface_language(person, assistant.knowledge, thread)
    return Voice(assistant.knowledge, language, today)


def interface_language(person: Person, knowledge: Knowledge, thread: Thread | None = None) -> str:
    """The language of buttons and screens: chosen, else the app's, else English."""
    chosen = thread.chosen if thread else None
    for tag in (chosen, person.chosen, person.app_language):
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


@dataclass(frozen=True, slots=True)
class _Heard:
    """What an utterance was understood as."""

    voice: Voice
    match: Match
    text: str
    """The utterance without its addresses."""
    judged: list[Judged]
    answered: str | None
    """The topic that is answered."""
    record: Record


def _hear(event: Asked, voice: Voice, assistant: Assistant, kind: str) -> _Heard:
    """Understand an utterance, and the language that it is answered in."""
    knowledge = assistant.knowledge
    judged = judge_addresses(event.text, knowledge.hosts, knowledge.meta_hosts)
    judged = [one for one in judged if not one.is_mail or one.verdict is not Verdict.UNKNOWN]
    text = without_addresses(event.text) if judged else event.text
    match = _understood(text, event, assistant)
    sure = match.certain or match.outcome in {Outcome.ANSWER, Outcome.CHOOSE}
    if sure and match.language in knowledge.languages:
        voice = replace(voice, language=match.language)
    answered = match.label if match.outcome is Outcome.ANSWER else None
    if judged:
        record = Record(kind, voice.language, "address", answered or "-")
    else:
        record = Record(kind, voice.language, match.outcome.value, match.label or "-")
    return _Heard(voice, match, text, judged, answered, record)


def _asked(event: Asked, voice: Voice, assistant: Assistant) -> Turn:
    heard = _hear(event, voice, assistant, "asked")
    voice, answered = heard.voice, heard.answered
    thread = replace(event.thread, language=voice.language, topic=answered or event.thread.topic)
    if heard.judged:
        replies = [screens.addresses(voice, heard.judged, thread)]
        replies += [screens.answer(voice, answered, thread)] if answered else []
    else:
        replies = [_reply(heard, thread)]
    if answered and (second := _second(heard.text, answered, event, assistant)):
        replies.append(screens.also(voice, second))
    replies[0] = _warned(replies[0], event.text, voice)
    return Turn(tuple(replies), heard.record, thread)


def _mentioned(event: Mentioned, voice: Voice, assistant: Assistant) -> Turn:
    """A question in a group: a short answer, nothing remembered, no buttons of ours."""
    text = public.without_mention(event.text, event.bot)
    if not text:
        about = Record("mentioned", voice.language, "about")
        return Turn((public.about(voice, event.bot),), about)
    heard = _hear(Asked(text, event.person), voice, assistant, "mentioned")
    reply = _warned(_in_public(heard, event.bot), text, heard.voice)
    return Turn((reply,), heard.record)


def _in_public(heard: _Heard, bot: str) -> Reply:
    voice, match = heard.voice, heard.match
    if heard.judged:
        return public.addresses(voice, heard.judged, bot, heard.answered)
    match match.outcome:
        case Outcome.ANSWER if match.label:
            return public.answer(voice, match.label, bot)
        case Outcome.CHOOSE:
            return public.unsure(voice, bot)
        case Outcome.CHITCHAT:
            return public.small_talk(voice, str(match.label), bot)
        case _:
            return public.unknown(voice, bot)


def _warned(reply: Reply, text: str, voice: Voice) -> Reply:
    """With a kind word first, where somebody sent what nobody needs here."""
    if not holds_personal_data(text):
        return reply
    return replace(reply, blocks=voice.blocks("personal.text") + reply.blocks)


def _reply(heard: _Heard, thread: Thread) -> Reply:
    voice, match = heard.voice, heard.match
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
            return screens.unknown(voice, thread, gives=giving.is_worth_giving(heard.text))


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
    if name == "start" and argument in OPENED_BY_LINK:
        # A link that others wrote opens a page; it never deletes or stores anything.
        name = argument
        record = replace(record, outcome=name)
    if name == "object":
        step = start(assistant.knowledge.flow)
        reply = wizard.show(voice, step, edits=False)
        return Turn((reply,), record, replace(event.thread, step=step))
    thread = event.thread
    if event.name == "start" and name == "start":
        # It begins anew: an objection that was open is left.
        thread = Thread(chosen=thread.chosen)
    elif name == "forget":
        thread = Thread()
    page = {"start": "home", "language": "languages"}.get(name, name)
    reply = _page(page, voice, replace(event, thread=thread), assistant)
    if name == "forget":
        failed = screens.not_forgotten(voice)
        return Turn((reply,), record, thread, storage=Erase(), otherwise=failed)
    return Turn((reply,), record, thread)


def _commanded_in_public(event: Commanded, voice: Voice) -> Turn:
    """A command in a group: one line, and the way into a chat of one's own."""
    name = event.name if event.name in COMMANDS else "start"
    if name in {"start", "help"}:
        reply = public.about(voice, event.bot)
    else:
        # Nothing is deleted for a whole group because one of its members says so.
        payload = name if name in OPENED_BY_LINK else "home"
        reply = public.elsewhere(voice, event.bot, payload)
    return Turn((reply,), Record("commanded", voice.language, f"group-{name}"))


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
        case Page(_, "unremind" | "forget") | Speak() | Give():
            return _keeping(button, event, voice, thread, record)
        case Page(_, page):
            reply = replace(_page(page, voice, event, assistant), edits=page != "rephrase")
            return Turn((reply,), replace(record, outcome=page), thread)
        case OpenGroup(_, group):
            return Turn((screens.group(voice, group),), record, thread)
        case OpenTopic(_, topic):
            thread = replace(thread, topic=topic)
            reply = screens.answer(voice, topic, thread)
            return Turn((reply,), replace(record, topic=topic), thread)
        case Rate(_, topic, helpful):
            return _rated(voice, topic, helpful, thread, record)


def _keeping(
    button: Page | Speak | Give, event: Pressed, voice: Voice, thread: Thread, record: Record
) -> Turn:
    """A button after which something is kept or deleted, and what is said where that fails."""
    match button:
        case Give(_, stage):
            return _given(stage, event, voice, thread, record)
        case Speak(language):
            reply = replace(screens.home(voice, thread), edits=True)
            notice = voice.say("languages.chosen", language=formats.autonym(language))
            thread = replace(thread, chosen=language)
            failed = screens.not_spoken(voice, thread)
            return Turn((reply,), record, thread, notice, Keep(language), failed)
        case Page(_, "unremind"):
            reply, stop, failed = planning.stopped(voice)
            record = replace(record, outcome="unremind")
            return Turn((reply,), record, thread, storage=stop, otherwise=failed)
        case _:
            reply = replace(screens.page(voice, "forget"), edits=True)
            failed = replace(screens.not_forgotten(voice), edits=True)
            record = replace(record, outcome="forget")
            return Turn((reply,), record, storage=Erase(), otherwise=failed)


def _given(stage: str, event: Pressed, voice: Voice, thread: Thread, record: Record) -> Turn:
    """A question for the team: shown first, kept after the second tap."""
    record = replace(record, outcome=f"give-{stage}")
    match stage:
        case "keep":
            reply, kept, failed = giving.keep(voice, event.quoted, event.shown, thread)
            return Turn((reply,), record, thread, storage=kept, otherwise=failed)
        case "drop":
            return Turn((giving.drop(voice, thread),), record, thread)
        case _:
            return Turn((giving.ask(voice, event.quoted, thread),), record, thread)


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
    notice = voice.say("stale.notice")
    if button.objecting and thread.step:
        # Whoever stands somewhere stays there: an old message must not lose the way.
        reply = wizard.show(voice, thread.step, edits=False)
        notice = voice.say("stale.resumed")
    elif button.objecting:
        step = start(voice.knowledge.flow)
        reply, thread = wizard.show(voice, step, edits=False), replace(thread, step=step)
    else:
        reply = screens.home(voice, thread)
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
            person = event.person
            reminders = planning.listed(voice, person.reminders)
            return screens.my_data(voice, person.chosen, reminders, until=person.chosen_until)
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
