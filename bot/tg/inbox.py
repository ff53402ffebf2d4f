"""Which updates were taken already, and which are still in work.

Telegram delivers at least once: it repeats what was not confirmed, and a webhook that answered too
late. Ids are remembered as a set, because after a quiet week the next one is drawn at random.
"""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "updates.seen"
MOST = 2_000
"""Ids that are remembered: many times what Telegram may deliver again at once (100)."""


class Inbox:
    """Lets each update in once, also after a restart.

    An id is written down when its update was carried out: whoever is killed in the middle of a
    turn carries it out again, rather than leave somebody without an answer. The file holds numbers
    of updates and nothing about people; written without waiting for the disk, it outlives the
    process but perhaps not a power cut.

    Args:
        folder: Where the file is; None: memory alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = folder / FILE if folder else None
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._in_work: set[int] = set()
        self._watches: list[tuple[set[int], asyncio.Future[None]]] = []
        """What somebody waits for to be done."""
        self._descriptor = -1
        self._appended = 0
        self._open()

    def take(self, update: int) -> bool:
        """Take an update in; False when it was taken before."""
        if update in self._seen or update in self._in_work:
            return False
        self._in_work.add(update)
        return True

    def done(self, update: int) -> None:
        """An update was carried out, or left aside for good."""
        self._leave(update)
        self._remember(update)
        if self._descriptor >= 0:
            try:
                os.write(self._descriptor, b"%d\n" % update)
            except OSError as error:
                self._go_without(error)
            self._appended += 1
            if self._appended >= MOST:
                self._open()

    def drop(self, update: int) -> None:
        """An update was not carried out and may come again."""
        self._leave(update)

    def has(self, update: int) -> bool:
        """Whether an update was carried out."""
        return update in self._seen

    def in_work(self, update: int) -> bool:
        """Whether an update was taken in and is neither carried out nor dropped."""
        return update in self._in_work

    async def settled(self, updates: Iterable[int], within_s: float) -> bool:
        """Wait until none of these is in work, for so many seconds at most; whether that is so."""
        left = self._in_work.intersection(updates)
        if not left:
            return True
        watch = (left, asyncio.get_running_loop().create_future())
        self._watches.append(watch)
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation of the same moment.
            async with asyncio.timeout(within_s):
                await watch[1]
        except TimeoutError:
            return False
        finally:
            self._watches.remove(watch)
        return True

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _leave(self, update: int) -> None:
        self._in_work.discard(update)
        for left, emptied in self._watches:
            left.discard(update)
            if not left and not emptied.done():
                emptied.set_result(None)

    def _remember(self, update: int) -> None:
        self._seen[update] = None
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)

    def _open(self) -> None:
        """Read the file, and begin it anew with what still counts."""
        if not self._file:
            return
        self.close()
        try:
            if self._file.exists():
                # A line that a kill cut short has no end: it is none.
                for line in self._file.read_bytes().split(b"\n")[:-1]:
                    if line.isdigit():
                        self._remember(int(line))
            new = self._file.with_suffix(".new")
            new.write_bytes(b"".join(b"%d\n" % update for update in self._seen))
            new.chmod(0o600)
            new.replace(self._file)
            self._descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND)
            self._appended = 0
        except OSError as error:
            self._go_without(error)

    def _go_without(self, error: OSError) -> None:
        """After a restart an update may be answered twice: a nuisance, and no reason to stop."""
        self.close()
        log.error("%s cannot be written (%s): see to the disk of DATA_DIR", FILE, error.strerror)
