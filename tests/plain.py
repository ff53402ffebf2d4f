"""Clients for plain HTTP on the own machine, for tests.

They know nothing of TLS, whose certificates take a tenth of a second to read each time.
"""

from typing import Any

import httpx
from telegram import Bot
from telegram.request import HTTPXRequest


def plain_client(**options: Any) -> httpx.AsyncClient:
    """A client of httpx."""
    return httpx.AsyncClient(verify=False, **options)  # noqa: S501 - there are no certificates


def plain_bot(token: str, **options: Any) -> Bot:
    """The library's bot, with its own requests."""
    asking, polling = (HTTPXRequest(httpx_kwargs={"verify": False}) for _ in range(2))
    return Bot(token, **{"request": asking, "get_updates_request": polling, **options})


SILENT = plain_bot("1:x")
"""Reads updates, and calls nobody."""
