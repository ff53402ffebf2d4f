"""Logging to standard error: no token, and nothing that a person wrote.

Three things are held here, whoever logs:

- What is known to be secret, and what looks like a token, is taken out of whole lines.
- An exception is its type and where it happened. Its message and its locals may hold somebody's
  words (`KeyError` quotes the key, Telegram quotes the text), so they are never shown.
- What other libraries log is shown as they wrote it in their code, without the values. (One of
  them logs a whole answer of Telegram's when it cannot be read.)
"""

import asyncio
import copy
import faulthandler
import io
import logging
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from enum import Enum
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Protocol, TextIO
from urllib.parse import quote

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

TOKEN = re.compile(r"\d{3,20}(?::|%3[Aa])[A-Za-z0-9_-]{20,}")
MOST_FRAMES = 25
"""Of an exception, from where it was raised upwards: endless recursion has a thousand."""
MOST_EXCEPTIONS = 8
"""Of a chain, and of a group."""
SHORTEST_SECRET = 4
"""A secret of fewer letters stands in ordinary words."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OURS = Path(__file__).resolve().parents[1]
_RESERVED = frozenset(RESERVED_ATTRS) | {"message", "asctime", "taskName"}
_QUIET = (
    "aiohttp",
    "httpx",
    "httpcore",
    "telegram",
    "tornado",
    "asyncio",
    "aiosqlite",
    "fpdf",
    "fontTools",
)

log = logging.getLogger(__name__)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Secret(Protocol):
    """A text that must not be shown."""

    def reveal(self) -> str:
        """The text itself."""
        ...


def set_up(level: str, secrets: Iterable[Secret] = ()) -> None:
    """Log to standard error from now on, and what is not caught anywhere too.

    Args:
        level: The least level that is shown.
        secrets: What must not stand in any line, such as the bot's token.
    """
    stream = sys.stderr
    terminal = stream is not None and stream.isatty()
    form: logging.Formatter = Lines(secrets) if terminal else Objects(secrets)
    handler = Output(stream)
    handler.setFormatter(form)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They log every request with its address, and Telegram's addresses hold the token.
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    # The sandbox's refusals are for the bot to log.
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    sys.excepthook = _on_uncaught
    threading.excepthook = _on_thread_error
    sys.unraisablehook = _on_unraisable
    warnings.showwarning = _on_warning
    with suppress(AttributeError, OSError, ValueError, io.UnsupportedOperation):
        faulthandler.enable(stream)  # a crash of the interpreter: the stacks, without values


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Log what nobody awaited in this loop, too."""
    loop.set_exception_handler(_on_loop_error)


def log_turn(kind: str, language: str, topic: str, outcome: str, ms: float) -> None:
    """The one line about an update; how long it took in milliseconds."""
    said = {"kind": kind, "language": language, "topic": topic, "outcome": outcome}
    log.info("update", extra={**said, "ms": round(ms)})


class Lines(logging.Formatter):
    """Lines for people.

    On the handler's formatter and not on a logger: a logger's filter does not see the records
    of its children.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = _pattern(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The line, with its fields behind it, and where an exception happened below it."""
        return self._secrets.sub("<secret>", super().format(_cleaned(record)))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """One line, whatever is in it: nobody writes lines of their own, or moves the cursor."""
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = super().formatMessage(record) + fields
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """Types and places."""
        return "\n".join(_told(ei[1]))


class Objects(JsonFormatter):
    """JSON for machines, an object a line."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "message": "event"},
            timestamp="time",
        )
        self._secrets = _pattern(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The object, with its fields beside the event."""
        return self._secrets.sub("<secret>", super().format(_cleaned(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """Types and places."""
        return "\n".join(_told(ei[1]))


class Output(logging.StreamHandler[TextIO]):
    """Standard error; a line that cannot be written is left out, without its values."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say where the line comes from; python would print its arguments."""
        said = "a log line cannot be written: %s:%d"
        place = (_place(record.pathname), record.lineno)
        instead = logging.LogRecord(__name__, logging.ERROR, "", 0, said, place, None)
        with suppress(Exception):
            self.stream.write(self.format(instead) + self.terminator)
            self.flush()


def _pattern(secrets: Iterable[Secret]) -> re.Pattern[str]:
    """Matches all of them, however they stand in an address, and what looks like a token."""
    words: set[str] = set()
    for secret in secrets:
        text = secret.reveal()
        words |= {text, quote(text, safe=""), text.partition(":")[2]}
    known = sorted((w for w in words if len(w) >= SHORTEST_SECRET), key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, known), TOKEN.pattern]))


def _cleaned(record: logging.LogRecord) -> logging.LogRecord:
    """A copy of the record, of which no part says more than it may."""
    ours = record.name.partition(".")[0] == "bot"
    clean = copy.copy(record)
    # Filled by whoever formatted it before us.
    clean.exc_text = None
    clean.stack_info = None
    if not ours:
        place = f"{_place(record.pathname)}:{record.lineno}"
        said = record.msg if record.args and isinstance(record.msg, str) else "a message"
        clean.msg, clean.args = "%s (%s)", (said, place)
    elif isinstance(record.args, Mapping):
        clean.args = {name: _plain(value) for name, value in record.args.items()}
    elif record.args:
        clean.args = tuple(map(_plain, record.args))
    if ours and not isinstance(record.msg, str):
        clean.msg = _plain(record.msg)
    for name in _fields(record):
        clean.__dict__[name] = _plain(record.__dict__[name]) if ours else None
        if not ours:
            del clean.__dict__[name]
    return clean


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was given with `extra`."""
    return {k: v for k, v in record.__dict__.items() if k not in _RESERVED and k[0] != "_"}


def _plain(value: object) -> object:
    """A value whose every letter is known to come from us; of anything else its class."""
    match value:
        case Enum():
            return value.name.lower()
        case None | str() | int() | float() | date() | timedelta() | PurePath():
            return value
        case type():
            return value.__name__
        case BaseException():
            return type(value).__name__
        case _:
            return f"<{type(value).__name__}>"


def _told(error: BaseException | None) -> Iterator[str]:
    """An exception and what it came from, the last one first: types and places alone."""
    seen: set[int] = set()
    ahead: list[tuple[str, BaseException | None]] = [("", error)]
    while ahead:
        role, one = ahead.pop(0)
        if one is None or id(one) in seen:
            continue
        if len(seen) == MOST_EXCEPTIONS:
            yield "and more"
            return
        seen.add(id(one))
        yield role + f"{type(one).__module__}.{type(one).__qualname__}".removeprefix("builtins.")
        frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(one.__traceback__)]
        for code, line in frames[-MOST_FRAMES:]:
            yield f"  {_place(code.co_filename)}:{line} in {code.co_name}"
        if isinstance(one, BaseExceptionGroup):
            ahead += [("in it: ", inner) for inner in one.exceptions]
        if one.__cause__ is not None:
            ahead.append(("caused by ", one.__cause__))
        elif not one.__suppress_context__:
            ahead.append(("while handling ", one.__context__))


def _place(filename: str) -> str:
    """A file, from the package on: where it lies on the disk concerns nobody."""
    path = PurePath(filename)
    if path.is_relative_to(_OURS) and "site-packages" not in path.parts:
        return path.relative_to(_OURS).as_posix()
    return "/".join(path.parts[-2:])


def _on_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        log.warning("interrupted")
    else:
        log.critical("an error that nobody caught", exc_info=(kind, error, trace))


def _on_thread_error(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        known = (args.exc_type, args.exc_value, args.exc_traceback)
        log.critical("an error that nobody caught, in a thread", exc_info=known)


def _on_unraisable(args: "sys.UnraisableHookArgs") -> None:
    # Not `args.object`: what it shows of itself may be anything.
    log.error("an error that could not be raised", exc_info=args.exc_value or False)


def _on_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Not `context["message"]`: it may hold a callback with its arguments.
    error = context.get("exception")
    if error is None:
        log.error("an error in the event loop")
    else:
        log.error("an error that nobody awaited", exc_info=error)


def _on_warning(  # noqa: PLR0917 - as python calls it
    message: Warning | str,  # noqa: ARG001 - may quote what it warns of
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the log is where it goes
    line: str | None = None,  # noqa: ARG001
) -> None:
    log.warning("%s at %s:%d", category, _place(filename), lineno)
