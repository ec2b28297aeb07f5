"""Calls at the same place of a log wait together; each is cancelled, timed and failed by itself."""

from __future__ import annotations

import asyncio

import pytest

from grpctap_server.feeds.base import Bounds, FeedError, Item
from grpctap_server.wakeups import Wakeups

COUNT = 1000
PATIENCE_S = 20.0


class Log:
    """A log whose waits a test ends, and that counts them."""

    start = 0

    def __init__(self, stream_id: str = "log") -> None:
        self.stream_id = stream_id
        self.begun = 0
        self.waiting = 0
        self.news: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def bounds(self) -> Bounds:
        return Bounds(1, 0, None, 0)

    def read(self, after: int, limit: int) -> list[Item]:
        return []

    async def wait(self, after: int) -> None:
        self.begun += 1
        self.waiting += 1
        try:
            await asyncio.shield(self.news)
        finally:
            self.waiting -= 1


async def settle() -> None:
    """Let everything happen that needs nothing from outside."""
    for _ in range(10):
        await asyncio.sleep(0)


def begin(wakeups: Wakeups, log: Log, count: int, after: int = 0) -> list[asyncio.Task[bool]]:
    return [asyncio.create_task(wakeups.wait(log, after, None)) for _ in range(count)]


async def test_a_thousand_calls_at_one_place_are_one_wait() -> None:
    wakeups, log = Wakeups(), Log()
    calls = begin(wakeups, log, COUNT)
    await settle()
    assert log.begun == 1
    log.news.set_result(None)
    async with asyncio.timeout(PATIENCE_S):
        assert await asyncio.gather(*calls) == [True] * COUNT


async def test_other_places_and_other_logs_are_other_waits() -> None:
    wakeups, one, other = Wakeups(), Log("one"), Log("other")
    calls = begin(wakeups, one, 2) + begin(wakeups, one, 2, after=7) + begin(wakeups, other, 2)
    await settle()
    assert (one.begun, other.begun) == (2, 1)
    other.news.set_result(None)
    await settle()
    assert [call.done() for call in calls] == [False] * 4 + [True] * 2
    one.news.set_result(None)
    await settle()
    assert all(call.result() for call in calls)


async def test_a_call_that_is_cancelled_leaves_the_others_waiting() -> None:
    wakeups, log = Wakeups(), Log()
    first, *others = begin(wakeups, log, 3)
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    assert log.waiting == 1
    log.news.set_result(None)
    await settle()
    assert [call.result() for call in others] == [True, True]


async def test_the_wait_ends_with_the_last_call() -> None:
    wakeups, log = Wakeups(), Log()
    calls = begin(wakeups, log, 3)
    await settle()
    for call in calls:
        call.cancel()
    await settle()
    assert log.waiting == 0
    # And a call that comes after that waits anew.
    (call,) = begin(wakeups, log, 1)
    await settle()
    assert (log.begun, log.waiting) == (2, 1)
    log.news.set_result(None)
    await settle()
    assert call.result()


async def test_the_time_of_one_call_is_over_for_it_alone() -> None:
    wakeups, log = Wakeups(), Log()
    (patient,) = begin(wakeups, log, 1)
    async with asyncio.timeout(PATIENCE_S):
        assert await wakeups.wait(log, 0, 0.01) is False
    assert not patient.done()
    assert log.begun == 1
    log.news.set_result(None)
    await settle()
    assert patient.result()


async def test_an_error_reaches_every_call_once_and_then_nobody() -> None:
    wakeups, log = Wakeups(), Log()
    calls = begin(wakeups, log, COUNT)
    await settle()
    log.news.set_exception(FeedError("the source is gone"))
    async with asyncio.timeout(PATIENCE_S):
        ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [str(error) for error in ended] == ["the source is gone"] * COUNT
    again = Log()
    (call,) = begin(wakeups, again, 1)
    await settle()
    assert again.begun == 1
    call.cancel()
    await settle()


async def test_a_call_that_is_cancelled_together_with_an_error_is_just_cancelled() -> None:
    wakeups, log = Wakeups(), Log()
    one, other = begin(wakeups, log, 2)
    await settle()
    log.news.set_exception(FeedError("the source is gone"))
    one.cancel()
    await settle()
    assert one.cancelled()
    with pytest.raises(FeedError):
        other.result()


async def test_the_end_wakes_all_and_lets_none_wait_again() -> None:
    wakeups, one, other = Wakeups(), Log("one"), Log("other")
    calls = begin(wakeups, one, 3) + begin(wakeups, other, 3)
    await settle()
    wakeups.end()
    await settle()
    assert [call.result() for call in calls] == [True] * 6
    assert (one.waiting, other.waiting) == (0, 0)
    async with asyncio.timeout(PATIENCE_S):
        assert await wakeups.wait(one, 0, None) is True
    assert one.begun == 1
