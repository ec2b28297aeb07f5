"""Rates and inter-arrival times, reckoned from samples when somebody looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from grpctap.core.history import Row, Value

RATE_NS = 5_000_000_000
"""The window of a rate, in nanoseconds."""


class Rate(NamedTuple):
    """Values and bytes a second."""

    values: float
    bytes: float


class RateMeter:
    """Rates over a sliding window, from totals that it is shown now and then."""

    def __init__(self, window_ns: int = RATE_NS) -> None:
        self._window_ns = window_ns
        self._samples: deque[tuple[int, int, int]] = deque()

    def sample(self, time_ns: int, values: int, size: int) -> Rate:
        """Takes the totals of values and bytes at `time_ns`; returns the rates over the window."""
        samples = self._samples
        if samples and time_ns < samples[-1][0]:
            samples.clear()
        samples.append((time_ns, values, size))
        while len(samples) > 2 and samples[1][0] <= time_ns - self._window_ns:
            samples.popleft()
        start_ns, start_values, start_size = samples[0]
        seconds = (time_ns - start_ns) / 1e9
        if seconds <= 0:
            return Rate(0.0, 0.0)
        return Rate((values - start_values) / seconds, (size - start_size) / seconds)

    def copy(self) -> RateMeter:
        """One of its own with the same samples."""
        copy = RateMeter(self._window_ns)
        copy._samples = self._samples.copy()
        return copy

    def reset(self) -> None:
        """Forgets the samples, so that the next window starts anew."""
        self._samples.clear()


class Gaps(NamedTuple):
    """Quantiles of the time between one value and the next, in nanoseconds."""

    p50: int
    p99: int


def arrival_gaps(rows: Iterable[Row]) -> Gaps | None:
    """The quantiles (nearest rank) of the gaps between the values in `rows`; None without any.

    The time across a seam is an interruption's, not the stream's, so it does not count.
    """
    gaps = sorted(
        later.time_ns - earlier.time_ns
        for earlier, later in pairwise(rows)
        if isinstance(earlier, Value) and isinstance(later, Value)
    )
    if not gaps:
        return None
    return Gaps(_quantile(gaps, 50), _quantile(gaps, 99))


def _quantile(ordered: list[int], percent: int) -> int:
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]
