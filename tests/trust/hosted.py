"""The bot as its host runs it: a process of its own, with the Bot API served by the test.

Nothing here sleeps: all waiting is for something that happens, with a deadline.
"""

import asyncio
import os
import secrets
import signal
import sys
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trust.traces import hashes

from bot.sandbox.bot_api import BotApi, Chat
from bot.sandbox.server import serve

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent.parent
DEADLINE_S = 30.0
"""How long anything may take before a test fails: long, for a busy machine."""
STOP_S = 10.0
"""How long a stop may take; after that Docker kills."""


class Named(Chat):
    """A private chat with somebody who has a name."""

    def __init__(self, number: int, language: str) -> None:
        super().__init__(number, language)
        mark = secrets.token_hex(5)
        self.names = {
            "first_name": f"Vilhelmina{mark}",
            "last_name": f"Øregård{mark}",
            "username": f"user_{mark}",
        }

    @property
    def person(self) -> Json:
        return {**super().person, **self.names}

    @property
    def described(self) -> Json:
        return {**super().described, **self.names}


class Town(BotApi):
    """The Bot API with people who have names."""

    def __init__(self, token: str | None = None) -> None:
        super().__init__(token)
        self.polled = asyncio.Event()
        """Set by each request for updates, and by a webhook."""
        self.spoken = asyncio.Event()
        """Set by each message of the bot."""
        self.on_call: Callable[[str, str], None] = lambda _, __: None
        """Told of each call, by method in lower case, `before` it is carried out and `after`."""

    def move_in(self, language: str) -> "Resident":
        """Somebody with a name, a username and an id as long as Telegram's may get (52 bits)."""
        number = (1 << 50) + secrets.randbelow(1 << 50)
        chat = self.chats[number] = Named(number, language)
        return Resident(self, chat)

    async def call(self, method: str, given: Json) -> Any:
        name = method.lower()
        if name == "getupdates":
            self.polled.set()
        self.on_call(name, "before")
        try:
            return await super().call(method, given)
        finally:
            if name == "setwebhook":
                self.polled.set()
            self.on_call(name, "after")
            if name.startswith("send"):
                self.spoken.set()


class Resident:
    """One person's side of a private chat; remembers all that was typed and shown."""

    def __init__(self, town: Town, chat: Named) -> None:
        self.town = town
        self.chat = chat
        self.typed: list[str] = []
        self.shown: list[Json] = []
        """All messages and edits of the bot, as they were when they came."""
        self.notices: dict[str, str] = {}
        """Answers to callback queries, by the id of the query."""
        self.updates: list[int] = []
        """Ids of what this person sent."""
        self._changed = asyncio.Event()
        chat.listeners.append(self._see)

    @property
    def traces(self) -> dict[str, list[str | bytes]]:
        """What names this person, and what they typed, by what it is."""
        number = self.chat.id
        short = (number.bit_length() + 7) // 8  # SQLite's integers have no leading zeros
        return {
            "name": [*self.chat.names.values()],
            "id": [
                str(number),
                f"{number:x}",
                number.to_bytes(short),
                number.to_bytes(short, "little"),
            ],
            "hash of the id": [*hashes(str(number))],
            # A single word may be a word of ours: "thanks" is the name of a kind of small talk.
            "text": [text for text in self.typed if " " in text],
        }

    async def say(self, text: str, *, shows: int = 1) -> list[Json]:
        """Type a text and wait until the bot has shown so many messages; gives them."""
        self.typed.append(text)
        before = len(self.shown)
        self.updates.append(await self.town.say(self.chat, text))
        await self.until(lambda: len(self.shown) >= before + shows, f"an answer to {text!r}")
        return self.shown[before:]

    async def tap(self, label: str, *, shows: int = 1) -> list[Json]:
        """Tap the newest button with this label, once there is one."""
        await self.until(lambda: self.find(label) is not None, f"a button {label!r}")
        message, data = self.find(label) or (0, "")
        return await self.press(message, data, shows=shows)

    async def press(self, message: int, data: str, *, shows: int = 1) -> list[Json]:
        """Press any callback data; wait until it is answered and has shown so many messages."""
        before = len(self.shown)
        update, query = await self.town.press(self.chat, message, data)
        self.updates.append(update)
        await self.until(
            lambda: query in self.notices and len(self.shown) >= before + shows,
            f"an answer to {data!r}",
        )
        return self.shown[before:]

    def find(self, label: str) -> tuple[int, str] | None:
        """Message and callback data of the newest button with this label."""
        for number in sorted(self.chat.messages, reverse=True):
            for key in keys(self.chat.messages[number]):
                if key["text"] == label and "callback_data" in key:
                    return number, key["callback_data"]
        return None

    @property
    def answers(self) -> list[Json]:
        """The bot's messages in this chat."""
        return [m for m in self.chat.messages.values() if m["from"]["is_bot"]]

    async def until(self, happened: Callable[[], bool], what: str = "") -> None:
        """Wait until something is so; looks after each event of the chat."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not happened():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(
                f"waited {DEADLINE_S:.0f} s for {what}; shown last: {self.shown[-1:]}"
            ) from None

    def _see(self, event: Json) -> None:
        match event["type"]:
            case "message" | "edit" if event["message"]["from"]["is_bot"]:
                self.shown.append(dict(event["message"]))
            case "answer":
                self.notices[event["query"]] = event["text"]
        self._changed.set()


def keys(message: Json) -> list[Json]:
    """All buttons of a message."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [key for row in rows for key in row]


@dataclass
class Output:
    """What a process writes to one of its streams, all of it."""

    written: bytearray = field(default_factory=bytearray)
    closed: bool = False
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, stream: StreamReader) -> None:
        while chunk := await stream.read(1 << 16):
            self.written += chunk
            self._more.set()
        self.closed = True
        self._more.set()

    async def until(self, text: bytes) -> None:
        """Wait until a text was written."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while text not in self.written:
                    assert not self.closed, f"it ended without {text!r}:\n{self}"
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"waited {DEADLINE_S:.0f} s for {text!r} in:\n{self}") from None

    def __str__(self) -> str:
        return self.written.decode("utf-8", "replace")


class Hosted:
    """A host's machine: folders, settings, and the bot on it, started and stopped at will."""

    def __init__(self, town: Town, api_url: str, folder: Path, **settings: str) -> None:
        self.town = town
        self.folder = folder
        self.data = folder / "data"
        self.homes = [folder / name for name in ("home", "tmp")]
        for home in self.homes:
            home.mkdir(parents=True, exist_ok=True)
        self.settings = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "DATA_DIR": str(self.data),
            "BOT_TOKEN": town.token,
            "BOT_API_URL": api_url,
            **settings,
        }
        self.out, self.err = Output(), Output()
        """What the running process has written; `said` has that of all."""
        self.said = b""
        self._process: Process | None = None
        self._reading: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    async def start(self, *arguments: str, limits: str = "", **settings: str) -> None:
        """Start `optout-bot run`; comes back at once. `limits`: what `ulimit` is told first."""
        command = [sys.executable, "-m", "bot", "run", *arguments]
        if limits:
            command = ["sh", "-c", f'ulimit {limits}; exec "$0" "$@"', *command]
        await self._start(command, settings)

    async def start_script(self, script: str) -> None:
        """Start a program in the bot's place, with its settings."""
        await self._start([sys.executable, "-c", script], {})

    async def _start(self, command: list[str], settings: dict[str, str]) -> None:
        assert self._process is None, "it runs already"
        self.out, self.err = Output(), Output()
        self.town.polled.clear()
        self._process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**self.settings, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        assert self._process.stdout
        assert self._process.stderr
        self._reading = [
            asyncio.create_task(self.out.read(self._process.stdout)),
            asyncio.create_task(self.err.read(self._process.stderr)),
        ]

    async def listening(self) -> None:
        """Wait until it asks for updates, or has said where to bring them."""
        asked = asyncio.create_task(self.town.polled.wait())
        try:
            done, _ = await asyncio.wait(
                [asked, *self._reading], timeout=DEADLINE_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            asked.cancel()
        assert asked in done, f"it does not listen:\n{self.err}"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process
        self._process.send_signal(number)

    async def ended(self, within_s: float = DEADLINE_S) -> int:
        """Wait until it has ended; gives its exit status."""
        assert self._process
        try:
            async with asyncio.timeout(within_s):
                status = await self._process.wait()
                await asyncio.wait(self._reading)
        except TimeoutError:
            self._process.kill()
            raise AssertionError(f"it did not end within {within_s} s:\n{self.err}") from None
        self.said += bytes(self.out.written) + bytes(self.err.written)
        self._process = None
        return status

    async def stop(self) -> int:
        """Stop it as a host does; gives its exit status."""
        self.signal(signal.SIGTERM)
        return await self.ended(STOP_S)

    async def kill(self) -> None:
        """Kill it as a power cut would."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def run(self, *arguments: str, **settings: str) -> int:
        """Start it and wait until it ends by itself."""
        await self.start(*arguments, **settings)
        return await self.ended()

    async def order(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Another command on the same machine, such as `health`; exit status and output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments, cwd=self.folder,
            env={**self.settings, **settings},
            stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(DEADLINE_S):
            out, _ = await process.communicate()
        self.said += out
        return process.returncode or 0, out.decode()

    async def clear_up(self) -> None:
        """End what is still running."""
        if self._process:
            await self.kill()

    def files(self) -> dict[Path, bytes]:
        """Every file in the machine's folders, with its bytes, and its path as a last line."""
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return {path: path.read_bytes() + b"\n" + os.fsencode(path.name) for path in found}


@asynccontextmanager
async def hosting(folder: Path, **settings: str) -> AsyncIterator[Hosted]:
    """A machine to start the bot on, and its town."""
    town = Town()
    async with serve("127.0.0.1", 0, town) as sandbox:
        hosted = Hosted(town, sandbox.api_url, folder, **settings)
        try:
            yield hosted
        finally:
            await hosted.clear_up()


@asynccontextmanager
async def running(folder: Path, **settings: str) -> AsyncIterator[Hosted]:
    """The bot at work on a machine of its own."""
    async with hosting(folder, **settings) as hosted:
        await hosted.start()
        await hosted.listening()
        yield hosted
