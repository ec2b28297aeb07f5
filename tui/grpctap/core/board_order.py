"""The order of a board's rows, made in slices, since there may be many thousands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import Enum
from operator import itemgetter
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
        self._at = 0
        self._ranked: list[tuple[Any, _Item]] = []
        self._rest: list[_Item] = []

    def work(self, limit_s: float) -> list[_Item] | None:
        """Goes on for about so many seconds; returns all items in order, once they are."""
        until = self._clock() + limit_s
        if self._at < len(self._items):
            self._rank_some(until)
            if self._at < len(self._items) or self._clock() >= until:
                return None
        # What was ranked at once is in order already, so this only merges.
        self._sort(self._ranked)
        return [item for _, item in self._ranked] + self._rest

    def _rank_some(self, until: float) -> None:
        part: list[tuple[Any, _Item]] = []
        while self._at < len(self._items):
            item = self._items[self._at]
            self._at += 1
            rank = self._rank(item)
            if rank is None:
                self._rest.append(item)
            else:
                part.append((rank, item))
            if self._clock() >= until:
                break
        self._sort(part)
        self._ranked += part

    def _sort(self, ranked: list[tuple[Any, _Item]]) -> None:
        ranked.sort(key=itemgetter(0), reverse=self._descending)
