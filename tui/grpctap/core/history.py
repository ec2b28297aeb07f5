"""The values kept, in order, with the seams between them."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, takewhile
from typing import cast

from grpctap.core.rows import Chunk, Extent, Frozen, Located, Row, Rows, Slab, Value
from grpctap.core.seams import Interruption, Irregularity, Seam, size_of

__all__ = ["MAX_BYTES", "Extent", "Frozen", "History", "Located", "Row", "Slab", "Value"]

CHUNK = 1024
MAX_BYTES = 256 * 1024 * 1024
"""Bytes kept by default, of messages and of seams."""


class History:
    """A bounded ring of values, with the seams between them as rows of their own.

    It keeps the newest `capacity` values, or fewer when their messages and the seams have more than
    `max_bytes` bytes together (but always the newest one), and says how many it let go. Rows have
    absolute numbers, which never change, so a view finds a row again whatever was evicted. Seams
    are bounded too: they leave with the values around them, and at the latest when they outnumber
    `capacity`. It knows of each value in which call it came, if it is told of the calls.

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
        self._seam_bytes = 0
        self._calls: deque[tuple[int, int]] = deque()
        self._chunks: deque[Chunk] = deque()
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
        copy._calls = self._calls.copy()
        return copy

    @property
    def extent(self) -> Extent:
        """Which rows there are."""
        return Extent(self.first, self.end, self.end + self._amendments)

    @property
    def kept(self) -> int:
        """Values kept now."""
        return self.values - self.evicted

    @property
    def calls(self) -> list[tuple[int, int]]:
        """The calls in which the rows that are kept came: the first row of each, and its id."""
        return list(self._calls)

    def opened(self, call_id: int) -> None:
        """What is appended from now on comes in this call."""
        if self._calls and self._calls[-1][0] == self.end:
            # Nothing came in the one before.
            self._calls.pop()
        self._calls.append((self.end, call_id))

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
        self._seam_bytes += size_of(seam)
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
            items = self._chunks[at // CHUNK].items
            self._seam_bytes += size_of(seam) - size_of(cast("Seam", items[at % CHUNK]))
            items[at % CHUNK] = seam
            self._fit()

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

    def _parts(self, start: int, stop: int) -> list[Chunk]:
        start, stop = max(start, self.first), min(stop, self.end)
        found: list[Chunk] = []
        while start < stop:
            chunk = self._chunks[(start - self._chunk_base) // CHUNK]
            offset = (start - self._chunk_base) % CHUNK
            part = chunk.part(offset, min(offset + stop - start, CHUNK))
            found.append(part)
            start += len(part)
        return found

    def _open_chunk(self) -> Chunk:
        if not self._room:
            self._chunks.append(Chunk(self.values + 1))
            self._room = CHUNK
        return self._chunks[-1]

    def _grow(self, rows: int) -> None:
        """Counts rows that the open chunk took in, and lets the oldest go."""
        self._room -= rows
        self.end += rows
        capacity = self.capacity
        while self.kept > capacity or self.end - self.first > 2 * capacity:
            self._drop(max(self.kept - capacity, self.end - self.first - 2 * capacity))
        self._fit()

    def _fit(self) -> None:
        """Lets the oldest rows go until the others are not too large, but not the newest value."""
        while self.bytes - self._bytes_evicted + self._seam_bytes > self.max_bytes and (
            self.kept > 1 or (self.end - self.first > 1 and self._begins_with_seam())
        ):
            self._drop(1)

    def _begins_with_seam(self) -> bool:
        return not isinstance(self._chunks[0].items[self.first - self._chunk_base], bytes)

    def _drop(self, count: int) -> None:
        """Lets the oldest rows go: `count`, or as many as the oldest chunk has."""
        chunk = self._chunks[0]
        start = self.first - self._chunk_base
        stop = min(start + count, len(chunk))
        gone = chunk.items[start:stop]
        if chunk.seams:
            left = [item for item in gone if isinstance(item, Interruption | Irregularity)]
            self._seam_bytes -= sum(map(size_of, left))
            gone = [item for item in gone if isinstance(item, bytes)]
        self.evicted += len(gone)
        self._bytes_evicted += sum(map(len, gone))  # type: ignore[arg-type]
        # A chunk leaves only as a whole, so its messages are let go before it.
        chunk.items[start:stop] = [None] * (stop - start)
        self.first += stop - start
        while len(self._calls) > 1 and self._calls[1][0] <= self.first:
            self._calls.popleft()
        if stop == CHUNK:
            self._chunks.popleft()
            self._chunk_base += CHUNK
