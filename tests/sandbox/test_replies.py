"""Messages that reply to others, as Telegram carries them."""

import pytest

from bot.sandbox.bot_api import ApiError, BotApi
from bot.sandbox.files import Upload


@pytest.fixture
def api():
    return BotApi()


@pytest.fixture
def chat(api):
    return api.join("en")


async def update_of(api, number):
    updates = await api.call("getUpdates", {})
    return next(update for update in updates if update["update_id"] == number)


async def send(api, chat, **given):
    return await api.call("sendMessage", {"chat_id": chat.id, "text": "An answer", **given})


@pytest.mark.parametrize(
    "given", [{"message_id": 1}, '{"message_id": 1}'], ids=["JSON", "a form's"]
)
async def test_an_answer_carries_the_question_it_replies_to(api, chat, given):
    """As the bot gets it, on the page, and under the buttons; without what only the page needs."""
    seen = []
    await api.say(chat, "A question")
    chat.listeners.append(seen.append)
    sent = await send(api, chat, reply_parameters=given)
    assert sent["reply_to_message"]["text"] == "A question"
    assert sent["reply_to_message"]["from"]["id"] == chat.id
    assert "tree" not in sent["reply_to_message"]
    assert seen[0]["message"]["reply_to_message"]["message_id"] == 1
    number, _ = await api.press(chat, sent["message_id"], "x")
    pressed = (await update_of(api, number))["callback_query"]["message"]
    assert pressed["reply_to_message"] == sent["reply_to_message"]


async def test_a_file_replies_too(api, chat):
    """sendDocument takes the same."""
    await api.say(chat, "A question")
    file = {"chat_id": chat.id, "document": Upload("a.pdf", b"x")}
    sent = await api.call("sendDocument", {**file, "reply_parameters": {"message_id": 1}})
    assert sent["reply_to_message"]["text"] == "A question"


async def test_what_is_replied_to_comes_without_what_it_replies_to(api, chat):
    """One level, however long the thread."""
    await api.say(chat, "A question")
    await send(api, chat, reply_parameters={"message_id": 1})
    third = await send(api, chat, reply_parameters={"message_id": 2})
    assert third["reply_to_message"]["text"] == "An answer"
    assert "reply_to_message" not in third["reply_to_message"]
    assert "reply_to_message" in chat.messages[2]


async def test_an_edit_keeps_the_reply(api, chat):
    """The words change; what it replies to stays."""
    await api.say(chat, "A question")
    await send(api, chat, reply_parameters={"message_id": 1})
    edit = {"chat_id": chat.id, "message_id": 2, "text": "Another answer"}
    edited = await api.call("editMessageText", edit)
    assert (edited["text"], edited["reply_to_message"]["text"]) == ("Another answer", "A question")


async def test_an_edited_message_is_carried_as_it_is_now(api, chat):
    """Who replies to a message of the bot's that was edited since replies to the new words."""
    await send(api, chat)
    await api.say(chat, "What?", reply_to=1)
    await api.call("editMessageText", {"chat_id": chat.id, "message_id": 1, "text": "Clearer"})
    assert chat.messages[2]["reply_to_message"]["text"] == "Clearer"


@pytest.mark.parametrize(
    ("given", "description"),
    [
        ({"message_id": 7}, "message to be replied not found"),
        ({}, None),
        ({"message_id": "x"}, "message to be replied not found"),
        ("{", "can't parse reply parameters JSON object"),
        ("[1]", "can't parse reply parameters: object expected as reply parameters"),
    ],
)
async def test_a_reply_to_nothing_is_refused(api, chat, given, description):
    """Unless sending without it is allowed; nothing is shown then."""
    if description is None:
        assert "reply_to_message" not in await send(api, chat, reply_parameters=given)
        return
    with pytest.raises(ApiError) as caught:
        await send(api, chat, reply_parameters=given)
    assert (caught.value.code, caught.value.description) == (400, f"Bad Request: {description}")
    assert not chat.messages


async def test_a_reply_to_nothing_is_sent_where_that_is_allowed(api, chat):
    """Without what it replies to."""
    given = {"message_id": 7, "allow_sending_without_reply": True}
    assert "reply_to_message" not in await send(api, chat, reply_parameters=given)


async def test_a_refused_reply_keeps_no_file(api, chat):
    """What was uploaded with it is not there."""
    given = {
        "chat_id": chat.id,
        "document": Upload("a.pdf", b"x"),
        "reply_parameters": {"message_id": 7},
    }
    with pytest.raises(ApiError, match="to be replied not found"):
        await api.call("sendDocument", given)
    assert not chat.messages
    assert api.files.at("documents/file_0.pdf") is None


async def test_a_deleted_question_is_not_carried_any_more(api, chat):
    """Neither by later edits nor by buttons, and nobody can reply to it; the page is told."""
    seen = []
    await api.say(chat, "A question")
    await send(api, chat, reply_parameters={"message_id": 1})
    chat.listeners.append(seen.append)
    api.delete(chat, 1)
    assert seen == [{"type": "delete", "message_id": 1}]
    edit = {"chat_id": chat.id, "message_id": 2, "text": "Another answer"}
    assert "reply_to_message" not in await api.call("editMessageText", edit)
    number, _ = await api.press(chat, 2, "x")
    pressed = await update_of(api, number)
    assert "reply_to_message" not in pressed["callback_query"]["message"]
    with pytest.raises(ApiError, match="to be replied not found"):
        await send(api, chat, reply_parameters={"message_id": 1})


async def test_a_button_under_a_deleted_message_comes_with_an_inaccessible_one(api, chat):
    """Its number and chat alone; the date is 0."""
    await send(api, chat)
    api.delete(chat, 1)
    number, _ = await api.press(chat, 1, "x")
    message = (await update_of(api, number))["callback_query"]["message"]
    assert (message["message_id"], message["chat"]["id"], message["date"]) == (1, chat.id, 0)
    assert "text" not in message
