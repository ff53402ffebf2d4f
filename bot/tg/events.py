"""Telegram's updates as events of ours."""

from dataclasses import dataclass
from datetime import datetime

from telegram import Message, MessageEntity, Update
from telegram.constants import ChatMemberStatus, ChatType

from bot.dialogue.events import (
    Asked,
    Commanded,
    Event,
    Mentioned,
    Person,
    Pressed,
    Thread,
    Unreadable,
)

GROUPS = frozenset({ChatType.GROUP, ChatType.SUPERGROUP})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event came from, and where its replies go."""

    chat: int
    query: str | None = None
    """Id of the callback query to answer."""
    message: int | None = None
    """The message whose button was pressed, while it can be edited."""
    language: str | None = None
    """Language of the person's app."""
    answers: int | None = None
    """The person's message that is answered."""
    person: int = 0
    group: bool = False
    """Whether others read along."""
    written_at: datetime | None = None
    """When the message was written (aware); None for a pressed button: Telegram does not tell."""


@dataclass(frozen=True, slots=True)
class Self:
    """Who the bot is in Telegram."""

    id: int
    name: str
    """Its user name."""


def origin_of(update: Update) -> Origin | None:
    """Where an update came from; None for what is not for us: channels, other bots."""
    user, chat = update.effective_user, update.effective_chat
    if not user or user.is_bot:
        return None
    group = chat is not None and chat.type in GROUPS
    if chat and not group and chat.type != ChatType.PRIVATE:
        return None
    if query := update.callback_query:
        # Without its message a button was pressed under one that is gone: in a private chat,
        # whose id is the person's.
        message = query.message.message_id if isinstance(query.message, Message) else None
        return Origin(
            chat.id if chat else user.id,
            query.id,
            message,
            user.language_code,
            person=user.id,
            group=group,
        )
    if chat and (said := update.message):
        return Origin(
            chat.id,
            language=user.language_code,
            answers=said.message_id,
            person=user.id,
            group=group,
            written_at=said.date,
        )
    return None


def event_of(update: Update, person: Person, thread: Thread, me: Self) -> Event | None:
    """What an update means to us.

    None for nothing at all: a pinned message, a joined member, what people in a group say to each
    other.
    """
    if query := update.callback_query:
        message = query.message if isinstance(query.message, Message) else None
        quoted = message.reply_to_message if message else None
        return Pressed(
            query.data or "",
            person,
            thread,
            (quoted.text or quoted.caption) if quoted else None,
            (message.text or message.caption or "") if message else "",
        )
    message = update.message
    if not message:
        return None
    group = message.chat.type in GROUPS
    text = message.text or message.caption
    if text is None:
        return Unreadable(person, thread) if message.effective_attachment and not group else None
    if text.startswith("/"):
        name, _, argument = text[1:].partition(" ")
        name, _, whom = name.partition("@")
        if whom and whom.lower() != me.name.lower():
            return None
        return Commanded(name.lower(), argument, person, thread, group, me.name)
    if not group:
        return Asked(text, person, thread)
    return Mentioned(text, person, me.name) if _is_addressed(message, me) else None


def left_by(update: Update) -> int | None:
    """The private chat whose person has just blocked the bot."""
    change = update.my_chat_member
    if (
        change
        and change.chat.type == ChatType.PRIVATE
        and change.new_chat_member.status == ChatMemberStatus.BANNED
    ):
        return change.chat.id
    return None


def _is_addressed(message: Message, me: Self) -> bool:
    """Whether something in a group was said to the bot: by its name, or as a reply to it."""
    kinds: list[str | None] = [MessageEntity.MENTION]
    named = message.parse_entities(kinds) if message.text else message.parse_caption_entities(kinds)
    if any(words.lower() == f"@{me.name}".lower() for words in named.values()):
        return True
    replied = message.reply_to_message
    return bool(replied and replied.from_user and replied.from_user.id == me.id)
