"""A person with a phone, for tests: says and taps things, sees what the bot shows.

The bot is the real python-telegram-bot application; it polls the sandbox over HTTP.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from bot.dialogue.turn import Assistant
from bot.sandbox.bot_api import BotApi, Chat
from bot.sandbox.server import Sandbox, serve
from bot.settings import Settings
from bot.storage.housekeeping import Housekeeping
from bot.storage.sqlite import open_store
from bot.tg.buckets import Buckets
from bot.tg.conversation import Conversation, Surroundings
from bot.tg.inbox import Inbox
from bot.tg.pace import Pace
from bot.tg.reminders import wait_for_any
from bot.tg.service import Parts, Service

Json = dict[str, Any]
TODAY = date(2026, 11, 21)
"""The day on which all conversations of the tests take place."""


@dataclass
class Phone:
    """One person's side of a chat."""

    sandbox: Sandbox
    service: Service
    chat: Chat
    shown: list[Json] = field(default_factory=list)
    """What the bot has shown since the last act: messages, edits, notices."""

    @property
    def api(self) -> BotApi:
        return self.sandbox.api

    async def say(self, text: str) -> list[Json]:
        """Type a text; gives what the bot shows."""
        return await self._after(await self.api.say(self.chat, text))

    async def tap(self, label: str, *, message: int | None = None) -> list[Json]:
        """Tap the newest button with this label (or the one of a message)."""
        number, data = self.find(label, message=message)
        return await self.press(number, data)

    async def press(self, message: int, data: str) -> list[Json]:
        """Press with any callback data, forged or old."""
        update, _ = await self.api.press(self.chat, message, data)
        return await self._after(update)

    def find(self, label: str, *, message: int | None = None) -> tuple[int, str]:
        """Message and callback data of the newest button with this label."""
        for number in sorted(self.chat.messages, reverse=True):
            if message is not None and number != message:
                continue
            for key in keys(self.chat.messages[number]):
                if key["text"] == label and "callback_data" in key:
                    return number, key["callback_data"]
        seen = [key["text"] for m in self.chat.messages.values() for key in keys(m)]
        raise AssertionError(f"no button {label!r}; there are {seen}")

    @property
    def newest(self) -> Json:
        """The bot's newest message."""
        return [m for m in self.chat.messages.values() if m["from"]["is_bot"]][-1]

    async def _after(self, update: int) -> list[Json]:
        """Wait until the bot is done with an update: fetched, queued, handled."""
        self.shown.clear()
        await self.api.settled(update)
        await self.service.join()
        return list(self.shown)

    def _see(self, event: Json) -> None:
        if event["type"] == "message" and not event["message"]["from"]["is_bot"]:
            return
        self.shown.append(_copied(event))


def keys(message: Json) -> list[Json]:
    """All buttons of a message."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [key for row in rows for key in row]


def labels(message: Json) -> list[str]:
    """What the buttons of a message say."""
    return [key["text"] for key in keys(message)]


def _copied(event: Json) -> Json:
    """An event as it was: the sandbox goes on editing its messages."""
    if "message" not in event:
        return event
    return {**event, "message": dict(event["message"])}


@asynccontextmanager
async def running(
    assistant: Assistant,
    folder: Path,
    *,
    sandbox: Sandbox | None = None,
    settings: Settings | None = None,
    around: Surroundings | None = None,
    store: Any = None,
    inbox: Inbox | None = None,
) -> AsyncIterator[tuple[Sandbox, Service]]:
    """The bot at work against a sandbox of its own, or against one that runs already.

    People in these tests are fast: a minute passes whenever the bot asks how fast they are.
    """
    if sandbox is None:
        async with (
            serve("127.0.0.1", 0) as own,
            running(
                assistant,
                folder,
                sandbox=own,
                settings=settings,
                around=around,
                store=store,
                inbox=inbox,
            ) as both,
        ):
            yield both
        return
    async with open_store(folder) as opened:
        store = store or opened
        settings = replace(settings or Settings(), api_url=sandbox.api_url)
        minutes = count(0, 60)
        around = around or Surroundings(today=lambda: TODAY)
        inbox = inbox or Inbox(folder)
        parts = Parts(
            Conversation(assistant, store, around),
            store,
            inbox,
            around.metrics,
            Housekeeping(store, around.today, wait_for_any),
            Buckets(lambda: next(minutes)),
            heard=lambda: None,
            is_well=lambda: True,
            today=around.today,
            pace=Pace(lambda: next(minutes)),
        )
        service = Service(settings, sandbox.token, parts)
        stop, ready = asyncio.Event(), asyncio.Event()
        working = asyncio.ensure_future(service.run(stop, ready.set))
        begun = asyncio.ensure_future(ready.wait())
        await asyncio.wait((working, begun), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        service.working = working
        try:
            yield sandbox, service
        finally:
            stop.set()
            await working
            inbox.close()


def phone_of(sandbox: Sandbox, service: Service, language: str, chat: Chat | None = None) -> Phone:
    """A phone whose app speaks this language."""
    chat = chat or sandbox.api.join(language)
    phone = Phone(sandbox, service, chat)
    chat.listeners.append(phone._see)
    return phone
