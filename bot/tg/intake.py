"""The door that updates come in by, whether they were fetched or brought."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from telegram import Bot, Update

from bot.metrics import Metrics
from bot.tg.inbox import Inbox

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intake:
    """Reads updates, each by itself, and lets each in once."""

    bot: Bot
    inbox: Inbox
    metrics: Metrics
    deliver: Callable[[Update], Awaitable[None]]
    """Takes an update; waits while there is no room."""
    heard: Callable[[], None]
    """Called whenever Telegram was heard."""

    async def take(self, raw: dict[str, Any]) -> int | None:
        """Take an update in as Telegram wrote it; gives its id, None where it has none.

        One that cannot be read is counted and left aside: refused, it would come again for ever,
        and hold up what comes after it. Nothing of it is logged: it holds somebody's words.
        """
        number = raw.get("update_id")
        if not isinstance(number, int):
            self.metrics.refused("unparsable")
            return None
        if not self.inbox.take(number):
            self.metrics.refused("duplicate")
            return number
        update = self._read(raw)
        if update is None:
            self.metrics.refused("unparsable")
            self.inbox.done(number)
            return number
        try:
            await self.deliver(update)
        except asyncio.CancelledError:
            self.inbox.drop(number)
            raise
        return number

    def _read(self, raw: dict[str, Any]) -> Update | None:
        try:
            update = Update.de_json(raw, self.bot)
            # Made when asked for, and kept: what is wrong with them shows here.
            _ = (update.effective_user, update.effective_chat, update.effective_message)
        except Exception as error:  # noqa: BLE001 - whatever the library stumbles over
            log.error("an update cannot be read: %s", type(error).__name__)  # noqa: TRY400
            return None
        return update
