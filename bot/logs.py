"""Logging to standard error, without tokens."""

import logging
import re
import sys

TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{20,}")


class Redacted(logging.Formatter):
    """Takes tokens out of whole lines, tracebacks included.

    On the handler's formatter and not on a logger: a logger's filter does not see the records
    of its children.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line without tokens."""
        return TOKEN.sub("<token>", super().format(record))


def set_up(level: str) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacted("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They log every request with its address, and Telegram's addresses hold the token.
    for name in ("httpx", "httpcore", "telegram", "aiosqlite", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    # The sandbox's refusals are for the bot to log.
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
