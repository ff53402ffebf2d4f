"""The objection as a state machine: walks the flow of faq/objection.yaml.

Its whole state is a `Step`: the screen, the answers so far as a few small numbers, and the screen
to come back to from beside the way. It fits into a button, so nothing is stored and every button
works for ever.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.knowledge.model import Choice, Effect, Flow, Question, Screen, Target

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MOST_DIGITS = 12
"""Digits of an encoded state; more was not written by us."""
SUMMARY = "summary"
"""The screen that shows all answers and lets each be changed."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where somebody is, and what they answered."""

    screen: str
    answers: tuple[int, ...]
    """By question of the flow: the option's place from 1 (0: none yet), or a set of bits."""
    origin: str | None = None
    """Beside the way, or while an answer is changed: the screen to come back to."""


@dataclass(frozen=True, slots=True)
class Move:
    """A button of a screen and the step it leads to."""

    choice: str
    """Id of the choice or option; empty for "continue" below a list of ticks."""
    step: Step
    ticked: bool | None = None
    """Whether the option is ticked now; None where nothing is ticked."""
    broken: bool = False
    """Whether it says that the link of this screen does not open."""


def start(flow: Flow) -> Step:
    """The first screen with nothing answered."""
    return Step(flow.first, (0,) * len(flow.questions))


def encode(flow: Flow, step: Step) -> str:
    """A step as at most 40 characters: version, screen and answers."""
    origins = list(flow.screens)
    number = origins.index(step.origin) + 1 if step.origin else 0
    for question, answer in zip(flow.questions, step.answers, strict=True):
        number = number * _size(question) + answer
    return f"{flow.version}.{step.screen}.{_base36(number)}"


def decode(flow: Flow, text: str) -> Step | None:
    """Read a step back; None for anything that `encode` would not write or that cannot be."""
    version, _, rest = text.partition(".")
    screen, _, digits = rest.partition(".")
    if version != str(flow.version) or screen not in flow.screens:
        return None
    if not 1 <= len(digits) <= MOST_DIGITS or any(d not in _DIGITS for d in digits):
        return None
    number, answers = int(digits, 36), []
    for question in reversed(flow.questions):
        number, answer = divmod(number, _size(question))
        answers.append(answer)
    origins = [None, *flow.screens]
    if number >= len(origins):
        return None
    step = Step(screen, tuple(reversed(answers)), origins[number])
    return step if encode(flow, step) == text and can_be(flow, step) else None


def given(flow: Flow, step: Step, question_id: str) -> tuple[str, ...]:
    """Options chosen for a question, in the flow's order."""
    question = flow.question(question_id)
    answer = step.answers[flow.places[question_id]]
    if not answer:
        return ()
    if question.several:
        return tuple(o for n, o in enumerate(question.options) if answer >> n & 1)
    return (question.options[answer - 1],)


def accounts_left(flow: Flow, step: Step) -> tuple[str, ...]:
    """Accounts whose form is not sent yet and that need one, in order."""
    filed = given(flow, step, "filed")
    return tuple(
        a for a in given(flow, step, "accounts") if a not in filed and not is_spared(flow, step, a)
    )


def is_spared(flow: Flow, step: Step, account: str) -> bool:
    """Whether there is nothing to send for an account."""
    conditions = flow.spared.get(account)
    return conditions is not None and _holds(flow, step, conditions)


def current(flow: Flow, step: Step) -> str | None:
    """The account whose turn it is: the first that is left."""
    return next(iter(accounts_left(flow, step)), None)


def link(flow: Flow, step: Step) -> str | None:
    """The link that a step's screen shows: of its own, or to the form of the current account."""
    own = flow.screens[step.screen].link
    return own or flow.ways.get(current(flow, step) or "", {}).get(step.screen)


def moves(flow: Flow, step: Step) -> Iterator[Move]:
    """The buttons of a step's screen, in order; of a likely screen all options there are."""
    screen = flow.screens[step.screen]
    if screen.asks:
        question = flow.question(screen.asks)
        chosen = given(flow, step, question.id)
        for option in _offered(flow, step, question):
            if question.several:
                toggled = _toggle(flow, step, question, option)
                yield Move(option, toggled, option in chosen)
            else:
                yield Move(option, _answered(flow, _set(flow, step, question, (option,)), screen))
        if question.several and chosen:
            yield Move("", _answered(flow, step, screen))
    for choice in screen.choices:
        if choice.id and _holds(flow, step, choice.when):
            yield Move(choice.id, _choose(flow, step, choice), broken=choice.broken)


def move(flow: Flow, step: Step, choice: str) -> Step | None:
    """The step that a button of a screen leads to; None where it has no such button."""
    return next((m.step for m in moves(flow, step) if m.choice == choice), None)


def back(flow: Flow, step: Step) -> Step | None:
    """The step before, or None on the first screen."""
    screen = flow.screens[step.screen]
    if step.screen == SUMMARY:
        return go_on(flow, step)
    if step.origin and not screen.aside:
        return replace(step, screen=SUMMARY)
    if screen.aside and step.origin and not screen.back:
        return go_on(flow, step)
    return _follow(flow, step, screen.back) if screen.back else None


def summary(flow: Flow, step: Step) -> Step:
    """The summary, from any step; it knows the way back."""
    screen = flow.screens[step.screen]
    origin = step.origin or (None if screen.aside or step.screen == SUMMARY else step.screen)
    return Step(SUMMARY, step.answers, origin)


def change(flow: Flow, step: Step, question_id: str) -> Step:
    """From the summary to the screen that asks a question, keeping all other answers."""
    asking = next(s for s in flow.screens.values() if s.asks == question_id)
    return Step(asking.id, step.answers, step.origin or flow.first)


def changeable(flow: Flow, step: Step) -> Iterator[str]:
    """The questions that were answered, in order."""
    for question in flow.questions:
        asking = [s for s in flow.screens.values() if s.asks == question.id]
        if (
            asking
            and given(flow, step, question.id)
            and can_be(flow, Step(asking[0].id, step.answers))
        ):
            yield question.id


def go_on(flow: Flow, step: Step) -> Step:
    """Back to the way: where one came from, or to what is still to be answered before that."""
    open_question = _first_open(flow, step)
    if step.origin and not flow.screens[open_question.screen].asks:
        came_from = Step(step.origin, step.answers)
        if can_be(flow, came_from):
            return came_from
    return open_question


def can_be(flow: Flow, step: Step) -> bool:
    """Whether walking the flow could lead to this step."""
    screen = flow.screens[step.screen]
    if not all(_fits(flow, step, question) for question in flow.questions):
        return False
    if any(not given(flow, step, question) for question in screen.needs):
        return False
    filed = set(given(flow, step, "filed"))
    if filed - set(given(flow, step, "accounts")) or set(given(flow, step, "confirmed")) - filed:
        return False
    if step.origin and (flow.screens[step.origin].aside or not (screen.aside or screen.asks)):
        return False
    account = current(flow, step)
    if step.screen in flow.way_screens and step.screen not in flow.ways.get(account or "", {}):
        return False
    return not screen.account or account is not None


def is_of(flow: Flow, step: Step) -> bool:
    """Whether a step that was remembered still belongs to the flow: it may have changed since."""
    if step.screen not in flow.screens or len(step.answers) != len(flow.questions):
        return False
    if step.origin is not None and step.origin not in flow.screens:
        return False
    sizes = map(_size, flow.questions)
    return all(0 <= a < n for a, n in zip(step.answers, sizes, strict=True)) and can_be(flow, step)


def _fits(flow: Flow, step: Step, question: Question) -> bool:
    """Whether what is ticked for a question may be ticked together."""
    if not question.several and question.id not in flow.fitting:
        return True
    chosen = set(given(flow, step, question.id))
    if not chosen:
        return True
    if len(chosen) > 1 and chosen & set(question.alone):
        return False
    if question.most and len(chosen) > question.most:
        return False
    return chosen <= set(_offered(flow, step, question))


def _first_open(flow: Flow, step: Step) -> Step:
    """Walks from the first screen over all that is answered."""
    at = Step(flow.first, step.answers)
    for _ in flow.screens:
        screen = flow.screens[at.screen]
        if not screen.asks or not given(flow, at, screen.asks):
            break
        at = _follow(flow, at, screen.choices[0].targets)
    return at


def _answered(flow: Flow, step: Step, screen: Screen) -> Step:
    """Where an answer leads: on, or back to the summary where it was changed from there."""
    if step.origin and not screen.aside:
        return replace(step, screen=SUMMARY)
    return _follow(flow, step, screen.choices[0].targets)


def _choose(flow: Flow, step: Step, choice: Choice) -> Step:
    account = current(flow, step)
    if Effect.AFRESH in choice.does:
        return start(flow)
    if Effect.WAY in choice.does:
        step = _set(flow, step, flow.question("way"), (step.screen,))
    for effect, question in ((Effect.FILE, "filed"), (Effect.CONFIRM, "confirmed")):
        if effect in choice.does and account:
            done = (*given(flow, step, question), account)
            step = _set(flow, step, flow.question(question), done)
    if Effect.FILE in choice.does:
        step = _set(flow, step, flow.question("way"), ())  # the next account has its own
    return _follow(flow, step, choice.targets)


def _follow(flow: Flow, step: Step, targets: tuple[Target, ...]) -> Step:
    """The first target whose conditions hold and that can be; the last where none can."""
    reached = [_reach(flow, step, t) for t in targets if _holds(flow, step, t.when)]
    return next((one for one in reached if can_be(flow, one)), reached[-1])


def _reach(flow: Flow, step: Step, target: Target) -> Step:
    if target.reopens:
        filed, confirmed = given(flow, step, "filed"), given(flow, step, "confirmed")
        step = _set(flow, step, flow.question("filed"), filed[:-1])
        kept = tuple(account for account in confirmed if account in filed[:-1])
        step = _set(flow, step, flow.question("confirmed"), kept)
    screen = flow.screens[target.screen]
    origin = step.origin if screen.aside or screen.asks else None
    if screen.aside and not flow.screens[step.screen].aside:
        origin = origin or step.screen
    return Step(target.screen, step.answers, origin)


def _holds(flow: Flow, step: Step, when: Mapping[str, frozenset[str]]) -> bool:
    for question, options in when.items():
        if question == "account":
            now = current(flow, step)
            chosen: tuple[str, ...] = (now,) if now else ()
        else:
            chosen = given(flow, step, question)
        if "any" in options:
            if not chosen:
                return False
        elif not any(set(option.split("+")) <= set(chosen) for option in options):
            return False
    return True


def _set(flow: Flow, step: Step, question: Question, options: tuple[str, ...]) -> Step:
    if question.several:
        answer = sum(1 << n for n, o in enumerate(question.options) if o in options)
    else:
        answer = question.options.index(options[0]) + 1 if options else 0
    place = flow.places[question.id]
    answers = (*step.answers[:place], answer, *step.answers[place + 1 :])
    return replace(step, answers=answers)


def _toggle(flow: Flow, step: Step, question: Question, option: str) -> Step:
    chosen = set(given(flow, step, question.id)) ^ {option}
    if option in chosen:
        chosen = {option} if option in question.alone else chosen - set(question.alone)
    if question.most and len(chosen) > question.most:
        return step  # nothing changes: the text says how many
    toggled = _set(flow, step, question, tuple(chosen))
    for done in ("filed", "confirmed") if question.id == "accounts" else ():
        kept = tuple(a for a in given(flow, toggled, done) if a in chosen)
        toggled = _set(flow, toggled, flow.question(done), kept)
    for other in map(flow.question, flow.fitting):  # what fitted before may not fit now
        offered = _offered(flow, toggled, other)
        kept = tuple(o for o in given(flow, toggled, other.id) if o in offered)
        toggled = _set(flow, toggled, other, kept)
    return toggled


def _offered(flow: Flow, step: Step, question: Question) -> tuple[str, ...]:
    """The options of a question that fit what was answered."""
    fitting = flow.fitting.get(question.id)
    if not fitting or not _holds(flow, step, fitting.when):
        return question.options
    return tuple(option for option in question.options if option in fitting.options)


def _size(question: Question) -> int:
    """How many values an answer can have."""
    return 1 << len(question.options) if question.several else len(question.options) + 1


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
        if not number:
            return digits
