"""Full disks, locked, damaged and foreign files: said, survived, and nothing half written."""

import asyncio
import fcntl
import resource
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from storage.faulty import Troubles, at_once

from bot.dialogue.reminding import Reminder
from bot.storage.lock import LOCK_FILE, hold
from bot.storage.rows import BUSY_S
from bot.storage.schema import FILE
from bot.storage.sqlite import RETRY_S, connect, open_store
from bot.storage.store import DamagedError, StorageError, StorageUnavailableError, Tally

ROOT = Path(__file__).resolve().parent.parent.parent
CHAT, OTHER = 4_815_162_342, 42
TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 3, 12, tzinfo=UTC)
REMINDER = Reminder("month", NOW, "fr")
ANSWERED = Tally("a", "en", "answer")


class Clock:
    """Seconds that go on when told to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@contextmanager
def locked(folder, how):
    """Another process has the file."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as other:
        if how == "ALONE":
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute(f"BEGIN {'EXCLUSIVE' if how == 'ALONE' else how}")
        yield other
        other.execute("ROLLBACK")


def written(folder):
    """All rows, as a dump."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return list(connection.iterdump())


async def fill(store):
    await store.keep_language(CHAT, "fr", TODAY)
    await store.remind(CHAT, REMINDER)
    await store.keep_question("en", "a question", TODAY)
    await store.count({ANSWERED: 1})


WRITES = {
    "keep_language": lambda store: store.keep_language(CHAT, "nl", TODAY),
    "remind": lambda store: store.remind(OTHER, REMINDER),
    "stop_reminders": lambda store: store.stop_reminders(CHAT),
    "take_due": lambda store: store.take_due(NOW, timedelta(minutes=5)),
    "keep_question": lambda store: store.keep_question("en", "another", TODAY),
    "drop_questions": lambda store: store.drop_questions([1]),
    "count": lambda store: store.count({ANSWERED: 1, Tally("b", "en", "answer"): 1}),
    "count_broken": lambda store: store.count_broken("form"),
    "expire": lambda store: store.expire(TODAY + timedelta(days=400)),
    "forget": lambda store: store.forget(CHAT),
}
DELETES = {"stop_reminders", "drop_questions", "expire", "forget"}
CODES = [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("code", CODES)
async def test_a_write_is_done_whole_or_not_at_all(tmp_path, write, code):
    """Whichever of its statements fails, the call raises; done again, it is done."""
    troubles, later = Troubles(code), count(0, RETRY_S)
    async with open_store(tmp_path, connect=troubles.connect, clock=lambda: next(later)) as store:
        await fill(store)
        before, failed = written(tmp_path), 0
        for at in range(1, 99):
            troubles.left, raised = at, False
            try:
                await WRITES[write](store)
            except (sqlite3.OperationalError, StorageUnavailableError):
                raised = True
            failed += raised
            troubles.left = 0
            if written(tmp_path) != before:
                # Deleted, and not yet from the log: that may be said, and tried again.
                assert not raised or write in DELETES
                break
        assert failed >= 3
        await WRITES[write](store)
        assert written(tmp_path) != before


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
async def test_a_locked_file_can_be_read_and_written_later(tmp_path, how):
    """Writes raise, reads go on, and when the lock is gone all is as before."""
    async with open_store(tmp_path, connect=at_once) as store:
        await fill(store)
        with locked(tmp_path, how):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                await store.keep_language(CHAT, "nl", TODAY)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                await store.forget(CHAT)
            assert await store.language(CHAT) == "fr"
        await store.keep_language(CHAT, "nl", TODAY)
        assert await store.language(CHAT) == "nl"


async def test_a_lock_is_waited_for_once(tmp_path):
    """Who comes after the first does not wait as well; afterwards it is waited for again."""
    async with open_store(tmp_path) as store:

        async def patience():
            return await store._do(
                lambda rows: rows.connection.execute("PRAGMA busy_timeout").fetchone()[0]
            )

        assert await patience() == BUSY_S * 1_000 == 1_000
        with locked(tmp_path, "IMMEDIATE"):
            for _ in range(2):
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    await store.count_broken("form")
                assert await patience() == 0
        await store.count_broken("form")
        assert await patience() == 1_000


async def test_a_reader_holds_up_the_clearing_of_the_log_and_no_more(tmp_path, caplog):
    """Forgotten at once; from the log with the next write after the reader has gone."""
    async with open_store(tmp_path, connect=at_once) as store:
        await fill(store)
        hashed = await store._do(lambda rows: rows.key.hash(CHAT))
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM chosen").fetchall()
            await store.forget(CHAT)
            assert await store.language(CHAT) is None
            reader.execute("ROLLBACK")
        assert "the next write tries again" in caplog.text
        await store.count_broken("form")
        assert not any(hashed in file.read_bytes() for file in tmp_path.iterdir())


async def test_a_full_disk_is_said_and_got_over(tmp_path):
    """SQLite's own: no page more. The call raises, nothing is half there, and then it goes on."""
    async with open_store(tmp_path) as store:
        await fill(store)

        def limit(pages):
            return store._do(
                lambda rows: rows.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
            )

        await limit(1)  # as many as there are
        before = written(tmp_path)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await store.keep_question("en", "x" * 100_000, TODAY)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await store.count({Tally(str(n), "en", "answer"): 1 for n in range(10_000)})
        assert written(tmp_path) == before
        assert await store.language(CHAT) == "fr"
        await limit(1_000_000)
        assert await store.keep_question("en", "x" * 100_000, TODAY)


async def test_a_disk_that_fails_is_said_and_got_over(tmp_path):
    """The system's own: it refuses to let files grow."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with open_store(tmp_path) as store:
        await fill(store)
        before = written(tmp_path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, most))
        try:
            with pytest.raises(sqlite3.OperationalError, match=r"I/O|full"):
                await store.keep_question("en", "x" * 100_000, TODAY)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert written(tmp_path) == before
        assert await store.keep_question("en", "x" * 100_000, TODAY)


async def test_a_read_only_file_is_said_and_got_over(tmp_path):
    """Reads go on; made writable, it is written, without a restart."""
    async with open_store(tmp_path) as store:
        await fill(store)
        how = ["ro"]

        def opened(file):
            uri = f"{file.as_uri()}?mode={how[0]}"
            return sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)

        async with open_store(tmp_path, connect=opened) as other:
            for _ in range(2):
                with pytest.raises(sqlite3.OperationalError, match="readonly"):
                    await other.keep_language(CHAT, "nl", TODAY)
                assert await other.language(CHAT) == "fr"
            how[0] = "rw"
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await other.forget(CHAT)  # after this it is opened anew
            await other.keep_language(CHAT, "nl", TODAY)
            assert await other.language(CHAT) == "nl"


async def test_a_file_that_is_locked_at_the_start_does_not_stop_it(tmp_path, caplog):
    """One warning; calls raise at once, and every half minute it is tried again until it goes."""
    async with open_store(tmp_path) as store:
        await fill(store)
    clock, tries = Clock(), []

    def opened(file):
        tries.append(clock())
        return at_once(file)

    with locked(tmp_path, "ALONE"):
        opening = open_store(tmp_path, clock=clock, connect=opened)
        store = await opening.__aenter__()
        for _ in range(3):
            with pytest.raises(StorageUnavailableError, match="end what holds the file"):
                await store.kept(CHAT)
        clock.seconds += RETRY_S
        for _ in range(3):
            with pytest.raises(StorageUnavailableError, match="just now"):
                await store.keep_language(CHAT, "nl", TODAY)
    assert tries == [100, 100 + RETRY_S]
    with pytest.raises(StorageUnavailableError):
        await store.kept(CHAT)
    clock.seconds += RETRY_S
    assert await store.language(CHAT) == "fr"
    await opening.__aexit__(None, None, None)
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "\n" not in warnings[0].getMessage()


async def test_a_disk_that_is_full_at_the_start_does_not_stop_it(tmp_path, caplog):
    """Neither database nor tables can be made: later they are, and it works."""
    clock, pages = Clock(), [1]

    def opened(file):
        connection = connect(file)
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")
        return connection

    async with open_store(tmp_path, clock=clock, connect=opened) as store:
        assert "nothing is kept for now" in caplog.text
        with pytest.raises(StorageUnavailableError, match="Make room"):
            await fill(store)
        pages[0] = 1_000_000
        clock.seconds += RETRY_S
        await fill(store)
        assert await store.language(CHAT) == "fr"


def damage(folder, how):
    """A file that was well, and is not."""
    file = folder / FILE
    raw = bytearray(file.read_bytes())
    match how:
        case "no database":
            raw = b"not a database, really not" * 400
        case "cut":
            raw = raw[: len(raw) // 2]
        case "scribbled over":
            raw[4096:] = b"\xa5" * (len(raw) - 4096)
        case "head":
            raw[:100] = b"\0" * 100
    file.write_bytes(raw)


DAMAGES = ["no database", "cut", "scribbled over", "head"]


@pytest.mark.parametrize("how", DAMAGES)
async def test_a_damaged_file_stops_the_start_and_is_left_as_it_is(tmp_path, how):
    """In one line, with both ways out."""
    async with open_store(tmp_path) as store:
        await fill(store)
    damage(tmp_path, how)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(DamagedError, match=r"restore FILE.*run --set-aside-damaged") as caught:
        async with open_store(tmp_path):
            pass
    assert "\n" not in str(caught.value)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("how", DAMAGES)
async def test_a_damaged_file_is_set_aside_when_told_to(tmp_path, how, caplog):
    """Renamed with its log, and a new one begun; after seven days it is deleted."""
    async with open_store(tmp_path) as store:
        await fill(store)
    damage(tmp_path, how)
    damaged = (tmp_path / FILE).read_bytes()
    (tmp_path / f"{FILE}-wal").write_bytes(b"a log")
    async with open_store(tmp_path, set_aside=True, now=lambda: NOW) as store:
        aside = tmp_path / f"{FILE}.damaged-20261121T031200Z"
        assert aside.read_bytes() == damaged
        assert aside.name in caplog.text
        assert await store.language(CHAT) is None
        await fill(store)
        await store.expire(TODAY + timedelta(days=6))
        assert aside.exists()
        await store.expire(TODAY + timedelta(days=7))
        assert [f for f in tmp_path.iterdir() if "damaged" in f.name] == []


async def test_a_sound_file_is_never_set_aside(tmp_path):
    """Told to or not; nor one that is newer."""
    async with open_store(tmp_path) as store:
        await fill(store)
    async with open_store(tmp_path, set_aside=True) as store:
        assert await store.language(CHAT) == "fr"
        await store._do(lambda rows: rows.connection.execute("PRAGMA user_version = 99"))
    with pytest.raises(StorageError, match="newer"):
        async with open_store(tmp_path, set_aside=True):
            pass
    assert [file for file in tmp_path.iterdir() if "damaged" in file.name] == []


async def test_files_are_for_this_user_alone(tmp_path):
    """Whatever the umask is; also the log, the lock and the folders."""
    with hold(tmp_path / "data"):
        async with open_store(tmp_path / "data") as store:
            await fill(store)
            for file in (tmp_path / "data").iterdir():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_one_bot_holds_a_folder(tmp_path):
    """The second is told so in one line; it may, as soon as the first has gone."""
    folder = tmp_path / "data"
    with hold(folder):
        said = r"another bot runs on DATA_DIR .* stop it"
        with pytest.raises(StorageError, match=said) as caught, hold(folder):
            pass
        assert "\n" not in str(caught.value)
    with hold(folder):
        assert (folder / LOCK_FILE).exists()


def test_who_was_killed_holds_nothing(tmp_path):
    """The system lets go of the lock: no remains to delete by hand."""
    code = (
        "import sys, pathlib\nfrom bot.storage.lock import hold\n"
        "with hold(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match="another bot"), hold(tmp_path):
            pass
        process.kill()
        process.wait()
    with hold(tmp_path):
        pass


def test_a_folder_that_cannot_be_held_is_said(tmp_path):
    """A file in its place."""
    (tmp_path / "data").write_text("x")
    with pytest.raises(StorageError, match="Point DATA_DIR to a folder"), hold(tmp_path / "data"):
        pass


def test_a_lock_is_not_inherited_by_who_is_started(tmp_path):
    """Else a viewer that the bot started would hold the folder after the bot has gone."""
    with hold(tmp_path):
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        descriptor = (tmp_path / LOCK_FILE).open("rb")
        with descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        process.communicate(b"\n")


async def test_two_stores_that_start_at_once_share_one_key(tmp_path):
    """On an empty folder: what one keeps, the other finds."""

    async def start(chat):
        async with open_store(tmp_path) as store:
            await store.keep_language(chat, "fr", TODAY)

    await asyncio.gather(*(start(chat) for chat in range(6)))
    async with open_store(tmp_path) as store:
        assert [await store.language(chat) for chat in range(6)] == ["fr"] * 6
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bot.key", FILE]
