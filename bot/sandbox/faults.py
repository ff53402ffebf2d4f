"""What goes wrong: errors as Telegram words them, faults on request, limits of rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

DESCRIPTIONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""What Telegram says most often with a code."""
UPGRADED = "Bad Request: group chat was upgraded to a supergroup chat"


class ApiError(Exception):
    """What Telegram answers instead of a result."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad(description: str) -> ApiError:
    """An error of whoever asks."""
    return ApiError(400, f"Bad Request: {description}")


def too_many(wait_s: float) -> ApiError:
    """An error that says after how many whole seconds the next call is welcome."""
    wait = max(1, math.ceil(wait_s))
    return ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)


@dataclass(slots=True)
class Fault:
    """Something that is to go wrong."""

    method: str = "*"
    """The method it strikes; `*`: any but getUpdates."""
    code: int = 0
    """An error code to answer with: 429, 500 …; 0: no error. The call is not carried out."""
    retry_after: int = 1
    """Seconds, with code 429."""
    latency_s: float = 0.0
    drop: bool | Literal["before", "after"] = False
    """Close the connection without an answer: before the call was carried out (also `True`), or
    after: what was sent has arrived, and the bot does not know."""
    times: int = 1
    """How many calls it strikes; 0 or less: all, until it is taken out of `BotApi.faults`."""
    after: int = 0
    """How many calls of the method pass first."""
    description: str = ""
    """The error's words; empty: what Telegram says most often with this code."""
    migrate_to: int | None = None
    """The group became a supergroup with this id: 400."""
    body: Literal["", "not json", "truncated"] = ""
    """Answer with the page of a gateway (status: `code` or 200; the call is not carried out), or
    with half of the answer (it is)."""

    @property
    def error(self) -> ApiError | None:
        """What Telegram answers; None where this fault is none of an answer's words."""
        if self.migrate_to is not None:
            words = self.description or UPGRADED
            return ApiError(self.code or 400, words, migrate_to_chat_id=self.migrate_to)
        if not self.code:
            return None
        if self.code == 429:  # noqa: PLR2004
            error = too_many(self.retry_after)
            if self.description:
                return ApiError(429, self.description, **error.parameters)
            return error
        known = DESCRIPTIONS.get(self.code, "Internal Server Error")
        return ApiError(self.code, self.description or known)

    def is_for(self, method: str) -> bool:
        """Whether a call of this method, in lower case, is one that it waits for."""
        return self.method.lower() == method or (self.method == "*" and method != "getupdates")


def struck(faults: list[Fault], method: str) -> Fault | None:
    """The first fault that strikes this call, if any. Each that it is for counts it."""
    method = method.lower()
    for fault in tuple(faults):
        if not fault.is_for(method):
            continue
        if fault.after > 0:
            fault.after -= 1
            continue
        if fault.times > 0:
            fault.times -= 1
            if fault.times == 0:
                faults.remove(fault)
        return fault
    return None


@dataclass(frozen=True, slots=True)
class Limits:
    """How many messages and edits a second are taken; beyond that 429. None: any number.

    Telegram's own are about 1 in a chat, 20 a minute in a group and 30 in all chats together
    (core.telegram.org/bots/faq).
    """

    per_chat_per_second: float | None = None
    overall_per_second: float | None = None


class Throttle:
    """Counts calls against limits: a bucket for each chat and one for all, of a second's worth."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[int | None, tuple[float, float]] = {}

    def wait_s(self, chat: int, limits: Limits) -> float:
        """Seconds until a call would be taken; 0: it is taken now, and counted."""
        now = self._clock()
        rates = {chat: limits.per_chat_per_second, None: limits.overall_per_second}
        levels = {key: self._level(key, rate, now) for key, rate in rates.items() if rate}
        wait = max(((1 - level) / (rates[key] or 1) for key, level in levels.items()), default=0.0)
        if wait > 0:
            return wait
        self._buckets.update({key: (level - 1, now) for key, level in levels.items()})
        return 0.0

    def _level(self, key: int | None, rate: float, now: float) -> float:
        full = max(1.0, rate)
        level, since = self._buckets.get(key, (full, now))
        return min(full, level + (now - since) * rate)
