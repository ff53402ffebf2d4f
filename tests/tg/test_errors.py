"""Each error of the Bot API at each call: what is done, what is waited for, what is logged.

Through the real library: only the transport below it is ours.
"""

import asyncio
import io
import logging
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx
import pytest
from telegram import Bot
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, TelegramError
from telegram.request import HTTPXRequest

from bot import logs
from bot.dialogue.replies import Appointment, Attachment, Record, Reply, Turn
from bot.knowledge.markup import Bold, Paragraph, Plain
from bot.metrics import Metrics
from bot.tg.errors import Meaning, describe, judge
from bot.tg.events import Origin
from bot.tg.pace import Pace
from bot.tg.sender import LONGEST_TRYING_S, LONGEST_WAIT_S, Delivered, Sender

CHAT, NEW_CHAT, MESSAGE = 4_815_162_342, 1_623_428_154, 77
TOKEN = "123456789:AAcanarycanarycanarycanarycanary"  # noqa: S105 - looks like one, opens nothing
TOPIC = "private-messages"
SAID = "Ada Lovelace & friends"
QUOTED = "Ada's own words"
"""What a server may quote in its description of an error."""

SENT, PERHAPS, REFUSED, SLOWED, UNREACHED, GONE = Delivered
FILE = Attachment("ada.ics", Appointment("en", "x", "y", datetime(2026, 12, 21, tzinfo=UTC)))


def json(code, description, **parameters):
    body = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return lambda _: httpx.Response(code, json=body)


def bad(description):
    return json(400, f"Bad Request: {description}")


def page(code):
    return lambda _: httpx.Response(code, text=f"<html>{code} {QUOTED}</html>")


def broken(error):
    def fail(request):
        raise error(QUOTED, request=request)

    return fail


FAULTS = {
    "slow down": (json(429, "Too Many Requests: retry after 7", retry_after=7), Meaning.SLOW_DOWN),
    "429 without a time": (json(429, "Too Many Requests"), Meaning.NOT_DONE),
    "429 page": (page(429), Meaning.NOT_DONE),
    "no connection": (broken(httpx.ConnectError), Meaning.NOT_DONE),
    "no connection in time": (broken(httpx.ConnectTimeout), Meaning.NOT_DONE),
    "no free connection": (broken(httpx.PoolTimeout), Meaning.NOT_DONE),
    "no proxy": (broken(httpx.ProxyError), Meaning.NOT_DONE),
    "500": (json(500, "Internal Server Error"), Meaning.NOT_DONE),
    "502": (json(502, "Bad Gateway"), Meaning.NOT_DONE),
    "502 page": (page(502), Meaning.NOT_DONE),
    "503 page": (page(503), Meaning.NOT_DONE),
    "400 page": (page(400), Meaning.NOT_DONE),
    "403 page": (page(403), Meaning.NOT_DONE),
    "404 page": (page(404), Meaning.NOT_DONE),
    "409 page": (page(409), Meaning.NOT_DONE),
    "no answer": (broken(httpx.ReadTimeout), Meaning.NO_ANSWER),
    "not all written in time": (broken(httpx.WriteTimeout), Meaning.NO_ANSWER),
    "lost while reading": (broken(httpx.ReadError), Meaning.BROKEN_OFF),
    "lost while writing": (broken(httpx.WriteError), Meaning.BROKEN_OFF),
    "closed": (broken(httpx.RemoteProtocolError), Meaning.BROKEN_OFF),
    "504 page": (page(504), Meaning.BROKEN_OFF),
    "504": (json(504, "Gateway Timeout"), Meaning.BROKEN_OFF),
    "200 page": (page(200), Meaning.BROKEN_OFF),
    "half of an answer": (
        lambda _: httpx.Response(200, text='{"ok":true,"result":{"text":"' + QUOTED),
        Meaning.BROKEN_OFF,
    ),
    "not modified": (
        bad("message is not modified: specified new message content and reply markup are …"),
        Meaning.ALREADY_SO,
    ),
    "too old": (
        bad("query is too old and response timeout expired or query ID is invalid"),
        Meaning.NOBODY_WAITS,
    ),
    "edit: gone": (bad("message to edit not found"), Meaning.NOT_EDITABLE),
    "edit: cannot": (bad("message can't be edited"), Meaning.NOT_EDITABLE),
    "edit: no text": (bad("there is no text in the message to edit"), Meaning.NOT_EDITABLE),
    "edit: no message": (bad("MESSAGE_ID_INVALID"), Meaning.NOT_EDITABLE),
    "reply: gone": (bad("message to be replied not found"), Meaning.NOT_QUOTABLE),
    "entities": (
        bad(f'can\'t parse entities: Unsupported start tag "{QUOTED}" at byte offset 3'),
        Meaning.NOT_PARSED,
    ),
    "too long": (bad("message is too long"), Meaning.TOO_LONG),
    "caption": (bad("message caption is too long"), Meaning.TOO_LONG),
    "413": (json(413, "Request Entity Too Large"), Meaning.TOO_LONG),
    "413 page": (page(413), Meaning.TOO_LONG),
    "moved": (
        json(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            migrate_to_chat_id=NEW_CHAT,
        ),
        Meaning.MOVED,
    ),
    "no chat": (bad("chat not found"), Meaning.GONE),
    "no user": (bad("user not found"), Meaning.GONE),
    "no peer": (bad("PEER_ID_INVALID"), Meaning.GONE),
    "deactivated, 400": (bad("user is deactivated"), Meaning.GONE),
    "blocked": (json(403, "Forbidden: bot was blocked by the user"), Meaning.GONE),
    "deactivated": (json(403, "Forbidden: user is deactivated"), Meaning.GONE),
    "kicked": (json(403, "Forbidden: bot was kicked from the group chat"), Meaning.GONE),
    "other": (bad(f"BUTTON_URL_INVALID {QUOTED}"), Meaning.REFUSED),
    "other, in quoted words": (bad(f"Wrong HTTP URL {QUOTED} chat not found"), Meaning.REFUSED),
    "token": (json(401, "Unauthorized"), Meaning.FATAL),
    "no such bot": (json(404, "Not Found"), Meaning.FATAL),
    "two of us": (json(409, "Conflict: terminated by other getUpdates request"), Meaning.FATAL),
}

ALL = ("sendMessage", "sendDocument", "editMessageText", "answerCallbackQuery")
NEW, EDIT, QUERY = ALL[:2], ALL[2:3], ALL[3:]
ONCE, ALWAYS = 1, 1_000
# Meaning, calls, how often it fails: calls made to the method, then to sendMessage; pauses; what
# became of it. A turn without replies is always delivered: only its button is not answered.
TABLE = [
    (Meaning.SLOW_DOWN, NEW + EDIT + QUERY, ONCE, 2, 0, [7.0], SENT),
    (Meaning.SLOW_DOWN, NEW + EDIT, ALWAYS, 2, 0, [7.0], SLOWED),
    (Meaning.SLOW_DOWN, QUERY, ALWAYS, 2, 0, [7.0], SENT),
    (Meaning.NOT_DONE, ALL, ONCE, 2, 0, [0.75], SENT),
    (Meaning.NOT_DONE, NEW + EDIT, ALWAYS, 3, 0, [0.75, 1.5], UNREACHED),
    (Meaning.NOT_DONE, QUERY, ALWAYS, 3, 0, [0.75, 1.5], SENT),
    *(
        row
        for meaning in (Meaning.NO_ANSWER, Meaning.BROKEN_OFF)
        for row in (
            (meaning, NEW, ONCE, 1, 0, [], PERHAPS),
            (meaning, NEW, ALWAYS, 1, 0, [], PERHAPS),
            (meaning, EDIT + QUERY, ONCE, 2, 0, [0.75], SENT),
            (meaning, EDIT, ALWAYS, 3, 0, [0.75, 1.5], PERHAPS),
            (meaning, QUERY, ALWAYS, 3, 0, [0.75, 1.5], SENT),
        )
    ),
    (Meaning.ALREADY_SO, ALL, ALWAYS, 1, 0, [], SENT),
    (Meaning.NOBODY_WAITS, ALL, ALWAYS, 1, 0, [], SENT),
    (Meaning.NOT_EDITABLE, NEW, ALWAYS, 1, 0, [], REFUSED),
    (Meaning.NOT_EDITABLE, EDIT, ALWAYS, 1, 1, [], SENT),
    (Meaning.NOT_EDITABLE, QUERY, ALWAYS, 1, 0, [], SENT),
    (Meaning.NOT_QUOTABLE, NEW, ONCE, 2, 0, [], SENT),
    (Meaning.NOT_QUOTABLE, NEW, ALWAYS, 2, 0, [], REFUSED),
    (Meaning.NOT_QUOTABLE, EDIT, ALWAYS, 1, 0, [], REFUSED),
    (Meaning.NOT_QUOTABLE, QUERY, ALWAYS, 1, 0, [], SENT),
    (Meaning.NOT_PARSED, NEW + EDIT, ONCE, 2, 0, [], SENT),
    (Meaning.NOT_PARSED, NEW + EDIT, ALWAYS, 2, 0, [], REFUSED),
    (Meaning.NOT_PARSED, QUERY, ALWAYS, 1, 0, [], SENT),
    (Meaning.TOO_LONG, NEW + EDIT, ALWAYS, 1, 0, [], REFUSED),
    (Meaning.TOO_LONG, QUERY, ALWAYS, 1, 0, [], SENT),
    (Meaning.MOVED, NEW, ONCE, 2, 0, [], SENT),
    (Meaning.MOVED, NEW, ALWAYS, 2, 0, [], REFUSED),
    (Meaning.MOVED, EDIT, ALWAYS, 1, 1, [], SENT),
    (Meaning.MOVED, QUERY, ALWAYS, 1, 0, [], SENT),
    (Meaning.GONE, NEW + EDIT, ALWAYS, 1, 0, [], GONE),
    (Meaning.GONE, QUERY, ALWAYS, 1, 0, [], SENT),
    (Meaning.REFUSED, NEW + EDIT, ALWAYS, 1, 0, [], REFUSED),
    (Meaning.REFUSED, QUERY, ALWAYS, 1, 0, [], SENT),
    (Meaning.FATAL, ALL, ALWAYS, 1, 0, [], None),
]
CASES = [
    pytest.param(fault, method, times, made, others, waits, became, id=f"{name}-{method}-{times}")
    for meaning, methods, times, made, others, waits, became in TABLE
    for method in methods
    for name, (fault, means) in FAULTS.items()
    if means is meaning
]


class Server:
    """Telegram, as far as a transport sees it: one method fails a number of times."""

    def __init__(self):
        self.calls = []
        self.fault = None
        self.failing = ""
        self.times = 0
        self.after = 0

    async def __call__(self, request):
        method = request.url.path.rpartition("/")[2]
        body = await request.aread()
        self.calls.append((method, body))
        if method == self.failing and self.times:
            if self.after:
                self.after -= 1
            else:
                self.times -= 1
                return self.fault(request)
        chat = {"id": CHAT, "type": "private"}
        message = {"message_id": MESSAGE, "date": 0, "chat": chat, "text": "x"}
        result = True if method == "answerCallbackQuery" else message
        return httpx.Response(200, json={"ok": True, "result": result})

    def made(self, method):
        return [body for called, body in self.calls if called == method]


class Time:
    """Passes only while somebody waits; what is waited for is written down."""

    def __init__(self):
        self.waits = []

    def __call__(self):
        return sum(self.waits)

    async def sleep(self, seconds):
        self.waits.append(seconds)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
async def bot(server):
    transport = httpx.MockTransport(server)
    request = HTTPXRequest(httpx_kwargs={"transport": transport, "verify": False})
    yield Bot(TOKEN, request=request, get_updates_request=request)
    await request.shutdown()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def sender(bot, time, metrics):
    return Sender(
        bot,
        sleep=time.sleep,
        make=lambda _: b"BEGIN",
        random=lambda: 0.5,
        clock=time,
        metrics=metrics,
    )


@pytest.fixture
def written():
    """What stands in the log, of all loggers, as it would be on the disk."""
    stream = io.StringIO()
    handler = logs.Output(stream)
    handler.setFormatter(logs.Lines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream.getvalue
    root.removeHandler(handler)
    root.setLevel(level)


def reply(**fields):
    return Reply((Paragraph((Plain("Dear "), Bold(SAID))),), **fields)


def turn(*replies):
    return Turn(replies, Record("pressed", "en", "shown", TOPIC))


def asked_for(method):
    """A turn that makes a call, and where it comes from."""
    match method:
        case "sendMessage":
            return turn(reply(quotes=True)), Origin(CHAT, answers=MESSAGE)
        case "sendDocument":
            return turn(reply(attachment=FILE, quotes=True)), Origin(CHAT, answers=MESSAGE)
        case "editMessageText":
            return turn(reply(edits=True)), Origin(CHAT, message=MESSAGE)
        case _:
            return turn(), Origin(CHAT, query="9")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_each_error_has_its_meaning(server, bot, fault):
    """As the library raises it, and what is said of it quotes nobody."""
    server.fault, meaning = fault
    server.failing, server.times = "sendMessage", 1
    with pytest.raises(TelegramError) as caught:
        await bot.send_message(CHAT, "x")
    assert judge(caught.value) is meaning
    assert QUOTED.lower() not in describe(caught.value).lower()


def test_the_table_is_whole():
    """Every meaning, at every call."""
    assert {meaning for _, meaning in FAULTS.values()} == set(Meaning)
    assert {(meaning, method) for meaning, methods, *_ in TABLE for method in methods} == {
        (meaning, method) for meaning in Meaning for method in ALL
    }


@pytest.mark.parametrize(("fault", "method", "times", "made", "others", "waits", "became"), CASES)
async def test_each_error_at_each_call(
    server, sender, time, metrics, written, fault, method, times, made, others, waits, became
):
    """So many calls and no more, so long a wait, the outcome that the caller acts on."""
    server.fault, server.failing, server.times = fault, method, times
    doing = sender.carry_out(*asked_for(method))
    if became is None:
        with pytest.raises((Conflict, InvalidToken)):
            await doing
    else:
        assert await doing is became
    assert len(server.made(method)) == made
    assert len(server.calls) - made == others
    assert len(server.made("sendMessage")) == (made if method == "sendMessage" else others)
    assert time.waits == waits
    counted = [
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "optout_api_calls_total"
    ]
    assert sum(counted) == len(server.calls)
    lines = written()
    for personal in (str(CHAT), str(NEW_CHAT), TOKEN, SAID, "Lovelace", QUOTED, "ada", "&amp;"):
        assert personal.lower() not in lines.lower()
    if became in {REFUSED, UNREACHED, PERHAPS}:
        assert f"topic={TOPIC}" in lines


@pytest.mark.parametrize("method", NEW + EDIT)
async def test_markup_that_is_not_taken_is_left_out(server, sender, metrics, written, method):
    """The same words, once, without parse_mode; the log names the topic, and it is counted."""
    server.fault, server.failing, server.times = FAULTS["entities"][0], method, ONCE
    assert await sender.carry_out(*asked_for(method)) is SENT
    first, second = (body.decode() for body in server.made(method))
    assert "parse_mode" in first
    assert "parse_mode" not in second
    if method == "sendDocument":
        assert f"Dear {SAID}" in second
    else:
        assert parse_qs(second)["text"] == [f"Dear {SAID}"]
    (line,) = [line for line in written().splitlines() if "ERROR bot" in line]
    assert line.endswith(f"topic={TOPIC}")
    assert metrics.registry.get_sample_value("optout_replies_unparsed_total") == 1


async def test_a_chat_that_moved_gets_its_message(server, sender):
    """Under the new id; the old message is not there to reply to."""
    server.fault, server.failing, server.times = FAULTS["moved"][0], "sendMessage", ONCE
    await sender.carry_out(*asked_for("sendMessage"))
    before, after = (parse_qs(body.decode()) for body in server.made("sendMessage"))
    assert (before["chat_id"], after["chat_id"]) == ([str(CHAT)], [str(NEW_CHAT)])
    assert "reply_parameters" in before
    assert "reply_parameters" not in after


async def test_a_message_that_is_gone_is_not_replied_to(server, sender):
    """The answer goes all the same."""
    server.fault, server.failing, server.times = FAULTS["reply: gone"][0], "sendMessage", ONCE
    await sender.carry_out(*asked_for("sendMessage"))
    quoting = ["reply_parameters" in parse_qs(b.decode()) for b in server.made("sendMessage")]
    assert quoting == [True, False]


async def test_too_long_a_wait_is_not_begun(server, sender, time):
    """A turn that would wait longer ends at once."""
    seconds = int(LONGEST_WAIT_S) + 1
    server.fault = json(429, "Too Many Requests", retry_after=seconds)
    server.failing, server.times = "sendMessage", ONCE
    assert await sender.carry_out(*asked_for("sendMessage")) is SLOWED
    assert (len(server.calls), time.waits) == (1, [])


async def test_trying_ends_in_time(server, bot, time):
    """Calls that take long are not tried again when the time for trying is over."""

    def slow(request):
        time.waits.append(LONGEST_TRYING_S - 1)
        raise httpx.ConnectTimeout("", request=request)

    server.fault, server.failing, server.times = slow, "sendMessage", ALWAYS
    sender = Sender(bot, sleep=time.sleep, random=lambda: 1.0, clock=time)
    assert await sender.carry_out(*asked_for("sendMessage")) is UNREACHED
    assert len(server.calls) == 1


@pytest.mark.parametrize("random", [0.0, 1.0])
async def test_tries_are_spread_and_bounded(server, bot, time, random):
    """Between half a second and three in all, by chance."""
    server.fault, server.failing, server.times = FAULTS["500"][0], "sendMessage", ALWAYS
    sender = Sender(bot, sleep=time.sleep, random=lambda: random, clock=time)
    await sender.carry_out(*asked_for("sendMessage"))
    assert time.waits == [0.5 * (1 + random), 1.0 * (1 + random)]


@pytest.mark.parametrize("name", ["slow down", "500"])
async def test_told_to_stop_nobody_waits(server, bot, name):
    """The wait ends at once, and no further call is made."""
    stop, waiting = asyncio.Event(), asyncio.Event()

    async def sleep(_):
        waiting.set()
        await asyncio.Event().wait()

    server.fault, server.failing, server.times = FAULTS[name][0], "sendMessage", ALWAYS
    sender = Sender(bot, sleep=sleep, stop=stop)
    doing = asyncio.create_task(sender.carry_out(*asked_for("sendMessage")))
    await waiting.wait()
    stop.set()
    assert await doing in {SLOWED, UNREACHED}
    assert len(server.calls) == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("name", "made", "became"),
    [
        ("blocked", 2, GONE),
        ("500", 4, UNREACHED),
        ("no answer", 3, PERHAPS),
        ("other", 3, REFUSED),
    ],
)
async def test_the_second_of_three_messages_fails(server, sender, name, made, became):
    """In order; the third is sent where it can be, and the worst is what is told."""
    server.fault, server.failing, server.after = FAULTS[name][0], "sendMessage", 1
    server.times = 1 if made == 3 else ALWAYS
    three = turn(*(Reply((Paragraph((Plain(word),)),)) for word in ("one", "two", "three")))
    assert await sender.carry_out(three, Origin(CHAT)) is became
    said = [parse_qs(body.decode())["text"][0] for body in server.made("sendMessage")]
    assert len(said) == made
    assert said == sorted(said, key=["one", "two", "three"].index)


@pytest.mark.parametrize("name", ["too old", "500", "lost while reading", "other", "slow down"])
@pytest.mark.parametrize("edits", [True, False])
async def test_a_button_that_cannot_be_answered_shows_its_screen(server, sender, name, edits):
    """What fails there keeps nobody from the reply."""
    server.fault, server.failing, server.times = FAULTS[name][0], "answerCallbackQuery", ALWAYS
    shown = await sender.carry_out(turn(reply(edits=edits)), Origin(CHAT, "9", MESSAGE))
    assert shown is SENT
    assert server.made("editMessageText" if edits else "sendMessage")


@pytest.mark.parametrize("failing", ["answerCallbackQuery", "editMessageText"])
async def test_answering_and_editing_end_together(server, sender, failing):
    """A token that is refused at one of them comes out, and nothing is left running."""
    server.fault, server.failing, server.times = FAULTS["token"][0], failing, ONCE
    with pytest.raises(InvalidToken):
        await sender.carry_out(turn(reply(edits=True)), Origin(CHAT, "9", MESSAGE))
    assert {method for method, _ in server.calls} == {"answerCallbackQuery", "editMessageText"}
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_words_of_a_description_count_only_where_it_begins():
    """An address that somebody made up deletes nobody's rows."""
    assert judge(BadRequest("Wrong HTTP URL: https://x.example/chat not found")) is Meaning.REFUSED
    assert describe(BadRequest(f"Whatever {QUOTED}")) == "BadRequest"
    assert describe(BadRequest("Chat not found")) == "BadRequest (chat not found)"


def test_a_bad_request_is_no_network_error():
    """It is one to the library, and would be tried again."""
    assert issubclass(BadRequest, NetworkError)
    assert judge(BadRequest("x")) is Meaning.REFUSED
    assert judge(NetworkError("x")) is Meaning.NOT_DONE


def test_a_chat_gets_about_a_message_a_second():
    """A short burst, then one a second; others need not wait; a group one in three seconds."""
    now = [100.0]
    pace = Pace(lambda: now[0])
    assert [pace.reserve(CHAT) for _ in range(5)] == [0, 0, 0, 1, 2]
    assert pace.reserve(NEW_CHAT) == 0
    assert [pace.reserve(-5) for _ in range(5)] == [0, 0, 0, 3, 6]
    now[0] += 20
    assert pace.reserve(CHAT) == 0
    assert len(pace) == 1  # the others lie in the past


def test_told_to_slow_down_all_chats_together_get_thirty_messages_a_second():
    """A hundred people at once are answered within about three seconds; else none need wait."""
    now = [100.0]
    pace = Pace(lambda: now[0])
    assert not any(pace.reserve(person) for person in range(1, 101))
    pace.slow_down()
    waits = [pace.reserve(person) for person in range(201, 301)]
    assert waits == sorted(waits)
    assert max(waits) == pytest.approx(99 / 30)
    assert pace.spread() == pytest.approx(100 / 30)
    now[0] += 61
    assert not any(pace.reserve(person) for person in range(301, 401))


async def test_messages_to_a_chat_keep_their_order_and_their_pace(server, sender, time):
    """Five in one turn: three at once, then a second before each."""
    words = [str(number) for number in range(5)]
    await sender.carry_out(turn(*(Reply((Paragraph((Plain(w),)),)) for w in words)), Origin(CHAT))
    said = [parse_qs(body.decode())["text"][0] for body in server.made("sendMessage")]
    assert said == words
    assert time.waits == [1.0, 1.0]
