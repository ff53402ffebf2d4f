"""Whether the bot is alive and hears Telegram, for who looks from outside.

A process may run and be deaf, so what counts is when Telegram was heard last. The bot writes that
into a file beside its data; `optout-bot health` reads it.
"""

import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "health.json"
HEARD_WITHIN_S = 75
"""How long ago Telegram may have been heard: three rounds of polling, and some."""
WRITTEN_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class State:
    """How the bot was when it last looked."""

    pid: int
    mode: str
    """`polling` or `webhook`."""
    started: int
    """Seconds since 1970, as all times here."""
    heard: int
    """When Telegram was heard; 0: never yet."""
    content: str = ""
    """Why new content was not taken; empty: all is as it should be."""
    storage: str = ""
    """What is wrong with the storage, as far as the last turns met with it."""


class Pulse:
    """Writes down that Telegram was heard.

    Args:
        folder: DATA_DIR.
        mode: `polling` or `webhook`.
        now: Gives seconds since 1970.
        clock: Gives seconds that never go back.
    """

    def __init__(
        self,
        folder: Path,
        mode: str,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = folder / FILE
        self._now = now
        self._clock = clock
        self._heard_at: float | None = None
        self._written_at = -WRITTEN_EVERY_S
        self._state = State(os.getpid(), mode, int(now()), 0)

    def begin(self) -> None:
        """Write that the bot has started."""
        self._write()

    def heard(self) -> None:
        """Telegram was heard just now."""
        self._heard_at = self._clock()
        first = not self._state.heard
        self._state = replace(self._state, heard=int(self._now()))
        if first or self._heard_at - self._written_at >= WRITTEN_EVERY_S:
            self._write()

    def note(self, *, content: str | None = None, storage: str | None = None) -> None:
        """Note what is wrong with content or storage; empty: it is well again."""
        before = self._state
        self._state = replace(
            before,
            content=before.content if content is None else content,
            storage=before.storage if storage is None else storage,
        )
        if self._state != before:
            self._write()

    def end(self) -> None:
        """The bot stops as told: nothing is left to look at."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    @property
    def state(self) -> State:
        """How the bot is."""
        return self._state

    def silence(self) -> float:
        """Seconds since Telegram was heard; infinity: never yet."""
        return float("inf") if self._heard_at is None else self._clock() - self._heard_at

    def is_well(self) -> bool:
        """Whether Telegram was heard a short while ago."""
        return self.silence() <= HEARD_WITHIN_S

    def _write(self) -> None:
        self._written_at = self._clock()
        new = self._file.with_suffix(".new")
        try:
            new.write_text(json.dumps(asdict(self._state)), encoding="utf-8")
            new.chmod(0o600)
            new.replace(self._file)
        except OSError as error:
            log.error(  # noqa: TRY400
                "%s cannot be written (%s): see to the disk of DATA_DIR", FILE, error.strerror
            )


def read_state(folder: Path) -> State | None:
    """What the bot wrote last; None where it does not run."""
    try:
        return State(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def judge(state: State | None, now: float, is_running: Callable[[int], bool]) -> list[str]:
    """What is wrong, a line each; nothing, when the bot is alive and hears Telegram.

    Args:
        state: What the bot wrote last.
        now: Seconds since 1970.
        is_running: Whether a process with this id runs.
    """
    if state is None:
        return ["the bot does not run on this DATA_DIR: start it with optout-bot run"]
    if not is_running(state.pid):
        return ["the bot's process has ended without being told to: see its log, and start it anew"]
    if not state.heard:
        return ["the bot has not heard Telegram yet: wait for its start, else see its log"]
    # A clock that was set back makes the last time lie ahead: as far off as behind.
    silence = abs(now - state.heard)
    if silence > HEARD_WITHIN_S:
        return [f"Telegram was last heard {silence:.0f} s ago: the bot is deaf, start it anew"]
    return []


def is_running(pid: int) -> bool:
    """Whether a process with this id runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
