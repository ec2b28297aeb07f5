"""A series whose points come in any order."""

from __future__ import annotations

from array import array
from bisect import insort
from time import perf_counter

from grpctap.core.series import Series

# It rests so many times as long as it took to put points in their places.
_REST = 20
_LEAST_REST_S = 0.1
# More than these are sorted in together.
_FEW = 100


class OrderedSeries:
    """Keeps a series in the order of time, whatever the order of its points.

    A point that is later than all others is in `series` at once. The others wait for `settle`,
    which makes a new series that has them, too: a series itself only ever grows. The newest
    `capacity` points are kept, by their own time.
    """

    def __init__(self, capacity: int) -> None:
        self.series = Series(capacity)
        self._capacity = capacity
        self._points: list[tuple[int, float]] = []
        self._late: list[tuple[int, float]] = []
        self._due = 0.0

    def add(self, time_ns: int, value: float) -> None:
        """Takes a point, whose value is finite; as Series.append does."""
        last_ns = self.series.last_time
        if last_ns is not None and time_ns < last_ns:
            self._late.append((time_ns, value))
            return
        self.series.append(time_ns, value)
        self._points.append((time_ns, value))
        if len(self._points) > 2 * self._capacity:
            del self._points[: -self._capacity]

    def settle(self, *, now: bool = False) -> None:
        """Puts the late points in their places, unless it did so only just.

        Args:
            now: Also when it did so only just.
        """
        start = perf_counter()
        if not self._late or (start < self._due and not now):
            return
        if len(self._late) > _FEW:
            # What is sorted already is found to be so, and stays as it is.
            self._points = sorted(self._points + sorted(self._late))
        else:
            for point in self._late:
                insort(self._points, point)
        self._late.clear()
        del self._points[: -self._capacity]
        series = Series(self._capacity)
        series.extend(
            array("q", [time_ns for time_ns, _ in self._points]),
            array("d", [value for _, value in self._points]),
        )
        self.series = series
        took = perf_counter() - start
        self._due = start + max(_REST * took, _LEAST_REST_S)
