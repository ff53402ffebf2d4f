"""Connections: whatever a request looks like, and however it arrives, it is answered in order."""

import asyncio
import json

import httpx
import pytest
from plain import plain_client

from bot.sandbox.bot_api import BotApi
from bot.sandbox.line import MAX_BODY
from bot.sandbox.server import serve


@pytest.fixture
async def server():
    async with serve("127.0.0.1", 0) as sandbox:
        yield sandbox


@pytest.fixture
def chat(server):
    return server.api.join("en")


@pytest.fixture
async def wire(server):
    """A connection on which tests write bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    yield reader, writer
    writer.close()


def request(server, method="sendMessage", body=b"", extra=(), verb="POST"):
    lines = [
        f"{verb} /bot{server.token}/{method} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        *extra,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def message(chat, text="x"):
    return json.dumps({"chat_id": chat.id, "text": text}).encode()


async def answer(reader):
    """Status and JSON of the next answer."""
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(fields["content-length"]))
    return int(head.split()[1]), json.loads(body)


async def test_a_request_may_arrive_byte_by_byte(server, chat, wire):
    """And the next one after it, on the same connection."""
    reader, writer = wire
    whole = request(server, body=message(chat, "é"))
    for place in range(len(whole)):
        writer.write(whole[place : place + 1])
        await writer.drain()
        await asyncio.sleep(0)
    assert (await answer(reader))[1]["result"]["text"] == "é"
    writer.write(request(server, "getMe"))
    assert (await answer(reader))[0] == 200


async def test_requests_in_one_go_are_answered_in_their_order(server, chat, wire):
    """Also when the first takes longer, and when one is for somebody else."""
    reader, writer = wire
    server.api.latency_s = 0.01
    texts = [str(number) for number in range(5)]
    writer.write(b"".join(request(server, body=message(chat, text)) for text in texts))
    for text in texts:
        assert (await answer(reader))[1]["result"]["text"] == text
    page = b"GET /calls HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    writer.write(request(server, "getMe") + page + request(server, "getMe"))
    first, second, third = [await answer(reader) for _ in range(3)]
    assert first == third
    assert second[1]["calls"]["sendmessage"] == 5


@pytest.mark.parametrize(
    "extra",
    [["Connection: close"], ["Expect: 100-continue"], ["X-A: 1", "X-A: 2"], ["X: " + "y" * 20_000]],
    ids=["close", "expect", "twice", "long"],
)
async def test_odd_headers_are_no_hindrance(server, chat, wire, extra):
    """They only take the longer way."""
    reader, writer = wire
    writer.write(request(server, body=message(chat), extra=extra))
    if extra[0].startswith("Expect"):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    assert (await answer(reader))[1]["result"]["text"] == "x"
    if extra[0].endswith("close"):
        assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_a_body_in_pieces_is_put_together(server, chat):
    """Transfer-Encoding: chunked, as some clients send it."""

    async def pieces():
        yield message(chat)[:7]
        yield message(chat)[7:]

    async with plain_client() as client:
        got = await client.post(
            f"{server.api_url}{server.token}/sendMessage",
            content=pieces(),
            headers={"Content-Type": "application/json"},
        )
    assert got.json()["result"]["text"] == "x"


async def test_one_connection_serves_calls_pages_and_files(server, chat):
    """A client may use the connection that it has for anything."""
    only_one = httpx.Limits(max_connections=1)
    async with plain_client(base_url=server.page_url, limits=only_one) as client:
        call = f"/bot{server.token}"
        body = b"x" * (MAX_BODY + 1)
        for size in (5, len(body)):
            given = {"data": {"chat_id": chat.id}, "files": {"document": ("a.txt", body[:size])}}
            sent = (await client.post(f"{call}/sendDocument", **given)).json()["result"]
            assert sent["document"]["file_size"] == size
            file = await client.get(f"/files/{sent['document']['file_id']}")
            assert file.content == body[:size]
        assert "<!doctype html>" in (await client.get("/")).text
        assert (await client.get(f"{call}/getMe")).json()["ok"]
        assert (await client.put(f"{call}/getMe")).status_code == 404
        query = {"chat_id": chat.id, "text": "from the address: é&=+"}
        sent = (await client.get(f"{call}/sendMessage", params=query)).json()
        assert sent["result"]["text"] == query["text"]


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"POST /bot", b"\r\n\r\n", b"\x16\x03\x01\x00", b""]
)
async def test_what_is_no_request_does_no_harm(server, wire, sent):
    """Answered with an error or closed; others are served."""
    reader, writer = wire
    writer.write(sent)
    writer.write_eof()
    got = await asyncio.wait_for(reader.read(), 10)
    assert got == b"" or b" 400 " in got.splitlines()[0]
    async with plain_client() as client:
        assert (await client.get(f"{server.api_url}{server.token}/getMe")).status_code == 200


async def test_a_call_is_carried_out_although_the_bot_waits_no_longer(server, chat, wire):
    """As at Telegram's: who gave up cannot know whether it arrived."""
    server.api.latency_s = 0.05
    arrived = asyncio.Event()
    chat.listeners.append(lambda _: arrived.set())
    _, writer = wire
    writer.write(request(server, body=message(chat)))
    await writer.drain()
    writer.close()
    await asyncio.wait_for(arrived.wait(), 10)


class Watched(BotApi):
    """Notes when a call begins, and when it is over."""

    def __init__(self):
        super().__init__()
        self.began, self.ended = asyncio.Event(), asyncio.Event()

    async def call(self, method, given):
        self.began.set()
        try:
            return await super().call(method, given)
        finally:
            self.ended.set()


async def test_a_request_for_updates_ends_with_its_connection():
    """Nobody waits in its place; the next request gets what comes."""
    api = Watched()
    async with serve("127.0.0.1", 0, api) as server, plain_client() as client:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request(server, "getUpdates", b'{"timeout": 50}'))
        await asyncio.wait_for(api.began.wait(), 10)
        assert not api.ended.is_set()
        writer.close()
        await asyncio.wait_for(api.ended.wait(), 10)
        number = await api.say(api.join("en"), "x")
        got = (await client.get(f"{server.api_url}{server.token}/getUpdates")).json()["result"]
    assert [update["update_id"] for update in got] == [number]
