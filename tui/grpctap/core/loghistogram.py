"""Durations counted in buckets that grow with them, and the quantiles of those."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

_DECADES = 17
# 0 to 99 each by itself, then 10 to 99 times each power of ten: the first number of each bucket.
BOUNDS = (
    *range(100),
    *(lead * 10**power for power in range(1, _DECADES) for lead in range(10, 100)),
)
# The bucket of a duration, from 1.
_OF: Callable[[int], int] = partial(bisect_right, BOUNDS)


@dataclass(frozen=True, slots=True)
class Bar:
    """How many durations lie from `low` to below `high`, in nanoseconds."""

    low: int
    high: int
    count: int


class LogHistogram:
    """Counts durations in nanoseconds, whole numbers, by their two leading decimal digits.

    Durations may be negative. A quantile is exact below 100 ns and within 5 % of the exact one
    (by nearest rank) up to thirty years; the least, the greatest and the count are exact.
    """

    def __init__(self) -> None:
        self.count = 0
        self.negative = 0
        """How many were below 0."""
        self.least = 0
        self.greatest = 0
        self._counts: Counter[int] = Counter()
        self._below: Counter[int] = Counter()

    def add(self, durations: Sequence[int]) -> None:
        """Counts some more."""
        if not durations:
            return
        least, greatest = min(durations), max(durations)
        self.least = min(self.least, least) if self.count else least
        self.greatest = max(self.greatest, greatest) if self.count else greatest
        self.count += len(durations)
        if least < 0:
            below = [-duration for duration in durations if duration < 0]
            self.negative += len(below)
            self._below.update(map(_OF, below))
            durations = [duration for duration in durations if duration >= 0]
        self._counts.update(map(_OF, durations))

    def quantiles(self, percents: Sequence[int]) -> list[int]:
        """The durations that so many percent do not exceed, in the order given; needs some."""
        # Bucket n ends where the next begins; those below 0 are in order from the farthest.
        buckets = [(-bucket, count) for bucket, count in self._below.items()]
        buckets += self._counts.items()
        buckets.sort()
        totals = list(accumulate(count for _, count in buckets))
        found = []
        for percent in percents:
            rank = max(-(-self.count * percent // 100), 1)
            bucket, _ = buckets[bisect_left(totals, rank)]
            middle = _middle(bucket) if bucket > 0 else -_middle(-bucket)
            found.append(min(max(middle, self.least), self.greatest))
        return found

    def bars(self, bounds: Iterable[int]) -> list[Bar]:
        """The durations not below 0 between each two of the bounds, which are bucket bounds.

        What is below the first or above the last bound counts to the bar next to it.
        """
        bounds = list(bounds)
        edges = [_OF(bound) for bound in bounds]
        counts = [0] * max(len(bounds) - 1, 0)
        for bucket, count in self._counts.items():
            at = min(max(bisect_right(edges, bucket) - 1, 0), len(counts) - 1)
            counts[at] += count
        return [
            Bar(low, high, count)
            for low, high, count in zip(bounds, bounds[1:], counts, strict=False)
        ]

    @property
    def span(self) -> tuple[int, int] | None:
        """Where its durations not below 0 begin and end, to the bucket; None: there are none."""
        if not self._counts:
            return None
        return BOUNDS[min(self._counts) - 1], BOUNDS[max(self._counts) - 1]


def _middle(bucket: int) -> int:
    low: int = BOUNDS[bucket - 1]
    # The last one has no end; no duration that is known gets there.
    high = BOUNDS[bucket] if bucket < len(BOUNDS) else low + 1
    return (low + high - 1) // 2
