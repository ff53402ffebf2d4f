"""Bots by the dozen: forked from a process that has loaded their modules, so that a start takes a
third of a second. All else is as on a host: `optout-bot run` with an environment, on real folders.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess

# What a start spends its time on. Modules only: nothing of them is in use before the fork.
import bot.app
import bot.cli
import bot.papers.desk

_CONTEXT = multiprocessing.get_context("forkserver")
# Pytest, because each process looks at the module that the first one was started with.
_CONTEXT.set_forkserver_preload(["trust.nursery", "pytest"])


class Child:
    """A bot in a process of its own, with its output in a file."""

    def __init__(self, settings: Mapping[str, str], output: str) -> None:
        self._process: ForkServerProcess = _CONTEXT.Process(
            target=_live, args=(dict(settings), output)
        )
        self._process.start()

    def kill(self) -> None:
        """Kill it now; nothing when it has ended."""
        self._process.kill()

    def stop(self) -> None:
        """Tell it to stop."""
        os.kill(self._process.pid or 0, signal.SIGTERM)

    async def ended(self, within_s: float) -> int:
        """Wait until it has ended; gives its exit status, or the signal that killed it, negative."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        sentinel = self._process.sentinel
        loop.add_reader(sentinel, lambda: over.done() or over.set_result(None))
        try:
            await asyncio.wait_for(over, within_s)
        finally:
            loop.remove_reader(sentinel)
        self._process.join()
        status = self._process.exitcode or 0
        self._process.close()
        return status


def _live(settings: dict[str, str], output: str) -> None:
    """Be `optout-bot run` with these settings."""
    with open(output, "ab") as file:  # noqa: PTH123
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(settings)
    sys.exit(bot.cli.main(["run"]))
