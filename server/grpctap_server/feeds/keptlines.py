"""The newest lines of all that came, numbered, within bounds of number and of memory."""

from __future__ import annotations

import threading
from array import array
from itertools import islice

# What a line costs in memory beside its own bytes: an object, a place in a list, a time.
_LINE_BYTES = 64
# So many lines that are gone may have places in the lists, even if fewer are kept.
_SLACK = 4096


class KeptLines:
    """Lines with their numbers, from 1 without holes, and times; from any thread.

    Args:
        retain: How many of the newest lines are kept at most.
        most_bytes: How much memory they may take; the newest line is kept in any case.
    """

    def __init__(self, retain: int, most_bytes: int) -> None:
        self._retain = retain
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        # Places of lines that are gone are emptied at once, and leave the front many at a time.
        self._lines: list[bytes] = []
        self._times = array("q")
        self._gone = 0
        self._newest = 0
        self._bytes = 0

    @property
    def newest(self) -> int:
        """The number of the newest line; 0 when there is none."""
        return self._newest

    def span(self) -> tuple[int, int]:
        """Tell the numbers of the oldest line kept and of the newest; 1 and 0 for none."""
        with self._lock:
            return self._first(), self._newest

    def append(self, lines: list[bytes], moment: int) -> None:
        """Add lines that came at a moment, in ns since the Unix epoch."""
        with self._lock:
            self._newest += len(lines)
            if len(lines) > self._retain:
                lines = lines[-self._retain :]
            self._lines += lines
            self._times.extend([moment] * len(lines))
            self._bytes += sum(map(len, lines)) + _LINE_BYTES * len(lines)
            self._evict()

    def read(self, after: int, limit: int, most_bytes: int) -> list[tuple[int, bytes, int]]:
        """Copy lines that are kept, in order.

        Args:
            after: They start strictly after this number, or at the oldest one.
            limit: The most lines.
            most_bytes: The most bytes; at least one line comes, if there is any.

        Returns:
            Number, line and time in ns since the Unix epoch of each.
        """
        with self._lock:
            first = max(after + 1, self._first())
            begin = first - (self._newest - len(self._lines)) - 1
            lines = self._lines[begin : begin + limit]
            times = self._times[begin : begin + limit]
        size = 0
        for count, line in enumerate(lines):
            size += len(line)
            if count and size > most_bytes:
                del lines[count:]
                break
        return list(zip(range(first, first + len(lines)), lines, times, strict=False))

    def _first(self) -> int:
        return self._newest - (len(self._lines) - self._gone) + 1

    def _evict(self) -> None:
        begin = self._gone
        end = max(begin, len(self._lines) - self._retain)
        self._bytes -= sum(map(len, islice(self._lines, begin, end))) + _LINE_BYTES * (end - begin)
        while self._bytes > self._most_bytes and end < len(self._lines) - 1:
            self._bytes -= len(self._lines[end]) + _LINE_BYTES
            end += 1
        self._gone = end
        if end > max(_SLACK, len(self._lines) - end):
            del self._lines[:end]
            del self._times[:end]
            self._gone = 0
        else:
            self._lines[begin:end] = [b""] * (end - begin)
