"""Chats: with one person, or groups; who a message is from, what it replies to, who hears it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.sandbox import markup
from bot.sandbox.faults import UPGRADED, ApiError
from bot.sandbox.markup import Formatted

Json = dict[str, Any]
Kind = Literal["private", "group", "supergroup"]
Standing = Literal["member", "kicked", "left"]

PAGE_ONLY = frozenset({"tree", "held"})
"""What only the page needs of a message: the words as a tree; whether its file is still here."""
SOMEBODY: Json = {"id": 5_000_000_001, "is_bot": False, "first_name": "Admin"}
"""Who acts in a group where no test says who."""
_COMMAND = re.compile(r"/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?")
_MENTION = re.compile(r"(?<!\w)@[A-Za-z]\w{3,31}")


@dataclass(slots=True)
class Chat:
    """A private chat with one person, or a group."""

    id: int
    language: str
    """Of the person's app."""
    title: str = ""
    """A group's name."""
    kind: Kind = "private"
    messages: dict[int, Json] = field(default_factory=dict)
    last_message: int = 0
    listeners: list[Callable[[Json], None]] = field(default_factory=list)
    standing: Standing = "member"
    """What the bot is here; "kicked" in a private chat: the person has blocked it."""
    upgraded_to: int | None = None
    """The supergroup that this group has become."""
    quoted: set[int] = field(default_factory=set)
    """Numbers of the messages that others reply to."""

    def tell(self, event: Json) -> None:
        """Show something to whoever looks at the chat."""
        for listener in tuple(self.listeners):
            listener(event)

    @property
    def described(self) -> Json:
        """The chat as a message names it."""
        if self.kind == "private":
            return {"id": self.id, "type": "private", "first_name": "You"}
        return {"id": self.id, "type": self.kind, "title": self.title}

    @property
    def person(self) -> Json:
        """The person of a private chat, as a user."""
        if self.kind != "private":
            raise ValueError("a group has many people: say who it is with sender=…")
        return {
            "id": self.id,
            "is_bot": False,
            "first_name": "You",
            **({"language_code": self.language} if self.language else {}),
        }

    def check_access(self) -> None:
        """Whether the bot may speak here.

        Raises:
            ApiError: what Telegram says where it may not.
        """
        if self.upgraded_to is not None:
            raise ApiError(400, UPGRADED, migrate_to_chat_id=self.upgraded_to)
        if self.standing == "member":
            return
        if self.kind == "private":
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if self.standing == "kicked":
            raise ApiError(403, f"Forbidden: bot was kicked from the {self.kind} chat")
        raise ApiError(403, f"Forbidden: bot is not a member of the {self.kind} chat")

    def add(self, message: Json, reply_to: int | None = None) -> None:
        """Take in a message, with what it replies to."""
        number = message["message_id"]
        if reply_to is not None:
            message["reply_to_message"] = quotable(self.messages[reply_to])
        self.messages[number] = message
        self.last_message = max(self.last_message, number)
        quoted = message.get("reply_to_message")
        if isinstance(quoted, dict):
            self.quoted.add(quoted.get("message_id", 0))

    def requote(self, number: int) -> None:
        """A message has changed, or is gone: so has what its replies carry."""
        if number not in self.quoted:
            return
        message = self.messages.get(number)
        for reply in self.messages.values():
            if reply.get("reply_to_message", {}).get("message_id") == number:
                if message:
                    reply["reply_to_message"] = quotable(message)
                else:
                    del reply["reply_to_message"]


def public(message: Json) -> Json:
    """A message as the bot gets it."""
    return {key: value for key, value in message.items() if key not in PAGE_ONLY}


def quotable(message: Json) -> Json:
    """A message as its replies carry it: without what it replies to itself."""
    kept = public(message)
    kept.pop("reply_to_message", None)
    return kept


def worded(name: str, content: Formatted) -> Json:
    """The words of a message, as its text or as the caption of its document."""
    entities = "entities" if name == "text" else f"{name}_entities"
    return {name: content.text.strip(), entities: content.entities, "tree": content.tree}


def typed(text: str) -> Json:
    """What a person types: Telegram marks the command and the names in it."""
    content = worded("text", markup.plain(text))
    found = [("mention", one) for one in _MENTION.finditer(content["text"])]
    if command := _COMMAND.match(content["text"]):
        found = [("bot_command", command)] + [
            one for one in found if one[1].start() >= command.end()
        ]
    content["entities"] = [
        {
            "type": kind,
            "offset": markup.units(content["text"][: one.start()]),
            "length": markup.units(one[0]),
        }
        for kind, one in found
    ]
    return content


def heard_in_group(message: Json, me: Json) -> bool:
    """Whether a bot in privacy mode, as all are at first, gets a group's message.

    Commands that are for nobody else, what names the bot, and replies to it
    (core.telegram.org/bots/features#privacy-mode).
    """
    replied = message.get("reply_to_message") or {}
    if replied.get("from", {}).get("id") == me["id"]:
        return True
    own = f"@{me['username']}".lower()
    words = message.get("text", "").encode("utf-16-le", "surrogatepass")
    for entity in message.get("entities", ()):
        start, length = entity["offset"] * 2, entity["length"] * 2
        word = words[start : start + length].decode("utf-16-le", "surrogatepass").lower()
        if entity["type"] == "mention" and word == own:
            return True
        if entity["type"] == "bot_command" and word.partition("@")[1:] in {
            ("", ""),
            ("@", own[1:]),
        }:
            return True
    return False
