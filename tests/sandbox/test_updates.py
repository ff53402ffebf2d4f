"""The queue of updates: each at least once, until it is confirmed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.bot_api import ApiError, BotApi
from bot.sandbox.updates import Updates


@pytest.fixture
def api():
    return BotApi()


async def ids(api, **given):
    return [update["update_id"] for update in await api.call("getUpdates", given)]


async def test_an_update_may_come_twice(api):
    """Fed again with its id: both at once, or once more after it was confirmed."""
    first = await api.feed({"message": {"text": "x"}})
    await api.feed({"update_id": first, "message": {"text": "x"}})
    assert await ids(api) == [first, first]
    assert await ids(api, offset=first + 1) == []
    await api.feed({"update_id": first, "message": {"text": "x"}})
    assert await ids(api, offset=first + 1) == [first]
    assert await ids(api, offset=first + 1) == []


async def test_a_repeated_update_behind_new_ones_is_not_lost(api):
    """Although its id is below the offset."""
    first = await api.feed({})
    second = await api.feed({})
    assert await ids(api, offset=second, limit=1) == [second]
    await api.feed({"update_id": first})
    assert await ids(api, offset=second) == [second, first]
    assert await ids(api, offset=second + 1) == []


async def test_an_id_that_is_given_is_taken_on(api):
    """As after a quiet week, when Telegram begins elsewhere: what comes next follows it."""
    assert await api.feed({"update_id": 2_000_000_000}) == 2_000_000_000
    assert await api.feed({}) == 2_000_000_001


@pytest.mark.parametrize(
    ("offset", "left"), [(-1, [4]), (-3, [2, 3, 4]), (-9, [0, 1, 2, 3, 4])], ids=str
)
async def test_a_negative_offset_counts_from_the_end(api, offset, left):
    """The last so many stay; all before are forgotten."""
    fed = [await api.feed({}) for _ in range(5)]
    wanted = [fed[place] for place in left]
    assert await ids(api, offset=offset) == wanted
    assert await ids(api) == wanted


async def test_a_hundred_come_at_once_at_most(api):
    """Or fewer, if fewer are asked for."""
    fed = [await api.feed({}) for _ in range(150)]
    assert await ids(api) == fed[:100]
    assert await ids(api, limit=7) == fed[:7]
    assert await ids(api, limit=1_000, offset=fed[100]) == fed[100:]


async def test_a_waiting_request_is_answered_when_something_comes(api):
    """At once, not at the end of its time."""
    polling = asyncio.create_task(ids(api, timeout=50))
    await asyncio.sleep(0)  # lets it begin
    number = await api.feed({})
    assert await asyncio.wait_for(polling, 5) == [number]


async def test_a_newer_request_ends_an_older_one(api):
    """409, and the newer one gets what comes."""
    older = asyncio.create_task(ids(api, timeout=50))
    await asyncio.sleep(0)  # lets it begin
    newer = asyncio.create_task(ids(api, timeout=50))
    with pytest.raises(ApiError, match="terminated by other getUpdates") as caught:
        await asyncio.wait_for(older, 5)
    assert caught.value.code == 409
    number = await api.feed({})
    assert await asyncio.wait_for(newer, 5) == [number]


async def test_settled_waits_until_the_bot_has_confirmed_that_update(api):
    """That one, however many others wait."""
    first, second = await api.feed({}), await api.feed({})
    waiting = [asyncio.create_task(api.settled(number)) for number in (first, second)]
    await ids(api)
    await ids(api, offset=second)
    await asyncio.wait_for(waiting[0], 5)
    assert not waiting[1].done()
    await ids(api, offset=second + 1)
    await asyncio.wait_for(waiting[1], 5)
    assert api.confirmed == second


@given(st.lists(st.one_of(st.just("feed"), st.just("again"), st.integers(1, 4)), max_size=40))
def test_whatever_is_fed_is_given_out(acts):
    """Fetched in any portions, with the offset that a bot sends, also when some come twice."""

    async def play():
        updates, fed, got = Updates(1), [], []
        offset = 0

        async def fetch(limit):
            nonlocal offset
            batch = [update["update_id"] for update in await updates.poll(offset, limit, 0)]
            got.extend(batch)
            offset = max([offset, *(number + 1 for number in batch)])

        for act in acts:
            if act == "feed":
                fed.append(updates.add({}))
            elif act == "again" and fed:
                fed.append(updates.add({"update_id": fed[len(fed) // 2]}))
            elif isinstance(act, int):
                await fetch(act)
        for _ in range(len(fed) + 1):
            await fetch(100)
        assert not len(updates)
        assert {number: got.count(number) for number in set(fed)} == {
            number: fed.count(number) for number in set(fed)
        }

    asyncio.run(play())
