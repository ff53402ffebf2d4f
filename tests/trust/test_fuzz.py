"""Whatever Telegram, or somebody in its name, sends: no error of ours, and nothing that Telegram
would not take.

`TRUST_UPDATES=100000 TRUST_FORGED=100000 pytest tests/trust/test_fuzz.py` takes some minutes;
`TRUST_SEED=…` repeats what failed.
"""

import asyncio
import copy
import json
import logging
import os
import random
import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from telegram import Bot

from bot.dialogue.events import Person, Pressed
from bot.dialogue.replies import Tap
from bot.dialogue.turn import respond
from bot.metrics import Metrics
from bot.storage.store import NoStore
from bot.tg.conversation import Conversation, Surroundings
from bot.tg.events import Self
from bot.tg.inbox import Inbox
from bot.tg.intake import Intake
from bot.tg.render import MAX_UNITS, render, units
from bot.tg.sender import Delivered, Sender

UPDATES = int(os.environ.get("TRUST_UPDATES", "2000"))
FORGED = int(os.environ.get("TRUST_FORGED", "10000"))
SEED = int(os.environ.get("TRUST_SEED", "20261122"))
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ME = Self(123456, "optout_sandbox_bot")

TEXTS = (
    "", " ", "\0", "\ud800", "\udfff\ud800", "\u202egnp", "\u200d", "\ufdfa" * 4096, "a" * 4096,
    "🏴‍☠️" * 512, "e\u0301" * 400, "/", "/start", "/start@optout_sandbox_bot object", "/\0", "/language",
    "/forget@another_bot", "@optout_sandbox_bot", "are my messages used? @optout_sandbox_bot", "<b>",
    "&lt;", "{0.__class__}", "%s%n", "'; DROP TABLE chosen; --", "ＯＢＪＥＣＴ", "1.en.p.help", "(?:" * 500,
    "https://[::1", "http://facebook.com@evil.example/%00", "٠١٢٣٤٥٦٧٨٩" * 9, "\r\n" * 99, "NaN", "-0",
    "is it too late?", "c'est trop tard ?", "ist es schon zu spät? und wer liest mit?", "danke",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2**31, -(2**31), 2**52, 2**63, 2**64, 10**30, 1e308, -0.5, True, float("nan"))
JUNK = (
    None,
    False,
    [],
    {},
    [[]],
    [None],
    {"id": 1},
    {"": {"": []}},
    [{"type": "mention"}],
    "7",
    "\ud800",
)
BUTTONS = (
    "1.en.p.home", "1.de.o.1.form.zz", "1.fr.q.keep", "1.fr.q.ask", "1.nl.mk.receipt.nl.20261123.9",
    "1.en.l.set", "1.en.p.forget", "1.en.t.deadline", "",
)  # fmt: skip


def person(dice: random.Random) -> dict[str, Any]:
    tag = dice.choice(["en", "fr", "de", "nl", "pt-br", "EN_us", "", "xx", "\ud800"])
    return {"id": dice.randrange(1, 6), "is_bot": dice.random() < 0.05, "first_name": dice.choice(TEXTS),
            "language_code": tag, "username": "somebody"}  # fmt: skip


def chat(dice: random.Random) -> dict[str, Any]:
    kind = dice.choice(["private", "private", "private", "group", "supergroup", "channel", "odd"])
    return {"id": dice.randrange(1, 6), "type": kind, "title": dice.choice(TEXTS)}


def message(dice: random.Random, depth: int = 1) -> dict[str, Any]:
    text = dice.choice(TEXTS)
    if dice.random() < 0.2:
        text = "".join(chr(dice.randrange(1, 0x2FFF)) for _ in range(dice.randrange(40)))
    made = {
        "message_id": dice.randrange(1, 99),
        "date": int(NOW.timestamp()) - dice.choice([0, 0, 0, 60, 4_000, 90_000, -4_000]),
        "chat": chat(dice),
        "from": person(dice),
        "text": text,
        "entities": [{"type": dice.choice(["bot_command", "mention", "text_mention", "url", "odd"]),
                      "offset": dice.randrange(-2, 20), "length": dice.randrange(-2, 30)}],
    }  # fmt: skip
    match dice.randrange(12):
        case 0:
            made["caption"] = made.pop("text")
            made["photo"] = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]
        case 1:
            made["pinned_message"] = {"message_id": 1, "date": 0, "chat": chat(dice)}
        case 2:
            made["new_chat_members"] = [person(dice)]
        case 3:
            made["migrate_to_chat_id"] = -7
        case 4:
            made["sender_chat"] = chat(dice)
    if depth and dice.random() < 0.3:
        made["reply_to_message"] = message(dice, depth - 1)
    return made


def update(dice: random.Random) -> dict[str, Any]:
    """An update as Telegram's are."""
    kind = dice.choice(
        ["message"] * 4 + ["callback_query"] * 3 + ["my_chat_member", "edited_message"]
    )
    match kind:
        case "callback_query":
            content = {"id": str(dice.randrange(10**9)), "from": person(dice), "chat_instance": "1",
                       "data": dice.choice(BUTTONS), "message": message(dice)}  # fmt: skip
            if dice.random() < 0.2:
                content["message"] = {"chat": chat(dice), "message_id": 1, "date": 0}
        case "my_chat_member":
            member = {
                "user": person(dice),
                "status": dice.choice(["member", "kicked", "left"]),
                "until_date": 0,
            }
            content = {"chat": chat(dice), "from": person(dice), "date": 1, "old_chat_member": member,
                       "new_chat_member": dict(member)}  # fmt: skip
        case _:
            content = message(dice)
    return {"update_id": dice.randrange(2**31), kind: content}


def places(inside: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a JSON value with every key in it."""
    keys = inside.keys() if isinstance(inside, dict) else range(len(inside))
    for key in tuple(keys):
        yield inside, key
        if isinstance(inside[key], dict | list):
            yield from places(inside[key])


def spoilt(whole: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """An update with some of it missing, of another type, out of bounds, doubled or unheard of."""
    made = copy.deepcopy(whole)
    for _ in range(dice.choice([0, 0, 1, 1, 2, 5])):
        if not (found := list(places(made))):
            break
        inside, key = dice.choice(found)
        match dice.randrange(6):
            case 0 if isinstance(inside, dict):
                del inside[key]
            case 1:
                inside[key] = copy.deepcopy(dice.choice(JUNK))
            case 2:
                inside[key] = dice.choice(NUMBERS)
            case 3:
                inside[key] = dice.choice(TEXTS)
            case 4:
                inside[key] = copy.deepcopy(dice.choice(found)[0])
            case _ if isinstance(inside, dict):
                inside[dice.choice(["new_thing", "text", "chat", "id", *TEXTS[:9]])] = inside[key]
    return json.loads(json.dumps(made))


class Strict(Sender):
    """Takes turns in the place of Telegram; holds them against Telegram's limits."""

    def __init__(self) -> None:
        super().__init__(Bot("1:abc"))
        self.turns = 0

    async def carry_out(self, turn, _) -> Delivered:
        self.turns += 1
        check(turn)
        return Delivered.SENT


def check(turn) -> None:
    """A turn holds nothing that Telegram would refuse."""
    assert len(turn.notice) <= 200
    for reply in turn.replies:
        for part in render(reply):
            assert part.attachment or part.text.strip()
            assert units(part.text) <= 2 * MAX_UNITS  # with its markup
        for key in (key for row in reply.rows for key in row):
            assert not isinstance(key, Tap) or 1 <= len(key.data.encode()) <= 64


@pytest.fixture
def runner():
    with asyncio.Runner() as runner:
        yield runner


def test_no_update_brings_an_error_out(assistant, runner, caplog):
    """Updates of all kinds with anything wrong in them, through the door and the conversation: no
    exception comes out and none is in the log, but that an update cannot be read."""
    dice = random.Random(SEED)
    sender, metrics, inbox = Strict(), Metrics(), Inbox()
    around = Surroundings(clock=lambda: 0.0, now=lambda: NOW, today=lambda: TODAY, metrics=metrics)
    conversation = Conversation(assistant, NoStore(), around)
    intake = Intake(
        sender._bot, inbox, metrics,
        lambda update: conversation.handle(update, sender, ME), lambda: None,
    )  # fmt: skip
    caplog.set_level(logging.WARNING)
    unread = 0
    for number in range(UPDATES):
        raw = spoilt(update(dice), dice)
        try:
            runner.run(intake.take(raw))
        except Exception as error:
            raise AssertionError(f"TRUST_SEED={SEED}, update {number}: {raw!a}") from error
        for record in caplog.records:
            assert "cannot be read" in record.message, (SEED, number, f"{raw!a}", record.message)
        unread += len(caplog.records)
        caplog.clear()
    assert sender.turns > UPDATES / 10, "hardly anything got through: the updates are too odd"
    assert unread > UPDATES / 100, "everything could be read: the updates are not odd enough"


def test_no_forged_button_brings_an_error_out(assistant):
    """Real callback data with letters changed, cut, added and swapped; and pure noise: each press
    has an answer that Telegram takes, whatever message it claims to stand under."""
    dice = random.Random(SEED)
    real = list(BUTTONS)
    letters = string.ascii_letters + string.digits + ".-+_ é🏴\0\ud800"
    for number in range(FORGED):
        given = dice.choice(real)
        match dice.randrange(6):
            case 0:
                given = "".join(dice.choices(letters, k=dice.randrange(80)))
            case 1:
                at = dice.randrange(len(given) + 1)
                given = given[:at] + dice.choice(letters) + given[at:]
            case 2:
                at = dice.randrange(len(given) + 1)
                given = given[:at] + given[at + 1 :]
            case 3:
                parts = given.split(".")
                dice.shuffle(parts)
                given = ".".join(parts)
            case 4:
                at = dice.randrange(len(given) + 1)
                given = given[:at] + dice.choice(real)[at:]
        quoted = dice.choice([None, "", "\ud800", "what is this, tell me", "x" * 5000])
        shown = dice.choice(["", "what is this, tell me", "\0"])
        language = dice.choice(["en", "fr", "de", "nl", None, "xx"])
        turn = respond(
            Pressed(given, Person(language), quoted=quoted, shown=shown), assistant, TODAY
        )
        assert turn.replies or turn.notice, (SEED, number, given)
        check(turn)
        for reply in turn.replies:
            for key in (key for row in reply.rows for key in row):
                if isinstance(key, Tap) and len(real) < 3_000:
                    real.append(key.data)
