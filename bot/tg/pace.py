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
"""Messages to all together, once Telegram has asked to slow down."""
LIMITED_S = 60.0
"""How long after that."""


class Pace:
    """Gives each message its time; for all chats of a bot, in memory, a few seconds back.

    It keeps for each chat when the messages so far would have been sent at an even pace (the
    generic cell rate algorithm): one number a chat, dropped when it lies in the past. How many
    messages Telegram takes overall depends on the bot and the hour, so that limit holds only while
    Telegram shows that there is one: then those who were told to wait do not all come back at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._overall = 0.0
        self._limited_until = 0.0
        self._chats: OrderedDict[int, float] = OrderedDict()

    def slow_down(self) -> None:
        """Telegram has asked to slow down."""
        self._limited_until = self._clock() + LIMITED_S

    def reserve(self, chat: int) -> float:
        """Seconds to wait before the next message to a chat; its place is taken with that."""
        now = self._clock()
        apart = GROUP_S if chat < 0 else CHAT_S  # groups have negative ids
        even = max(self._chats.pop(chat, now), now)
        self._chats[chat] = even + apart
        while self._chats and next(iter(self._chats.values())) <= now:
            self._chats.popitem(last=False)
        return max(even - apart * (BURST - 1) - now, self.spread(), 0.0)

    def spread(self) -> float:
        """Seconds to wait for a place among the messages to all chats; taken with that."""
        now = self._clock()
        if now >= self._limited_until:
            return 0.0
        self._overall = max(self._overall, now)
        wait = self._overall - now
        self._overall += 1 / OVERALL_PER_S
        return wait

    def __len__(self) -> int:
        return len(self._chats)
