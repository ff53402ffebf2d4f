"""The lints of faq/ and locales/: one file each, with the rule, its reason, and what to do.

What a file must be to be read at all (shape, ids, links, placeholders that exist) is checked by
`loader` while reading; these look at what was read as a whole.
"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Protocol, cast

from bot.knowledge.checks import (
    amounts,
    english,
    facts,
    lengths,
    literals,
    over_match,
    phrasings,
    placeholders,
    reviews,
    scripts,
    sources,
    stale,
)
from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault


class Check(Protocol):
    """What each module here offers."""

    RULES: dict[str, str]
    """Rule ids with the reason of each."""
    find: Callable[[Subject], Iterator[Fault]]


_MODULES: tuple[ModuleType, ...] = (
    placeholders,
    literals,
    lengths,
    amounts,
    phrasings,
    over_match,
    scripts,
    english,
    facts,
    sources,
    reviews,
    stale,
)
CHECKS = tuple(cast("Check", module) for module in _MODULES)


def run(subject: Subject) -> list[Fault]:
    """All faults that the checks find, in the order of the checks."""
    return [fault for check in CHECKS for fault in check.find(subject)]


__all__ = ["CHECKS", "Check", "Subject", "run"]
