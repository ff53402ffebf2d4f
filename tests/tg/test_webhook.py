"""What Telegram brings is taken; nobody else gets in, and nothing odd comes back for ever."""

import json

import httpx
import pytest
from plain import SILENT, plain_client

from bot.metrics import Metrics
from bot.tg.inbox import Inbox
from bot.tg.intake import Intake
from bot.tg.webhook import MAX_BODY, SECRET_HEADER, listen

SECRET = "a-secret_of-the-webhook"  # noqa: S105 - made up
URL = "https://bot.example.org/telegram"


class Door:
    """A webhook that listens, and somebody who knocks."""

    def __init__(self, port, delivered, metrics, client):
        self.delivered = delivered
        self.metrics = metrics
        self._client = client
        self._url = f"http://127.0.0.1:{port}"

    async def bring(self, body, secret=SECRET, kind="application/json", path="/telegram"):
        headers = {"Content-Type": kind}
        if secret is not None:
            headers[SECRET_HEADER] = secret
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._client.post(f"{self._url}{path}", content=content, headers=headers)

    async def get(self, path):
        return await self._client.get(f"{self._url}{path}")

    def refused(self, reason):
        return self.metrics.registry.get_sample_value(
            "optout_updates_refused_total", {"reason": reason}
        )


@pytest.fixture
async def client():
    async with plain_client() as client:
        yield client


@pytest.fixture
async def door(client):
    delivered = []
    inbox = Inbox()
    metrics = Metrics()

    async def deliver(update):
        delivered.append(update.update_id)
        inbox.done(update.update_id)

    intake = Intake(SILENT, inbox, metrics, deliver, lambda: None)
    async with listen(("127.0.0.1", 0), URL, SECRET, intake, lambda: True) as port:
        yield Door(port, delivered, metrics, client)


def said(number):
    person = {"id": 1, "is_bot": False, "first_name": "You"}
    chat = {"id": 1, "type": "private"}
    message = {"message_id": number, "date": 1, "chat": chat, "from": person, "text": "x"}
    return {"update_id": number, "message": message}


async def test_an_update_is_taken_once(door):
    assert (await door.bring(said(1))).status_code == 200
    assert (await door.bring(said(1))).status_code == 200
    assert door.delivered == [1]
    assert door.refused("duplicate") == 1


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "text/plain", ""])
async def test_the_kind_of_the_body_does_not_matter(door, kind):
    assert (await door.bring(said(2), kind=kind)).status_code == 200
    assert door.delivered == [2]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET[:-1], "é"])
async def test_without_the_secret_nobody_gets_in(door, secret):
    secret = secret.encode() if secret else secret
    assert (await door.bring(said(3), secret=secret)).status_code == 403
    assert door.delivered == []
    assert door.refused("secret") == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"no json", b"[" * 100_000, b"null", b"[]", b"3", b'"x"', b"\xff\xfe", b"{}",
        b'{"update_id": "x"}', b'{"update_id": 4, "message": {}}', b'{"update_id": 4, "message": 7}',
        b'{"update_id": 1e999}',
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_answered_and_counted(door, body, caplog):
    """Refused, Telegram would bring it for hours and hold back what comes after it."""
    assert (await door.bring(body)).status_code == 200
    assert door.delivered == []
    assert door.refused("unparsable") == 1
    assert "Traceback" not in caplog.text
    assert (await door.bring(said(5))).status_code == 200
    assert door.delivered == [5]


async def test_a_body_that_is_too_large_is_not_read(door):
    huge = {**said(1), "x": "x" * MAX_BODY}
    try:
        status = (await door.bring(huge)).status_code
    except httpx.TransportError:
        status = 400  # hung up on while it still spoke
    assert status == 400
    assert door.delivered == []


@pytest.mark.parametrize("path", ["/", "/telegram/", "/telegramx", "/../etc/passwd", "/%00"])
async def test_there_is_nothing_else(door, path):
    assert (await door.bring(said(6), path=path)).status_code in {400, 404}
    assert (await door.get(path)).status_code in {400, 404, 405}
    assert door.delivered == []


async def test_health_has_a_place_of_its_own(door):
    answer = await door.get("/health")
    assert answer.status_code == 200
    assert "server" not in answer.headers


async def test_an_unwell_bot_says_so(client):
    intake = Intake(SILENT, Inbox(), Metrics(), None, lambda: None)
    async with listen(("127.0.0.1", 0), URL, SECRET, intake, lambda: False) as port:
        assert (await Door(port, [], None, client).get("/health")).status_code == 503


async def test_a_port_that_is_taken_says_what_to_do(door):
    intake = Intake(SILENT, Inbox(), Metrics(), None, lambda: None)
    async with listen(("127.0.0.1", 0), URL, SECRET, intake, lambda: True) as port:
        with pytest.raises(OSError, match="PORT"):
            async with listen(("127.0.0.1", port), URL, SECRET, intake, lambda: True):
                pass
