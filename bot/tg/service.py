"""The bot at work: hears Telegram, answers, sends reminders, and stops in order."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

from telegram import Bot, BotCommand, Update
from telegram.error import BadRequest, InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder, ContextTypes, TypeHandler

from bot.dialogue.turn import COMMANDS, Assistant
from bot.dialogue.turn import remind as compose
from bot.knowledge.model import FALLBACK_LANGUAGE
from bot.metrics import Metrics
from bot.settings import Settings
from bot.storage.housekeeping import Housekeeping
from bot.storage.store import Store
from bot.tg import poller, webhook
from bot.tg.buckets import Buckets
from bot.tg.conversation import Conversation
from bot.tg.ending import Ending
from bot.tg.events import Self
from bot.tg.inbox import Inbox
from bot.tg.intake import Intake
from bot.tg.lines import Lines
from bot.tg.pace import Pace
from bot.tg.poller import Poller
from bot.tg.processor import ChatProcessor
from bot.tg.reminders import Reminders, wait_for_any
from bot.tg.sender import Sender

log = logging.getLogger(__name__)

UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY, Update.MY_CHAT_MEMBER]
"""What we ask Telegram for; it keeps the last value it was told, so it is told at each start."""
QUEUE = 100
"""Updates between the door and the work: when it is full, nothing more is fetched."""
CONNECTIONS = 256
"""To Telegram at once: more than turns that may be in work."""
FINISH_S = 5.5
"""How long turns in work may go on when the bot is told to stop; less than ten seconds with all
that comes after it."""
LAST_WORD_S = 1.5
"""How long each last step may take."""
RENEW = "take the new one from @BotFather into BOT_TOKEN"
WATCH_S = 30.0
"""Between two looks at the webhook."""

AnyApplication = Application[Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is put together from."""

    conversation: Conversation
    store: Store
    inbox: Inbox
    metrics: Metrics
    housekeeping: Housekeeping
    buckets: Buckets
    heard: Callable[[], None]
    """Called whenever Telegram was heard."""
    is_well: Callable[[], bool]
    today: Callable[[], date] = date.today
    pace: Pace | None = None
    """When a message may go."""


class Service:
    """One bot with one token.

    Args:
        settings: Where Telegram is, and how updates come.
        token: The bot's.
        parts: What it is put together from.
    """

    def __init__(self, settings: Settings, token: str, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._stop = asyncio.Event()
        self._poller: Poller | None = None
        self._asking = Lines(1, connect_timeout=10, read_timeout=20)
        self._processor = ChatProcessor(parts.inbox, parts.buckets, self._refuse, parts.metrics)
        self._application: AnyApplication = (
            ApplicationBuilder()
            .token(token)
            .base_url(settings.api_url)
            .request(Lines(CONNECTIONS, connect_timeout=10, read_timeout=20))
            .get_updates_request(self._asking)
            .updater(None)
            .update_queue(asyncio.Queue(QUEUE))
            .concurrent_updates(self._processor)
            .build()
        )
        self._application.add_handler(TypeHandler(Update, self._on_update))
        self._application.add_error_handler(_on_error)
        self._sender = Sender(self.bot, stop=self._stop, pace=parts.pace, metrics=parts.metrics)
        self._reminders = Reminders(
            parts.store,
            lambda due: compose(due, parts.conversation.assistant, parts.today()),
            self._sender,
            tried=parts.metrics.reminder_tried,
        )
        parts.conversation.on_reminder = self._reminders.wake
        parts.metrics.watch_turns(lambda: self._processor.in_work, lambda: self._processor.waiting)
        self._intake = Intake(
            self.bot,
            parts.inbox,
            parts.metrics,
            self._application.update_queue.put,
            self._heard,
            parts.buckets,
        )

    @property
    def bot(self) -> Bot:
        """What speaks to Telegram."""
        bot: Bot = self._application.bot
        return bot

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None] = lambda: None) -> Ending:
        """Be at work until told to stop, or until it cannot go on.

        Args:
            stop: Tells it to stop; it does within ten seconds.
            on_ready: Called when it is at work.
        """
        stopping = asyncio.ensure_future(self._pass_on(stop))
        try:
            if not await self._reach():
                return Ending.TOLD if stop.is_set() else Ending.REFUSED
            return await self._work(on_ready)
        finally:
            self._stop.set()
            stopping.cancel()
            with suppress(Exception):  # what is left of a start that failed
                await self._application.shutdown()

    async def join(self) -> None:
        """Wait until all updates that were taken in are carried out."""
        await self._application.update_queue.join()
        await self._processor.join()

    async def announce_commands(self) -> None:
        """Tell Telegram the menu of commands, in every language. It is nice to have: no error."""
        await _announce_commands(self.bot, self._parts.conversation.assistant)

    async def _pass_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stop.set()

    async def _work(self, on_ready: Callable[[], None]) -> Ending:
        async with self._at_work():
            hearing = asyncio.ensure_future(
                self._be_brought(on_ready) if self._settings.webhook_url else self._poll(on_ready)
            )
            try:
                return await hearing
            except InvalidToken:
                log.error("Telegram does not accept the token any more: %s", RENEW)  # noqa: TRY400
                return Ending.REFUSED
            except Exception as error:
                log.critical(
                    "updates are not heard any more (%s): ending, to be started anew",
                    type(error).__name__,
                    exc_info=error,
                )
                return Ending.DEAF

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        """Updates are carried out, reminders sent, counts written; at the end all is finished."""
        beside = [
            asyncio.ensure_future(work(self._stop))
            for work in (self._reminders.run, self._parts.housekeeping.run)
        ]
        announcing = asyncio.ensure_future(self.announce_commands())
        await self._application.start()
        try:
            yield
        finally:
            self._stop.set()
            # Lets what is queued through to its place; then each turn may come to its end.
            stopping = asyncio.ensure_future(self._application.stop())
            await asyncio.wait((stopping,), timeout=LAST_WORD_S)
            await self._processor.finish(FINISH_S - LAST_WORD_S)
            await asyncio.wait((stopping,), timeout=LAST_WORD_S)
            await self._processor.finish(0)
            await self._confirm()
            announcing.cancel()
            _, late = await asyncio.wait(beside, timeout=LAST_WORD_S)
            for task in late:
                task.cancel()

    async def _confirm(self) -> None:
        if self._poller:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD_S):
                    await self._poller.confirm()

    async def _poll(self, on_ready: Callable[[], None]) -> Ending:
        fetch = poller.fetch_through(self.bot, self._asking, UPDATES)
        # A webhook that was set before would keep us from fetching. What waits is not dropped.
        await self._until_heard(lambda: self.bot.delete_webhook(drop_pending_updates=False))
        self._poller = Poller(fetch, self._intake)
        log.info("listening as @%s", self.bot.username)
        on_ready()
        return await self._poller.run(self._stop)

    async def _be_brought(self, on_ready: Callable[[], None]) -> Ending:
        """Serve the webhook, and look now and then whether it still is ours."""
        settings = self._settings
        secret = settings.webhook_secret.reveal()
        address = (settings.host, settings.port)
        async with webhook.listen(
            address, settings.webhook_url, secret, self._intake, self._parts.is_well
        ):
            try:
                await self._until_heard(
                    lambda: self.bot.set_webhook(
                        settings.webhook_url, allowed_updates=UPDATES, secret_token=secret
                    )
                )
            except BadRequest as error:
                log.error("Telegram does not take WEBHOOK_URL: %s", error.message)  # noqa: TRY400
                return Ending.UNUSABLE
            self._heard()
            log.info("listening as @%s, on a webhook", self.bot.username)
            on_ready()
            while not self._stop.is_set():
                await wait_for_any(WATCH_S, self._stop)
                if not self._stop.is_set() and (ending := await self._look_at_webhook()):
                    return ending
        return Ending.TOLD

    async def _look_at_webhook(self) -> Ending | None:
        try:
            found = await self.bot.get_webhook_info()
        except InvalidToken:
            raise
        except TelegramError as error:
            log.warning("Telegram cannot be heard (%s)", type(error).__name__)
            return None
        if found.url != self._settings.webhook_url:
            log.error("somebody else has taken this bot's updates: end it, or take a new token")
            return Ending.CONFLICT
        self._heard()
        return None

    async def _reach(self) -> bool:
        """Greet Telegram; while it cannot be reached, try again. False: refused, or told to stop."""
        try:
            await self._until_heard(self._application.initialize)
        except InvalidToken:
            log.error(  # noqa: TRY400
                "Telegram does not know this token: copy it again from @BotFather into BOT_TOKEN"
            )
            return False
        return not self._stop.is_set()

    async def _until_heard(self, call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Call; while Telegram cannot be reached, call again, until told to stop.

        Raises:
            InvalidToken: when the token is not accepted.
            BadRequest: when Telegram does not take the call.
        """
        wait = 1.0
        while not self._stop.is_set():
            calling = asyncio.ensure_future(call())
            stopped = asyncio.ensure_future(self._stop.wait())
            await asyncio.wait((calling, stopped), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not calling.done():
                calling.cancel()
                await asyncio.wait((calling,))
                return
            try:
                calling.result()
            except (InvalidToken, BadRequest):
                raise
            except TelegramError as error:
                log.warning(
                    "Telegram cannot be reached (%s): again in %.0f s", type(error).__name__, wait
                )
                await wait_for_any(wait, self._stop)
                wait = min(wait * 2, 60.0)
            else:
                return

    def _heard(self) -> None:
        self._parts.heard()
        self._parts.metrics.heard()

    @property
    def _me(self) -> Self:
        return Self(self.bot.id, self.bot.username)

    async def _on_update(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        await self._parts.conversation.handle(update, self._sender, self._me)

    async def _refuse(self, update: Update) -> None:
        await self._parts.conversation.refuse(update, self._sender)


async def _on_error(_: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Log what went wrong by its kind: the update itself is personal."""
    error = context.error
    log.error("a turn failed: %s", type(error).__name__, exc_info=error)


async def _announce_commands(bot: Bot, assistant: Assistant) -> None:
    knowledge = assistant.knowledge
    for language in knowledge.languages:
        say = knowledge.catalogs[language].text
        commands = [BotCommand(name, say(f"command.{name}")) for name in ("start", *COMMANDS)]
        code = None if language == FALLBACK_LANGUAGE else language.partition("-")[0]
        try:
            await bot.set_my_commands(commands, language_code=code)
        except TelegramError as error:
            log.warning("the menu of commands could not be set: %s", type(error).__name__)
            return
