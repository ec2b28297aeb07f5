import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import CLOCK_TOLERANCE, NANOSECONDS, Schedule
from support.server import ManualClock

SECOND = NANOSECONDS


def test_it_counts_from_0_at_once() -> None:
    clock = ManualClock()
    log, after = CounterFeed(Schedule(SECOND, 1000, clock)).open("x")
    assert after == 0
    assert log.start == clock.now
    (item,) = log.read(after, 10)
    assert item == (1, "0", clock.now, 0.0)
    clock.advance(2.999)
    assert [(i.sequence, i.text, i.event_time - log.start) for i in log.read(1, 10)] == [
        (2, "1", SECOND),
        (3, "2", 2 * SECOND),
    ]


def test_each_fresh_call_has_a_log_of_its_own() -> None:
    clock = ManualClock()
    feed = CounterFeed(Schedule(SECOND, 1000, clock))
    one, _ = feed.open("x")
    clock.advance(0.5)
    other, _ = feed.open("x")
    assert one.stream_id != other.stream_id


def test_a_count_ends_it() -> None:
    clock = ManualClock()
    log, _ = CounterFeed(Schedule(SECOND, 1000, clock), count=3).open("x")
    assert log.bounds().final == 3
    clock.advance(1000)
    assert log.bounds().newest == log.bounds().horizon == 3
    assert [item.text for item in log.read(0, 10)] == ["0", "1", "2"]


def test_an_interval_of_zero_makes_all_at_once() -> None:
    log, _ = CounterFeed(Schedule(0, 1000, ManualClock()), count=1000).open("x")
    assert [item.text for item in log.read(0, 2000)] == [str(n) for n in range(1000)]


@pytest.mark.parametrize(("count", "why"), [(None, "needs a count"), (1001, "are kept")])
def test_an_interval_of_zero_needs_an_end_within_what_is_kept(count: int | None, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        CounterFeed(Schedule(0, 1000), count)


@given(
    passed=st.integers(0, 10**12),
    interval=st.integers(1, 10**9),
    retain=st.integers(1, 100),
    after=st.integers(0, 10**12),
    limit=st.integers(1, 10),
)
def test_reads_are_contiguous_and_within_bounds(
    passed: int, interval: int, retain: int, after: int, limit: int
) -> None:
    clock = ManualClock()
    log, _ = CounterFeed(Schedule(interval, retain, clock)).open("x")
    clock.now += passed
    bounds = log.bounds()
    sequences = [item.sequence for item in log.read(after, limit)]
    begin = max(after + 1, bounds.first)
    assert sequences == list(range(begin, min(begin + limit, bounds.newest + 1)))
    assert bounds.newest - bounds.first + 1 <= retain
    assert all(item.event_time <= clock.now for item in log.read(after, limit))


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 1, 10**5, SECOND]))
def test_no_start_in_a_token_is_too_absurd(start: int, interval: int) -> None:
    clock = ManualClock()
    log = CounterFeed(Schedule(interval, 1000, clock), count=1000).reopen("x", start)
    bounds = log.bounds()
    assert bounds.first >= 1
    assert len(log.read(0, 5)) == (5 if bounds.newest >= 5 else bounds.newest)
    assert (bounds.horizon == -1) == (start > clock.now + CLOCK_TOLERANCE)


async def test_wait_returns_when_the_value_is_there_and_not_before() -> None:
    log, _ = CounterFeed(Schedule(SECOND // 50, 1000)).open("x")
    for after in range(1, 5):
        await log.wait(after)
        assert [item.sequence for item in log.read(after, 1)] == [after + 1]


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    clock = ManualClock()
    log, _ = CounterFeed(Schedule(SECOND, 1000, clock)).open("x")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(log.wait(1), 0.01)
    clock.advance(1)
    await log.wait(1)
    assert [item.sequence for item in log.read(1, 5)] == [2]


async def test_a_wait_notices_that_the_clock_was_stepped() -> None:
    clock = ManualClock()
    log, _ = CounterFeed(Schedule(3600 * SECOND, 1000, clock)).open("x")
    waiting = asyncio.ensure_future(log.wait(1))
    await asyncio.sleep(0)
    clock.advance(3600)
    async with asyncio.timeout(20):
        await waiting


async def test_there_is_nothing_to_wait_for_past_the_end() -> None:
    log, _ = CounterFeed(Schedule(0, 1000), count=3).open("x")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(log.wait(3), 0.01)


@pytest.mark.parametrize(
    ("interval", "says"),
    [
        (SECOND // 10, "a value every 0.1 s"),
        (20 * SECOND, "a value every 20 s"),
        (100_000, "a value every 0.0001 s"),
        (0, "all values at once"),
    ],
)
def test_the_description_tells_the_pace(interval: int, says: str) -> None:
    description = CounterFeed(Schedule(interval, 1000), 5).description
    assert description == f"feed counter, {says}, 5 in all"
