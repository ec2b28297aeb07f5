"""The rows of a source for who goes through all of them, but with a filter, or up to an end."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from grpctap.core.follow import Source
from grpctap.core.history import Slab
from grpctap.core.matches import Matches


class Sieve:
    """Gives the rows of a source as far as it is known which of them match.

    `matches` is the filter (None: there is none), whose work somebody else does. `end` is where the
    rows end for now (None: they go on as they come).
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.matches: Matches | None = None
        self.end: int | None = None
        self.chosen: Sequence[int] | None = None
        """The offsets of the matches in the last slab; None: there is no filter."""

    def slab(self, start: int, most: int, most_bytes: int) -> Slab:
        """Rows from `start` on, as those of a history; none also where they are to be checked."""
        while True:
            start, stop, found = self._bounds(start, most)
            slab = self._source.slab(start, max(stop - start, 1), most_bytes)
            if not slab.items or slab.end <= stop:
                break
            if slab.first >= stop:
                slab = Slab(slab.first, slab.before, slab.total, [], [], array("q"), [])
                break
            # The oldest rows have just left, and all others have moved up.
            start, most = slab.first, stop - slab.first
        if found is not None:
            self.chosen = [row - slab.first for row in found if slab.first <= row < slab.end]
        else:
            self.chosen = None
        return slab

    def _bounds(self, start: int, most: int) -> tuple[int, int, list[int] | None]:
        """Where it begins, before which row it ends, and the matches between."""
        stop = start + most
        if self.end is not None:
            stop = min(stop, max(self.end, start))
        if self.matches is None:
            return start, stop, None
        return self.matches.known(start, stop - start)
