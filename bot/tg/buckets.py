"""How much one person may ask in how short a time."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

BURST = 20.0
"""Updates that may come at once: somebody who knows the way taps fast."""
PER_SECOND = 0.75
"""Updates that may come for ever: 45 a minute."""
MOST = 10_000
"""Buckets that are kept; who is dropped begins with a full one."""


class Verdict(Enum):
    """What becomes of an update."""

    WELCOME = auto()
    NOTICE = auto()
    """One too many: say so, this once."""
    REFUSED = auto()
    """One too many, and it was said."""


@dataclass(slots=True)
class _Bucket:
    level: float
    filled_at: float
    told: bool = False


class Buckets:
    """A token bucket a person, in memory: an update takes one, time fills it up again."""

    def __init__(
        self,
        clock: Callable[[], float],
        burst: float = BURST,
        per_second: float = PER_SECOND,
    ) -> None:
        """`clock` gives seconds that never go back, such as `time.monotonic`."""
        self._clock = clock
        self._burst = burst
        self._per_second = per_second
        self._buckets: OrderedDict[int, _Bucket] = OrderedDict()

    def take(self, person: int) -> Verdict:
        """Take one for an update of a person."""
        now = self._clock()
        bucket = self._buckets.get(person)
        if bucket is None:
            bucket = self._buckets[person] = _Bucket(self._burst, now)
            if len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(person)
        gained = max(0.0, now - bucket.filled_at) * self._per_second
        bucket.level = min(self._burst, bucket.level + gained)
        bucket.filled_at = now
        if bucket.level >= 1.0:
            bucket.level -= 1.0
            # Told once in a flood: who has calmed down may be told again.
            bucket.told = bucket.told and bucket.level < self._burst / 2
            return Verdict.WELCOME
        if bucket.told:
            return Verdict.REFUSED
        bucket.told = True
        return Verdict.NOTICE

    def is_shut(self, person: int) -> bool:
        """Whether an update of a person would be refused, and it was said; takes nothing."""
        return self._is_told_below(1.0, person)

    def is_hasty(self, person: int) -> bool:
        """Whether a person was told that it is too much and has not calmed down; takes nothing."""
        return self._is_told_below(self._burst / 2, person)

    def _is_told_below(self, level: float, person: int) -> bool:
        bucket = self._buckets.get(person)
        if bucket is None or not bucket.told:
            return False
        gained = max(0.0, self._clock() - bucket.filled_at) * self._per_second
        return bucket.level + gained < level

    def __len__(self) -> int:
        return len(self._buckets)
