"""Telegram's updates as events of ours."""

from dataclasses import dataclass

from telegram import Message, Update
from telegram.constants import ChatType

from bot.dialogue.events import Asked, Commanded, Event, Person, Pressed, Thread, Unreadable


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


def origin_of(update: Update) -> Origin | None:
    """Where an update came from; None for what is not for us.

    Only private chats: in a group nobody asked the bot to speak.
    """
    user, chat = update.effective_user, update.effective_chat
    if not user or user.is_bot or (chat and chat.type != ChatType.PRIVATE):
        return None
    if query := update.callback_query:
        # Without its message a button was pressed under one that is gone: in a private chat,
        # whose id is the person's.
        message = query.message.message_id if isinstance(query.message, Message) else None
        return Origin(chat.id if chat else user.id, query.id, message, user.language_code)
    if update.message and chat:
        return Origin(chat.id, language=user.language_code)
    return None


def event_of(update: Update, person: Person, thread: Thread) -> Event | None:
    """What an update means to us; None for nothing at all (a pinned message, a joined member)."""
    if query := update.callback_query:
        return Pressed(query.data or "", person, thread)
    message = update.message
    if not message:
        return None
    text = message.text or message.caption
    if text is None:
        return Unreadable(person, thread) if message.effective_attachment else None
    if text.startswith("/"):
        name, _, argument = text[1:].partition(" ")
        return Commanded(name.partition("@")[0].lower(), argument, person, thread)
    return Asked(text, person, thread)
