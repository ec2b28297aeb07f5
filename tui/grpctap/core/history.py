"""The values kept, in order, with the seams between them."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, takewhile
from typing import NamedTuple, cast, overload

from grpctap.core.seams import Seam

CHUNK = 1024
MAX_BYTES = 256 * 1024 * 1024
"""Bytes of messages kept by default."""


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


class _Chunk:
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

    def part(self, start: int, stop: int) -> _Chunk:
        """A copy of the rows at offsets `start` to `stop` - 1."""
        part = _Chunk(self._ordinal_at(start))
        part.items = self.items[start:stop]
        part.sequences = self.sequences[start:stop]
        part.times = self.times[start:stop]
        part.seams = [at - start for at in self.seams if start <= at < stop]
        return part

    def copy(self) -> _Chunk:
        """A copy of all of it."""
        copy = _Chunk(self.ordinal)
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


class History:
    """A bounded ring of values, with the seams between them as rows of their own.

    It keeps the newest `capacity` values, or fewer when their messages have more than `max_bytes`
    bytes together (but always the newest one), and says how many it let go. Rows have absolute
    numbers, which never change, so a view finds a row again whatever was evicted. Seams are bounded
    too: they leave with the values around them, and at the latest when they outnumber `capacity`.

    It has no lock: whoever shares it between threads holds one around it.
    """

    def __init__(self, capacity: int = 100_000, max_bytes: int = MAX_BYTES) -> None:
        if capacity < 1:
            raise ValueError("a history keeps at least one value")
        self.capacity = capacity
        self.max_bytes = max_bytes
        self.first = 0
        """The oldest row kept."""
        self.end = 0
        """The row that the next append makes."""
        self.values = 0
        """Values ever appended."""
        self.evicted = 0
        """Values let go."""
        self.bytes = 0
        """Size of all values ever appended, in bytes of their messages."""
        self.last_ns: int | None = None
        """Receive time of the newest value, in nanoseconds; None before the first."""
        self.on_seam: Callable[[int, Seam], None] | None = None
        """Told of each seam that is added or amended, and of its row."""
        self._bytes_evicted = 0
        self._chunks: deque[_Chunk] = deque()
        self._chunk_base = 0
        self._room = 0
        self._amendments = 0

    def begin(self, rows: int, values: int, size: int) -> None:
        """Begins, while it is empty, behind so many rows, values and bytes as if they had left."""
        self.first = self.end = self._chunk_base = rows
        self.values = self.evicted = values
        self.bytes = self._bytes_evicted = size

    def copy(self) -> History:
        """A history of its own with the same rows."""
        copy = History(self.capacity, self.max_bytes)
        vars(copy).update(vars(self))
        copy._chunks = deque(chunk.copy() for chunk in self._chunks)
        return copy

    @property
    def extent(self) -> Extent:
        """Which rows there are."""
        return Extent(self.first, self.end, self.end + self._amendments)

    @property
    def kept(self) -> int:
        """Values kept now."""
        return self.values - self.evicted

    def append(self, sequence: int, time_ns: int, raw: bytes) -> None:
        """Appends a value, and lets the oldest go when there are too many."""
        chunk = self._open_chunk()
        chunk.items.append(raw)
        chunk.sequences.append(sequence)
        chunk.times.append(time_ns)
        self.last_ns = time_ns
        self.values += 1
        self.bytes += len(raw)
        self._grow(1)

    def extend(self, sequences: Sequence[int], times: Sequence[int], raws: Sequence[bytes]) -> None:
        """Appends values, one or more, given in columns of the same length; as `append` does."""
        count, at = len(raws), 0
        self.last_ns = times[-1]
        self.bytes += sum(map(len, raws))
        while at < count:
            chunk = self._open_chunk()
            stop = at + min(self._room, count - at)
            chunk.items.extend(raws[at:stop])
            chunk.sequences.extend(sequences[at:stop])
            chunk.times.extend(times[at:stop])
            self.values += stop - at
            # After each chunk, so that no more than one is kept beyond what may be kept.
            self._grow(stop - at)
            at = stop

    def add_seam(self, seam: Seam) -> int:
        """Appends a seam; returns its row."""
        chunk = self._open_chunk()
        chunk.seams.append(len(chunk.items))
        chunk.items.append(seam)
        chunk.sequences.append(0)
        chunk.times.append(0)
        self._grow(1)
        if self.on_seam is not None:
            self.on_seam(self.end - 1, seam)
        return self.end - 1

    def amend(self, row: int, seam: Seam) -> None:
        """Puts `seam` in the place of the one at `row`, unless that was let go."""
        if self.on_seam is not None:
            self.on_seam(row, seam)
        if row >= self.first:
            self._amendments += 1
            at = row - self._chunk_base
            self._chunks[at // CHUNK].items[at % CHUNK] = seam

    def rows(self, start: int, stop: int) -> list[Row]:
        """The kept rows among `start` to `stop` - 1, in order."""
        return [row for chunk in self._parts(start, stop) for row in chunk.rows()]

    def slab(self, start: int, most: int, most_bytes: int) -> Slab:
        """The first of the rows kept from `start` on, for who goes through all of them.

        There are at most `most`, of `most_bytes` together unless it is one row alone, and none only
        where there are no rows from `start` on.
        """
        start = max(start, self.first)
        if start >= self.end:
            return Slab(self.end, self.values, self.values, [], [], array("q"), [])
        chunk = self._chunks[(start - self._chunk_base) // CHUNK]
        offset = (start - self._chunk_base) % CHUNK
        part = chunk.part(offset, min(offset + most, len(chunk)))
        sizes = accumulate(len(item) if isinstance(item, bytes) else 0 for item in part.items)
        fitting = sum(1 for _ in takewhile(lambda size: size <= most_bytes, sizes))
        if fitting < len(part):
            part = part.part(0, max(fitting, 1))
        items, before = part.items, part.ordinal - 1
        return Slab(start, before, self.values, items, part.sequences, part.times, part.seams)

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all that are kept: None) as they are now."""
        start = self.first if count is None else max(self.first, self.end - count)
        return Frozen(start, Rows(self._parts(start, self.end)))

    def span(self, start: int, stop: int) -> Frozen:
        """The kept rows among `start` to `stop` - 1 as they are now."""
        start = max(start, self.first)
        return Frozen(start, Rows(self._parts(start, stop)))

    def pick(self, rows: Iterable[int]) -> list[Row | None]:
        """The rows with these numbers; None in the place of one that is not kept."""
        return [self._row(row) if self.first <= row < self.end else None for row in rows]

    def step(self, row: int, by: int) -> Located | None:
        """The nearest value after the row (`by` 1) or before it (-1), past any seams.

        None where there is none, or none any more.
        """
        at = max(row + 1, self.first) if by > 0 else min(row, self.end) - 1
        while self.first <= at < self.end:
            found = self._row(at)
            if isinstance(found, Value):
                return Located(at, found)
            at += by
        return None

    def _row(self, row: int) -> Row:
        place = row - self._chunk_base
        return self._chunks[place // CHUNK].row(place % CHUNK)

    def _parts(self, start: int, stop: int) -> list[_Chunk]:
        start, stop = max(start, self.first), min(stop, self.end)
        found: list[_Chunk] = []
        while start < stop:
            chunk = self._chunks[(start - self._chunk_base) // CHUNK]
            offset = (start - self._chunk_base) % CHUNK
            part = chunk.part(offset, min(offset + stop - start, CHUNK))
            found.append(part)
            start += len(part)
        return found

    def _open_chunk(self) -> _Chunk:
        if not self._room:
            self._chunks.append(_Chunk(self.values + 1))
            self._room = CHUNK
        return self._chunks[-1]

    def _grow(self, rows: int) -> None:
        """Counts rows that the open chunk took in, and lets the oldest go."""
        self._room -= rows
        self.end += rows
        capacity = self.capacity
        while self.kept > capacity or self.end - self.first > 2 * capacity:
            self._drop(max(self.kept - capacity, self.end - self.first - 2 * capacity))
        while self.bytes - self._bytes_evicted > self.max_bytes and self.kept > 1:
            self._drop(1)

    def _drop(self, count: int) -> None:
        """Lets the oldest rows go: `count`, or as many as the oldest chunk has."""
        chunk = self._chunks[0]
        start = self.first - self._chunk_base
        stop = min(start + count, len(chunk))
        gone = chunk.items[start:stop]
        if chunk.seams:
            gone = [item for item in gone if isinstance(item, bytes)]
        self.evicted += len(gone)
        self._bytes_evicted += sum(map(len, gone))  # type: ignore[arg-type]
        # A chunk leaves only as a whole, so its messages are let go before it.
        chunk.items[start:stop] = [None] * (stop - start)
        self.first += stop - start
        if stop == CHUNK:
            self._chunks.popleft()
            self._chunk_base += CHUNK


class Rows(Sequence[Row]):
    """Rows that change no more, each made when somebody looks at it."""

    def __init__(self, parts: Sequence[_Chunk]) -> None:
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
