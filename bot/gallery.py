"""Every screen and every answer in every language on one page, as it looks in the chat.

For whoever reads the bot without Telegram: a translator, an editor, a lawyer. What Telegram would
cut or refuse is marked.
"""

import html
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

from bot.dialogue import (
    administering,
    giving,
    notices,
    objection,
    public,
    screens,
    wizard,
)
from bot.dialogue.events import Thread
from bot.dialogue.exploration import explore
from bot.dialogue.objection import Step
from bot.dialogue.replies import COPY_LENGTH, Copy, Reply, Visit
from bot.dialogue.screens import Operator, Voice
from bot.knowledge import formats
from bot.knowledge.markup import plain
from bot.knowledge.model import Flow, Knowledge
from bot.sandbox import markup
from bot.tg.render import MAX_UNITS, render

_STYLE = """
:root { color-scheme: light dark; --wall: #e6ecf2; --ink: #10161d; --card: #fff; --line: #b9c8d8; --key: #0b57c9; --bad: #b00020; }
@media (prefers-color-scheme: dark) { :root { --wall: #0d141b; --ink: #eef3f8; --card: #1d2935; --line: #3a4c5d; --key: #8fc1ff; --bad: #ff8a95; } }
body { margin: 0; background: var(--wall); color: var(--ink); font: 15px/1.4 system-ui, sans-serif; }
header { position: sticky; top: 0; background: var(--card); padding: .6rem 1rem; border-bottom: 1px solid var(--line); z-index: 1; }
header a { margin-right: 1rem; }
h1 { font-size: 1.1rem; margin: 0 0 .3rem; } h2 { margin: 1.5rem 1rem .5rem; scroll-margin-top: 5rem; } h3 { font-size: .8rem; font-weight: 600; margin: 0 0 .4rem; opacity: .75; overflow-wrap: anywhere; }
a { color: var(--key); }
.wall { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; padding: 0 1rem; align-items: start; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: .8rem; }
section.bad { border: 2px solid var(--bad); } .bad p.fault { color: var(--bad); font-weight: 600; margin: .2rem 0; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
blockquote { margin: .4rem 0; padding: .3rem .6rem; border-left: 3px solid var(--key); }
.row { display: flex; gap: .25rem; margin-top: .25rem; } .row span { flex: 1; text-align: center; border: 1px solid var(--line); border-radius: .5rem; padding: .35rem; color: var(--key); overflow-wrap: anywhere; }
"""


def page(knowledge: Knowledge, operator: Operator, today: date) -> str:
    """The gallery as one HTML document without scripts."""
    languages = knowledge.languages
    links = " ".join(f'<a href="#{tag}">{formats.autonym(tag)}</a>' for tag in languages)
    steps = list(_one_step_each(knowledge))
    parts = []
    faults = 0
    for tag in languages:
        voice = Voice(knowledge, tag, today)
        cards = [_card(name, reply) for name, reply in _replies(voice, operator, steps)]
        faults += sum(bad for _, bad in cards)
        shown = "\n".join(card for card, _ in cards)
        parts.append(
            f'<h2 id="{tag}" lang="{tag}">{formats.autonym(tag)}</h2>\n'
            f'<div class="wall" lang="{tag}">\n{shown}\n</div>'
        )
    counted = f"{len(knowledge.topics)} topics, {len(languages)} languages, {faults} over a limit"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Gallery</title><style>{_STYLE}</style></head><body>\n"
        f"<header><h1>Gallery, {today.isoformat()}: {counted}</h1>{links}</header>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _replies(
    voice: Voice, operator: Operator, steps: Sequence[Step]
) -> Iterator[tuple[str, Reply]]:
    knowledge, nothing = voice.knowledge, Thread()
    yield "home", screens.home(voice, nothing)
    yield "topics", screens.topics(voice, nothing)
    for group in knowledge.groups:
        yield f"group {group.id}", screens.group(voice, group.id)
    yield "languages", screens.languages(voice)
    yield "help", screens.help_page(voice)
    yield "privacy", screens.privacy(voice, operator)
    yield "my data: nothing", screens.my_data(voice, None, [])
    yield "my data: language", screens.my_data(voice, voice.language, [])
    until = screens.my_data(voice, voice.language, [], until=voice.today)
    yield "my data: language with its day", until
    yield "forgotten", screens.page(voice, "forget")
    yield "not forgotten", screens.not_forgotten(voice)
    yield "language not kept", screens.not_spoken(voice, nothing)
    some = tuple(knowledge.topics)[:3]
    yield "a choice of three", screens.choices(voice, some, nothing)
    for key in ("unknown", "none", "rephrase", "unreadable"):
        yield key, screens.unknown(voice, nothing, key=f"{key}.text")
    yield "unknown, to give", screens.unknown(voice, nothing, gives=True)
    yield from _given(voice)
    yield from _public(voice)
    yield from _notices(voice)
    for kind in knowledge.chitchat[voice.language]:
        yield f"small talk: {kind}", screens.small_talk(voice, kind, nothing)
    for step in steps:
        yield (
            f"objection: {step.screen} {objection.encode(knowledge.flow, step)}",
            wizard.show(voice, step),
        )
    yield "objection: stopped", wizard.stopped(voice, objection.start(knowledge.flow))
    for topic in knowledge.topics:
        yield f"topic: {topic}", screens.answer(voice, topic, nothing)


def _given(voice: Voice) -> Iterator[tuple[str, Reply]]:
    """A question that is given to the team; the longest that can be."""
    nothing, longest = Thread(), "wi " * 100
    yield "give: may we", giving.ask(voice, longest, nothing)
    yield "give: nothing left", giving.ask(voice, "0470 123456", nothing)
    yield "give: message gone", giving.ask(voice, None, nothing)
    yield "give: no", giving.drop(voice, nothing)
    shown = plain(giving.ask(voice, longest, nothing).blocks)
    for name, reply in zip(
        ("kept", "not kept"), giving.keep(voice, longest, shown, nothing)[::2], strict=True
    ):
        if reply:
            yield f"give: {name}", reply


def _public(voice: Voice) -> Iterator[tuple[str, Reply]]:
    """What the bot says in a group."""
    bot = "example_bot"
    yield "group: about", public.about(voice, bot)
    yield "group: unsure", public.unsure(voice, bot)
    yield "group: unknown", public.unknown(voice, bot)
    yield "group: a command", public.elsewhere(voice, bot, "privacy")
    for kind in voice.knowledge.chitchat[voice.language]:
        yield f"group: small talk: {kind}", public.small_talk(voice, kind, bot)
    topic = max(voice.knowledge.topics, key=lambda one: len(screens.short_answer(voice, one)))
    yield f"group: topic: {topic}", public.answer(voice, topic, bot)


_WELL = (datetime(2026, 11, 21, 7, 5, tzinfo=UTC), "polling", 4.0)
_TROUBLE = ("faq/en/bot.yaml:1: …", "write: OperationalError")


def _notices(voice: Voice) -> Iterator[tuple[str, Reply]]:
    """What is said when a turn could not go as it should, and to whoever runs the bot."""
    turns = {name: notices.compose(voice, name, Thread()) for name in notices.NAMES}
    lines = ["private-messages en answer: 12"]
    turns |= {
        "stats": administering.stats(voice, lines),
        "state": administering.state(voice, administering.State(*_WELL)),
        "state: trouble": administering.state(voice, administering.State(*_WELL, *_TROUBLE)),
        "reloaded": administering.reloaded(voice, []),
        "not reloaded": administering.reloaded(voice, ["faq/en/bot.yaml:1: …"]),
    }
    for name, turn in turns.items():
        for reply in turn.replies:
            yield f"notice: {name}", reply


def _one_step_each(knowledge: Knowledge) -> Iterator[Step]:
    """A step that shows each screen for each account, and the complaint for each country."""
    flow = knowledge.flow
    shown: set[tuple[str, str | None, tuple[str, ...]]] = set()
    for step in explore(flow).leads:
        account = objection.current(flow, step) if flow.screens[step.screen].account else None
        surface = objection.given(flow, step, "surface") if step.screen == "form" else ()
        if (step.screen, account, surface) not in shown:
            shown.add((step.screen, account, surface))
            yield step
    places: list[tuple[str, str | None]] = [(country, None) for country in knowledge.authorities]
    for authority in knowledge.authorities.values():
        places += [(authority.country, region) for region in authority.regions]
    for country, region in places:
        yield complaint_step(flow, country, region)


def complaint_step(flow: Flow, country: str, region: str | None = None) -> Step:
    """The step at which somebody who lives there complains."""
    answers = [0] * len(flow.questions)
    for name, option in (("country", country), ("land", region)):
        if option:
            answers[flow.places[name]] = flow.question(name).options.index(option) + 1
    return Step("complaint", tuple(answers))


def _card(name: str, reply: Reply) -> tuple[str, bool]:
    parts = render(reply)
    faults = []
    if len(parts) > 1:
        faults.append(f"longer than one message ({MAX_UNITS} characters)")
    for key in (key for row in reply.rows for key in row):
        if len(key.label) > wizard.LABEL:
            faults.append(f"button of {len(key.label)} characters: {key.label}")
        if isinstance(key, Copy) and not 1 <= len(key.text) <= COPY_LENGTH:
            faults.append(f"{len(key.text)} characters to copy")
    length = sum(markup.units(markup.parse(part.text).text) for part in parts)
    said = "".join(f'<p class="fault">⚠ {html.escape(fault)}</p>' for fault in faults)
    # Telegram's HTML is HTML: what the bot sends is shown as it is sent.
    text = "".join(f'<div class="text">{part.text}</div>' for part in parts)
    rows = "".join(
        '<div class="row">' + "".join(f"<span>{_label(key)}</span>" for key in row) + "</div>"
        for row in reply.rows
    )
    title = f"{html.escape(name)} · {length}"
    bad = ' class="bad"' if faults else ""
    return f"<section{bad}><h3>{title}</h3>{said}{text}{rows}</section>", bool(faults)


def _label(key: object) -> str:
    label = html.escape(getattr(key, "label", ""))
    if isinstance(key, Visit):
        return f'<a href="{html.escape(key.url)}">{label} ↗</a>'
    return f"{label} ⧉" if isinstance(key, Copy) else label
