"""Alive is who hears Telegram, not who runs."""

import json
import os

import pytest

from bot.health import FILE, HEARD_WITHIN_S, WRITTEN_EVERY_S, Pulse, judge, read_state


class Clock:
    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pulse(tmp_path, clock):
    return Pulse(tmp_path, "polling", clock, clock)


def faults(folder, clock, running=True):
    return judge(read_state(folder), clock.now, lambda _pid: running)


def test_who_hears_is_well(tmp_path, pulse, clock):
    pulse.begin()
    pulse.heard()
    assert faults(tmp_path, clock) == []
    assert pulse.is_well()
    assert read_state(tmp_path).pid == os.getpid()


def test_who_runs_and_hears_nothing_is_deaf(tmp_path, pulse, clock):
    clock.now += WRITTEN_EVERY_S
    pulse.heard()
    clock.now += HEARD_WITHIN_S + 1
    (fault,) = faults(tmp_path, clock)
    assert "deaf" in fault
    assert "start it anew" in fault
    assert not pulse.is_well()


def test_who_was_killed_is_found_at_once(tmp_path, pulse, clock):
    pulse.heard()
    (fault,) = faults(tmp_path, clock, running=False)
    assert "ended" in fault


def test_who_has_not_heard_yet_is_not_well(tmp_path, pulse, clock):
    pulse.begin()
    assert faults(tmp_path, clock)
    assert not pulse.is_well()


def test_who_stopped_as_told_does_not_run(tmp_path, pulse, clock):
    pulse.heard()
    pulse.end()
    assert faults(tmp_path, clock)


@pytest.mark.parametrize("jump", [-3_600, -10])
def test_a_clock_that_is_set_back_is_followed(tmp_path, pulse, clock, jump):
    """The next time that Telegram is heard, all is well again."""
    wall, steady = Clock(), Clock(0.0)
    pulse = Pulse(tmp_path, "polling", wall, steady)
    pulse.heard()
    wall.now += jump
    steady.now += WRITTEN_EVERY_S
    pulse.heard()
    assert faults(tmp_path, wall) == []
    assert pulse.is_well()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"x": 2}', "null"])
def test_a_file_that_cannot_be_read_is_no_good_sign(tmp_path, clock, text):
    (tmp_path / FILE).write_text(text)
    assert faults(tmp_path, clock)


def test_the_file_is_not_written_at_every_update(tmp_path, pulse, clock):
    pulse.heard()
    before = json.loads((tmp_path / FILE).read_text())
    clock.now += 1
    pulse.heard()
    assert json.loads((tmp_path / FILE).read_text()) == before


def test_what_is_wrong_beside_is_noted_at_once(tmp_path, pulse):
    pulse.note(content="faq/en/data.yaml:3: no-title")
    assert read_state(tmp_path).content.startswith("faq/en")
    pulse.note(content="")
    assert read_state(tmp_path).content == ""
