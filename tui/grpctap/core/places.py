"""The places of a recording to go back to, and from which of them to go to another."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from grpctap.core.goal import Goal
from grpctap.core.played import Place, Played
from grpctap.core.series import points_gone

# So far apart are two places.
_ENTRIES, _BYTES = 1024, 1024 * 1024
# A copy of what was played costs some milliseconds.
_PLACES_A_COPY = 16


class Places:
    """Remembers places while a recording is played, and next to one of them what was played.

    Args:
        start: Where the recording begins.
        capacity: Values that are kept of it.
        max_bytes: Bytes of messages that are kept of it.
    """

    def __init__(self, start: Place, capacity: int, max_bytes: int) -> None:
        self.start = start
        self._capacity, self._max_bytes = capacity, max_bytes
        self._places = [start]
        self._copy: Played | None = None

    def played_from(self, place: Place) -> Played:
        """What is played from a place on, as if all before it had left the history."""
        return Played(self._capacity, self._max_bytes, place)

    def note(self, played: Played) -> None:
        """Remembers where it stands, where that is far enough beyond the last place."""
        last = self._places[-1]
        if played.offset <= last.offset:
            return
        place = played.place
        if place.entries - last.entries < _ENTRIES and place.offset - last.offset < _BYTES:
            return
        self._places.append(place)
        if len(self._places) % _PLACES_A_COPY == 0:
            self._copy = played.copy()

    def keep(self, played: Played) -> None:
        """Keeps a copy of what was played, to go on from."""
        if self._copy is None or self._copy.offset != played.offset:
            self._copy = played.copy()

    def before(self, goal: Goal) -> Place:
        """The last place before a goal."""
        return self._places[goal.floor(self._places)]

    def beginning(self, goal: Goal, current: Played) -> Played:
        """From where to go to a goal: from what is shown, the copy, or a place further back."""
        floor = goal.floor(self._places)
        near, first = self._places[floor], self._places[self._visible_from(floor)]
        kept = self._copy
        goes_on = goal.is_ahead(current.place) and current.offset >= first.offset
        if goes_on and (kept is None or current.offset >= min(kept.offset, near.offset)):
            return current
        if kept is not None and first.offset <= kept.offset <= near.offset:
            return kept.copy()
        return current if goes_on else self.played_from(first)

    def _visible_from(self, at: int) -> int:
        """Which is the last place before which nothing can be seen any more at another.

        The log reaches back no further than its oldest value, and the chart to the oldest point.
        """
        place, places = self._places[at], self._places
        # With one value more, no seam before the oldest value stands before the place.
        by_values = bisect_left(places, place.values - self._capacity, key=lambda one: one.values)
        gone = points_gone(place.points, self._capacity)
        by_points = bisect_right(places, gone, key=lambda one: one.points)
        return min(max(min(by_values, by_points), 1) - 1, at)
