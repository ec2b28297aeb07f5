"""What waited for the call, in the rows of streams that were paused."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from grpctap.core.follow import Follower
from grpctap.core.health import SECOND, Health
from grpctap.core.history import History
from grpctap.core.seams import Cause, How, Interruption

START = 1_800_000_000 * SECOND
MS = 1_000_000


def event_ns(raw: bytes) -> int | None:
    number: int = struct.unpack("q", raw)[0]
    return number or None


class Stream:
    """A stream of a value each 100 ms, 5 ms under way, whose server has another clock."""

    def __init__(self, clock_ms: int = 0, *, events: bool = True) -> None:
        self.history = History()
        self.gaps: list[Interruption] = []
        self.health = Health(event_ns if events else None, lambda: self.gaps)
        self.follower = Follower(self.history)
        self._clock_ms = clock_ms

    def values(self, made_ms: Sequence[int], came_ms: int | None = None) -> None:
        """Values that are made at these times; they come at once, or within a millisecond."""
        for nth, made in enumerate(made_ms):
            event = START + (made + self._clock_ms) * MS
            came = made + 5 if came_ms is None else came_ms
            time_ns = START + came * MS + (0 if came_ms is None else nth * MS // 100)
            self.history.append(0, time_ns, struct.pack("q", event))

    def pause(self, start_ms: int, end_ms: int, how: How = How.RESUMED, *, late: bool) -> None:
        """Is paused, and goes on; `late` says that the health sees the seam before that."""
        seam = Interruption(Cause.PAUSED, START + start_ms * MS, 1)
        row = self.history.add_seam(seam)
        if late:
            self.look()
        done = Interruption(
            Cause.PAUSED, START + start_ms * MS, 1, reopened_ns=START + end_ms * MS, how=how
        )
        self.history.amend(row, done)
        self.gaps.append(done)

    def look(self) -> Health:
        for taken in self.follower.look(float("inf")):
            self.health.take(taken)
        return self.health


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("clock_ms", [0, 3_600_000, -3_600_000])
def test_what_waited_is_in_neither_latency_nor_gaps(clock_ms: int, late: bool) -> None:
    stream = Stream(clock_ms)
    stream.values(range(0, 10_000, 100))
    stream.pause(10_000, 40_000, late=late)
    stream.values(range(10_000, 40_000, 100), came_ms=40_010)
    stream.values(range(40_000, 50_000, 100))
    health = stream.look()
    assert health.caught_up == pytest.approx(300, abs=1)
    assert health.values == 500
    assert health.latency.count == 500 - health.caught_up
    assert health.latency.greatest <= (15 - clock_ms) * MS
    assert health.latency.least >= (5 - clock_ms) * MS
    assert health.gaps.quantiles([50]) == [health.gaps.greatest] == [100 * MS]
    assert health.gaps.count == health.latency.count - 1


@pytest.mark.parametrize("clock_ms", [0, -3_600_000])
def test_it_ends_also_where_no_latency_is_known(clock_ms: int) -> None:
    stream = Stream(clock_ms)
    stream.pause(10_000, 40_000, late=False)
    stream.values(range(10_000, 40_000, 100), came_ms=40_010)
    stream.values(range(40_000, 50_000, 100))
    health = stream.look()
    assert health.caught_up == pytest.approx(300, abs=2)
    assert health.latency.greatest <= (15 - clock_ms) * MS


@pytest.mark.parametrize("events", [True, False])
def test_where_nothing_waited_nothing_is_left_out(events: bool) -> None:
    stream = Stream(events=events)
    stream.values(range(0, 10_000, 100))
    stream.pause(10_000, 40_000, How.SKIPPED, late=True)
    stream.values(range(40_000, 50_000, 100))
    stream.pause(50_000, 50_001, late=False)
    stream.values(range(50_010, 60_000, 100))
    health = stream.look()
    assert health.caught_up == 0
    assert health.latency.count == (health.values if events else 0)
    assert health.gaps.count == health.values - 3


def test_without_event_times_what_comes_closely_together_had_waited() -> None:
    stream = Stream(events=False)
    stream.values(range(0, 10_000, 100))
    stream.pause(10_000, 40_000, late=True)
    stream.values(range(10_000, 40_000, 100), came_ms=40_010)
    stream.values(range(40_100, 50_000, 100))
    health = stream.look()
    assert health.caught_up == 300
    assert health.gaps.quantiles([50]) == [100 * MS]
    assert health.gaps.greatest == 100 * MS


def test_an_event_time_that_never_changes_makes_nothing_wait_for_ever() -> None:
    stream = Stream()
    for came in range(0, 10_000, 100):
        stream.values([0], came_ms=came)
    stream.pause(10_000, 11_000, late=True)
    for came in range(11_000, 30_000, 100):
        stream.values([0], came_ms=came)
    health = stream.look()
    assert health.latency.count == health.values - health.caught_up
    assert health.latency.greatest == 29_900 * MS


def test_a_seam_that_is_forgotten_makes_nothing_wait() -> None:
    stream = Stream()
    stream.values(range(0, 1_000, 100))
    stream.pause(1_000, 4_000, late=True)
    stream.gaps.clear()
    stream.values(range(1_000, 4_000, 100), came_ms=4_010)
    assert stream.look().caught_up == 0


def test_a_slow_stream_is_read_as_a_whole_and_a_fast_one_sampled() -> None:
    stream = Stream()
    stream.values(range(0, 2_000_000, 100))
    health = stream.look()
    assert not health.sampled
    assert health.latency.count == health.values == 20_000
    stream.values(range(2_000_000, 2_000_400), came_ms=2_000_400)
    assert stream.look().sampled
