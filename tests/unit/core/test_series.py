from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.scroll import Scroll
from grpctap.core.series import Column, Point, Series

STEPS = st.lists(
    st.tuples(st.integers(-2, 5), st.integers(-50, 50).map(float)), min_size=0, max_size=300
)


def filled(steps: list[tuple[int, float]], capacity: int, fan: int) -> tuple[Series, list[Point]]:
    """A series with small blocks, and every point that it was given as it should have taken it."""
    series = Series(capacity, fan=fan)
    points: list[Point] = []
    time_ns = 0
    for step, value in steps:
        series.append(time_ns + step, value)
        time_ns = max(time_ns, time_ns + step) if points else time_ns + step
        points.append(Point(time_ns, value))
    return series, points


def by_force(points: list[Point], start: int, end: int, columns: int) -> list[Column | None]:
    found: list[Column | None] = []
    for i in range(columns):
        left = start + i * (end - start) // columns
        right = start + (i + 1) * (end - start) // columns
        inside = [point for point in points if left <= point.time_ns < right]
        values = [point.value for point in inside]
        found.append(
            Column(
                min(values),
                max(values),
                values[0],
                values[-1],
                inside[0].time_ns,
                inside[-1].time_ns,
            )
            if inside
            else None
        )
    return found


@given(
    steps=STEPS,
    capacity=st.integers(1, 120),
    fan=st.integers(2, 4),
    start=st.integers(-20, 600),
    span=st.integers(1, 700),
    columns=st.integers(1, 40),
)
def test_an_envelope_is_what_brute_force_finds(
    steps: list[tuple[int, float]], capacity: int, fan: int, start: int, span: int, columns: int
) -> None:
    series, points = filled(steps, capacity, fan)
    kept = points[series.dropped :]

    assert len(series) == len(kept) >= min(capacity, len(points))
    assert len(series) < capacity + max(fan * fan, capacity // 8) + fan
    assert series.envelope(start, start + span, columns) == by_force(
        kept, start, start + span, columns
    )
    earlier = [point for point in kept if point.time_ns < start]
    assert series.before(start) == (earlier[-1] if earlier else None)
    assert series.after(start + span) == next((p for p in kept if p.time_ns >= start + span), None)


def time_of(points: list[Point], at: int) -> int:
    return points[at].time_ns if -len(points) <= at < len(points) else 0


@given(
    steps=STEPS,
    capacity=st.integers(1, 120),
    fan=st.integers(2, 4),
    start=st.integers(-20, 600),
    span=st.integers(0, 700),
)
def test_what_stands_out_is_the_extreme_furthest_from_the_point_before(
    steps: list[tuple[int, float]], capacity: int, fan: int, start: int, span: int
) -> None:
    series, points = filled(steps, capacity, fan)
    kept = points[series.dropped :]
    earlier = [point for point in kept if point.time_ns < start]
    inside = [point for point in kept if start <= point.time_ns < start + span]

    found = series.standing_out(start, start + span)

    if not inside:
        assert found == (earlier[-1] if earlier else None)
        return
    assert found in inside
    before = (earlier or inside)[-1 if earlier else 0].value
    assert abs(found.value - before) == max(abs(point.value - before) for point in inside)
    if len({point.value for point in inside}) == 1:
        assert found == inside[-1]


def test_one_value_among_a_million_is_found() -> None:
    series = Series(10**6)
    series.extend(range(10**6), [1.0] * 700_123 + [9.0] + [1.0] * 299_876)

    assert series.standing_out(0, 10**6) == (700_123, 9.0)
    assert series.standing_out(700_124, 10**6) == (10**6 - 1, 1.0)


@given(steps=STEPS, capacity=st.integers(1, 50))
def test_the_ends_are_the_ends(steps: list[tuple[int, float]], capacity: int) -> None:
    series, points = filled(steps, capacity, 2)
    kept = points[series.dropped :]

    assert series.version == len(points)
    assert series.last == (kept[-1] if kept else None)
    assert series.first_time == (kept[0].time_ns if kept else None)
    assert series.last_time == (kept[-1].time_ns if kept else None)
    assert series.previous == (kept[-2].value if len(kept) > 1 else None)
    assert series.recent(5) == [point.value for point in kept[-5:]]
    for until in (-1, 0, time_of(kept, 3), time_of(kept, -1)):
        earlier = [point.value for point in kept if point.time_ns <= until]
        assert series.recent(5, until) == earlier[-5:]
    assert series.time_back(7) == (kept[-7:][0].time_ns if kept else None)


@given(
    rounds=st.lists(st.tuples(STEPS, st.integers(-40, 40)), max_size=12),
    capacity=st.integers(1, 60),
    width=st.integers(1, 9),
    count=st.integers(1, 30),
)
def test_scrolling_finds_what_an_envelope_finds(
    rounds: list[tuple[list[tuple[int, float]], int]], capacity: int, width: int, count: int
) -> None:
    series, scroll = Series(capacity, fan=2), Scroll()
    time_ns, start = 0, -5
    for steps, moved in rounds:
        for step, value in steps:
            time_ns = max(time_ns, time_ns + step)
            series.append(time_ns, value)
        start += moved

        assert scroll.look(series, start, count, width) == series.envelope(
            start * width, (start + count) * width, count
        )


def test_scrolling_does_not_mix_two_series() -> None:
    scroll, one, other = Scroll(), Series(), Series()
    for i in range(10):
        one.append(i, 1.0)
        other.append(i, 2.0)

    scroll.look(one, 0, 5, 2)

    assert scroll.look(other, 0, 5, 2) == other.envelope(0, 10, 5)
    assert scroll.look(other, 0, 10, 1) == other.envelope(0, 10, 10)


def test_points_on_the_edges_of_the_window() -> None:
    series = Series()
    series.append(10, 1.0)
    series.append(20, 2.0)

    assert series.envelope(10, 20, 1) == [Column(1.0, 1.0, 1.0, 1.0, 10, 10)]
    assert series.envelope(11, 21, 2) == [None, Column(2.0, 2.0, 2.0, 2.0, 20, 20)]
    assert series.envelope(21, 30, 2) == [None, None]
    assert series.envelope(0, 10, 2) == [None, None]
    assert series.before(10) is None
    assert series.before(11) == (10, 1.0)
    assert series.after(20) == (20, 2.0)
    assert series.after(21) is None


@pytest.mark.parametrize(("start", "end", "columns"), [(0, 0, 3), (5, 1, 3), (0, 9, 0), (0, 9, -1)])
def test_a_window_without_extent_is_empty(start: int, end: int, columns: int) -> None:
    series = Series()
    series.append(1, 1.0)

    assert series.envelope(start, end, columns) == [None] * max(columns, 0)


def test_more_columns_than_nanoseconds() -> None:
    series = Series()
    series.append(1, 5.0)

    found = series.envelope(0, 3, 10)

    assert [column for column in found if column] == [Column(5.0, 5.0, 5.0, 5.0, 1, 1)]


def test_one_spike_among_a_million_is_found() -> None:
    series = Series(1_000_000)
    for i in range(1_000_000):
        series.append(i, -7.0 if i == 123_457 else float(i % 3))

    found = series.envelope(0, 1_000_000, 320)

    lows = [column.low for column in found if column]
    assert lows.count(-7.0) == 1
    assert lows.index(-7.0) == 123_457 * 320 // 1_000_000
    assert all(column and column.high == 2.0 for column in found)


def test_the_memory_is_bounded() -> None:
    series = Series(1_000)
    for i in range(20_000):
        series.append(i, float(i))

    assert 1_000 <= len(series) <= 1_000 + 64 * 64 + 64
    assert series.dropped + len(series) == 20_000
    assert series.last == (19_999, 19_999.0)


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_not_finite_is_ignored(value: float) -> None:
    series = Series()
    series.append(1, value)

    assert len(series) == 0
    assert series.version == 0
    assert series.last is None


def test_a_clock_set_back_does_not_go_back() -> None:
    series = Series()
    series.append(100, 1.0)
    series.append(40, 2.0)

    assert series.last == (100, 2.0)
    assert series.previous == 1.0


def test_a_series_that_keeps_nothing_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Series(0)
    with pytest.raises(ValueError, match="two points"):
        Series(fan=1)
