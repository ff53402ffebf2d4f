"""The whole service against the sandbox: what comes in, in which order, and how it ends."""

import asyncio
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from phone import TODAY, labels, phone_of, running

from bot.dialogue.administering import State
from bot.dialogue.reminding import Reminder
from bot.metrics import Metrics
from bot.sandbox.bot_api import Fault
from bot.sandbox.server import serve
from bot.settings import Secret, Settings
from bot.storage.sqlite import open_store
from bot.tg.conversation import Surroundings
from bot.tg.ending import Ending
from bot.tg.inbox import Inbox

SOON = datetime(2026, 12, 1, 9, tzinfo=UTC)


def texts(shown):
    return [e["message"]["text"] for e in shown if e["type"] in {"message", "edit"}]


# What comes in


async def test_an_update_that_comes_twice_is_answered_once(assistant, tmp_path):
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        person = {"id": phone.chat.id, "is_bot": False, "first_name": "You", "language_code": "en"}
        chat = {"id": phone.chat.id, "type": "private"}
        message = {"message_id": 7, "date": int(time.time()), "chat": chat, "from": person}
        update = {"update_id": 900_000_001, "message": {**message, "text": "is it too late?"}}
        await sandbox.api.feed(dict(update))
        last = await sandbox.api.feed(dict(update))
        shown = await phone._after(last)
        assert len(texts(shown)) == 1


async def test_what_waited_in_an_outage_is_answered_while_fresh_and_once_excused_after_an_hour(
    assistant, tmp_path
):
    """Five old messages of one chat get one short notice; a fresh one gets its answer."""
    async with serve("127.0.0.1", 0) as sandbox:
        old, fresh = sandbox.api.join("en"), sandbox.api.join("en")
        for _ in range(5):
            await sandbox.api.say(old, "is it too late?", date=time.time() - 2 * 3_600)
        last = await sandbox.api.say(fresh, "is it too late?", date=time.time() - 600)
        async with running(assistant, tmp_path, sandbox=sandbox) as (_, service):
            await sandbox.api.settled(last)
            await service.join()
            said = [m["text"] for m in old.messages.values() if m["from"]["is_bot"]]
            assert len(said) == 1
            assert "ask again" in said[0].lower() or "again" in said[0].lower()
            answer = [m["text"] for m in fresh.messages.values() if m["from"]["is_bot"]]
            assert answer[0].startswith("Too late to object?")


async def test_a_clock_that_is_a_year_off_silences_nobody(assistant, tmp_path):
    """Ahead or behind: Telegram keeps updates for a day, so such an age is the clock's fault."""
    for off in (timedelta(days=365), timedelta(days=-365)):
        around = Surroundings(today=lambda: TODAY, now=lambda off=off: datetime.now(UTC) + off)
        async with running(assistant, tmp_path, around=around) as (sandbox, service):
            phone = phone_of(sandbox, service, "en")
            assert texts(await phone.say("is it too late?"))[0].startswith("Too late to object?")


async def test_a_poisoned_update_holds_nobody_up(assistant, tmp_path):
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        await sandbox.api.feed({"message": {"message_id": "x", "chat": 5}})
        assert texts(await phone.say("is it too late?"))[0].startswith("Too late to object?")


# Who blocks the bot


@pytest.mark.parametrize("how", ["told", "found out"])
async def test_of_who_blocks_the_bot_nothing_is_kept(assistant, tmp_path, how):
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        await phone.say("/language")
        await phone.tap("Français")
        store = service._parts.store
        await store.remind(phone.chat.id, Reminder("check", SOON, "fr"))
        if how == "told":
            await phone._after(await sandbox.api.block(phone.chat))
        else:
            sandbox.api.faults.append(Fault("sendMessage", code=403))
            await phone.say("/start")
        kept = await store.kept(phone.chat.id)
        assert (kept.language, kept.reminders) == (None, ())


# Groups


async def test_in_a_group_the_bot_answers_when_it_is_meant_and_leads_into_a_private_chat(
    assistant, tmp_path
):
    async with running(assistant, tmp_path) as (sandbox, service):
        group, person = sandbox.api.group("Neighbours"), sandbox.api.join("en")
        name = service.bot.username

        async def after(update):
            await sandbox.api.settled(update)
            await service.join()
            return [m for m in group.messages.values() if m["from"]["is_bot"]]

        assert not await sandbox.api.say(group, "is it too late?", sender=person)
        question = f"@{name} is it too late to object?"
        (answer,) = await after(await sandbox.api.say(group, question, sender=person))
        assert "Too late to object?" in answer["text"]
        keys = [key for row in answer["reply_markup"]["inline_keyboard"] for key in row]
        assert [sorted(key) for key in keys] == [["text", "url"]], "one link, nothing to press"
        assert keys[0]["url"] == f"https://t.me/{name}?start=deadline"
        replied = await sandbox.api.say(
            group, "and are my DMs used?", sender=person, reply_to=answer["message_id"]
        )
        said = await after(replied)
        assert len(said) == 2
        said = await after(await sandbox.api.say(group, f"/object@{name}", sender=person))
        assert len(said) == 3
        assert not await service._parts.store.language(group.id)


async def test_a_forged_press_in_a_group_opens_nothing(assistant, tmp_path):
    async with running(assistant, tmp_path) as (sandbox, service):
        group, person = sandbox.api.group("Neighbours"), sandbox.api.join("en")
        update, _ = await sandbox.api.press(group, 1, "1.en.p.mydata", sender=person)
        await sandbox.api.settled(update)
        await service.join()
        assert not [m for m in group.messages.values() if m["from"]["is_bot"]]


# The host


class Desk:
    """A host that notes what it was asked."""

    def __init__(self):
        self.asked = []

    async def stats(self):
        self.asked.append("stats")
        return ["deadline: 12"]

    async def state(self):
        self.asked.append("state")
        return State(datetime(2026, 11, 21, 9, 5, tzinfo=UTC), "polling", 4.0)

    async def reload(self):
        self.asked.append("reload")
        return ["faq/en/data.yaml:3: no title"]


async def test_only_the_host_s_people_give_the_host_s_commands(assistant, tmp_path):
    async with serve("127.0.0.1", 0) as sandbox:
        admin, other = sandbox.api.join("en"), sandbox.api.join("en")
        desk = Desk()
        around = Surroundings(today=lambda: TODAY, admins=frozenset({admin.id}), host=desk)
        async with running(assistant, tmp_path, sandbox=sandbox, around=around) as (_, service):
            stranger = phone_of(sandbox, service, "en", other)
            for command in ("/stats", "/state", "/reload"):
                shown = texts(await stranger.say(command))
                assert "deadline: 12" not in shown[0]
            assert desk.asked == []
            boss = phone_of(sandbox, service, "en", admin)
            assert "deadline: 12" in texts(await boss.say("/stats"))[0]
            assert "09:05" in texts(await boss.say("/state"))[0]
            assert "faq/en/data.yaml:3" in texts(await boss.say("/reload"))[0]
            group = sandbox.api.group("Neighbours")
            name = service.bot.username
            await sandbox.api.settled(await sandbox.api.say(group, f"/stats@{name}", sender=admin))
            await service.join()
            assert desk.asked == ["stats", "state", "reload"], "not where others read along"


# A question for the team


async def test_a_question_is_kept_after_the_second_tap_and_without_a_person(assistant, tmp_path):
    async with running(assistant, tmp_path) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        question = "can my parrot ride a bicycle, write me at polly@example.org"
        await phone.say(question)
        store = service._parts.store
        give = next(label for label in labels(phone.newest) if "team" in label.lower())
        shown = texts(await phone.tap(give))
        assert "can my parrot ride a bicycle" in shown[0]
        assert "polly" not in shown[0]
        assert await store.questions() == []
        yes = next(label for label in labels(phone.newest) if "yes" in label.lower())
        number, data = phone.find(yes)
        thanked = texts(await phone.press(number, data))
        assert texts(await phone.press(number, data)) in ([], thanked), "a double tap asks nothing"
        (kept,) = await store.questions()
        assert kept.text.startswith("can my parrot ride a bicycle")
        assert "polly" not in kept.text
        assert kept.until == TODAY + timedelta(days=90)


# How it ends


async def ending(assistant, folder, fault):
    """How the service ends under a fault of getUpdates."""
    async with running(assistant, folder) as (sandbox, service):
        sandbox.api.faults.append(fault)
        await sandbox.api.say(sandbox.api.join("en"), "x")
        return await service.working


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        (Fault("getUpdates", code=401), Ending.REFUSED),
        (Fault("getUpdates", code=409), Ending.CONFLICT),
    ],
    ids=["token refused", "another instance"],
)
async def test_it_ends_when_it_cannot_go_on(assistant, tmp_path, fault, how):
    assert await ending(assistant, tmp_path, fault) is how


async def test_a_dead_poller_ends_it(assistant, tmp_path, caplog):
    """The library would say that it is running, and hear nothing ever again."""

    class Dying(Inbox):
        def take(self, _update):
            raise RuntimeError("somebody's words")

    async with running(assistant, tmp_path, inbox=Dying()) as (sandbox, service):
        await sandbox.api.say(sandbox.api.join("en"), "x")
        assert await service.working is Ending.DEAF
    assert "started anew" in caplog.text


async def test_an_unreachable_telegram_is_waited_for(assistant, tmp_path):
    async with serve("127.0.0.1", 0) as sandbox:
        sandbox.api.faults.append(Fault("getMe", code=502))
        async with running(assistant, tmp_path, sandbox=sandbox) as (_, service):
            phone = phone_of(sandbox, service, "en")
            assert texts(await phone.say("is it too late?"))


async def test_told_to_stop_it_finishes_what_it_began_and_nothing_is_answered_twice(
    assistant, tmp_path
):
    async with serve("127.0.0.1", 0) as sandbox:
        chats = [sandbox.api.join("en") for _ in range(30)]
        sandbox.api.latency_s = 0.05
        async with running(assistant, tmp_path, sandbox=sandbox) as (_, service):
            first = asyncio.Event()
            for chat in chats:
                await sandbox.api.say(chat, "is it too late?")
                chat.listeners.append(lambda _event: first.set())
            await first.wait()
        sandbox.api.latency_s = 0.0
        async with running(assistant, tmp_path, sandbox=sandbox) as (_, service):
            last = await sandbox.api.say(sandbox.api.join("en"), "x")
            await sandbox.api.settled(last)
            await service.join()
        said = [sum(m["from"]["is_bot"] for m in chat.messages.values()) for chat in chats]
        assert said == [1] * 30


# Brought instead of fetched


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_over_a_webhook_the_same_conversation(assistant, tmp_path):
    port = free_port()
    settings = replace(
        Settings(),
        port=port,
        webhook_url=f"http://127.0.0.1:{port}/telegram",
        webhook_secret=Secret("shown-by-telegram"),
    )
    async with running(assistant, tmp_path, settings=settings) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        assert texts(await phone.say("is it too late?"))[0].startswith("Too late to object?")
        await phone.say("/object")
        shown = await phone.tap("Ireland")
        assert [e["type"] for e in shown if e["type"] == "edit"]


async def test_a_chosen_language_is_kept_and_a_metric_counts_without_people(assistant, tmp_path):
    around = Surroundings(today=lambda: TODAY, metrics=Metrics())
    async with running(assistant, tmp_path, around=around) as (sandbox, service):
        phone = phone_of(sandbox, service, "en")
        await phone.say("is it too late?")
    value = around.metrics.registry.get_sample_value(
        "optout_updates_total", {"kind": "asked", "outcome": "answer"}
    )
    assert value == 1
    async with open_store(tmp_path) as store:
        assert await store.counts() == {} or all("1" not in t.topic for t in await store.counts())
