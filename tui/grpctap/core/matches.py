"""Which rows of a history match a filter: found a slice at a time, the newest first."""

from __future__ import annotations

import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from grpctap.core.filters.kinds import Filter
from grpctap.core.history import Extent, Frozen, Located, Row, Value
from grpctap.core.picked import Picked, PickedRows

PAGE = 1_024
"""Rows of a page, and the most of a slice."""
SLICE_S = 0.003
"""How long a slice should take, in seconds: whoever waits for Python's lock waits as long."""
SLICE_BYTES = 256 * 1024
"""Bytes of the messages of a slice, unless it is one message."""
# Messages may be slow to look at.
_FIRST_SLICE = 1


class RowSource(Protocol):
    """Where rows come from: a tap, or rows that stand still."""

    def extent(self) -> Extent:
        """Which rows there are."""

    def span(self, start: int, stop: int) -> Frozen:
        """Those of the rows `start` to `stop` - 1 that are there."""

    def pick(self, rows: Sequence[int]) -> list[Row | None]:
        """The rows with these numbers; None in the place of one that is not there."""

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all: None) as they are now."""


class Still:
    """Rows that change no more, as a source."""

    def __init__(self, rows: Frozen) -> None:
        self.rows = rows

    def extent(self) -> Extent:
        """Which rows there are."""
        return Extent(self.rows.first, self.rows.end, self.rows.end)

    def span(self, start: int, stop: int) -> Frozen:
        """Those of the rows `start` to `stop` - 1 that are there."""
        return self.rows.span(start, stop)

    def pick(self, rows: Sequence[int]) -> list[Row | None]:
        """The rows with these numbers; None in the place of one that is not there."""
        return self.rows.pick(rows)

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows, or all."""
        return self.rows if count is None else self.rows.span(self.rows.end - count, self.rows.end)


class Progress(NamedTuple):
    """How far a filter has come, in values (`left` and `lost`: in rows, seams too).

    `found` of the `checked` ones match; `left` are still to be looked at; `lost` were let go by the
    history before anybody looked at them.
    """

    found: int
    checked: int
    left: int
    lost: int


class Known(NamedTuple):
    """The rows `first` to `stop` - 1 are checked; `found` are the numbers of those that match."""

    first: int
    stop: int
    found: list[int]


class _Page:
    """What was found in PAGE consecutive rows: the rows to show, in order, and which are seams."""

    __slots__ = ("seams", "shown")

    def __init__(self) -> None:
        self.shown = array("q")
        self.seams = array("q")

    def add(self, start: int, shown: Sequence[int], seams: Sequence[int]) -> None:
        """Adds the rows of a slice that begins with the row `start`."""
        for kept, new in ((self.shown, shown), (self.seams, seams)):
            if new:
                at = bisect_left(kept, start)
                kept[at:at] = array("q", new)

    def cut(self, first: int) -> None:
        """Forgets the rows before `first`."""
        for kept in (self.shown, self.seams):
            del kept[: bisect_left(kept, first)]


class Matches:
    """The rows that match a filter, and all seams, as a source for the log.

    One thread calls `work` again and again; any thread looks. What is kept are the numbers of rows,
    which leave with the rows: never more than the history has. Rows are looked at newest first,
    both those that are there and, in a flood, those that come.
    """

    def __init__(
        self,
        source: RowSource,
        wanted: Filter,
        still: Frozen | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`still` are rows to stay with at first, as after `hold`."""
        self.wanted = wanted
        self._live = source
        self._source = source if still is None else Still(still)
        self._clock = clock
        self._lock = threading.Lock()
        self._pages: dict[int, _Page] = {}
        self._first = self._end = self._source.extent().first
        self._left: list[range] = []
        self._lost = 0
        self._changes = 0
        self._restarts = 0
        self._slice = _FIRST_SLICE
        self._in_work = range(0)

    # What the worker's thread calls.

    def work(self, budget_s: float) -> bool:
        """Looks at rows for about so long, in seconds; returns whether there are more."""
        until = self._clock() + budget_s
        while True:
            with self._lock:
                source = self._source
            extent = source.extent()
            with self._lock:
                if source is not self._source:
                    continue
                self._follow(extent)
                part, restarts = self._take(), self._restarts
            if part is None:
                return False
            began = self._clock()
            looked_at = self._check(source, part, restarts)
            now = self._clock()
            self._pace(looked_at, now - began)
            if now >= until:
                return bool(self._left)

    def _follow(self, extent: Extent) -> None:
        """Takes note of rows that came and went; the caller holds the lock."""
        if self._source is self._live and (extent.end < self._end or extent.first < self._first):
            self._restart(extent.first)
        if extent.first > self._first:
            self._forget(extent.first)
        if extent.end > self._end:
            if self._left and self._left[-1].stop == self._end:
                self._left[-1] = range(self._left[-1].start, extent.end)
            else:
                self._left.append(range(max(self._end, self._first), extent.end))
            self._end = extent.end

    def _restart(self, first: int) -> None:
        """Forgets all rows, some of which were taken back, as in a recording."""
        self._pages.clear()
        self._left.clear()
        self._first = self._end = first
        self._lost = 0
        self._changes += 1
        self._restarts += 1

    def _forget(self, first: int) -> None:
        if self._first // PAGE < first // PAGE:
            for number in [number for number in self._pages if number < first // PAGE]:
                del self._pages[number]
        page = self._pages.get(first // PAGE)
        if page is not None:
            page.cut(first)
        gone = 0
        while self._left and self._left[0].start < first:
            part = self._left.pop(0)
            rest = range(max(part.start, first), part.stop)
            gone += len(part) - len(rest)
            if rest:
                self._left.insert(0, rest)
                break
        # Rows that came and went between two looks were never on the list.
        gone += max(first - max(self._end, self._first), 0)
        self._lost += gone
        self._first, self._end = first, max(self._end, first)

    def _take(self) -> range | None:
        """The next rows to look at, all of one page; the caller holds the lock."""
        if not self._left:
            return None
        part = self._left.pop()
        page_start = (part.stop - 1) // PAGE * PAGE
        start = max(part.start, page_start, part.stop - self._slice)
        if start > part.start:
            self._left.append(range(part.start, start))
        self._in_work = range(start, part.stop)
        return self._in_work

    def _check(self, source: RowSource, part: range, restarts: int) -> int:
        """Looks at rows, or at the newest of them where they are large; returns how many."""
        first, found_rows = source.span(part.start, part.stop)
        rows = list(found_rows)
        if over := _too_many(rows):
            first, rows = first + over, rows[over:]
            part = self._put_back(part, first)
        seams: list[int] = []
        numbers: list[int] = []
        values: list[Value] = []
        for number, row in enumerate(rows, first):
            if isinstance(row, Value):
                numbers.append(number)
                values.append(row)
            else:
                seams.append(number)
        found = [numbers[at] for at in self.wanted.select(values)] if values else []
        shown = sorted(found + seams) if seams else found
        with self._lock:
            self._in_work = range(0)
            if restarts != self._restarts:
                return len(part)
            # Those that left the list, and then the history, before they were looked at.
            self._lost += min(max(first, part.start), part.stop) - part.start
            if shown and part.stop > self._first:
                self._changes += 1
                page = self._pages.setdefault(part.start // PAGE, _Page())
                page.add(part.start, shown, seams)
                page.cut(self._first)
        return len(part)

    def _put_back(self, part: range, start: int) -> range:
        """Leaves the rows before `start` for later; returns the others."""
        rest = range(part.start, start)
        with self._lock:
            self._in_work = range(start, part.stop)
            if self._left and self._left[-1].stop == rest.start:
                rest = range(self._left.pop().start, start)
            self._left.append(rest)
        return range(start, part.stop)

    def _pace(self, rows: int, took_s: float) -> None:
        if took_s > 2 * SLICE_S:
            self._slice = max(self._slice // 2, 1)
        elif took_s < SLICE_S / 2 and rows >= self._slice:
            self._slice = min(self._slice * 2, PAGE)

    # What the views call.

    def hold(self) -> Frozen:
        """Stays with the rows of now, whatever becomes of the history, until `release`."""
        with self._lock:
            still = self._live.newest()
            self._source = Still(still)
            self._changes += 1
            return still

    def release(self) -> None:
        """Follows the history again."""
        with self._lock:
            self._source = self._live
            self._changes += 1

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._changes

    def progress(self) -> Progress:
        """How far it has come."""
        with self._lock:
            left = sum(map(len, self._left)) + len(self._in_work)
            seams = sum(len(page.seams) for page in self._pages.values())
            shown = self._size()
            checked = max(self._end - self._first - left - seams, 0)
            return Progress(shown - seams, checked, left, self._lost)

    def extent(self) -> Extent:
        """Which places there are: of the rows that are shown."""
        amended = self._source.extent()
        with self._lock:
            shown = self._size()
            version = self._changes + amended.version - amended.end
            return Extent(0, shown, version)

    def newest(self, count: int | None = None) -> Picked:
        """The newest `count` of the rows that are shown (all: None) as they are now."""
        with self._lock:
            source = self._source
            numbers = self._numbers(count)
            total = self._size()
        if isinstance(source, Still):
            at = bisect_left(numbers, source.rows.first)
            numbers = numbers[at : bisect_left(numbers, source.rows.end)]
            return Picked(total - len(numbers), numbers, PickedRows(numbers, source.rows))
        if count is None:
            still = source.newest()
            numbers = numbers[bisect_left(numbers, still.first) :]
            return Picked(total - len(numbers), numbers, PickedRows(numbers, still))
        rows = source.pick(numbers)
        kept = [(number, row) for number, row in zip(numbers, rows, strict=True) if row is not None]
        return Picked(total - len(kept), [number for number, _ in kept], [row for _, row in kept])

    def known(self, start: int, most: int) -> Known:
        """The first rows from `start` on that are all checked, at most so many, and the matches."""
        extent = self._live.extent()
        with self._lock:
            if extent.end < self._end or extent.first < self._first:
                # Rows were taken back, which the worker has not seen yet.
                return Known(start, start, [])
            start = max(start, self._first)
            stop = min(start + most, self._end)
            for part in (self._in_work, *self._left):
                if part.start < stop and part.stop > start:
                    stop = max(part.start, start)
            found: list[int] = []
            for number in range(start // PAGE, -(-stop // PAGE)):
                page = self._pages.get(number)
                if page is not None:
                    at = bisect_left(page.shown, start)
                    shown = page.shown[at : bisect_left(page.shown, stop)]
                    found.extend(row for row in shown if not _has(page.seams, row))
            return Known(start, max(stop, start), found)

    def is_match(self, row: int) -> bool:
        """Whether a row is known to match."""
        with self._lock:
            page = self._pages.get(row // PAGE)
            return page is not None and _has(page.shown, row) and not _has(page.seams, row)

    def step(self, row: int, by: int) -> Located | None:
        """The nearest match after the row (`by` 1) or before it (-1), as far as is known."""
        while True:
            with self._lock:
                found = self._step(row, by)
                source = self._source
            if found is None:
                return None
            (value,) = source.pick([found])
            if isinstance(value, Value):
                return Located(found, value)
            row = found

    def _step(self, row: int, by: int) -> int | None:
        number = row // PAGE
        last = (self._end - 1) // PAGE
        if by < 0:
            number = min(number, last)
        first = self._first // PAGE
        number = max(number, first) if by > 0 else number
        while first <= number <= last:
            page = self._pages.get(number)
            if page is not None:
                if by > 0:
                    later = page.shown[bisect_left(page.shown, row + 1) :]
                else:
                    later = page.shown[: bisect_left(page.shown, row)][::-1]
                for found in later:
                    if not _has(page.seams, found):
                        return int(found)
            number += by
        return None

    def _size(self) -> int:
        return sum(len(page.shown) for page in self._pages.values())

    def _numbers(self, count: int | None) -> array[int]:
        """The numbers of the newest rows that are shown; the caller holds the lock."""
        parts: list[array[int]] = []
        size = 0
        for number in sorted(self._pages, reverse=True):
            if count is not None and size >= count:
                break
            shown = self._pages[number].shown
            parts.append(shown)
            size += len(shown)
        numbers = array("q")
        for part in reversed(parts):
            numbers.extend(part)
        return numbers if count is None else numbers[max(len(numbers) - count, 0) :]


def _too_many(rows: Sequence[Row]) -> int:
    """How many of the oldest are too much for one slice, in which the newest one is at least."""
    room = SLICE_BYTES
    for at in range(len(rows) - 1, -1, -1):
        row = rows[at]
        room -= len(row.raw) if isinstance(row, Value) else 0
        if room < 0:
            return min(at + 1, len(rows) - 1)
    return 0


def _has(numbers: Sequence[int], number: int) -> bool:
    at = bisect_left(numbers, number)
    return at < len(numbers) and numbers[at] == number
