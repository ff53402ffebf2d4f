"""The bot's token and the webhook's secret are in nothing that it writes, whatever goes wrong."""

import asyncio
import socket
import subprocess
import sys
import time

import pytest
from plain import plain_client
from trust.hosted import DEADLINE_S, Town, hosting, running
from trust.traces import found, written_since

from bot.sandbox.bot_api import Fault

TROUBLES = {
    "an error of the server": {"code": 500},
    "a gateway's page": {"body": "not json", "code": 502},
    "half an answer": {"body": "truncated"},
    "no answer": {"drop": "before"},
    "no answer, after all was done": {"drop": "after"},
    "too fast": {"code": 429},
    "not acceptable": {"code": 400, "description": "Bad Request: {token} is odd"},
    "blocked": {"code": 403},
}
SECRET = "Wq7-secret_canary-Zx93"  # noqa: S105


def secrets_of(town: Town) -> dict[str, list[str | bytes]]:
    """What must stand nowhere: the token, its second half alone, the webhook's secret."""
    return {"token": [town.token, town.token.partition(":")[2]], "webhook secret": [SECRET]}


async def test_no_trouble_brings_the_token_out(tmp_path):
    """Whatever Telegram answers to a send, a button or a request for updates; at DEBUG."""
    began = time.time()
    async with running(tmp_path, LOG_LEVEL="DEBUG", WEBHOOK_SECRET=SECRET) as hosted:
        town = hosted.town
        for trouble in ("a gateway's page", "no answer"):
            town.faults.append(Fault("getUpdates", **TROUBLES[trouble]))
        for trouble in TROUBLES.values():
            words = trouble.get("description", "").format(token=town.token)
            for method in ("sendMessage", "editMessageText", "answerCallbackQuery"):
                town.faults.append(Fault(method, **{**trouble, "description": words}))
        async with asyncio.timeout(DEADLINE_S):
            while town.faults:
                who = town.move_in("en")
                town.polled.clear()
                await town.say(who.chat, "is it too late?")
                await town.press(who.chat, 1, "1.en.p.help")
                await town.polled.wait()
        await town.move_in("en").say("/start")
        assert await hosted.stop() == 0
        assert b"outcome" in hosted.said
        places = {**hosted.files(), **written_since(began), "the output": hosted.said}
        assert found(secrets_of(town), places) == []


@pytest.mark.parametrize("code", [401, 409, 404])
async def test_an_end_with_an_error_does_not_say_the_token(code, tmp_path):
    """Refused, in conflict, or against a server that knows no such bot."""
    async with hosting(tmp_path, LOG_LEVEL="DEBUG") as hosted:
        hosted.town.faults.append(Fault("getUpdates" if code == 409 else "getMe", code, times=0))
        assert await hosted.run() not in {0, 1, 5}
        assert b"Traceback" not in hosted.said
        assert found(secrets_of(hosted.town), {**hosted.files(), "said": hosted.said}) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"DATA_DIR": "/proc/nowhere"},
        {"FAQ_DIR": "/nowhere"},
        {"WEBHOOK_URL": "ftp://{token}@example.org"},
        {"BOT_TOKEN": "{token}!"},
        {"BOT_API_URL": "nonsense"},
        {"PORT": "{token}"},
    ],
    ids=lambda settings: next(iter(settings)),
)
async def test_a_start_that_fails_says_why_in_a_line_without_secrets(settings, tmp_path):
    """Wrong settings: status 2, one line, no traceback, no token."""
    async with hosting(tmp_path, LOG_LEVEL="DEBUG", WEBHOOK_SECRET=SECRET) as hosted:
        town = hosted.town
        given = {key: value.format(token=town.token) for key, value in settings.items()}
        assert await hosted.run(**given) == 2
        assert len(hosted.said.splitlines()) == 1, hosted.said.decode()
        if "{token}" not in str(settings) or "BOT_TOKEN" in settings:
            assert found(secrets_of(town), {**hosted.files(), "said": hosted.said}) == []


async def test_a_webhook_shows_its_secret_to_nobody_and_takes_nothing_without_it(tmp_path):
    """People are answered as over polling; who does not know the secret is refused, also with a
    body that holds it; and it is in no file and no line."""
    began = time.time()
    with socket.create_server(("127.0.0.1", 0)) as found_free:
        port = found_free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/telegram"
    settings = {"WEBHOOK_URL": address, "WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    async with running(tmp_path, LOG_LEVEL="DEBUG", **settings) as hosted:
        who = hosted.town.move_in("fr")
        await who.say("c'est trop tard ?")
        forged = {"update_id": 1, "message": {"text": SECRET}}
        async with plain_client() as client:
            name = "X-Telegram-Bot-Api-Secret-Token"
            for headers in ({}, {name: ""}, {name: "wrong"}, {name: SECRET[:-1]}):
                assert (await client.post(address, json=forged, headers=headers)).status_code == 403
        await who.say("/topics")
        assert await hosted.stop() == 0
        things = {**secrets_of(hosted.town), **who.traces}
        places = {**hosted.files(), **written_since(began), "the output": hosted.said}
        assert found(things, places) == []


BROKEN_BOT = """
import asyncio, sys
from dataclasses import replace
from bot import app, logs
from bot.assistant import build_assistant
from bot.settings import read_settings

class Broken:
    "A matcher that fails, with all it knows in its error."
    def __getattr__(self, name):
        def fail(*given, **named):
            raise ValueError(f"{given} {named} {settings.token.reveal()} {settings.webhook_secret.reveal()}")
        return fail

settings = read_settings()
logs.set_up(settings.log_level, (settings.token, settings.webhook_secret))
assistant = replace(build_assistant(settings), matcher=Broken())
sys.exit(app.STATUSES[asyncio.run(app._serve(settings, assistant, set_aside=False))])
"""


async def test_an_error_in_a_turn_shows_neither_secrets_nor_texts(tmp_path):
    """Our own error, with the text, the token and the secret in it: the person gets a kind word, the
    log the kind of error and the place, the conversation goes on."""
    async with hosting(tmp_path, LOG_LEVEL="DEBUG", WEBHOOK_SECRET=SECRET) as hosted:
        town = hosted.town
        who = town.move_in("en")
        await hosted.start_script(BROKEN_BOT)
        await hosted.listening()
        await who.say("Zebulon baked rhubarb cake")
        await who.say("/help")
        assert await hosted.stop() == 0
        things = {**secrets_of(town), **who.traces, "word": ["Zebulon", "rhubarb"]}
        assert found(things, {**hosted.files(), "said": hosted.said}) == []
        assert b"ValueError" in hosted.said, "nobody would know what went wrong"
        assert b"turn.py" in hosted.said, "nobody would know where"


def test_a_process_list_shows_no_token():
    """The token comes by the environment or a file: no option takes it, so `ps` never shows it."""
    said = subprocess.run(
        [sys.executable, "-m", "bot", "run", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--token" not in said
