"""One person who floods gets what anybody gets, is told once, and keeps nobody waiting."""

import asyncio
import os
import time

from trust.hosted import running

from bot.tg import buckets

FLOOD = int(os.environ.get("TRUST_FLOOD", "2000"))
QUIET = 100


async def test_a_flood_beside_a_hundred_quiet_people(tmp_path):
    """All quiet ones are answered, once. The flooder gets the burst, what time has filled up since,
    and one notice."""
    async with running(tmp_path) as hosted:
        town = hosted.town
        flooder = town.move_in("en")
        crowd = [town.move_in("en") for _ in range(QUIET)]
        await flooder.say("/topics")
        began = time.monotonic()
        shown = flooder.answers[-1]["message_id"]
        steps = FLOOD // QUIET
        for one in crowd:  # in between, and before them the whole time
            for _ in range(steps):
                await town.press(flooder.chat, shown, "1.en.p.topics")
            await town.say(one.chat, "is it too late?")
        await asyncio.gather(*(one.until(lambda o=one: bool(o.answers)) for one in crowd))
        last, _ = await town.press(flooder.chat, shown, "1.en.p.help")
        await town.settled(last)
        assert await hosted.stop() == 0

        took = time.monotonic() - began
        most = buckets.BURST + buckets.PER_SECOND * took
        answered = list(flooder.notices.values())
        told = [notice for notice in answered if notice]
        assert [len(one.answers) for one in crowd] == [1] * QUIET
        assert len(told) == 1, told
        assert buckets.BURST - 1 <= len(answered) <= most + len(told)
        assert len(flooder.answers) == 1, "the flooder's screen is changed in its place"
