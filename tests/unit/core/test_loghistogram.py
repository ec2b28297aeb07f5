from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.loghistogram import LogHistogram

YEAR = 366 * 86_400 * 10**9
DURATIONS = st.lists(
    st.one_of(st.integers(-200, 200), st.integers(-(10**9), 10**12), st.integers(0, 30 * YEAR)),
    min_size=1,
    max_size=200,
)


@given(parts=st.lists(DURATIONS, min_size=1, max_size=4), percent=st.integers(1, 100))
def test_a_quantile_is_near_the_exact_one(parts: list[list[int]], percent: int) -> None:
    histogram = LogHistogram()
    for part in parts:
        histogram.add(part)
    ordered = sorted(duration for part in parts for duration in part)
    exact = ordered[max(-(-len(ordered) * percent // 100), 1) - 1]
    (found,) = histogram.quantiles([percent])
    assert abs(found - exact) <= abs(exact) * 0.05
    if abs(exact) < 100:
        assert found == exact
    assert histogram.count == len(ordered)
    assert (histogram.least, histogram.greatest) == (ordered[0], ordered[-1])
    assert histogram.negative == sum(duration < 0 for duration in ordered)


@given(durations=st.lists(st.integers(0, 10**12), min_size=1, max_size=200))
def test_bars_between_round_bounds_are_exact(durations: list[int]) -> None:
    histogram = LogHistogram()
    histogram.add(durations)
    bounds = [0, 10**3, 2 * 10**3, 5 * 10**3, 10**6, 10**9]
    bars = histogram.bars(bounds)
    assert [(bar.low, bar.high) for bar in bars] == list(pairwise(bounds))
    for bar in bars[:-1]:
        assert bar.count == sum(bar.low <= duration < bar.high for duration in durations)
    # What is above the last bound counts to the last bar.
    assert sum(bar.count for bar in bars) == len(durations)


def test_nothing_is_nothing() -> None:
    histogram = LogHistogram()
    histogram.add([])
    assert histogram.count == 0
    assert histogram.span is None


def test_the_span_is_that_of_the_buckets() -> None:
    histogram = LogHistogram()
    histogram.add([1_234, 98_765, -5])
    assert histogram.span == (1_200, 98_000)
