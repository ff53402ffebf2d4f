"""The measurements of `optout-bot bench` count what they say they count."""

import asyncio
import json
import subprocess
import sys
from itertools import islice

import pytest

from bot import load, soak
from bot.dialogue.buttons import Stale, parse
from bot.soak import Reading

QUESTIONS = [("en", "is it too late?"), ("fr", "est-ce trop tard ?")]


@pytest.fixture
def people():
    return load.People(QUESTIONS, [("en", "1.en.p.home")])


def test_every_update_of_a_load_is_another_persons(people):
    """Nobody is slowed down for asking much: what is measured is the bot, not its manners."""
    updates = [*people.ask(20), *people.mixed(30)]
    assert len({load._chat_of(update) for update in updates}) == 50


def test_two_of_three_press_in_a_mixed_load(people):
    assert sum("callback_query" in update for update in people.mixed(30)) == 20


def test_a_flood_is_one_persons(people):
    assert len({load._chat_of(update) for update in people.flood(30)}) == 1


@pytest.mark.slow
def test_what_is_pressed_under_load_leads_somewhere(knowledge):
    """A stale button costs another turn than a live one."""
    data = [data for _, data in load.presses(knowledge)]
    assert len(data) > 100
    assert [one for one in data if isinstance(parse(one, knowledge), Stale)] == []


def test_a_percentile_is_a_measured_value():
    values = [float(n) for n in range(100, 0, -1)]
    assert (load.at(values, 0.5), load.at(values, 0.99), load.at([], 0.99)) == (51.0, 100.0, 0.0)


@pytest.mark.slow
def test_both_bots_answer_everybody(people):
    """Each bot is started, answers so many people, and is gone with its sandbox afterwards."""
    for name, command in load.BOTS.items():
        with load.contestant(name, command) as bot:
            asked, mixed = load.push(bot, people.ask(5)), load.push(bot, people.mixed(6))
            assert (asked.updates, mixed.updates) == (5, 6)
            assert asked.seconds > 0
            waits = load.keep_asking(bot, people.ask(5), people.flood(200))
            assert (len(waits.quiet_ms), waits.unanswered) == (5, 0)
            assert bot.server.figures()["pending"] == 0, "the flood is over"
        assert bot.process.returncode is not None
        with pytest.raises(ConnectionRefusedError):
            bot.server.figures()


def test_a_bot_that_ends_is_said_with_its_last_words(people):
    failing = [sys.executable, "-c", "raise SystemExit('no token')"]
    with (
        load.contestant("failing", failing) as bot,
        pytest.raises(load.LoadError, match=r"\(failing\) ended with status 1: no token"),
    ):
        load.push(bot, people.ask(1))


def test_memory_that_stays_is_flat_and_what_grows_is_named():
    before = Reading(20, 100.0, 3, 10, 1)
    stays = [Reading(n, 100.0 + n % 3, 3, 10, 1) for n in (30, 40, 50)]
    leaks = [Reading(n, 100.0 + n, 3, 10 + n, 1) for n in (30, 40, 50)]
    assert soak.judge([before, *stays]).startswith("flat from 20 to 50 updates")
    assert soak.judge([before, *leaks]) == "GROWN from 20 to 50 updates: +40.0 MB, +50 files"


@pytest.mark.slow
def test_a_soak_meets_every_kind_of_update(knowledge, people):
    """Also what the bot must not choke on: forged data, groups, bots, what cannot be read."""
    updates = list(islice(soak.happenings(knowledge, people), 2_000))
    kinds = {kind for update in updates for kind in update if kind != "update_id"}
    assert kinds == {"message", "callback_query", "edited_message", "my_chat_member"}
    texts = {update["message"].get("text", "") for update in updates if "message" in update}
    assert {"is it too late?", "/forget", "\ud83d", "hello"} <= texts
    assert json.dumps(updates)


@pytest.mark.slow
def test_a_soak_leaves_nothing_behind(assistant, people):
    """Everything is carried out and closed: no task, no thread, no warning."""
    lines = list(soak.run(assistant, people, 100))
    assert [line.split()[0] for line in lines[1:11]] == [str(n * 10) for n in range(1, 11)]
    assert "calls" in lines[-1]
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


@pytest.mark.parametrize("given", [["--soak", "ten"], ["--soak", "-5"], ["--load", "--matching"]])
def test_bench_says_what_it_does_not_take(given):
    done = subprocess.run([sys.executable, "-m", "bot", "bench", *given], capture_output=True)
    assert done.returncode == 2
    assert b"optout-bot bench: error:" in done.stderr
