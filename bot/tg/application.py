"""The python-telegram-bot application: one handler that turns updates into turns."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from telegram import BotCommand, Update
from telegram.error import TelegramError
from telegram.ext import Application, ApplicationBuilder, ContextTypes, TypeHandler

from bot.dialogue.events import Person
from bot.dialogue.replies import CountBroken, Erase, Keep, Remind, StopReminding, Turn
from bot.dialogue.turn import COMMANDS, Assistant, respond
from bot.dialogue.turn import remind as compose
from bot.knowledge.model import FALLBACK_LANGUAGE
from bot.settings import Settings
from bot.storage.store import Store
from bot.tg.events import Origin, event_of, origin_of
from bot.tg.reminders import Reminders
from bot.tg.sender import Sender
from bot.tg.threads import Threads

log = logging.getLogger(__name__)

UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY]
"""What we ask Telegram for; it keeps the last value it was told, so it is told at each start."""

AnyApplication = Application[Any, Any, Any, Any, Any, Any]


class Conversation:
    """Takes an update through: event, turn, storage, replies, one line in the log."""

    def __init__(
        self,
        assistant: Assistant,
        store: Store,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._assistant = assistant
        self._store = store
        self._clock = clock
        self._today = today
        self.on_reminder: Callable[[], None] = lambda: None
        """Called when a reminder was stored."""
        self.threads = Threads(clock)

    async def handle(self, update: Update, sender: Sender) -> None:
        """Handle one update."""
        began = self._clock()
        origin = origin_of(update)
        if not origin:
            return
        person = await self._person(origin)
        event = event_of(update, person, self.threads.get(origin.chat))
        if not event:
            return
        turn = respond(event, self._assistant, self._today())
        self.threads.keep(origin.chat, turn.thread)
        if not await self._keep(turn, origin.chat) and turn.otherwise:
            turn = replace(turn, replies=(turn.otherwise,))
        await sender.carry_out(turn, origin)
        record = turn.record
        log.info(
            "%s language=%s outcome=%s topic=%s ms=%d",
            record.kind,
            record.language,
            record.outcome,
            record.topic,
            (self._clock() - began) * 1000,
        )

    async def _person(self, origin: Origin) -> Person:
        """What is known of who writes; without what cannot be read."""
        try:
            chosen = await self._store.language(origin.chat)
            reminders = tuple(await self._store.reminders(origin.chat))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on without it
            log.error("storage cannot be read: %s", type(error).__name__)  # noqa: TRY400
            return Person(origin.language)
        return Person(origin.language, chosen, reminders)

    async def _keep(self, turn: Turn, chat: int) -> bool:
        """Store what the person asked for; False where it could not be stored."""
        try:
            match turn.storage:
                case Keep(language):
                    await self._store.keep_language(chat, language)
                case Erase():
                    await self._store.forget(chat)
                case Remind(reminder):
                    if not await self._store.remind(chat, reminder):
                        return False
                    self.on_reminder()
                case StopReminding():
                    await self._store.stop_reminders(chat)
                case CountBroken(link):
                    await self._store.count_broken(link)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on without it
            log.error("storage cannot be written: %s", type(error).__name__)  # noqa: TRY400
            return False
        return True


def build(settings: Settings, token: str, conversation: Conversation) -> AnyApplication:
    """The application for a token, with the one handler."""

    async def on_update(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        await conversation.handle(update, Sender(context.bot))

    application = (
        ApplicationBuilder()
        .token(token)
        .base_url(settings.api_url)
        .connect_timeout(10)
        .read_timeout(20)
        .get_updates_read_timeout(30)
        .build()
    )
    application.add_handler(TypeHandler(Update, on_update))
    application.add_error_handler(on_error)
    return application


async def on_error(_: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Log what went wrong by its kind: the update itself is personal."""
    error = context.error
    if isinstance(error, TelegramError):
        log.warning("Telegram: %s: %s", type(error).__name__, error)
    else:
        log.error("a turn failed: %s", type(error).__name__, exc_info=error)


def remind(
    application: AnyApplication, assistant: Assistant, store: Store, conversation: Conversation
) -> Reminders:
    """What sends reminders through an application; a stored one wakes it."""
    reminders = Reminders(
        store, lambda due: compose(due, assistant, date.today()), Sender(application.bot)
    )
    conversation.on_reminder = reminders.wake
    return reminders


async def announce_commands(application: AnyApplication, assistant: Assistant) -> None:
    """Tell Telegram the menu of commands, in every language. A menu is nice to have: no error."""
    knowledge = assistant.knowledge
    for language in knowledge.languages:
        say = knowledge.catalogs[language].text
        commands = [BotCommand(name, say(f"command.{name}")) for name in ("start", *COMMANDS)]
        code = None if language == FALLBACK_LANGUAGE else language.partition("-")[0]
        try:
            await application.bot.set_my_commands(commands, language_code=code)
        except TelegramError as error:
            log.warning("the menu of commands could not be set: %s", type(error).__name__)
            return
