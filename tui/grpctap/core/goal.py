"""Where in a recording somebody wants to be."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from grpctap.core.played import Place
from grpctap.core.step import Step


class Goal(NamedTuple):
    """A place in a recording, and whether it plays on from there.

    Either right behind a value, the `values`th one, together with what came with it; or where the
    file has been read to `offset`: not further, or, with `beyond`, not less far.
    """

    plays: bool
    values: int | None = None
    offset: int = 0
    beyond: bool = False

    def is_ahead(self, place: Place) -> bool:
        """Whether it can be reached from a place by going on."""
        if self.values is not None:
            return place.values < self.values
        return place.offset <= self.offset

    def is_met(self, place: Place) -> bool:
        """Whether it is a value, and that is the last one before a place."""
        return self.values is not None and place.values == self.values

    def floor(self, places: Sequence[Place]) -> int:
        """Which of the places, in order, is the last one before it; the first, if none is."""
        if self.values is not None:
            at = bisect_left(places, self.values, key=lambda place: place.values)
        else:
            at = bisect_right(places, self.offset, key=lambda place: place.offset)
        return max(at - 1, 0)

    def reach(self, steps: Sequence[Step], place: Place) -> tuple[int, bool]:
        """How many of the next steps lead to it or towards it, and whether it is reached then."""
        if self.values is not None:
            return self._count_values(steps, place, self.values)
        if self.beyond:
            if place.offset >= self.offset:
                return 0, True
            at = bisect_left(steps, self.offset, key=lambda step: step.end)
            return min(at + 1, len(steps)), at < len(steps)
        at = bisect_right(steps, self.offset, key=lambda step: step.end)
        return at, at < len(steps) or place.offset >= self.offset

    def _count_values(self, steps: Sequence[Step], place: Place, wanted: int) -> tuple[int, bool]:
        left = wanted - place.values
        time_ns = place.time_ns
        for at, step in enumerate(steps):
            if left <= 0 and (step.is_value or step.time_ns > time_ns):
                return at, True
            if step.is_value:
                left -= 1
                time_ns = max(time_ns, step.time_ns)
        return len(steps), False
