"""The real application under Telegram's errors, restarts and odd updates."""

import json
import logging
from datetime import date

import pytest
from phone import labels, phone_of, running

from bot.sandbox.bot_api import Fault
from bot.sandbox.server import serve
from bot.storage.store import NoStore
from bot.tg.sender import Sender

TODAY = date(2026, 11, 21)


async def test_a_button_works_after_a_restart(assistant, tmp_path):
    """The bot that drew the button is gone with all its memory; another takes the tap."""
    async with serve("127.0.0.1", 0) as sandbox:
        async with running(assistant, tmp_path, sandbox=sandbox) as (_, service):
            first = phone_of(sandbox, service, "en")
            await first.say("/object")
            await first.tap("Ireland")
            await first.tap("No, not yet")
        async with running(assistant, tmp_path, sandbox=sandbox) as (_, service):
            second = phone_of(sandbox, service, "en", first.chat)
            await second.tap("Instagram, Threads ⬜")
            (shown,) = [e for e in await second.tap("Continue") if e["type"] == "edit"]
            assert shown["message"]["text"].startswith("Step 4 of 8")


async def test_a_chosen_language_stays(assistant, tmp_path):
    """Chosen once, spoken after a restart and on /start, until it is forgotten."""
    async with serve("127.0.0.1", 0) as sandbox:
        async with running(assistant, tmp_path, sandbox=sandbox) as (_, service):
            first = phone_of(sandbox, service, "en")
            await first.say("/language")
            await first.tap("Français")
        async with running(assistant, tmp_path, sandbox=sandbox) as (_, service):
            second = phone_of(sandbox, service, "en", first.chat)
            await second.say("/start")
            assert "Commencer l’opposition" in labels(second.newest)
            await second.say("/forget")
            await second.say("/start")
            assert "Start my objection" in labels(second.newest)


@pytest.mark.parametrize(
    "fault",
    [Fault(code=500), Fault(code=403), Fault(code=429, retry_after=3_600), Fault(drop=True)],
    ids=["500", "blocked", "slow down", "dropped"],
)
async def test_after_an_error_of_telegram_the_bot_goes_on(assistant, tmp_path, fault):
    """One reply may be lost; the next question is answered."""
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        fault.method = "sendMessage"
        sandbox.api.faults.append(fault)
        await phone.say("is it too late?")
        shown = await phone.say("is it too late?")
        assert shown[-1]["message"]["text"].startswith("Too late to object?")


async def test_told_to_slow_down_it_waits_and_sends_once(assistant, tmp_path):
    """retry_after is obeyed, without sleeping in this test; the message arrives once."""
    waits = []

    async def wait(seconds):
        waits.append(seconds)

    async with running(assistant, tmp_path) as (sandbox, service):
        chat = sandbox.api.join("en")
        sandbox.api.faults.append(Fault(method="sendMessage", code=429, retry_after=7))
        sender = Sender(service.bot, sleep=wait)
        from bot.dialogue.events import Commanded
        from bot.dialogue.turn import respond
        from bot.tg.events import Origin

        await sender.carry_out(respond(Commanded("start"), assistant, TODAY), Origin(chat.id))
        assert waits == [7.0]
        assert len(chat.messages) == 1


async def test_an_edit_of_a_message_that_is_gone_becomes_a_new_one(assistant, tmp_path):
    """Deleted by the person: the step is shown afresh."""
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        await phone.say("/object")
        number, data = phone.find("Ireland")
        del phone.chat.messages[number]
        shown = await phone.press(number, data)
        assert [e["type"] for e in shown] == ["answer", "message"]
        assert shown[1]["message"]["text"].startswith("Step 2 of 8")


async def test_odd_updates_do_no_harm(assistant, tmp_path, caplog):
    """Photos, groups, other bots, no text: a kind word or silence, never an exception."""
    caplog.set_level(logging.ERROR)
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        person = {"id": phone.chat.id, "is_bot": False, "first_name": "You", "language_code": "en"}
        private = {"id": phone.chat.id, "type": "private"}
        base = {"message_id": 500, "date": 1, "chat": private, "from": person}
        photo = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]
        await sandbox.api.feed({"message": {**base, "photo": photo}})
        await sandbox.api.feed(
            {"message": {**base, "text": "x", "from": {**person, "is_bot": True}}}
        )
        await sandbox.api.feed(
            {"message": {**base, "text": "x", "chat": {"id": -5, "type": "group", "title": "g"}}}
        )
        await sandbox.api.feed({"message": {**base, "new_chat_title": "y"}})
        last = await sandbox.api.feed(
            {
                "callback_query": {
                    "id": "77",
                    "from": person,
                    "chat_instance": "1",
                    "game_short_name": "g",
                }
            }
        )
        await phone._after(last)
        texts = [m["text"] for m in phone.chat.messages.values()]
        assert [t for t in texts if t.startswith("I can only read text")]
        assert len(texts) <= 2
    assert not caplog.records


async def test_storage_that_fails_does_not_stop_the_conversation(assistant, tmp_path, caplog):
    """A full disk or a locked file: the answer comes all the same, without the text in the log."""

    class Full(NoStore):
        async def kept(self, _chat):
            raise OSError(28, "No space left on device")

        async def keep_language(self, _chat, _language, _day):
            raise OSError(28, "No space left on device")

    async with running(assistant, tmp_path, store=Full()) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        shown = await phone.say("is it too late?")
        assert shown[-1]["message"]["text"].startswith("Too late to object?")
        await phone.say("/language")
        shown = await phone.tap("Français")
        said = [event["message"]["text"] for event in shown if "message" in event]
        assert "n’a pas pu être enregistrée" in said[-1] or "pas" in said[-1]
    assert "storage" in caplog.text
    assert "too late" not in caplog.text


async def test_nothing_personal_reaches_the_log(assistant, tmp_path, caplog):
    """Neither token, text nor id in any line, at the finest level."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "telegram", "asyncio", "aiosqlite", "tornado"):
        logging.getLogger(name).setLevel(logging.WARNING)
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        await phone.say("my secret canary sentence about DMs")
        await phone.say("/object")
        lines = "\n".join(record.getMessage() for record in caplog.records)
        assert "update" in lines
        for secret in ("canary", sandbox.token, str(phone.chat.id), json.dumps("You")):
            assert secret not in lines
