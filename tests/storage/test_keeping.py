"""What is kept comes back as it was, and goes when its time is over."""

import asyncio
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dialogue.reminding import Reminder
from bot.storage.key import KEY_FILE, read_key
from bot.storage.sqlite import open_store
from bot.storage.store import (
    KEEP_LANGUAGE,
    KEEP_QUESTIONS,
    KEEP_REMINDERS,
    MOST_QUESTIONS,
    Kept,
    NoStore,
    Question,
    Tally,
)

CHAT, OTHER = 4_815_162_342, -1_000_000_000_042
TODAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def reminder(due=NOON, kind="reply"):
    return Reminder(kind, due, "fr")


def files(folder):
    """All that stands on the disk, but for the key."""
    found = (file for file in folder.rglob("*") if file.is_file() and file.name != KEY_FILE)
    return b"".join(file.read_bytes() for file in found)


async def test_all_of_a_chat_is_read_in_one_go(tmp_path):
    """Language and reminders, soonest first, in one statement; of others nothing."""
    async with open_store(tmp_path) as store:
        assert await store.kept(CHAT) == Kept(None, ())
        await store.remind(CHAT, reminder(NOON + DAY))
        assert await store.kept(CHAT) == Kept(None, (reminder(NOON + DAY),))
        await store.keep_language(CHAT, "nl", TODAY)
        await store.remind(CHAT, reminder())
        await store.keep_language(OTHER, "de", TODAY)
        said = []
        await store._do(lambda rows: rows.connection.set_trace_callback(said.append))
        both = (reminder(), reminder(NOON + DAY))
        assert await store.kept(CHAT) == Kept("nl", both, TODAY + KEEP_LANGUAGE)
        assert len(said) == 1
        await store._do(lambda rows: rows.connection.set_trace_callback(None))


async def test_a_question_stands_there_once(tmp_path):
    """From its first day; in another language it is another question."""
    async with open_store(tmp_path) as store:
        assert await store.keep_question("fr", "et mes photos ?", TODAY)
        assert await store.keep_question("fr", "et mes photos ?", TODAY + DAY)
        assert await store.keep_question("en", "et mes photos ?", TODAY + DAY)
    async with open_store(tmp_path) as store:
        assert await store.questions() == [
            Question(1, "fr", "et mes photos ?", TODAY + KEEP_QUESTIONS),
            Question(2, "en", "et mes photos ?", TODAY + DAY + KEEP_QUESTIONS),
        ]


async def test_so_many_questions_and_no_more(tmp_path):
    """The next is refused; one that is there is not, and room that is made is used."""

    def fill(rows):
        with rows._writing():
            rows.connection.executemany(
                "INSERT INTO questions (language, text, day) VALUES ('en', ?, 0)",
                [(str(n),) for n in range(MOST_QUESTIONS)],
            )

    async with open_store(tmp_path) as store:
        await store._do(fill)
        assert not await store.keep_question("en", "one more", TODAY)
        assert await store.keep_question("en", "7", TODAY)
        await store.drop_questions([1, 99_999])
        assert await store.keep_question("en", "one more", TODAY)
        assert not await store.keep_question("en", "and one", TODAY)
        assert len(await store.questions()) == MOST_QUESTIONS


async def test_the_number_of_a_question_is_never_given_again(tmp_path):
    """Who deletes number 2, seen a while ago, deletes no other question."""
    async with open_store(tmp_path) as store:
        await store.keep_question("en", "first", TODAY)
        await store.keep_question("en", "second", TODAY)
        await store.drop_questions([2])
        await store.keep_question("en", "third", TODAY)
        assert [(q.number, q.text) for q in await store.questions()] == [(1, "first"), (3, "third")]


async def test_counts_add_up_without_a_person(tmp_path):
    """Over calls and restarts; /forget and time leave them; the row holds nothing else."""
    one, two = Tally("private-messages", "en", "answer"), Tally("-", "fr", "unknown")
    async with open_store(tmp_path) as store:
        await store.count({one: 2, two: 1})
        await store.count({one: 3})
        await store.count({})
        await store.count_broken("form")
        await store.forget(CHAT)
        await store.expire(TODAY + 1000 * DAY)
    async with open_store(tmp_path) as store:
        assert await store.counts() == {one: 5, two: 1}
        assert await store.broken() == {"form": 1}


async def test_what_is_kept_goes_on_its_day_and_not_before(tmp_path):
    """Questions after 90 days, languages a year after the choice, reminders 90 days after due."""
    limits = {"question": KEEP_QUESTIONS, "language": KEEP_LANGUAGE, "reminder": KEEP_REMINDERS}
    assert [limit.days for limit in limits.values()] == [90, 365, 90]
    async with open_store(tmp_path) as store:
        await store.keep_question("en", "a question", TODAY)
        await store.keep_language(CHAT, "nl", TODAY)
        await store.remind(OTHER, reminder())

        async def left():
            return (
                len(await store.questions()),
                await store.language(CHAT),
                len(await store.reminders(OTHER)),
            )

        assert await store.expire(TODAY + 89 * DAY) == 0
        assert await left() == (1, "nl", 1)
        assert (await store.questions())[0].until == TODAY + 90 * DAY
        assert await store.expire(TODAY + 90 * DAY) == 2
        assert await left() == (0, "nl", 0)
        assert await store.expire(TODAY + 364 * DAY) == 0
        assert await store.expire(TODAY + 365 * DAY) == 1
        assert await left() == (0, None, 0)


async def test_a_language_chosen_again_begins_its_year_again(tmp_path):
    async with open_store(tmp_path) as store:
        await store.keep_language(CHAT, "nl", TODAY)
        await store.keep_language(CHAT, "nl", TODAY + 300 * DAY)
        assert await store.expire(TODAY + 365 * DAY) == 0
        assert await store.language(CHAT) == "nl"


async def test_a_clock_that_goes_back_loses_nothing(tmp_path):
    """Cleared up on a day long ago: all stays, and what is due still comes."""
    async with open_store(tmp_path) as store:
        await store.keep_question("en", "a question", TODAY)
        await store.keep_language(CHAT, "nl", TODAY)
        await store.remind(CHAT, reminder())
        assert await store.expire(date(1970, 1, 1)) == 0
        assert await store.expire(TODAY) == 0
        assert await store.kept(CHAT) == Kept("nl", (reminder(),), TODAY + KEEP_LANGUAGE)
        assert (await store.take_due(NOON, DAY)).chat == CHAT


@pytest.mark.parametrize("way", ["expire", "drop", "forget"])
async def test_what_is_deleted_is_on_the_disk_no_more(tmp_path, way):
    """Not in the database, not in its log; and only what was to go is gone."""
    text, stays = "a-question-with-a-mark-of-its-own", "another-question-that-stays"
    async with open_store(tmp_path) as store:
        for chat in (*range(50), CHAT, *range(50, 100)):
            await store.keep_language(chat, "fr", TODAY if chat == CHAT else TODAY + 9 * DAY)
        await store.remind(CHAT, reminder())
        await store.keep_question("en", text, TODAY)
        await store.keep_question("en", stays, TODAY + 9 * DAY)
        key = read_key(tmp_path / KEY_FILE)
        mark = text.encode() if way == "drop" else key.hash(CHAT)
        assert mark in files(tmp_path)
        match way:
            case "expire":
                assert await store.expire(TODAY + KEEP_LANGUAGE) == 102 - 100 + 2
                assert text.encode() not in files(tmp_path)
            case "drop":
                await store.drop_questions([1])
                assert stays.encode() in files(tmp_path)
            case "forget":
                await store.forget(CHAT)
                assert await store.kept(CHAT) == Kept()
        left = files(tmp_path)
        assert mark not in left
        assert key.hash(7) in left


TEXTS = st.text(min_size=1, max_size=60)
ANY_TEXTS = st.text(st.characters(exclude_categories=()), max_size=60)  # halves of pairs too
CHATS = st.integers(-(2**63), 2**63 - 1)
DAYS = st.dates(date(1990, 1, 1), date(2200, 1, 1))
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ROWS = st.tuples(TEXTS, DAYS, TIMES)
TALLIES = st.builds(Tally, TEXTS, TEXTS, TEXTS)


@settings(max_examples=10, deadline=None)
@given(
    chats=st.dictionaries(CHATS, ROWS, min_size=5, max_size=20),
    texts=st.lists(ANY_TEXTS, min_size=5, max_size=20),
    counts=st.dictionaries(TALLIES, st.integers(1, 2**40), min_size=5),
)
def test_what_goes_in_comes_out(tmp_path_factory, chats, texts, counts):
    """Any text, chat, day and count; of half a character a question mark stays."""
    wanted = {
        chat: Kept(language, (reminder(due.replace(microsecond=0)),), day + KEEP_LANGUAGE)
        for chat, (language, day, due) in chats.items()
    }

    async def round_trip():
        folder = tmp_path_factory.mktemp("kept")
        async with open_store(folder) as store:
            for chat, (language, day, _) in chats.items():
                await store.keep_language(chat, language, day)
                await store.remind(chat, *wanted[chat].reminders)
            for text in texts:
                assert await store.keep_question("en", text, TODAY)
            await store.count(counts)
        async with open_store(folder) as store:
            assert {chat: await store.kept(chat) for chat in chats} == wanted
            whole = dict.fromkeys(text.encode("utf-8", "replace").decode() for text in texts)
            assert [question.text for question in await store.questions()] == list(whole)
            assert await store.counts() == counts
            gone, *others = chats
            await store.forget(gone)
            assert await store.kept(gone) == Kept()
            assert [await store.kept(chat) for chat in others] == [wanted[chat] for chat in others]

    asyncio.run(round_trip())


async def test_coroutines_at_once_do_not_mix(tmp_path):
    """Each call is whole: counts of a hundred add up, each chat has its own, and nobody sees half."""
    one, two = Tally("a", "en", "answer"), Tally("b", "en", "answer")
    async with open_store(tmp_path) as store:

        async def live(chat):
            await store.keep_language(chat, str(chat), TODAY)
            await store.remind(chat, reminder(NOON + chat * DAY))
            await store.count({one: 1, two: 1})
            counted = await store.counts()
            assert counted[one] == counted[two]
            own = (reminder(NOON + chat * DAY),)
            assert await store.kept(chat) == Kept(str(chat), own, TODAY + KEEP_LANGUAGE)
            if chat % 2:
                await store.forget(chat)

        await asyncio.gather(*(live(chat) for chat in range(100)))
        assert await store.counts() == {one: 100, two: 100}
        kept = await asyncio.gather(*(store.language(chat) for chat in range(100)))
        assert kept == [None if chat % 2 else str(chat) for chat in range(100)]


async def test_a_cancelled_call_leaves_nothing_half_done(tmp_path):
    """It is done whole or not at all, and the next one is served."""
    async with open_store(tmp_path) as store:
        await store.keep_language(CHAT, "fr", TODAY)
        await store.remind(CHAT, reminder())
        tasks = [asyncio.create_task(store.forget(CHAT)) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert await store.kept(CHAT) in {
            Kept("fr", (reminder(),), TODAY + KEEP_LANGUAGE),
            Kept(),
        }


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_open_and_close_leave_nothing_behind(tmp_path):
    """Fifty rounds: no file is held, and no thread is left."""

    async def round_of(number):
        async with open_store(tmp_path) as store:
            await store.keep_language(number, "fr", TODAY)

    await round_of(0)
    held, threads = open_files(), threading.active_count()
    for number in range(50):
        await round_of(number)
    assert open_files() == held
    assert threading.active_count() == threads


async def test_no_store_keeps_nothing_of_all_that():
    store = NoStore()
    await store.keep_language(CHAT, "fr", TODAY)
    await store.count({Tally("a", "en", "answer"): 1})
    assert not await store.keep_question("en", "text", TODAY)
    await store.drop_questions([1])
    assert await store.kept(CHAT) == Kept()
    assert await store.questions() == []
    assert await store.counts() == {}
    assert await store.expire(TODAY) == 0
