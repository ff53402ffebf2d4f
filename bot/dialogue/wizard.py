"""How the steps of the objection look: text, progress and buttons."""

from urllib.parse import urlsplit

from bot.dialogue import objection
from bot.dialogue.buttons import Go, Stop
from bot.dialogue.objection import Step
from bot.dialogue.replies import COPY_LENGTH, Copy, Key, Reply, Row, Visit
from bot.dialogue.screens import Voice
from bot.knowledge import formats
from bot.knowledge.markup import Block, Bold, Paragraph

_LOGGED_IN = frozenset({"facebook", "instagram"})
"""Accounts whose form opens only where one is logged in."""


def show(voice: Voice, step: Step, *, edits: bool = True) -> Reply:
    """The screen of a step."""
    flow = voice.knowledge.flow
    screen = flow.screens[step.screen]
    account = objection.account(flow, step) if screen.account else None
    chosen = objection.given(flow, step, "accounts")
    values = {
        "account": _account(voice, account) if account else "",
        "accounts": formats.join([_account(voice, a) for a in chosen], voice.language),
    }
    blocks: list[Block] = [_progress(voice, step, account)]
    blocks += _text(voice, f"objection.{screen.id}", step, account, values)
    rows: list[Row] = []
    if account and screen.id in {"form", "trouble"}:
        ways = _ways(flow.forms[account], second=screen.id == "trouble")
        rows += [row for way in ways for row in _way(voice, way)]
        if screen.id == "form":
            blocks[1:1] = _path(voice, step, account)
            if account in _LOGGED_IN:
                blocks += voice.blocks("objection.login")
    if screen.id == "reason":
        ready = voice.say("objection.reason.ready")
        blocks += voice.blocks("objection.reason.copy", **values)
        rows.append((Copy(voice.say("objection.button.copy-reason"), ready[:COPY_LENGTH]),))
    rows += _moves(voice, step)
    before = objection.back(flow, step)
    last: list[Key] = []
    if before:
        last.append(voice.tap(voice.say("page.button.back"), Go(voice.language, before)))
    if screen.id == "done":
        last.append(voice.page_tap("home"))
    else:
        last.append(voice.tap(voice.say("objection.button.stop"), Stop(voice.language, step)))
    rows.append(tuple(last))
    return Reply(tuple(blocks), tuple(rows), edits)


def stopped(voice: Voice, step: Step) -> Reply:
    """After Stop: what is kept (nothing), and the way back."""
    rows = (
        (voice.tap(voice.say("objection.button.go-on"), Go(voice.language, step)),),
        (voice.page_tap("topics"),),
    )
    return Reply(voice.blocks("objection.stopped.text"), rows, edits=True)


def _progress(voice: Voice, step: Step, account: str | None) -> Block:
    flow = voice.knowledge.flow
    screen = flow.screens[step.screen]
    if not screen.step:
        return Paragraph((Bold(voice.say("objection.title")),))
    text = voice.say("objection.progress", step=str(screen.step), total=str(flow.steps))
    if account:
        chosen = objection.given(flow, step, "accounts")
        text += f" · {_account(voice, account)}"
        if len(chosen) > 1:
            place = str(chosen.index(account) + 1)
            text += " " + voice.say("objection.of", count=place, total=str(len(chosen)))
    return Paragraph((Bold(text),))


def _text(
    voice: Voice, key: str, step: Step, account: str | None, values: dict[str, str]
) -> list[Block]:
    """A screen's text, and what is special to the kind of account or to the region."""
    blocks = list(voice.blocks(f"{key}.text", **values))
    region = objection.given(voice.knowledge.flow, step, "region")
    whose = ("own" if account in _LOGGED_IN else "other") if account else None
    for special in (whose, *region):
        if special and voice.catalog.has(f"{key}.{special}"):
            blocks += voice.blocks(f"{key}.{special}", **values)
    return blocks


def _path(voice: Voice, step: Step, account: str) -> list[Block]:
    """The steps to the form in words, with the names of the menus."""
    surface = next(iter(objection.given(voice.knowledge.flow, step, "surface")), "app")
    key = f"objection.path.{account}"
    return list(voice.blocks(f"{key}.{surface}" if voice.catalog.has(f"{key}.{surface}") else key))


def _ways(links: tuple[str, ...], *, second: bool) -> tuple[str, ...]:
    """The first way on the form's screen; the others where it did not open."""
    return links[1:] if second else links[:1]


def _way(voice: Voice, link: str) -> list[Row]:
    url = voice.knowledge.links[link].address(voice.language)
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    rows: list[Row] = [(Visit(voice.say("objection.button.open", host=host), url),)]
    if len(url) <= COPY_LENGTH:
        rows[0] += (Copy(voice.say("objection.button.copy-link"), url),)
    return rows


def _moves(voice: Voice, step: Step) -> list[Row]:
    rows: list[Row] = []
    screen = voice.knowledge.flow.screens[step.screen]
    for move in objection.moves(voice.knowledge.flow, step):
        if move.ticked is not None:
            mark = "✅" if move.ticked else "⬜"
            label = f"{voice.say(f'option.button.{move.choice}')} {mark}"
        elif not move.choice:
            label = voice.say("objection.button.continue")
        elif screen.asks:
            label = voice.say(f"option.button.{move.choice}")
        else:
            label = voice.say(f"objection.{screen.id}.button.{move.choice}")
        rows.append((voice.tap(label, Go(voice.language, move.step)),))
    return rows


def _account(voice: Voice, account: str) -> str:
    return voice.say(f"option.name.{account}")
