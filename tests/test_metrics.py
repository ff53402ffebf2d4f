"""Figures: fetched over HTTP, about no person."""

import re
import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import MOST_VALUES, Metrics, MetricsError, serve


class Clock:
    """Stands still until it is moved."""

    time = 1_000.0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def metrics(clock):
    return Metrics(clock)


def fetch(port, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - on loopback
        return answer.read().decode()


def text_of(metrics):
    """The same without a server, whose end takes half a second."""
    return generate_latest(metrics.registry).decode()


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def use_all(metrics):
    metrics.turn_done("asked", "answer", 0.02)
    metrics.turn_done("asked", "answer", 0.3)
    metrics.turn_done("pressed", "stale", 70)
    metrics.called("sendMessage", "ok")
    metrics.called("sendMessage", "slow-down")
    for reason in ("flood", "duplicate", "stale", "unparsable", "secret"):
        metrics.refused(reason)
    metrics.storage_failed("write")
    metrics.reminder_tried("sent")
    metrics.reloaded(good=True)
    metrics.reloaded(good=False)
    metrics.unparsed()


def test_what_prometheus_fetches(metrics, clock):
    """Every figure, by its name, over HTTP."""
    use_all(metrics)
    metrics.watch_turns(lambda: 3, lambda: 5)
    clock.time += 60
    metrics.heard()
    clock.time += 25
    with serve(metrics, "127.0.0.1", 0) as port:
        found = samples(fetch(port))
    expected = {
        ("optout_updates_total", "answer", "asked"): 2,
        ("optout_updates_total", "pressed", "stale"): 1,
        ("optout_turn_duration_seconds_bucket", "0.025"): 1,
        ("optout_turn_duration_seconds_bucket", "0.5"): 2,
        ("optout_turn_duration_seconds_bucket", "60.0"): 2,
        ("optout_turn_duration_seconds_bucket", "+Inf"): 3,
        ("optout_turn_duration_seconds_count",): 3,
        ("optout_api_calls_total", "ok", "sendMessage"): 1,
        ("optout_api_calls_total", "sendMessage", "slow-down"): 1,
        ("optout_updates_refused_total", "flood"): 1,
        ("optout_updates_refused_total", "secret"): 1,
        ("optout_turns_in_work",): 3,
        ("optout_turns_waiting",): 5,
        ("optout_last_heard_age_seconds",): 25,
        ("optout_storage_errors_total", "write"): 1,
        ("optout_reminders_total", "sent"): 1,
        ("optout_content_reloads_total", "taken"): 1,
        ("optout_content_reloads_total", "kept-old"): 1,
        ("optout_replies_unparsed_total",): 1,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["process_resident_memory_bytes",] > 0


def test_names_and_meanings_are_as_prometheus_asks(metrics):
    """One prefix, base units, `_total` for what only grows; each says what it is."""
    use_all(metrics)
    families = [f for f in metrics.registry.collect() if not f.name.startswith("process_")]
    assert len(families) == 11
    for family in families:
        assert re.fullmatch(r"optout_[a-z]+(_[a-z]+)*", family.name)
        assert family.documentation.endswith(".")
        assert "_ms" not in family.name
    text = text_of(metrics)
    for family in families:
        if family.type == "counter":
            assert f"# TYPE {family.name}_total counter" in text


@pytest.mark.parametrize(
    "value",
    [
        "4815162342",
        "chat 4815162342",
        "Ada Lovelace",
        "@ada",
        "ada@example.org",
        "a" * 41,
        "é",
        "1",
    ],
)
def test_no_label_holds_an_id_or_words(metrics, value):
    """What is no name of ours is counted as something else."""
    metrics.turn_done(value, value, 1)
    metrics.called(value, value)
    metrics.reminder_tried(value)
    text = text_of(metrics)
    assert value not in {v for key in samples(text) for v in key[1:]}
    assert samples(text)["optout_updates_total", "other", "other"] == 1


def test_labels_are_bounded(metrics):
    """Whatever is counted, the host's memory does not grow for ever."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [one + two for one in letters for two in letters]
    for name in names:
        metrics.reminder_tried(name)
    found = samples(text_of(metrics))
    counted = [key for key in found if key[0] == "optout_reminders_total"]
    assert len(counted) == MOST_VALUES + 1
    assert found["optout_reminders_total", "other"] == len(names) - MOST_VALUES


def test_nothing_to_say_is_said(metrics):
    """An empty value and a dash are no values."""
    metrics.turn_done("-", "", 1)
    assert samples(text_of(metrics))["optout_updates_total", "none", "none"] == 1


def test_several_bots_count_for_themselves(metrics):
    """Nothing is registered for the whole process."""
    use_all(metrics)
    assert ("optout_updates_total", "answer", "asked") not in samples(text_of(Metrics()))


def test_an_address_in_use_is_said_in_one_line(metrics):
    """With what to do about it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(MetricsError) as caught,
        serve(metrics, "127.0.0.1", taken.getsockname()[1]),
    ):
        pass
    said = str(caught.value)
    assert "\n" not in said
    assert "METRICS_PORT" in said
    assert "127.0.0.1" in said


def test_an_address_of_another_machine_is_said_in_one_line(metrics):
    """TEST-NET-1 (RFC 5737) is nobody's."""
    with pytest.raises(MetricsError, match=r"192\.0\.2\.1"), serve(metrics, "192.0.2.1", 0):
        pass


def test_it_is_closed_at_the_end(metrics):
    """Also by an error; the port is free again."""
    with pytest.raises(KeyError), serve(metrics, "127.0.0.1", 0) as port:
        raise KeyError
    with pytest.raises(urllib.error.URLError):
        fetch(port)
    with serve(metrics, "127.0.0.1", port) as again:
        assert again == port
        assert fetch(again)


def test_only_reading_is_allowed(metrics):
    """There is nothing to write."""
    with (
        serve(metrics, "127.0.0.1", 0) as port,
        pytest.raises(urllib.error.HTTPError) as caught,
    ):
        fetch(port, "POST")
    with caught.value as answer:
        assert answer.code == 405
