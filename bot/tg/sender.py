"""Sends what a turn gave, and does what Telegram's errors ask for."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from telegram import Bot, InputFile, LinkPreviewOptions, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import ChatMigrated, RetryAfter, TelegramError

from bot.dialogue.replies import Attachment, Reply, Turn
from bot.metrics import Metrics
from bot.tg.errors import Meaning, describe, judge, seconds_to_wait
from bot.tg.events import Origin
from bot.tg.pace import Pace
from bot.tg.render import Part, render, shown

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 15.0
"""How long a turn waits when Telegram says to slow down; beyond that it gives up."""
MOST_TRIES = 3
FIRST_PAUSE_S = 0.5
"""Before the second try, at least; at most twice as long. It doubles before the third."""
LONGEST_TRYING_S = 10.0
"""No try begins later than this after the first."""
NOTICE_LENGTH = 200
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

Sleep = Callable[[float], Awaitable[None]]
Make = Callable[[Attachment], bytes]


class Delivered(Enum):
    """What became of a turn's replies; of several the worst."""

    SENT = "sent"
    PERHAPS = "perhaps"
    """No answer came: what cannot be repeated was not repeated."""
    REFUSED = "refused"
    """Telegram does not take it: an error of ours, which is in the log."""
    SLOWED = "slowed"
    """Telegram asked for a longer wait than a turn may take, or the bot is ending."""
    UNREACHED = "unreached"
    """Telegram could not be reached."""
    GONE = "gone"
    """Nobody is there any more: what is stored of the chat is to be deleted."""


_WORSE = list(Delivered)
_ENDS = frozenset({Delivered.SLOWED, Delivered.UNREACHED, Delivered.GONE})
"""After these the other replies of a turn are left: they would fare no better."""


@dataclass(frozen=True, slots=True)
class _Message:
    """A new message on its way."""

    part: Part
    body: bytes
    """The file of the part's attachment."""
    chat: int
    topic: str
    """For the log."""
    quoted: int | None = None
    """The message to which it replies."""
    marked: bool = True
    """Whether the text is HTML."""


def make_now(attachment: Attachment) -> bytes:
    """The file of an attachment, dated with the present time."""
    # What makes PDFs is loaded when the first one is asked for.
    from bot.papers.desk import make

    return make(attachment, datetime.now(UTC))


class Sender:
    """Carries turns out through a bot. One for all chats, so that it can keep the pace.

    Args:
        bot: What speaks to Telegram.
        sleep: Waits a number of seconds.
        make: Makes the file of an attachment; called in a thread, because it may take 100 ms.
        random: From 0 to 1: spreads the tries of many chats.
        clock: Seconds that never go back.
        stop: Set when the bot is to end: nobody waits for Telegram any longer.
        pace: When a message may go; by default this sender has one of its own.
        metrics: Counts calls and what came of them.
    """

    def __init__(
        self,
        bot: Bot,
        sleep: Sleep = asyncio.sleep,
        make: Make = make_now,
        *,
        random: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        stop: asyncio.Event | None = None,
        pace: Pace | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._bot = bot
        self._sleep = sleep
        self._make = make
        self._random = random
        self._clock = clock
        self._stop = stop or asyncio.Event()
        self._pace = Pace(clock) if pace is None else pace  # an empty one is false
        self._metrics = metrics or Metrics()

    async def carry_out(self, turn: Turn, origin: Origin) -> Delivered:
        """Answer the callback query, then send and edit; the log says what went wrong.

        Raises:
            Conflict: Somebody else uses the token.
            InvalidToken: Telegram does not accept the token.
        """
        if not origin.query:
            return await self._carry_out(turn, origin)
        answering = self._answer(origin.query, turn.notice)
        if turn.notice or not turn.replies or not turn.replies[0].edits:
            await answering
            return await self._carry_out(turn, origin)
        # Nothing is seen of the answer, so the next screen need not wait for it. Both are
        # finished when this ends, also by an error or by cancelling.
        answered, delivered = await asyncio.gather(
            answering, self._carry_out(turn, origin), return_exceptions=True
        )
        if isinstance(answered, BaseException):
            raise answered
        if isinstance(delivered, BaseException):
            raise delivered
        return delivered

    async def send(self, reply: Reply, chat: int) -> None:
        """Send a reply as new messages, for somebody who tries again later if it fails.

        A file that cannot be made is left out, with a log line.

        Raises:
            TelegramError: what Telegram says, other than to slow down for a while. After a
                `TimedOut` the message may have arrived all the same.
        """
        for message in await self._messages(reply, chat):
            await self._send(message, persistent=False)

    async def _carry_out(self, turn: Turn, origin: Origin) -> Delivered:
        worst = Delivered.SENT
        for reply in turn.replies:
            delivered = await self._reply(reply, origin, turn.record.topic)
            worst = max(worst, delivered, key=_WORSE.index)
            if worst in _ENDS:
                break
        return worst

    async def _reply(self, reply: Reply, origin: Origin, topic: str) -> Delivered:
        if reply.edits and origin.message is not None and not reply.attachment:
            parts = render(reply)
            if len(parts) == 1:
                try:
                    if await self._edit(parts[0], origin.chat, origin.message, topic):
                        return Delivered.SENT
                except TelegramError as error:
                    return _given_up(error, topic)
        quoted = origin.answers if reply.quotes else None
        worst = Delivered.SENT
        for message in await self._messages(reply, origin.chat, quoted, topic):
            try:
                await self._send(message)
            except TelegramError as error:
                worst = max(worst, _given_up(error, topic), key=_WORSE.index)
                if worst in _ENDS:
                    break
        return worst

    async def _messages(
        self, reply: Reply, chat: int, quoted: int | None = None, topic: str = "-"
    ) -> list[_Message]:
        """A reply as messages; the first one replies to the person's."""
        body = b""
        if reply.attachment and not (body := await self._made(reply.attachment)):
            reply = replace(reply, attachment=None)
        first, *others = (_Message(part, body, chat, topic) for part in render(reply))
        return [replace(first, quoted=quoted), *others]

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

    async def _answer(self, query: str, notice: str) -> None:
        """Answer a callback query. What goes wrong keeps nobody from the replies."""
        try:
            await self._call(
                "answerCallbackQuery",
                lambda: self._bot.answer_callback_query(query, notice[:NOTICE_LENGTH] or None),
                repeatable=True,
            )
        except TelegramError as error:
            match judge(error):
                case Meaning.FATAL:
                    raise
                case Meaning.NOBODY_WAITS:
                    pass
                case _:
                    log.warning("a button could not be answered: %s", describe(error))

    async def _edit(self, part: Part, chat: int, message: int, topic: str) -> bool:
        """Whether the message shows the part now; False when it cannot, and a new one has to."""
        marked = True
        while True:
            text = part.text if marked else shown(part.text)
            mode = ParseMode.HTML if marked else None
            try:
                await self._call(
                    "editMessageText",
                    lambda text=text, mode=mode: self._bot.edit_message_text(  # type: ignore[misc]
                        chat_id=chat,
                        message_id=message,
                        text=text,
                        parse_mode=mode,
                        link_preview_options=_NO_PREVIEW,
                        api_kwargs=_keyboard(part),
                    ),
                    repeatable=True,
                )
            except TelegramError as error:
                match judge(error):
                    case Meaning.ALREADY_SO:
                        return True
                    case Meaning.NOT_EDITABLE | Meaning.MOVED:
                        return False
                    case Meaning.NOT_PARSED if marked:
                        marked = False
                        self._unparsed(topic)
                    case _:
                        raise
            else:
                return True

    async def _send(self, message: _Message, *, persistent: bool = True) -> None:
        """Send a message; without what Telegram does not take of it, and to where it has moved."""
        moved = False
        while True:
            if wait := self._pace.reserve(message.chat):
                await self._rested(wait)  # told to stop, it goes at once
            try:
                await self._send_once(message, persistent=persistent)
            except TelegramError as error:
                match judge(error):
                    case Meaning.NOT_PARSED if message.marked:
                        message = replace(message, marked=False)
                        self._unparsed(message.topic)
                    case Meaning.NOT_QUOTABLE if message.quoted is not None:
                        message = replace(message, quoted=None)
                    case Meaning.MOVED if not moved and isinstance(error, ChatMigrated):
                        moved = True
                        message = replace(message, chat=error.new_chat_id, quoted=None)
                    case _:
                        raise
            else:
                return

    async def _send_once(self, message: _Message, *, persistent: bool) -> None:
        part = message.part
        text = part.text if message.marked else shown(part.text)
        common: dict[str, Any] = {
            "chat_id": message.chat,
            "parse_mode": ParseMode.HTML if message.marked else None,
            "api_kwargs": _keyboard(part),
            "reply_parameters": None
            if message.quoted is None
            else ReplyParameters(message.quoted, allow_sending_without_reply=True),
        }
        if attachment := part.attachment:
            await self._call(
                "sendDocument",
                lambda: self._bot.send_document(
                    # Made anew for each call, from bytes: a second upload begins at the beginning.
                    document=InputFile(message.body, filename=attachment.name),
                    caption=text or None,
                    **common,
                ),
                persistent=persistent,
            )
        else:
            await self._call(
                "sendMessage",
                lambda: self._bot.send_message(
                    text=text, link_preview_options=_NO_PREVIEW, **common
                ),
                persistent=persistent,
            )

    def _unparsed(self, topic: str) -> None:
        log.error("Telegram does not take our markup, so it goes without: topic=%s", topic)
        self._metrics.unparsed()

    async def _call(
        self,
        method: str,
        call: Callable[[], Awaitable[Any]],
        *,
        repeatable: bool = False,
        persistent: bool = True,
    ) -> None:
        """Call; told to slow down, wait once and call again; what was not done is tried again.

        Args:
            method: For the figures.
            call: Calls Telegram.
            repeatable: Whether it does no harm twice: then it is tried again, too, when nobody
                knows whether it arrived.
            persistent: Whether it is tried again at all.
        """
        began, tries, slowed = self._clock(), 1, False
        while True:
            try:
                await call()
            except TelegramError as error:
                meaning = judge(error)
                self._metrics.called(method, meaning.value)
                again = {Meaning.NOT_DONE}
                if repeatable:
                    again |= {Meaning.NO_ANSWER, Meaning.BROKEN_OFF}
                if isinstance(error, RetryAfter) and not slowed:
                    self._pace.slow_down()
                    pause = seconds_to_wait(error)
                    # Those who waited together do not come back together.
                    if pause > LONGEST_WAIT_S or not await self._rested(
                        pause + self._pace.spread()
                    ):
                        raise
                    began, slowed = self._clock(), True
                elif meaning in again and persistent and tries < MOST_TRIES:
                    pause = FIRST_PAUSE_S * 2 ** (tries - 1) * (1 + self._random())
                    late = self._clock() - began + pause >= LONGEST_TRYING_S
                    if late or not await self._rested(pause):
                        raise
                    tries += 1
                else:
                    raise
            else:
                self._metrics.called(method, "ok")
                return

    async def _rested(self, seconds: float) -> bool:
        """Wait; False when told to stop before that was over."""
        resting = asyncio.ensure_future(self._sleep(seconds))
        told = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((resting, told), return_when=asyncio.FIRST_COMPLETED)
        finally:
            resting.cancel()
            told.cancel()
            await asyncio.gather(resting, told, return_exceptions=True)
        return not self._stop.is_set()


def _keyboard(part: Part) -> dict[str, str] | None:
    return {"reply_markup": part.keyboard} if part.keyboard else None


def _given_up(error: TelegramError, topic: str) -> Delivered:
    """What an error that remains means for a turn, with a line in the log.

    Raises:
        TelegramError: `error`, when the process has to end.
    """
    said = describe(error)
    match judge(error):
        case Meaning.FATAL:
            raise error
        case Meaning.GONE:
            log.info("nobody is there any more: %s", said)
            return Delivered.GONE
        case Meaning.SLOW_DOWN:
            log.warning("Telegram asks to slow down for longer than a turn may wait: %s", said)
            return Delivered.SLOWED
        case Meaning.NOT_DONE:
            log.warning("an answer could not be sent: topic=%s %s", topic, said)
            return Delivered.UNREACHED
        case Meaning.NO_ANSWER | Meaning.BROKEN_OFF:
            log.warning("an answer may not have arrived: topic=%s %s", topic, said)
            return Delivered.PERHAPS
        case Meaning.ALREADY_SO | Meaning.NOBODY_WAITS:
            return Delivered.SENT
        case _:
            log.error("Telegram does not take an answer: topic=%s %s", topic, said)
            return Delivered.REFUSED
