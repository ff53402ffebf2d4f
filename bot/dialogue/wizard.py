"""How the steps of the objection look: text, progress and buttons."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.dialogue import objection, writing
from bot.dialogue.buttons import Broken, Deliver, Go, OpenTopic, Schedule, Stop
from bot.dialogue.objection import SUMMARY, Move, Step
from bot.dialogue.reminding import Plan
from bot.dialogue.replies import COPY_LENGTH, Copy, Key, Reply, Row, Tap, Visit
from bot.dialogue.screens import Voice
from bot.knowledge import formats
from bot.knowledge.markup import Block, Bold, Code, Item, Paragraph, Plain
from bot.knowledge.model import Regime, Screen

_LOGGED_IN = frozenset({"facebook", "instagram", "page"})
"""Accounts whose form opens only where one is logged in."""
LABEL = 32
"""Characters of a button that a phone shows."""
HALF_LABEL = 20
"""Characters of a button that has another one beside it."""
_WAYS_LOGGED_IN = frozenset({"form", "second", "centre"})


def show(voice: Voice, step: Step, *, edits: bool = True) -> Reply:
    """The screen of a step."""
    flow = voice.knowledge.flow
    screen = flow.screens[step.screen]
    account = objection.current(flow, step) if screen.account else None
    blocks = [_progress(voice, step, account), *_text(voice, step, account)]
    rows = [
        *_link(voice, step),
        *_papers(voice, step, [paper for paper in screen.papers if paper != "receipt"]),
        *_moves(voice, step),
        *_papers(voice, step, [paper for paper in screen.papers if paper == "receipt"]),
        *_beside(voice, step, screen),
        _last(voice, step),
    ]
    return Reply(tuple(blocks), tuple(rows), edits)


def stopped(voice: Voice, step: Step) -> Reply:
    """After Stop: what is kept (nothing), and the way back."""
    rows = (
        (voice.tap(voice.say("objection.button.go-on"), Go(voice.language, step)),),
        (voice.page_tap("topics"),),
    )
    return Reply(voice.blocks("objection.stopped.text"), rows, edits=True)


def status(voice: Voice, step: Step) -> list[str]:
    """A line for each account: to do, sent, confirmed, or nothing to send."""
    flow = voice.knowledge.flow
    confirmed, filed = (objection.given(flow, step, q) for q in ("confirmed", "filed"))
    lines = []
    for account in objection.given(flow, step, "accounts"):
        if account in confirmed:
            state = "confirmed"
        elif account in filed:
            state = "filed"
        else:
            state = "spared" if objection.is_spared(flow, step, account) else "open"
        lines.append(voice.say(f"status.{state}", account=_account(voice, account)))
    return lines


# -- text ---------------------------------------------------------------------------------------


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


def _text(voice: Voice, step: Step, account: str | None) -> Iterator[Block]:
    """A screen's text, with what is special to the account and to the answers."""
    flow = voice.knowledge.flow
    key = f"objection.{step.screen}"
    chosen = objection.given(flow, step, "accounts")
    values = {
        "account": _account(voice, account) if account else "",
        "accounts": formats.join([_account(voice, a) for a in chosen], voice.language),
    }
    if account and step.screen == "form":
        yield from _path(voice, step, account)
    yield from voice.blocks(f"{key}.text", **values)
    specials = ["own" if account in _LOGGED_IN else "other"] if account else []
    for question in flow.questions:
        specials += [f"{question.id}-{o}" for o in objection.given(flow, step, question.id)]
    for special in specials:
        if voice.catalog.has(f"{key}.{special}"):
            yield from voice.blocks(f"{key}.{special}", **values)
    yield from _particulars(voice, step)
    if account in _LOGGED_IN and step.screen in _WAYS_LOGGED_IN:
        yield from voice.blocks("objection.login-warning")


def _particulars(voice: Voice, step: Step) -> Iterator[Block]:
    """What a screen shows beside its text."""
    match step.screen:
        case "words":
            yield Paragraph((Code(writing.write_reason(voice, step, "medium")),))
        case "done":
            yield _lines(status(voice, step))
            yield from voice.blocks("objection.done.advice")
        case "complaint":
            yield from _authority(voice, step)
        case "summary":
            answers = [f"{name}: {answer}" for name, answer in _answers(voice, step)]
            if answers:
                yield _lines(answers)
                yield _lines(status(voice, step))
            else:
                yield from voice.blocks("objection.summary.nothing")


def _lines(texts: list[str]) -> Paragraph:
    return Paragraph((Plain("\n".join(texts)),))


def _path(voice: Voice, step: Step, account: str) -> tuple[Block, ...]:
    """The steps to the form in words, with the names of the menus."""
    surface = next(iter(objection.given(voice.knowledge.flow, step, "surface")), "app")
    key = f"objection.path.{account}"
    return voice.blocks(f"{key}.{surface}" if voice.catalog.has(f"{key}.{surface}") else key)


def _answers(voice: Voice, step: Step) -> Iterator[tuple[str, str]]:
    """What was answered: the question in a word or two, and the answer."""
    flow = voice.knowledge.flow
    for question in objection.changeable(flow, step):
        given = [_option(voice, question, o) for o in objection.given(flow, step, question)]
        yield _asked(voice, question), formats.join(given, voice.language)


def _asked(voice: Voice, question: str) -> str:
    """A question in a word or two."""
    return voice.say(f"changing.{question}", answer="").rstrip(" \u00a0\u202f:")


def _authority(voice: Voice, step: Step) -> Iterator[Block]:
    addressee = writing.complaint_office(voice, step)
    if not addressee:
        return
    authority, office = addressee.authority, addressee.office
    name = office.name(voice.language)
    if authority.short not in name and not authority.regions:
        name = f"{name} ({authority.short})"
    yield Paragraph((Bold(name),))
    details = list(office.lines(voice.language))
    if office.email:
        details.append(voice.say("authority.mail", mail=office.email))
    names = [formats.language_name(tag, voice.language) for tag in authority.languages]
    languages = formats.join(names, voice.language)
    details.append(voice.say("authority.languages", languages=languages))
    yield _lines(details)
    for ask in authority.asks:
        if not (ask == "email" and not office.email):
            yield Item((Plain(voice.say(f"authority.asks.{ask}")),))
    if office.sure != "confirmed":
        yield from voice.blocks("authority.home" if office.sure == "home" else "authority.unsure")
    letter = addressee.letter_language(voice)
    own = formats.language_name(letter, voice.language)
    if authority.regime is Regime.GDPR and letter not in authority.languages:
        yield from voice.blocks("authority.foreign", languages=languages, language=own)
    elif authority.regime is Regime.GDPR and letter != voice.language:
        yield from voice.blocks("authority.letter-in", language=own)
    day = formats.show_day(authority.checked, voice.language)
    yield from voice.blocks("authority.checked", date=day)


# -- buttons ------------------------------------------------------------------------------------


def _link(voice: Voice, step: Step) -> list[Row]:
    """The page to open, with its address to copy."""
    if step.screen == "complaint":
        addressee = writing.complaint_office(voice, step)
        if not addressee:
            return []
        office = addressee.office
        rows = _visit(voice, office.page(voice.language))
        if office.sure == "seen":
            rows.append((Visit(voice.say("authority.site"), office.site),))
        return rows
    link = objection.link(voice.knowledge.flow, step)
    if not link:
        return []
    return _visit(voice, voice.knowledge.links[link].address(voice.language))


def _visit(voice: Voice, url: str) -> list[Row]:
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    label = voice.say("objection.button.open", host=host)
    if len(label) > LABEL:  # the end of a host says whose it is
        label = host if len(host) <= LABEL else f"…{host[-LABEL + 1 :]}"
    page = Visit(label, url)
    if len(url) > COPY_LENGTH:
        return [(page,)]
    copy = Copy(voice.say("objection.button.copy-link"), url)
    return [(page, copy)] if len(label) <= HALF_LABEL else [(page,), (copy,)]


def _papers(voice: Voice, step: Step, papers: list[str]) -> Iterator[Row]:
    """What can be had to send or to keep."""
    for paper in papers:
        if not writing.can_write(voice, step, paper):
            continue
        if paper == "reason":
            short = writing.write_reason(voice, step, "short")
            yield (Copy(voice.say("objection.button.copy-words"), short[:COPY_LENGTH]),)
        label = voice.say(f"paper.name.{paper}")
        yield (voice.tap(label, Deliver(voice.language, paper, "message", step)),)


def _moves(voice: Voice, step: Step) -> list[Row]:
    flow = voice.knowledge.flow
    screen = flow.screens[step.screen]
    taps: list[Tap] = []
    others: list[Tap] = []
    moves = list(objection.moves(flow, step))
    if screen.asks in {"country", "land"}:
        moves = _ordered(voice, screen, moves)
    for move in moves:
        button = Go(voice.language, move.step)
        if move.broken:
            others.append(voice.tap(_label(voice, screen, move), Broken(voice.language, step)))
        elif screen.asks and move.choice in flow.question(screen.asks).options:
            taps.append(voice.tap(_label(voice, screen, move), button))
        else:
            others.append(voice.tap(_label(voice, screen, move), button))
    if screen.id in {"countries", "land"}:
        pairs: list[Row] = [tuple(taps[n : n + 2]) for n in range(0, len(taps), 2)]
        return [*pairs, *((tap,) for tap in others)]
    return [(tap,) for tap in (*taps, *others)]


def _ordered(voice: Voice, screen: Screen, moves: list[Move]) -> list[Move]:
    """Countries and regions as a reader looks for them; the likely ones alone where there are."""
    flow = voice.knowledge.flow
    likely = flow.likely.get(voice.language, ()) if screen.likely else ()
    by_name = {_label(voice, screen, move): move for move in moves}
    last = [move for move in moves if move.choice in {"elsewhere", "more"}]
    if screen.likely:
        first = [m for country in likely for m in moves if m.choice == country]
        return [*first, *(move for move in last if move.choice == "more")]
    named = [by_name[name] for name in formats.in_order(by_name)]
    return [*(move for move in named if move not in last), *last]


def _label(voice: Voice, screen: Screen, move: Move) -> str:
    if not move.choice:
        return voice.say("objection.button.continue")
    if screen.asks and move.choice in voice.knowledge.flow.question(screen.asks).options:
        label = _option(voice, screen.asks, move.choice)
        if move.ticked is None:
            return label
        return f"{label} {'✅' if move.ticked else '⬜'}"
    return voice.say(f"objection.{screen.id}.button.{move.choice}")


def _beside(voice: Voice, step: Step, screen: Screen) -> Iterator[Row]:
    """Changing an answer, a reminder, and the topic that tells more."""
    flow = voice.knowledge.flow
    if screen.id == SUMMARY:
        for question in objection.changeable(flow, step):
            answers = [_option(voice, question, o) for o in objection.given(flow, step, question)]
            label = voice.say(f"changing.{question}", answer=answers[0])
            if len(label) > LABEL:
                label = _asked(voice, question)
            yield (voice.tap(label, Go(voice.language, objection.change(flow, step, question))),)
    if screen.reminds:
        country = next(iter(objection.given(flow, step, "country")), "elsewhere")
        plan = Schedule(voice.language, "offer", Plan(screen.reminds, country))
        yield (voice.tap(voice.say("objection.button.remind"), plan),)
    if screen.topic:
        title = voice.title(screen.topic)
        label = voice.say("objection.button.topic", title=title)
        yield (voice.tap(label, OpenTopic(voice.language, screen.topic)),)


def _last(voice: Voice, step: Step) -> Row:
    """Back, always in the same place; beside it the summary, or the way out."""
    flow = voice.knowledge.flow
    keys: list[Key] = []
    if before := objection.back(flow, step):
        keys.append(voice.tap(voice.say("page.button.back"), Go(voice.language, before)))
    if step.screen in {SUMMARY, flow.first}:
        keys.append(voice.tap(voice.say("objection.button.stop"), Stop(voice.language, step)))
    elif not flow.screens[step.screen].aside:
        summary = Go(voice.language, objection.summary(flow, step))
        keys.append(voice.tap(voice.say("objection.button.summary"), summary))
    if step.screen == "done":
        keys.append(voice.page_tap("home"))
    return tuple(keys)


def _account(voice: Voice, account: str) -> str:
    return voice.say(f"option.name.{account}")


def _option(voice: Voice, question: str, option: str) -> str:
    """What an option is called."""
    match question:
        case "country" if option == "elsewhere":
            return voice.say("objection.countries.elsewhere")
        case "country":
            return formats.country_name(option, voice.language)
        case "land":
            return voice.knowledge.authorities["DE"].regions[option].name
        case "grounds":
            return voice.say(f"ground.button.{option}")
        case _:
            return voice.say(f"option.{question}.{option}")
