"""Files, long captions and Telegram's errors: what the sender makes of a reply."""

import asyncio
import json
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from phone import keys, labels
from plain import plain_bot
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TimedOut
from telegram.request import HTTPXRequest

from bot.dialogue.replies import Appointment, Attachment, Record, Reply, Tap, Turn
from bot.knowledge.markup import Bold, Paragraph, Plain
from bot.sandbox import markup
from bot.sandbox.bot_api import Fault
from bot.sandbox.server import serve
from bot.tg.events import Origin
from bot.tg.pace import Pace
from bot.tg.sender import LONGEST_WAIT_S, Delivered, Sender

BODY = b"%PDF-1.4\x00\xff\r\n"
LETTER = Attachment(
    "letter.pdf",
    Appointment("en", "Reply due", "Look for an answer", datetime(2026, 12, 21, 9, tzinfo=UTC)),
)
ROWS = ((Tap("Back", "1.en.p.home"),),)


@pytest.fixture
async def server():
    async with serve("127.0.0.1", 0) as sandbox:
        yield sandbox


@pytest.fixture
async def bot(server):
    async with plain_bot(server.token, base_url=server.api_url) as bot:
        server.api.calls.clear()
        yield bot


@pytest.fixture
def chat(server):
    return server.api.join("en")


@pytest.fixture
def waits():
    return []


@pytest.fixture
def sender(bot, waits):
    async def wait(seconds):
        waits.append(seconds)

    return Sender(bot, sleep=wait, make=lambda _: BODY)


def words(text):
    return Paragraph((Plain(text),))


def reply(*blocks, edits=False, attachment=LETTER, rows=ROWS):
    return Reply(blocks or (words("Your letter"),), rows, edits, attachment)


def turn(*replies):
    return Turn(replies, Record("pressed", "en", "shown"))


def stored(server, message):
    return server.api.files.get(message["document"]["file_id"]).body


async def test_a_file_goes_with_its_words_and_buttons(server, sender, chat):
    """One message: the document, the words as its caption, the buttons under it."""
    await sender.send(reply(Paragraph((Bold("Your"), Plain(" <letter> & more")))), chat.id)
    (message,) = chat.messages.values()
    assert message["document"]["file_name"] == "letter.pdf"
    assert stored(server, message) == BODY
    assert message["caption"] == "Your <letter> & more"
    assert [e["type"] for e in message["caption_entities"]] == ["bold"]
    assert labels(message) == ["Back"]


async def test_a_file_without_words_is_just_a_file(sender, chat):
    """No empty caption, no dots in its place."""
    await sender.send(Reply((), (), attachment=LETTER), chat.id)
    (message,) = chat.messages.values()
    assert message["caption"] == ""
    assert "reply_markup" not in message


@pytest.mark.parametrize("sign", ["x", "𝔘", "<"], ids=["one unit", "two units", "escaped"])
async def test_a_caption_is_used_to_its_limit_and_not_beyond(sender, chat, sign):
    """1,024 UTF-16 units as people see them: one message; one more: two, the file below."""
    fitting = sign * (1_024 // markup.units(sign))
    await sender.send(reply(words(fitting)), chat.id)
    (whole,) = chat.messages.values()
    assert whole["caption"] == fitting
    chat.messages.clear()
    await sender.send(reply(words(fitting + "x")), chat.id)
    text, document = chat.messages.values()
    assert text["text"] == fitting + "x"
    assert not keys(text)
    assert (document["caption"], labels(document)) == ("", ["Back"])


async def test_words_of_several_messages_stand_before_the_file(sender, chat):
    """In their order; the buttons are under the last thing."""
    blocks = [words(letter * 3_000) for letter in "abc"]
    await sender.send(reply(*blocks), chat.id)
    messages = list(chat.messages.values())
    assert [m.get("text", "")[:1] for m in messages] == ["a", "b", "c", ""]
    assert [bool(keys(m)) for m in messages] == [False, False, False, True]


async def test_a_file_never_takes_a_messages_place(server, sender, chat):
    """A reply that would edit becomes a new message when it carries a file."""
    await sender.send(reply(attachment=None), chat.id)
    _, query = await server.api.press(chat, 1, "x")
    await sender.carry_out(turn(reply(edits=True)), Origin(chat.id, query, 1))
    assert ["document" in m for m in chat.messages.values()] == [False, True]
    assert [c.method for c in server.api.calls][-2:] == ["answerCallbackQuery", "sendDocument"]


@pytest.mark.parametrize(
    "make", [lambda _: 1 // 0, lambda _: b""], ids=["an exception", "an empty file"]
)
async def test_a_file_that_cannot_be_made_leaves_the_words(bot, chat, caplog, make):
    """Text and buttons arrive; the log says the kind of the error and nothing else."""
    caplog.set_level(logging.INFO, "bot")
    origin = Origin(chat.id)
    await Sender(bot, make=make).carry_out(turn(reply(words("secret words"))), origin)
    (message,) = chat.messages.values()
    assert (message["text"], labels(message)) == ("secret words", ["Back"])
    (record,) = [r for r in caplog.records if r.name.startswith("bot")]
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith("a file could not be made: ")
    for personal in ("secret", "letter.pdf", str(chat.id), "division"):
        assert personal not in caplog.text


async def test_a_file_is_made_beside_the_event_loop(bot, chat):
    """In a thread: others are served meanwhile."""
    served = threading.Event()
    threads = []

    def make(_):
        threads.append(threading.current_thread())
        return BODY if served.wait(10) else b""

    async def serve_others():
        await bot.get_me()
        served.set()

    await asyncio.gather(Sender(bot, make=make).send(reply(), chat.id), serve_others())
    assert threads[0] is not threading.main_thread()
    assert "document" in chat.messages[1]


async def test_told_to_slow_down_the_whole_file_is_sent_again(server, bot, chat, waits):
    """Once, all its bytes, and made only once."""
    made = []

    async def wait(seconds):
        waits.append(seconds)

    def make(attachment):
        made.append(attachment)
        return BODY * 1_000

    server.api.faults.append(Fault(method="sendDocument", code=429, retry_after=7))
    await Sender(bot, sleep=wait, make=make).send(reply(), chat.id)
    (message,) = chat.messages.values()
    assert stored(server, message) == BODY * 1_000
    assert (waits, made) == ([7.0], [LETTER])


async def test_told_to_wait_for_too_long_it_says_so_to_who_sends(server, sender, chat, waits):
    """`send` lets the error out, and a turn ends quietly."""
    wait = LONGEST_WAIT_S + 1
    server.api.faults.append(Fault(method="sendDocument", code=429, retry_after=wait, times=2))
    with pytest.raises(RetryAfter):
        await sender.send(reply(), chat.id)
    assert await sender.carry_out(turn(reply()), Origin(chat.id)) is Delivered.SLOWED
    assert not chat.messages
    assert not waits


async def test_an_upload_that_timed_out_is_not_repeated(server, chat):
    """It may have arrived: nobody gets a letter twice."""
    arrived = asyncio.Event()
    chat.listeners.append(lambda _: arrived.set())
    impatient = HTTPXRequest(read_timeout=0.5)
    async with plain_bot(server.token, base_url=server.api_url, request=impatient) as bot:
        server.api.faults.append(Fault(method="sendDocument", latency_s=1))
        with pytest.raises(TimedOut):
            await Sender(bot, make=lambda _: BODY).send(reply(), chat.id)
    await asyncio.wait_for(arrived.wait(), 10)
    assert len(chat.messages) == 1
    assert [c.method for c in server.api.calls] == ["getMe", "sendDocument"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(code=403), Forbidden),
        (Fault(code=500), NetworkError),
        (Fault(drop=True), NetworkError),
    ],
    ids=["blocked", "500", "dropped"],
)
@pytest.mark.parametrize("attachment", [LETTER, None], ids=["file", "words"])
async def test_send_lets_errors_out(server, sender, chat, fault, error, attachment):
    """Whoever sends a reminder must know whether it went."""
    server.api.faults.append(Fault(code=fault.code, drop=fault.drop))
    with pytest.raises(error):
        await sender.send(reply(attachment=attachment), chat.id)
    assert not chat.messages


async def test_send_to_nobody(sender):
    """A chat that is not there is an error of Telegram too."""
    with pytest.raises(BadRequest, match="hat not found"):
        await sender.send(reply(attachment=None), 7)


async def test_send_never_edits(server, sender, chat):
    """Also not a reply that could."""
    await sender.send(reply(attachment=None, edits=True), chat.id)
    assert [c.method for c in server.api.calls] == ["sendMessage"]


async def test_a_screen_without_buttons_takes_the_old_ones_away(sender, chat):
    """Nobody presses what is over."""
    await sender.send(reply(attachment=None), chat.id)
    assert labels(chat.messages[1])
    await sender.carry_out(
        turn(reply(words("Done"), attachment=None, edits=True, rows=())), Origin(chat.id, None, 1)
    )
    (message,) = chat.messages.values()
    assert (message["text"], labels(message)) == ("Done", [])


async def test_the_pace_that_is_given_is_kept_though_nothing_was_sent_yet(bot, chat, waits):
    """A pace without messages counts as empty; it is a pace all the same."""

    async def wait(seconds):
        waits.append(seconds)

    pace = Pace(lambda: 0.0)
    sender = Sender(bot, sleep=wait, pace=pace)
    for _ in range(4):
        await sender.send(reply(attachment=None), chat.id)
    assert waits == [1.0]
    assert len(pace) == 1


async def test_a_button_under_a_file_gives_a_new_message(server, sender, chat):
    """The file has no text to edit: the next screen stands below it, and the file stays."""
    await sender.send(reply(), chat.id)
    _, query = await server.api.press(chat, 1, "1.en.p.home")
    screen = reply(words("Home"), attachment=None, edits=True)
    await sender.carry_out(turn(screen), Origin(chat.id, query, 1))
    file, home = chat.messages.values()
    assert (file["document"]["file_name"], file["caption"]) == ("letter.pdf", "Your letter")
    assert (home["text"], labels(home)) == ("Home", ["Back"])
    assert not server.api.unanswered


async def test_a_double_tap_is_answered_twice_and_fails_nowhere(server, sender, chat, caplog):
    """Under a file, and on the button that sends one: the same thing twice, nothing waits."""
    caplog.set_level(logging.WARNING, "bot")
    await sender.send(reply(), chat.id)
    screen = turn(reply(words("Home"), attachment=None, edits=True))
    queries = [(await server.api.press(chat, 1, "x"))[1] for _ in range(2)]
    await asyncio.gather(*(sender.carry_out(screen, Origin(chat.id, q, 1)) for q in queries))
    assert [m.get("text") for m in chat.messages.values()] == [None, "Home", "Home"]
    queries = [(await server.api.press(chat, 2, "x"))[1] for _ in range(2)]
    await asyncio.gather(*(sender.carry_out(turn(reply()), Origin(chat.id, q, 2)) for q in queries))
    assert ["document" in m for m in chat.messages.values()] == [True, False, False, True, True]
    assert not server.api.unanswered
    assert not [record for record in caplog.records if record.name.startswith("bot")]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Widerspruch_Übergröße.pdf", "Widerspruch_Übergröße.pdf"),
        ('a"b.pdf', "a%22b.pdf"),
        ("safe\u202efdp.exe", "safefdp.exe"),
        ("x" * 300 + ".pdf", "x" * 60 + ".pdf"),
        ("../letter.pdf", "letter.pdf"),
    ],
    ids=["umlauts", "quote", "right to left", "long", "folder"],
)
async def test_any_name_reaches_the_person(server, sender, chat, name, shown):
    """Names of ours are plain; one that is not still sends the file."""
    await sender.send(reply(attachment=Attachment(name, LETTER.content)), chat.id)
    (message,) = chat.messages.values()
    assert message["document"]["file_name"] == shown
    assert stored(server, message) == BODY


async def test_by_default_the_file_is_a_real_one(server, bot, chat):
    """What the desk makes, at the present time."""
    days = {f"{datetime.now(UTC):%Y%m%d}"}
    await Sender(bot).send(reply(attachment=Attachment("reminder.ics", LETTER.content)), chat.id)
    days.add(f"{datetime.now(UTC):%Y%m%d}")
    (message,) = chat.messages.values()
    assert message["document"]["mime_type"] == "text/calendar"
    body = stored(server, message).decode()
    assert body.startswith("BEGIN:VCALENDAR")
    assert any(f"DTSTAMP:{day}T" in body for day in days)


async def test_a_reply_quotes_what_it_answers(server, sender, chat):
    """With its first message, and also where that one is gone; no other message does."""
    question = Origin(chat.id, answers=3)
    long = reply(words("a" * 3_000), words("b" * 3_000), attachment=None)
    await sender.carry_out(turn(replace(long, quotes=True), reply(attachment=None)), question)
    sent = [call.parameters for call in server.api.calls if call.method == "sendMessage"]
    (quoted,) = [call["reply_parameters"] for call in sent if "reply_parameters" in call]
    quoted = json.loads(quoted) if isinstance(quoted, str) else quoted
    assert quoted == {"message_id": 3, "allow_sending_without_reply": True}
    assert ["reply_parameters" in call for call in sent] == [True, False, False]


class Held:
    """A bot of which one call is answered only when another was made."""

    def __init__(self, bot):
        self._bot = bot
        self.made = []
        self.edited = asyncio.Event()

    def __getattr__(self, name):
        async def call(*values, **named):
            self.made.append(name)
            if name == "answer_callback_query" and not values[1]:
                await self.edited.wait()
            if name == "edit_message_text":
                self.edited.set()
            return await getattr(self._bot, name)(*values, **named)

        return call


async def test_the_next_screen_does_not_wait_for_the_answer(server, bot, chat):
    """Both are on their way at the same time; with a word to read, that comes first."""
    held = Held(bot)
    sender = Sender(held)
    await sender.send(reply(attachment=None), chat.id)
    screens = [turn(reply(words(word), attachment=None, edits=True)) for word in ("one", "two")]
    async with asyncio.timeout(10):
        _, query = await server.api.press(chat, 1, "x")
        first = await sender.carry_out(screens[0], Origin(chat.id, query, 1))
        _, query = await server.api.press(chat, 1, "x")
        second = replace(screens[1], notice="Done")
        second = await sender.carry_out(second, Origin(chat.id, query, 1))
    assert first is second is Delivered.SENT
    assert held.made[1:] == ["answer_callback_query", "edit_message_text"] * 2
    assert chat.messages[1]["text"] == "two"
    assert not server.api.unanswered


async def test_a_turn_that_is_cancelled_leaves_nothing_running(server, bot, chat):
    """Not the answer to the button either."""

    def running():
        return [task for task in asyncio.all_tasks() if "Sender._" in str(task.get_coro())]

    held, seen = Held(bot), asyncio.Event()
    await Sender(bot).send(reply(attachment=None), chat.id)
    _, query = await server.api.press(chat, 1, "x")
    held.edited.set = seen.set  # so that the answer waits for ever
    screen = turn(reply(words("one"), attachment=None, edits=True))
    doing = asyncio.create_task(Sender(held).carry_out(screen, Origin(chat.id, query, 1)))
    await asyncio.wait_for(seen.wait(), 10)
    assert running()
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing
    assert not running()


async def test_who_has_blocked_the_bot_is_told_of(server, sender, chat):
    """The caller deletes what is stored of them; nothing more is tried."""
    server.api.faults.append(Fault(method="sendMessage", code=403))
    twice = turn(reply(attachment=None), reply(attachment=None))
    assert await sender.carry_out(twice, Origin(chat.id)) is Delivered.GONE
    assert not chat.messages
