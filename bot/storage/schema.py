"""The tables, and how a file of any released version is brought up to them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from bot.storage.key import Key
from bot.storage.store import StorageError

FILE = "bot.sqlite3"
APPLICATION_ID = 0x4F50544F
"""Says in the file's head whose database it is: "OPTO". Files before version 3 have none."""

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
    (
        # Nobody knows when an old row was chosen: its year begins on the day of the migration.
        "ALTER TABLE chosen RENAME TO chosen_before",
        """
        CREATE TABLE chosen (
            chat BLOB PRIMARY KEY,  -- hashed
            language TEXT NOT NULL,
            day INTEGER NOT NULL    -- on which it was chosen, counted from 1970
        ) STRICT, WITHOUT ROWID
        """,
        "INSERT INTO chosen SELECT chat, language, :today FROM chosen_before",
        "DROP TABLE chosen_before",
        # A number is typed to delete a question, so it is never given to another: AUTOINCREMENT.
        """
        CREATE TABLE questions (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            language TEXT NOT NULL,
            text TEXT NOT NULL,
            day INTEGER NOT NULL,   -- on which it was given to the team, counted from 1970
            UNIQUE (language, text)
        ) STRICT
        """,
        """
        CREATE TABLE counts (
            topic TEXT NOT NULL,
            language TEXT NOT NULL,
            outcome TEXT NOT NULL,
            times INTEGER NOT NULL,
            PRIMARY KEY (topic, language, outcome)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE TABLE keys (fingerprint BLOB NOT NULL) STRICT",
        "INSERT INTO keys VALUES (:fingerprint)",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
)
"""The statements that lead from one version of the schema to the next."""
SCHEMA_VERSION = len(MIGRATIONS)
FIRST_WITH_KEYS = 3
"""The first version that knows its key, and that says whose database it is."""
_FIRST_DAY = date(1970, 1, 1)


def day_number(day: date) -> int:
    """A day as it is stored: counted from 1970."""
    return (day - _FIRST_DAY).days


def day_of(number: int) -> date:
    """The day that a stored number stands for."""
    return _FIRST_DAY + timedelta(days=number)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of what is done inside, or nothing of it.

    It takes the right to write at once: waiting happens here, and not in the middle.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # When the disk is full SQLite may have rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the schema in a file; 0 for an empty one.

    Raises:
        StorageError: when a newer bot wrote it, or it belongs to another program.
    """
    # In one statement: between two of them another process may bring the file up.
    ((application, version),) = connection.execute(
        "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"
    )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    ours = application == APPLICATION_ID or (
        application == 0 and version < FIRST_WITH_KEYS and ("chosen" in tables or not tables)
    )
    if not ours:
        raise StorageError(
            f"{FILE} is the database of another program: move it away, or choose another DATA_DIR"
        )
    if version > SCHEMA_VERSION:
        raise StorageError(f"{FILE} was written by a newer version of the bot: update the bot")
    return int(version)


def fingerprint_of(connection: sqlite3.Connection) -> bytes:
    """The fingerprint of the key that a database of FIRST_WITH_KEYS or later belongs to."""
    ((fingerprint,),) = connection.execute("SELECT fingerprint FROM keys")
    return bytes(fingerprint)


def names_chats(connection: sqlite3.Connection, version: int) -> bool:
    """Whether a database holds rows that are lost without their key."""
    tables = ("chosen", "reminders")[:version]
    return any(connection.execute(f"SELECT 1 FROM {t} LIMIT 1").fetchone() for t in tables)  # noqa: S608


def fits(connection: sqlite3.Connection, version: int, key: Key) -> bool:
    """Whether a database belongs to a key, as far as its version can tell."""
    if version >= FIRST_WITH_KEYS:
        return fingerprint_of(connection) == key.fingerprint
    if version < 2:  # noqa: PLR2004 - hashes alone: nothing in it can tell
        return True
    sealed = [row[0] for row in connection.execute("SELECT sealed FROM reminders LIMIT 100")]
    return not sealed or any(key.open(one) is not None for one in sealed)


def migrate(connection: sqlite3.Connection, today: date, key: Key) -> None:
    """Bring a file up to SCHEMA_VERSION, or leave it as it is.

    Asked for the version inside the transaction, two processes that start at once migrate once.

    Raises:
        StorageError: when a newer bot was quicker.
    """
    values = {"today": day_number(today), "fingerprint": key.fingerprint}
    with transaction(connection):
        for statements in MIGRATIONS[version_of(connection) :]:
            for statement in statements:
                connection.execute(statement, values)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
