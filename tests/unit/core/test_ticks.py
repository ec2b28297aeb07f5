from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.ticks import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    TIME_STEPS,
    Scale,
    decimals_of,
    nice_ticks,
    number_text,
    tick_label,
    time_label,
    time_step,
    time_ticks,
)

NUMBERS = st.floats(-1e300, 1e300) | st.floats(-1e6, 1e6) | st.integers(-1000, 1000).map(float)
NOON = 1_752_494_400 * SECOND
INDIA = timezone(timedelta(hours=5, minutes=30))


def labels(ticks: list[float]) -> list[str]:
    return [tick_label(tick, ticks[1] - ticks[0]) for tick in ticks]


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (78.21, 78.97, 5, ["78.2", "78.4", "78.6", "78.8", "79.0"]),
        (0.1, 0.3, 3, ["0.1", "0.2", "0.3"]),
        (-1, 1, 3, ["-1", "0", "1"]),
        (5, 5, 5, ["4.95", "5.00", "5.05"]),
        (0, 0, 5, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (1e6, 1.3e6, 5, ["1.0M", "1.1M", "1.2M", "1.3M"]),
        (0, 120_000, 5, ["0", "50k", "100k", "150k"]),
        (0, 9e-9, 6, ["0", "2e-9", "4e-9", "6e-9", "8e-9", "1.0e-8"]),
        (1e17, 1.2e17, 3, ["1.0e17", "1.1e17", "1.2e17"]),
        (100_001, 100_003, 4, ["100001", "100002", "100003"]),
        (1.000001, 1.000003, 3, ["1.000001", "1.000002", "1.000003"]),
    ],
)
def test_ticks_as_they_are_written(
    low: float, high: float, count: int, expected: list[str]
) -> None:
    assert labels(nice_ticks(low, high, count)) == expected


@given(numbers=st.tuples(NUMBERS, NUMBERS), count=st.integers(0, 20))
def test_ticks_cover_the_range_and_are_few(numbers: tuple[float, float], count: int) -> None:
    low, high = sorted(numbers)

    ticks = nice_ticks(low, high, count)

    slack = max(high - low, abs(high)) * 1e-8
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= max(count, 3)
    assert ticks == sorted(set(ticks))
    assert len(set(labels(ticks))) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high"), [(1, 0), (0, float("inf")), (float("nan"), 1), (0, 1e308)]
)
def test_no_ticks_for_what_is_no_range(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="no range"):
        nice_ticks(low, high, 5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([78.42], "78.42"),
        ([78.42, 78.4], "78.40"),
        ([123_456_789.0], "123456789"),
        ([1_234_567.89], "1234568"),
        ([1 / 3], "0.33333"),
        ([1.5e18], "1.5e18"),
        ([3e-9], "3e-9"),
        ([0.0], "0"),
        ([-2.5], "-2.5"),
        ([-0.0], "0"),
        ([1.25, -0.0], "0.00"),
        ([1.7976931348623157e308], "1.79769e308"),
        ([5e-324], "4.94066e-324"),
    ],
)
def test_the_last_value_has_the_decimals_of_the_recent_ones(
    values: list[float], expected: str
) -> None:
    assert number_text(values[-1], decimals_of(values)) == expected


@given(NUMBERS, NUMBERS, st.integers(1, 60))
def test_a_scale_holds_its_range(one: float, other: float, rows: int) -> None:
    low, high = sorted((one, other))

    scale = Scale(low, high, rows)

    assert round(scale.dot(low) + 1e-6) >= 0
    assert round(scale.dot(high) - 1e-6) <= 4 * rows - 1
    assert bool(scale.labels) == (rows >= 3)
    assert all(0 <= row < rows for row in scale.labels)


def test_a_label_stands_at_the_row_of_its_number() -> None:
    scale = Scale(78.21, 78.97, 13)

    assert scale.labels == {0: "79.0", 3: "78.8", 6: "78.6", 9: "78.4", 12: "78.2"}
    for row, label in scale.labels.items():
        assert scale.dot(float(label)) == pytest.approx(4 * (12 - row) + 1.5)


def test_a_scale_is_left_as_it_is_while_it_does() -> None:
    scale = Scale(0, 10, 11)

    assert scale.suits(0, 9, 11)
    assert scale.suits(1, 10, 11)
    assert not scale.suits(0, 30, 11)
    assert not scale.suits(4, 5, 11)
    assert not scale.suits(0, 10, 12)


@pytest.mark.parametrize(
    ("span", "count", "expected"),
    [
        (SECOND, 20, SECOND // 10),
        (10 * SECOND, 5, 2 * SECOND),
        (60 * SECOND, 5, 15 * SECOND),
        (60 * SECOND, 1, MINUTE),
        (5 * HOUR, 5, HOUR),
        (3 * DAY, 2, 2 * DAY),
        (0, 0, SECOND // 10),
    ],
)
def test_the_step_of_a_span(span: int, count: int, expected: int) -> None:
    assert time_step(span, count) == expected


@given(
    start=st.integers(0, 4_000_000_000 * SECOND),
    step=st.sampled_from(TIME_STEPS),
    count=st.integers(0, 30),
    zone=st.sampled_from([UTC, INDIA]),
)
def test_a_local_clock_shows_a_multiple_of_the_step(
    start: int, step: int, count: int, zone: timezone
) -> None:
    ticks = time_ticks(start, start + count * step, step, zone)

    assert len(ticks) == count
    for tick in ticks:
        clock = datetime.fromtimestamp(tick // SECOND, zone)
        of_day = (clock.hour * 3600 + clock.minute * 60 + clock.second) * SECOND + tick % SECOND
        assert of_day % step == 0


def test_ticks_where_the_clock_is_put_forward() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = round(datetime(2025, 3, 30, tzinfo=berlin).timestamp()) * SECOND

    ticks = time_ticks(start, start + 11 * HOUR, 6 * HOUR, berlin)

    assert [time_label(tick, HOUR, berlin) for tick in ticks] == ["03-30", "06:00:00"]


def test_ticks_by_this_computers_clock() -> None:
    ticks = time_ticks(NOON, NOON + MINUTE, 15 * SECOND)

    assert ticks == [NOON + i * 15 * SECOND for i in range(4)]
    assert time_label(NOON, SECOND) == datetime.fromtimestamp(NOON // SECOND).strftime("%H:%M:%S")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (SECOND // 10, "12:00:00.3"),
        (SECOND, "12:00:00"),
        (HOUR, "12:00:00"),
        (DAY, "07-14"),
    ],
)
def test_how_a_time_is_written(step: int, expected: str) -> None:
    assert time_label(NOON + 300_000_000, step, UTC) == expected
