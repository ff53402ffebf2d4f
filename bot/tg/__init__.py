"""Telegram in and out: the only place that knows python-telegram-bot."""

import os

# python-telegram-bot gives durations as timedelta then, as its next major version will.
os.environ.setdefault("PTB_TIMEDELTA", "1")
