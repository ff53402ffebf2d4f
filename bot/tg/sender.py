"""Sends what a turn gave, and knows what Telegram's errors mean."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from telegram import Bot, InputFile, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, RetryAfter

from bot.dialogue.replies import Attachment, Reply, Turn
from bot.tg.events import Origin
from bot.tg.render import Part, render

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 15
"""How long a turn waits when Telegram says to slow down; beyond that it gives up."""
NOTICE_LENGTH = 200
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

_NOT_EDITABLE = (
    "message to edit not found",
    "can't be edited",
    "there is no text in the message to edit",  # a document: its words are a caption
)

Sleep = Callable[[float], Awaitable[None]]
Make = Callable[[Attachment], bytes]


def make_now(attachment: Attachment) -> bytes:
    """The file of an attachment, dated with the present time."""
    # What makes PDFs is loaded when the first one is asked for.
    from bot.papers.desk import make

    return make(attachment, datetime.now(UTC))


class Sender:
    """Carries turns out through a bot.

    Args:
        bot: What speaks to Telegram.
        sleep: Waits a number of seconds.
        make: Makes the file of an attachment; called in a thread, because it may take 100 ms.
    """

    def __init__(self, bot: Bot, sleep: Sleep = asyncio.sleep, make: Make = make_now) -> None:
        self._bot = bot
        self._sleep = sleep
        self._make = make

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

    async def send(self, reply: Reply, chat: int) -> None:
        """Send a reply as new messages. A file that cannot be made is left out, with a log line.

        Raises:
            TelegramError: what Telegram says, other than to slow down for a while. After a
                `TimedOut` the message may have arrived all the same.
        """
        body = b""
        if reply.attachment and not (body := await self._made(reply.attachment)):
            reply = replace(reply, attachment=None)
        for part in render(reply):
            if part.attachment:
                await self._send_document(part, part.attachment.name, body, chat)
            else:
                await self._send(part, chat)

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
        if reply.edits and origin.message is not None and not reply.attachment:
            parts = render(reply)
            if len(parts) == 1 and await self._edit(parts[0], origin.chat, origin.message):
                return
        await self.send(reply, origin.chat)

    async def _made(self, attachment: Attachment) -> bytes:
        """The file; nothing when it could not be made: the words matter more."""
        try:
            body = await asyncio.to_thread(self._make, attachment)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a font or a library
            log.error("a file could not be made: %s", type(error).__name__)  # noqa: TRY400
            return b""
        if not body:
            log.error("a file could not be made: it is empty")
        return body

    async def _edit(self, part: Part, chat: int, message: int) -> bool:
        """Whether the message shows the part now; False when it cannot, and a new one has to."""
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
            if any(words in reason for words in _NOT_EDITABLE):
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

    async def _send_document(self, part: Part, name: str, body: bytes, chat: int) -> None:
        await self._patiently(
            lambda: self._bot.send_document(
                chat_id=chat,
                # Made anew for each call, from bytes: a second upload begins at the beginning.
                document=InputFile(body, filename=name),
                caption=part.text or None,
                parse_mode=ParseMode.HTML,
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
