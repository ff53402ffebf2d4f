"""How much one person may ask, told once when it is too much."""

from hypothesis import given
from hypothesis import strategies as st

from bot.tg.buckets import BURST, MOST, PER_SECOND, Buckets, Verdict


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_fast_tapper_is_welcome_and_a_flood_is_told_once():
    buckets = Buckets(Clock())
    verdicts = [buckets.take(1) for _ in range(10_000)]
    assert verdicts.count(Verdict.WELCOME) == BURST
    assert verdicts.count(Verdict.NOTICE) == 1
    assert verdicts[int(BURST)] is Verdict.NOTICE, "at once, not at the end"


def test_a_flood_takes_nothing_from_others():
    buckets = Buckets(Clock())
    for _ in range(10_000):
        buckets.take(1)
    assert all(buckets.take(person) is Verdict.WELCOME for person in range(2, 102))


def test_who_waits_is_welcome_again():
    clock = Clock()
    buckets = Buckets(clock)
    for _ in range(100):
        buckets.take(1)
    clock.now += 1 / PER_SECOND
    assert buckets.take(1) is Verdict.WELCOME
    assert buckets.take(1) is Verdict.REFUSED, "still the same flood: not told again"
    clock.now += BURST / PER_SECOND
    for _ in range(int(BURST)):
        assert buckets.take(1) is Verdict.WELCOME
    assert buckets.take(1) is Verdict.NOTICE, "another flood"


def test_who_was_told_is_hasty_until_half_the_bucket_is_full_again():
    clock = Clock()
    buckets = Buckets(clock)
    assert not buckets.is_hasty(1)
    for _ in range(int(BURST)):
        buckets.take(1)
    assert not buckets.is_hasty(1), "fast, and nothing was said"
    assert buckets.take(1) is Verdict.NOTICE
    assert buckets.is_hasty(1)
    assert not buckets.is_hasty(2)
    clock.now += 1 / PER_SECOND
    assert not buckets.is_shut(1)
    assert buckets.is_hasty(1), "one more is welcome"
    clock.now += BURST / 2 / PER_SECOND
    assert not buckets.is_hasty(1)


@given(st.lists(st.floats(0, 100), max_size=300))
def test_nobody_gets_more_than_burst_and_refill(pauses):
    clock = Clock()
    buckets = Buckets(clock)
    welcome = 0
    for pause in pauses:
        clock.now += pause
        welcome += buckets.take(1) is Verdict.WELCOME
    assert welcome <= BURST + clock.now * PER_SECOND + 1e-6


def test_memory_is_bounded():
    buckets = Buckets(Clock())
    for person in range(MOST + 100):
        buckets.take(person)
    assert len(buckets) == MOST
