"""Files of every released version are brought up whole; what is not ours is left alone."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from storage.faulty import Troubles
from storage.released import CHAT, DUE, SECRET, write

from bot.dialogue.reminding import Reminder
from bot.storage.copies import FOLDER
from bot.storage.key import KEY_FILE
from bot.storage.schema import APPLICATION_ID, FILE, SCHEMA_VERSION
from bot.storage.sqlite import StorageError, open_store
from bot.storage.store import KEEP_LANGUAGE, Kept

NOW = datetime(2026, 11, 21, 3, 12, tzinfo=UTC)
UNTIL = NOW.date() + KEEP_LANGUAGE
REMINDER = Reminder("month", datetime.fromtimestamp(DUE, UTC), "nl")
VERSIONS = range(1, SCHEMA_VERSION)


def rows(folder, statement):
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return connection.execute(statement).fetchall()


def everything(folder):
    """All that a database says: its version, tables and rows."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return [
            *connection.execute("PRAGMA user_version"),
            *connection.execute("PRAGMA application_id"),
            *connection.iterdump(),
        ]


def tables(folder):
    """What the tables and indexes are, however the statements are laid out."""
    found = rows(folder, "SELECT type, name, sql FROM sqlite_schema ORDER BY name")
    return [(kind, name, (sql or "").split()) for kind, name, sql in found]


def opened(folder, **options):
    return open_store(folder, now=lambda: NOW, **options)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_file_of_a_released_version_is_brought_up(tmp_path, version):
    """All of its rows stay; a chosen language counts as chosen on the day of the migration."""
    write(tmp_path, version)
    async with opened(tmp_path) as store:
        reminders = (REMINDER,) if version >= 2 else ()
        assert await store.kept(CHAT) == Kept("nl", reminders, UNTIL)
        assert await store.broken() == ({"form": 3} if version >= 2 else {})
        await store.expire(NOW.date() + KEEP_LANGUAGE - timedelta(days=1))
        assert await store.language(CHAT) == "nl"
        await store.expire(NOW.date() + KEEP_LANGUAGE)
        assert await store.language(CHAT) is None
    assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("version", VERSIONS)
async def test_old_and_new_files_have_the_same_tables(tmp_path, version):
    """What is built step by step is what is built at once, and every table is strict."""
    write(tmp_path / "old", version)
    for name in ("old", "new"):
        async with opened(tmp_path / name):
            pass
    old, new = (tables(tmp_path / name) for name in ("old", "new"))
    assert old == new
    found = rows(
        tmp_path / "old", "SELECT name, strict FROM pragma_table_list WHERE schema = 'main'"
    )
    assert [name for name, strict in found if not strict and not name.startswith("sqlite_")] == []
    for name in ("old", "new"):
        assert rows(tmp_path / name, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
        assert rows(tmp_path / name, "PRAGMA application_id") == [(APPLICATION_ID,)]


@pytest.mark.slow  # each statement of each migration fails once
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL])
@pytest.mark.parametrize("version", VERSIONS)
async def test_an_interrupted_migration_changes_nothing(tmp_path, version, code):
    """Whichever statement fails: the file is as it was, and the next start brings it up."""
    failed = 0
    for at in range(1, 100):
        folder = tmp_path / str(at)
        write(folder, version)
        before = everything(folder)
        troubles = Troubles(code, at)
        async with opened(folder, connect=troubles.connect):
            pass
        if troubles.left:
            break
        if everything(folder) == before:
            failed += 1
            async with opened(folder) as store:
                assert await store.language(CHAT) == "nl"
    assert failed > 20


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_file_with_rows_is_copied_before(tmp_path, version):
    """The copy is of the old version; a file that keeps nothing needs none."""
    write(tmp_path / "full", version)
    write(tmp_path / "empty", version, rows=False)
    before = everything(tmp_path / "full")
    for name in ("full", "empty"):
        async with opened(tmp_path / name):
            pass
    (copy,) = (tmp_path / "full" / FOLDER).iterdir()
    assert copy.name == f"bot-20261121T031200Z-before-version-{SCHEMA_VERSION}.sqlite3"
    copy.rename(tmp_path / FILE)
    assert everything(tmp_path) == before
    assert not (tmp_path / "empty" / FOLDER).exists()


async def test_that_copy_goes_in_time(tmp_path):
    """Seven days later, by the daily clearing up: nothing lasts in it that somebody had deleted."""
    write(tmp_path, 2)
    async with opened(tmp_path) as store:
        await store.expire(NOW.date() + timedelta(days=6))
        assert list((tmp_path / FOLDER).iterdir())
        await store.expire(NOW.date() + timedelta(days=7))
        assert not list((tmp_path / FOLDER).iterdir())


async def test_a_newer_file_is_left_alone(tmp_path):
    """Refused before anything is written to it."""
    async with opened(tmp_path) as store:
        await store._do(
            lambda rows: rows.connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        )
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StorageError, match="newer version of the bot: update"):
        async with opened(tmp_path):
            pass
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("mark", ["PRAGMA application_id = 1", "CREATE TABLE other (x)"])
async def test_the_file_of_another_program_is_left_alone(tmp_path, mark):
    """Known by its number, or by tables that are not ours."""
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(mark)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StorageError, match="another program: move it away"):
        async with opened(tmp_path):
            pass
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("version", [2, SCHEMA_VERSION])
@pytest.mark.parametrize("how", ["another", "missing"])
async def test_without_its_key_a_file_is_left_alone(tmp_path, version, how):
    """Said in one line, no key is made in its place, and with the key back all is there."""
    write(tmp_path, 2)
    if version == SCHEMA_VERSION:
        async with opened(tmp_path):
            pass
    (tmp_path / KEY_FILE).unlink()
    if how == "another":
        (tmp_path / KEY_FILE).write_bytes(b"x" * 32)
    before = everything(tmp_path)
    with pytest.raises(StorageError, match=f"{KEY_FILE} .* put that key back") as caught:
        async with opened(tmp_path):
            pass
    assert "\n" not in str(caught.value)
    assert everything(tmp_path) == before
    assert (tmp_path / KEY_FILE).exists() == (how == "another")
    (tmp_path / KEY_FILE).write_bytes(SECRET)
    async with opened(tmp_path) as store:
        assert await store.kept(CHAT) == Kept("nl", (REMINDER,), UNTIL)


async def test_a_first_start_on_an_empty_file_of_old_makes_a_key(tmp_path):
    """Nothing can be lost there."""
    write(tmp_path, 1, rows=False)
    (tmp_path / KEY_FILE).unlink()
    async with opened(tmp_path) as store:
        await store.keep_language(CHAT, "de", date(2026, 11, 21))
    async with opened(tmp_path) as store:
        assert await store.language(CHAT) == "de"
