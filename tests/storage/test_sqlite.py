"""What is kept, and that it goes."""

import os
import stat
from datetime import date

import pytest

from bot.storage.key import read_key
from bot.storage.sqlite import FILE, KEY_FILE, StorageError, open_store

CHAT = 4_815_162_342
TODAY = date(2026, 11, 21)


def hashed(folder, chat):
    """What the rows of a chat are found by."""
    return read_key(folder / KEY_FILE).hash(chat)


async def run(store, statement, *values):
    """A statement on the store's own connection."""
    return await store._do(lambda rows: rows.connection.execute(statement, values).fetchall())


async def test_a_chosen_language_is_kept_until_forgotten(tmp_path):
    """Kept over a restart, gone after /forget, from the write-ahead log too."""
    async with open_store(tmp_path) as store:
        assert await store.language(CHAT) is None
        await store.keep_language(CHAT, "fr", TODAY)
        await store.keep_language(CHAT, "nl", TODAY)
    async with open_store(tmp_path) as store:
        assert await store.language(CHAT) == "nl"
        key = hashed(tmp_path, CHAT)
        await store.forget(CHAT)
        assert await store.language(CHAT) is None
        assert not any(key in file.read_bytes() for file in tmp_path.iterdir())


async def test_the_file_names_nobody(tmp_path):
    """No chat id stands in any file; the key lies apart and only its owner may read it."""
    async with open_store(tmp_path) as store:
        await store.keep_language(CHAT, "fr", TODAY)
        for file in tmp_path.iterdir():
            raw = file.read_bytes()
            assert str(CHAT).encode() not in raw
            assert CHAT.to_bytes(5, "big") not in raw
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


async def test_a_damaged_key_or_a_newer_file_stops_the_start(tmp_path):
    """Said plainly instead of losing what is there."""
    async with open_store(tmp_path) as store:
        await run(store, "PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="newer version"):
        async with open_store(tmp_path):
            pass
    (tmp_path / FILE).unlink()
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(StorageError, match="damaged"):
        async with open_store(tmp_path):
            pass


async def test_a_file_that_is_no_database_is_said(tmp_path):
    """The folder and the reason stand in the error."""
    (tmp_path / FILE).write_bytes(b"not a database, really not" * 100)
    with pytest.raises(StorageError, match="DATA_DIR"):
        async with open_store(tmp_path):
            pass


@pytest.mark.parametrize("kind", ["file", "unwritable"])
async def test_a_folder_that_cannot_be_used_is_said(tmp_path, kind):
    """A file in its place, or no right to write."""
    folder = tmp_path / "data"
    if kind == "file":
        folder.write_text("x")
    else:
        folder.mkdir(mode=0o500)
        if os.access(folder, os.W_OK):  # root may write everywhere
            folder = tmp_path / "data" / "\0"
    with pytest.raises((StorageError, ValueError)):
        async with open_store(folder):
            pass
