"""Numbers over time, with bounded memory and exact extremes however many there are."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

FAN = 64


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of time to be marked on the chart, such as a pause.

    Times are nanoseconds since the epoch; `end_ns` is None while it is still going on.
    """

    start_ns: int
    end_ns: int | None
    label: str


class Point(NamedTuple):
    """A number and its time, in nanoseconds since the epoch."""

    time_ns: int
    value: float


class Column(NamedTuple):
    """All points of a stretch of time in brief: extremes, ends, and the times of the ends."""

    low: float
    high: float
    first: float
    last: float
    first_ns: int
    last_ns: int


class Series:
    """An append-only series of numbers that keeps the newest and knows their extremes.

    It keeps at least the last `capacity` points. The oldest leave in blocks: of `fan` * `fan`
    points, or of about a sixteenth of `capacity` when that is more; so at most one block (and
    `fan` points) more are kept. Over the points lies a pyramid of the extremes of each `fan` and
    each `fan` * `fan` points, which `envelope` reads instead of the points.

    Times are nanoseconds since the epoch and never decrease: a smaller one is taken as the last.

    It is written by one thread and read by another, and has no lock: the owner holds one around
    both.
    """

    __slots__ = (
        "_block",
        "_capacity",
        "_fan",
        "_highs",
        "_last_ns",
        "_lows",
        "_room",
        "_times",
        "_top_highs",
        "_top_lows",
        "_values",
        "dropped",
        "version",
    )

    def __init__(self, capacity: int = 100_000, *, fan: int = FAN) -> None:
        """Makes an empty series.

        Args:
            capacity: Points to keep at least.
            fan: Points (and blocks) that a block of the pyramid spans.

        Raises:
            ValueError: `capacity` is below 1, or `fan` below 2.
        """
        if capacity < 1:
            raise ValueError("a series keeps at least one point")
        if fan < 2:
            raise ValueError("a block spans at least two points")
        self.version = 0
        """Points ever appended; two equal versions mean that nothing was appended between."""
        self.dropped = 0
        """Points that were let go to bound the memory."""
        self._capacity = capacity
        self._fan = fan
        self._block = _block(capacity, fan)
        self._times = array("q")
        self._values = array("d")
        self._lows = array("d")
        self._highs = array("d")
        self._top_lows = array("d")
        self._top_highs = array("d")
        self._last_ns = -(2**63)
        self._room = fan

    def begin(self, points: int, last_ns: int) -> None:
        """Begins, while it is empty, behind so many points, of which the last was at `last_ns`.

        What follows leaves in the same blocks as behind these. Until `points_gone` is as many as
        they are, what it keeps begins with points that mean nothing.
        """
        fan = self._fan
        self._last_ns = last_ns
        void = points % self._block
        self.version = points
        self.dropped = points - void
        # The blocks of the pyramid are counted from the first point that there ever was.
        self._times.extend([last_ns] * void)
        self._values.extend([0.0] * void)
        for pyramid, size in (
            (self._lows, fan),
            (self._highs, fan),
            (self._top_lows, fan * fan),
            (self._top_highs, fan * fan),
        ):
            pyramid.extend([0.0] * (void // size))
        self._room = fan - void % fan

    def append(self, time_ns: int, value: float) -> None:
        """Appends a point in amortised constant time; ignores what is not a finite number.

        Raises:
            OverflowError: `time_ns` does not fit into 64 bits, or `value` into a double.
        """
        if not isfinite(value):
            return
        if time_ns < self._last_ns:
            time_ns = self._last_ns
        self._times.append(time_ns)
        self._last_ns = time_ns
        self._values.append(value)
        self.version += 1
        self._room -= 1
        if not self._room:
            self._close_block()

    def extend(self, times: Sequence[int], values: Sequence[float]) -> None:
        """Appends points, as `append` does one by one.

        Args:
            times: Never decreasing.
            values: One for each of the times.

        Raises:
            OverflowError: as `append` does.
        """
        if not times:
            return
        if times[0] < self._last_ns or not all(map(isfinite, values)):
            for time_ns, value in zip(times, values, strict=True):
                self.append(time_ns, value)
            return
        at, count = 0, len(times)
        while at < count:
            stop = min(at + self._room, count)
            self._times.extend(times[at:stop])
            self._values.extend(values[at:stop])
            self.version += stop - at
            self._room -= stop - at
            at = stop
            self._last_ns = self._times[-1]
            if not self._room:
                self._close_block()

    def copy(self) -> Series:
        """A series of its own with the same points."""
        copy = Series(self._capacity, fan=self._fan)
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(copy, name, value[:] if isinstance(value, array) else value)
        return copy

    def __len__(self) -> int:
        """Points kept now."""
        return len(self._times)

    @property
    def last(self) -> Point | None:
        """The newest point; None before the first."""
        return Point(self._times[-1], self._values[-1]) if self._times else None

    @property
    def previous(self) -> float | None:
        """The value before the last; None when there is no such."""
        return self._values[-2] if len(self._values) > 1 else None

    @property
    def first_time(self) -> int | None:
        """The time of the oldest point that is kept."""
        return self._times[0] if self._times else None

    @property
    def last_time(self) -> int | None:
        """The time of the newest point."""
        return self._times[-1] if self._times else None

    def recent(self, count: int, until_ns: int | None = None) -> list[float]:
        """The newest `count` values, or as many as there are, oldest first.

        Args:
            count: How many.
            until_ns: The time of the newest that counts; None: all count.
        """
        if until_ns is None:
            return self._values[-count:].tolist() if count > 0 else []
        end = bisect_right(self._times, until_ns)
        return self._values[max(end - count, 0) : end].tolist()

    def standing_out(self, start_ns: int, end_ns: int) -> Point | None:
        """The point of a stretch that is furthest from the point before the stretch.

        Where all are alike it is the last; of an empty stretch, the point before; None: no such.
        """
        first = bisect_left(self._times, start_ns)
        stop = bisect_left(self._times, end_ns, first)
        if first == stop:
            return self.before(end_ns)
        low, high = self._extremes(first, stop)
        at = stop - 1
        if low != high:
            before = self._values[max(first - 1, 0)]
            at = self._find(high if abs(high - before) >= abs(low - before) else low, first, stop)
        return Point(self._times[at], self._values[at])

    def time_back(self, count: int) -> int | None:
        """The time of the oldest of the newest `count` points; None when there is none."""
        if not self._times or count < 1:
            return None
        return self._times[-min(count, len(self._times))]

    def before(self, start_ns: int) -> Point | None:
        """The last point earlier than `start_ns`; None when no such is kept."""
        at = bisect_left(self._times, start_ns) - 1
        return Point(self._times[at], self._values[at]) if at >= 0 else None

    def after(self, end_ns: int) -> Point | None:
        """The first point at `end_ns` or later; None when there is no such."""
        at = bisect_left(self._times, end_ns)
        return Point(self._times[at], self._values[at]) if at < len(self._times) else None

    def envelope(self, start_ns: int, end_ns: int, columns: int) -> list[Column | None]:
        """The points of a window in brief, exactly: no spike is lost.

        It takes time in proportion to `columns`, hardly to the number of points.

        Args:
            start_ns: Start of the window.
            end_ns: End of the window, which is not a part of it.
            columns: How many equal stretches to split it into, to the nanosecond below.

        Returns:
            `columns` items, each None where no point lies.
        """
        found: list[Column | None] = [None] * max(columns, 0)
        times, values = self._times, self._values
        span = end_ns - start_ns
        if span <= 0 or not found:
            return found
        at = bisect_left(times, start_ns)
        end = bisect_left(times, end_ns, at)
        while at < end:
            # Empty columns are stepped over, so that a sparse series costs what its points cost.
            column = ((times[at] - start_ns + 1) * columns - 1) // span
            bound = start_ns + (column + 1) * span // columns
            stop = bisect_left(times, bound, at, end)
            low, high = self._extremes(at, stop)
            found[column] = Column(
                low, high, values[at], values[stop - 1], times[at], times[stop - 1]
            )
            at = stop
        return found

    def _extremes(self, first: int, stop: int) -> tuple[float, float]:
        values, fan = self._values, self._fan
        if stop - first == 1:
            return values[first], values[first]
        start_block, stop_block = -(-first // fan), stop // fan
        if start_block >= stop_block:
            part = values[first:stop]
            return min(part), max(part)
        lows = values[first : start_block * fan] + values[stop_block * fan : stop]
        highs = lows[:]
        start_top, stop_top = -(-start_block // fan), stop_block // fan
        if start_top >= stop_top:
            lows += self._lows[start_block:stop_block]
            highs += self._highs[start_block:stop_block]
        else:
            lows += self._lows[start_block : start_top * fan]
            lows += self._lows[stop_top * fan : stop_block]
            lows += self._top_lows[start_top:stop_top]
            highs += self._highs[start_block : start_top * fan]
            highs += self._highs[stop_top * fan : stop_block]
            highs += self._top_highs[start_top:stop_top]
        return min(lows), max(highs)

    def _find(self, value: float, first: int, stop: int) -> int:
        """Where a value that is there stands first; blocks that cannot have it are skipped."""
        values, fan = self._values, self._fan
        at = first
        while at < stop:
            block = at // fan
            end = min((block + 1) * fan, stop)
            whole = block < len(self._lows)
            if not whole or self._lows[block] <= value <= self._highs[block]:
                part = values[at:end]
                if value in part:
                    return at + part.index(value)
            at = end
        return stop - 1

    def _close_block(self) -> None:
        fan = self._fan
        self._room = fan
        part = self._values[-fan:]
        self._lows.append(min(part))
        self._highs.append(max(part))
        if len(self._lows) % fan == 0:
            self._top_lows.append(min(self._lows[-fan:]))
            self._top_highs.append(max(self._highs[-fan:]))
        if len(self._times) >= self._capacity + self._block:
            self._drop_block()

    def _drop_block(self) -> None:
        # Whole blocks of the pyramid's top leave, so what stays needs no reckoning anew.
        block, fan = self._block, self._fan
        del self._times[:block], self._values[:block]
        del self._lows[: block // fan], self._highs[: block // fan]
        del self._top_lows[: block // fan // fan], self._top_highs[: block // fan // fan]
        self.dropped += block


def points_gone(points: int, capacity: int, fan: int = FAN) -> int:
    """How many of so many points, ever appended, a series of that capacity has let go."""
    block = _block(capacity, fan)
    return max((points - points % fan - capacity) // block, 0) * block


def _block(capacity: int, fan: int) -> int:
    """How many points leave together."""
    return fan * fan * max(capacity // (16 * fan * fan), 1)


class Line(NamedTuple):
    """A series on a chart, by the name of its field."""

    name: str
    series: Series


@dataclass(frozen=True, slots=True)
class ChartFrame:
    """What a chart shows at a moment; `lines` are the series in it.

    `end_ns` is the right edge of the time axis: now while the stream is live, the moment of the
    pause while it is paused; `moving` says which. `marks` are in the order of their starts. All
    lines have one scale in `common`, or each its own. `axis` says what the times are: "received",
    or "event" for what the messages tell of.
    """

    end_ns: int
    lines: Sequence[Line]
    marks: Sequence[Mark]
    moving: bool
    common: bool = False
    axis: str = "received"
