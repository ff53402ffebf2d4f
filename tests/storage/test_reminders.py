"""Reminders and counts as they are stored: who may take them, and that they go."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from zoneinfo import ZoneInfo

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.dialogue.reminding import Reminder
from bot.storage.key import Key, read_key
from bot.storage.sqlite import FILE, KEY_FILE, SCHEMA_VERSION, StorageError, open_store
from bot.storage.store import MOST_REMINDERS, NoStore

CHAT = 4_815_162_342
OTHER = 42
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
TODAY = NOON.date()


def reminder(due=NOON, kind="reply", language="fr"):
    return Reminder(kind, due, language)


def files(folder):
    """All that stands on the disk, but for the key."""
    return b"".join(f.read_bytes() for f in folder.iterdir() if f.name != KEY_FILE)


def hashed(folder, chat):
    """What the rows of a chat are found by."""
    return read_key(folder / KEY_FILE).hash(chat)


async def run(store, statement, *values):
    """A statement on the store's own connection."""
    return await store._do(lambda rows: rows.connection.execute(statement, values).fetchall())


def rows(folder, statement):
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return connection.execute(statement).fetchall()


async def test_reminders_are_kept_soonest_first(tmp_path):
    """Over a restart, each chat its own."""
    later, sooner = reminder(NOON + DAY), reminder(NOON, "review", "de")
    async with open_store(tmp_path) as store:
        assert await store.remind(CHAT, later)
        assert await store.remind(CHAT, sooner)
        await store.remind(OTHER, reminder(NOON - DAY))
    async with open_store(tmp_path) as store:
        assert await store.reminders(CHAT) == [sooner, later]
        assert await store.reminders(7) == []
        assert await store.next_due() == NOON - DAY


async def test_local_time_is_kept_as_the_same_instant(tmp_path):
    """09:00 in Berlin is 07:00 UTC before the clocks change and 08:00 after."""
    berlin = ZoneInfo("Europe/Berlin")
    async with open_store(tmp_path) as store:
        for day in (24, 25):
            await store.remind(CHAT, reminder(datetime(2026, 10, day, 9, tzinfo=berlin)))
        hours = [kept.due.hour for kept in await store.reminders(CHAT)]
        assert hours == [7, 8]
        with pytest.raises(ValueError, match="zone"):
            await store.remind(CHAT, reminder(datetime(2026, 10, 24, 9)))  # noqa: DTZ001


async def test_one_of_a_kind_on_a_day(tmp_path):
    """A double tap is one reminder; another hour or language of that day takes its place."""
    async with open_store(tmp_path) as store:
        for asked in (reminder(), reminder(), reminder(NOON + SECOND, language="nl")):
            assert await store.remind(CHAT, asked)
        assert await store.reminders(CHAT) == [reminder(NOON + SECOND, language="nl")]
        await store.remind(CHAT, reminder(kind="check"))
        await store.remind(CHAT, reminder(NOON + DAY))
        assert len(await store.reminders(CHAT)) == 3


async def test_a_chat_has_so_many_reminders(tmp_path):
    """The next is refused and changes nothing; one that is there may still be moved."""
    async with open_store(tmp_path) as store:
        for day in range(MOST_REMINDERS):
            assert await store.remind(CHAT, reminder(NOON + day * DAY))
        kept = await store.reminders(CHAT)
        assert not await store.remind(CHAT, reminder(NOON - DAY))
        assert await store.reminders(CHAT) == kept
        assert await store.remind(CHAT, reminder(NOON + SECOND))
        assert len(await store.reminders(CHAT)) == MOST_REMINDERS
        assert await store.remind(OTHER, reminder())


async def test_many_at_once_stay_under_the_limit(tmp_path):
    """Forty taps together: the limit is in the statement, nothing slips between two."""
    async with open_store(tmp_path) as store:
        kept = await asyncio.gather(
            *(store.remind(CHAT, reminder(NOON + day * DAY)) for day in range(40))
        )
        assert sum(kept) == MOST_REMINDERS == len(await store.reminders(CHAT))


async def test_due_is_taken_by_one_until_its_lease_is_over(tmp_path):
    """Not before its time, not by two stores on one file, and again when the first one crashed."""
    async with open_store(tmp_path) as one, open_store(tmp_path) as two:
        await one.remind(CHAT, reminder())
        assert await two.take_due(NOON - SECOND, LEASE) is None
        taken = await one.take_due(NOON, LEASE)
        assert (taken.chat, taken.reminder, taken.tries) == (CHAT, reminder(), 1)
        assert await two.take_due(NOON, LEASE) is None
        assert await two.next_due() == NOON + LEASE
        again = await two.take_due(NOON + LEASE, LEASE)
        assert (again.chat, again.reminder, again.tries) == (CHAT, reminder(), 2)


async def test_who_was_too_slow_changes_nothing(tmp_path):
    """A claim that ran out neither deletes nor frees what another has taken since."""
    async with open_store(tmp_path) as store:
        await store.remind(CHAT, reminder())
        slow = await store.take_due(NOON, LEASE)
        await store.take_due(NOON + LEASE, LEASE)
        await store.settle(slow.number)
        await store.release(slow.number, NOON)
        assert await store.reminders(CHAT) == [reminder()]
        assert await store.take_due(NOON + LEASE, LEASE) is None


async def test_a_claim_outlives_a_double_tap_and_not_another_wish(tmp_path):
    """Asked for the same again while it is sent: sent once. For later: sent then too."""
    async with open_store(tmp_path) as store:
        await store.remind(CHAT, reminder())
        taken = await store.take_due(NOON, LEASE)
        await store.remind(CHAT, reminder())
        assert await store.take_due(NOON, LEASE) is None
        await store.remind(CHAT, reminder(NOON + SECOND))
        await store.settle(taken.number)
        assert await store.reminders(CHAT) == [reminder(NOON + SECOND)]
        assert await store.take_due(NOON + SECOND, LEASE)


async def test_a_released_one_may_be_taken_from_then_on(tmp_path):
    """Not earlier; it keeps its due time, and the tries are counted."""
    async with open_store(tmp_path) as store:
        await store.remind(CHAT, reminder())
        taken = await store.take_due(NOON, LEASE)
        await store.release(taken.number, NOON + DAY)
        assert await store.next_due() == NOON + DAY
        assert await store.take_due(NOON + DAY - SECOND, LEASE) is None
        again = await store.take_due(NOON + DAY, LEASE)
        assert (again.reminder, again.tries) == (reminder(), 2)


async def test_each_is_taken_once_by_many(tmp_path):
    """Two stores, ten coroutines each, no order: every reminder goes to one of them."""
    async with open_store(tmp_path) as one, open_store(tmp_path) as two:
        for chat in range(60):
            await one.remind(chat, reminder(NOON + chat * SECOND))

        async def take_all(store):
            taken = []
            while due := await store.take_due(NOON + DAY, LEASE):
                taken.append(due.chat)
            return taken

        found = await asyncio.gather(*(take_all(store) for store in (one, two) * 10))
        assert sorted(chain.from_iterable(found)) == list(range(60))


@pytest.mark.parametrize("way", ["forget", "stop", "settle", "lost key"])
async def test_what_is_deleted_is_on_the_disk_no_more(tmp_path, way):
    """Hash and sealed chat are gone from the database and its log, and only of this chat."""
    async with open_store(tmp_path) as store:
        if way == "forget":  # the chosen language goes by that alone
            await store.keep_language(CHAT, "fr", TODAY)
        for chat in (*range(100, 150), CHAT, *range(150, 200)):
            for day in range(2):
                due = NOON + day * DAY if chat == CHAT else NOON + 9 * DAY
                await store.remind(chat, reminder(due))
        marks = [hashed(tmp_path, CHAT)] + [
            row[0]
            for row in await run(
                store, "SELECT sealed FROM reminders WHERE chat = ?", hashed(tmp_path, CHAT)
            )
        ]
        assert all(mark in files(tmp_path) for mark in marks)
        match way:
            case "forget":
                await store.forget(CHAT)
            case "stop":
                await store.stop_reminders(CHAT)
            case "settle":
                while due := await store.take_due(NOON + DAY, LEASE):
                    await store.settle(due.number)
            case "lost key":
                await store._do(lambda rows: setattr(rows, "key", Key(bytes(32))))
                assert await store.take_due(NOON + DAY, LEASE) is None
        left = files(tmp_path)
        assert not [mark for mark in marks if mark in left]
        assert hashed(tmp_path, 150) in left


async def test_the_file_names_nobody(tmp_path):
    """Neither the id nor one sealed text twice, though one chat has several reminders."""
    async with open_store(tmp_path) as store:
        for day in range(3):
            await store.remind(CHAT, reminder(NOON + day * DAY))
        raw = files(tmp_path)
        assert str(CHAT).encode() not in raw
        assert CHAT.to_bytes(5) not in raw
        assert CHAT.to_bytes(5, "little") not in raw
    assert len(set(rows(tmp_path, "SELECT sealed FROM reminders"))) == 3
    assert len(set(rows(tmp_path, "SELECT length(sealed) FROM reminders"))) == 1


async def test_the_nonce_is_what_was_passed_in(tmp_path):
    """The first twelve bytes; and the key that seals is not the key that hashes."""
    numbers = count(1)
    async with open_store(tmp_path, lambda size: next(numbers).to_bytes(size)) as store:
        await store.remind(CHAT, reminder())
        assert (await store.take_due(NOON, LEASE)).chat == CHAT
    secret = (tmp_path / KEY_FILE).read_bytes()
    ((sealed,),) = rows(tmp_path, "SELECT sealed FROM reminders")
    assert read_key(tmp_path / KEY_FILE).open(sealed) == CHAT
    with pytest.raises(InvalidTag):
        AESGCM(secret).decrypt(sealed[:12], sealed[12:], b"reminder")
    assert rows(tmp_path, "SELECT substr(sealed, 1, 12) FROM reminders") == [
        ((1).to_bytes(12),),
    ]


@pytest.mark.parametrize("damage", ["a flipped bit", "cut", "of another chat"])
async def test_what_cannot_be_opened_is_dropped(tmp_path, caplog, damage):
    """One line in the log without content; the others are taken all the same."""
    async with open_store(tmp_path) as store:
        await store.remind(CHAT, reminder())
    async with open_store(tmp_path) as store:
        await store.remind(OTHER, reminder(NOON + SECOND))
        change = {
            "a flipped bit": "CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB)",
            "cut": "x'00'",
            "of another chat": "(SELECT sealed FROM reminders WHERE due > (SELECT min(due) FROM "
            "reminders))",
        }[damage]
        await run(
            store,
            f"UPDATE reminders SET sealed = {change} "  # noqa: S608
            "WHERE due = (SELECT min(due) FROM reminders)",
        )
        with caplog.at_level(logging.INFO):
            taken = await store.take_due(NOON + DAY, LEASE)
        assert taken.chat == OTHER
        await store.settle(taken.number)
        assert await store.next_due() is None
    (record,) = (r for r in caplog.records if r.name.startswith("bot."))
    assert "key is lost" in record.getMessage()
    for secret in (str(CHAT), "reply", "2026"):
        assert secret not in record.getMessage()


async def test_broken_links_are_counted_without_a_person(tmp_path):
    """A number by link, over a restart; nothing else stands in the row, and /forget leaves it."""
    async with open_store(tmp_path) as store:
        for link in ("form", "help", "form"):
            await store.count_broken(link)
        await store.forget(CHAT)
    async with open_store(tmp_path) as store:
        assert await store.broken() == {"form": 2, "help": 1}
    assert rows(tmp_path, "SELECT * FROM broken ORDER BY link") == [("form", 2), ("help", 1)]


def first_version(folder):
    """A file as version 1 of the schema wrote it, and its key."""
    (folder / KEY_FILE).write_bytes(b"k" * 32)
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE chosen (chat BLOB PRIMARY KEY, language TEXT NOT NULL) "
            "STRICT, WITHOUT ROWID"
        )
        hashed = bytes.fromhex("ff7dd0a2b3c0ea7d0e5b4f7e7c8ab1ae7cf0d79b7e2c8b6f0f3ba0f1f0a9d0c1")
        connection.execute("INSERT INTO chosen VALUES (?, 'nl')", (hashed,))
        connection.execute("PRAGMA user_version = 1")
    return hashed


async def test_a_file_of_the_first_version_is_brought_up(tmp_path):
    """What was there stays, and reminders can be kept; two processes may start together."""
    hashed = first_version(tmp_path)
    async with open_store(tmp_path) as one, open_store(tmp_path) as two:
        assert await one.remind(CHAT, reminder())
        assert await two.reminders(CHAT) == [reminder()]
    assert rows(tmp_path, "SELECT chat, language FROM chosen") == [(hashed, "nl")]
    assert rows(tmp_path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]


async def test_two_processes_migrate_once(tmp_path):
    """Both open the old file in the same moment; neither fails."""
    first_version(tmp_path)

    async def start():
        async with open_store(tmp_path) as store:
            return await store.remind(CHAT, reminder())

    assert await asyncio.gather(*(start() for _ in range(8))) == [True] * 8


async def test_a_migration_that_fails_changes_nothing(tmp_path):
    """One transaction: the file is of version 1 afterwards, without half of the tables."""
    first_version(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE broken (x)")  # in the way of the last statement
    with pytest.raises(StorageError, match="broken"):
        async with open_store(tmp_path):
            pass
    assert rows(tmp_path, "PRAGMA user_version") == [(1,)]
    assert not rows(tmp_path, "SELECT 1 FROM sqlite_schema WHERE name = 'reminders'")


async def test_a_newer_file_is_left_alone(tmp_path):
    """Refused before anything is written to it."""
    async with open_store(tmp_path) as store:
        await run(store, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StorageError, match="newer version"):
        async with open_store(tmp_path):
            pass
    assert (tmp_path / FILE).read_bytes() == before


async def test_no_store_keeps_nothing(tmp_path):
    """And says so: a reminder that is not kept must not be promised."""
    store = NoStore()
    assert not await store.remind(CHAT, reminder())
    assert await store.reminders(CHAT) == []
    assert await store.take_due(NOON + DAY, LEASE) is None
    assert await store.next_due() is None
    await store.count_broken("form")
    assert await store.broken() == {}
