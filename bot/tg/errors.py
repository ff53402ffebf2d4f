"""What Telegram's errors mean: the one table, for answers and for reminders.

The texts are those of the Bot API server (tdlib/telegram-bot-api) and of what stands behind it.
Telegram documents few of them, and they may quote what people wrote: so they are compared with
known pieces and never logged (`describe`).
"""

from datetime import timedelta
from enum import Enum

import aiohttp  # our transport: its errors stand behind Telegram's
import httpx  # python-telegram-bot's own: the same
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)


class Meaning(Enum):
    """What an error says of the call and of the chat."""

    SLOW_DOWN = "slow-down"
    """Too many calls: again after `seconds_to_wait`."""
    NOT_DONE = "not-done"
    """It never left, or a server said that it failed: safe to repeat."""
    NO_ANSWER = "no-answer"
    """It was on its way, and no answer came in time: nearly always it arrived."""
    BROKEN_OFF = "broken-off"
    """The connection was lost on the way: nobody knows whether it arrived."""
    ALREADY_SO = "already-so"
    """The message shows this already (a double tap): a success."""
    NOBODY_WAITS = "nobody-waits"
    """The callback query is too old or was answered."""
    NOT_EDITABLE = "not-editable"
    """The message is gone, too old, or has no text: a new one has to be sent."""
    NOT_QUOTABLE = "not-quotable"
    """The message to reply to is gone: send it without."""
    NOT_PARSED = "not-parsed"
    """Our markup is wrong: an error of ours; the words can go without it."""
    TOO_LONG = "too-long"
    """More than Telegram takes: an error of ours."""
    MOVED = "moved"
    """The chat has another id now (`ChatMigrated.new_chat_id`)."""
    GONE = "gone"
    """Blocked, deactivated, deleted: nobody to send to, ever."""
    REFUSED = "refused"
    """Anything else that Telegram does not take."""
    FATAL = "fatal"
    """The token is not accepted, or somebody else uses it: the process has to end."""


_KNOWN = {
    "message is not modified": Meaning.ALREADY_SO,
    "query is too old": Meaning.NOBODY_WAITS,
    "query id is invalid": Meaning.NOBODY_WAITS,
    "query_id_invalid": Meaning.NOBODY_WAITS,
    "message to edit not found": Meaning.NOT_EDITABLE,
    "message can't be edited": Meaning.NOT_EDITABLE,
    "message_id_invalid": Meaning.NOT_EDITABLE,
    # A document: its words are a caption.
    "there is no text in the message to edit": Meaning.NOT_EDITABLE,
    "message to be replied not found": Meaning.NOT_QUOTABLE,
    "message to reply not found": Meaning.NOT_QUOTABLE,
    "replied message not found": Meaning.NOT_QUOTABLE,
    "can't parse entities": Meaning.NOT_PARSED,
    "message is too long": Meaning.TOO_LONG,
    "message caption is too long": Meaning.TOO_LONG,
    "media_caption_too_long": Meaning.TOO_LONG,
    "entities_too_long": Meaning.TOO_LONG,
    "request entity too large": Meaning.TOO_LONG,
    "file is too big": Meaning.TOO_LONG,
    "reply markup is too long": Meaning.TOO_LONG,
    "chat not found": Meaning.GONE,
    "user not found": Meaning.GONE,
    "peer_id_invalid": Meaning.GONE,
    "input_user_deactivated": Meaning.GONE,
    "user is deactivated": Meaning.GONE,
    "bot was blocked by the user": Meaning.GONE,
}
"""How descriptions begin, in lower case. What comes later may be somebody's words: an address that
ends in "chat not found" deletes nobody's rows."""

_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def judge(error: TelegramError) -> Meaning:
    """What an error of a call means."""
    cause = error.__cause__
    match error:
        case RetryAfter():
            return Meaning.SLOW_DOWN
        case ChatMigrated():
            return Meaning.MOVED
        case TimedOut():
            return Meaning.NOT_DONE if isinstance(cause, _NEVER_LEFT) else Meaning.NO_ANSWER
        case _ if isinstance(cause, TelegramError):
            # A page and no JSON: a gateway speaks, not Telegram. Nobody's rows are deleted for it.
            return _of_gateway(error)
        case Conflict() | InvalidToken():
            return Meaning.FATAL
        case Forbidden():
            return Meaning.GONE
        case BadRequest():  # before NetworkError, which is its base
            return _known(error)[1] or Meaning.REFUSED
        case NetworkError() if cause is None:
            return _of_gateway(error)  # an answer with another status: 413, 5xx
        case NetworkError():
            return Meaning.NOT_DONE if isinstance(cause, _NEVER_LEFT) else Meaning.BROKEN_OFF
        case _:
            # "Invalid server response" to a call that was carried out.
            return Meaning.BROKEN_OFF


def describe(error: TelegramError) -> str:
    """An error for the log: its class, and what is known of it; no word of the server's."""
    if isinstance(error, RetryAfter):
        return f"RetryAfter ({seconds_to_wait(error):.0f} s)"
    known, _ = _known(error) if isinstance(error, BadRequest | Forbidden) else ("", None)
    words = known or (type(error.__cause__).__name__ if error.__cause__ else "")
    return f"{type(error).__name__} ({words})" if words else type(error).__name__


def seconds_to_wait(error: RetryAfter) -> float:
    """How long Telegram asks to be left alone."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _known(error: TelegramError) -> tuple[str, Meaning | None]:
    said = error.message.lower().removeprefix("forbidden: ")
    words = next((words for words in _KNOWN if said.startswith(words)), "")
    return words, _KNOWN.get(words)


def _of_gateway(error: TelegramError) -> Meaning:
    said = error.message.lower()
    if said.startswith("request entity too large"):
        return Meaning.TOO_LONG
    # It has passed the call on, and stopped waiting.
    return Meaning.BROKEN_OFF if said.startswith("gateway time") else Meaning.NOT_DONE
