"""Some of the rows of a history, seen as if they were all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, overload

from grpctap.core.history import Frozen, Located, Row, Value


class Picked(NamedTuple):
    """Rows that change no more, and that others stood between; otherwise like `Frozen`.

    Row `numbers[i]` is `rows[i]`, and stands at the place `first` + i.
    """

    first: int
    numbers: Sequence[int]
    rows: Sequence[Row]

    @property
    def end(self) -> int:
        """One past the last place."""
        return self.first + len(self.rows)

    def place(self, row: int) -> int:
        """Where a row stands, or the next one after it that is among these."""
        return self.first + bisect_left(self.numbers, row)

    def number(self, place: int) -> int:
        """The number of the row that stands there, or would stand there: beyond the ends."""
        at = place - self.first
        if 0 <= at < len(self.numbers):
            return self.numbers[at]
        if not self.numbers:
            return 0
        return self.numbers[0] + at if at < 0 else self.numbers[-1] + at - len(self.numbers) + 1

    def get(self, row: int) -> Row | None:
        """The row with that absolute number, or None when it is not among these."""
        at = bisect_left(self.numbers, row)
        known = at < len(self.numbers) and self.numbers[at] == row
        return self.rows[at] if known else None

    def step(self, row: int, by: int) -> Located | None:
        """The nearest value after the row (`by` 1) or before it (-1), past any seams."""
        at = bisect_left(self.numbers, row + 1 if by > 0 else row) - (by < 0)
        while 0 <= at < len(self.numbers):
            found = self.rows[at]
            if isinstance(found, Value):
                return Located(self.numbers[at], found)
            at += by
        return None


View = Frozen | Picked
"""Rows that a log shows."""


def at_time(
    view: View, time_ns: int, time_of: Callable[[Value], int] | None = None
) -> Located | None:
    """The first value of a time or later, else the last; None: there is none.

    Args:
        view: The rows.
        time_ns: In nanoseconds since the epoch.
        time_of: The time of a value, which never decreases; None: when it was received.
    """

    def reached(place: int) -> bool:
        found = view.step(view.number(place) - 1, 1)
        if found is None:
            return True
        value = found.value
        return (value.time_ns if time_of is None else time_of(value)) >= time_ns

    places = range(view.first, view.end)
    row = view.number(view.first + bisect_left(places, True, key=reached))
    return view.step(row - 1, 1) or view.step(row, -1)


class PickedRows(Sequence[Row]):
    """Rows of `still` with these numbers, each made when somebody looks at it."""

    def __init__(self, numbers: Sequence[int], still: Frozen) -> None:
        self._numbers, self._still = numbers, still

    def __len__(self) -> int:
        """How many they are."""
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """One of them, or those of a slice."""
        rows, first = self._still.rows, self._still.first
        if isinstance(index, slice):
            return [rows[number - first] for number in self._numbers[index]]
        return rows[self._numbers[index] - first]

    def __iter__(self) -> Iterator[Row]:
        """All of them, in order."""
        rows, first = self._still.rows, self._still.first
        return (rows[number - first] for number in self._numbers)
