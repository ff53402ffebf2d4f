"""The sandbox is strict where Telegram is strict, with Telegram's own words."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain import plain_client

from bot.sandbox import markup
from bot.sandbox.bot_api import BotApi, Fault
from bot.sandbox.markup import MarkupError
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


async def send(client, chat, method="sendMessage", **parameters):
    answer = await client.post(method, json={"chat_id": chat.id, **parameters})
    return answer.status_code, answer.json()


def keyboard(**button):
    return {"inline_keyboard": [[{"text": "x", **button}]]}


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": "  <b> </b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "x" * 4_097}, "message is too long"),
        ({"text": "𝔘" * 2_049}, "message is too long"),
        ({"text": "<b>x", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag corresponding to start tag \"b\" at byte offset 0"),
        ({"text": "é<x>", "parse_mode": "HTML"}, "can't parse entities: Unsupported start tag \"x\" at byte offset 2"),
        ({"text": "<b><i>x</b></i>", "parse_mode": "HTML"}, "can't parse entities: Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""),
        ({"text": "x</b>", "parse_mode": "HTML"}, "can't parse entities: Unexpected end tag at byte offset 1"),
        ({"text": "x", "parse_mode": "Markdown"}, "unsupported parse_mode"),
        ({"text": "x", "reply_markup": keyboard(callback_data="d" * 65)}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard(callback_data="é" * 33)}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard(callback_data="")}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": keyboard(copy_text={"text": "c" * 257})}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "x", "reply_markup": keyboard(copy_text={"text": ""})}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "x", "reply_markup": keyboard(url="javascript:alert(1)")}, "inline keyboard button URL 'javascript:alert(1)' is invalid: Unsupported URL protocol"),
        ({"text": "x", "reply_markup": keyboard()}, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        ({"text": "x", "chat_id": 7}, "chat not found"),
    ],
)  # fmt: skip
async def test_what_telegram_refuses_is_refused(client, chat, parameters, description):
    """Each limit has its error, word for word."""
    status, answer = await send(client, chat, **parameters)
    assert (status, answer["ok"], answer["error_code"]) == (400, False, 400)
    assert answer["description"] == f"Bad Request: {description}"


async def test_what_fits_is_taken(client, chat):
    """The limits themselves are still within."""
    for parameters in (
        {"text": "x" * 4_096},
        {"text": f"<b>{'x' * 4_096}</b>", "parse_mode": "HTML"},
        {"text": "x", "reply_markup": keyboard(callback_data="d" * 64)},
        {"text": "x", "reply_markup": json.dumps(keyboard(copy_text={"text": "c" * 256}))},
        {"text": "a &lt; b &#233; &unknown;", "parse_mode": "HTML"},
    ):
        status, answer = await send(client, chat, **parameters)
        assert status == 200, answer
    assert answer["result"]["text"] == "a < b é &unknown;"


async def test_edits_are_checked(client, chat):
    """Not modified, not found, not the bot's own."""
    _, sent = await send(client, chat, text="one", reply_markup=keyboard(callback_data="a"))
    number = sent["result"]["message_id"]
    edit = {"method": "editMessageText", "message_id": number}
    _, same = await send(client, chat, **edit, text="one", reply_markup=keyboard(callback_data="a"))
    assert same["description"].startswith("Bad Request: message is not modified: specified new")
    _, other = await send(
        client, chat, **edit, text="one", reply_markup=keyboard(callback_data="b")
    )
    assert other["ok"]
    _, gone = await send(client, chat, method="editMessageText", message_id=99, text="x")
    assert gone["description"] == "Bad Request: message to edit not found"
    _, long = await send(client, chat, **edit, text="x" * 4_097)
    assert long["description"] == "Bad Request: MESSAGE_TOO_LONG"


async def test_a_callback_query_is_answered_once(client, server, chat):
    """Unknown or answered twice: too old."""
    _, query = await server.api.press(chat, 1, "data")
    assert server.api.unanswered == {query}
    first = await client.post("answerCallbackQuery", json={"callback_query_id": query})
    again = await client.post("answerCallbackQuery", json={"callback_query_id": query})
    unknown = await client.post("answerCallbackQuery", json={"callback_query_id": "7"})
    assert first.json()["ok"]
    assert not server.api.unanswered
    for answer in (again, unknown):
        assert answer.json()["description"] == (
            "Bad Request: query is too old and response timeout expired or query ID is invalid"
        )


async def test_unknown_method_and_wrong_token(client, server):
    """404 for a method that is none, 401 for another's token."""
    unknown = await client.post("sendGift", json={})
    assert (unknown.status_code, unknown.json()["description"]) == (404, "Not Found")
    async with plain_client() as other:
        wrong = await other.post(f"{server.api_url}1:wrong/getMe")
    assert (wrong.status_code, wrong.json()["description"]) == (401, "Unauthorized")


async def test_updates_stay_until_they_are_confirmed(client, server, chat):
    """At least once: fetched again until an offset beyond them is asked for."""
    update = await server.api.say(chat, "hello")
    for _ in range(2):
        fetched = (await client.post("getUpdates", json={"timeout": 0})).json()["result"]
        assert [u["update_id"] for u in fetched] == [update]
    confirmed = await client.post("getUpdates", json={"offset": update + 1, "timeout": 0})
    assert confirmed.json()["result"] == []
    assert server.api.confirmed == update


async def test_faults_come_on_request(client, server, chat):
    """429 with retry_after, 500, a dropped connection: as often as asked, then no more."""
    async with plain_client() as other:
        asked = await other.post(
            f"{server.page_url}/faults",
            json={"method": "sendMessage", "code": 429, "retry_after": 3},
        )
    assert asked.status_code == 204
    status, answer = await send(client, chat, text="x")
    assert (status, answer["parameters"]) == (429, {"retry_after": 3})
    server.api.faults += [Fault(code=500), Fault(method="sendMessage", drop=True)]
    assert (await send(client, chat, text="x"))[0] == 500
    with pytest.raises(httpx.HTTPError):
        await send(client, chat, text="x")
    assert (await send(client, chat, text="x"))[0] == 200


async def test_a_page_elsewhere_cannot_reach_in(server):
    """A strange host name (DNS rebinding) and a foreign origin are refused."""
    async with plain_client() as client:
        rebound = await client.get(server.page_url, headers={"Host": "evil.example"})
        assert rebound.status_code == 403
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
            "Origin": "https://evil.example",
        }
        foreign = await client.get(f"{server.page_url}/chat", headers=upgrade)
        assert foreign.status_code == 403


async def test_a_taken_port_is_said_plainly(server):
    """The error names the port and what to do."""
    with pytest.raises(OSError, match=f"port {server.port} .*PORT={server.port + 1}"):
        async with serve("127.0.0.1", server.port):
            pass


@given(st.text(st.sampled_from("<>/bia&;lt=\"' x\n"), max_size=60))
def test_any_markup_parses_or_fails_politely(source):
    """The parser answers every text, and its entities lie within it."""
    try:
        parsed = markup.parse(source)
    except MarkupError:
        return
    length = markup.units(parsed.text)
    assert all(e["offset"] >= 0 and e["offset"] + e["length"] <= length for e in parsed.entities)


async def test_what_a_page_brings_along_is_taken_over():
    """After a restart of the server an old message can be pressed and edited again."""
    old, new = BotApi(), BotApi()
    chat = old.join("fr")
    message = await old.call("sendMessage", {"chat_id": chat.id, "text": "x"})
    again = new.join("fr", chat.id)
    new.adopt(again, [message, {"no": "message"}])
    edit = {"chat_id": again.id, "message_id": message["message_id"], "text": "y"}
    assert (await new.call("editMessageText", edit))["text"] == "y"
