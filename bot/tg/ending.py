"""How a bot that was at work came to its end."""

from enum import Enum, auto


class Ending(Enum):
    """Why the bot ended."""

    TOLD = auto()
    REFUSED = auto()
    """Telegram does not accept the token."""
    CONFLICT = auto()
    """Somebody else takes this bot's updates."""
    DEAF = auto()
    """What fetches updates has died."""
    UNUSABLE = auto()
    """Telegram does not take the webhook."""
