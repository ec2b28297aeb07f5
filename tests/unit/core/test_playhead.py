from __future__ import annotations

from math import inf

import pytest

from grpctap.core.playhead import SPEEDS, Playhead, next_speed, speed_of, speed_text
from support.server import ManualClock

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.mark.parametrize(("speed", "passed"), [(1.0, 4), (10.0, 40), (0.5, 2)])
def test_recorded_time_passes_at_the_speed(clock: ManualClock, speed: float, passed: int) -> None:
    head = Playhead(speed)
    head.move(START, clock())
    clock.advance(4)
    assert head.at(clock()) == START + passed * SECOND
    assert head.wait_s(START + (passed + 5) * SECOND, clock()) == pytest.approx(5 / speed)
    assert head.wait_s(START, clock()) == 0


def test_a_pause_takes_no_recorded_time(clock: ManualClock) -> None:
    head = Playhead(2.0)
    head.move(START, clock())
    clock.advance(1)
    head.pause(clock())
    clock.advance(100)
    assert head.at(clock()) == START + 2 * SECOND
    assert head.wait_s(START, clock()) == inf
    head.play(clock())
    clock.advance(1)
    assert head.at(clock()) == START + 4 * SECOND
    head.play(clock())
    assert head.at(clock()) == START + 4 * SECOND


def test_another_speed_holds_from_where_it_is(clock: ManualClock) -> None:
    head = Playhead(1.0)
    head.move(START, clock())
    clock.advance(3)
    head.set_speed(10.0, clock())
    clock.advance(1)
    assert head.at(clock()) == START + 13 * SECOND


def test_at_once_goes_with_what_is_taken_in_and_never_waits(clock: ManualClock) -> None:
    head = Playhead(inf)
    head.move(START, clock())
    clock.advance(1)
    assert head.at_once
    assert head.at(clock()) == START
    assert head.wait_s(START + SECOND, clock()) == 0
    head.set_speed(1.0, clock())
    clock.advance(2)
    assert head.at(clock()) == START + 2 * SECOND


def test_the_speeds_are_a_ladder() -> None:
    speed, seen = SPEEDS[0], [SPEEDS[0]]
    while (faster := next_speed(speed, 1)) != speed:
        speed = faster
        seen.append(speed)
    assert tuple(seen) == SPEEDS
    assert next_speed(SPEEDS[0], -1) == SPEEDS[0]
    assert next_speed(3.0, 1) == 5.0
    assert next_speed(3.0, -1) == 2.0
    assert next_speed(inf, -1) == 1000.0


@pytest.mark.parametrize(
    ("text", "speed", "shown"),
    [("1", 1.0, "×1"), ("0.5", 0.5, "×0.5"), ("10", 10.0, "×10"), ("max", inf, "max")],
)
def test_a_speed_is_written_and_read(text: str, speed: float, shown: str) -> None:
    assert speed_of(text) == speed
    assert speed_text(speed) == shown


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "fast", "", "1e9", "0.0001"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no speed"):
        speed_of(text)
