"""What reaches the log: never a token, never somebody's words."""

import io
import json
import logging
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from bot import logs
from bot.settings import Secret

TOKEN = "123456789:AAcanary_token-canary_token-canary0"  # noqa: S105 - opens nothing
WEBHOOK = "swordfish-of-the-host"
WORDS = "my-ex-husband-reads-my-posts"

MISHAPS = """
import asyncio, gc, logging, os, sys, threading, warnings
from bot import logs
from bot.settings import Secret
from telegram import Bot
from telegram.ext import Application

TOKEN, WEBHOOK, WORDS = sys.argv[1:4]
if sys.argv[4] == "terminal":
    sys.stderr.isatty = lambda: True
logs.set_up("DEBUG", (Secret(TOKEN), Secret(WEBHOOK)))
log = logging.getLogger("bot.x")


class Telling:
    def __repr__(self):
        return WORDS

    def __del__(self):
        if WORDS:
            raise KeyError(WORDS)


class TellingError(Exception):
    def __str__(self):
        return WORDS


def fail(words):
    unused = words
    try:
        {}[words]
    except KeyError as error:
        try:
            raise TellingError(words) from error
        except TellingError:
            group = ExceptionGroup(words, [ValueError(words), OSError(5, words)])
            group.add_note(words)
            raise group


application = Application.builder().token(TOKEN).build()
log.info("the token is %s", TOKEN)
log.info("and " + TOKEN.partition(":")[2] + " and %s", TOKEN.replace(":", "%3A"))
log.error("%r %s %(x)s" if False else "%r %s", application, application.bot)
log.error("they are " + repr(application) + repr(application.bot))
log.error({"token": TOKEN, "words": WORDS})
log.error("%(one)s", {"one": ValueError(WORDS)})
log.info("the webhook has %s", WEBHOOK, extra={"secret": WEBHOOK, "what": Telling})
log.info("a telling thing: %s %s", Telling(), [WORDS], extra={"thing": [WORDS]})
log.info("%d pieces", WORDS)
log.info("too many", WORDS)
try:
    fail(WORDS)
except Exception as error:
    log.exception("it failed: %s", error)
    log.warning("with its stack: %s", type(error), exc_info=error, stack_info=True)
    logging.getLogger("telegram.request").error('not JSON: "%s"', WORDS, exc_info=True)
    logging.getLogger("someone").error(f"f-strings: {WORDS}")
    logging.getLogger("httpx").info("POST %s", TOKEN)
    logging.getLogger("tornado.general").error("said: %s" % WORDS)
    logging.getLogger("someone").error("x", extra={"words": WORDS})
warnings.warn(WORDS, stacklevel=1)
gc.collect()

thread = threading.Thread(target=fail, args=(WORDS,), name=WORDS)
thread.start()
thread.join()


async def main():
    loop = asyncio.get_running_loop()
    if sys.argv[5] == "watched":
        logs.watch(loop)

    async def task(words):
        fail(words)

    lost = asyncio.ensure_future(task(WORDS))
    await asyncio.wait([lost])
    del lost
    gc.collect()
    loop.call_soon(fail, WORDS)
    loop.call_exception_handler({"message": WORDS, "handle": WORDS})
    await asyncio.sleep(0)
    await asyncio.sleep(0)


asyncio.run(main())
print("reached the end")
sys.stdout.flush()
fail(WORDS)
"""


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", script, *arguments], capture_output=True, timeout=60
    )


@pytest.mark.slow  # a process each
@pytest.mark.parametrize("form", ["terminal", "pipe"])
@pytest.mark.parametrize("loop", ["watched", "as it comes"])
def test_nothing_secret_or_personal_is_in_the_bytes(form, loop):
    """Whatever goes wrong, wherever: all that the process wrote is looked through."""
    done = run(MISHAPS, TOKEN, WEBHOOK, WORDS, form, loop)
    assert (done.stdout, done.returncode) == (b"reached the end\n", 1)
    said = done.stderr.decode()
    for secret in (TOKEN, TOKEN.partition(":")[2], "canary", WEBHOOK, "swordfish", WORDS, "ex-hus"):
        assert secret not in said
    for expected in (
        "the token is <secret>",
        "it failed: ExceptionGroup",
        "KeyError",
        "TellingError",
        "caused by KeyError",
        "in it: OSError",
        "in fail",
        "UserWarning at",
        "an error that could not be raised",
        "an error that nobody caught, in a thread",
        "a telling thing: <Telling> <list>",
        "a log line cannot be written",
        "not JSON: ",
    ):
        assert expected in said
    # Uncaught errors: in the main thread, in another, in a task, in a callback; each once.
    assert said.count("an error that nobody caught, in a thread") == 1
    assert said.count("an error that nobody caught") == 2
    if loop == "watched":
        assert said.count("an error that nobody awaited") == 2
    if form == "pipe":
        assert all(json.loads(line)["event"] for line in said.splitlines())


def test_a_crash_of_the_interpreter_shows_the_stack_alone():
    """Functions and lines, no values."""
    script = (
        "import faulthandler, os, signal, sys\nfrom bot import logs\nlogs.set_up('INFO')\n"
        "def crash(words):\n    os.kill(os.getpid(), signal.SIGSEGV)\ncrash(sys.argv[1])"
    )
    done = run(script, WORDS)
    assert b"Segmentation fault" in done.stderr
    assert b"in crash" in done.stderr
    assert WORDS.encode() not in done.stderr


@pytest.fixture(params=[logs.Lines, logs.Objects], ids=["lines", "objects"])
def form(request):
    return request.param


@pytest.fixture
def written(form):
    """A log of our own, and what it has written."""
    stream = io.StringIO()
    handler = logs.Output(stream)
    handler.setFormatter(form((Secret(TOKEN), Secret("a"), Secret(""))))
    log = logging.getLogger("bot")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield stream.getvalue
    log.removeHandler(handler)
    log.setLevel(level)


def test_a_turn_is_one_line_with_fields(written, form):
    """What the host may count by: kind, language, topic, outcome, milliseconds."""
    logs.log_turn("asked", "fr", "deadline", "answer", 12.6)
    if form is logs.Objects:
        line = json.loads(written())
        assert line.pop("time").startswith("20")
        assert line == {
            "level": "INFO",
            "logger": "bot.logs",
            "event": "update",
            "kind": "asked",
            "language": "fr",
            "topic": "deadline",
            "outcome": "answer",
            "ms": 13,
        }
    else:
        expected = (
            "INFO bot.logs: update kind=asked language=fr topic=deadline outcome=answer ms=13"
        )
        assert written().endswith(f" {expected}\n")


def test_nobody_writes_lines_of_their_own(written, form):
    """A line break, or what moves a terminal's cursor, stays within the line."""
    logging.getLogger("bot").info("one %s", "two\nINFO three\x1b[2J\u2028\x9b\r")
    assert written().count("\n") == 1
    assert len(written().splitlines()) == 1
    assert "\x1b" not in written()


def test_plain_values_are_shown(written):
    """Numbers, words of ours, times, paths, kinds: a log that says nothing helps nobody."""
    values = (
        3,
        2.5,
        "x",
        None,
        timedelta(seconds=1),
        Path("data") / "x",
        KeyError,
        KeyError(WORDS),
    )
    logging.getLogger("bot").info("%d %.1f %s %s %s %s %s %s", *values)
    assert "3 2.5 x None 0:00:01 data/x KeyError KeyError" in written()


def test_a_secret_of_one_letter_does_not_eat_the_words(written):
    """Nor does one that is not set."""
    logging.getLogger("bot").info("a banana")
    assert "a banana" in written()


def test_endless_recursion_is_some_lines_long(written, form):
    """And a chain of a hundred exceptions, too."""

    def deep(depth):
        return deep(depth - 1) if depth else int(WORDS)

    try:
        deep(500)
    except ValueError as error:
        last = error
        logging.getLogger("bot").exception("deep")
    for _ in range(100):
        following = KeyError(WORDS)
        following.__cause__ = last
        last = following
    logging.getLogger("bot").error("chained", exc_info=last)
    breaks = written().count("\n") + written().count("\\n")
    assert breaks < 2 + logs.MOST_FRAMES + 10 * logs.MOST_EXCEPTIONS


def test_the_record_itself_is_left_alone(written, caplog):
    """Other handlers get what was logged."""
    caplog.set_level(logging.INFO)
    error = KeyError(WORDS)
    logging.getLogger("bot").info("%s", error)
    assert caplog.records[0].args == (error,)
    assert WORDS not in written()


def test_what_another_handler_made_of_an_exception_is_not_taken_over(written):
    """Python keeps the first formatter's traceback in the record, with its message."""
    try:
        int(WORDS)
    except ValueError:
        record = logging.getLogger("bot").makeRecord(
            "bot", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info()
        )
    assert WORDS in logging.Formatter().format(record)
    logging.getLogger("bot").handle(record)
    assert "ValueError" in written()
    assert WORDS not in written()


def test_libraries_are_quiet():
    """They log each request with its address; ours is told with the level that was asked for."""
    script = (
        "import logging\nfrom bot import logs\nlogs.set_up('DEBUG')\n"
        "names = ('httpx', 'httpcore.http11', 'telegram.ext', 'tornado.general', 'asyncio', "
        "'aiosqlite', 'bot.x')\n"
        "print([n for n in names if logging.getLogger(n).isEnabledFor(logging.INFO)])"
    )
    assert run(script).stdout == b"['bot.x']\n"
