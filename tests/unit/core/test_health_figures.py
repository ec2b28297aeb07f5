from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.follow import Follower
from grpctap.core.health import READ_AT_ONCE, SECOND, WINDOW_S, Away, Health, Second, times_away
from grpctap.core.history import History
from grpctap.core.seams import Cause, Interruption

START = 1_800_000_000 * SECOND
MS = 1_000_000


def take(history: History, health: Health, follower: Follower | None = None) -> Follower:
    follower = follower or Follower(history)
    for taken in follower.look(float("inf")):
        health.take(taken)
    return follower


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.integers(0, 90 * SECOND), st.integers(0, 50)),
            st.just(None),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_it_says_what_the_rows_say(steps: list[tuple[int, int] | None]) -> None:
    history, health = History(), Health()
    now, came, gaps, last = START, [], [], None
    follower = Follower(history)
    for step in steps:
        if step is None:
            history.add_seam(Interruption(Cause.PAUSED, now, None))
            last = None
        else:
            now += step[0]
            history.append(0, now, bytes(step[1]))
            came.append((now, step[1]))
            if last is not None:
                gaps.append(now - last)
            last = now
        if len(came) % 3 == 0:
            take(history, health, follower)
    take(history, health, follower)
    assert health.values == len(came)
    assert health.bytes == sum(size for _, size in came)
    assert health.gaps.count == len(gaps)
    assert health.gaps.greatest == max(gaps, default=0)
    assert health.largest.size == max((size for _, size in came), default=0)
    if health.largest.size:
        sizes = [size for _, size in came]
        assert health.largest.label == sizes.index(max(sizes)) + 1
    seconds = health.rates(now)
    assert len(seconds) == WINDOW_S
    for second, found in enumerate(seconds, now // SECOND - WINDOW_S):
        within = [size for time, size in came if time // SECOND == second]
        assert found == Second(len(within), sum(within))


def test_a_clock_that_is_set_back_counts_no_negative_gap() -> None:
    history, health = History(), Health()
    for ms in (5_000, 4_000, 4_500):
        history.append(0, START + ms * MS, b"x")
    take(history, health)
    assert (health.gaps.least, health.gaps.greatest) == (0, 500 * MS)
    seconds = health.rates(START + 6 * SECOND)
    assert seconds[-2:] == [Second(2, 2), Second(1, 1)]


def test_seconds_that_were_not_all_seen_are_unknown() -> None:
    history, health = History(10), Health()

    def come(second: int, count: int) -> None:
        for _ in range(count):
            history.append(0, START + second * SECOND, b"x")

    come(1, 5)
    follower = take(history, health)
    assert health.rates(START + 2 * SECOND)[-2:] == [Second(0, 0), Second(5, 5)]
    come(2, 7)
    come(4, 10)
    take(history, health, follower)
    come(5, 3)
    take(history, health, follower)
    # What came between seconds 1 and 4 left unseen, and so perhaps within these themselves.
    rates = health.rates(START + 6 * SECOND)
    assert rates[-6:] == [Second(0, 0), None, None, None, None, Second(3, 3)]
    assert follower.unseen == 7


def test_seconds_before_the_oldest_row_kept_are_unknown() -> None:
    history, health = History(2), Health()
    for second in range(4):
        history.append(0, START + second * SECOND, b"x")
    take(history, health)
    assert health.rates(START + 4 * SECOND)[-3:] == [None, None, Second(1, 1)]


def event_ns(raw: bytes) -> int | None:
    number: int = struct.unpack("q", raw)[0]
    return number or None


def stamped(history: History, *late_ms: int | None) -> None:
    for late in late_ms:
        event = 0 if late is None else START - late * MS
        history.append(0, START, struct.pack("q", event))


def test_latency_may_be_negative() -> None:
    history, health = History(), Health(event_ns)
    stamped(history, 5, None, -3, 80)
    take(history, health)
    assert health.latency.count == 3
    assert health.latency.negative == 1
    assert (health.latency.least, health.latency.greatest) == (-3 * MS, 80 * MS)
    assert not health.sampled


def test_many_at_once_are_sampled() -> None:
    history, health = History(), Health(event_ns)
    stamped(history, *[7] * (READ_AT_ONCE + 50))
    take(history, health)
    assert health.sampled
    assert health.latency.count == READ_AT_ONCE
    assert health.latency.quantiles([50]) == [7 * MS]


def test_times_away_go_by_cause() -> None:
    def gap(cause: Cause, start: int, end: int | None, **more: Any) -> Interruption:
        return Interruption(cause, start, 1, reopened_ns=end, **more)

    gaps = [
        gap(Cause.PAUSED, 0, 5),
        gap(Cause.LOST, 10, 12),
        gap(Cause.PAUSED, 20, 21),
        gap(Cause.PAUSED, 30, None),
    ]
    assert times_away(gaps, 40) == [Away(Cause.PAUSED, 3, 16), Away(Cause.LOST, 1, 2)]
    assert times_away([], 40) == []


@given(times=st.lists(st.integers(0, 10**6), min_size=2, max_size=50))
def test_gaps_go_on_over_slices(times: list[int]) -> None:
    history, health = History(), Health()
    follower = Follower(history)
    times = sorted(times)
    for time in times:
        history.append(0, START + time, b"x")
        take(history, health, follower)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert health.gaps.count == len(gaps)
    assert health.gaps.greatest == max(gaps)
