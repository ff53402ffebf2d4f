"""How many calls a second the sandbox takes: `python -m bot.sandbox --measure 4000`.

A bot that is measured against it must be the slower one of the two.
"""

import asyncio
import json
import sys
import time
from asyncio import StreamReader, StreamWriter
from typing import Any
from urllib.parse import urlencode, urlsplit

Connection = tuple[StreamReader, StreamWriter]

CONNECTIONS = 20
PERSON = 77
TEXT = (
    "<b>Is it too late to object?</b>\n\nNo. You can object at any time &amp; without a reason. "
    * 4
)
KEYBOARD = {
    "inline_keyboard": [[{"text": f"Step {n}", "callback_data": f"1.en.{n}"}] for n in range(5)]
}


async def measure(calls: int) -> dict[str, Any]:
    """Send so many messages over 20 kept connections, to a sandbox in a process of its own.

    Returns:
        Calls a second, and milliseconds of the sandbox's processor that one takes.
    """
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.sandbox", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout  # noqa: S101 - for the types
        where = json.loads(await server.stdout.readline())
        host, port = urlsplit(where["api_url"]).hostname, urlsplit(where["api_url"]).port
        connections = [await asyncio.open_connection(host, port) for _ in range(CONNECTIONS)]
        person = {"id": PERSON, "is_bot": False, "first_name": "You"}
        chat = {"id": PERSON, "type": "private"}
        hello = {"message_id": 1, "date": 0, "chat": chat, "from": person, "text": "Hello"}
        feeding = json.dumps({"updates": [{"message": hello}]}).encode()
        await _ask(connections[0], "POST", "/load", "application/json", feeding)
        form = {
            "chat_id": PERSON,
            "text": TEXT,
            "parse_mode": "HTML",
            "reply_markup": json.dumps(KEYBOARD),
        }
        call = ("POST", f"/bot{where['token']}/sendMessage", "application/x-www-form-urlencoded")
        body = urlencode(form).encode()

        async def speak(connection: Connection) -> None:
            for _ in range(calls // CONNECTIONS):
                await _ask(connection, *call, body)

        used = (await _ask(connections[0], "GET", "/calls"))["cpu_s"]
        began = time.perf_counter()
        await asyncio.gather(*(speak(connection) for connection in connections))
        took = time.perf_counter() - began
        figures = await _ask(connections[0], "GET", "/calls")
        for _, writer in connections:
            writer.close()
    finally:
        server.terminate()
        await server.wait()
    done = figures["calls"]["sendmessage"]
    return {
        "calls": done,
        "calls_per_second": round(done / took),
        "cpu_ms_per_call": round((figures["cpu_s"] - used) / done * 1_000, 3),
    }


async def _ask(
    connection: Connection, method: str, path: str, content_type: str = "", body: bytes = b""
) -> Any:
    """One request over a connection that is kept; gives the answer's JSON."""
    reader, writer = connection
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Content-Type: {content_type}\r\n\r\n".encode() + body)
    status, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    sizes = [int(line.partition(":")[2]) for line in headers if line.startswith("content-length:")]
    answer = await reader.readexactly(sizes[0])
    if " 200 " not in status:
        raise OSError(f"the sandbox answered {status}: mend it first")
    return json.loads(answer)
