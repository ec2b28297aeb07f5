"""The envelope of a window that moves along a series."""

from __future__ import annotations

from grpctap.core.series import Column, Series


class Scroll:
    """The envelope of a window that moves: only what may have changed is reckoned anew.

    Columns are numbered by their time over their duration, so they stay the same as they scroll.
    It reads the series under the owner's lock, and its results can be used outside of it.
    """

    def __init__(self) -> None:
        self._series: Series | None = None
        self._column_ns = 0
        self._start = 0
        self._open = 0
        self._dropped = 0
        self._columns: list[Column | None] = []

    def look(self, series: Series, start: int, count: int, column_ns: int) -> list[Column | None]:
        """What `series.envelope` finds for columns `start` to `start` + `count` - 1.

        Args:
            series: The series to look at.
            start: The number of the first column.
            count: How many columns.
            column_ns: The duration of each, in nanoseconds, above 0.
        """
        left, kept = start, list[Column | None]()
        if series is self._series and column_ns == self._column_ns:
            left = min(max(start, self._start), start + count)
            right = min(self._open, start + count)
            kept = self._columns[left - self._start : max(right - self._start, 0)]
        if not kept:
            left = start
        elif series.dropped != self._dropped and series.first_time is not None:
            first = series.first_time // column_ns - left
            for i in range(min(first, len(kept))):
                kept[i] = None
            if 0 <= first < len(kept):
                begin_ns = (left + first) * column_ns
                kept[first] = series.envelope(begin_ns, begin_ns + column_ns, 1)[0]

        def fresh(first: int, stop: int) -> list[Column | None]:
            return series.envelope(first * column_ns, stop * column_ns, stop - first)

        columns = fresh(start, left) + kept + fresh(left + len(kept), start + count)
        self._series, self._column_ns, self._start = series, column_ns, start
        self._dropped, self._columns = series.dropped, columns
        # No point comes earlier than the last, so only its column and those after it are open.
        self._open = series.last_time // column_ns if series.last_time is not None else start
        return columns
