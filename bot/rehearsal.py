"""Walks the objection as people would and finds what could go wrong, before they do.

Steps that look alike are shown once: a screen differs by the account, by the answers that add words
to it, and where it names answers, by those.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, product

from bot.dialogue import buttons, exploration, objection, wizard, writing
from bot.dialogue.buttons import Deliver, Go, Stale
from bot.dialogue.exploration import SAMPLES, Sample, explore
from bot.dialogue.objection import SUMMARY, Step
from bot.dialogue.replies import Tap
from bot.dialogue.screens import Voice
from bot.dialogue.wizard import LABEL
from bot.knowledge.flow import PAPERS
from bot.knowledge.model import Effect, Flow, Knowledge, Question, Target
from bot.tg.render import MAX_UNITS, render, units

ENDS = frozenset({"done", "nothing", "settled"})
"""Screens at which somebody is through: sent, nothing to send, or sent before."""
_NOTES = {Effect.FILE: "filed", Effect.CONFIRM: "confirmed", Effect.WAY: "way"}
"""The question that an effect answers in the person's place."""
_EVERY_ANSWER = frozenset({SUMMARY, "complaint"})
"""Screens that name the answers themselves: shown with each option of each question."""
_MOST_STEPS = 4_000
"""Steps of a further walk, for conditions that the first walk did not meet."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing to mend in the flow."""

    place: str
    """Where in faq/objection.yaml, such as `screens.form.choices.open`, or a key of locales/."""
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message} → {self.remedy}"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was walked and what was found."""

    steps: int
    screens: int
    languages: int
    shown: int
    """Screens that were drawn, over all languages."""
    flaws: tuple[Flaw, ...]

    def lines(self) -> Iterator[str]:
        """The report, a line an item."""
        yield (f"{self.steps} steps, {self.screens} screens, {self.languages} languages; "
               f"{self.shown} screens drawn")  # fmt: skip
        yield from map(str, self.flaws)
        yield f"{len(self.flaws)} faults"


def rehearse(knowledge: Knowledge, today: date) -> Rehearsal:
    """Walk the flow, draw what looks different in every language, and say what is wrong."""
    flow = knowledge.flow
    flaws = list(_unwalkable(flow))
    if flaws:  # walking would end in the middle
        return Rehearsal(0, 0, len(knowledge.languages), 0, tuple(flaws))
    journey = explore(flow, _samples(flow))
    steps = list(journey.leads)
    play = _Play(flow)
    for step in steps:
        play.enter(step)
    for step in _wider(flow, play):
        play.enter(step)
    flaws += _unanswerable(flow)
    flaws += _unreached(flow, {step.screen for step in steps})
    stuck = journey.stuck(ENDS)
    flaws += _by_screen(flow, stuck, "no way leads from here to an end",
                        f"give it a button towards one of {', '.join(sorted(ENDS))}")  # fmt: skip
    flaws += _by_screen(flow, journey.impossible, "a button leads here that would be dead",
                        "let the button depend on what `needs`, `account` and `ways` ask for")  # fmt: skip
    reached = {step.screen for step in steps}
    flaws += (flaw for screen, flaw in play.idle() if screen in reached or not screen)
    flaws += _unwritten(Voice(knowledge, knowledge.languages[0], today), steps)
    flaws += _too_long_to_press(knowledge)
    shown = 0
    for tag in knowledge.languages:
        voice = Voice(knowledge, tag, today)
        for step in _different(voice, steps):
            shown += 1
            flaws += _shown(voice, step)
    return Rehearsal(len(steps), len(reached), len(knowledge.languages), shown,
                     tuple(dict.fromkeys(flaws)))  # fmt: skip


# -- walking ------------------------------------------------------------------------------------


def _samples(flow: Flow) -> tuple[Sample, ...]:
    """The samples of `exploration`, and one for each option that matters and is in none."""
    tried: dict[str, set[str]] = {}
    for sample in SAMPLES:
        for question, options in sample.items():
            tried.setdefault(question, set()).update(options)
    further = [
        {question: frozenset({option})}
        for question, named in _mattering(flow).items()
        for option in sorted(named - tried.get(question, set()))
        if option in flow.question(question).options
    ]
    return (*SAMPLES, *further)


def _mattering(flow: Flow) -> dict[str, set[str]]:
    """By question the options that a condition names; every account, for each has ways."""
    found: dict[str, set[str]] = {"accounts": set(flow.question("accounts").options)}
    conditions = [target.when for _, _, targets in _leads(flow) for target in targets]
    conditions += [choice.when for screen in flow.screens.values() for choice in screen.choices]
    conditions += flow.spared.values()
    for when in conditions:
        for question, options in when.items():
            if question in flow.places and any(s.asks == question for s in flow.screens.values()):
                parts = {part for option in options for part in option.split("+")}
                found.setdefault(question, set()).update(parts - {"any"})
    return found


def _leads(flow: Flow) -> Iterator[tuple[str, str, tuple[Target, ...]]]:
    """Screen, choice (or `back`) and targets of all that leads on."""
    for screen in flow.screens.values():
        if screen.back:
            yield screen.id, "back", screen.back
        for choice in screen.choices:
            yield screen.id, choice.id, choice.targets


def _wider(flow: Flow, play: "_Play") -> Iterator[Step]:
    """Steps with three accounts and more, as long as a condition was not met yet."""
    question = flow.question("accounts")
    together = [option for option in question.options if option not in question.alone]
    mattering = {name: frozenset(options) for name, options in _mattering(flow).items()}
    sample = {**mattering, "accounts": frozenset[str]()}
    asking = next((s.id for s in flow.screens.values() if s.asks == "accounts"), None)
    walked = 0
    for size in range(3, len(together) + 1):
        for ticked in combinations(together, size):
            waiting = [objection._set(flow, step, question, ticked)
                       for step in play.first_at.get(asking or "", ())]  # fmt: skip
            seen: set[Step] = set()
            while waiting and play.pending() and walked < _MOST_STEPS:
                step = waiting.pop(0)
                if step in seen or not objection.can_be(flow, step):
                    continue
                seen.add(step)
                walked += 1
                yield step
                waiting += exploration._targets(flow, step, sample)


class _Play:
    """What came into play on a walk: targets, buttons, effects, options, ways, spared accounts."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.first_at: dict[str, list[Step]] = {}
        """By screen the first step that was met there."""
        self.idle_yet = dict(self._all())
        self._resumed: set[tuple[int, ...]] = set()

    def enter(self, step: Step) -> None:
        """Note what a step and its buttons bring into play."""
        flow = self.flow
        screen = flow.screens[step.screen]
        self.first_at.setdefault(screen.id, [step])
        self._met("way", objection.current(flow, step) or "", screen.id)
        for spared in flow.spared:
            ticked = spared in objection.given(flow, step, "accounts")
            if ticked and objection.is_spared(flow, step, spared):
                self._met("spared", spared)
        for noted in _NOTES.values():
            for option in objection.given(flow, step, noted) if noted in flow.places else ():
                self._met("option", noted, option)
        self._resume(step.answers)
        # Most steps show nothing new: their buttons are looked at while one here was not met.
        if any(self._screen_of(key) == screen.id for key in self.idle_yet):
            if not (step.origin and not screen.aside):
                self._follow(step, "back", screen.back)
            if screen.asks:
                self._answer(step)
            self._press(step)

    def _press(self, step: Step) -> None:
        """The buttons beside the answers, and what they note."""
        flow = self.flow
        screen = flow.screens[step.screen]
        declared = {choice.id: choice for choice in screen.choices if choice.id}
        for move in objection.moves(flow, step):
            choice = declared.get(move.choice)
            if choice is None or move.ticked is not None:
                continue
            self._met("choice", screen.id, choice.id)
            for effect in choice.does:
                noted = flow.places.get(_NOTES.get(effect, ""))
                before, after = (
                    answers if noted is None else answers[noted]
                    for answers in (step.answers, move.step.answers)
                )
                if before != after:
                    self._met("effect", screen.id, choice.id, effect.value)
            if Effect.AFRESH in choice.does:
                self._met("target", screen.id, choice.id, "0")
            else:
                # What it notes counts for its conditions; what is reopened comes after them.
                noting = replace(step, answers=move.step.answers)
                self._follow(noting, choice.id, choice.targets)

    def pending(self) -> bool:
        """Whether a condition has not come into play yet: other accounts may meet it."""
        return any(key[0] in {"target", "choice", "spared"} for key in self.idle_yet)

    def idle(self) -> Iterator[tuple[str, Flaw]]:
        """What never came into play, each with the screen it stands on, if on one."""
        for key, flaw in self.idle_yet.items():
            yield self._screen_of(key), flaw

    @staticmethod
    def _screen_of(key: tuple[str, ...]) -> str:
        return key[1] if key[0] in {"target", "choice", "effect"} else ""

    def _resume(self, answers: tuple[int, ...]) -> None:
        """What the way back from the summary leads over: all that is answered already."""
        if answers in self._resumed or not self.pending():
            return
        self._resumed.add(answers)
        at = Step(self.flow.first, answers)
        for _ in self.flow.screens:
            screen = self.flow.screens[at.screen]
            if not screen.asks or not objection.given(self.flow, at, screen.asks):
                return
            targets = screen.choices[0].targets
            self._follow(at, "", targets)
            at = objection._follow(self.flow, at, targets)

    def _answer(self, step: Step) -> None:
        """The targets that the answers to a screen's question lead to."""
        flow = self.flow
        screen = flow.screens[step.screen]
        question = flow.question(screen.asks or "")
        if step.origin and not screen.aside:
            return  # back to the summary, whatever the answer
        if question.several:
            if objection.given(flow, step, question.id):
                self._follow(step, "", screen.choices[0].targets)
            return
        for option in question.options:
            answered = objection._set(flow, step, question, (option,))
            self._follow(answered, "", screen.choices[0].targets)

    def _follow(self, step: Step, choice: str, targets: tuple[Target, ...]) -> None:
        """The target that `objection` would take: the first that holds and that can be."""
        flow = self.flow
        taken = None
        for number, target in enumerate(targets):
            if objection._holds(flow, step, target.when):
                taken = number
                if objection.can_be(flow, objection._reach(flow, step, target)):
                    break
        if taken is not None:
            self._met("target", step.screen, choice, str(taken))

    def _met(self, *key: str) -> None:
        self.idle_yet.pop(key, None)

    def _all(self) -> Iterator[tuple[tuple[str, ...], Flaw]]:  # noqa: C901, PLR0912 - likewise
        flow = self.flow
        for screen, choice, targets in _leads(flow):
            part = "to" if not choice else choice if choice == "back" else f"choices.{choice}"
            for number, target in enumerate(targets):
                if target.when:
                    yield (
                        ("target", screen, choice, str(number)),
                        Flaw(
                            f"screens.{screen}.{part}",
                            f"the condition {written(flow, target.when)} for {target.screen} is never "
                            "the first that holds",
                            "correct it, move it up, or remove it",
                        ),
                    )
        for own in flow.screens.values():
            for declared in own.choices:
                if not declared.id:
                    continue
                place = f"screens.{own.id}.choices.{declared.id}"
                if declared.when:
                    yield (
                        ("choice", own.id, declared.id),
                        Flaw(
                            place, "this button is never shown", "correct its `when`, or remove it"
                        ),
                    )
                for effect in declared.does:
                    yield (
                        ("effect", own.id, declared.id, effect.value),
                        Flaw(
                            place,
                            f"its effect `{effect.value}` never changes anything",
                            "remove it, or give the screen an account and the effect its turn",
                        ),
                    )
        for account, ways in flow.ways.items():
            for screen, link in ways.items():
                yield (
                    ("way", account, screen),
                    Flaw(
                        f"ways.{account}.{screen}",
                        f"no walk of this account comes to {link} there",
                        "lead a button there for this account, or remove the way",
                    ),
                )
        for account in flow.spared:
            yield (
                ("spared", account),
                Flaw(
                    f"spared.{account}",
                    "this account is never spared",
                    "correct the condition, or remove it",
                ),
            )
        for noted in _NOTES.values():
            for option in flow.question(noted).options if noted in flow.places else ():
                yield (
                    ("option", noted, option),
                    Flaw(
                        f"questions.{noted}",
                        f"the option {option} is never noted",
                        "let a button note it, or remove it",
                    ),
                )


# -- what is wrong with the flow ----------------------------------------------------------------


def _unwalkable(flow: Flow) -> Iterator[Flaw]:
    """Effects that have nowhere to write."""
    for screen in flow.screens.values():
        for choice in screen.choices:
            place = f"screens.{screen.id}.choices.{choice.id}"
            for effect in choice.does:
                question = _NOTES.get(effect)
                if question and question not in flow.places:
                    yield Flaw(place, f"its effect `{effect.value}` has no question to write to",
                               f"add the question {question}, or remove the effect")  # fmt: skip
                elif effect is Effect.WAY and screen.id not in flow.question("way").options:
                    yield Flaw(place, f"its effect `way` notes {screen.id}, which is no option",
                               f"add {screen.id} to the options of `way`, or remove the effect")  # fmt: skip


def _unanswerable(flow: Flow) -> Iterator[Flaw]:  # noqa: C901 - likewise
    """Questions that nobody answers, options that cannot be chosen, papers that nobody offers."""
    noted = {_NOTES.get(effect) for screen in flow.screens.values()
             for choice in screen.choices for effect in choice.does}  # fmt: skip
    for question in flow.questions:
        asking = [screen for screen in flow.screens.values() if screen.asks == question.id]
        place = f"questions.{question.id}"
        if not asking and question.id not in noted:
            yield Flaw(place, "no screen asks it and no button notes it",
                       "let a screen ask it, or remove it")  # fmt: skip
        if asking and all(screen.likely for screen in asking):
            offered = {option for some in flow.likely.values() for option in some}
            for option in question.options:
                if option not in offered:
                    yield Flaw(place, f"the option {option} is offered in no language",
                               "add it to `likely`, or a screen that shows all options")  # fmt: skip
        for option in question.alone:
            if option not in question.options:
                yield Flaw(place, f"`alone` names {option}, which is no option",
                           "correct the name, or remove it")  # fmt: skip
    for account in flow.question("accounts").options:
        for effect, name in _NOTES.items():
            kept = name in flow.places and flow.question(name).options
            if effect is not Effect.WAY and kept and account not in kept:
                yield Flaw(f"questions.{name}", f"the account {account} cannot be noted here",
                           "give it the same options as `accounts`")  # fmt: skip
    offered = {paper for screen in flow.screens.values() for paper in screen.papers}
    for paper in sorted(PAPERS - offered):
        yield Flaw("screens", f"the paper {paper} is offered nowhere",
                   "name it under `papers` of a screen")  # fmt: skip


def _unreached(flow: Flow, reached: set[str]) -> Iterator[Flaw]:
    for screen in flow.screens:
        if screen not in reached:
            yield Flaw(f"screens.{screen}", "no walk comes here",
                       "lead a button here, or remove the screen")  # fmt: skip


def _by_screen(flow: Flow, steps: Iterable[Step], message: str, remedy: str) -> Iterator[Flaw]:
    """A line for each screen, with one of its steps."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.screen, []).append(step)
    for screen, some in found.items():
        example = objection.encode(flow, some[0])
        yield Flaw(f"screens.{screen}", f"{message} ({len(some)} steps, such as {example})", remedy)


def _unwritten(voice: Voice, steps: Iterable[Step]) -> Iterator[Flaw]:
    """Papers that a screen names but that can be had at none of its steps."""
    flow = voice.knowledge.flow
    idle = {(screen.id, paper) for screen in flow.screens.values() for paper in screen.papers}
    here = {screen for screen, _ in idle}
    reached = set()
    for step in steps:
        reached.add(step.screen)
        if step.screen in here:
            for paper in flow.screens[step.screen].papers:
                if (step.screen, paper) in idle and writing.can_write(voice, step, paper):
                    idle.discard((step.screen, paper))
    for screen, paper in sorted(idle):
        if screen in reached:
            yield Flaw(f"screens.{screen}.papers", f"{paper} can never be had here",
                       "ask before what it needs, or remove it")  # fmt: skip


def _too_long_to_press(knowledge: Knowledge) -> Iterator[Flaw]:
    """Screens whose longest state does not fit into a button, in some language."""
    flow = knowledge.flow
    last = list(flow.screens)[-1]
    highest = tuple(objection._size(question) - 1 for question in flow.questions)
    for screen in flow.screens:
        step = Step(screen, highest, last)
        state = objection.encode(flow, step)
        if len(state.rpartition(".")[2]) > objection.MOST_DIGITS:
            yield Flaw("questions", f"all answers together take more than {objection.MOST_DIGITS} "
                       "digits in a button", "ask less, or offer fewer options")  # fmt: skip
            return
        for tag in knowledge.languages:
            for button in (Go(tag, step), Deliver(tag, min(PAPERS), "message", step)):
                size = len(buttons.encode(button, knowledge).encode())
                if size > buttons.MAX_BYTES:
                    yield Flaw(f"screens.{screen}", f"a button to it can take {size} bytes, more "
                               f"than {buttons.MAX_BYTES} ({tag})", "give it a shorter name")  # fmt: skip
                    break


def written(flow: Flow, when: Mapping[str, frozenset[str]]) -> str:
    """A condition as it stands in the file, in brackets; options in their own order."""
    parts = []
    for question, options in when.items():
        known = flow.question("accounts" if question == "account" else question).options
        in_order = sorted(options, key=lambda o: [known.index(p) for p in o.split("+")
                                                  if p in known])  # fmt: skip
        parts.append(f"{question}: {', '.join(in_order)}")
    return f"[{'; '.join(parts)}]"


# -- what is wrong with the screens -------------------------------------------------------------


def _different(voice: Voice, steps: Iterable[Step]) -> Iterator[Step]:
    """One step for each look: screen, account, and the answers that add words; and the fullest."""
    flow = voice.knowledge.flow
    special = {screen: _specials(voice, screen) for screen in flow.screens}
    seen: set[tuple[str, str | None, tuple[object, ...]]] = set()
    for step in steps:
        account = objection.current(flow, step) if flow.screens[step.screen].account else None
        answers = tuple(step.answers[flow.places[name]] for name in special[step.screen])
        key = (step.screen, account, answers)
        if key in seen:
            continue
        seen.add(key)
        for variant in (step, *_variants(voice, step, special[step.screen])):
            if objection.can_be(flow, variant):
                yield variant


def _specials(voice: Voice, screen: str) -> dict[str, tuple[str, ...]]:
    """By question the options for which a screen has words of their own."""
    flow = voice.knowledge.flow
    found = {}
    for question in flow.questions:
        options = tuple(option for option in question.options
                        if voice.catalog.has(f"objection.{screen}.{question.id}-{option}"))  # fmt: skip
        if options or (screen == "form" and question.id == "surface"):
            found[question.id] = options
    return found


def _variants(voice: Voice, step: Step, special: Mapping[str, tuple[str, ...]]) -> Iterator[Step]:
    """The same step with every special answer, and with as much on it as can be."""
    flow = voice.knowledge.flow

    def change(step: Step, name: str, *options: str) -> Step:
        return objection._set(flow, step, flow.question(name), options)

    singles = {name: options for name, options in special.items()
               if not flow.question(name).several}  # fmt: skip
    fullest = step
    for question in flow.questions:
        if question.several and objection.given(flow, step, question.id):
            fullest = change(fullest, question.id, *_longest(voice, question))
    for picked in product(*singles.values()):
        for base in (step, fullest):
            some = base
            for name, option in zip(singles, picked, strict=True):
                some = change(some, name, option)
            yield some
    if step.screen in _EVERY_ANSWER:
        for question in flow.questions:
            for option in question.options if not question.several else ():
                yield change(fullest, question.id, option)


def _longest(voice: Voice, question: Question) -> Sequence[str]:
    """Options that may be ticked together and take the most room."""
    together = [option for option in question.options if option not in question.alone]
    if not question.most:
        return together
    texts = voice.catalog.texts
    return sorted(together, key=lambda option: len(texts.get(f"ground.{option}.medium", option)))[
        -question.most :
    ]


def _shown(voice: Voice, step: Step) -> Iterator[Flaw]:
    """What is wrong with a screen as Telegram would get it."""
    knowledge, flow = voice.knowledge, voice.knowledge.flow
    tag = voice.language
    place = f"objection.{step.screen} ({tag})"
    reply = wizard.show(voice, step, edits=True)
    parts = render(reply)
    if len(parts) > 1:
        length = sum(units(part.text) for part in parts)
        yield Flaw(place, f"its text of about {length} characters is longer than one message "
                   f"({MAX_UNITS})", "shorten it or what is added for this account or country")  # fmt: skip
    keys = [key for row in reply.rows for key in row]
    labels = [key.label for key in keys]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        yield Flaw(place, f'two buttons read "{label}"', "word them differently")
    for label in labels:
        if len(label) > LABEL:
            yield Flaw(place, f'the button "{label}" has {len(label)} characters, a phone shows '
                       f"{LABEL}", "shorten it")  # fmt: skip
    for key in keys:
        if not isinstance(key, Tap):
            continue
        if len(key.data.encode()) > buttons.MAX_BYTES:
            yield Flaw(place, f'the button "{key.label}" takes {len(key.data.encode())} bytes, '
                       f"Telegram {buttons.MAX_BYTES}", "give the screen a shorter name")  # fmt: skip
        elif isinstance(buttons.parse(key.data, knowledge), Stale):
            yield Flaw(place, f'the button "{key.label}" could not be read back',
                       "let it depend on what the screen it leads to `needs`")  # fmt: skip
    if step.screen != flow.first and objection.back(flow, step) is None:
        yield Flaw(f"screens.{step.screen}", "there is no way back",
                   "name the screen before it under `back`")  # fmt: skip
