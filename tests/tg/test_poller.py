"""What is fetched is delivered once; what cannot be read holds nobody up; the deaf end."""

import asyncio

import pytest
from plain import SILENT
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, RetryAfter

from bot.metrics import Metrics
from bot.tg import poller
from bot.tg.buckets import Buckets
from bot.tg.ending import Ending
from bot.tg.inbox import MOST, Inbox
from bot.tg.intake import Intake
from bot.tg.poller import Poller


def said(number: int, text: str = "x", sender: int = 1) -> dict:
    person = {"id": sender, "is_bot": False, "first_name": "You"}
    chat = {"id": 1, "type": "private"}
    message = {"message_id": number, "date": 1, "chat": chat, "from": person, "text": text}
    return {"update_id": number, "message": message}


class Telegram:
    """Answers getUpdates with what is prepared, then holds the request."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, int, int]] = []
        self.empty = asyncio.Event()

    async def __call__(self, offset, wait_s, limit):
        self.asked.append((offset, wait_s, limit))
        if not self.answers:
            self.empty.set()
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Slow(Telegram):
    """Each answer takes as long as an update is held."""

    post: "Post"

    async def __call__(self, offset, wait_s, limit):
        answer = await super().__call__(offset, wait_s, limit)
        self.post.now += poller.HOLD_S
        return answer


class Post:
    """A poller with its surroundings."""

    def __init__(self, telegram, *, deliver=None) -> None:
        self.telegram = telegram
        self.delivered: list[int] = []
        self.heard = 0
        self.pauses: list[float] = []
        self.inbox = Inbox()
        self.stop = asyncio.Event()
        intake = Intake(SILENT, self.inbox, Metrics(), deliver or self._deliver, self._hear)
        self.now = 0.0
        self.poller = Poller(telegram, intake, self._pause, lambda: 0.0, lambda: self.now)

    async def _deliver(self, update) -> None:
        self.delivered.append(update.update_id)
        self.inbox.done(update.update_id)

    def _hear(self) -> None:
        self.heard += 1

    async def _pause(self, seconds) -> None:
        self.pauses.append(seconds)

    async def until_quiet(self) -> Ending:
        running = asyncio.ensure_future(self.poller.run(self.stop))
        empty = asyncio.ensure_future(self.telegram.empty.wait())
        await asyncio.wait((running, empty), return_when=asyncio.FIRST_COMPLETED)
        empty.cancel()
        self.stop.set()
        return await running


async def test_each_update_is_delivered_once_and_confirmed_by_the_next_request():
    post = Post(Telegram([said(5), said(6)], [said(6), said(7)]))
    assert await post.until_quiet() is Ending.TOLD
    assert post.delivered == [5, 6, 7]
    assert [offset for offset, *_ in post.telegram.asked] == [0, 7, 8]
    assert post.heard == 2


@pytest.mark.parametrize(
    "poison",
    [
        {"update_id": 6, "message": {"message_id": "x"}},
        {"update_id": 6, "message": "no message at all"},
        {"update_id": 6, "callback_query": {"id": 1}},
        {"update_id": 6, "message": {**said(6)["message"], "date": 10**30}},
    ],
    ids=["odd id", "text", "half a query", "date beyond all calendars"],
)
async def test_one_that_cannot_be_read_holds_nobody_up(poison, caplog):
    """The library's own updater would fetch this batch again for ever."""
    post = Post(Telegram([said(5), poison, said(7)]))
    await post.until_quiet()
    assert set(post.delivered) >= {5, 7}
    assert post.telegram.asked[-1][0] == 8
    assert "no message at all" not in caplog.text


ODD = [
    {},
    {"message": 1},
    *({"update_id": odd} for odd in ("5", None, [], {}, True, -7, 0, 5.0)),
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_what_is_no_update_is_left_aside(odd):
    post = Post(Telegram([odd, said(9)]))
    await post.until_quiet()
    assert post.delivered == [9]
    assert post.telegram.asked[-1][0] == 10


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_what_cannot_be_confirmed_is_not_asked_for_without_a_pause(odd):
    post = Post(Telegram([odd], [odd], [odd]))
    await post.until_quiet()
    assert post.pauses == [poller.GRACE_S] * 3
    assert {offset for offset, *_ in post.telegram.asked} == {0}


async def test_a_token_that_is_not_accepted_any_more_ends_it(caplog):
    post = Post(Telegram(InvalidToken("Unauthorized")))
    assert await post.until_quiet() is Ending.REFUSED
    assert "BotFather" in caplog.text


async def test_another_program_with_the_same_token_ends_it(caplog):
    post = Post(Telegram(Conflict("terminated by other getUpdates request")))
    assert await post.until_quiet() is Ending.CONFLICT
    assert "another program" in caplog.text


async def test_errors_are_waited_out_longer_each_time_and_retry_after_is_obeyed():
    errors = [NetworkError("502")] * 12
    post = Post(Telegram(*errors, [said(1)], NetworkError("x"), RetryAfter(17), [said(2)]))
    await post.until_quiet()
    assert post.delivered == [1, 2]
    assert post.pauses[0] == 1.0
    assert max(post.pauses) == poller.LONGEST_PAUSE_S
    assert post.pauses == [*sorted(post.pauses[:12]), 1.0, 17.0]


async def test_an_odd_refusal_is_no_end():
    post = Post(Telegram(BadRequest("something new"), [said(1)]))
    await post.until_quiet()
    assert post.delivered == [1]


async def test_a_poller_whose_delivery_breaks_dies_aloud():
    """The library's dies in silence, and says that it is running."""

    async def deliver(_update):
        raise OSError(28, "No space left on device")

    post = Post(Telegram([said(1)]), deliver=deliver)
    with pytest.raises(OSError, match="No space"):
        await post.until_quiet()


async def test_what_was_not_carried_out_is_not_confirmed_at_the_end():
    """It comes again after the restart."""

    async def deliver(update):
        """Left in work."""
        if update.update_id == 2:
            taken.set()

    taken = asyncio.Event()
    telegram = Telegram([said(1), said(2)])
    post = Post(telegram, deliver=deliver)
    poller_ended = asyncio.ensure_future(post.until_quiet())
    await taken.wait()
    post.inbox.done(1)
    await poller_ended
    telegram.answers.append([])
    await post.poller.confirm()
    assert telegram.asked[-1] == (2, 0, 1)


class Tray:
    """Telegram with updates that stay until they are confirmed; what is asked moves the time on."""

    def __init__(self, numbers, each_s, of_whom=lambda _: 1):
        self.numbers = numbers
        self.each_s = each_s
        self.of_whom = of_whom
        self.at_round = {}
        """What else happens, by the number of the request."""
        self.offsets: list[int] = []
        self.empty = asyncio.Event()
        self.post = None

    async def __call__(self, offset, _wait_s, limit):
        self.offsets.append(offset)
        self.post.now += self.each_s
        self.at_round.get(len(self.offsets), lambda: None)()
        found = [
            said(number, sender=self.of_whom(number)) for number in self.numbers if number >= offset
        ][:limit]
        if not found or len(self.offsets) > 50:
            self.empty.set()
            await asyncio.Event().wait()
        return found


async def test_while_a_turn_is_under_way_its_update_is_not_confirmed_for_a_while():
    """Killed in the middle, it comes again; but it does not hold up the others for ever."""

    async def deliver(update):
        if update.update_id != 1:
            tray.post.inbox.done(update.update_id)

    tray = Tray([1, 2, 3], each_s=poller.HOLD_S / 4)
    tray.post = Post(tray, deliver=deliver)
    await tray.post.until_quiet()
    assert tray.offsets[1] == 1, "the first is in work: all three stay"
    assert tray.offsets[-1] == 4, "and not for ever"
    assert poller.HOLD_S / 4 * (len(tray.offsets) - 2) <= poller.HOLD_S + poller.HOLD_S / 4


async def test_behind_a_slow_turn_there_is_room_for_more_than_a_batch():
    """Telegram gives a hundred from the first unconfirmed one: the others must get in, too."""
    delivered = []

    async def deliver(update):
        delivered.append(update.update_id)
        if update.update_id != 1:
            tray.post.inbox.done(update.update_id)

    tray = Tray(list(range(1, 251)), each_s=0.0)
    tray.post = Post(tray, deliver=deliver)
    await tray.post.until_quiet()
    assert delivered == list(range(1, 251))
    assert len(tray.offsets) < 10


class Patient(Inbox):
    """Notes what is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[set[int]] = []

    async def settled(self, updates, within_s):
        assert within_s > 0
        self.waited.append(set(updates))
        return False


async def test_nobody_waits_for_what_stands_behind_another_turn_of_the_same_person():
    """A flood's few turns take seconds each; who writes meanwhile is fetched all the same."""

    async def deliver(_update):
        """Never carried out."""

    flood, quiet = [said(1), said(2)], [said(3), said(4, sender=2), said(5, sender=2)]
    post = Post(Telegram(flood, quiet), deliver=deliver)
    post.inbox = Patient()
    post.poller = Poller(
        post.telegram, Intake(SILENT, post.inbox, Metrics(), deliver, lambda: None)
    )
    await post.until_quiet()
    assert post.inbox.waited == [{1}, {4}]


class Door(Buckets):
    """Knows beforehand who is shut out, and who was told."""

    def __init__(self, shut, hasty) -> None:
        super().__init__(lambda: 0.0)
        self.is_shut = shut.__contains__
        self.is_hasty = hasty.__contains__


async def test_who_floods_is_shut_out_in_the_middle_of_a_batch():
    """What is refused is not even read."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    shut: set[int] = set()

    async def deliver(update):
        post.delivered.append(update.update_id)
        await queue.put(update.effective_user.id)
        post.inbox.done(update.update_id)

    async def shut_out():
        while True:
            shut.add(await queue.get())

    shutting = asyncio.ensure_future(shut_out())
    telegram = Telegram([said(1), said(2), said(3, sender=2), said(4), said(5, sender=3)])
    post = Post(telegram)
    door = Door(shut, hasty=())
    intake = Intake(SILENT, post.inbox, Metrics(), deliver, lambda: None, door)
    post.poller = Poller(telegram, intake)
    await post.until_quiet()
    shutting.cancel()
    assert post.delivered == [1, 3, 5]
    assert telegram.asked[-1][0] == 6, "what was refused is confirmed with the others"
    telegram.answers.append([])
    await post.poller.confirm()
    assert telegram.asked[-1] == (6, 0, 1)


class Flooded:
    """A poller beside one who floods, with Telegram, and what was waited for."""

    FLOODER = 1

    def __init__(self, *answers, hasty=(FLOODER,)) -> None:
        self.telegram = Telegram(*answers)
        self.metrics = Metrics()
        self.inbox = Patient()
        intake = Intake(
            SILENT,
            self.inbox,
            self.metrics,
            self._deliver,
            lambda: None,
            Door({self.FLOODER}, hasty),
        )
        self.post = Post(self.telegram)
        self.post.poller = Poller(self.telegram, intake, clock=lambda: 0.0)

    async def _deliver(self, _update) -> None:
        """Left in work."""

    async def offsets(self) -> list[int]:
        await self.post.until_quiet()
        return [offset for offset, *_ in self.telegram.asked]


def flood(first, last):
    return [said(number, sender=Flooded.FLOODER) for number in range(first, last + 1)]


async def test_beside_a_flood_nobody_waits_for_the_turn_of_another():
    """There is always more to fetch; the turn is held all the same, and comes again."""
    first = [*flood(1, 5), said(6, sender=2)]
    desk = Flooded(first, [said(6, sender=2), *flood(7, 9), said(10, sender=3)])
    assert await desk.offsets() == [0, 6, 6]
    assert desk.inbox.waited == []


async def test_when_the_flood_is_over_what_is_in_work_is_asked_for_again_more_slowly():
    """No request right behind the other, though the flood's last is still unconfirmed."""
    again = [said(1, sender=2), *flood(2, 5)]
    desk = Flooded(again, again, again)
    assert await desk.offsets() == [0, 1, 1, 1]
    assert desk.inbox.waited == [{1}, {1}]


async def test_a_flood_does_not_crowd_out_who_comes_behind_it():
    """What stands in the first half of a full batch is held no longer, what came last is."""
    batch = [said(1, sender=2), *flood(2, 98), said(99, sender=3), said(100, sender=4)]
    desk = Flooded(batch)
    assert await desk.offsets() == [0, 99]


async def test_what_somebody_says_twice_beside_a_flood_is_held_the_second_time():
    batch = [said(1, sender=2), *flood(2, 98), said(99, sender=2), *flood(100, 100)]
    desk = Flooded(batch)
    assert await desk.offsets() == [0, 99]


async def test_one_who_is_shut_out_among_many_is_no_flood():
    """All of them are held: what fills the batch are people."""
    batch = [*(said(number, sender=1_000 + number) for number in range(1, 100)), *flood(100, 100)]
    desk = Flooded(batch)
    assert await desk.offsets() == [0, 1]


async def test_a_flood_that_comes_again_after_an_orderly_stop_is_refused_again():
    """It stands behind a turn that was given up; the new process would have it begin anew."""
    desk = Flooded([said(1, sender=2), *flood(2, 5), said(6, sender=3)])
    await desk.post.until_quiet()
    desk.telegram.answers.append([])
    await desk.post.poller.confirm()
    assert desk.telegram.asked[-1] == (1, 0, 1)
    assert [desk.inbox.has(number) for number in range(1, 7)] == [False, *[True] * 4, False]


async def test_each_is_held_for_a_time_of_its_own():
    """The turn before it is confirmed; that says nothing of this one."""
    desk = Flooded()

    async def wait(_seconds) -> None:
        """No time goes by but what the answers take."""

    times = [0.0, poller.HOLD_S - 0.1, poller.HOLD_S + 0.1, 2 * poller.HOLD_S]
    telegram = Timed(times, [said(1, sender=2)], [said(2, sender=2)], [], [])
    post = Post(telegram)
    intake = Intake(SILENT, desk.inbox, Metrics(), desk._deliver, lambda: None)
    post.poller = Poller(telegram, intake, wait, clock=telegram.clock)
    await post.until_quiet()
    assert [offset for offset, *_ in telegram.asked] == [0, 1, 1, 2, 3]


class Timed(Telegram):
    """Telegram whose answers come at given times."""

    def __init__(self, times, *answers) -> None:
        super().__init__(*answers)
        self.times = times
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def __call__(self, offset, wait_s, limit):
        answer = await super().__call__(offset, wait_s, limit)
        self.now = self.times.pop(0)
        return answer


async def test_whose_flood_was_told_so_is_not_held():
    """Their turns wait for each other for many seconds, and would come again all the while."""
    hasty, quiet = said(1, sender=7), said(2, sender=2)
    assert await Flooded([hasty], hasty={7}).offsets() == [0, 2]
    assert await Flooded([hasty, quiet], hasty={7}).offsets() == [0, 2]
    assert await Flooded([hasty, quiet], hasty=()).offsets() == [0, 1]


async def test_a_flood_does_not_make_the_bot_forget_what_it_answered():
    desk = Flooded(*(flood(first, first + 99) for first in range(2, MOST + 2, 100)))
    desk.inbox.done(1)
    assert (await desk.offsets())[-1] == MOST + 2
    assert desk.inbox.has(1)
    refused = desk.metrics.registry.get_sample_value
    assert refused("optout_updates_refused_total", {"reason": "flood"}) == MOST


async def test_of_a_crowd_all_that_one_person_left_in_work_is_given_up_at_once():
    """One at a time, each of a hundred would cost the others a round."""
    flood = {1, 2, 3, 60}

    async def deliver(update):
        if update.update_id not in flood | {50}:
            tray.post.inbox.done(update.update_id)

    def of_whom(number):
        return 1 if number in flood else 50 if number == 50 else 1_000 + number

    tray = Tray(list(range(1, 301)), each_s=0.0, of_whom=of_whom)
    tray.post = Post(tray, deliver=deliver)
    tray.at_round = {3: lambda: [tray.post.inbox.done(number) for number in (1, 2, 3, 50)]}
    await tray.post.until_quiet()
    assert tray.offsets[:3] == [0, 1, 50], "then the other one is held"
    assert 60 not in tray.offsets, "given up with 1, though it is the first now"
    assert tray.offsets[-1] == 301


async def test_what_comes_behind_a_confirmed_turn_is_held_like_any_other():
    """Told to slow down, a turn takes long; a kill must not lose what the person says next."""
    answers = [[said(1)], [], [said(2)], []]
    telegram = Telegram(*answers)

    async def deliver(_update):
        post.now += poller.HOLD_S if _update.update_id == 1 else 0.0

    post = Post(telegram, deliver=deliver)
    await post.until_quiet()
    assert [offset for offset, *_ in telegram.asked] == [0, 2, 2, 2, 2]


async def test_ids_that_begin_lower_after_a_quiet_week_are_held_and_confirmed():
    """Telegram draws the next id at random then."""

    async def deliver(update):
        if update.update_id != 5:
            post.inbox.done(update.update_id)

    telegram = Telegram([said(1_000)], [said(5)], [said(5), said(6, sender=2)])
    post = Post(telegram, deliver=deliver)
    await post.until_quiet()
    assert [offset for offset, *_ in telegram.asked] == [0, 1_001, 5, 5]
    post.inbox.done(5)
    telegram.answers.append([])
    await post.poller.confirm()
    assert telegram.asked[-1] == (7, 0, 1)


async def test_what_is_confirmed_stays_confirmed_while_an_old_turn_goes_on():
    async def deliver(update):
        if update.update_id == 10:
            post.now += poller.HOLD_S  # it takes longer than that
        else:
            post.inbox.done(update.update_id)

    many = [said(number, sender=2) for number in range(11, 21)]
    telegram = Telegram([said(10)], many, [], [])
    post = Post(telegram, deliver=deliver)
    await post.until_quiet()
    assert [offset for offset, *_ in telegram.asked] == [0, 11, 21, 21, 21]
    telegram.answers.append([])
    await post.poller.confirm()
    assert telegram.asked[-1] == (21, 0, 1)


async def test_people_who_left_are_not_taken_for_one_person():
    """Each has something stored that is to be deleted, whatever becomes of the others."""

    def left(number):
        chat = {"id": number, "type": "private"}
        person = {"id": number, "is_bot": False, "first_name": "You"}
        member = {"status": "member", "user": {"id": 1, "is_bot": True, "first_name": "B"}}
        gone = {**member, "status": "kicked", "until_date": 0}
        return {
            "update_id": number,
            "my_chat_member": {"chat": chat, "from": person, "date": 1,
                               "old_chat_member": member, "new_chat_member": gone},
        }  # fmt: skip

    async def deliver(_update):
        """Left in work."""

    telegram = Slow([left(1)], [left(1), left(2)])
    telegram.post = post = Post(telegram, deliver=deliver)
    await post.until_quiet()
    assert [offset for offset, *_ in telegram.asked] == [0, 1, 2], "the second is held, too"


async def test_nobody_waits_for_who_is_in_work_already_confirmed_or_not():
    """A turn of many seconds is confirmed in the end; what its person says next stands behind it."""

    async def deliver(_update):
        """Left in work."""

    telegram = Slow([said(1)], [said(1)], [said(2)])
    telegram.post = post = Post(telegram)
    post.inbox = Patient()
    post.poller = Poller(
        telegram,
        Intake(SILENT, post.inbox, Metrics(), deliver, lambda: None),
        clock=lambda: post.now,
    )
    await post.until_quiet()
    assert [offset for offset, *_ in telegram.asked] == [0, 1, 2, 2]
    assert post.inbox.waited == [{1}, {1}]


async def test_what_is_in_work_is_asked_for_again_more_and_more_slowly():
    """It comes again at once each time; and who writes meanwhile does not wait for long."""

    class Clocked(Inbox):
        def __init__(self) -> None:
            super().__init__()
            self.waited: list[tuple[list[int], float]] = []

        async def settled(self, updates, within_s):
            self.waited.append((list(updates), within_s))
            return False

    async def deliver(update):
        if update.update_id == 2:
            inbox.done(2)

    both = [said(1), said(2, sender=2)]
    telegram = Telegram(*[[said(1)]] * 8, both, both)
    post = Post(telegram)
    inbox = post.inbox = Clocked()
    post.poller = Poller(telegram, Intake(SILENT, inbox, Metrics(), deliver, lambda: None))
    await post.until_quiet()
    first, grace = poller.FIRST_GRACE_S, poller.GRACE_S
    slower = [first, 2 * first, 4 * first, 8 * first, grace, grace, grace]
    again = [([1], pause) for pause in slower]
    assert inbox.waited == [([1], grace), *again, ([2], grace), ([1], first)]


async def test_told_to_stop_it_does_not_wait_for_telegram():
    post = Post(Telegram())
    running = asyncio.ensure_future(post.poller.run(post.stop))
    await post.telegram.empty.wait()
    post.stop.set()
    assert await running is Ending.TOLD
