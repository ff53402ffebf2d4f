"""The door that updates come in by, whether they were fetched or brought."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telegram import Bot, Message, Update

from bot.metrics import Metrics
from bot.tg.buckets import Buckets
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
    buckets: Buckets | None = None
    """Those that the processor draws on; None: nobody is shut out."""

    def is_shut(self, person: int) -> bool:
        """Whether all that a person sends now is refused: a flood is not even read."""
        return self.buckets is not None and self.buckets.is_shut(person)

    def is_hasty(self, person: int) -> bool:
        """Whether a person floods, or did a moment ago, and was told so."""
        return self.buckets is not None and self.buckets.is_hasty(person)

    async def take(self, raw: dict[str, Any], sender: int | None = None) -> int | None:
        """Take an update in as Telegram wrote it; gives its id, None for one shut out or without.

        One that cannot be read is counted and left aside: refused, it would come again for ever,
        and hold up what comes after it. Nothing of it is logged: it holds somebody's words.
        What is shut out is not remembered either: a flood would crowd out what was answered.

        Args:
            raw: The update.
            sender: What `sender_of` gives for it, where that is known.
        """
        number = number_of(raw)
        if number is None:
            self.metrics.refused("unparsable")
            return None
        if self.is_shut(sender_of(raw) if sender is None else sender):
            self.metrics.refused("flood")
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
            sound = _is_sound(update)
        except Exception as error:  # noqa: BLE001 - whatever the library stumbles over
            log.error("an update cannot be read: %s", type(error).__name__)  # noqa: TRY400
            return None
        if not sound:
            log.error("an update cannot be read: it is not what Telegram documents")
            return None
        return update


def number_of(raw: dict[str, Any]) -> int | None:
    """The id of an update, which is positive; None where it has none."""
    number = raw.get("update_id")
    return number if type(number) is int and number > 0 else None


def sender_of(raw: dict[str, Any]) -> int:
    """The id of who sent an update; 0 where that is not plain to see."""
    about = raw.get("message") or raw.get("callback_query")
    person = about.get("from") if isinstance(about, dict) else None
    number = person.get("id") if isinstance(person, dict) else None
    return number if type(number) is int else 0


def _is_sound(update: Update) -> bool:
    """Whether what we read of an update has the types that Telegram documents.

    The library takes over whatever stands there.
    """
    user, chat, change = update.effective_user, update.effective_chat, update.my_chat_member
    query, said = update.callback_query, update.message
    return (
        (not user or (_is_id(user.id) and _is_text(user.language_code)))
        and (not chat or (_is_id(chat.id) and _is(str, chat.type)))
        and (not change or (chat is not None and _is(str, change.new_chat_member.status)))
        and (not query or (_is(str, query.id) and _is_text(query.data)))
        and (not query or not isinstance(query.message, Message) or _is_readable(query.message))
        and (not said or _is_readable(said))
    )


def _is_readable(message: Message) -> bool:
    entities = (*message.entities, *message.caption_entities)
    # What lies between them is cut out by UTF-16 units; in the middle of a sign it fails.
    _ = message.parse_entities() if message.text else message.parse_caption_entities()
    replied = message.reply_to_message
    return (
        _is_id(message.message_id)
        and _is(datetime, message.date)
        and _is_id(message.chat.id)
        and _is_text(message.text)
        and _is_text(message.caption)
        and all(_is(str, one.type) and _is_id(one.offset) for one in entities)
        and all(_is_id(one.length) for one in entities)
        and (replied is None or _is_readable(replied))
    )


def _is(kind: type, value: object) -> bool:
    """Not trusting the library's annotations."""
    return isinstance(value, kind)


def _is_id(value: object) -> bool:
    """A number that Telegram gives: at most 52 bits."""
    return type(value) is int and abs(value) < 1 << 53


def _is_text(value: object) -> bool:
    """A text or none; half of a pair of surrogates is no text."""
    if not isinstance(value, str):
        return value is None
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
