"""The time."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

# It counts the time that a laptop sleeps, where there is such a clock.
SOURCE: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The clock by which all times are reckoned, as `time.clock_gettime` takes it."""


class WallClock:
    """Nanoseconds since the epoch, which go on evenly even when somebody sets the clock."""

    def __init__(self) -> None:
        self.ticks: Callable[[], int] = partial(time.clock_gettime_ns, SOURCE)
        """Nanoseconds since some moment; several times as fast as the clock itself."""
        self.epoch_ns = time.time_ns() - self.ticks()
        """That moment, in nanoseconds since the epoch."""

    def __call__(self) -> int:
        """The time now."""
        return self.epoch_ns + self.ticks()
