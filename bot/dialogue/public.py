"""What the bot says in a group, where others read along: short, and the way into a chat of one's own.

No button that comes back to us: anybody in the group could press it, and what it opens would be
read by all.
"""

import re

from bot.dialogue import screens
from bot.dialogue.addresses import Judged
from bot.dialogue.events import Thread
from bot.dialogue.replies import Reply, Row, Visit
from bot.dialogue.screens import Voice

_USER_NAME = re.compile(r"[A-Za-z0-9_]{1,32}")
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What may follow ?start= in a link to a bot (Telegram's limit)."""
_OWN_WORDS = frozenset({"thanks", "goodbye", "bot", "praise", "letter-goodbye", "letter-whatsapp"})
"""Small talk whose reply is good in a group too."""
_BESIDE = {"letter-goodbye": "object", "letter-whatsapp": "whatsapp"}


def without_mention(text: str, bot: str) -> str:
    """What was said to the bot, without its name."""
    if not bot:
        return text.strip()
    return re.sub(rf"@{re.escape(bot)}(?!\w)", " ", text, flags=re.IGNORECASE).strip()


def answer(voice: Voice, topic: str, bot: str) -> Reply:
    """The short answer with its sources; the rest in a chat of one's own."""
    return Reply(screens.short_answer(voice, topic), _way(voice, "more", bot, topic))


def unsure(voice: Voice, bot: str) -> Reply:
    """It may be one of several topics."""
    return _line(voice, "unsure", bot)


def unknown(voice: Voice, bot: str) -> Reply:
    """An honest don't-know."""
    return _line(voice, "unknown", bot)


def about(voice: Voice, bot: str) -> Reply:
    """What the bot is for."""
    return _line(voice, "about", bot)


def elsewhere(voice: Voice, bot: str, payload: str) -> Reply:
    """What a command opens concerns one person alone."""
    key = "object" if payload == "object" else "private"
    return Reply(voice.blocks("public.elsewhere"), _way(voice, key, bot, payload))


def small_talk(voice: Voice, kind: str, bot: str) -> Reply:
    """The reply to a greeting and its like, or to a chain letter."""
    if kind not in _OWN_WORDS:
        return about(voice, bot)
    payload = _BESIDE.get(kind, "home")
    key = {"object": "object", "home": "private"}.get(payload, "more")
    return Reply(voice.blocks(f"chitchat.{kind}"), _way(voice, key, bot, payload))


def addresses(voice: Voice, judged: list[Judged], bot: str, topic: str | None) -> Reply:
    """Whether addresses that were pasted are Meta's."""
    said = screens.addresses(voice, judged, Thread())
    return Reply(said.blocks, _way(voice, "more" if topic else "private", bot, topic or "home"))


def _line(voice: Voice, name: str, bot: str) -> Reply:
    return Reply(voice.blocks(f"public.{name}"), _way(voice, "private", bot, "home"))


def _way(voice: Voice, button: str, bot: str, payload: str) -> tuple[Row, ...]:
    """The one button: into a chat of one's own, at the right place."""
    if not _USER_NAME.fullmatch(bot) or not _PAYLOAD.fullmatch(payload):
        return ()
    url = f"https://t.me/{bot}?start={payload}"
    return ((Visit(voice.say(f"public.button.{button}"), url),),)
