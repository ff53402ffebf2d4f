"""The python-telegram-bot application: one handler that turns updates into turns."""

import logging
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from telegram import BotCommand, Update
from telegram.error import TelegramError
from telegram.ext import Application, ApplicationBuilder, ContextTypes, TypeHandler

from bot.dialogue.events import Person
from bot.dialogue.replies import Erase, Keep, Turn
from bot.dialogue.turn import COMMANDS, Assistant, respond
from bot.knowledge.model import FALLBACK_LANGUAGE
from bot.settings import Settings
from bot.storage.store import Store
from bot.tg.events import event_of, origin_of
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
        self.threads = Threads(clock)

    async def handle(self, update: Update, sender: Sender) -> None:
        """Handle one update."""
        began = self._clock()
        origin = origin_of(update)
        if not origin:
            return
        person = Person(origin.language, await self._chosen(origin.chat))
        event = event_of(update, person, self.threads.get(origin.chat))
        if not event:
            return
        turn = respond(event, self._assistant, self._today())
        self.threads.keep(origin.chat, turn.thread)
        await self._keep(turn, origin.chat)
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

    async def _chosen(self, chat: int) -> str | None:
        try:
            return await self._store.language(chat)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on without it
            log.error("storage cannot be read: %s", type(error).__name__)  # noqa: TRY400
            return None

    async def _keep(self, turn: Turn, chat: int) -> None:
        try:
            match turn.storage:
                case Keep(language):
                    await self._store.keep_language(chat, language)
                case Erase():
                    await self._store.forget(chat)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the disk: go on without it
            log.error("storage cannot be written: %s", type(error).__name__)  # noqa: TRY400


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
