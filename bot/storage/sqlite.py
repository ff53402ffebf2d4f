"""The store in one SQLite file, over one aiosqlite connection."""

import asyncio
import errno
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import aiosqlite

from bot.dialogue.reminding import Reminder
from bot.storage.copies import (
    FOLDER,
    MOST_DAYS,
    drop_copies,
    faults_of,
    name_copy,
    set_aside,
    write_copy,
)
from bot.storage.key import (
    KEY_BYTES,
    KEY_FILE,
    NEXT_KEY_FILE,
    Key,
    Random,
    make_key,
    read_key,
    sync_folder,
)
from bot.storage.lock import hold, unusable
from bot.storage.rows import BUSY_S, Rows, code_of
from bot.storage.schema import (
    FILE,
    FIRST_WITH_KEYS,
    SCHEMA_VERSION,
    fits,
    migrate,
    names_chats,
    version_of,
)
from bot.storage.store import (
    DamagedError,
    Due,
    Kept,
    Question,
    StorageError,
    StorageUnavailableError,
    Tally,
)

__all__ = [
    "FILE",
    "KEY_BYTES",
    "KEY_FILE",
    "SCHEMA_VERSION",
    "DamagedError",
    "SqliteStore",
    "StorageError",
    "StorageUnavailableError",
    "hold",
    "open_store",
]

log = logging.getLogger(__name__)

RETRY_S = 30.0
"""How long a store that could not be opened is left alone before it is tried again."""
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}
"""What SQLite says of troubles that pass: somebody else's lock, a full or a sick disk."""
_PASSING_ERRNO = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOST = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    *_DAMAGED,
}
"""After these a connection may not recover by itself: the next call opens another."""

Connect = Callable[[Path], sqlite3.Connection]
Now = Callable[[], datetime]
P = ParamSpec("P")
T = TypeVar("T")


def connect(file: Path) -> sqlite3.Connection:
    """A connection to a file, each statement a transaction of its own."""
    return sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)


def explain(folder: Path, error: Exception) -> StorageError:
    """What to say of an error of the disk or the database, by what can be done about it."""
    if code_of(error) in _DAMAGED:
        return damaged(folder, str(error))
    if code_of(error) in _PASSING or (isinstance(error, OSError) and error.errno in _PASSING_ERRNO):
        return StorageUnavailableError(
            f"DATA_DIR {str(folder)!r} cannot be used just now: {error}. "
            "Make room on the disk, or end what holds the file"
        )
    return unusable(folder, error)


def damaged(folder: Path, found: str) -> DamagedError:
    """What to say of a damaged database."""
    return DamagedError(
        f"{FILE} in DATA_DIR {str(folder)!r} is damaged ({found}): bring a backup back with "
        "`optout-bot restore FILE`, or begin anew with `optout-bot run --set-aside-damaged`"
    )


def wrong_key(folder: Path, *, missing: bool) -> StorageError:
    """What to say of a database whose key is not beside it."""
    what = "is missing, the key of" if missing else "is not the key of"
    return StorageError(
        f"{KEY_FILE} in DATA_DIR {str(folder)!r} {what} {FILE} beside it: put that key back, "
        f"or move {FILE} away to begin anew"
    )


@dataclass(frozen=True, slots=True)
class Opening:
    """How a data folder is opened."""

    folder: Path
    random: Random = os.urandom
    now: Now = lambda: datetime.now(UTC)
    connect: Connect = connect
    set_aside: bool = False
    """Rename a damaged database and begin a new one."""

    @property
    def file(self) -> Path:
        """The database."""
        return self.folder / FILE

    def __call__(self) -> Rows:
        """Open the database, making what is not there and bringing up what is old.

        Raises:
            StorageUnavailableError: when it may go well later.
            StorageError: when it will not by itself.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                return self._open()
            except (DamagedError, sqlite3.DatabaseError) as error:
                if not self.set_aside or not _is_damage(error):
                    raise
                aside = set_aside(self.folder, self.now())
                log.error(  # noqa: TRY400
                    "a damaged database was set aside as %s, to be deleted in %d days; a new one "
                    "is begun",
                    aside.name,
                    MOST_DAYS,
                )
                return self._open()
        except (OSError, sqlite3.Error) as error:
            raise explain(self.folder, error) from error

    def _open(self) -> Rows:
        # Made by us, so that this user alone may read it whatever the umask is.
        os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
        connection = self.connect(self.file)
        try:
            return self._prepare(connection)
        except BaseException:
            connection.close()
            raise

    def _prepare(self, connection: sqlite3.Connection) -> Rows:
        # Looked at before anything is written to it: it may be newer, damaged or not ours.
        version = version_of(connection)
        if faults := faults_of(connection):
            raise damaged(self.folder, faults)
        key = self.key(connection, version)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON",
                       "trusted_schema = OFF", "temp_store = MEMORY"):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}").fetchall()
        if version < SCHEMA_VERSION:
            now = self.now()
            if names_chats(connection, version):
                name = name_copy(now, f"before-version-{SCHEMA_VERSION}")
                write_copy(connection, self.folder / FOLDER / name)
            migrate(connection, now.date(), key)
        return Rows(connection, key)

    def key(self, connection: sqlite3.Connection, version: int) -> Key:
        """The key that belongs to a database; made, when neither of them is in use yet.

        Raises:
            StorageError: when it is not there: with another, rows could not be found any more.
        """
        file = self.folder / KEY_FILE
        key = read_key(file, self.random)
        if key and fits(connection, version, key):
            return key
        following = read_key(self.folder / NEXT_KEY_FILE, self.random)
        if following and version >= FIRST_WITH_KEYS and fits(connection, version, following):
            # `rotate-key` was interrupted after it had rewritten the rows.
            with suppress(FileNotFoundError):  # another process was quicker
                (self.folder / NEXT_KEY_FILE).replace(file)
            sync_folder(self.folder)
            return following
        if not key and version < FIRST_WITH_KEYS and not names_chats(connection, version):
            return make_key(file, self.random)
        raise wrong_key(self.folder, missing=not key)


def _is_damage(error: Exception) -> bool:
    return isinstance(error, DamagedError) or code_of(error) in _DAMAGED


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection, with rows that are worked on in its thread.

    aiosqlite gives each statement to its thread alone. Between two of them anybody else's may run,
    on the same connection and so in the same transaction: what one coroutine rolls back, another
    has written. Here a whole transaction is one call.
    """

    def __init__(self, opening: Opening) -> None:
        self._rows: Rows | None = None

        def connect() -> sqlite3.Connection:
            self._rows = opening()
            return self._rows.connection

        super().__init__(connect, iter_chunk_size=64)

    async def do(self, work: Callable[Concatenate[Rows, P], T], *a: P.args, **k: P.kwargs) -> T:
        """What some work on the rows gives. It is done whole, also when nobody waits any more."""
        if self._rows is None:  # cannot be: whoever connects has them
            raise StorageUnavailableError("the database is not open")
        result: T = await self._execute(work, self._rows, *a, **k)  # type: ignore[no-untyped-call]
        return result

    async def close(self) -> None:
        """Close the database, after what is under way, and end the thread."""
        await super().close()
        self.join()

    def join(self) -> None:
        """Wait for the thread, which has nothing left to do; else it may outlive the loop."""
        self._thread.join()


class SqliteStore:
    """The rows of a data folder.

    One call after another, each whole, so that two coroutines never mix, and one that is cancelled
    leaves nothing half done. A folder that cannot be opened just now is tried again at a later
    call.
    """

    def __init__(self, opening: Opening, clock: Callable[[], float]) -> None:
        """`clock` gives seconds, and never goes back."""
        self._opening = opening
        self._clock = clock
        self._connection: _Connection | None = None
        self._one_opens = asyncio.Lock()
        self._failure = ""
        """Why it could not be opened the last time."""
        self._next_try = clock()

    async def open(self) -> None:
        """Open the folder for the first time; what may pass is logged, once.

        Raises:
            StorageError: when it will not pass by itself.
        """
        try:
            await self._do(lambda _: None)
        except StorageUnavailableError as error:
            log.warning("nothing is kept for now: %s", error)

    async def close(self) -> None:
        """Close the folder, after what is under way. Open, its thread would hold up the exit."""
        connection, self._connection = self._connection, None
        if connection:
            await asyncio.shield(connection.close())

    async def kept(self, chat: int) -> Kept:
        """All that is kept about a chat, read in one go."""
        return await self._do(Rows.kept, chat)

    async def language(self, chat: int) -> str | None:
        """The language kept for a chat."""
        return (await self.kept(chat)).language

    async def keep_language(self, chat: int, language: str, day: date) -> None:
        """Keep a language that was chosen on a day."""
        await self._do(Rows.keep_language, chat, language, day)

    async def remind(self, chat: int, reminder: Reminder) -> bool:
        """Keep a reminder. False: nothing was kept, the chat has MOST_REMINDERS."""
        return await self._do(Rows.remind, chat, reminder)

    async def reminders(self, chat: int) -> list[Reminder]:
        """The reminders of a chat that are not sent yet, soonest first."""
        return list((await self.kept(chat)).reminders)

    async def stop_reminders(self, chat: int) -> None:
        """Delete all reminders of a chat, from the write-ahead log too."""
        await self._do(Rows.stop_reminders, chat)

    async def take_due(self, now: datetime, lease: timedelta) -> Due | None:
        """Claim what has been waiting longest; nobody else gets it while the lease lasts."""
        return await self._do(Rows.take_due, now, lease)

    async def settle(self, number: int) -> None:
        """Delete what was sent, from the write-ahead log too."""
        await self._do(Rows.settle, number)

    async def release(self, number: int, later: datetime) -> None:
        """Give up a claim; it may be taken again from then on. Nothing, when it is not ours."""
        await self._do(Rows.release, number, later)

    async def next_due(self) -> datetime | None:
        """When there is something to take, at the earliest: due, released, or its lease over."""
        return await self._do(Rows.next_due)

    async def keep_question(self, language: str, text: str, day: date) -> bool:
        """Keep a question for the team. False: nothing was kept, there are MOST_QUESTIONS."""
        return await self._do(Rows.keep_question, language, text, day)

    async def questions(self) -> list[Question]:
        """The questions kept for the team, oldest first."""
        return await self._do(Rows.questions)

    async def drop_questions(self, numbers: Iterable[int]) -> None:
        """Delete questions, from the write-ahead log too."""
        await self._do(Rows.drop_questions, tuple(numbers))

    async def count(self, tallies: Mapping[Tally, int]) -> None:
        """Add to the counts, all of them or none."""
        await self._do(Rows.count, dict(tallies))

    async def counts(self) -> dict[Tally, int]:
        """What was counted."""
        return await self._do(Rows.counts)

    async def count_broken(self, link: str) -> None:
        """Count once more that a link did not open."""
        await self._do(Rows.count_broken, link)

    async def broken(self) -> dict[str, int]:
        """How often a link did not open, by its id."""
        return await self._do(Rows.broken)

    async def expire(self, today: date) -> int:
        """Delete what was kept for as long as it may be: rows, old copies too; gives the rows."""
        deleted = await self._do(Rows.expire, today)
        folder = self._opening.folder
        await self._do(lambda _: drop_copies(folder / FOLDER, today) + drop_copies(folder, today))
        return deleted

    async def forget(self, chat: int) -> None:
        """Delete all rows of a chat, from the write-ahead log too."""
        await self._do(Rows.forget, chat)

    async def _do(self, work: Callable[Concatenate[Rows, P], T], *a: P.args, **k: P.kwargs) -> T:
        """What some work on the rows gives."""
        connection = self._connection or await self._connected()
        try:
            return await connection.do(work, *a, **k)
        except sqlite3.Error as error:
            if code_of(error) in _LOST and connection is self._connection:
                await self.close()
            raise

    async def _connected(self) -> _Connection:
        async with self._one_opens:
            if self._connection:
                return self._connection
            if self._failure and self._clock() < self._next_try:
                raise StorageUnavailableError(self._failure)
            try:
                # To its end, also when nobody waits any more: half opened, nobody would close it.
                connection = await asyncio.shield(asyncio.ensure_future(self._connect()))
            except StorageError as error:
                self._failure = str(error)
                self._next_try = self._clock() + RETRY_S
                raise
            if self._failure:
                log.info("the storage works again")
                self._failure = ""
            return connection

    async def _connect(self) -> _Connection:
        connection = _Connection(self._opening)
        try:
            await connection
        except BaseException:
            connection.join()
            raise
        self._connection = connection
        return connection


@asynccontextmanager
async def open_store(
    folder: Path,
    random: Random = os.urandom,
    *,
    set_aside: bool = False,
    now: Now = lambda: datetime.now(UTC),
    clock: Callable[[], float] = time.monotonic,
    connect: Connect = connect,
) -> AsyncIterator[SqliteStore]:
    """Open the store in a folder, making what is not there.

    While the disk is full or the file locked, its calls raise StorageUnavailableError; it tries
    again at a later call, at most every RETRY_S.

    Args:
        folder: the data folder.
        random: gives so many bytes, never the same twice.
        set_aside: rename a damaged database and begin a new one.
        now: the time, aware and in UTC.
        clock: seconds that never go back.
        connect: how the file is opened.

    Raises:
        StorageError: when the folder cannot be used, and waiting does not help: no right to write,
            a damaged or a newer file, another key.
    """
    store = SqliteStore(Opening(folder, random, now, connect, set_aside), clock)
    try:
        await store.open()
        yield store
    finally:
        await store.close()
