"""Going through all rows of a stream once, in slices, with an account of those that were not seen.

A view that reckons with every value (a board, the health of the stream) cannot keep up with any
flood. So it takes what its time allows at each look, and says how far it is behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from grpctap.core.history import Slab

SLICE = 512
"""Rows taken at once, at most."""
SLICE_BYTES = 256 * 1024
"""Bytes of messages taken at once, unless one message has more."""
LOOK_S = 0.008
"""How long a look may take, in seconds; it ends with the slice in which the time is over."""


class Source(Protocol):
    """Where the rows come from."""

    def slab(self, start: int, most: int, most_bytes: int) -> Slab:
        """Rows from `start` on, as those of a history."""


class Taken(NamedTuple):
    """Some rows, and whether rows between these and the ones before were never seen.

    `anew` says that rows were taken back, as in a recording, and that these, which may be none, are
    the oldest kept.
    """

    slab: Slab
    skipped: bool
    anew: bool = False


class Follower:
    """Takes the rows of a source, each once and in order, beginning with the oldest kept.

    It counts exactly: `taken` + `unseen` + `behind` are all values that were ever received, as of
    the last look.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._next = self._total = 0
        self.taken = 0
        """Values taken."""
        self.unseen = 0
        """Values that left the history before they could be taken."""
        self.behind = 0
        """Values that wait."""

    def look(self, limit_s: float = LOOK_S) -> Iterator[Taken]:
        """The rows that are new, in slices, until none is left or the seconds are over."""
        end = self._clock() + limit_s
        while True:
            slab = self._source.slab(self._next, SLICE, SLICE_BYTES)
            # Also ahead of what is taken next: the oldest rows are others then.
            if anew := slab.end < self._next or slab.total < self._total:
                self._next = self.taken = self.unseen = 0
                slab = self._source.slab(0, SLICE, SLICE_BYTES)
            position = self.taken + self.unseen
            # Before the first look, what has left is no hole in what was seen.
            skipped = slab.first > self._next > 0
            self.unseen += slab.before - position
            self.taken += slab.values
            self._next, self._total = slab.end, slab.total
            self.behind = slab.total - slab.before - slab.values
            if slab.items or anew:
                yield Taken(slab, skipped, anew)
            if not slab.items:
                return
            if self._clock() >= end:
                return

    @property
    def next_row(self) -> int:
        """The row that is taken next."""
        return self._next

    @property
    def account(self) -> str:
        """What it has not seen, in words: "40,000 values behind"; "": nothing."""
        behind = f"{self.behind:,} value{'' if self.behind == 1 else 's'} behind"
        return " · ".join(part for part in (self.behind and behind, self.never) if part)

    @property
    def never(self) -> str:
        """What it will never see, in words: "12 left the history unseen"; "": nothing."""
        return f"{self.unseen:,} left the history unseen" if self.unseen else ""
