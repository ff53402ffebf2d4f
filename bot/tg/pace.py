"""How fast Telegram takes messages, so that it need not say "slow down".

Telegram's FAQ for bots (core.telegram.org/bots/faq, "My bot is hitting limits"): in one chat about
one message a second, short bursts aside; in a group 20 a minute; some 30 a second overall.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

CHAT_S = 1.0
"""Seconds between messages to one person, in the long run."""
GROUP_S = 3.0
"""Seconds between messages to one group, in the long run."""
BURST = 3
"""Messages to a chat that need not wait for each other: an answer and a file."""
OVERALL_PER_S = 30


class Pace:
    """Gives each message its time; for all chats of a bot, in memory, a few seconds back.

    It keeps for each chat when the messages so far would have been sent at an even pace (the
    generic cell rate algorithm): one number a chat, dropped when it lies in the past.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._overall = 0.0
        self._chats: OrderedDict[int, float] = OrderedDict()

    def reserve(self, chat: int) -> float:
        """Seconds to wait before the next message to a chat; its place is taken with that."""
        now = self._clock()
        apart = GROUP_S if chat < 0 else CHAT_S  # groups have negative ids
        even = max(self._chats.pop(chat, now), now)
        self._chats[chat] = even + apart
        self._overall = max(self._overall, now)
        wait = max(even - apart * (BURST - 1), self._overall - 1.0) - now
        self._overall += 1 / OVERALL_PER_S
        while self._chats and next(iter(self._chats.values())) <= now:
            self._chats.popitem(last=False)
        return max(wait, 0.0)

    def __len__(self) -> int:
        return len(self._chats)
