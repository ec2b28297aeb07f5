"""The rows of a history, and the forms in which they are handed out."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import NamedTuple, cast, overload

from grpctap.core.seams import Seam


class Value(NamedTuple):
    """One value as it was received.

    `sequence` is the server's number, or 0 when it numbers nothing; `ordinal` counts from 1 what
    this viewer received; `time_ns` is the receive time in nanoseconds since the epoch.
    """

    sequence: int
    ordinal: int
    time_ns: int
    raw: bytes

    @property
    def label(self) -> int:
        """The number to call it by: the server's, else ours."""
        return self.sequence or self.ordinal


Row = Value | Seam


class Located(NamedTuple):
    """A value, and the absolute number of its row."""

    row: int
    value: Value


class Extent(NamedTuple):
    """Which rows there are: `first` to `end` - 1; `version` grows with each change to any."""

    first: int
    end: int
    version: int


class Slab(NamedTuple):
    """Consecutive rows as they were, in columns of the same length.

    `first` is the number of the first row, `before` how many values had been appended ahead of it,
    and `total` how many by now. `items` are messages, and seams where `seams` has their offsets;
    `times` are receive times in nanoseconds since the epoch, without meaning for a seam.
    """

    first: int
    before: int
    total: int
    items: list[bytes | Seam | None]
    sequences: list[int]
    times: array[int]
    seams: list[int]

    @property
    def end(self) -> int:
        """One past the last row."""
        return self.first + len(self.items)

    @property
    def values(self) -> int:
        """How many values are among its rows."""
        return len(self.items) - len(self.seams)

    def messages(self) -> tuple[Sequence[int], list[bytes]]:
        """The messages among its rows, with their offsets."""
        if not self.seams:
            return range(len(self.items)), cast("list[bytes]", self.items)
        found = [(at, item) for at, item in enumerate(self.items) if isinstance(item, bytes)]
        return [at for at, _ in found], [raw for _, raw in found]

    def value(self, offset: int, nth: int) -> Located:
        """The value at an offset, before which there are `nth` values in it."""
        raw = cast("bytes", self.items[offset])
        value = Value(self.sequences[offset], self.before + nth + 1, self.times[offset], raw)
        return Located(self.first + offset, value)


class Chunk:
    """Consecutive rows in columns, so that a value has no object of its own until it is looked at.

    A seam stands among the messages, and takes a place in the other columns as well. What was let
    go has left None behind.
    """

    __slots__ = ("items", "ordinal", "seams", "sequences", "times")

    def __init__(self, ordinal: int) -> None:
        self.items: list[bytes | Seam | None] = []
        self.sequences: list[int] = []
        self.times = array("q")
        self.ordinal = ordinal
        """The ordinal of its first value."""
        self.seams: list[int] = []
        """The offsets of the seams, in order."""

    def __len__(self) -> int:
        return len(self.items)

    def part(self, start: int, stop: int) -> Chunk:
        """A copy of the rows at offsets `start` to `stop` - 1."""
        part = Chunk(self._ordinal_at(start))
        part.items = self.items[start:stop]
        part.sequences = self.sequences[start:stop]
        part.times = self.times[start:stop]
        part.seams = [at - start for at in self.seams if start <= at < stop]
        return part

    def copy(self) -> Chunk:
        """A copy of all of it."""
        copy = Chunk(self.ordinal)
        copy.items, copy.sequences = self.items[:], self.sequences[:]
        copy.times, copy.seams = self.times[:], self.seams[:]
        return copy

    def row(self, at: int) -> Row:
        """The row at an offset, which was not let go."""
        item = self.items[at]
        if isinstance(item, bytes):
            return Value(self.sequences[at], self._ordinal_at(at), self.times[at], item)
        return cast("Seam", item)

    def rows(self) -> Iterator[Row]:
        """The rows, in order, of which none was let go."""
        if self.seams:
            return map(self.row, range(len(self)))
        ordinals = range(self.ordinal, self.ordinal + len(self))
        # Much faster than to make one after the other.
        fields = zip(self.sequences, ordinals, self.times, self.items, strict=True)
        return cast("Iterator[Row]", map(Value._make, fields))

    def _ordinal_at(self, at: int) -> int:
        return self.ordinal + at - bisect_left(self.seams, at)


class Rows(Sequence[Row]):
    """Rows that change no more, each made when somebody looks at it."""

    def __init__(self, parts: Sequence[Chunk]) -> None:
        self._parts = parts
        self._starts = list(accumulate(map(len, parts), initial=0))

    def __len__(self) -> int:
        """How many they are."""
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """One of them, or those of a slice."""
        places = range(len(self))[index]
        if isinstance(places, int):
            return self._row(places)
        if places.step == 1:
            return list(self._rows(places.start, places.stop))
        return [self._row(at) for at in places]

    def __iter__(self) -> Iterator[Row]:
        """All of them, in order."""
        return chain.from_iterable(part.rows() for part in self._parts)

    def _rows(self, start: int, stop: int) -> Iterator[Row]:
        number = bisect_right(self._starts, start) - 1
        while start < stop:
            part, begin = self._parts[number], self._starts[number]
            end = min(stop - begin, len(part))
            yield from part.part(start - begin, end).rows()
            number, start = number + 1, begin + end

    def _row(self, place: int) -> Row:
        number = bisect_right(self._starts, place) - 1
        return self._parts[number].row(place - self._starts[number])


class Frozen(NamedTuple):
    """Rows that change no more: `rows[0]` has the absolute number `first`."""

    first: int
    rows: Sequence[Row]

    @property
    def end(self) -> int:
        """One past the last row."""
        return self.first + len(self.rows)

    def place(self, row: int) -> int:
        """Where a row stands: here, at its number."""
        return row

    def number(self, place: int) -> int:
        """The number of the row that stands there."""
        return place

    def pick(self, rows: Iterable[int]) -> list[Row | None]:
        """The rows with these numbers; None in the place of one that is not among these."""
        return [self.get(row) for row in rows]

    def span(self, start: int, stop: int) -> Frozen:
        """Those of the rows that are among `start` to `stop` - 1."""
        start, stop = max(start, self.first), min(stop, self.end)
        if start >= stop:
            return Frozen(start, ())
        return Frozen(start, self.rows[start - self.first : stop - self.first])

    def get(self, row: int) -> Row | None:
        """The row with that absolute number, or None when it is not among these."""
        return self.rows[row - self.first] if self.first <= row < self.end else None

    def step(self, row: int, by: int) -> Located | None:
        """As that of a history."""
        at = max(row + 1, self.first) if by > 0 else min(row, self.end) - 1
        while self.first <= at < self.end:
            found = self.rows[at - self.first]
            if isinstance(found, Value):
                return Located(at, found)
            at += by
        return None
