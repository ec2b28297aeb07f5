from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.history import Row, Value
from grpctap.core.seams import Cause, Interruption
from grpctap.core.stats import RateMeter, arrival_gaps

SECOND = 1_000_000_000


def value(time_ns: int) -> Value:
    return Value(0, 1, time_ns, b"")


def test_the_rate_is_that_of_the_window() -> None:
    meter = RateMeter(window_ns=5 * SECOND)
    rates = [meter.sample(second * SECOND, 10 * second, 400 * second) for second in range(20)]
    assert rates[0] == (0.0, 0.0)
    assert rates[-1] == (10.0, 400.0)
    quiet = [meter.sample(second * SECOND, 190, 7600) for second in range(20, 27)]
    assert quiet[-1] == (0.0, 0.0)


def test_after_a_reset_the_rate_starts_anew() -> None:
    meter = RateMeter()
    meter.sample(0, 0, 0)
    meter.reset()
    meter.sample(10 * SECOND, 1000, 1000)
    assert meter.sample(11 * SECOND, 1020, 1060) == (20.0, 60.0)


def test_gaps_do_not_count_across_a_seam() -> None:
    rows: list[Row] = [value(0), value(100), Interruption(Cause.PAUSED, 100, 2), value(900)]
    gaps = arrival_gaps(rows)
    assert gaps is not None
    assert (gaps.p50, gaps.p99) == (100, 100)
    assert arrival_gaps(rows[2:]) is None


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=300))
def test_the_median_and_the_tail_are_nearest_ranks(waits: list[int]) -> None:
    rows, time = [value(0)], 0
    for wait in waits:
        time += wait
        rows.append(value(time))
    gaps = arrival_gaps(rows)
    assert gaps is not None
    assert gaps.p50 == statistics.median_low(waits)
    assert sum(wait <= gaps.p99 for wait in waits) >= 0.99 * len(waits)
    assert gaps.p99 in waits


@pytest.mark.parametrize("count", [1, 2, 100, 101])
def test_the_tail_of_a_steady_stream_is_its_period(count: int) -> None:
    gaps = arrival_gaps([value(7 * i) for i in range(count + 1)])
    assert gaps == (7, 7)
