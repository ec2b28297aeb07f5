from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.rate import WINDOW_NS, CounterRate

SECOND = 1_000_000_000


def rates(*points: tuple[float, float]) -> list[float | None]:
    """The rates at values that come at seconds."""
    rate = CounterRate()
    return [rate.take(round(second * SECOND), value) for second, value in points]


def test_a_slow_counter_has_its_rate_from_value_to_value() -> None:
    assert rates((0, 100), (10, 150), (20, 150), (25, 160)) == [None, 5.0, 0.0, 2.0]


def test_a_fast_one_has_its_rate_over_a_second() -> None:
    found = rates(*((n / 100, n * 3) for n in range(400)))
    assert found[:100] == [None] * 100
    assert found[100:] == [pytest.approx(300)] * 300


def test_values_that_come_in_bunches_make_no_spikes() -> None:
    # Fifty at a time, each fifty within a moment.
    found = rates(*((n // 50 + n % 50 / 1e6, n) for n in range(500)))
    assert all(number is not None and 40 <= number <= 101 for number in found[50:])


def test_a_counter_that_begins_anew_neither_falls_nor_leaps() -> None:
    found = rates((0, 1000), (1, 1010), (2, 5), (3, 15), (4, 25))
    assert found == [None, 10.0, 0.0, 10.0, 10.0]


def test_at_one_moment_there_is_no_rate() -> None:
    assert rates((1, 5), (1, 50), (1, 500)) == [None, None, None]


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * SECOND), st.floats(0, 1e6, allow_nan=False)), max_size=200
    )
)
def test_a_rate_is_what_was_gained_since_a_moment_a_second_ago(
    steps: list[tuple[int, float]],
) -> None:
    rate, now_ns, count = CounterRate(), 0, 0.0
    known: list[tuple[int, float]] = []
    for step_ns, gain in steps:
        now_ns += step_ns
        count += gain
        known.append((now_ns, count))
        found = rate.take(now_ns, count)
        if now_ns - known[0][0] < WINDOW_NS:
            assert found is None
        else:
            assert found is not None
            # Over the shortest stretch of a second or more, to a twentieth of a second.
            allowed = [
                (count - before) * SECOND / (now_ns - then_ns)
                for then_ns, before in known
                if now_ns - then_ns >= WINDOW_NS
            ]
            assert min(allowed) - 1e-3 <= found <= max(allowed) + 1e-3
        assert len(rate._moments) < 25
