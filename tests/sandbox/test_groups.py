"""Groups, and where the bot is not wanted: who hears what, and what Telegram says."""

import pytest
from plain import plain_bot
from telegram import Update
from telegram.error import ChatMigrated, Forbidden

from bot.sandbox.bot_api import ApiError, BotApi
from bot.sandbox.server import serve

NAME = "@optout_sandbox_bot"


@pytest.fixture
def api():
    return BotApi()


@pytest.fixture
def group(api):
    return api.group("Photo club")


@pytest.fixture
def person(api):
    return api.join("fr")


async def waiting(api):
    return await api.call("getUpdates", {})


async def test_a_groups_message_says_where_and_who(api, group, person):
    """The group by its id, kind and title; the person by their own id and language."""
    number = await api.say(group, "/start", sender=person)
    (update,) = await waiting(api)
    message = update["message"]
    assert update["update_id"] == number
    assert group.id < -1_000_000_000_000
    assert message["chat"] == {"id": group.id, "type": "supergroup", "title": "Photo club"}
    assert (message["from"]["id"], message["from"]["language_code"]) == (person.id, "fr")


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("is it too late?", False),
        ("/start", True),
        (f"/start{NAME} now", True),
        (f"/START{NAME.upper()}", True),
        ("/start@another_bot", False),
        ("see /start", False),
        ("/", False),
        (f"is it too late, {NAME}?", True),
        (f"😀 {NAME.upper()} is it too late?", True),
        (f"{NAME}s are there", False),
        (f"write to me{NAME}", False),
        ("ask @another_bot", False),
    ],
)
async def test_in_privacy_mode_the_bot_hears_what_is_meant_for_it(api, group, person, text, heard):
    """Commands that are for nobody else, and what names it; everybody in the group sees it all."""
    number = await api.say(group, text, sender=person)
    assert bool(number) == heard == bool(await waiting(api))
    assert group.messages[1]["text"] == text
    await api.settled(0)  # who waits for an update that the bot does not get waits for nothing


async def test_replies_to_the_bot_are_heard(api, group, person):
    """To it, but not to other people."""
    await api.call("sendMessage", {"chat_id": group.id, "text": "An answer"})
    await api.say(group, "An aside", sender=person)
    assert await api.say(group, "why?", sender=person, reply_to=2) == 0
    assert await api.say(group, "why?", sender=person, reply_to=1)
    (update,) = await waiting(api)
    assert update["message"]["reply_to_message"]["from"]["id"] == api.me["id"]


async def test_in_a_private_chat_everything_is_heard(api, person):
    """Names and commands are marked there too, in UTF-16 units."""
    await api.say(person, "😀 is it too late, @somebody?")
    await api.say(person, f"/start{NAME} now")
    name, command = [update["message"]["entities"] for update in await waiting(api)]
    assert name == [{"type": "mention", "offset": 19, "length": 9}]
    assert command == [{"type": "bot_command", "offset": 0, "length": 6 + len(NAME)}]


async def test_a_press_in_a_group_names_group_and_person(api, group, person):
    """And an answer to it is an edit of the group's message."""
    await api.call("sendMessage", {"chat_id": group.id, "text": "An answer"})
    await api.press(group, 1, "x", sender=person)
    (update,) = await waiting(api)
    query = update["callback_query"]
    assert (query["from"]["id"], query["message"]["chat"]["id"]) == (person.id, group.id)


async def test_who_speaks_in_a_group_has_to_be_said(api, group):
    """A group has many people."""
    with pytest.raises(ValueError, match="sender="):
        await api.say(group, "/start")


async def test_the_bot_says_that_it_can_join_groups(api):
    """And that it does not read all of them."""
    me = await api.call("getMe", {})
    assert (me["can_join_groups"], me["can_read_all_group_messages"]) == (True, False)


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("sendMessage", {"text": "x"}),
        ("sendDocument", {"document": "x"}),
        ("editMessageText", {"message_id": 1, "text": "x"}),
        ("sendChatAction", {"action": "typing"}),
    ],
)
async def test_where_the_bot_is_not_wanted_it_cannot_speak(api, group, person, method, given):
    """403 in Telegram's words: blocked by a person, taken out of a group; until they think again."""
    for chat in (group, person):
        await api.call("sendMessage", {"chat_id": chat.id, "text": "before"})
    await api.block(person)
    await api.remove_from(group)
    said = []
    for chat in (person, group):
        with pytest.raises(ApiError) as caught:
            await api.call(method, {"chat_id": chat.id, **given})
        said.append((caught.value.code, caught.value.description))
    assert said == [
        (403, "Forbidden: bot was blocked by the user"),
        (403, "Forbidden: bot was kicked from the supergroup chat"),
    ]
    await api.unblock(person)
    await api.add_to(group)
    for chat in (person, group):
        await api.call("sendMessage", {"chat_id": chat.id, "text": "after"})


async def test_the_bot_is_told_how_it_stands(api, group, person):
    """my_chat_member, as python-telegram-bot reads it: before and after, by whom."""
    numbers = [
        await api.block(person),
        await api.unblock(person),
        await api.remove_from(group, sender=person),
    ]
    updates = [Update.de_json(raw) for raw in await waiting(api)]
    assert [update.update_id for update in updates] == numbers
    changes = [update.my_chat_member for update in updates]
    assert [
        (change.old_chat_member.status, change.new_chat_member.status) for change in changes
    ] == [("member", "kicked"), ("kicked", "member"), ("member", "kicked")]
    assert changes[2].chat.title == "Photo club"
    assert all(change.from_user.id == person.id for change in changes)


async def test_a_removed_bot_hears_nothing_of_the_group(api, group, person):
    """Not even commands."""
    await api.remove_from(group)
    assert await api.say(group, "/start", sender=person) == 0


async def test_who_has_blocked_the_bot_cannot_write_to_it(api, person):
    """As in Telegram's apps, where unblocking comes first."""
    await api.block(person)
    with pytest.raises(ValueError, match=r"api\.unblock"):
        await api.say(person, "x")


async def test_a_bot_may_leave_a_group_but_no_person(api, group, person):
    """It is not a member then, and hears and says nothing."""
    assert await api.call("leaveChat", {"chat_id": group.id})
    with pytest.raises(ApiError, match="Forbidden: bot is not a member of the supergroup chat"):
        await api.call("sendMessage", {"chat_id": group.id, "text": "x"})
    with pytest.raises(ApiError, match="can't be changed in private chats"):
        await api.call("leaveChat", {"chat_id": person.id})


async def test_a_group_that_became_a_supergroup_says_where_it_is(api):
    """400 with the new id; messages about it in both; the new one works."""
    group = api.group("Photo club", "group")
    new = await api.upgrade(group)
    with pytest.raises(ApiError) as caught:
        await api.call("sendMessage", {"chat_id": group.id, "text": "x"})
    assert (caught.value.code, caught.value.parameters) == (400, {"migrate_to_chat_id": new.id})
    assert caught.value.description == ("Bad Request: group chat was upgraded to a supergroup chat")
    old_one, new_one = [update["message"] for update in await waiting(api)]
    assert (old_one["chat"]["id"], old_one["migrate_to_chat_id"]) == (group.id, new.id)
    assert (new_one["chat"]["id"], new_one["migrate_from_chat_id"]) == (new.id, group.id)
    assert (await api.call("sendMessage", {"chat_id": new.id, "text": "x"}))["text"] == "x"


async def test_python_telegram_bot_understands_these_errors():
    """Over HTTP: Forbidden, and ChatMigrated with the new id."""
    async with (
        serve("127.0.0.1", 0) as server,
        plain_bot(server.token, base_url=server.api_url) as bot,
    ):
        group, person = server.api.group("Photo club", "group"), server.api.join("en")
        await server.api.block(person)
        with pytest.raises(Forbidden, match="blocked by the user"):
            await bot.send_message(person.id, "x")
        new = await server.api.upgrade(group)
        with pytest.raises(ChatMigrated) as caught:
            await bot.send_message(group.id, "x")
        assert caught.value.new_chat_id == new.id


# -- kinds of updates ----------------------------------------------------------------------------


async def test_only_kinds_that_were_asked_for_come(api, person):
    """The last list holds, until there is another; an empty one is the default again."""
    await api.call("getUpdates", {"allowed_updates": '["message"]'})
    assert await api.block(person) == 0
    await api.unblock(person)
    assert await api.press(person, 1, "x") == (0, next(iter(api._queries)))
    assert not api.unanswered
    await api.call("getUpdates", {})  # as before
    assert await api.say(person, "x")
    assert await api.block(person) == 0
    await api.call("getUpdates", {"allowed_updates": []})
    assert await api.unblock(person)


async def test_without_a_list_all_but_a_few_kinds_come(api):
    """What happens to other members has to be asked for by name."""
    assert api.updates.wants("my_chat_member")
    assert not api.updates.wants("chat_member")
    await api.call("getUpdates", {"allowed_updates": ["chat_member"]})
    assert api.updates.wants("chat_member")


@pytest.mark.parametrize("given", ["[", '{"a": 1}', '"message"'])
async def test_a_list_of_kinds_that_is_none_is_refused(api, given):
    """The old one still holds."""
    with pytest.raises(ApiError, match="can't parse allowed updates"):
        await api.call("getUpdates", {"allowed_updates": given})
    assert api.updates.wants("my_chat_member")
