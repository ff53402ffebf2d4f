"""A Bot API server and a chat page for the own machine, strict where Telegram is strict.

The bot reaches it over HTTP only, with the same code that talks to Telegram.
"""
