"""What people write, and who they are, is written nowhere."""

import asyncio
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import yaml
from trust.hosted import ROOT, Hosted, Resident, hosting, keys
from trust.traces import found, written_since

LANGUAGES = ("en", "fr", "de", "nl")
SCRIPTS = ("ask", "object", "complaint", "two-accounts")
AT_ONCE = 17
"""Turns that one person takes before the bot is started anew: below the burst that it lets
through, so that nobody has to wait."""
ODD = {
    "en": "My neighbour Zebulon{mark} baked rhubarb cake on a submarine",
    "fr": "Mon voisin Zebulon{mark} a fait une tarte dans un sous-marin",
    "de": "Mein Nachbar Zebulon{mark} buk Rhabarberkuchen im U-Boot",
    "nl": "Mijn buurman Zebulon{mark} bakte rabarbertaart in een duikboot",
}
"""What no bot understands."""
REACHED_AT = ("z.{mark}@example.org", "+49 170 {digits}", "@zebulon{mark}")
"""What must not be kept even of a question that is given away."""
OF_PERSONS = ("chosen", "reminders", "questions")
"""Tables with rows that somebody asked for."""


def script(language: str, name: str) -> list[dict]:
    """A conversation of tests/golden: what is said or tapped, and what that shows."""
    file = ROOT / "tests" / "golden" / f"{language}-{name}.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))["turns"]


async def act(resident: Resident, turns: list[dict]) -> None:
    """Say and tap what a script says."""
    for turn in turns:
        shows = any("new message" in line or "edited message" in line for line in turn["shows"])
        if "says" in turn:
            await resident.say(turn["says"], shows=int(shows))
        elif "forges" in turn:
            newest = resident.answers[-1]["message_id"]
            await resident.press(newest, turn["forges"], shows=int(shows))
        else:
            await resident.tap(turn["taps"], shows=int(shows))


async def tap_kind(resident: Resident, ending: str) -> None:
    """Tap the newest button whose callback data ends so."""

    def find() -> tuple[int, str] | None:
        for number in sorted(resident.chat.messages, reverse=True):
            for key in keys(resident.chat.messages[number]):
                if key.get("callback_data", "").endswith(ending):
                    return number, key["callback_data"]
        return None

    await resident.until(lambda: find() is not None, f"a button {ending}")
    await resident.press(*find())


def rows(database: Path) -> dict[str, list[tuple]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )]  # fmt: skip
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}  # noqa: S608


def everything_written(hosted: Hosted, since: float) -> dict[object, bytes]:
    """Every byte that the bot has left anywhere: its folders, the cache, what it said."""
    return {**hosted.files(), **written_since(since), "the output": hosted.said}


def wanted(residents: list[Resident], token: str) -> dict[str, list[str | bytes]]:
    """What must stand nowhere."""
    things: dict[str, list[str | bytes]] = {"token": [token, token.partition(":")[2]]}
    for resident in residents:
        for name, several in resident.traces.items():
            things.setdefault(name, []).extend(several)
    return things


async def test_whole_conversations_leave_nothing_that_names_or_quotes_anybody(tmp_path):
    """Questions, the objection to its end, letters, files, reminders, groups, in four languages,
    with a restart in the middle: no byte on disk or in the log, not at DEBUG either, says who or what."""
    began = time.time()
    async with hosting(tmp_path, LOG_LEVEL="DEBUG") as hosted:
        town = hosted.town
        turns = {
            town.move_in(language): script(language, name)
            for language in LANGUAGES
            for name in SCRIPTS
        }
        for half in (slice(AT_ONCE), slice(AT_ONCE, None)):
            await hosted.start()
            await hosted.listening()
            await asyncio.gather(*(act(who, acts[half]) for who, acts in turns.items()))
            await in_a_group(hosted, [*turns][:2])
            assert await hosted.stop() == 0, hosted.err
        things = wanted([*turns], town.token)
        assert len(things["text"]) > len(turns), "nobody said anything"
        assert found(things, everything_written(hosted, began)) == []
        assert b"outcome" in hosted.said, "there is no log at all"


async def in_a_group(hosted: Hosted, members: list[Resident]) -> None:
    """Two people talk in a group, and one of them asks the bot."""
    town = hosted.town
    group = town.group("Kegelclub Zwölf")
    one, other = members
    name = town.me["username"]
    for who, text in (
        (one, "Zebulon sagt nein dazu"),
        (other, f"is it too late to object? @{name}"),
    ):
        who.typed.append(text)
        await town.say(group, text, sender=who.chat)
    async with asyncio.timeout(20):
        while not any(m["from"]["is_bot"] for m in group.messages.values()):
            await town.spoken.wait()
            town.spoken.clear()


async def test_without_consent_there_is_no_row_and_with_it_only_what_was_shown(tmp_path):
    """Who declines leaves no row. Who agrees leaves the sentence as it was shown to them, without
    addresses, numbers and names, and nothing that leads to them."""
    began = time.time()
    async with hosting(tmp_path) as hosted:
        town = hosted.town
        mark, digits = secrets.token_hex(4), f"{secrets.randbelow(9 * 10**7) + 10**7}"
        private = [text.format(mark=mark, digits=digits) for text in REACHED_AT]
        people = {language: town.move_in(language) for language in LANGUAGES}
        await hosted.start()
        await hosted.listening()

        async def decline(language: str, who: Resident) -> None:
            await who.say(f"{ODD[language].format(mark=mark)} {' '.join(private)}")
            await tap_kind(who, ".q.ask")
            await tap_kind(who, ".q.drop")
            await who.say("/mydata")

        await asyncio.gather(*(decline(*one) for one in people.items()))
        kept = rows(hosted.data / "bot.sqlite3")
        assert not any(kept[table] for table in OF_PERSONS)
        assert await hosted.stop() == 0
        things = wanted([*people.values()], town.token)
        things["a word of a question"] = [f"Zebulon{mark}", mark]
        assert found(things, everything_written(hosted, began)) == []

        giver = town.move_in("en")
        await hosted.start()
        await hosted.listening()
        await giver.say(f"{ODD['en'].format(mark=' the kind')} {' '.join(private)}")
        await tap_kind(giver, ".q.ask")
        agreed = giver.shown[-1]["text"]
        await tap_kind(giver, ".q.keep")
        ((_, language, sentence, *_),) = rows(hosted.data / "bot.sqlite3")["questions"]
        assert await hosted.stop() == 0
        assert sentence in agreed
        assert language == "en"
        assert "Zebulon the kind" in sentence
        things = wanted([*people.values(), giver], town.token)
        things["what leads to a person"] = [*private, mark, digits]
        assert found(things, everything_written(hosted, began)) == []


async def test_what_was_forgotten_is_in_no_file(tmp_path):
    """After /forget not one byte of the rows that were there is left, while the bot runs and
    after it: not in the database, not in its write-ahead log."""
    async with hosting(tmp_path) as hosted:
        who, other = hosted.town.move_in("de"), hosted.town.move_in("de")
        to_the_bell = script("de", "object")
        end = next(n for n, turn in enumerate(to_the_bell) if "🔔" in turn.get("taps", ""))
        await hosted.start()
        await hosted.listening()
        await asyncio.gather(*(act(one, to_the_bell[:AT_ONCE]) for one in (who, other)))
        assert await hosted.stop() == 0
        await hosted.start()
        await hosted.listening()
        for one in (who, other):
            await act(one, to_the_bell[AT_ONCE : end + 1])
            await one.say("/language")
            await one.tap("Deutsch")
        database = hosted.data / "bot.sqlite3"
        before = rows(database)
        assert len(before["chosen"]) == len(before["reminders"]) == 2
        await who.say("/forget")
        after = rows(database)
        assert len(after["chosen"]) == len(after["reminders"]) == 1
        gone = {
            table: [value for row in set(before[table]) - set(after[table]) for value in row
                    if isinstance(value, bytes)]
            for table in ("chosen", "reminders")
        }  # fmt: skip
        assert all(gone.values())
        left = {
            table: [value for row in after[table] for value in row if isinstance(value, bytes)]
            for table in gone
        }
        assert found(gone, hosted.files()) == []
        assert found(left, hosted.files()), "the search finds nothing that is there, either"
        assert await hosted.stop() == 0
        assert found(gone, hosted.files()) == []


def test_the_search_finds_what_is_there():
    """What this file promises rests on the search: it finds a text in any of its forms."""
    text, number = "Zebulon Øregård", (1 << 50) + 12345
    for content in (
        b"..Zebulon \xc3\x98reg\xc3\xa5rd..",
        b'{"x": "Zebulon \\u00d8reg\\u00e5rd"}',
        "zebulon øregård".encode(),
        text.encode("utf-16-le"),
    ):
        assert found({"name": [text]}, {"place": content}) == [f"name {text!r} in place"]
    needle = number.to_bytes(7)
    for content in (needle, number.to_bytes(8), needle.hex().encode()):
        assert found({"id": [needle]}, {"place": content}) == [f"id {needle!r} in place"]
    assert found({"name": [text]}, {"place": b"Zebulon"}) == []
