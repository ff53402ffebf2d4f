"""What conversations are about at the moment: in memory, for a while, for so many."""

from collections import OrderedDict
from collections.abc import Callable

from bot.dialogue.events import Thread

LIFETIME_S = 3_600.0
MOST = 10_000


class Threads:
    """Threads by chat. Nothing is written anywhere; a restart forgets them all."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back, such as `time.monotonic`."""
        self._clock = clock
        self._threads: OrderedDict[int, tuple[float, Thread]] = OrderedDict()

    def get(self, chat: int) -> Thread:
        """The thread of a chat, or an empty one."""
        kept_at, thread = self._threads.get(chat, (0.0, Thread()))
        return thread if self._clock() - kept_at < LIFETIME_S else Thread()

    def keep(self, chat: int, thread: Thread) -> None:
        """Remember a chat's thread; drops what is old or too much."""
        self._threads.pop(chat, None)
        if thread != Thread():
            self._threads[chat] = (self._clock(), thread)
        while self._threads:
            oldest, (kept_at, _) = next(iter(self._threads.items()))
            if len(self._threads) <= MOST and self._clock() - kept_at < LIFETIME_S:
                break
            del self._threads[oldest]

    def forget(self, chat: int) -> None:
        """Drop what is remembered of a chat."""
        self._threads.pop(chat, None)

    def __len__(self) -> int:
        return len(self._threads)
