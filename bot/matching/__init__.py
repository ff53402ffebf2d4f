"""Text in, ranked labels out.

Knows phrasings and nothing of what they are about: no topic of this bot, no Telegram.
"""
