"""In order within a chat, side by side between chats, and never without bound."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import (
    Chat,
    ChatMemberBanned,
    ChatMemberMember,
    ChatMemberUpdated,
    Message,
    Update,
    User,
)

from bot.metrics import Metrics
from bot.tg.buckets import BURST, Buckets
from bot.tg.inbox import Inbox
from bot.tg.processor import WAITING, ChatProcessor

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def said(update: int, chat: int) -> Update:
    """An update with a message of a person in their private chat."""
    person = User(chat, "You", is_bot=False)
    return Update(update, Message(update, NOW, Chat(chat, "private"), from_user=person, text="x"))


class Desk:
    """A processor whose turns end when they are told to."""

    def __init__(self, *, burst: float = 1e9, at_once: int = 100, budget_s: float = 60.0) -> None:
        self.inbox = Inbox()
        self.begun: list[int] = []
        self.done: list[int] = []
        self.refused: list[int] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.processor = ChatProcessor(
            self.inbox,
            Buckets(lambda: 0.0, burst=burst),
            self._refuse,
            Metrics(),
            at_once=at_once,
            budget_s=budget_s,
        )

    async def _refuse(self, update: Update) -> None:
        self.refused.append(update.update_id)

    async def turn(self, number: int) -> None:
        self.begun.append(number)
        await self.gates.setdefault(number, asyncio.Event()).wait()
        self.done.append(number)

    async def put(self, number: int, chat: int) -> None:
        self.inbox.take(number)
        await self.processor.process_update(said(number, chat), self.turn(number))

    def end(self, number: int) -> None:
        self.gates.setdefault(number, asyncio.Event()).set()


async def idle() -> None:
    """Let all that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_one_after_another_in_a_chat_and_side_by_side_between_chats():
    desk = Desk()
    await desk.put(1, chat=10)
    await desk.put(2, chat=10)
    await desk.put(3, chat=11)
    await idle()
    assert desk.begun == [1, 3], "the second of a chat waits for the first, another chat does not"
    desk.end(1)
    await idle()
    assert desk.begun == [1, 3, 2]
    desk.end(2)
    desk.end(3)
    await desk.processor.join()
    assert desk.done in ([1, 3, 2], [1, 2, 3])


async def test_when_all_places_are_taken_the_next_one_waits_at_the_door():
    """Then the queue fills, and no more is fetched: back-pressure up to Telegram."""
    desk = Desk(at_once=2)
    await desk.put(1, chat=1)
    await desk.put(2, chat=2)
    third = asyncio.ensure_future(desk.put(3, chat=3))
    await idle()
    assert not third.done()
    desk.end(1)
    await idle()
    assert third.done()
    assert desk.begun == [1, 2, 3]
    desk.end(2)
    desk.end(3)
    await desk.processor.join()


async def test_a_chat_holds_one_place_however_much_waits_in_it():
    desk = Desk(at_once=2)
    for number in range(10):
        await desk.put(number, chat=1)
    await desk.put(100, chat=2)
    await idle()
    assert 100 in desk.begun
    for number in (*range(10), 100):
        desk.end(number)
    await desk.processor.join()
    assert [n for n in desk.done if n < 100] == list(range(10))


async def test_a_flood_is_told_once_and_slows_nobody():
    desk = Desk(burst=BURST, at_once=5)
    for number in range(10_000):
        await desk.put(number, chat=1)
    for number in range(4):
        await desk.put(20_000 + number, chat=2 + number)
    await idle()
    assert {20_000, 20_001, 20_002, 20_003} <= set(desk.begun)
    for number in (*range(int(BURST)), *range(20_000, 20_004)):
        desk.end(number)
    await desk.processor.join()
    flood = [n for n in desk.done if n < 20_000]
    assert flood == list(range(int(BURST)))
    assert desk.refused == [int(BURST)]
    assert not desk.inbox.take(9_999), "what was refused does not come again"


async def test_who_leaves_is_heard_however_much_they_sent():
    """What is stored of them is deleted then: no bucket stands before that."""
    desk = Desk(burst=1.0)
    for number in range(5):
        await desk.put(number, chat=1)
    desk.end(0)
    person, bot = User(1, "You", is_bot=False), User(2, "Bot", is_bot=True)
    change = ChatMemberUpdated(
        Chat(1, "private"), person, NOW, ChatMemberMember(bot), ChatMemberBanned(bot, NOW)
    )
    desk.inbox.take(5)
    await desk.processor.process_update(Update(5, my_chat_member=change), desk.turn(5))
    desk.end(5)
    await desk.processor.join()
    assert desk.done == [0, 5]


async def test_what_waits_in_one_chat_is_bounded():
    desk = Desk()
    for number in range(WAITING + 10):
        await desk.put(number, chat=1)
    await idle()
    assert 0 < desk.processor.waiting <= WAITING
    for number in range(WAITING + 10):
        desk.end(number)
    await desk.processor.join()
    assert desk.processor.waiting == 0


async def test_a_turn_that_fails_does_not_stop_the_next_one(caplog):
    desk = Desk()

    async def fail() -> None:
        raise ValueError("somebody's words")

    desk.inbox.take(1)
    await desk.processor.process_update(said(1, 1), fail())
    desk.end(2)
    await desk.put(2, chat=1)
    await desk.processor.join()
    assert desk.done == [2]
    assert "ValueError" in caplog.text


async def test_a_turn_that_hangs_is_given_up_after_its_budget(caplog):
    desk = Desk(budget_s=0.01)
    await desk.put(1, chat=1)
    await desk.processor.join()
    assert desk.done == []
    assert "given up" in caplog.text
    assert not desk.inbox.take(1), "it would hang again"


async def test_at_the_end_turns_finish_and_what_hangs_may_come_again():
    desk = Desk()
    await desk.put(1, chat=1)
    await desk.put(2, chat=2)
    await desk.put(3, chat=2)
    desk.end(1)
    await idle()
    assert not await desk.processor.finish(0.01)
    assert desk.done == [1]
    assert not desk.inbox.take(1)
    assert desk.inbox.take(2)
    assert desk.inbox.take(3)


@pytest.mark.parametrize("at_once", [1, 3])
@given(order=st.lists(st.integers(0, 4), max_size=40))
async def test_order_within_a_chat_holds_for_any_arrival(at_once, order):
    desk = Desk(at_once=at_once)
    for number in range(len(order)):
        desk.end(number)
    for number, chat in enumerate(order):
        await desk.put(number, chat)
    await desk.processor.join()
    assert sorted(desk.done) == list(range(len(order)))
    for chat in set(order):
        mine = [n for n in desk.done if order[n] == chat]
        assert mine == sorted(mine)
