"""Files as every released version of the schema wrote them, and what stands in them."""

import sqlite3
from contextlib import closing

from bot.storage.key import Key

SECRET = b"k" * 32
CHAT = 4_815_162_342
DUE = 1_796_126_400
"""2026-12-01 12:00 UTC."""

FIRST = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS chosen (chat BLOB PRIMARY KEY, language TEXT NOT NULL)
STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
"""
SECOND = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS chosen (chat BLOB PRIMARY KEY, language TEXT NOT NULL)
STRICT, WITHOUT ROWID;
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
) STRICT;
CREATE INDEX reminders_by_free ON reminders (free);
CREATE TABLE broken (link TEXT PRIMARY KEY, times INTEGER NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 2;
"""


def write(folder, version, *, secret=SECRET, rows=True):
    """A data folder of a released version, with its key and, if wanted, a row in each table."""
    key = Key(secret)
    folder.mkdir(exist_ok=True)
    (folder / "bot.key").write_bytes(secret)
    with closing(sqlite3.connect(folder / "bot.sqlite3", isolation_level=None)) as connection:
        connection.executescript({1: FIRST, 2: SECOND}[version])
        if rows:
            connection.execute("INSERT INTO chosen VALUES (?, 'nl')", (key.hash(CHAT),))
        if rows and version >= 2:
            connection.execute(
                "INSERT INTO reminders VALUES (7, ?, ?, 'month', ?, ?, 'nl', ?, 0)",
                (key.hash(CHAT), key.seal(CHAT), DUE // 86_400, DUE, DUE),
            )
            connection.execute("INSERT INTO broken VALUES ('form', 3)")
