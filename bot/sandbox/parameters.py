"""What stands in a request, checked as strictly as Telegram checks it."""

import json
from collections.abc import Container
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox import markup
from bot.sandbox.faults import ApiError, bad
from bot.sandbox.files import MAX_FILE, Upload
from bot.sandbox.markup import Formatted, MarkupError

Json = dict[str, Any]

MAX_UNITS = 4_096
MAX_CAPTION = 1_024
MAX_DATA_BYTES = 64
MAX_COPY = 256
MAX_ENTITIES = 100
MAX_BUTTONS = 100


def document(parameters: Json) -> Upload | str:
    """The file to send, or the id of one that was sent before."""
    given = parameters.get("document")
    if isinstance(given, str) and given.startswith("attach://"):
        given = parameters.get(given.removeprefix("attach://"))
        if not isinstance(given, Upload):
            raise bad("there is no document in the request")
    if not given:
        raise bad("there is no document in the request")
    if not isinstance(given, Upload):
        return str(given)
    if not given.body:
        raise bad("file must be non-empty")
    if len(given.body) > MAX_FILE:
        raise ApiError(413, "Request Entity Too Large")
    return given


def content(parameters: Json, *, too_long: str) -> Formatted:
    """The text of a message; `too_long`: what is said when it is."""
    words = _formatted(parameters, "text")
    if not words.text.strip():
        raise bad("message text is empty")
    if markup.units(words.text) > MAX_UNITS:
        raise bad(too_long)
    return words


def caption(parameters: Json, *, too_long: str) -> Formatted:
    """The words under a document, which may be none."""
    words = _formatted(parameters, "caption")
    if markup.units(words.text) > MAX_CAPTION:
        raise bad(too_long)
    return words


def _formatted(parameters: Json, name: str) -> Formatted:
    source = str(parameters.get(name) or "")
    mode = str(parameters.get("parse_mode") or "").lower()
    if mode not in {"", "html"}:
        raise bad("unsupported parse_mode")
    try:
        words = markup.parse(source) if mode else markup.plain(source)
    except MarkupError as error:
        raise bad(f"can't parse entities: {error}") from error
    # Telegram drops the surplus without a word.
    return replace(words, entities=words.entities[:MAX_ENTITIES])


def keyboard(parameters: Json) -> Json | None:
    """The buttons under a message."""
    value = parameters.get("reply_markup")
    if not value:
        return None
    return _keyboard_in(value) if isinstance(value, str) else _checked(value)


@lru_cache(maxsize=1_024)  # a bot shows the same to many
def _keyboard_in(value: str) -> Json:
    return _checked(_decoded(value))


def _checked(given: Any) -> Json:
    rows = given.get("inline_keyboard") if isinstance(given, dict) else None
    if not isinstance(rows, list) or any(not isinstance(row, list) for row in rows):
        raise bad("object expected as reply markup")
    if sum(map(len, rows)) > MAX_BUTTONS:
        raise bad("reply markup is too long")
    for button in (button for row in rows for button in row):
        _check_button(button)
    return {"inline_keyboard": [row for row in rows if row]}


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or not str(button.get("text", "")).strip():
        raise bad(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    kinds = [kind for kind in ("callback_data", "url", "copy_text") if kind in button]
    if len(kinds) != 1:
        raise bad(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    match kinds[0]:
        case "callback_data":
            if not 1 <= len(str(button["callback_data"]).encode()) <= MAX_DATA_BYTES:
                raise bad("BUTTON_DATA_INVALID")
        case "url":
            url = str(button["url"])
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https", "tg"}:
                raise bad(
                    f"inline keyboard button URL '{url}' is invalid: Unsupported URL protocol"
                )
            if not parts.hostname or "." not in parts.hostname:
                raise bad(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
        case _:
            copied = button["copy_text"]
            text = copied.get("text", "") if isinstance(copied, dict) else ""
            if not 1 <= len(text) <= MAX_COPY:
                raise bad("BUTTON_COPY_TEXT_INVALID")


def reply_to(parameters: Json, known: Container[int]) -> int | None:
    """Number of the message that is replied to, among the known ones of the chat."""
    given = parameters.get("reply_parameters")
    if not given:
        return None
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise bad("can't parse reply parameters JSON object") from error
    if not isinstance(given, dict):
        raise bad("can't parse reply parameters: object expected as reply parameters")
    wanted = integer(given.get("message_id"), 0)
    if wanted in known:
        return wanted
    if truth(given.get("allow_sending_without_reply")):
        return None
    raise bad("message to be replied not found")


def kinds(parameters: Json) -> tuple[str, ...] | None:
    """The kinds of updates that are asked for; None: as before."""
    given = parameters.get("allowed_updates")
    if given is None or given == "":
        return None
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise bad("can't parse allowed updates JSON object") from error
    if not isinstance(given, list):
        raise bad("can't parse allowed updates: expected an Array of String")
    return tuple(str(kind).lower() for kind in given)


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError) as error:
        raise bad("can't parse reply keyboard markup JSON object") from error


def items(value: Any) -> list[Json]:
    """The objects of an array, which may still be JSON."""
    decoded = _decoded(value) if isinstance(value, str) else value
    return [item for item in decoded or [] if isinstance(item, dict)]


def integer(value: Any, default: int) -> int:
    """A whole number, or the default for what is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def number(value: Any, default: float) -> float:
    """A number, or the default for what is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def truth(value: Any) -> bool:
    """Whether it is true, as JSON or as a form writes it."""
    return str(value).lower() in {"true", "1"}
