"""One turn of conversation as a pure function: an event and what the bot knows give replies.

No Telegram, no files, no clock, no randomness.
"""
