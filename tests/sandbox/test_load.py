"""The sandbox under load: fed and watched from another process."""

import json
import signal
import subprocess
import sys

import httpx
import pytest
from plain import plain_client

from bot.sandbox.figures import Figures
from bot.sandbox.pace import measure
from bot.sandbox.server import serve

PERSON = {"id": 4_242, "is_bot": False, "first_name": "You", "language_code": "de"}
CHAT = {"id": 4_242, "type": "private"}


def message(number, text="is it too late?", **more):
    return {"message_id": number, "date": 1, "chat": CHAT, "from": PERSON, "text": text, **more}


@pytest.fixture
async def server():
    async with serve("127.0.0.1", 0) as sandbox:
        yield sandbox


@pytest.fixture
async def client(server):
    async with plain_client(base_url=server.page_url) as client:
        yield client


async def test_many_updates_are_fed_at_once(server, client):
    """Their chats and messages are known then: the bot can answer, reply, edit and be pressed."""
    bots = {**message(5, "Choose"), "from": {"id": 1, "is_bot": True, "first_name": "B"}}
    query = {"id": "9", "from": PERSON, "chat_instance": "1", "data": "x", "message": bots}
    updates = [{"message": message(n)} for n in (3, 4)] + [{"callback_query": query}]
    answer = (await client.post("/load", json={"updates": updates})).json()
    assert answer["pending"] == 3
    got = await server.api.call("getUpdates", {})
    assert [update["update_id"] for update in got] == answer["update_ids"]
    assert [next(iter(update.keys() - {"update_id"})) for update in got] == [
        "message", "message", "callback_query",
    ]  # fmt: skip
    chat = server.api.chats[4_242]
    assert (chat.language, chat.kind) == ("de", "private")
    given = {"chat_id": 4_242, "text": "x"}
    sent = await server.api.call("sendMessage", {**given, "reply_parameters": {"message_id": 3}})
    assert (sent["message_id"], sent["reply_to_message"]["message_id"]) == (6, 3)
    await server.api.call("editMessageText", {**given, "message_id": 5})
    assert await server.api.call("answerCallbackQuery", {"callback_query_id": "9"})


async def test_a_groups_updates_can_be_fed(server, client):
    """The group is one then."""
    chat = {"id": -1_001_234, "type": "supergroup", "title": "Photo club"}
    update = {"update_id": 77, "message": {**message(1), "chat": chat}}
    answer = (await client.post("/load", json={"updates": [update]})).json()
    assert answer["update_ids"] == [77]
    assert server.api.chats[-1_001_234].described == chat


async def test_updates_can_be_fed_over_a_time(server, client):
    """They count as waiting at once; what the bot sets about webhooks does not stop them."""
    updates = [{"message": message(n)} for n in range(1, 21)]
    answer = (await client.post("/load", json={"updates": updates, "over_s": 0.1})).json()
    assert (answer["update_ids"], answer["pending"]) == ([], 20)
    assert server.api.chats[4_242].messages
    await server.api.call("deleteWebhook", {})
    got, polls = [], 0
    while len(got) < 20:
        offset = got[-1]["update_id"] + 1 if got else 0
        got += await server.api.call("getUpdates", {"offset": offset, "timeout": 20})
        polls += 1
    assert [update["message"]["message_id"] for update in got] == list(range(1, 21))
    assert polls > 1, "not all at once"
    await server.api.call("getUpdates", {"offset": got[-1]["update_id"] + 1})
    assert (await client.get("/calls")).json()["pending"] == 0


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "{}",
        '{"updates": 5}',
        '{"updates": [5]}',
        '{"updates": [5], "over_s": 1}',
        *(
            f'{{"updates": [], "over_s": {odd}}}'
            for odd in ('"x"', "-1", "NaN", "1e9", "1" + "0" * 400, "null")
        ),
    ],
)
async def test_what_is_no_load_is_refused(client, body):
    """400, and the server goes on."""
    answer = await client.post("/load", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert (await client.get("/calls")).status_code == 200


async def test_a_page_elsewhere_cannot_drive_it(client):
    """What a form or plain text can do without asking is not enough; strange host names never."""
    for path in ("/load", "/faults"):
        answer = await client.post(path, content="{}", headers={"Content-Type": "text/plain"})
        assert answer.status_code == 415
        assert (
            await client.post(path, json={}, headers={"Host": "evil.example"})
        ).status_code == 403
    assert (await client.get("/calls", headers={"Host": "evil.example"})).status_code == 403


async def test_only_on_the_own_machine_can_it_be_driven():
    """Where the page is served to others, nobody sees ids or asks for faults."""
    async with serve("0.0.0.0", 0) as sandbox, plain_client() as client:  # noqa: S104
        for path in ("/load", "/faults", "/calls"):
            assert (await client.get(f"{sandbox.page_url}{path}")).status_code == 404
            assert (await client.post(f"{sandbox.page_url}{path}", json={})).status_code == 404


async def test_the_figures_say_what_was_called_and_who_waits(server, client):
    """Calls and errors by method, the first answer in each chat, when the bot spoke last."""
    await client.post("/load", json={"updates": [{"message": message(1)}]})
    waiting = (await client.get("/calls")).json()
    assert (waiting["waiting"], waiting["pending"], waiting["answers"]["count"]) == (1, 1, 0)
    url = f"/bot{server.token}"
    for given in ({"chat_id": 4_242, "text": "x"}, {"chat_id": 4_242}, {"chat_id": 7, "text": "x"}):
        await client.post(f"{url}/sendMessage", json=given)
    figures = (await client.get("/calls")).json()
    assert figures["calls"] == {"sendmessage": 3}
    assert figures["errors"] == {"sendmessage 400": 2}
    assert (figures["waiting"], figures["answers"]["count"]) == (0, 1)
    assert list(figures["last_call"]) == ["4242"]
    assert (await client.delete("/calls")).status_code == 204
    assert (await client.get("/calls")).json()["calls"] == {}


def test_waits_are_counted_from_the_first_update_to_the_first_answer():
    """In each chat; quantiles and a histogram whose steps hold all below them."""
    now = 0.0
    figures = Figures(clock=lambda: now, now=lambda: 1_000.0 + now)
    for chat in range(100):
        now = 0.0
        figures.asked(chat)
        now = 0.005
        figures.asked(chat)  # impatient
        now = (chat + 1) / 100
        figures.answered(chat)
        figures.answered(chat)  # a second message
    answers = figures.described()["answers"]
    assert answers["count"] == 100
    assert (answers["p50_s"], answers["p95_s"], answers["p99_s"]) == (0.51, 0.96, 1.0)
    assert answers["max_s"] == 1.0
    assert [answers["histogram"][bound] for bound in ("0.01", "0.1", "1.0", "+Inf")] == [
        1, 10, 100, 100,
    ]  # fmt: skip
    assert figures.described()["last_call"]["99"] == 1_001.0


def test_it_runs_as_a_process_of_its_own():
    """One line of JSON says where; calls take the latency asked for; SIGTERM ends it well."""
    with subprocess.Popen(
        [sys.executable, "-m", "bot.sandbox", "--port", "0", "--latency-ms", "40"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            where = json.loads(process.stdout.readline())
            answer = httpx.post(f"{where['api_url']}{where['token']}/getMe", timeout=20)
            assert answer.json()["result"]["is_bot"]
            assert answer.elapsed.total_seconds() >= 0.04
        finally:
            process.send_signal(signal.SIGTERM)
            said, errors = process.communicate(timeout=20)
    assert (process.returncode, said, errors) == (0, "", "")


async def test_it_measures_itself():
    """Every call was carried out; how fast depends on the machine."""
    figures = await measure(100)
    assert figures["calls"] == 100
    assert figures["calls_per_second"] > 0
    assert 0 < figures["cpu_ms_per_call"] < 100
