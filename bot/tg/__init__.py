"""Telegram in and out: the only place that knows python-telegram-bot."""
