"""The store in one SQLite file; a chat is known there by a keyed hash only."""

import hashlib
import hmac
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

FILE = "bot.sqlite3"
KEY_FILE = "bot.key"
SCHEMA_VERSION = 1
KEY_BYTES = 32


class StorageError(Exception):
    """The data folder cannot be used; the message says why and what to do."""


class SqliteStore:
    """Chosen languages by chat.

    A row's key is HMAC-SHA-256 of the chat id under a key that lies beside the database, not in
    it: ids are few enough to try them all against a plain hash.
    """

    def __init__(self, connection: aiosqlite.Connection, key: bytes) -> None:
        self._connection = connection
        self._key = key

    async def language(self, chat: int) -> str | None:
        """The language kept for a chat."""
        async with self._connection.execute(
            "SELECT language FROM chosen WHERE chat = ?", (self._chat(chat),)
        ) as cursor:
            row = await cursor.fetchone()
        return str(row[0]) if row else None

    async def keep_language(self, chat: int, language: str) -> None:
        """Keep a chosen language."""
        # One statement is one transaction in autocommit mode: nothing can interleave.
        await self._connection.execute(
            "INSERT INTO chosen (chat, language) VALUES (?, ?) "
            "ON CONFLICT (chat) DO UPDATE SET language = excluded.language",
            (self._chat(chat), language),
        )

    async def forget(self, chat: int) -> None:
        """Delete the row, from the write-ahead log too."""
        await self._connection.execute("DELETE FROM chosen WHERE chat = ?", (self._chat(chat),))
        await self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _chat(self, chat: int) -> bytes:
        return hmac.digest(self._key, str(chat).encode(), hashlib.sha256)


@asynccontextmanager
async def open_store(folder: Path) -> AsyncIterator[SqliteStore]:
    """Open the store in a folder, making what is not there.

    Raises:
        StorageError: when the folder cannot be used.
    """
    try:
        key = _prepare_folder(folder)
        # An unclosed connection would keep its thread, and so the process, alive.
        async with aiosqlite.connect(folder / FILE, isolation_level=None) as connection:
            await _prepare(connection)
            yield SqliteStore(connection, key)
    except (OSError, aiosqlite.DatabaseError) as error:
        raise StorageError(
            f"DATA_DIR {str(folder)!r} cannot be used: {error}. "
            "Point DATA_DIR to a folder that this user may write to"
        ) from error


def _prepare_folder(folder: Path) -> bytes:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _key(folder / KEY_FILE)


async def _prepare(connection: aiosqlite.Connection) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000",
                   "secure_delete = ON", "trusted_schema = OFF"):  # fmt: skip
        await connection.execute(f"PRAGMA {pragma}")
    async with connection.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    version = int(row[0]) if row else 0
    if version > SCHEMA_VERSION:
        raise StorageError(f"{FILE} was written by a newer version of the bot: update the bot")
    if version < SCHEMA_VERSION:
        await connection.execute("BEGIN IMMEDIATE")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS chosen (chat BLOB PRIMARY KEY, language TEXT NOT NULL) "
            "STRICT, WITHOUT ROWID"
        )
        await connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        await connection.execute("COMMIT")


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
