"""The sandbox as a process of its own, for load tests: `python -m bot.sandbox --latency-ms 50`.

Writes one line of JSON (where it serves, and the bot's token) and serves until SIGTERM or Ctrl+C.
"""

import argparse
import asyncio
import gc
import json
import signal
import sys
from contextlib import suppress

from bot.sandbox.bot_api import BotApi
from bot.sandbox.pace import measure
from bot.sandbox.server import LOOPBACK, serve


async def _serve(asked: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows: ended without goodbye
            loop.add_signal_handler(number, stop.set)
    api = BotApi(asked.token)
    api.latency_s = asked.latency_ms / 1_000
    async with serve(asked.host, asked.port, api) as sandbox:
        where = {
            "api_url": sandbox.api_url,
            "file_url": sandbox.file_url,
            "page_url": sandbox.page_url,
            "token": sandbox.token,
        }
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", choices=sorted(LOOPBACK))
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="how long every call takes")
    parser.add_argument("--token", help="the bot's token; without it a new one")
    parser.add_argument("--measure", type=int, metavar="CALLS", help="how fast it is, and end")
    asked = parser.parse_args()
    # With the messages of a load in memory a collection takes up to a quarter of a second, which
    # would be counted as the bot's. A load test is over before reference cycles weigh anything.
    gc.disable()
    try:
        if asked.measure:
            sys.stdout.write(json.dumps(asyncio.run(measure(asked.measure))) + "\n")
        else:
            asyncio.run(_serve(asked))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
