"""Figures of a load: calls by method, and how long people wait for the first answer."""

import bisect
import time
from array import array
from collections import Counter
from collections.abc import Callable
from typing import Any

BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram."""


class Figures:
    """Counts since the start, or since they were begun anew.

    Args:
        clock: Seconds; differences alone are looked at.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._now = now
        self.begin()

    def begin(self) -> None:
        """Begin anew."""
        self.calls: Counter[str] = Counter()
        """Calls by method, in lower case."""
        self.errors: Counter[str] = Counter()
        """Calls that were refused, by method and code: "sendmessage 429"."""
        self.last_call: dict[int, float] = {}
        """When the bot spoke in a chat last, in seconds since 1970."""
        self._asked: dict[int, float] = {}
        self._waits = array("d")

    def asked(self, chat: int) -> None:
        """Somebody waits for an answer from now on, if not already."""
        self._asked.setdefault(chat, self._clock())

    def answered(self, chat: int) -> None:
        """The bot has sent or edited something."""
        self.last_call[chat] = self._now()
        if (since := self._asked.pop(chat, None)) is not None:
            self._waits.append(self._clock() - since)

    def described(self) -> dict[str, Any]:
        """All of them, as JSON: seconds from an update to the first answer in its chat."""
        waits = sorted(self._waits)
        below = [bisect.bisect_right(waits, bound) for bound in BOUNDS_S]
        return {
            "calls": dict(self.calls),
            "errors": dict(self.errors),
            "waiting": len(self._asked),
            "answers": {
                "count": len(waits),
                **{f"p{part}_s": _quantile(waits, part / 100) for part in (50, 95, 99)},
                "max_s": waits[-1] if waits else None,
                "histogram": {
                    **{str(bound): count for bound, count in zip(BOUNDS_S, below, strict=True)},
                    "+Inf": len(waits),
                },
            },
            "last_call": {str(chat): when for chat, when in self.last_call.items()},
        }


def _quantile(ordered: list[float], part: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None
