"""The store in one SQLite file; a chat is known there by a keyed hash only."""

import hashlib
import hmac
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiosqlite
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.dialogue.reminding import Reminder
from bot.storage.store import MOST_REMINDERS, Due

log = logging.getLogger(__name__)

FILE = "bot.sqlite3"
KEY_FILE = "bot.key"
KEY_BYTES = 32
NONCE_BYTES = 12
_DAY_S = 86_400
_SEALING_LABEL = b"optout-bot: chats of reminders"
"""What the sealing key is derived for: it differs from the key that hashes."""
_SEALED_AS = b"reminder"
"""The kind of row that a sealed chat belongs to; it opens in no other."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE IF NOT EXISTS chosen (chat BLOB PRIMARY KEY, language TEXT NOT NULL)
        STRICT, WITHOUT ROWID
        """,
    ),
    (
        """
        CREATE TABLE reminders (
            number INTEGER PRIMARY KEY,       -- of the claim; drawn anew by each
            chat BLOB NOT NULL,               -- hashed
            sealed BLOB NOT NULL,             -- nonce and encrypted chat
            kind TEXT NOT NULL,
            day INTEGER NOT NULL,             -- of `due`, counted from 1970 in UTC
            due INTEGER NOT NULL,             -- seconds from 1970
            language TEXT NOT NULL,
            free INTEGER NOT NULL,            -- from when on it may be taken, in seconds
            tries INTEGER NOT NULL DEFAULT 0, -- how often it was taken
            UNIQUE (chat, kind, day)
        ) STRICT
        """,
        "CREATE INDEX reminders_by_free ON reminders (free)",
        "CREATE TABLE broken (link TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    ),
)
"""The statements that lead from one version of the schema to the next."""
SCHEMA_VERSION = len(MIGRATIONS)

# A claim's number is drawn, so that it never returns for another claim.
_DRAWN = "(random() & 0x7fffffffffffffff)"
_REMIND = f"""
INSERT INTO reminders (number, chat, sealed, kind, day, due, language, free)
SELECT {_DRAWN}, :chat, :sealed, :kind, :day, :due, :language, :due
WHERE (SELECT count(*) FROM reminders
       WHERE chat = :chat AND NOT (kind = :kind AND day = :day)) < {MOST_REMINDERS}
ON CONFLICT (chat, kind, day) DO UPDATE SET
    -- Another time is another reminder. The same time is a double tap: a claim on it stays.
    number = iif(due = excluded.due, number, excluded.number),
    free = iif(due = excluded.due, free, excluded.free),
    tries = iif(due = excluded.due, tries, 0),
    due = excluded.due,
    language = excluded.language
RETURNING 1
"""  # noqa: S608 - constants of ours
_TAKE = f"""
UPDATE reminders SET number = {_DRAWN}, free = :until, tries = tries + 1
WHERE number = (SELECT number FROM reminders WHERE free <= :now ORDER BY free, due LIMIT 1)
RETURNING number, chat, sealed, kind, due, language, tries
"""  # noqa: S608 - constants of ours


class StorageError(Exception):
    """The data folder cannot be used; the message says why and what to do."""


class SqliteStore:
    """Chosen languages and reminders by chat, and counts of broken links.

    A row's key is HMAC-SHA-256 of the chat id under a key that lies beside the database, not in
    it: ids are few enough to try them all against a plain hash. A reminder must find its way back
    to the chat, so it holds the id too, sealed with AES-GCM under a key derived from that one.

    All coroutines share one connection, and between two awaits anybody's statement may run: a
    transaction of two statements would take others' in. So each write is one statement, which in
    autocommit mode is one transaction, and each read is fetched whole in the same call, so that no
    half-read statement holds a snapshot that blocks a write or a checkpoint. No lock is needed,
    and a coroutine that is cancelled leaves nothing open.
    """

    def __init__(
        self,
        connection: aiosqlite.Connection,
        key: bytes,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`random` gives so many bytes, never the same twice: they are the nonces."""
        self._connection = connection
        self._key = key
        self._sealing = AESGCM(HKDF(SHA256(), KEY_BYTES, None, _SEALING_LABEL).derive(key))
        self._random = random

    async def language(self, chat: int) -> str | None:
        """The language kept for a chat."""
        rows = await self._run("SELECT language FROM chosen WHERE chat = ?", self._chat(chat))
        return str(rows[0][0]) if rows else None

    async def keep_language(self, chat: int, language: str) -> None:
        """Keep a chosen language."""
        await self._run(
            "INSERT INTO chosen (chat, language) VALUES (?, ?) "
            "ON CONFLICT (chat) DO UPDATE SET language = excluded.language",
            self._chat(chat),
            language,
        )

    async def remind(self, chat: int, reminder: Reminder) -> bool:
        """Keep a reminder. False: nothing was kept, the chat has MOST_REMINDERS."""
        due = _seconds(reminder.due)
        row = {
            "chat": self._chat(chat),
            "sealed": self._seal(chat),
            "kind": reminder.kind,
            "day": due // _DAY_S,
            "due": due,
            "language": reminder.language,
        }
        return bool(await self._connection.execute_fetchall(_REMIND, row))

    async def reminders(self, chat: int) -> list[Reminder]:
        """The reminders of a chat that are not sent yet, soonest first."""
        rows = await self._run(
            "SELECT kind, due, language FROM reminders WHERE chat = ? ORDER BY due, kind",
            self._chat(chat),
        )
        return [Reminder(kind, _time(due), language) for kind, due, language in rows]

    async def stop_reminders(self, chat: int) -> None:
        """Delete all reminders of a chat, from the write-ahead log too."""
        await self._run("DELETE FROM reminders WHERE chat = ?", self._chat(chat))
        await self._empty_log()

    async def take_due(self, now: datetime, lease: timedelta) -> Due | None:
        """Claim what has been waiting longest; nobody else gets it while the lease lasts.

        One at a time: a lease covers one message, and what is stopped a moment later stays unsent.
        What the key does not open is dropped: nobody can be found by it any more.
        """
        times = {"now": _seconds(now), "until": _seconds(now + lease)}
        while rows := list(await self._connection.execute_fetchall(_TAKE, times)):
            number, hashed, sealed, kind, due, language, tries = rows[0]
            chat = self._open(sealed)
            if chat is not None and hmac.compare_digest(self._chat(chat), hashed):
                return Due(number, chat, Reminder(kind, _time(due), language), tries)
            log.error("a reminder cannot be read, its key is lost: dropped")
            await self.settle(number)
        return None

    async def settle(self, number: int) -> None:
        """Delete what was sent, from the write-ahead log too."""
        await self._run("DELETE FROM reminders WHERE number = ?", number)
        await self._empty_log()

    async def release(self, number: int, later: datetime) -> None:
        """Give up a claim; it may be taken again from then on. Nothing, when it is not ours."""
        await self._run("UPDATE reminders SET free = ? WHERE number = ?", _seconds(later), number)

    async def next_due(self) -> datetime | None:
        """When there is something to take, at the earliest: due, released, or its lease over."""
        rows = await self._run("SELECT min(free) FROM reminders")
        return None if rows[0][0] is None else _time(rows[0][0])

    async def count_broken(self, link: str) -> None:
        """Count once more that a link did not open."""
        await self._run(
            "INSERT INTO broken (link, times) VALUES (?, 1) "
            "ON CONFLICT (link) DO UPDATE SET times = times + 1",
            link,
        )

    async def broken(self) -> dict[str, int]:
        """How often a link did not open, by its id."""
        return dict(await self._run("SELECT link, times FROM broken ORDER BY link"))

    async def forget(self, chat: int) -> None:
        """Delete all rows of a chat, from the write-ahead log too."""
        # Two transactions: each is done whether or not the other was, and asking again does no harm.
        await self._run("DELETE FROM chosen WHERE chat = ?", self._chat(chat))
        await self.stop_reminders(chat)

    async def _run(self, statement: str, *values: object) -> list[Any]:
        """The rows of one statement, in one call of the connection's thread."""
        return list(await self._connection.execute_fetchall(statement, values))

    async def _empty_log(self) -> None:
        """Write the write-ahead log back and cut it: deleted rows stand in it until then."""
        ((busy, _, _),) = await self._run("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            # Another process has been reading for as long as we wait. The next deletion cuts it.
            log.warning("the write-ahead log could not be emptied: the database is in use")

    def _chat(self, chat: int) -> bytes:
        return hmac.digest(self._key, str(chat).encode(), hashlib.sha256)

    def _seal(self, chat: int) -> bytes:
        nonce = self._random(NONCE_BYTES)
        # Eight bytes for every chat: the length says nothing.
        return nonce + self._sealing.encrypt(nonce, chat.to_bytes(8, signed=True), _SEALED_AS)

    def _open(self, sealed: bytes) -> int | None:
        """The chat that was sealed; None when it was with another key, or is damaged."""
        try:
            plain = self._sealing.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _SEALED_AS)
        except (InvalidTag, ValueError):
            return None
        return int.from_bytes(plain, signed=True)


def _seconds(time: datetime) -> int:
    if time.tzinfo is None:
        raise ValueError(f"a time with its zone is needed, not {time}")
    return int(time.timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@asynccontextmanager
async def open_store(
    folder: Path, random: Callable[[int], bytes] = os.urandom
) -> AsyncIterator[SqliteStore]:
    """Open the store in a folder, making what is not there.

    Raises:
        StorageError: when the folder cannot be used.
    """
    try:
        key = _prepare_folder(folder)
        # An unclosed connection would keep its thread, and so the process, alive.
        async with aiosqlite.connect(folder / FILE, isolation_level=None) as connection:
            await _prepare(connection)
            yield SqliteStore(connection, key, random)
    except (OSError, aiosqlite.DatabaseError) as error:
        raise StorageError(
            f"DATA_DIR {str(folder)!r} cannot be used: {error}. "
            "Point DATA_DIR to a folder that this user may write to"
        ) from error


def _prepare_folder(folder: Path) -> bytes:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _key(folder / KEY_FILE)


async def _prepare(connection: aiosqlite.Connection) -> None:
    # First how long to wait for another process: the others may have to.
    for pragma in ("busy_timeout = 5000", "journal_mode = WAL", "synchronous = FULL",
                   "secure_delete = ON", "trusted_schema = OFF"):  # fmt: skip
        await connection.execute_fetchall(f"PRAGMA {pragma}")
    if await _version(connection) == SCHEMA_VERSION:
        return
    # Nobody else uses the connection yet, so this transaction holds several statements. Asked for
    # the version inside it, two processes that start at once migrate once.
    await connection.execute("BEGIN IMMEDIATE")
    version = await _version(connection)
    if version > SCHEMA_VERSION:
        await connection.execute("ROLLBACK")
        raise StorageError(f"{FILE} was written by a newer version of the bot: update the bot")
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            await connection.execute(statement)
    await connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    await connection.execute("COMMIT")


async def _version(connection: aiosqlite.Connection) -> int:
    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
    return int(version)


def _key(file: Path) -> bytes:
    """The key in a file that only this user may read; made where there is none."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = file.read_bytes()
        if len(key) != KEY_BYTES:
            raise StorageError(
                f"{KEY_FILE} is damaged ({len(key)} bytes instead of {KEY_BYTES}): restore it from "
                f"a backup, or delete it and {FILE} to begin anew"
            ) from None
        return key
    with os.fdopen(descriptor, "wb") as opened:
        key = secrets.token_bytes(KEY_BYTES)
        opened.write(key)
        opened.flush()
        os.fsync(opened.fileno())
    return key
