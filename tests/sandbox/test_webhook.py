"""Updates that are brought to the bot: posted as Telegram posts them, until they are taken."""

import asyncio
import json
import socket

import pytest
from plain import plain_client
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from bot.sandbox.bot_api import ApiError, BotApi
from bot.sandbox.server import serve


class Receiver:
    """A bot's end of a webhook: notes what comes, answers as it is told."""

    def __init__(self):
        self.bodies: list[bytes] = []
        self.headers: list = []
        self.statuses: list[int] = []
        """What is answered next; then 200."""
        self.holding: asyncio.Event | None = None
        """While it is there and not set, nothing is answered."""
        self.open = self.most = 0
        self.came = asyncio.Event()
        self.url = ""

    async def until(self, number):
        """Wait until so many posts have come."""
        async with asyncio.timeout(10):
            while len(self.bodies) < number:
                self.came.clear()
                await self.came.wait()

    @property
    def texts(self):
        return [json.loads(body)["message"]["text"] for body in self.bodies]


class Handler(RequestHandler):
    def initialize(self, receiver):
        self.receiver = receiver

    async def post(self):
        receiver = self.receiver
        receiver.bodies.append(self.request.body)
        receiver.headers.append(self.request.headers)
        receiver.open += 1
        receiver.most = max(receiver.most, receiver.open)
        receiver.came.set()
        if receiver.holding:
            await receiver.holding.wait()
        receiver.open -= 1
        self.set_status(receiver.statuses.pop(0) if receiver.statuses else 200)
        self.finish({"method": "sendMessage", "chat_id": 1, "text": "ignored"})


@pytest.fixture
async def receiver():
    receiver = Receiver()
    server = HTTPServer(
        Application([("/hook", Handler, {"receiver": receiver})], log_function=lambda _: None)
    )
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    receiver.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hook"
    yield receiver
    server.stop()
    await server.close_all_connections()


@pytest.fixture
async def api():
    api = BotApi()
    api.webhook_pause_s = 0.01
    async with serve("127.0.0.1", 0, api):
        yield api


async def hook(api, url, **given):
    assert await api.call("setWebhook", {"url": url, **given})


async def info(api):
    return await api.call("getWebhookInfo", {})


@pytest.mark.parametrize(
    ("url", "description"),
    [
        ("http://bot.example.org/hook", "An HTTPS URL must be provided for webhook"),
        ("ftp://127.0.0.1/hook", "An HTTPS URL must be provided for webhook"),
        ("https://bot.example.org:8080/hook", "Webhook can be set up only on ports 80, 88, 443 or 8443"),
        ("https://", "Bad URL"),
        ("nonsense", "Bad URL"),
        ("https://[::1/hook", "Bad URL"),
    ],
)  # fmt: skip
async def test_an_address_that_telegram_does_not_take_is_refused(api, url, description):
    """HTTPS on four ports; nothing is set."""
    with pytest.raises(ApiError) as caught:
        await api.call("setWebhook", {"url": url})
    assert caught.value.description == f"Bad Request: bad webhook: {description}"
    assert (await info(api))["url"] == ""


async def test_a_secret_that_cannot_stand_in_a_header_is_refused(api, receiver):
    """Letters, digits, - and _, 256 at most."""
    for secret in ("a b", "ä", "x" * 257, "x\r\ny"):
        with pytest.raises(ApiError, match="secret token"):
            await hook(api, receiver.url, secret_token=secret)
    await hook(api, receiver.url, secret_token="x" * 256)


async def test_an_update_is_posted_with_the_secret(api, receiver):
    """As JSON; also what was waiting already; once it is taken it waits no more."""
    chat = api.join("en")
    first = await api.say(chat, "before")
    await hook(api, receiver.url, secret_token="se-cret_1")  # noqa: S106
    second = await api.say(chat, "after")
    await asyncio.wait_for(api.settled(second), 10)
    assert [json.loads(body)["update_id"] for body in receiver.bodies] == [first, second]
    assert receiver.texts == ["before", "after"]
    assert {headers["Content-Type"] for headers in receiver.headers} == {"application/json"}
    assert {headers["X-Telegram-Bot-Api-Secret-Token"] for headers in receiver.headers} == {
        "se-cret_1"
    }
    assert len(api.updates) == 0
    assert not chat.messages.keys() - {1, 2}  # what the answers said was not carried out


async def test_while_a_webhook_is_set_nobody_fetches(api, receiver):
    """409 in Telegram's words; after deleteWebhook it works again."""
    await hook(api, receiver.url)
    with pytest.raises(ApiError) as caught:
        await api.call("getUpdates", {})
    assert (caught.value.code, caught.value.description) == (
        409,
        (
            "Conflict: can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first"
        ),
    )
    await api.call("deleteWebhook", {})
    number = await api.say(api.join("en"), "x")
    assert [update["update_id"] for update in await api.call("getUpdates", {})] == [number]
    assert not receiver.bodies


async def test_an_update_that_is_not_taken_comes_again_in_its_order(api, receiver):
    """Any answer but 2xx; what the same chat says meanwhile waits, other chats do not."""
    receiver.statuses = [500, 403, 302, 201]
    one, other = api.join("en"), api.join("en")
    await hook(api, receiver.url, max_connections=1)
    last = [await api.say(one, "first"), await api.say(one, "second"), await api.say(other, "x")]
    for number in last:
        await asyncio.wait_for(api.settled(number), 10)
    texts = receiver.texts
    assert [text for text in texts if text != "x"] in (
        ["first", "first", "first", "first", "second"],
        ["first", "first", "first", "second"],  # one refusal was for the other chat
    )
    assert len(texts) == 6
    assert (await info(api))["last_error_message"].startswith("Wrong response from the webhook: ")


async def test_at_most_so_many_are_posted_at_once(api, receiver):
    """Different chats, side by side, up to max_connections; one chat never."""
    receiver.holding = asyncio.Event()
    await hook(api, receiver.url, max_connections=3)
    for chat in [api.join("en") for _ in range(6)]:
        await api.say(chat, "first")
        last = await api.say(chat, "second")
    await receiver.until(3)
    receiver.holding.set()
    await asyncio.wait_for(api.settled(last), 10)
    await receiver.until(12)
    assert receiver.most == 3
    assert receiver.texts[:3] == ["first"] * 3


async def test_the_posts_are_described(api, receiver):
    """getWebhookInfo: what is set, how many wait, what went wrong last."""
    assert await info(api) == {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": 0,
    }
    api.webhook_pause_s = 60
    receiver.statuses = [500]
    await hook(api, receiver.url, max_connections=7, allowed_updates='["message"]')
    chat = api.join("en")
    await api.say(chat, "x")
    await receiver.until(1)
    await asyncio.wait_for(api.webhook.refused.wait(), 10)
    about = await info(api)
    assert about.pop("last_error_date") > 0
    assert about == {
        "url": receiver.url,
        "has_custom_certificate": False,
        "pending_update_count": 1,
        "max_connections": 7,
        "allowed_updates": ["message"],
        "last_error_message": "Wrong response from the webhook: 500 Internal Server Error",
    }
    assert await api.block(chat) == 0
    await api.call("setWebhook", {"url": "", "drop_pending_updates": True})
    assert (await info(api))["pending_update_count"] == 0


async def test_a_bot_that_is_not_there_gets_it_when_it_is(api, receiver):
    """Connection refused, and again, until somebody answers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    await hook(api, f"http://127.0.0.1:{port}/hook")
    number = await api.say(api.join("en"), "x")
    await asyncio.wait_for(api.webhook.refused.wait(), 10)
    assert (await info(api))["last_error_message"] == "Connection refused"
    await hook(api, receiver.url)
    await asyncio.wait_for(api.settled(number), 10)
    assert receiver.texts == ["x"]


async def test_nothing_leaves_the_machine(api, receiver):
    """Another host's webhook is posted to `webhook_origin`, with its path; without that to nobody."""
    await hook(api, "https://bot.example.org/hook")
    number = await api.say(api.join("en"), "x")
    await asyncio.wait_for(api.webhook.refused.wait(), 10)
    api.webhook_origin = receiver.url.removesuffix("/hook")
    await hook(api, "https://bot.example.org/hook")
    await asyncio.wait_for(api.settled(number), 10)
    assert receiver.texts == ["x"]
    assert (await info(api))["url"] == "https://bot.example.org/hook"


async def test_any_bytes_can_be_posted(api, receiver):
    """Unreadable ones too, beside what chats say."""
    await hook(api, receiver.url)
    number = await api.feed_raw(b"{not json\xff")
    await asyncio.wait_for(api.settled(number), 10)
    assert receiver.bodies == [b"{not json\xff"]


async def test_a_webhook_is_set_over_http_as_python_telegram_bot_sets_it(receiver):
    """Form fields; the server's end ends the posting."""
    async with serve("127.0.0.1", 0) as sandbox, plain_client() as client:
        url = f"{sandbox.api_url}{sandbox.token}"
        given = {"url": receiver.url, "secret_token": "s", "allowed_updates": '["message"]'}
        assert (await client.post(f"{url}/setWebhook", data=given)).json()["result"] is True
        number = await sandbox.api.say(sandbox.api.join("en"), "x")
        await asyncio.wait_for(sandbox.api.settled(number), 10)
    await sandbox.api.say(sandbox.api.join("en"), "late")
    assert receiver.texts == ["x"]
