"""The order of a board's rows, made in slices, since there may be many thousands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import Enum
from itertools import islice
from typing import Any, Generic, TypeVar

_Item = TypeVar("_Item")


class Column(Enum):
    """By what a board is sorted; the value is what stands above the column."""

    KEY = "key"
    VALUE = "value"
    CHANGE = "change"
    PERCENT = "%"
    COUNT = "count"
    SEEN = "seen"


class Ordering(Generic[_Item]):
    """Sorts items by their rank; what is equal keeps its order, what has none (None) comes last.

    Args:
        items: What is to be sorted, as it is now.
        rank: Tells the rank of an item, which may take long.
        descending: Whether the greatest comes first.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self,
        items: Iterable[_Item],
        rank: Callable[[_Item], Any],
        *,
        descending: bool,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._items = list(items)
        self._rank, self._descending, self._clock = rank, descending, clock
        self._ranks: list[Any] = []
        self._present: list[int] = []
        self._absent: list[int] = []

    def work(self, limit_s: float) -> list[_Item] | None:
        """Goes on for about so many seconds; returns all items in order, once they are."""
        until = self._clock() + limit_s
        if len(self._ranks) < len(self._items):
            self._rank_some(until)
            if len(self._ranks) < len(self._items) or self._clock() >= until:
                return None
        # What was ranked at once is in order already, so this only merges.
        self._sort(self._present)
        return [self._items[at] for at in self._present + self._absent]

    def _rank_some(self, until: float) -> None:
        start = len(self._ranks)
        for item in islice(self._items, start, None):
            self._ranks.append(self._rank(item))
            if self._clock() >= until:
                break
        ranked = range(start, len(self._ranks))
        present = [at for at in ranked if self._ranks[at] is not None]
        self._absent += [at for at in ranked if self._ranks[at] is None]
        self._sort(present)
        self._present += present

    def _sort(self, places: list[int]) -> None:
        places.sort(key=self._ranks.__getitem__, reverse=self._descending)
