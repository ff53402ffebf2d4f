"""The screens that every conversation needs: start, topics, languages, answers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from bot.dialogue import buttons
from bot.dialogue.addresses import Judged
from bot.dialogue.buttons import Button, Enter, Give, OpenGroup, OpenTopic, Page, Rate, Speak
from bot.dialogue.events import Thread
from bot.dialogue.objection import start
from bot.dialogue.replies import Reply, Row, Tap
from bot.knowledge import formats
from bot.knowledge.catalog import Catalog
from bot.knowledge.markup import (
    Anchor,
    Block,
    Bold,
    Item,
    Paragraph,
    Plain,
    Quote,
    Span,
    fill,
    parse,
)
from bot.knowledge.model import FALLBACK_LANGUAGE, Answer, Document, Knowledge

BESIDE = {"bot": "about-bot", "letter-goodbye": "how-to-object", "letter-whatsapp": "whatsapp"}
"""Topics that belong beside the reply to small talk or to a chain letter."""
RELATED = 3
"""Related topics under an answer at most."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs the bot, as they wish to be named."""

    name: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Voice:
    """The knowledge as told in one language: what every screen is built with."""

    knowledge: Knowledge
    language: str
    today: date

    @property
    def catalog(self) -> Catalog:
        """The interface's texts."""
        return self.knowledge.catalogs[self.language]

    def say(self, key: str, **values: str) -> str:
        """An interface text as one line."""
        return self.catalog.text(key, **values)

    def blocks(self, key: str, **values: str) -> tuple[Block, ...]:
        """An interface text as blocks. Values become words, never markup."""
        links = self.knowledge.links
        text = self.catalog.texts[key]
        return parse(_inert(text, values), lambda name: links[name].address(self.language))

    def tap(self, label: str, button: Button) -> Tap:
        """A button that comes back to us."""
        return Tap(label, buttons.encode(button, self.knowledge))

    def title(self, topic: str) -> str:
        """The button label of a topic."""
        return self.knowledge.answers[self.language][topic].title

    def topic_tap(self, topic: str) -> Tap:
        """A button that opens a topic."""
        return self.tap(self.title(topic), OpenTopic(self.language, topic))

    def page_tap(self, page: str) -> Tap:
        """A button that opens one of the standing pages."""
        return self.tap(self.say(f"page.button.{page}"), Page(self.language, page))

    def objection_tap(self, thread: Thread) -> Tap:
        """The way into the objection, or back to where it was left."""
        if thread.step:
            number = self.knowledge.flow.screens[thread.step.screen].step
            key = "objection.button.resume-step" if number else "objection.button.resume"
            return self.tap(self.say(key, step=str(number)), Enter(self.language, thread.step))
        return self.tap(
            self.say("objection.button.start"), Enter(self.language, start(self.knowledge.flow))
        )


_MARKUP = str.maketrans({"*": "∗", "[": "(", "]": ")", "`": "'", "\n": " "})


def _inert(text: str, values: dict[str, str]) -> str:
    """Set values in so that nothing in them is read as markup."""
    return fill(text, {name: value.translate(_MARKUP) for name, value in values.items()})


def home(voice: Voice, thread: Thread) -> Reply:
    """The first screen."""
    rows: list[Row] = [
        (voice.objection_tap(thread),),
        (voice.page_tap("topics"),),
        (
            voice.tap(
                voice.say("page.button.languages", language=formats.autonym(voice.language)),
                Page(voice.language, "languages"),
            ),
            voice.page_tap("privacy"),
        ),
    ]
    return Reply(voice.blocks("home.text"), tuple(rows))


def topics(voice: Voice, thread: Thread) -> Reply:
    """The groups of topics."""
    rows = [*_groups(voice), (voice.objection_tap(thread),), (voice.page_tap("home"),)]
    return Reply(voice.blocks("topics.text"), tuple(rows))


def group(voice: Voice, group_id: str) -> Reply:
    """The topics of one group."""
    members = next(g for g in voice.knowledge.groups if g.id == group_id).topics
    rows = _in_pairs([voice.topic_tap(topic) for topic in members])
    back = voice.tap(voice.say("page.button.back"), Page(voice.language, "topics"))
    blocks = (Paragraph((Bold(voice.say(f"group.{group_id}")),)), *voice.blocks("topics.choose"))
    return Reply(blocks, (*rows, (back,)), edits=True)


def languages(voice: Voice) -> Reply:
    """All languages by the names they call themselves."""
    taps = [voice.tap(formats.autonym(tag), Speak(tag)) for tag in voice.knowledge.languages]
    back = voice.tap(voice.say("page.button.back"), Page(voice.language, "home"))
    return Reply(voice.blocks("languages.text"), (*_in_pairs(taps), (back,)))


def page(voice: Voice, name: str, **values: str) -> Reply:
    """A standing page that is text and a way back."""
    back = voice.tap(voice.say("page.button.back"), Page(voice.language, "home"))
    return Reply(voice.blocks(f"{name}.text", **values), ((back,),))


def help_page(voice: Voice) -> Reply:
    """How the bot works."""
    plain_page = page(voice, "help")
    rows = ((voice.page_tap("topics"),), (voice.page_tap("privacy"),), *plain_page.rows)
    return replace(plain_page, rows=rows)


def privacy(voice: Voice, operator: Operator) -> Reply:
    """What happens to what people write, and who runs the bot: in short, and in full below."""
    # A full stop follows the name; "e.V." brings its own.
    match operator:
        case Operator("", ""):
            who = voice.say("privacy.operator-unknown")
        case Operator(name, ""):
            who = voice.say("privacy.operator-name", operator=name.rstrip("."))
        case Operator("", contact):
            who = voice.say("privacy.operator-contact", contact=contact)
        case Operator(name, contact):
            who = voice.say("privacy.operator", operator=name.rstrip("."), contact=contact)
    told = page(voice, "privacy")
    detail = Quote(_flat(voice.blocks("privacy.detail")), expandable=True)
    blocks = (*told.blocks, Paragraph((Plain(who),)), detail)
    return replace(told, blocks=blocks, rows=((voice.page_tap("mydata"),), *told.rows))


def my_data(
    voice: Voice, chosen: str | None, reminders: list[str], *, until: date | None = None
) -> Reply:
    """What is kept about the person: a chosen language, reminders, or nothing."""
    if not chosen and not reminders:
        nothing = page(voice, "mydata.nothing")
        return replace(nothing, blocks=(*nothing.blocks, *voice.blocks("mydata.untied")))
    kept = page(voice, "mydata.kept")
    blocks = list(kept.blocks)
    if chosen and until:
        day = formats.show_day(until, voice.language)
        named = formats.autonym(chosen)
        blocks += voice.blocks("mydata.language-until", language=named, date=day)
    elif chosen:
        blocks += voice.blocks("mydata.language", language=formats.autonym(chosen))
    rows: list[Row] = [(voice.page_tap("forget"),)]
    if reminders:
        blocks += [block for line in reminders for block in parse(line, str)]
        rows.append((voice.tap(voice.say("remind.button.stop"), Page(voice.language, "unremind")),))
    blocks += (*voice.blocks("mydata.rest"), *voice.blocks("mydata.untied"))
    return replace(kept, blocks=tuple(blocks), rows=(*rows, *kept.rows))


def not_forgotten(voice: Voice) -> Reply:
    """What was kept is still there: it could not be deleted."""
    failed = page(voice, "forget.failed")
    again = voice.tap(voice.say("forget.button.again"), Page(voice.language, "forget"))
    return replace(failed, rows=((again,), *failed.rows))


def not_spoken(voice: Voice, thread: Thread) -> Reply:
    """The language that was chosen could not be kept; the conversation goes on in it."""
    start_page = home(voice, thread)
    said = voice.blocks("languages.failed", language=formats.autonym(voice.language))
    return replace(start_page, blocks=(*said, *start_page.blocks), edits=True)


def answer(
    voice: Voice, topic: str, thread: Thread, *, edits: bool = False, rated: bool = False
) -> Reply:
    """The answer to a topic: short, then detail, then sources and the day checked."""
    told = _told(voice, topic)
    detail = Quote(_flat(told.detail.on(voice.today)), expandable=True)
    blocks = (*_short(voice, topic), detail, *_sources(voice, topic))
    rows: list[Row] = []
    definition = voice.knowledge.topics[topic]
    if thread.step or definition.starts_objection:
        rows.append((voice.objection_tap(thread),))
    rows += [(voice.topic_tap(other),) for other in definition.related[:RELATED]]
    if not rated:
        rows.append(
            (
                voice.tap(voice.say("answer.button.helpful"), Rate(voice.language, topic, True)),
                voice.tap(voice.say("answer.button.unhelpful"), Rate(voice.language, topic, False)),
            )
        )
    rows.append((voice.page_tap("topics"),))
    return Reply(blocks, tuple(rows), edits)


def short_answer(voice: Voice, topic: str) -> tuple[Block, ...]:
    """The answer to a topic without its detail: heading, short, sources and the day checked."""
    return (*_short(voice, topic), *_sources(voice, topic))


def _told(voice: Voice, topic: str) -> Answer:
    """Never silently wrong: English where the English that a text should follow has changed."""
    told = voice.knowledge.answers[voice.language][topic]
    return voice.knowledge.answers[FALLBACK_LANGUAGE][topic] if told.stale else told


def _short(voice: Voice, topic: str) -> Iterator[Block]:
    own, told = voice.knowledge.answers[voice.language][topic], _told(voice, topic)
    yield Paragraph((Bold(own.title),))
    if told is not own:
        yield from voice.blocks("answer.stale")
    yield from told.short.on(voice.today)


def choices(voice: Voice, found: tuple[str, ...], thread: Thread) -> Reply:
    """Topics that an utterance may be about."""
    rows: list[Row] = [(voice.topic_tap(topic),) for topic in found]
    rows.append((voice.tap(voice.say("choose.button.none"), Page(voice.language, "none")),))
    if thread.step:
        rows.append((voice.objection_tap(thread),))
    return Reply(voice.blocks("choose.text"), tuple(rows))


def unknown(
    voice: Voice, thread: Thread, *, key: str = "unknown.text", gives: bool = False
) -> Reply:
    """An honest don't-know with the topics as buttons.

    `gives`: the question may be given to the team. The reply quotes it then: that is how it comes
    back with the button, and nothing has to be remembered.
    """
    rows = [*_groups(voice), (voice.objection_tap(thread),)]
    if gives:
        rows.append((voice.tap(voice.say("give.button.ask"), Give(voice.language, "ask")),))
    return Reply(voice.blocks(key), tuple(rows), quotes=gives)


def small_talk(voice: Voice, kind: str, thread: Thread) -> Reply:
    """The reply to a greeting and its like."""
    rows: list[Row] = []
    if (topic := BESIDE.get(kind)) in voice.knowledge.topics:
        rows.append((voice.topic_tap(str(topic)),))
    if thread.step or kind in {"greeting", "help", "letter-goodbye"}:
        rows.append((voice.objection_tap(thread),))
    rows.append((voice.page_tap("topics"),))
    return Reply(voice.blocks(f"chitchat.{kind}"), tuple(rows))


def also(voice: Voice, topic: str) -> Reply:
    """A second question that was heard in the same message."""
    return Reply(voice.blocks("followed.text"), ((voice.topic_tap(topic),),))


def addresses(voice: Voice, judged: list[Judged], thread: Thread) -> Reply:
    """Whether addresses that were pasted are Meta's."""
    blocks = [*voice.blocks("address.text")]
    for one in judged:
        blocks += voice.blocks(f"address.{one.verdict.value}", host=one.host)
    if any(one.is_mail for one in judged):
        blocks += voice.blocks("address.mail")
    blocks += voice.blocks("address.advice")
    rows: list[Row] = []
    if "notification" in voice.knowledge.topics:
        rows.append((voice.topic_tap("notification"),))
    rows.append((voice.objection_tap(thread),))
    return Reply(tuple(blocks), tuple(rows))


def _sources(voice: Voice, topic: str) -> tuple[Block, ...]:
    documents = voice.knowledge.sources(topic, voice.language)
    checked = voice.knowledge.checked(topic)
    blocks: list[Block] = []
    if documents:
        spans: list[Span] = [Plain(voice.say("answer.sources") + " ")]
        for n, document in enumerate(documents):
            spans += [Plain(" · ")] if n else []
            spans.append(Anchor(_named(voice, document), document.address or ""))
        blocks.append(Paragraph(tuple(spans)))
    if checked:
        day = formats.show_day(checked, voice.language)
        blocks.append(Paragraph((Plain(voice.say("answer.checked", date=day)),)))
    return tuple(blocks)


def _named(voice: Voice, document: Document) -> str:
    if not document.date:
        return document.publisher
    return f"{document.publisher}, {formats.show_date(document.date, voice.language)}"


def _groups(voice: Voice) -> list[Row]:
    return _in_pairs(
        [
            voice.tap(voice.say(f"group.{g.id}"), OpenGroup(voice.language, g.id))
            for g in voice.knowledge.groups
        ]
    )


def _in_pairs(taps: list[Tap]) -> list[Row]:
    return [tuple(taps[n : n + 2]) for n in range(0, len(taps), 2)]


def _flat(blocks: tuple[Block, ...]) -> tuple[Paragraph | Item, ...]:
    """Blocks without quotes: a quote cannot hold another."""
    return tuple(b for b in blocks if not isinstance(b, Quote))
