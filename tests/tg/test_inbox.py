"""Each update is let in once, also after a restart and after a kill."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.tg.inbox import FILE, MOST, Inbox


def test_an_update_that_comes_again_is_not_taken(tmp_path):
    inbox = Inbox(tmp_path)
    assert inbox.take(7)
    assert not inbox.take(7), "in work"
    inbox.done(7)
    assert not inbox.take(7), "done"
    inbox.close()


def test_after_a_restart_what_was_done_is_known_and_what_was_not_is_taken(tmp_path):
    """Also where the process was killed: nothing is closed here, and nothing flushed."""
    killed = Inbox(tmp_path)
    for update in (1, 2, 3):
        killed.take(update)
    killed.done(1)
    killed.done(3)
    new = Inbox(tmp_path)
    assert [new.take(update) for update in (1, 2, 3)] == [False, True, False]
    new.close()
    killed.close()


def test_an_update_that_was_given_up_may_come_again(tmp_path):
    inbox = Inbox(tmp_path)
    inbox.take(5)
    inbox.drop(5)
    assert inbox.take(5)
    inbox.close()


def test_ids_need_not_rise(tmp_path):
    """After a quiet week Telegram draws the next id at random."""
    inbox = Inbox(tmp_path)
    inbox.take(1_000_000)
    inbox.done(1_000_000)
    assert inbox.take(3)
    inbox.close()


def test_the_file_stays_small_and_nobody_else_reads_it(tmp_path):
    inbox = Inbox(tmp_path)
    for update in range(5 * MOST):
        inbox.take(update)
        inbox.done(update)
    file = tmp_path / FILE
    assert file.read_bytes().count(b"\n") <= 2 * MOST
    assert file.stat().st_mode & 0o777 == 0o600
    inbox.close()
    assert not Inbox(tmp_path).take(5 * MOST - 1)


@given(torn=st.binary(max_size=40))
def test_a_torn_or_strange_file_does_not_stop_the_start(tmp_path_factory, torn):
    """A line that a kill cut short is no id; rubbish is none either."""
    folder = tmp_path_factory.mktemp("inbox")
    (folder / FILE).write_bytes(b"41\n" + torn.replace(b"\n", b"") + b"\n12")
    inbox = Inbox(folder)
    assert not inbox.take(41)
    assert inbox.take(12)
    inbox.close()


def test_a_disk_that_cannot_be_written_leaves_the_memory(tmp_path, caplog):
    inbox = Inbox(tmp_path / "is" / "not" / "there")
    assert inbox.take(1)
    inbox.done(1)
    assert not inbox.take(1)
    assert "DATA_DIR" in caplog.text


async def test_waiting_for_a_batch_ends_when_all_of_it_is_done():
    inbox = Inbox()
    for update in (1, 2, 3):
        inbox.take(update)
    waiting = asyncio.ensure_future(inbox.settled((1, 2), 60))
    await asyncio.sleep(0)
    inbox.done(1)
    await asyncio.sleep(0)
    assert not waiting.done()
    inbox.drop(2)
    assert await waiting
    assert not await inbox.settled((3,), 0.001), "the third is still in work"
    assert await inbox.settled((99,), 0.001), "never came: nothing to wait for"
