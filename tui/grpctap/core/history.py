"""The values kept, in order, with the seams between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

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


class Extent(NamedTuple):
    """Which rows there are: `first` to `end` - 1; `version` grows with each change to any."""

    first: int
    end: int
    version: int


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
        self._bytes_evicted = 0
        self._chunks: deque[list[Row | None]] = deque()
        self._chunk_base = 0
        self._room = 0
        self._amendments = 0

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
        self.values += 1
        self.bytes += len(raw)
        self.last_ns = time_ns
        self._append(Value(sequence, self.values, time_ns, raw))

    def add_seam(self, seam: Seam) -> int:
        """Appends a seam; returns its row."""
        self._append(seam)
        return self.end - 1

    def amend(self, row: int, seam: Seam) -> None:
        """Puts `seam` in the place of the one at `row`; does nothing when that was let go."""
        if row >= self.first:
            self._amendments += 1
            self._chunks[(row - self._chunk_base) // CHUNK][(row - self._chunk_base) % CHUNK] = seam

    def rows(self, start: int, stop: int) -> list[Row]:
        """The kept rows among `start` to `stop` - 1, in order."""
        start, stop = max(start, self.first), min(stop, self.end)
        found: list[Row] = []
        while start < stop:
            chunk = self._chunks[(start - self._chunk_base) // CHUNK]
            offset = (start - self._chunk_base) % CHUNK
            piece = chunk[offset : offset + stop - start]
            found.extend(row for row in piece if row is not None)
            start += len(piece)
        return found

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all that are kept: None) as they are now."""
        start = self.first if count is None else max(self.first, self.end - count)
        return Frozen(start, self.rows(start, self.end))

    def _append(self, row: Row) -> None:
        if not self._room:
            self._chunks.append([])
            self._room = CHUNK
        self._chunks[-1].append(row)
        self._room -= 1
        self.end += 1
        capacity = self.capacity
        while self.values - self.evicted > capacity or self.end - self.first > 2 * capacity:
            self._drop()
        while self.bytes - self._bytes_evicted > self.max_bytes and self.kept > 1:
            self._drop()

    def _drop(self) -> None:
        chunk = self._chunks[0]
        offset = self.first - self._chunk_base
        row = chunk[offset]
        if isinstance(row, Value):
            self.evicted += 1
            self._bytes_evicted += len(row.raw)
        # A chunk leaves only as a whole, so its messages are let go one by one.
        chunk[offset] = None
        self.first += 1
        if offset + 1 == CHUNK:
            self._chunks.popleft()
            self._chunk_base += CHUNK


class Frozen(NamedTuple):
    """Rows that change no more: `rows[0]` has the absolute number `first`."""

    first: int
    rows: Sequence[Row]

    @property
    def end(self) -> int:
        """One past the last row."""
        return self.first + len(self.rows)

    def get(self, row: int) -> Row | None:
        """The row with that absolute number, or None when it is not among these."""
        return self.rows[row - self.first] if self.first <= row < self.end else None
