"""Sends what a turn gave, and knows what Telegram's errors mean."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from telegram import Bot, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, RetryAfter

from bot.dialogue.replies import Reply, Turn
from bot.tg.events import Origin
from bot.tg.render import Part, render

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 15
"""How long a turn waits when Telegram says to slow down; beyond that it gives up."""
NOTICE_LENGTH = 200
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

Sleep = Callable[[float], Awaitable[None]]


class Sender:
    """Carries turns out through a bot."""

    def __init__(self, bot: Bot, sleep: Sleep = asyncio.sleep) -> None:
        self._bot = bot
        self._sleep = sleep

    async def carry_out(self, turn: Turn, origin: Origin) -> None:
        """Answer the callback query, then send and edit. Errors of Telegram end in the log."""
        try:
            if origin.query:
                await self._answer(origin.query, turn.notice)
            for reply in turn.replies:
                await self._reply(reply, origin)
        except Forbidden:
            log.info("the person has blocked the bot")
        except RetryAfter:
            log.warning("Telegram asks to slow down for longer than a turn may wait")

    async def _answer(self, query: str, notice: str) -> None:
        try:
            await self._patiently(
                lambda: self._bot.answer_callback_query(query, notice[:NOTICE_LENGTH] or None)
            )
        except BadRequest as error:
            # Too old or answered already: nobody is waiting any more.
            if "query is too old" not in str(error).lower():
                raise

    async def _reply(self, reply: Reply, origin: Origin) -> None:
        parts = render(reply)
        editable = reply.edits and origin.message is not None and len(parts) == 1
        if editable and await self._edit(parts[0], origin.chat, origin.message or 0):
            return
        for part in parts:
            await self._send(part, origin.chat)

    async def _edit(self, part: Part, chat: int, message: int) -> bool:
        """Whether the message shows the part now; False when it is no longer there."""
        try:
            await self._patiently(
                lambda: self._bot.edit_message_text(
                    chat_id=chat,
                    message_id=message,
                    text=part.text,
                    parse_mode=ParseMode.HTML,
                    link_preview_options=_NO_PREVIEW,
                    reply_markup=part.keyboard,
                )
            )
        except BadRequest as error:
            reason = str(error).lower()
            if "message is not modified" in reason:
                return True  # a double tap: it shows what it should
            if "message to edit not found" in reason or "can't be edited" in reason:
                return False
            raise
        return True

    async def _send(self, part: Part, chat: int) -> None:
        await self._patiently(
            lambda: self._bot.send_message(
                chat_id=chat,
                text=part.text,
                parse_mode=ParseMode.HTML,
                link_preview_options=_NO_PREVIEW,
                reply_markup=part.keyboard,
            )
        )

    async def _patiently(self, call: Callable[[], Awaitable[Any]]) -> None:
        """Call; when told to slow down, wait once and call again.

        A call that timed out is not repeated: it may have arrived.
        """
        try:
            await call()
        except RetryAfter as error:
            wait = error.retry_after
            seconds = wait.total_seconds() if isinstance(wait, timedelta) else wait
            if seconds > LONGEST_WAIT_S:
                raise
            await self._sleep(seconds)
            await call()
