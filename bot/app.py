"""The composition root: settings in, a running bot out."""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

from telegram.error import InvalidToken, NetworkError

from bot import logs
from bot.assistant import build_assistant
from bot.dialogue.turn import Assistant
from bot.sandbox.server import serve
from bot.settings import Settings
from bot.storage.sqlite import open_store
from bot.tg.application import (
    UPDATES,
    AnyApplication,
    Conversation,
    announce_commands,
    build,
    remind,
)
from bot.tg.reminders import Reminders

log = logging.getLogger(__name__)

GOOD, REFUSED = 0, 3
"""Exit statuses: stopped as told; Telegram does not accept the token."""


def run(settings: Settings) -> int:
    """Run the bot until it is told to stop; gives the exit status."""
    assistant = build_assistant(settings)
    logs.set_up(settings.log_level)
    return asyncio.run(_serve(settings, assistant))


async def _serve(settings: Settings, assistant: Assistant) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.data_dir))
        conversation = Conversation(assistant, store)
        if settings.token:
            application = build(settings, settings.token.reveal(), conversation)
        else:
            sandbox = await stack.enter_async_context(serve(settings.host, settings.port))
            local = replace(settings, api_url=sandbox.api_url)
            application = build(local, sandbox.token, conversation)
            print(  # noqa: T201 - the address is what `run` prints
                f"The bot is ready: open {sandbox.page_url} in a browser. Ctrl+C ends it.",
                flush=True,
            )
        reminders = remind(application, assistant, store, conversation)
        return await _poll(application, assistant, reminders, stop)


async def _poll(
    application: AnyApplication, assistant: Assistant, reminders: Reminders, stop: asyncio.Event
) -> int:
    """Hear Telegram, and send reminders, until told to stop."""
    if not await _reach(application, stop):
        return GOOD if stop.is_set() else REFUSED
    updater = application.updater
    if updater is None:  # cannot be: it is built with one
        raise RuntimeError("the application has no updater")
    reminding = asyncio.create_task(reminders.run(stop))
    try:
        await announce_commands(application, assistant)
        await application.start()
        await updater.start_polling(allowed_updates=UPDATES, drop_pending_updates=False)
        log.info("listening as @%s", application.bot.username)
        await stop.wait()
    finally:
        stop.set()
        await asyncio.wait([reminding])
        if updater.running:
            await updater.stop()
        if application.running:
            await application.stop()
        await application.shutdown()
    return GOOD


async def _reach(application: AnyApplication, stop: asyncio.Event) -> bool:
    """Greet Telegram; while it cannot be reached, try again. False: refused, or told to stop."""
    wait = 1.0
    while not stop.is_set():
        try:
            await application.initialize()
        except InvalidToken:
            log.error(  # noqa: TRY400
                "Telegram does not know this token: copy it again from @BotFather into BOT_TOKEN"
            )
            return False
        except NetworkError as error:
            log.warning("Telegram cannot be reached (%s); trying again in %.0f s", error, wait)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
            wait = min(wait * 2, 60.0)
        else:
            return True
    return False
