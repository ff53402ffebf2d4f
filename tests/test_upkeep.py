"""What whoever hosts the bot does with what is kept."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from storage.released import write

from bot import upkeep
from bot.cli import main
from bot.dialogue.reminding import Reminder
from bot.knowledge import strict_yaml
from bot.storage.copies import FOLDER, name_copy
from bot.storage.key import KEY_FILE, Key, read_key
from bot.storage.lock import hold
from bot.storage.schema import FILE
from bot.storage.sqlite import Opening, open_store
from bot.storage.store import DamagedError, Question, StorageError, Tally

ROOT = Path(__file__).resolve().parent.parent
CHAT, OTHER, ALONE = 4_815_162_342, 42, 7
NOW = datetime(2026, 11, 21, 3, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
REMINDER = Reminder("month", NOW + 9 * DAY, "fr")
COPY = Path(FOLDER) / "bot-20261121T031200Z.sqlite3"


def now():
    return NOW


def rows_of(folder):
    return closing(Opening(folder, now=now)())


@pytest.fixture
def folder(tmp_path):
    """A data folder in which something is kept."""
    with rows_of(tmp_path / "data") as rows:
        rows.keep_language(CHAT, "fr", TODAY)
        rows.keep_language(ALONE, "nl", TODAY)
        rows.remind(CHAT, REMINDER)
        rows.remind(OTHER, REMINDER)
        rows.keep_question("en", "a question", TODAY - 80 * DAY)
        rows.count({Tally("private-messages", "en", "answer"): 12})
    return tmp_path / "data"


def names(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


# Copies


async def test_a_copy_is_whole_while_the_bot_runs(folder):
    """Also of what stands in the log alone; only this user may read it, and the key is not in it."""
    async with open_store(folder) as store:
        await store.keep_language(CHAT, "de", TODAY)
        told = upkeep.backup(folder, now=now)
        await store.keep_language(CHAT, "en", TODAY)
    copy = folder / COPY
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    assert (folder / KEY_FILE).read_bytes() not in copy.read_bytes()
    assert "The key is not in it" in "\n".join(told)
    upkeep.restore(folder, copy, now=now)
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "de"
        assert rows.kept(CHAT).reminders == (REMINDER,)


def test_what_was_deleted_is_in_no_copy(folder):
    """Not even its remains."""
    with rows_of(folder) as rows:
        hashed = rows.key.hash(CHAT)
        rows.connection.execute("PRAGMA secure_delete = OFF")
        rows.connection.execute("DELETE FROM chosen")
        rows.connection.execute("DELETE FROM reminders")
        upkeep.backup(folder, now=now)
    assert hashed not in (folder / COPY).read_bytes()


@pytest.mark.parametrize(("keep", "left"), [(7, 8), (3, 4), (0, 1)])
def test_old_copies_go(folder, keep, left):
    """Those as old as told, by the day in their names; nothing else in the folder is touched."""
    for days in range(12):
        upkeep.backup(folder, now=lambda days=days: NOW - days * DAY, keep_days=7)
    others = [folder / FOLDER / name for name in ("notes.txt", "bot-old.sqlite3")]
    for other in others:
        other.write_text("mine")
    upkeep.backup(folder, keep_days=keep, now=lambda: NOW + timedelta(minutes=1))
    assert len(list((folder / FOLDER).glob("bot-2*"))) == max(left, 1)
    assert all(other.exists() for other in others)


@pytest.mark.parametrize("days", [-1, 8])
def test_copies_are_not_kept_longer_than_promised(folder, days):
    """/privacy promises seven days."""
    with pytest.raises(StorageError, match="use 0 to 7"):
        upkeep.backup(folder, keep_days=days, now=now)


async def test_the_bot_itself_deletes_old_copies(folder):
    """Also where nobody makes a new one."""
    upkeep.backup(folder, now=now)
    async with open_store(folder) as store:
        await store.expire(TODAY + 6 * DAY)
        assert (folder / COPY).exists()
        await store.expire(TODAY + 7 * DAY)
        assert not (folder / COPY).exists()


def test_a_copy_in_another_place(folder, tmp_path):
    """A folder or a file; one that is there is not written over, and who made it must delete it."""
    upkeep.backup(folder, tmp_path, now=now)
    assert (tmp_path / COPY.name).exists()
    told = upkeep.backup(folder, tmp_path / "mine.db", now=now)
    assert "Delete it yourself within 7 days" in told[-1]
    with pytest.raises(StorageError, match="is there already"):
        upkeep.backup(folder, tmp_path / "mine.db", now=now)


def test_of_a_damaged_file_no_copy_is_made(folder):
    raw = bytearray((folder / FILE).read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    (folder / FILE).write_bytes(raw)
    with pytest.raises(DamagedError, match="restore FILE"):
        upkeep.backup(folder, now=now)
    assert names(folder) == [KEY_FILE, FILE]


# Bringing back


def test_what_was_there_before_is_kept_as_a_copy(folder):
    """It can be brought back in its turn; and it goes as copies go."""
    upkeep.backup(folder, now=now)
    with rows_of(folder) as rows:
        rows.keep_language(CHAT, "de", TODAY)
    later = NOW + timedelta(hours=1)
    upkeep.restore(folder, folder / COPY, now=lambda: later)
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "fr"
    before = folder / FOLDER / name_copy(later, "before-restore")
    upkeep.restore(folder, before, now=lambda: later + timedelta(hours=1))
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "de"
    assert upkeep.copies.is_ours(before)


def test_what_is_too_old_does_not_come_back(folder):
    """A question whose days are over since, nor its bytes."""
    upkeep.backup(folder, now=now)
    told = upkeep.restore(folder, folder / COPY, now=lambda: NOW + 10 * DAY)
    assert "their time is over: 1" in told[0]
    assert b"a question" not in (folder / FILE).read_bytes()
    with rows_of(folder) as rows:
        assert rows.questions() == []


def test_a_running_bot_is_not_disturbed(folder):
    upkeep.backup(folder, now=now)
    with hold(folder):
        for work in (
            lambda: upkeep.restore(folder, folder / COPY),
            lambda: upkeep.rotate_key(folder),
        ):
            with pytest.raises(StorageError, match="another bot runs on DATA_DIR"):
                work()


def test_a_database_that_somebody_reads_is_not_replaced(folder):
    """Its log is in use, and would be taken for the log of what comes in its place."""
    upkeep.backup(folder, now=now)
    with rows_of(folder) as rows:
        rows.keep_language(CHAT, "de", TODAY)
        rows.connection.execute("BEGIN")
        assert rows.kept(CHAT).language == "de"
        with pytest.raises(StorageError, match=r"just now: database is locked\. .* end what holds"):
            upkeep.restore(folder, folder / COPY, now=now)
        rows.connection.execute("ROLLBACK")
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "de"


def test_a_copy_of_an_older_version_is_brought_up(folder, tmp_path):
    """With the same key."""
    write(tmp_path / "old", 2, secret=(folder / KEY_FILE).read_bytes())
    upkeep.restore(folder, tmp_path / "old" / FILE, now=now)
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "nl"


@pytest.mark.parametrize("present", ["damaged", "gone"])
def test_a_copy_helps_when_the_database_is_lost(folder, present):
    """What is damaged is set aside, its log with it: that belongs to no other file."""
    upkeep.backup(folder, now=now)
    (folder / FILE).unlink()
    if present == "damaged":
        (folder / FILE).write_bytes(b"rubbish" * 1_000)
        (folder / f"{FILE}-wal").write_bytes(b"rubbish")
    upkeep.restore(folder, folder / COPY, now=now)
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "fr"
    aside = {file.name for file in folder.glob("*.damaged-*")}
    assert (f"{FILE}.damaged-20261121T031200Z" in aside) == (present == "damaged")
    assert not (folder / f"{FILE}-wal").exists()


@pytest.mark.parametrize(
    ("what", "said", "error"),
    [
        ("nothing", "there is no file", StorageError),
        ("rubbish", "is damaged .* name another copy", DamagedError),
        ("scribbled", "is damaged .* name another copy", DamagedError),
        ("another program", "another program", StorageError),
        ("newer", "newer version", StorageError),
        ("another key", "not the key of .* put that key back first", StorageError),
        ("no key", "is missing, the key of .* put that key back first", StorageError),
        ("empty", "is empty", StorageError),
    ],
)
def test_a_file_that_is_no_good_changes_nothing(folder, tmp_path, what, said, error):
    """Refused in one line, before anything is touched."""
    file = tmp_path / "copy.sqlite3"
    upkeep.backup(folder, file, now=now)
    match what:
        case "nothing":
            file.unlink()
        case "rubbish":
            file.write_bytes(b"rubbish" * 1_000)
        case "scribbled":
            raw = bytearray(file.read_bytes())
            raw[4096:] = b"\xa5" * (len(raw) - 4096)
            file.write_bytes(raw)
        case "another program" | "newer":
            pragma = "application_id = 1" if what == "another program" else "user_version = 99"
            with closing(sqlite3.connect(file)) as connection:
                connection.execute(f"PRAGMA {pragma}")
        case "another key":
            (folder / KEY_FILE).write_bytes(b"x" * 32)
        case "no key":
            (folder / KEY_FILE).unlink()
        case "empty":
            file.write_bytes(b"")
    before = (folder / FILE).read_bytes()
    with pytest.raises(StorageError, match=said) as caught:
        upkeep.restore(folder, file, now=now)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)
    assert (folder / FILE).read_bytes() == before
    assert set(names(folder)) <= {KEY_FILE, FILE, "bot.lock"}


# The key


def test_under_a_new_key_reminders_stay(folder):
    """And the language of whoever has one; of others only a hash was kept, and that is gone."""
    old = (folder / KEY_FILE).read_bytes()
    told = upkeep.rotate_key(folder)
    assert "Chosen languages lost: 1." in told[1]
    new = (folder / KEY_FILE).read_bytes()
    assert new != old
    assert len(new) == 32
    assert names(folder) == [KEY_FILE, "bot.lock", FILE]
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "fr"
        assert rows.kept(CHAT).reminders == rows.kept(OTHER).reminders == (REMINDER,)
        assert rows.kept(ALONE).language is None
        assert {rows.take_due(REMINDER.due, DAY).chat for _ in range(2)} == {CHAT, OTHER}
    raw = b"".join(file.read_bytes() for file in folder.iterdir())
    assert not [chat for chat in (CHAT, OTHER, ALONE) if Key(old).hash(chat) in raw]


def test_an_interrupted_rotation_is_ended_at_the_next_start(folder):
    """The rows were rewritten, the key was not renamed: the database knows which it is."""
    secret = (folder / KEY_FILE).read_bytes()
    upkeep.rotate_key(folder)
    (folder / KEY_FILE).rename(folder / "bot.key.next")
    (folder / KEY_FILE).write_bytes(secret)
    assert upkeep.examine(folder) == []
    with rows_of(folder) as rows:
        assert rows.kept(CHAT).language == "fr"
    assert names(folder) == [KEY_FILE, "bot.lock", FILE]


@pytest.mark.slow
@pytest.mark.parametrize("work", ["start", "backup", "restore", "rotate"])
def test_killed_anywhere_nothing_is_lost(tmp_path, work):
    """By SIGKILL at each line of our code that it runs through: `storage/killing.py` looks after."""
    every = "1"
    done = subprocess.run(
        [sys.executable, ROOT / "tests/storage/killing.py", work, every, tmp_path / "kills"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40


# Looking


async def test_a_sound_folder_is_found_sound(folder):
    """While the bot runs and while it does not, and nothing is created or changed."""
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    assert upkeep.examine(folder) == []
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before
    async with open_store(folder) as store:
        await store.keep_language(CHAT, "de", TODAY)
        there = names(folder)
        assert upkeep.examine(folder) == []
        assert names(folder) == there


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nothing", "there is no bot.sqlite3"),
        ("no folder", "there is no bot.sqlite3"),
        ("empty", "is empty: start the bot"),
        ("rubbish", "is damaged"),
        ("scribbled", "is damaged"),
        ("newer", "newer version"),
        ("another key", "not the key of"),
        ("no key", "is missing"),
        ("short key", "is damaged (5 bytes"),
    ],
)
def test_what_is_wrong_is_one_line(folder, what, said):
    """With what to do, and nothing is created."""
    file, key = folder / FILE, folder / KEY_FILE
    match what:
        case "nothing":
            file.unlink()
        case "no folder":
            folder = folder / "other"
        case "empty":
            file.write_bytes(b"")
        case "rubbish":
            file.write_bytes(b"rubbish" * 1_000)
        case "scribbled":
            file.write_bytes(file.read_bytes()[:4096] + b"\xa5" * 40_000)
        case "newer":
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA user_version = 99")
        case "another key":
            key.write_bytes(b"x" * 32)
        case "no key":
            key.unlink()
        case "short key":
            key.write_bytes(b"short")
    there = names(folder)
    (line,) = upkeep.examine(folder)
    assert said in line
    assert "\n" not in line
    assert names(folder) == there


# What was counted


CELLS = st.builds(
    Tally,
    st.sampled_from(["private-messages", "how-to-object", "-"]),
    st.sampled_from(["en", "fr"]),
    st.sampled_from([*upkeep.COLUMNS, *upkeep.OTHERS]),
)
SMALL = st.integers(0, upkeep.FEWEST - 1)


@settings(max_examples=100, deadline=None)
@given(
    large=st.dictionaries(CELLS, st.integers(upkeep.FEWEST, 10_000)),
    small=st.dictionaries(CELLS, st.tuples(SMALL, SMALL)),
)
def test_nothing_shown_tells_a_small_number(knowledge, large, small):
    """Not a cell, not a row, not a total: whatever small numbers stand there, the same is shown."""
    topics = [tally for tally in small if tally.outcome in upkeep.COLUMNS]
    one, two = ({**{t: small[t][n] for t in topics}, **large} for n in range(2))
    broken = ({"facebook-form": 1}, {"facebook-form": 4})
    for show in (upkeep.stats_table, upkeep.stats_lines, upkeep.stats_json):
        assert show(one, broken[0], knowledge) == show(two, broken[1], knowledge)
        assert show(one, {}, knowledge) == show(large, {}, knowledge)


def test_small_numbers_without_a_topic_are_hidden_too(knowledge):
    """They are added up over what small talk it was: that sum is shown, or hidden."""
    counts = {Tally("thanks", "fr", "chitchat"): 3, Tally("hello", "fr", "chitchat"): 1}
    shown = upkeep.stats_json(counts, {}, knowledge)["others"]["chitchat"]
    assert shown["fr"] == "<5"
    shown = upkeep.stats_json({**counts, Tally("who", "fr", "chitchat"): 1}, {}, knowledge)
    assert shown["others"]["chitchat"]["fr"] == 5


def test_stats_show_topics_languages_and_broken_links(folder, knowledge, monkeypatch, capsys):
    """Numbers in columns, the address of a link, and as JSON the same."""
    monkeypatch.setenv("DATA_DIR", str(folder))
    with rows_of(folder) as rows:
        rows.count({Tally("private-messages", "en", "helpful"): 4, Tally("-", "fr", "unknown"): 6})
        for _ in range(7):
            rows.count_broken("facebook-form")
        rows.count_broken("a-link-of-old")
    assert main(["stats"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert ["private-messages", "en", "12", "<5", "<5", "<5", "<5"] in map(str.split, shown)
    assert any(
        line.startswith("not understood") and line.split()[-2:] == ["6", "<5"] for line in shown
    )
    address = knowledge.links["facebook-form"].address("en")
    assert any(line.split() == ["facebook-form", "7", address] for line in shown)
    assert main(["stats", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["topics"][0]["answer"] == 12
    assert told["topics"][0]["helpful"] == "<5"
    assert told["totals_of_shown"]["en"]["answer"] == 12
    assert told["others"]["unknown"]["fr"] == 6
    assert told["broken"][0] == {"link": "a-link-of-old", "times": "<5", "address": "no longer in faq/links.yaml"}  # fmt: skip


# Questions


ANY_TEXT = st.text(min_size=1, max_size=80)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(ANY_TEXT, min_size=1, max_size=5), language=st.sampled_from(["en", "nb"]))
def test_exported_questions_are_strict_yaml(texts, language):
    """Whatever people write: one line each, read back as it was but for what cannot be seen."""
    questions = [Question(n, language, text, TODAY) for n, text in enumerate(texts)]
    exported = upkeep.question_stubs(questions, lambda *_: ["private-messages"])
    read = strict_yaml.parse(exported.encode(), Path("export.yaml")).value
    assert yaml.safe_load(exported) == read
    assert list(read) == [language]
    assert [t.split() for t in read[language]] == [
        "".join(s if s.isprintable() else " " for s in text).split() for text in texts
    ]


def test_a_hostile_question_steers_no_terminal():
    """Escape sequences, line breaks and marks that turn the line round are not passed on."""
    text = "red \x1b[31m\r\nnew line \u202e turned \x07"
    (line,) = upkeep.question_lines([Question(1, "en", text, TODAY + DAY)], TODAY)
    assert line.isprintable()
    assert "  1 days left  red [31m new line turned" in line


@pytest.fixture
def asked(folder, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(folder))
    with rows_of(folder) as rows:
        rows.keep_question("fr", 'mes mp : "lus" par l\'ia ?', date.today())
        rows.keep_question("en", "- who reads my dms #now", date.today())
    return folder


def test_questions_are_listed_with_the_days_left(asked, capsys):
    assert main(["questions"]) == 0
    assert "    2  fr      90 days left  mes mp" in capsys.readouterr().out
    assert main(["questions", "--json"]) == 0
    assert [q["days_left"] for q in json.loads(capsys.readouterr().out)][1:] == [90, 90]


def test_exported_questions_name_the_nearest_topics(asked, capsys):
    """By the matcher, as a comment; grouped by language."""
    assert main(["questions", "--export"]) == 0
    exported = capsys.readouterr().out
    assert yaml.safe_load(exported) == {
        "en": ["a question", "- who reads my dms #now"],
        "fr": ['mes mp : "lus" par l\'ia ?'],
    }
    near = [line for line in exported.splitlines() if "nearest topics" in line]
    assert len(near) == 3
    assert all("private-messages" in line for line in near[1:])


def test_questions_are_deleted_by_number_or_all(asked, capsys):
    """A wrong number deletes nothing."""
    assert main(["questions", "--delete", "2", "99"]) == 2
    assert "there is no question 99: nothing was deleted" in capsys.readouterr().err
    assert main(["questions", "--delete", "2"]) == 0
    assert main(["questions", "--json"]) == 0
    assert capsys.readouterr().out.count('"number"') == 2
    assert main(["questions", "--delete-all"]) == 0
    assert main(["questions"]) == 0
    assert capsys.readouterr().out == "questions deleted: 2\n"


# The commands


COMMANDS = ["backup", "restore", "rotate-key", "stats", "questions"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_folder_is_said_and_not_made(command, tmp_path, monkeypatch, capsys):
    """One line, status 2; no folder, no database, no key."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "wrong"))
    assert main([command, *(["copy"] if command == "restore" else [])]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.rglob("*.sqlite3"))
    assert not list(tmp_path.rglob(KEY_FILE))


def test_the_commands_do_what_they_say(folder, monkeypatch, capsys):
    """A copy, a new key, and the copy no longer fits; damage is status 1."""
    monkeypatch.setenv("DATA_DIR", str(folder))
    assert main(["backup"]) == 0
    (copy,) = (folder / FOLDER).iterdir()
    assert str(copy) in capsys.readouterr().out
    assert main(["restore", str(copy)]) == 0
    old = read_key(folder / KEY_FILE).fingerprint
    assert main(["rotate-key"]) == 0
    assert read_key(folder / KEY_FILE).fingerprint != old
    assert main(["restore", str(copy)]) == 2
    assert "put that key back first" in capsys.readouterr().err
    copy.write_bytes(b"rubbish" * 1_000)
    assert main(["restore", str(copy)]) == 1
