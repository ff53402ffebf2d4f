"""Files that the bot sends: taken as strictly as Telegram takes them, and given back as they were."""

import re
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain import plain_bot, plain_client
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputFile
from telegram.error import BadRequest

from bot.sandbox.bot_api import ApiError, BotApi
from bot.sandbox.files import MAX_FILE, MAX_FILES, MAX_STORED, Files, Upload, clean_name
from bot.sandbox.server import MAX_BODY, serve

PDF = b"%PDF-1.4\r\n--boundary\r\n\x00\xff%%EOF\r\n"


@pytest.fixture
async def server():
    async with serve("127.0.0.1", 0) as sandbox:
        yield sandbox


@pytest.fixture
async def bot(server):
    async with plain_bot(
        server.token, base_url=server.api_url, base_file_url=server.file_url
    ) as bot:
        yield bot


@pytest.fixture
async def client(server):
    async with plain_client(base_url=server.page_url) as client:
        yield client


@pytest.fixture
def chat(server):
    return server.api.join("en")


def document(**parameters):
    return {"document": Upload("letter.pdf", PDF), **parameters}


async def refused(parameters):
    api = BotApi()
    chat = api.join("en")
    with pytest.raises(ApiError) as caught:
        await api.call("sendDocument", {"chat_id": chat.id, **parameters})
    assert not chat.messages
    return str(caught.value)


@pytest.mark.parametrize("attach", [False, True], ids=["plain", "attach://"])
async def test_a_file_arrives_as_it_was_sent(bot, chat, attach):
    """Bytes, name, type, size, caption and buttons; both forms in which a file may be uploaded."""
    message = await bot.send_document(
        chat.id,
        InputFile(PDF, filename="letter.pdf", attach=attach),
        caption="<b>Your letter</b>",
        parse_mode="HTML",
    )
    sent = message.document
    assert (sent.file_name, sent.mime_type, sent.file_size) == (
        "letter.pdf",
        "application/pdf",
        len(PDF),
    )
    assert (message.caption, message.text) == ("Your letter", None)
    assert [e.type for e in message.caption_entities] == ["bold"]
    file = await bot.get_file(sent.file_id)
    assert bytes(await file.download_as_bytearray()) == PDF
    assert file.file_unique_id == sent.file_unique_id


async def test_a_file_can_be_sent_again_by_its_id(bot, chat):
    """Without uploading it once more."""
    first = await bot.send_document(chat.id, PDF, filename="letter.pdf")
    second = await bot.send_document(chat.id, first.document.file_id)
    assert second.document == first.document


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({}, "Bad Request: there is no document in the request"),
        ({"document": ""}, "Bad Request: there is no document in the request"),
        ({"document": "attach://nothing"}, "Bad Request: there is no document in the request"),
        ({"document": "attach://x", "x": "words"}, "Bad Request: there is no document in the request"),
        ({"document": "AgADunknown"}, "Bad Request: wrong file identifier/HTTP URL specified"),
        ({"document": Upload("empty.pdf", b"")}, "Bad Request: file must be non-empty"),
        ({"document": Upload("big.pdf", b"x" * (MAX_FILE + 1))}, "Request Entity Too Large"),
        (document(caption="x" * 1_025), "Bad Request: message caption is too long"),
        (document(caption="𝔘" * 513), "Bad Request: message caption is too long"),
        (document(caption="<b>x", parse_mode="HTML"), "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\" at byte offset 0"),
        (document(caption="x", parse_mode="Markdown"), "Bad Request: unsupported parse_mode"),
        (document(reply_markup={"inline_keyboard": [[{"text": "x"}]]}), "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        (document(chat_id=7), "Bad Request: chat not found"),
    ],
)  # fmt: skip
async def test_what_telegram_refuses_is_refused(parameters, description):
    """Each with its error, word for word; nothing of it is shown."""
    assert await refused(parameters) == description


async def test_what_fits_is_taken(bot, chat):
    """The limits themselves are still within; markup does not count; no caption is no error."""
    for parameters in (
        {"caption": "x" * 1_024},
        {"caption": f"<b>{'x' * 1_024}</b>", "parse_mode": "HTML"},
        {"caption": "𝔘" * 512},
        {},
    ):
        message = await bot.send_document(chat.id, PDF, filename="letter.pdf", **parameters)
        shown = re.sub("<[^>]*>", "", parameters.get("caption", ""))
        assert (message.caption or "") == shown
    whole = await bot.send_document(chat.id, b"x" * MAX_FILE, filename="big.pdf")
    assert whole.document.file_size == MAX_FILE


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"nothing at all", "multipart/form-data; boundary=x"),
        (b"--x\r\nno headers\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nnameless\r\n--x--\r\n",
         "multipart/form-data; boundary=x"),
        (b"nothing at all", "multipart/form-data"),
        (b"{", "application/json"),
    ],
    ids=["no parts", "no headers", "no name", "no boundary", "broken JSON"],
)  # fmt: skip
async def test_a_broken_upload_is_answered_in_the_apis_own_form(server, client, body, content_type):
    """400 as JSON, which python-telegram-bot can read; the server goes on."""
    url = f"{server.api_url}{server.token}/sendDocument"
    answer = await client.post(url, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert (answer.json()["ok"], answer.json()["error_code"]) == (False, 400)
    assert (await client.post(f"{server.api_url}{server.token}/getMe")).json()["ok"]


async def test_a_request_that_is_far_too_big_ends_the_connection(server, client):
    """It is refused by its announced length, before it is read."""
    url = f"{server.api_url}{server.token}/sendDocument"
    try:
        answer = await client.post(url, content=b"x" * (MAX_BODY + 1))
    except httpx.TransportError:
        return  # closed while we were still writing
    assert answer.status_code in {400, 413}


async def test_only_the_bot_downloads_by_path(server, bot, client, chat):
    """Another token, an unknown file, a way out of the folder: not found, nothing said."""
    sent = await bot.send_document(chat.id, PDF, filename="letter.pdf")
    path = server.api.files.get(sent.document.file_id).path
    assert (await client.get(f"/file/bot{server.token}/{path}")).content == PDF
    for wrong in (
        f"/file/bot1:wrong/{path}",
        f"/file/bot{server.token}/documents/file_99.pdf",
        f"/file/bot{server.token}/documents/..%2F..%2Fetc%2Fpasswd",
        f"/file/bot{server.token}/documents/%2e%2e/{path}",
        f"/file/bot{server.token}//etc/passwd",
        "/files/nothing",
        "/files/..%2Fpage%2Findex.html",
        f"/files/{path}",
    ):
        assert (await client.get(wrong)).status_code == 404, wrong
    with pytest.raises(BadRequest, match="nvalid file_id"):
        await bot.get_file("nothing")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("letter.pdf", "letter.pdf"),
        ("Widerspruch_Übergrößenträger.pdf", "Widerspruch_Übergrößenträger.pdf"),
        ("Αντίρρηση Възражение.pdf", "Αντίρρηση Възражение.pdf"),
        ('a"b.pdf', "a%22b.pdf"),  # httpx writes a quote so, and Telegram leaves it so
        ("it's <b>bold</b>.pdf", "b.pdf"),
        ("x&y*z?.pdf", "x y z.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("letter.pdf;.exe", "letter.pdf"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("\u200fמכתב.pdf", "מכתב.pdf"),
        ("e\u0301te\u0301.txt", "ete.txt"),
        ("a\r\nSet-Cookie: b.txt", "a%0D%0ASet-Cookie  b.txt"),
        ("😀.pdf", "pdf"),
        (".pdf", "pdf"),
        ("...", "file"),
        ("x" * 300 + ".pdf", "x" * 60 + ".pdf"),
        ("a." + "s" * 300, "a." + "s" * 20),
    ],
)  # fmt: skip
async def test_a_name_is_cleaned_and_comes_out_whole(bot, client, chat, sent, shown):
    """As TDLib cleans it: nobody is shown another suffix, and it survives the way to the browser."""
    message = await bot.send_document(chat.id, PDF, filename=sent)
    assert message.document.file_name == shown
    answer = await client.get(f"/files/{message.document.file_id}")
    assert answer.content == PDF
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="')
    assert disposition.endswith(f"filename*=UTF-8''{quote(shown, safe='')}")
    assert disposition.isascii()
    assert disposition.count('"') == 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("letter.PDF", "application/pdf"),
        ("letter.txt", "text/plain; charset=utf-8"),
        ("reminder.ics", "text/calendar; charset=utf-8"),
        ("page.html", "application/octet-stream"),
        ("picture.svg", "application/octet-stream"),
        ("letter", "application/octet-stream"),
    ],
)
async def test_a_file_cannot_act_as_a_page(bot, client, chat, name, kind):
    """It is saved, never shown: whatever it holds, it runs nothing in the chat page's origin."""
    message = await bot.send_document(chat.id, b"<script>alert(1)</script>", filename=name)
    headers = (await client.get(f"/files/{message.document.file_id}")).headers
    assert headers["Content-Type"] == kind
    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


@given(st.text(max_size=400))
def test_any_name_is_harmless(name):
    """Short, without folders, signs of HTML or headers; and clean already."""
    cleaned = clean_name(name)
    assert 1 <= len(cleaned) <= 81
    assert not set(cleaned) & set("<>:\"/\\|?*&`';\r\n\x00\u202e\u200f")
    assert cleaned not in {".", ".."}
    assert not cleaned.startswith((" ", "."))
    assert not cleaned.endswith((" ", "."))


@given(st.lists(st.integers(MAX_STORED // 9, MAX_STORED // 4), min_size=5, max_size=20))
def test_files_stay_within_their_memory(sizes):
    """The oldest go, by their id and by their path; the newest is always there."""
    files, store = [], Files()
    for size in sizes:
        files.append(store.add(Upload("x.pdf", memoryview(_ZEROS)[:size])))
        kept = [file for file in files if store.get(file.id)]
        assert sum(len(file.body) for file in kept) <= MAX_STORED
        assert kept == files[len(files) - len(kept) :]
        assert kept
        assert all(store.at(file.path) is store.get(file.id) for file in files)


_ZEROS = bytes(MAX_STORED // 4)


def test_many_small_files_are_bounded_too():
    """By their number."""
    store = Files()
    files = [store.add(Upload("x.pdf", b"x")) for _ in range(MAX_FILES + 5)]
    assert [store.get(file.id) is None for file in files] == [True] * 5 + [False] * MAX_FILES


async def test_calls_remember_the_name_and_not_the_bytes(bot, server, chat):
    """What tests look at does not hold every file that was ever sent."""
    await bot.send_document(chat.id, PDF, filename="letter.pdf")
    call = server.api.calls[-1]
    assert (call.method, call.parameters["document"]) == ("sendDocument", "letter.pdf")


async def test_a_document_is_edited_by_its_caption_and_its_buttons(bot, chat):
    """It has no text to edit; a message of words has no caption."""
    sent = await bot.send_document(chat.id, PDF, filename="letter.pdf", caption="one")
    with pytest.raises(BadRequest, match="here is no text in the message to edit"):
        await bot.edit_message_text("two", chat.id, sent.message_id)
    with pytest.raises(BadRequest, match="essage is not modified"):
        await bot.edit_message_caption(chat.id, sent.message_id, caption="one")
    with pytest.raises(BadRequest, match="edia_caption_too_long"):
        await bot.edit_message_caption(chat.id, sent.message_id, caption="x" * 1_025)
    edited = await bot.edit_message_caption(chat.id, sent.message_id, caption="two")
    assert (edited.caption, edited.document) == ("two", sent.document)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="x")]])
    pressed = await bot.edit_message_reply_markup(chat.id, sent.message_id, reply_markup=keyboard)
    assert (pressed.reply_markup, pressed.caption) == (keyboard, "two")
    with pytest.raises(BadRequest, match="essage is not modified"):
        await bot.edit_message_reply_markup(chat.id, sent.message_id, reply_markup=keyboard)
    words = await bot.send_message(chat.id, "words")
    with pytest.raises(BadRequest, match="here is no caption in the message to edit"):
        await bot.edit_message_caption(chat.id, words.message_id, caption="two")


async def test_after_a_restart_the_page_is_told_which_files_are_gone():
    """The page brings its messages along, but no files: their links would lead nowhere."""
    old, new = BotApi(), BotApi()
    chat = old.join("en")
    await old.call("sendDocument", {"chat_id": chat.id, **document(caption="x")})
    shown = dict(chat.messages[1])
    assert shown["held"]
    told = []
    again = new.join("en", chat.id)
    again.listeners.append(told.append)
    new.adopt(again, [shown, {"message_id": 2, "document": "odd"}])
    assert [(e["type"], e["message"]["message_id"]) for e in told] == [("edit", 1)]
    assert "held" not in told[0]["message"]
    edit = {"chat_id": chat.id, "message_id": 1, "caption": "y"}
    assert (await new.call("editMessageCaption", edit))["caption"] == "y"


async def test_the_bot_gets_nothing_that_is_meant_for_the_page(bot, server, client, chat):
    """Neither the tree of the words nor whether the file is still here."""
    await bot.send_document(chat.id, PDF, filename="letter.pdf", caption="x")
    await server.api.press(chat, 1, "data")
    updates = (await client.post(f"{server.api_url}{server.token}/getUpdates")).json()["result"]
    message = updates[0]["callback_query"]["message"]
    assert {"document", "caption", "caption_entities"} <= message.keys()
    assert not {"tree", "held", "text"} & message.keys()
