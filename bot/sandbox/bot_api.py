"""Telegram's Bot API as far as we use it: chats in memory, strict checks, faults on request."""

import asyncio
import json
import re
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox import markup
from bot.sandbox.files import MAX_FILE, Files, StoredFile, Upload
from bot.sandbox.markup import Formatted, MarkupError

Json = dict[str, Any]

MAX_UNITS = 4_096
MAX_CAPTION = 1_024
MAX_DATA_BYTES = 64
MAX_COPY = 256
MAX_NOTICE = 200
MAX_ENTITIES = 100
MAX_BUTTONS = 100
MAX_COMMANDS = 100
LONGEST_POLL_S = 50.0


class ApiError(Exception):
    """What Telegram answers instead of a result."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def _bad(description: str) -> ApiError:
    return ApiError(400, f"Bad Request: {description}")


@dataclass(slots=True)
class Fault:
    """Something that is to go wrong."""

    method: str = "*"
    """The method it strikes; `*`: any but getUpdates."""
    code: int = 0
    """An error code to answer with: 429, 500 …; 0: no error."""
    retry_after: int = 1
    latency_s: float = 0.0
    drop: bool = False
    """Close the connection without an answer."""
    times: int = 1
    """How many calls it strikes."""


@dataclass(slots=True)
class Chat:
    """A private chat with one person."""

    id: int
    language: str
    messages: dict[int, Json] = field(default_factory=dict)
    last_message: int = 0
    queries: dict[str, bool] = field(default_factory=dict)
    """Callback queries by id, and whether they were answered."""
    listeners: list[Callable[[Json], None]] = field(default_factory=list)

    def tell(self, event: Json) -> None:
        """Show something to whoever looks at the chat."""
        for listener in tuple(self.listeners):
            listener(event)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the bot made, for tests to look at."""

    method: str
    parameters: Json
    error: str = ""


class BotApi:
    """The server's state, and what its methods do."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token or f"{secrets.randbelow(10**9) + 10**8}:{secrets.token_urlsafe(26)}"
        self.chats: dict[int, Chat] = {}
        self.commands: dict[str, list[Json]] = {}
        self.files = Files()
        self.faults: list[Fault] = []
        self.calls: deque[Call] = deque(maxlen=1_000)
        self.confirmed = 0
        """The id of the newest update that the bot has confirmed."""
        self.unanswered: set[str] = set()
        """Callback queries that the bot has not answered yet."""
        self._updates: deque[Json] = deque(maxlen=10_000)
        self._next_update = secrets.randbelow(10**8) + 1
        self._changed = asyncio.Condition()
        self._polls = 0

    # -- the person's side --------------------------------------------------------------------

    def join(self, language: str, chat_id: int | None = None) -> Chat:
        """A person opens a chat with the bot (again, if the id is known)."""
        if chat_id is not None and chat_id in self.chats:
            chat = self.chats[chat_id]
            chat.language = language
            return chat
        chat = Chat(chat_id or secrets.randbelow(10**9) + 10**9, language)
        self.chats[chat.id] = chat
        return chat

    def adopt(self, chat: Chat, messages: list[Json]) -> None:
        """Take over what a page still shows after the server was started anew.

        Files are not brought along: the page is told which ones are gone.
        """
        for message in messages:
            number = message.get("message_id")
            if not isinstance(number, int) or number in chat.messages:
                continue
            chat.messages[number] = message
            chat.last_message = max(chat.last_message, number)
            document = message.get("document")
            if isinstance(document, dict) and not self.files.get(str(document.get("file_id"))):
                message.pop("held", None)
                chat.tell({"type": "edit", "message": message})

    async def say(self, chat: Chat, text: str) -> int:
        """The person sends a text; gives the id of the update."""
        message = self._message(chat, self._person(chat), _worded("text", markup.plain(text)))
        if text.startswith("/"):
            length = len(text.split(maxsplit=1)[0])
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        chat.tell({"type": "message", "message": message})
        return await self._queue({"message": _public(message)})

    async def press(self, chat: Chat, message_id: int, data: str) -> tuple[int, str]:
        """The person presses a button; gives the ids of the update and of the query."""
        message = chat.messages.get(message_id)
        query = str(secrets.randbelow(10**18))
        chat.queries[query] = False
        self.unanswered.add(query)
        update = await self._queue(
            {
                "callback_query": {
                    "id": query,
                    "from": self._person(chat),
                    "chat_instance": str(chat.id),
                    "data": data,
                    **({"message": _public(message)} if message else {}),
                }
            }
        )
        return update, query

    async def feed(self, update: Json) -> int:
        """Queue any update at all; for tests."""
        return await self._queue(update)

    def _person(self, chat: Chat) -> Json:
        return {
            "id": chat.id,
            "is_bot": False,
            "first_name": "You",
            **({"language_code": chat.language} if chat.language else {}),
        }

    async def _queue(self, content: Json) -> int:
        update = {"update_id": self._next_update, **content}
        self._next_update += 1
        self._updates.append(update)
        async with self._changed:
            self._changed.notify_all()
        return int(update["update_id"])

    # -- the bot's side -----------------------------------------------------------------------

    async def call(self, method: str, parameters: Json) -> Any:
        """What a method gives. Files stand among the parameters as `Upload`.

        Raises:
            ApiError: what Telegram would answer instead.
        """
        handler = _METHODS.get(method.lower())
        if not handler:
            raise ApiError(404, "Not Found")
        try:
            result = await handler(self, parameters)
        except ApiError as error:
            self._record(method, parameters, error.description)
            raise
        self._record(method, parameters)
        return result

    def _record(self, method: str, parameters: Json, error: str = "") -> None:
        if method.lower() != "getupdates":
            kept = {
                name: value.name if isinstance(value, Upload) else value
                for name, value in parameters.items()
            }
            self.calls.append(Call(method, kept, error))

    def fault_for(self, method: str) -> Fault | None:
        """The fault that strikes this call, if one was asked for; it is used up by one."""
        for fault in self.faults:
            if fault.method in {method, "*"} and (method != "getUpdates" or fault.method != "*"):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    async def _get_me(self, _: Json) -> Json:
        return self.me

    @property
    def me(self) -> Json:
        """The bot as a user."""
        return {
            "id": int(self.token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Opt-out assistant",
            "username": "optout_sandbox_bot",
            "can_join_groups": False,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    async def _get_updates(self, parameters: Json) -> list[Json]:
        offset = _integer(parameters.get("offset"), 0)
        limit = min(max(_integer(parameters.get("limit"), 100), 1), 100)
        timeout = min(_number(parameters.get("timeout"), 0), LONGEST_POLL_S)
        self._polls += 1
        mine = self._polls
        async with self._changed:
            self._changed.notify_all()  # ends an older poll, as Telegram does
            self._confirm(offset)
            deadline = time.monotonic() + timeout
            while not self._updates and (left := deadline - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(self._changed.wait(), left)
                except TimeoutError:
                    break
                if mine != self._polls:
                    raise ApiError(
                        409,
                        "Conflict: terminated by other getUpdates request; make sure that only "
                        "one bot instance is running",
                    )
            return list(self._updates)[:limit]

    def _confirm(self, offset: int) -> None:
        while self._updates and self._updates[0]["update_id"] < offset:
            self.confirmed = self._updates.popleft()["update_id"]

    async def settled(self, update: int) -> None:
        """Wait until the bot has confirmed an update: it is in the bot's own queue then."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.confirmed >= update)

    async def _delete_webhook(self, _: Json) -> bool:
        return True

    async def _set_my_commands(self, parameters: Json) -> bool:
        commands = _list(parameters.get("commands"))
        if len(commands) > MAX_COMMANDS:
            raise _bad("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            name, text = str(command.get("command", "")), str(command.get("description", ""))
            if not _COMMAND.fullmatch(name):
                raise _bad("BOT_COMMAND_INVALID")
            if not 1 <= len(text) <= 256:  # noqa: PLR2004
                raise _bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[str(parameters.get("language_code") or "")] = commands
        for chat in self.chats.values():
            chat.tell({"type": "commands", "commands": self.commands_for(chat.language)})
        return True

    def commands_for(self, language: str) -> list[Json]:
        """The menu of commands that a person sees."""
        return self.commands.get(language.partition("-")[0]) or self.commands.get("", [])

    async def _send_message(self, parameters: Json) -> Json:
        chat = self._chat(parameters)
        content = _content(parameters, too_long="message is too long")
        return self._send(chat, _worded("text", content), _keyboard(parameters))

    async def _send_document(self, parameters: Json) -> Json:
        chat = self._chat(parameters)
        given = _document(parameters)
        caption = _caption(parameters, too_long="message caption is too long")
        keyboard = _keyboard(parameters)
        file = self.files.add(given) if isinstance(given, Upload) else self.files.get(given)
        if file is None:
            raise _bad("wrong file identifier/HTTP URL specified")
        content = {"document": _described(file), "held": True, **_worded("caption", caption)}
        return self._send(chat, content, keyboard)

    async def _get_file(self, parameters: Json) -> Json:
        file = self.files.get(str(parameters.get("file_id") or ""))
        if file is None:
            raise _bad("invalid file_id")
        return {
            "file_id": file.id,
            "file_unique_id": file.unique_id,
            "file_size": len(file.body),
            "file_path": file.path,
        }

    async def _edit_message_text(self, parameters: Json) -> Json:
        chat, message = self._editable(parameters)
        if "text" not in message:
            raise _bad("there is no text in the message to edit")
        content = _content(parameters, too_long="MESSAGE_TOO_LONG")
        return self._edit(chat, message, _worded("text", content), _keyboard(parameters))

    async def _edit_message_caption(self, parameters: Json) -> Json:
        chat, message = self._editable(parameters)
        if "document" not in message:
            raise _bad("there is no caption in the message to edit")
        caption = _caption(parameters, too_long="MEDIA_CAPTION_TOO_LONG")
        return self._edit(chat, message, _worded("caption", caption), _keyboard(parameters))

    async def _edit_message_reply_markup(self, parameters: Json) -> Json:
        chat, message = self._editable(parameters)
        return self._edit(chat, message, {}, _keyboard(parameters))

    def _editable(self, parameters: Json) -> tuple[Chat, Json]:
        chat = self._chat(parameters)
        message = chat.messages.get(_integer(parameters.get("message_id"), 0))
        if message is None:
            raise _bad("message to edit not found")
        if not message["from"]["is_bot"]:
            raise _bad("message can't be edited")
        return chat, message

    def _edit(self, chat: Chat, message: Json, content: Json, keyboard: Json | None) -> Json:
        """Put other words or other buttons in a message's place."""
        changed = {**content, "reply_markup": keyboard}
        before = {name: message.get(name) for name in changed}
        if all(
            (before[name] or None) == (changed[name] or None)
            for name in changed
            if name not in _PAGE_ONLY
        ):
            raise _bad(
                "message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message"
            )
        message.update(content, edit_date=int(time.time()))
        message.pop("reply_markup", None)
        if keyboard:
            message["reply_markup"] = keyboard
        chat.tell({"type": "edit", "message": message})
        return _public(message)

    async def _answer_callback_query(self, parameters: Json) -> bool:
        query = str(parameters.get("callback_query_id", ""))
        chat = next((c for c in self.chats.values() if query in c.queries), None)
        if chat is None or chat.queries[query]:
            raise _bad("query is too old and response timeout expired or query ID is invalid")
        text = str(parameters.get("text") or "")
        if len(text) > MAX_NOTICE:
            raise _bad("MESSAGE_TOO_LONG")
        chat.queries[query] = True
        self.unanswered.discard(query)
        alert = _truth(parameters.get("show_alert"))
        chat.tell({"type": "answer", "query": query, "text": text, "alert": alert})
        return True

    async def _send_chat_action(self, parameters: Json) -> bool:
        self._chat(parameters).tell({"type": "typing"})
        return True

    def _chat(self, parameters: Json) -> Chat:
        chat = self.chats.get(_integer(parameters.get("chat_id"), 0))
        if chat is None:
            raise _bad("chat not found")
        return chat

    def _send(self, chat: Chat, content: Json, keyboard: Json | None) -> Json:
        message = self._message(chat, self.me, content)
        if keyboard:
            message["reply_markup"] = keyboard
        chat.tell({"type": "message", "message": message})
        return _public(message)

    def _message(self, chat: Chat, sender: Json, content: Json) -> Json:
        chat.last_message += 1
        message: Json = {
            "message_id": chat.last_message,
            "date": int(time.time()),
            "chat": {"id": chat.id, "type": "private", "first_name": "You"},
            "from": sender,
            **content,
        }
        chat.messages[chat.last_message] = message
        return message


_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_METHODS: dict[str, Callable[[BotApi, Json], Any]] = {
    "getme": BotApi._get_me,
    "getupdates": BotApi._get_updates,
    "deletewebhook": BotApi._delete_webhook,
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


_PAGE_ONLY = frozenset({"tree", "held"})
"""What only the page needs of a message: the words as a tree; whether its file is still here."""


def _public(message: Json) -> Json:
    """A message as the bot gets it."""
    return {key: value for key, value in message.items() if key not in _PAGE_ONLY}


def _worded(name: str, content: Formatted) -> Json:
    """The words of a message, as its text or as the caption of its document."""
    entities = "entities" if name == "text" else f"{name}_entities"
    return {name: content.text.strip(), entities: content.entities, "tree": content.tree}


def _described(file: StoredFile) -> Json:
    return {
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "file_name": file.name,
        "mime_type": file.media_type,
        "file_size": len(file.body),
    }


def _document(parameters: Json) -> Upload | str:
    """The file to send, or the id of one that was sent before."""
    given = parameters.get("document")
    if isinstance(given, str) and given.startswith("attach://"):
        given = parameters.get(given.removeprefix("attach://"))
        if not isinstance(given, Upload):
            raise _bad("there is no document in the request")
    if not given:
        raise _bad("there is no document in the request")
    if not isinstance(given, Upload):
        return str(given)
    if not given.body:
        raise _bad("file must be non-empty")
    if len(given.body) > MAX_FILE:
        raise ApiError(413, "Request Entity Too Large")
    return given


def _content(parameters: Json, *, too_long: str) -> Formatted:
    content = _formatted(parameters, "text")
    if not content.text.strip():
        raise _bad("message text is empty")
    if markup.units(content.text) > MAX_UNITS:
        raise _bad(too_long)
    return content


def _caption(parameters: Json, *, too_long: str) -> Formatted:
    content = _formatted(parameters, "caption")
    if markup.units(content.text) > MAX_CAPTION:
        raise _bad(too_long)
    return content


def _formatted(parameters: Json, name: str) -> Formatted:
    source = str(parameters.get(name) or "")
    mode = str(parameters.get("parse_mode") or "").lower()
    if mode not in {"", "html"}:
        raise _bad("unsupported parse_mode")
    try:
        content = markup.parse(source) if mode else markup.plain(source)
    except MarkupError as error:
        raise _bad(f"can't parse entities: {error}") from error
    del content.entities[MAX_ENTITIES:]  # Telegram drops the surplus without a word
    return content


def _keyboard(parameters: Json) -> Json | None:
    value = parameters.get("reply_markup")
    if not value:
        return None
    keyboard = value if isinstance(value, dict) else _decoded(value)
    rows = keyboard.get("inline_keyboard") if isinstance(keyboard, dict) else None
    if not isinstance(rows, list) or any(not isinstance(row, list) for row in rows):
        raise _bad("object expected as reply markup")
    if sum(map(len, rows)) > MAX_BUTTONS:
        raise _bad("reply markup is too long")
    for button in (button for row in rows for button in row):
        _check_button(button)
    return {"inline_keyboard": [row for row in rows if row]}


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or not str(button.get("text", "")).strip():
        raise _bad(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    kinds = [kind for kind in ("callback_data", "url", "copy_text") if kind in button]
    if len(kinds) != 1:
        raise _bad(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    match kinds[0]:
        case "callback_data":
            if not 1 <= len(str(button["callback_data"]).encode()) <= MAX_DATA_BYTES:
                raise _bad("BUTTON_DATA_INVALID")
        case "url":
            url = str(button["url"])
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https", "tg"}:
                raise _bad(
                    f"inline keyboard button URL '{url}' is invalid: Unsupported URL protocol"
                )
            if not parts.hostname or "." not in parts.hostname:
                raise _bad(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
        case _:
            copied = button["copy_text"]
            text = copied.get("text", "") if isinstance(copied, dict) else ""
            if not 1 <= len(text) <= MAX_COPY:
                raise _bad("BUTTON_COPY_TEXT_INVALID")


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError) as error:
        raise _bad("can't parse reply keyboard markup JSON object") from error


def _list(value: Any) -> list[Json]:
    decoded = _decoded(value) if isinstance(value, str) else value
    return [item for item in decoded or [] if isinstance(item, dict)]


def _integer(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def _number(value: Any, default: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _truth(value: Any) -> bool:
    return str(value).lower() in {"true", "1"}
