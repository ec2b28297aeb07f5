from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.history import CHUNK, History
from grpctap.core.seams import Cause, Interruption
from grpctap.core.series import Series, points_gone

STEPS = st.lists(st.one_of(st.just("seam"), st.integers(1, 2_500)), max_size=8)


@given(
    capacity=st.sampled_from([1, 7, CHUNK, 3_000]),
    limit=st.sampled_from([1, 900, 10**9]),
    steps=STEPS,
)
def test_values_that_come_at_once_are_kept_as_if_they_came_one_by_one(
    capacity: int, limit: int, steps: list[str | int]
) -> None:
    at_once, one_by_one = History(capacity, limit), History(capacity, limit)
    for step in steps:
        if isinstance(step, str):
            for history in (at_once, one_by_one):
                history.add_seam(Interruption(Cause.PAUSED, 0, None))
            continue
        numbers = range(at_once.values + 1, at_once.values + step + 1)
        raws = [str(number).encode() for number in numbers]
        at_once.extend(numbers, numbers, raws)
        for number, raw in zip(numbers, raws, strict=True):
            one_by_one.append(number, number, raw)
    assert at_once.extent == one_by_one.extent
    assert (at_once.kept, at_once.evicted, at_once.bytes, at_once.last_ns) == (
        one_by_one.kept,
        one_by_one.evicted,
        one_by_one.bytes,
        one_by_one.last_ns,
    )
    rows = list(at_once.newest().rows)
    assert rows == list(one_by_one.newest().rows)
    frozen = at_once.newest()
    assert [frozen.get(frozen.first + at) for at in range(len(rows))] == rows
    assert frozen.rows[-3:] == rows[-3:]


@given(steps=st.lists(st.lists(st.floats(width=32), max_size=200), max_size=8))
def test_points_that_come_at_once_are_kept_as_if_they_came_one_by_one(
    steps: list[list[float]],
) -> None:
    at_once, one_by_one = Series(64, fan=4), Series(64, fan=4)
    time_ns = 0
    for values in steps:
        times = range(time_ns, time_ns + len(values))
        time_ns += len(values)
        at_once.extend(times, values)
        for moment, value in zip(times, values, strict=True):
            one_by_one.append(moment, value)
    assert (len(at_once), at_once.version, at_once.dropped) == (
        len(one_by_one),
        one_by_one.version,
        one_by_one.dropped,
    )
    assert at_once.envelope(0, time_ns + 1, 9) == one_by_one.envelope(0, time_ns + 1, 9)


@given(
    capacity=st.integers(1, 200),
    before=st.integers(0, 400),
    after=st.integers(0, 400),
    start=st.integers(0, 800),
)
def test_a_series_that_begins_later_is_the_same_once_what_was_before_has_left(
    capacity: int, before: int, after: int, start: int
) -> None:
    whole, later = Series(capacity, fan=3), Series(capacity, fan=3)
    for number in range(before + after):
        if number == before:
            later.begin(whole.version, whole.last_time or 0)
        for series in (whole, later)[: 1 + (number >= before)]:
            # The clock is set back once.
            series.append(number if number < 300 else number - 200, number * 7 % 50)
    assert whole.dropped == points_gone(whole.version, capacity, 3)
    if after and whole.dropped >= before:
        assert (len(later), later.dropped, later.version) == (
            len(whole),
            whole.dropped,
            whole.version,
        )
        assert later.recent(10**6) == whole.recent(10**6)
        assert later.last == whole.last
        assert later.envelope(start, start + 333, 11) == whole.envelope(start, start + 333, 11)
