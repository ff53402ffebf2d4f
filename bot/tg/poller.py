"""Fetches updates by long polling, and can tell that it hears.

The library's own updater parses a whole batch at once, so that one update it cannot read comes
again for ever and with it all that came beside it; it confirms what is only queued; and when
its task dies, it still says that it is running (python-telegram-bot 22.8,
`Updater._start_polling`). So this is ours.
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from telegram import Bot
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.request import BaseRequest

from bot.tg.ending import Ending
from bot.tg.errors import seconds_to_wait
from bot.tg.intake import Intake, number_of, sender_of

log = logging.getLogger(__name__)

POLL_S = 20
"""How long Telegram holds a request that has nothing to give."""
BATCH = 100
"""Updates that Telegram gives at once, at most."""
GRACE_S = 0.05
"""How long the next request waits for the turns of the last. Longer would keep others waiting."""
FIRST_GRACE_S = GRACE_S / 16
"""The same when a request brought nothing new; twice as long each time after that, up to GRACE_S.
What is in work comes again at once, and those who write meanwhile should not wait for it."""
HOLD_S = 5.0
"""How long an update is left unconfirmed while its turn is under way: what is killed before that
comes again. What takes longer is confirmed all the same: others come behind it."""
LONGEST_ROUND_S = 300.0
"""A round that takes longer hangs: the process ends, to be started anew."""
LONGEST_PAUSE_S = 30.0

Fetch = Callable[[int, int, int], Awaitable[list[dict[str, Any]]]]
"""Offset, seconds to wait, how many at most; gives updates as Telegram wrote them."""
Pause = Callable[[float], Awaitable[None]]


def fetch_through(bot: Bot, request: BaseRequest, kinds: Sequence[str]) -> Fetch:
    """Fetch raw updates of these kinds through a request object of python-telegram-bot.

    Raises (the fetching): TelegramError, as any call of the library.
    """
    # Sent each time: Telegram keeps the last value that it was told.
    allowed = json.dumps(list(kinds))

    async def fetch(offset: int, wait_s: int, limit: int) -> list[dict[str, Any]]:
        asked = {"offset": offset, "timeout": wait_s, "limit": limit, "allowed_updates": allowed}
        found: Any = await request.post(
            f"{bot.base_url}/getUpdates?{urlencode(asked)}", read_timeout=wait_s + 10
        )
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    return fetch


@dataclass(slots=True)
class _Fetched:
    """An update that Telegram gave and that is not confirmed."""

    person: int
    held_until: float
    """When it is confirmed though its turn is still under way."""
    refused: bool = False
    """It was shut out: there is no turn."""


class Poller:
    """Asks for updates until told to stop.

    Args:
        fetch: Asks Telegram.
        intake: Takes what came.
        pause: Waits a number of seconds.
        random: Gives numbers from 0 to 1, so that pauses differ.
        clock: Gives seconds that never go back.
    """

    def __init__(
        self,
        fetch: Fetch,
        intake: Intake,
        pause: Pause = asyncio.sleep,
        random: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._intake = intake
        self._pause = pause
        self._random = random
        self._clock = clock
        self._offset = 0
        self._grace_s = FIRST_GRACE_S
        self._wait_s = 0
        """The first request does not wait: it shows at once that Telegram is heard."""
        self._unconfirmed: dict[int, _Fetched] = {}
        """What came last. Telegram gives it again until it is confirmed."""
        self._let_go: dict[int, int] = {}
        """What was confirmed while it was in work: of whom."""

    async def run(self, stop: asyncio.Event) -> Ending:
        """Poll until told to stop; a request that is under way is given up then.

        Raises:
            TimeoutError: when a round hangs.
        """
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                polling = asyncio.ensure_future(self._poll())
                await asyncio.wait((polling, stopping), return_when=asyncio.FIRST_COMPLETED)
                if not polling.done():
                    polling.cancel()
                    await asyncio.wait((polling,))
                if not polling.cancelled() and (ending := polling.result()):
                    return ending
        finally:
            stopping.cancel()
        return Ending.TOLD

    async def confirm(self) -> None:
        """Tell Telegram which updates were carried out: they do not come again."""
        for number, one in self._unconfirmed.items():
            if one.refused:
                # It comes again if it stands behind a turn that was given up.
                self._intake.inbox.done(number)
        undone = self._undone()
        offset = undone[0] if undone else max(self._unconfirmed, default=self._offset - 1) + 1
        if offset:
            with suppress(TelegramError):
                await self._fetch(offset, 0, 1)

    async def _poll(self) -> Ending | None:
        """One round after another; ends with a reason, or when it is cancelled."""
        pause = 0.0
        while True:
            try:
                async with asyncio.timeout(LONGEST_ROUND_S):
                    await self._round()
            except RetryAfter as error:
                pause = seconds_to_wait(error)
            except Conflict:
                log.error(  # noqa: TRY400
                    "another program fetches this bot's updates: end it, or take a new token "
                    "from @BotFather (see docs/operations.md)"
                )
                return Ending.CONFLICT
            except InvalidToken:
                log.error(  # noqa: TRY400
                    "Telegram does not accept the token any more: take the new one from "
                    "@BotFather into BOT_TOKEN"
                )
                return Ending.REFUSED
            except TelegramError as error:
                pause = min(LONGEST_PAUSE_S, max(1.0, pause * 1.5))
                log.warning(
                    "Telegram cannot be heard (%s): again in %.0f s", type(error).__name__, pause
                )
            else:
                pause = 0.0
                continue
            # Not all bots of the world at the same moment.
            await self._pause(pause * (1.0 + self._random() / 4))

    async def _round(self) -> None:
        """Ask once, and deliver what came."""
        raw = await self._fetch(self._offset, self._wait_s, BATCH)
        self._wait_s = POLL_S
        self._intake.heard()
        in_work = self._intake.inbox.in_work
        self._let_go = {one: person for one, person in self._let_go.items() if in_work(one)}
        busy = {*self._let_go.values(), *(self._unconfirmed[one].person for one in self._undone())}
        new = await self._take(raw)
        full = len(raw) >= BATCH  # more is waiting
        refused = sum(one.refused for one in self._unconfirmed.values())
        if full and refused >= BATCH // 2:
            # Else those who write now would wait behind a flood that came once already.
            first_half = sorted(self._unconfirmed)[: BATCH // 2]
            self._give_up(self._unconfirmed[one] for one in first_half)
        elif raw and not self._unconfirmed:
            await self._pause(GRACE_S)  # nothing with an id: that cannot be confirmed
        elif not full and not new:
            await self._intake.inbox.settled(self._firsts(self._undone()), self._grace_s)
        elif not full and not refused:
            # What stands behind another turn of the same person may take long.
            alone = self._firsts(one for one in new if self._unconfirmed[one].person not in busy)
            if alone:
                await self._intake.inbox.settled(alone, GRACE_S)
        self._grace_s = FIRST_GRACE_S if new else min(GRACE_S, self._grace_s * 2)
        self._confirm_next(crowded=full and not new)

    async def _take(self, raw: Sequence[dict[str, Any]]) -> list[int]:
        """Take in what is not known yet; gives its ids."""
        now = self._clock()
        new: list[int] = []
        heard: set[int] = set()
        for one in raw:
            number = number_of(one)
            if number in self._unconfirmed:
                continue
            sender = sender_of(one)
            if sender in heard and not self._intake.is_shut(sender):
                # Their bucket is drawn on for the one before: it may shut this one out.
                await asyncio.sleep(0)
            heard.add(sender)
            refused = await self._intake.take(one, sender) is None
            if number is not None:
                # Those of whom nothing is known are not one and the same.
                self._unconfirmed[number] = _Fetched(sender or -number, now + HOLD_S, refused)
                new.append(number)
        return new

    def _undone(self) -> list[int]:
        """What is unconfirmed and was not carried out, in order."""
        has = self._intake.inbox.has
        return sorted(n for n, one in self._unconfirmed.items() if not (one.refused or has(n)))

    def _firsts(self, updates: Iterable[int]) -> list[int]:
        """Of each person the first of some unconfirmed updates, which are in order."""
        firsts: dict[int, int] = {}
        for one in updates:
            firsts.setdefault(self._unconfirmed[one].person, one)
        return list(firsts.values())

    def _held(self) -> list[int]:
        """What is left unconfirmed, in order: it is in work, and not for too long."""
        now, fetched, is_hasty = self._clock(), self._unconfirmed, self._intake.is_hasty
        return [
            number
            for number in self._undone()
            if fetched[number].held_until > now and not is_hasty(fetched[number].person)
        ]

    @staticmethod
    def _give_up(fetched: Iterable[_Fetched]) -> None:
        """Hold these no longer."""
        for one in fetched:
            one.held_until = float("-inf")

    def _confirm_next(self, *, crowded: bool) -> None:
        """Ask next time from the first that is in work: that confirms all before it.

        Who was told that it is too much is not held. Telegram gives no more than a batch from
        there: when that is full of what is known (`crowded`), all of the first's person is given
        up, so that others get in.
        """
        if not self._unconfirmed:
            return
        fetched = self._unconfirmed
        if crowded and (held := self._held()):
            person = fetched[held[0]].person
            self._give_up(one for one in fetched.values() if one.person == person)
        held = self._held()
        self._offset = held[0] if held else max(fetched) + 1
        for number in [n for n in fetched if n < self._offset]:
            person = fetched.pop(number).person
            if self._intake.inbox.in_work(number):
                self._let_go[number] = person
