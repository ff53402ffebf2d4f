"""Telegram's Bot API as far as we use it: chats in memory, strict checks, faults on request."""

import asyncio
import re
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bot.sandbox import parameters, webhook
from bot.sandbox.chats import (
    PAGE_ONLY,
    SOMEBODY,
    Chat,
    Standing,
    heard_in_group,
    public,
    typed,
    worded,
)
from bot.sandbox.faults import ApiError, Fault, Limits, Throttle, bad, struck, too_many
from bot.sandbox.figures import Figures
from bot.sandbox.files import Files, StoredFile, Upload
from bot.sandbox.parameters import integer, number, truth
from bot.sandbox.updates import Updates
from bot.sandbox.webhook import Webhook

__all__ = ["ApiError", "BotApi", "Call", "Chat", "Fault", "Json", "Limits"]

Json = dict[str, Any]

MAX_NOTICE = 200
MAX_COMMANDS = 100
LONGEST_POLL_S = 50.0
LONGEST_QUERY_S = 15 * 60.0
"""After that a callback query cannot be answered any more."""
SPREAD_TICK_S = 0.01
"""How often there is something of what is fed over a time."""
USERNAME = "optout_sandbox_bot"
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the bot made, for tests to look at."""

    method: str
    parameters: Json
    error: str = ""


@dataclass(slots=True)
class _Query:
    """A press of a button, for the bot to answer."""

    chat: Chat
    pressed: float
    answered: bool = False


class BotApi:
    """The server's state, and what its methods do.

    Args:
        token: The bot's; None: a new one.
        clock: Seconds since 1970: dates of messages, ages of callback queries, limits of rate.
    """

    def __init__(self, token: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.token = token or f"{secrets.randbelow(10**9) + 10**8}:{secrets.token_urlsafe(26)}"
        self.clock = clock
        self.user: Json = {
            "id": int(self.token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Opt-out assistant",
            "username": USERNAME,
        }
        """The bot as others see it."""
        self.me: Json = {
            **self.user,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }
        """The bot as it sees itself."""
        self.chats: dict[int, Chat] = {}
        self.commands: dict[str, list[Json]] = {}
        self.files = Files()
        self.faults: list[Fault] = []
        self.limits: Limits | None = None
        """Beyond them 429; None: no limits."""
        self.latency_s = 0.0
        """How long every call over HTTP takes, beside the others."""
        self.webhook_pause_s = 0.5
        """Pause before an update is posted again that the webhook did not take."""
        self.webhook_origin = ""
        """Where posts go in place of the webhook's scheme, host and port, as behind a proxy:
        `http://127.0.0.1:8443`. Without it, nothing is posted to other machines."""
        self.calls: deque[Call] = deque(maxlen=1_000)
        self.figures = Figures()
        self.unanswered: set[str] = set()
        """Callback queries that the bot has not answered yet."""
        self.updates = Updates(secrets.randbelow(10**8) + 1)
        self._queries: dict[str, _Query] = {}
        self._spreading: set[asyncio.Task[None]] = set()
        self._to_come = 0
        self._throttle = Throttle(clock)
        self.webhook: Webhook | None = None
        """Where updates are posted, while the bot wants that."""

    async def close(self) -> None:
        """Post to no webhook any more, and feed nothing."""
        for spreading in self._spreading:
            spreading.cancel()
        await self._stop_posting()

    async def _stop_posting(self) -> None:
        if self.webhook:
            await self.webhook.stop()
            self.webhook = None

    # -- the people's side --------------------------------------------------------------------

    def join(self, language: str, chat_id: int | None = None) -> Chat:
        """A person opens a chat with the bot (again, if the id is known)."""
        if chat_id is not None and chat_id in self.chats:
            chat = self.chats[chat_id]
            chat.language = language
            return chat
        chat = Chat(chat_id or secrets.randbelow(10**9) + 10**9, language)
        self.chats[chat.id] = chat
        return chat

    def group(self, title: str, kind: Literal["group", "supergroup"] = "supergroup") -> Chat:
        """A group that the bot is a member of. No update tells of it; `add_to` does."""
        number = secrets.randbelow(10**9) + 10**9
        number = -number if kind == "group" else -1_000_000_000_000 - number
        chat = self.chats[number] = Chat(number, "", title, kind)
        return chat

    def adopt(self, chat: Chat, messages: list[Json]) -> None:
        """Take over what a page still shows after the server was started anew.

        Files are not brought along: the page is told which ones are gone.
        """
        for message in messages:
            number = message.get("message_id")
            if not isinstance(number, int) or number in chat.messages:
                continue
            chat.add(message)
            document = message.get("document")
            if isinstance(document, dict) and not self.files.get(str(document.get("file_id"))):
                message.pop("held", None)
                chat.tell({"type": "edit", "message": message})

    async def say(
        self,
        chat: Chat,
        text: str,
        *,
        sender: Chat | None = None,
        reply_to: int | None = None,
        date: float | None = None,
    ) -> int:
        """A person sends a text; gives the id of the update, 0 if the bot gets none.

        Args:
            chat: Where.
            text: What.
            sender: Who, by their private chat; needed in a group.
            reply_to: Number of the message that it replies to.
            date: When, in seconds since 1970; None: now.

        Raises:
            ValueError: nobody can write there.
            KeyError: there is no such message to reply to.
        """
        if chat.kind == "private" and chat.standing == "kicked":
            raise ValueError("this person has blocked the bot: api.unblock(chat) first")
        message = self._message(chat, (sender or chat).person, typed(text), reply_to, date)
        chat.tell({"type": "message", "message": message})
        if chat.kind != "private" and not heard_in_group(message, self.user):
            return 0
        return self._tell(chat, "message", public(message))

    async def press(
        self, chat: Chat, message_id: int, data: str, *, sender: Chat | None = None
    ) -> tuple[int, str]:
        """A person presses a button; gives the ids of the update (0: none) and of the query.

        Args:
            chat: Where.
            message_id: The message of the button. One that is gone comes as inaccessible.
            data: What the button holds.
            sender: Who, by their private chat; needed in a group.
        """
        person = (sender or chat).person
        message = chat.messages.get(message_id)
        gone = {"chat": chat.described, "message_id": message_id, "date": 0}
        query = str(secrets.randbelow(10**18))
        self._queries[query] = _Query(chat, self.clock())
        update = self._tell(
            chat,
            "callback_query",
            {
                "id": query,
                "from": person,
                "message": public(message) if message else gone,
                "chat_instance": str(chat.id),
                "data": data,
            },
        )
        if update:
            self.unanswered.add(query)
        return update, query

    def delete(self, chat: Chat, message_id: int) -> None:
        """A person deletes a message; Telegram does not tell the bot. Its replies stay.

        Raises:
            KeyError: there is none.
        """
        del chat.messages[message_id]
        chat.requote(message_id)
        chat.tell({"type": "delete", "message_id": message_id})

    async def block(self, chat: Chat) -> int:
        """The person blocks the bot; gives the id of the update, 0 if the bot gets none."""
        return self._stand(chat, "kicked", chat.person)

    async def unblock(self, chat: Chat) -> int:
        """The person takes that back; gives the id of the update, 0 if the bot gets none."""
        return self._stand(chat, "member", chat.person)

    async def add_to(self, group: Chat, *, sender: Chat | None = None) -> int:
        """Somebody adds the bot to a group; gives the id of the update, 0 if it gets none."""
        return self._stand(group, "member", sender.person if sender else SOMEBODY)

    async def remove_from(self, group: Chat, *, sender: Chat | None = None) -> int:
        """Somebody takes the bot out of a group; gives the id of the update, 0 if it gets none."""
        return self._stand(group, "kicked", sender.person if sender else SOMEBODY)

    async def upgrade(self, group: Chat) -> Chat:
        """A group becomes a supergroup, which has another id; the bot gets two messages of it."""
        new = self.group(group.title)
        group.upgraded_to = new.id
        for chat, word in ((group, {"migrate_to_chat_id": new.id}),
                           (new, {"migrate_from_chat_id": group.id})):  # fmt: skip
            self._tell(chat, "message", public(self._message(chat, SOMEBODY, word)))
        return new

    def _stand(self, chat: Chat, now: Standing, person: Json) -> int:
        before, chat.standing = chat.standing if chat.standing != now else "left", now
        change = {
            "chat": chat.described,
            "from": person,
            "date": int(self.clock()),
            "old_chat_member": self._member(before),
            "new_chat_member": self._member(now),
        }
        return self._tell(chat, "my_chat_member", change)

    def _member(self, standing: Standing) -> Json:
        forever = {"until_date": 0} if standing == "kicked" else {}
        return {"user": self.user, "status": standing, **forever}

    async def feed(self, update: Json) -> int:
        """Queue any update at all, also of a kind that the bot does not want; gives its id.

        Telegram, too, may bring unwanted ones for a while. With an `update_id` that was there
        before, the bot gets the same twice.
        """
        return self.updates.add(update)

    async def feed_raw(self, body: bytes) -> int:
        """Post a body to the webhook as it is, readable or not; gives the id of the update."""
        return self.updates.add({}, body=body)

    def load(self, updates: list[Json]) -> list[int]:
        """Feed many at once; their chats and messages are made known. Gives their ids."""
        self._make_known(updates)
        return [self.updates.add(update) for update in updates]

    def spread(self, updates: list[Json], over_s: float) -> None:
        """Feed many, evenly over so many seconds from now; all are made known at once."""
        self._make_known(updates)
        self._to_come += len(updates)
        spreading = asyncio.get_running_loop().create_task(self._spread(updates, over_s))
        self._spreading.add(spreading)
        spreading.add_done_callback(self._spreading.discard)

    @property
    def pending(self) -> int:
        """Updates that the bot has not confirmed, those included that are still to come."""
        return len(self.updates) + self._to_come

    async def _spread(self, updates: list[Json], over_s: float) -> None:
        loop = asyncio.get_running_loop()
        began, fed = loop.time(), 0
        while fed < len(updates):
            await asyncio.sleep(SPREAD_TICK_S)
            share = min(1.0, (loop.time() - began) / over_s)
            due = int(len(updates) * share)
            for update in updates[fed:due]:
                self._to_come -= 1
                self.updates.add(update)
            fed = due

    def _make_known(self, updates: list[Json]) -> None:
        """The chats and messages of updates that come from elsewhere."""
        for update in updates:
            kind, content = next(
                ((k, v) for k, v in update.items() if isinstance(v, dict)), ("", {})
            )
            message = content.get("message") if kind == "callback_query" else content
            if not isinstance(message, dict) or "id" not in (about := message.get("chat") or {}):
                continue
            person = content.get("from") or {}
            if (chat := self.chats.get(about["id"])) is None:
                language = str(person.get("language_code") or "")
                kind = about.get("type", "private")
                chat = Chat(about["id"], language, str(about.get("title", "")), kind)
                self.chats[chat.id] = chat
            if message.get("message_id", 0) not in chat.messages and message.get("from"):
                self.adopt(chat, [dict(message)])
            if kind == "callback_query" or "id" in content:
                self._queries[str(content.get("id"))] = _Query(chat, self.clock())
            self.figures.asked(chat.id)

    @property
    def confirmed(self) -> int:
        """The greatest id of an update that the bot has confirmed."""
        return self.updates.confirmed

    async def settled(self, update: int) -> None:
        """Wait until the bot has confirmed an update (0: none): it is in the bot's hands then."""
        await self.updates.settled(update)

    def _tell(self, chat: Chat, kind: str, content: Json) -> int:
        """Queue what happened in a chat, if the bot is there and wants such updates."""
        if chat.standing != "member" and kind != "my_chat_member":
            return 0
        if not self.updates.wants(kind):
            return 0
        if kind != "my_chat_member":
            self.figures.asked(chat.id)
        return self.updates.add({kind: content})

    # -- the bot's side -----------------------------------------------------------------------

    async def call(self, method: str, given: Json) -> Any:
        """What a method gives. Files stand among the parameters as `Upload`.

        Raises:
            ApiError: what Telegram would answer instead.
        """
        name = method.lower()
        handler = _METHODS.get(name)
        if not handler:
            raise ApiError(404, "Not Found")
        self.figures.calls[name] += 1
        try:
            result = await handler(self, given)
        except ApiError as error:
            self._record(method, given, error)
            raise
        self._record(method, given)
        return result

    def _record(self, method: str, given: Json, error: ApiError | None = None) -> None:
        if error:
            self.figures.errors[f"{method.lower()} {error.code}"] += 1
        if method.lower() != "getupdates":
            kept = {
                name: value.name if isinstance(value, Upload) else value
                for name, value in given.items()
            }
            self.calls.append(Call(method, kept, error.description if error else ""))

    def fault_for(self, method: str) -> Fault | None:
        """The fault that strikes this call, if one was asked for; it is used up by one."""
        return struck(self.faults, method) if self.faults else None

    async def _get_me(self, _: Json) -> Json:
        return self.me

    async def _get_updates(self, given: Json) -> list[Json]:
        if self.webhook:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook "
                "to delete the webhook first",
            )
        kinds = parameters.kinds(given)
        if kinds is not None:
            self.updates.allowed = kinds
        return await self.updates.poll(
            integer(given.get("offset"), 0),
            min(max(integer(given.get("limit"), 100), 1), 100),
            min(number(given.get("timeout"), 0), LONGEST_POLL_S),
        )

    async def _set_webhook(self, given: Json) -> bool:
        url = str(given.get("url") or "")
        if not url:
            return await self._delete_webhook(given)
        secret = str(given.get("secret_token") or "")
        webhook.check_address(url)
        webhook.check_secret(secret)
        kinds = parameters.kinds(given)
        await self._stop_posting()
        if kinds is not None:
            self.updates.allowed = kinds
        if truth(given.get("drop_pending_updates")):
            self.updates.confirm(self.updates)
        connections = integer(given.get("max_connections"), webhook.DEFAULT_CONNECTIONS)
        self.webhook = Webhook(
            self.updates,
            url,
            secret=secret,
            connections=min(max(connections, 1), webhook.MOST_CONNECTIONS),
            origin=self.webhook_origin,
            pause_s=lambda: self.webhook_pause_s,
            clock=self.clock,
        )
        self.webhook.start()
        return True

    async def _delete_webhook(self, given: Json) -> bool:
        await self._stop_posting()
        if truth(given.get("drop_pending_updates")):
            self.updates.confirm(self.updates)
        return True

    async def _get_webhook_info(self, _: Json) -> Json:
        allowed = self.updates.allowed
        return {
            "url": "",
            "has_custom_certificate": False,
            "pending_update_count": len(self.updates),
            **(self.webhook.described() if self.webhook else {}),
            **({"allowed_updates": list(allowed)} if allowed else {}),
        }

    async def _leave_chat(self, given: Json) -> bool:
        chat = self._reachable(given)
        if chat.kind == "private":
            raise bad("chat member status can't be changed in private chats")
        self._stand(chat, "left", self.user)
        return True

    async def _set_my_commands(self, given: Json) -> bool:
        commands = parameters.items(given.get("commands"))
        if len(commands) > MAX_COMMANDS:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            name, text = str(command.get("command", "")), str(command.get("description", ""))
            if not _COMMAND.fullmatch(name):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(text) <= 256:  # noqa: PLR2004
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[str(given.get("language_code") or "")] = commands
        for chat in self.chats.values():
            chat.tell({"type": "commands", "commands": self.commands_for(chat.language)})
        return True

    def commands_for(self, language: str) -> list[Json]:
        """The menu of commands that a person sees."""
        return self.commands.get(language.partition("-")[0]) or self.commands.get("", [])

    async def _send_message(self, given: Json) -> Json:
        chat = self._reachable(given)
        content = parameters.content(given, too_long="message is too long")
        return self._send(chat, worded("text", content), given)

    async def _send_document(self, given: Json) -> Json:
        chat = self._reachable(given)
        upload = parameters.document(given)
        caption = parameters.caption(given, too_long="message caption is too long")
        # What is wrong with the rest is said before the file is kept.
        parameters.keyboard(given)
        parameters.reply_to(given, chat.messages)
        file = self.files.add(upload) if isinstance(upload, Upload) else self.files.get(upload)
        if file is None:
            raise bad("wrong file identifier/HTTP URL specified")
        content = {"document": _described(file), "held": True, **worded("caption", caption)}
        return self._send(chat, content, given)

    async def _get_file(self, given: Json) -> Json:
        file = self.files.get(str(given.get("file_id") or ""))
        if file is None:
            raise bad("invalid file_id")
        return {
            "file_id": file.id,
            "file_unique_id": file.unique_id,
            "file_size": len(file.body),
            "file_path": file.path,
        }

    async def _edit_message_text(self, given: Json) -> Json:
        chat, message = self._editable(given)
        if "text" not in message:
            raise bad("there is no text in the message to edit")
        content = parameters.content(given, too_long="MESSAGE_TOO_LONG")
        return self._edit(chat, message, worded("text", content), parameters.keyboard(given))

    async def _edit_message_caption(self, given: Json) -> Json:
        chat, message = self._editable(given)
        if "document" not in message:
            raise bad("there is no caption in the message to edit")
        caption = parameters.caption(given, too_long="MEDIA_CAPTION_TOO_LONG")
        return self._edit(chat, message, worded("caption", caption), parameters.keyboard(given))

    async def _edit_message_reply_markup(self, given: Json) -> Json:
        chat, message = self._editable(given)
        return self._edit(chat, message, {}, parameters.keyboard(given))

    def _editable(self, given: Json) -> tuple[Chat, Json]:
        chat = self._reachable(given)
        message = chat.messages.get(integer(given.get("message_id"), 0))
        if message is None:
            raise bad("message to edit not found")
        if not message["from"]["is_bot"]:
            raise bad("message can't be edited")
        return chat, message

    def _edit(self, chat: Chat, message: Json, content: Json, keyboard: Json | None) -> Json:
        """Put other words or other buttons in a message's place."""
        changed = {**content, "reply_markup": keyboard}
        before = {name: message.get(name) for name in changed}
        if all(
            (before[name] or None) == (changed[name] or None)
            for name in changed
            if name not in PAGE_ONLY
        ):
            raise bad(
                "message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message"
            )
        self._throttled(chat)
        message.update(content, edit_date=int(self.clock()))
        message.pop("reply_markup", None)
        if keyboard:
            message["reply_markup"] = keyboard
        chat.requote(message["message_id"])
        chat.tell({"type": "edit", "message": message})
        self.figures.answered(chat.id)
        return public(message)

    async def _answer_callback_query(self, given: Json) -> bool:
        number = str(given.get("callback_query_id", ""))
        query = self._queries.get(number)
        if not query or query.answered or self.clock() - query.pressed > LONGEST_QUERY_S:
            raise bad(_TOO_OLD)
        text = str(given.get("text") or "")
        if len(text) > MAX_NOTICE:
            raise bad("MESSAGE_TOO_LONG")
        query.answered = True
        self.unanswered.discard(number)
        alert = truth(given.get("show_alert"))
        query.chat.tell({"type": "answer", "query": number, "text": text, "alert": alert})
        return True

    async def _send_chat_action(self, given: Json) -> bool:
        self._reachable(given).tell({"type": "typing"})
        return True

    def _reachable(self, given: Json) -> Chat:
        """The chat that is named, if the bot may speak there."""
        chat = self.chats.get(integer(given.get("chat_id"), 0))
        if chat is None:
            raise bad("chat not found")
        chat.check_access()
        return chat

    def _throttled(self, chat: Chat) -> None:
        if self.limits and (wait := self._throttle.wait_s(chat.id, self.limits)):
            raise too_many(wait)

    def _send(self, chat: Chat, content: Json, given: Json) -> Json:
        keyboard = parameters.keyboard(given)
        reply_to = parameters.reply_to(given, chat.messages)
        self._throttled(chat)
        message = self._message(chat, self.user, content, reply_to)
        if keyboard:
            message["reply_markup"] = keyboard
        chat.tell({"type": "message", "message": message})
        self.figures.answered(chat.id)
        return public(message)

    def _message(
        self,
        chat: Chat,
        sender: Json,
        content: Json,
        reply_to: int | None = None,
        date: float | None = None,
    ) -> Json:
        message: Json = {
            "message_id": chat.last_message + 1,
            "date": int(self.clock() if date is None else date),
            "chat": chat.described,
            "from": sender,
            **content,
        }
        chat.add(message, reply_to)
        return message


_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_METHODS: dict[str, Callable[[BotApi, Json], Any]] = {
    "getme": BotApi._get_me,
    "getupdates": BotApi._get_updates,
    "setwebhook": BotApi._set_webhook,
    "deletewebhook": BotApi._delete_webhook,
    "getwebhookinfo": BotApi._get_webhook_info,
    "leavechat": BotApi._leave_chat,
    "setmycommands": BotApi._set_my_commands,
    "sendmessage": BotApi._send_message,
    "senddocument": BotApi._send_document,
    "getfile": BotApi._get_file,
    "editmessagetext": BotApi._edit_message_text,
    "editmessagecaption": BotApi._edit_message_caption,
    "editmessagereplymarkup": BotApi._edit_message_reply_markup,
    "answercallbackquery": BotApi._answer_callback_query,
    "sendchataction": BotApi._send_chat_action,
}


def _described(file: StoredFile) -> Json:
    return {
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "file_name": file.name,
        "mime_type": file.media_type,
        "file_size": len(file.body),
    }
