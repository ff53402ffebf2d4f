"""The composition root: settings in, a running bot out."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime

from bot import logs, metrics, upkeep
from bot.assistant import build_assistant
from bot.dialogue import administering
from bot.dialogue.turn import Assistant
from bot.health import Pulse
from bot.knowledge.faults import ContentError
from bot.metrics import Metrics
from bot.sandbox.server import serve
from bot.settings import Settings, draw_secret
from bot.storage.housekeeping import Housekeeping
from bot.storage.lock import hold
from bot.storage.sqlite import open_store
from bot.storage.store import Store
from bot.tg.buckets import Buckets
from bot.tg.conversation import Conversation, Surroundings
from bot.tg.ending import Ending
from bot.tg.inbox import Inbox
from bot.tg.reminders import wait_for_any
from bot.tg.service import Parts, Service

log = logging.getLogger(__name__)

STATUSES = {
    Ending.TOLD: 0,
    Ending.UNUSABLE: 2,
    Ending.REFUSED: 3,
    Ending.CONFLICT: 4,
    Ending.DEAF: 5,
}
"""Exit statuses of `run`; 1 is broken content, and 2 any other wrong use."""


def run(settings: Settings, *, set_aside: bool = False) -> int:
    """Run the bot until it is told to stop; gives the exit status.

    Args:
        settings: How.
        set_aside: Whether a damaged database is put aside and a new one begun.
    """
    if not settings.webhook_secret:
        settings = replace(settings, webhook_secret=draw_secret())
    logs.set_up(settings.log_level, (settings.token, settings.webhook_secret))
    assistant = build_assistant(settings)
    return STATUSES[asyncio.run(_serve(settings, assistant, set_aside=set_aside))]


async def _serve(settings: Settings, assistant: Assistant, *, set_aside: bool) -> Ending:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    logs.watch(loop)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        stack.enter_context(hold(settings.data_dir))
        figures = Metrics()
        store = await stack.enter_async_context(open_store(settings.data_dir, set_aside=set_aside))
        pulse = Pulse(settings.data_dir, "webhook" if settings.webhook_url else "polling")
        stack.callback(pulse.end)
        housekeeping = Housekeeping(store, date.today, wait_for_any)
        host = RunningHost(settings, store, pulse, figures)
        conversation = Conversation(
            assistant,
            store,
            Surroundings(
                metrics=figures,
                admins=settings.admins,
                host=host,
                count=housekeeping.count,
                storage_state=lambda wrong: pulse.note(storage=wrong),
            ),
        )
        inbox = Inbox(settings.data_dir)
        stack.callback(inbox.close)
        token, page = settings.token.reveal(), ""
        if not token:
            sandbox = await stack.enter_async_context(serve(settings.host, settings.port))
            settings = replace(settings, api_url=sandbox.api_url)
            token, page = sandbox.token, sandbox.page_url
        if settings.metrics_port is not None:
            at = stack.enter_context(
                metrics.serve(figures, settings.metrics_host, settings.metrics_port)
            )
            log.info("figures for Prometheus on %s port %d", settings.metrics_host, at)
        parts = Parts(
            conversation,
            store,
            inbox,
            figures,
            housekeeping,
            Buckets(time.monotonic),
            pulse.heard,
            pulse.is_well,
        )
        service = Service(settings, token, parts)
        await stack.enter_async_context(host.reloading_for(conversation, service))
        pulse.begin()
        return await service.run(stop, lambda: _tell(page))


def _tell(page: str) -> None:
    if page:
        print(  # noqa: T201 - the address is what `run` prints
            f"The bot is ready: open {page} in a browser. Ctrl+C ends it.", flush=True
        )


class RunningHost:
    """What the host may ask of the running bot: in the chat, or by a signal."""

    def __init__(self, settings: Settings, store: Store, pulse: Pulse, figures: Metrics) -> None:
        self._settings = settings
        self._store = store
        self._pulse = pulse
        self._figures = figures
        self._conversation: Conversation | None = None
        self._service: Service | None = None
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def reloading_for(
        self, conversation: Conversation, service: Service
    ) -> AsyncIterator[None]:
        """Take new content for a conversation when the process gets SIGHUP."""
        self._conversation, self._service = conversation, service
        tasks: set[asyncio.Task[list[str]]] = set()
        loop = asyncio.get_running_loop()

        def begin() -> None:
            task = asyncio.create_task(self.reload())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        loop.add_signal_handler(signal.SIGHUP, begin)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            for task in tasks:
                task.cancel()

    async def stats(self) -> list[str]:
        """How often what was asked; small numbers hidden."""
        assistant = self._assistant
        return upkeep.stats_lines(
            await self._store.counts(), await self._store.broken(), assistant.knowledge
        )

    async def state(self) -> administering.State:
        """How the process is."""
        state = self._pulse.state
        return administering.State(
            datetime.fromtimestamp(state.started, UTC),
            state.mode,
            self._pulse.silence(),
            state.content,
            state.storage,
        )

    async def reload(self) -> list[str]:
        """Take the content as it is on the disk now; gives its faults, for which the old is kept."""
        async with self._one_at_a_time:
            try:
                # In a thread: the bot goes on answering meanwhile.
                assistant = await asyncio.to_thread(build_assistant, self._settings)
            except ContentError as error:
                faults = [str(fault) for fault in error.faults]
            except OSError as error:
                faults = [str(error)]
            else:
                self._conversation_or_fail().assistant = assistant
                self._pulse.note(content="")
                self._figures.reloaded(good=True)
                log.info("new content was taken: %s", _measure(assistant))
                if self._service:
                    await self._service.announce_commands()
                return []
            for fault in faults:
                log.error("new content was not taken, the old stays: %s", fault)
            self._pulse.note(content=f"the old is kept: {faults[0]}")
            self._figures.reloaded(good=False)
            return faults

    @property
    def _assistant(self) -> Assistant:
        return self._conversation_or_fail().assistant

    def _conversation_or_fail(self) -> Conversation:
        if self._conversation is None:
            raise RuntimeError("the bot is not put together yet")
        return self._conversation


def _measure(assistant: Assistant) -> str:
    knowledge = assistant.knowledge
    return f"{len(knowledge.topics)} topics in {len(knowledge.languages)} languages"
