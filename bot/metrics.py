"""Figures for the host's monitoring (Prometheus), of which none is about a person."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    start_http_server,
)

MOST_VALUES = 128
"""Different values that a label takes; what comes after that is `other`."""
_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
"""Words of ours and names of methods. No digits: so no id gets in, whoever calls."""
_OTHER = "other"
_NONE = "none"

Refusal = Literal["flood", "duplicate", "stale", "unparsable", "secret"]


class MetricsError(Exception):
    """The figures cannot be served; the message says why and what to do, in one line."""


class Metrics:
    """Counts what happens. Each has a registry of its own, so that there may be several.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._heard_at = clock()
        self._values: defaultdict[str, set[str]] = defaultdict(set)
        ProcessCollector(registry=self.registry)
        self._updates = self._counter("updates", "Updates answered.", "kind", "outcome")
        self._seconds = Histogram(
            "optout_turn_duration_seconds",
            "From the update to the last word of the answer.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
            registry=self.registry,
        )
        self._calls = self._counter("api_calls", "Calls of the Bot API.", "method", "result")
        refused = self._counter("updates_refused", "Updates left unanswered.", "reason")
        # Made here, because a flood counts thousands a second.
        self._refused = {reason: refused.labels(reason) for reason in get_args(Refusal)}
        self._in_work = self._gauge("turns_in_work", "Chats that are being answered.")
        self._waiting = self._gauge("turns_waiting", "Updates that wait for one before them.")
        heard = self._gauge("last_heard_age_seconds", "Seconds since Telegram last answered.")
        heard.set_function(lambda: self._clock() - self._heard_at)
        self._storage = self._counter("storage_errors", "Failures of the disk.", "action")
        self._reminders = self._counter("reminders", "Reminders tried.", "outcome")
        self._reloads = self._counter("content_reloads", "Reloads of the content.", "outcome")
        self._unparsed = self._counter(
            "replies_unparsed", "Replies whose markup Telegram did not take: an error of ours."
        )

    def turn_done(self, kind: str, outcome: str, seconds: float) -> None:
        """An update was answered; kind and outcome as in the log."""
        self._count(self._updates, kind, outcome)
        self._seconds.observe(seconds)

    def called(self, method: str, result: str) -> None:
        """A call of the Bot API ended: `ok`, or what its error means."""
        self._count(self._calls, method, result)

    def refused(self, reason: Refusal) -> None:
        """An update is not answered."""
        self._refused[reason].inc()

    def unparsed(self) -> None:
        """Telegram did not take the markup of a reply."""
        self._unparsed.inc()

    def heard(self) -> None:
        """Telegram has answered."""
        self._heard_at = self._clock()

    def watch_turns(self, in_work: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Ask these whenever somebody looks. They are called in another thread."""
        self._in_work.set_function(in_work)
        self._waiting.set_function(waiting)

    def storage_failed(self, action: Literal["read", "write"]) -> None:
        """The disk did not do what it should."""
        self._count(self._storage, action)

    def reminder_tried(self, outcome: str) -> None:
        """A reminder was sent, or not."""
        self._count(self._reminders, outcome)

    def reloaded(self, *, good: bool) -> None:
        """The content was read again: taken, or broken and the old one kept."""
        self._count(self._reloads, "taken" if good else "kept-old")

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"optout_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"optout_{name}", meaning, registry=self.registry)

    def _count(self, counter: Counter, *values: str) -> None:
        names = counter._labelnames
        labels = (
            self._bounded(f"{counter._name} {name}", value)
            for name, value in zip(names, values, strict=True)
        )
        counter.labels(*labels).inc()

    def _bounded(self, label: str, value: str) -> str:
        """The value, where it may be one: so the host's memory is bounded, and people stay out."""
        known = self._values[label]
        if value in {"", "-"}:
            return _NONE
        if value not in known:
            if len(known) >= MOST_VALUES or not _NAME.fullmatch(value):
                return _OTHER
            known.add(value)
        return value


@contextmanager
def serve(metrics: Metrics, host: str, port: int) -> Iterator[int]:
    """Serve the figures under /metrics while the block runs; gives the port (0: any free one).

    Raises:
        MetricsError: when the address cannot be used.
    """
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        raise MetricsError(
            f"figures cannot be served on {host} port {port} ({error.strerror}): "
            "choose another METRICS_PORT, or end the program that uses it"
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
