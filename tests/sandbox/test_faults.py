"""Faults on request: which calls they strike, what the bot sees, what was carried out."""

import asyncio
import time

import httpx
import pytest
from plain import plain_bot, plain_client
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
)

from bot.sandbox.bot_api import ApiError, BotApi, Fault, Limits
from bot.sandbox.server import serve


@pytest.fixture
async def server():
    async with serve("127.0.0.1", 0) as sandbox:
        yield sandbox


@pytest.fixture
async def client(server):
    async with plain_client(base_url=f"{server.api_url}{server.token}/") as client:
        yield client


@pytest.fixture
def chat(server):
    return server.api.join("en")


async def send(client, chat, text="x"):
    answer = await client.post("sendMessage", json={"chat_id": chat.id, "text": text})
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("fault", "status", "description"),
    [
        (Fault(code=400), 400, "Bad Request"),
        (Fault(code=401), 401, "Unauthorized"),
        (Fault(code=403), 403, "Forbidden: bot was blocked by the user"),
        (Fault(code=403, description="Forbidden: user is deactivated"), 403, "Forbidden: user is deactivated"),
        (Fault(code=409), 409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"),
        (Fault(code=413), 413, "Request Entity Too Large"),
        (Fault(code=429, retry_after=9), 429, "Too Many Requests: retry after 9"),
        (Fault(code=429, description="Flood"), 429, "Flood"),
        (Fault(code=500), 500, "Internal Server Error"),
        (Fault(code=502), 502, "Bad Gateway"),
        (Fault(code=504), 504, "Gateway Timeout"),
        (Fault(migrate_to=-1001), 400, "Bad Request: group chat was upgraded to a supergroup chat"),
    ],
)  # fmt: skip
async def test_an_error_has_telegrams_words_or_those_asked_for(
    server, client, chat, fault, status, description
):
    """And the call is not carried out."""
    server.api.faults.append(fault)
    answered, answer = await send(client, chat)
    assert (answered, answer["error_code"], answer["description"]) == (status, status, description)
    assert not chat.messages
    assert (await send(client, chat))[0] == 200


async def test_errors_say_what_the_bot_needs_to_know(server, client, chat):
    """When to come again; where the group is now."""
    server.api.faults += [Fault(code=429, retry_after=9), Fault(migrate_to=-1001)]
    assert (await send(client, chat))[1]["parameters"] == {"retry_after": 9}
    assert (await send(client, chat))[1]["parameters"] == {"migrate_to_chat_id": -1001}


async def test_so_many_calls_pass_first_and_so_many_are_struck(server, client, chat):
    """`after` and `times`; other methods do not count."""
    server.api.faults.append(Fault("sendMessage", 500, after=2, times=2))
    await client.post("getMe")
    seen = [(await send(client, chat))[0] for _ in range(6)]
    assert seen == [200, 200, 500, 500, 200, 200]
    assert not server.api.faults


@pytest.mark.parametrize("times", [0, -1])
async def test_a_fault_for_ever_ends_when_it_is_taken_away(server, client, chat, times):
    """Here by DELETE /faults, as another process would."""
    server.api.faults.append(Fault("sendMessage", 500, times=times))
    assert {(await send(client, chat))[0] for _ in range(5)} == {500}
    async with plain_client() as other:
        assert (await other.delete(f"{server.page_url}/faults")).status_code == 204
    assert (await send(client, chat))[0] == 200


async def test_faults_for_all_methods_leave_the_updates_alone(server, client):
    """getUpdates is struck by name only, whatever its case."""
    server.api.faults.append(Fault(code=500))
    assert (await client.post("getUpdates")).status_code == 200
    server.api.faults.append(Fault("GetUpdates", 409))
    assert (await client.post("getUpdates")).status_code == 409
    assert len(server.api.faults) == 1


@pytest.mark.parametrize(
    ("drop", "arrived"), [(True, 0), ("before", 0), ("after", 1)], ids=["true", "before", "after"]
)
async def test_a_dropped_connection_leaves_the_bot_in_doubt(server, client, chat, drop, arrived):
    """Before: nothing was sent; after: it has arrived, and only the answer is lost."""
    server.api.faults.append(Fault("sendMessage", drop=drop))
    with pytest.raises(httpx.RemoteProtocolError):
        await send(client, chat)
    assert len(chat.messages) == arrived
    assert (await send(client, chat))[0] == 200


async def test_a_gateways_page_comes_in_place_of_json(server, client, chat):
    """With 200 or with its code; nothing was carried out."""
    server.api.faults += [Fault(body="not json"), Fault(body="not json", code=502)]
    for status in (200, 502):
        answer = await client.post("sendMessage", json={"chat_id": chat.id, "text": "x"})
        assert (answer.status_code, answer.text[:6]) == (status, "<html>")
    assert not chat.messages


async def test_half_an_answer_comes_after_the_call_was_carried_out(server, client, chat):
    """The message is there; its answer is no JSON."""
    server.api.faults.append(Fault(body="truncated"))
    answer = await client.post("sendMessage", json={"chat_id": chat.id, "text": "x"})
    assert answer.text.startswith('{"ok": true')
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        answer.json()
    assert len(chat.messages) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("getUpdates", 401), InvalidToken),
        (Fault("getUpdates", 409), Conflict),
        (Fault("getUpdates", 500), NetworkError),
        (Fault("getUpdates", drop=True), NetworkError),
        (Fault("getUpdates", drop="after"), NetworkError),
        (Fault("getUpdates", body="not json"), TelegramError),
        (Fault("getUpdates", body="truncated"), TelegramError),
        (Fault("sendMessage", 403), Forbidden),
        (Fault("sendMessage", 400, description="Bad Request: chat not found"), BadRequest),
        (Fault("sendMessage", migrate_to=-1001), ChatMigrated),
    ],
    ids=str,
)
async def test_python_telegram_bot_sees_each_fault_for_what_it_is(server, chat, fault, error):
    """Its exception; and no update is lost by it: it comes with the next request."""
    server.api.faults.append(fault)
    number = await server.api.say(chat, "hello")
    async with plain_bot(server.token, base_url=server.api_url) as bot:
        call = bot.get_updates() if fault.method == "getUpdates" else bot.send_message(chat.id, "x")
        with pytest.raises(error):
            await call
        assert [update.update_id for update in await bot.get_updates()] == [number]


async def test_every_call_takes_its_time_beside_the_others(server, client, chat):
    """Ten calls of 0.2 s at once take far less than 2 s; a fault's latency adds to it."""
    server.api.latency_s = 0.2
    server.api.faults.append(Fault("getMe", latency_s=0.1))
    began = time.monotonic()
    calls = [send(client, chat) for _ in range(10)]
    answers = await asyncio.gather(*calls)
    took = time.monotonic() - began
    assert {status for status, _ in answers} == {200}
    assert 0.2 <= took < 1.5
    began = time.monotonic()
    await client.post("getMe")
    assert time.monotonic() - began >= 0.3


# -- limits of rate --------------------------------------------------------------------------------


class Clock:
    """A time that tests set."""

    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


async def outcome(api, chat, method="sendMessage", **given):
    try:
        await api.call(method, {"chat_id": chat.id, "text": "x", **given})
    except ApiError as error:
        return error.code, error.parameters
    return 200, {}


async def test_without_limits_any_number_is_taken():
    """Off unless a test asks for them."""
    api = BotApi(clock=Clock())
    chat = api.join("en")
    assert {(await outcome(api, chat))[0] for _ in range(200)} == {200}


async def test_a_chat_takes_so_many_messages_a_second():
    """Beyond that 429 with the whole seconds to wait; other chats go on; after it, it works."""
    clock = Clock()
    api = BotApi(clock=clock)
    api.limits = Limits(per_chat_per_second=0.5)
    one, other = api.join("en"), api.join("en")
    assert await outcome(api, one) == (200, {})
    assert await outcome(api, one) == (429, {"retry_after": 2})
    assert await outcome(api, other) == (200, {})
    clock.now += 1.9
    assert await outcome(api, one) == (429, {"retry_after": 1})
    clock.now += 0.1
    assert await outcome(api, one) == (200, {})
    assert len(one.messages) == 2


async def test_all_chats_together_take_so_many_a_second():
    """A burst of a second's worth, then as fast as it refills. Edits count, answers to buttons do not."""
    clock = Clock()
    api = BotApi(clock=clock)
    api.limits = Limits(overall_per_second=3)
    chats = [api.join("en") for _ in range(5)]
    assert [(await outcome(api, chat))[0] for chat in chats] == [200, 200, 200, 429, 429]
    edit = {"method": "editMessageText", "message_id": 1, "text": "y"}
    assert (await outcome(api, chats[0], **edit))[0] == 429
    assert chats[0].messages[1]["text"] == "x"
    _, query = await api.press(chats[0], 1, "x")
    assert await api.call("answerCallbackQuery", {"callback_query_id": query})
    clock.now += 1 / 3
    assert (await outcome(api, chats[0], **edit))[0] == 200
    assert (await outcome(api, chats[1]))[0] == 429


# -- time ----------------------------------------------------------------------------------------


async def test_messages_carry_the_time_of_the_clock_or_the_one_given():
    """Sent now, edited later, said hours ago."""
    clock = Clock()
    api = BotApi(clock=clock)
    chat = api.join("en")
    await api.say(chat, "now")
    await api.say(chat, "hours ago", date=clock.now - 7_200)
    assert [message["date"] for message in chat.messages.values()] == [1_000_000, 992_800]
    sent = await api.call("sendMessage", {"chat_id": chat.id, "text": "x"})
    clock.now += 60
    edit = {"chat_id": chat.id, "message_id": sent["message_id"], "text": "y"}
    edited = await api.call("editMessageText", edit)
    assert (edited["date"], edited["edit_date"]) == (1_000_000, 1_000_060)


async def test_a_callback_query_can_be_answered_for_a_quarter_of_an_hour():
    """Then it is too old, as after an answer."""
    clock = Clock()
    api = BotApi(clock=clock)
    chat = api.join("en")
    queries = [(await api.press(chat, 1, "x"))[1] for _ in range(2)]
    clock.now += 15 * 60
    assert await api.call("answerCallbackQuery", {"callback_query_id": queries[0]})
    clock.now += 1
    with pytest.raises(ApiError) as caught:
        await api.call("answerCallbackQuery", {"callback_query_id": queries[1]})
    assert caught.value.description == (
        "Bad Request: query is too old and response timeout expired or query ID is invalid"
    )
