"""Walks the objection through all that can differ, to check it and to draw its screens.

Trying every answer with every other would take for ever and show nothing new. So it walks several
times, each time with few options of most questions and all of some.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bot.dialogue import objection
from bot.dialogue.objection import Step
from bot.knowledge.model import Flow

MOST_ACCOUNTS = 2
"""Accounts ticked at once: with two, all that concerns "the next account" happens."""
Sample = Mapping[str, frozenset[str]]
"""By question the options that are tried; of a question without an entry the first one."""


def _sample(**options: str) -> Sample:
    return {name.replace("_", "-"): frozenset(some.split()) for name, some in options.items()}


SAMPLES: tuple[Sample, ...] = (
    _sample(country="AT DE elsewhere", before="no since-2025", accounts="no-account", land="bw",
            grounds="others"),
    _sample(accounts="facebook instagram", linked="yes no"),
    _sample(accounts="facebook", surface="app browser", logged="yes no", grounds="family"),
    _sample(accounts="whatsapp", used_ai="yes no"),
    _sample(accounts="page whatsapp", used_ai="yes no", surface="browser", logged="yes no"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Journey:
    """All steps that were reached, and where each leads."""

    leads: Mapping[Step, tuple[Step, ...]]
    impossible: tuple[Step, ...] = field(default=())
    """Steps that a button leads to but that could not be read back: dead buttons."""

    def stuck(self, ends: frozenset[str]) -> list[Step]:
        """Steps from which no way leads to a screen of `ends`."""
        before: dict[Step, list[Step]] = {}
        for step, targets in self.leads.items():
            for target in targets:
                before.setdefault(target, []).append(step)
        good = {step for step in self.leads if step.screen in ends}
        waiting = list(good)
        while waiting:
            for step in before.get(waiting.pop(), ()):
                if step not in good:
                    good.add(step)
                    waiting.append(step)
        return [step for step in self.leads if step not in good]


def explore(flow: Flow, samples: Iterable[Sample] = SAMPLES) -> Journey:
    """Every step that walking can reach, from the first screen on, by the samples."""
    leads: dict[Step, tuple[Step, ...]] = {}
    impossible: dict[Step, None] = {}
    for sample in samples:
        seen: set[Step] = set()
        waiting = [objection.start(flow)]
        while waiting:
            step = waiting.pop()
            if step in seen:
                continue
            seen.add(step)
            if not objection.can_be(flow, step):
                impossible[step] = None
                continue
            targets = tuple(_targets(flow, step, sample))
            leads[step] = tuple(dict.fromkeys((*leads.get(step, ()), *targets)))
            waiting += targets
    return Journey(leads, tuple(impossible))


def _targets(flow: Flow, step: Step, sample: Sample) -> Iterator[Step]:
    asks = flow.screens[step.screen].asks
    options = flow.question(asks).options if asks else ()
    tried = sample.get(asks or "", frozenset(options[:1]))
    for move in objection.moves(flow, step):
        if move.choice in options and move.choice not in tried:
            continue
        if move.ticked is False and not _may_tick(flow, step, asks or ""):
            continue
        yield move.step
    before = objection.back(flow, step)
    if before:
        yield before


def _may_tick(flow: Flow, step: Step, question: str) -> bool:
    most = 1 if flow.question(question).most else MOST_ACCOUNTS
    return len(objection.given(flow, step, question)) < most
