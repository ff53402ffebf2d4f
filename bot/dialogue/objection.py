"""The objection as a state machine: walks the flow of faq/objection.yaml.

Its whole state is a `Step`: the screen, and the answers so far as a few small numbers. It fits
into a button, so nothing is stored and every button works for ever.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.knowledge.model import Choice, Flow, Question, Target

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Step:
    """Where somebody is, and what they answered."""

    screen: str
    answers: tuple[int, ...]
    """By question of the flow: the option's place from 1 (0: none yet), or a set of bits."""


@dataclass(frozen=True, slots=True)
class Move:
    """A button of a screen and the step it leads to."""

    choice: str
    """Id of the choice or option; empty for "continue" below a list of ticks."""
    step: Step
    ticked: bool | None = None
    """Whether the option is ticked now; None where nothing is ticked."""


def start(flow: Flow) -> Step:
    """The first screen with nothing answered."""
    return Step(flow.first, (0,) * len(flow.questions))


def encode(flow: Flow, step: Step) -> str:
    """A step as at most 40 characters: version, screen and answers."""
    number = 0
    for question, answer in zip(flow.questions, step.answers, strict=True):
        number = number * _size(question) + answer
    return f"{flow.version}.{step.screen}.{_base36(number)}"


def decode(flow: Flow, text: str) -> Step | None:
    """Read a step back; None for anything that `encode` would not write or that cannot be."""
    version, _, rest = text.partition(".")
    screen, _, digits = rest.partition(".")
    if version != str(flow.version) or screen not in flow.screens or len(digits) > 12:  # noqa: PLR2004
        return None
    if not digits or any(d not in _DIGITS for d in digits):
        return None
    number, answers = int(digits, 36), []
    for question in reversed(flow.questions):
        number, answer = divmod(number, _size(question))
        answers.append(answer)
    step = Step(screen, tuple(reversed(answers)))
    return step if number == 0 and encode(flow, step) == text and _can_be(flow, step) else None


def given(flow: Flow, step: Step, question_id: str) -> tuple[str, ...]:
    """Options chosen for a question, in the flow's order."""
    question = flow.question(question_id)
    answer = step.answers[flow.questions.index(question)]
    if question.several:
        return tuple(o for n, o in enumerate(question.options) if answer >> n & 1)
    return (question.options[answer - 1],) if answer else ()


def accounts_left(flow: Flow, step: Step) -> tuple[str, ...]:
    """Accounts whose form is not sent yet, in order."""
    filed = given(flow, step, "filed")
    return tuple(a for a in given(flow, step, "accounts") if a not in filed)


def account(flow: Flow, step: Step) -> str | None:
    """The account that a screen is about: the first that is left."""
    return next(iter(accounts_left(flow, step)), None)


def moves(flow: Flow, step: Step) -> Iterator[Move]:
    """The buttons of a step's screen, in order."""
    screen = flow.screens[step.screen]
    if screen.asks:
        question = flow.question(screen.asks)
        chosen = given(flow, step, question.id)
        for option in question.options:
            if question.several:
                toggled = _toggle(flow, step, question, option)
                yield Move(option, toggled, option in chosen)
            else:
                answered = _set(flow, step, question, (option,))
                yield Move(option, _follow(flow, answered, screen.choices[0].targets))
        if question.several and chosen:
            yield Move("", _follow(flow, step, screen.choices[0].targets))
    for choice in screen.choices:
        if choice.id:
            yield Move(choice.id, _choose(flow, step, choice))


def back(flow: Flow, step: Step) -> Step | None:
    """The step before, or None on the first screen."""
    screen = flow.screens[step.screen]
    if not screen.back:
        return None
    return _follow(flow, step, screen.back)


def _choose(flow: Flow, step: Step, choice: Choice) -> Step:
    current = account(flow, step)
    if choice.files and current:
        filed = flow.question("filed")
        step = _set(flow, step, filed, (*given(flow, step, "filed"), current))
    step = _follow(flow, step, choice.targets)
    return start(flow) if step.screen == flow.first else step


def _follow(flow: Flow, step: Step, targets: tuple[Target, ...]) -> Step:
    target = next(t for t in targets if _holds(flow, step, t))
    if target.unfiles:
        filed = given(flow, step, "filed")
        step = _set(flow, step, flow.question("filed"), filed[:-1])
    return Step(target.screen, step.answers)


def _holds(flow: Flow, step: Step, target: Target) -> bool:
    for question, options in target.when.items():
        chosen = given(flow, step, question)
        if options == {"left"}:
            if not accounts_left(flow, step):
                return False
        elif options == {"any"}:
            if not chosen:
                return False
        elif not options & set(chosen):
            return False
    return True


def _set(flow: Flow, step: Step, question: Question, options: tuple[str, ...]) -> Step:
    if question.several:
        answer = sum(1 << n for n, o in enumerate(question.options) if o in options)
    else:
        answer = question.options.index(options[0]) + 1
    place = flow.questions.index(question)
    return Step(step.screen, (*step.answers[:place], answer, *step.answers[place + 1 :]))


def _toggle(flow: Flow, step: Step, question: Question, option: str) -> Step:
    chosen = set(given(flow, step, question.id)) ^ {option}
    if option in chosen:
        chosen = {option} if option in question.alone else chosen - set(question.alone)
    toggled = _set(flow, step, question, tuple(chosen))
    kept = tuple(a for a in given(flow, toggled, "filed") if a in chosen)
    return _set(flow, toggled, flow.question("filed"), kept)


def _can_be(flow: Flow, step: Step) -> bool:
    """Whether walking the flow could lead to this step."""
    screen = flow.screens[step.screen]
    for question in flow.questions:
        chosen = given(flow, step, question.id)
        if len(chosen) > 1 and set(chosen) & set(question.alone):
            return False
    if any(not given(flow, step, question) for question in screen.needs):
        return False
    if set(given(flow, step, "filed")) - set(given(flow, step, "accounts")):
        return False
    return not screen.account or account(flow, step) is not None


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
