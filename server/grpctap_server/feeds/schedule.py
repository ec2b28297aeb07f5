"""Logs whose values come to be on a schedule, so that they can be told at any time from nothing."""

from __future__ import annotations

import asyncio
import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from grpctap_server.feeds.base import Bounds, Item

NANOSECONDS = 1_000_000_000
CLOCK_TOLERANCE = 5 * NANOSECONDS
"""How far the clocks of replicas may differ, in ns."""

# A longer sleep would keep a call asleep after the wall clock was stepped forward.
_LONGEST_SLEEP_S = 1.0

Clock = Callable[[], int]
"""Tells the time, in ns since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a feed's values come, and how many of them are kept.

    Attributes:
        interval: The time between two values, in ns; 0 makes all of them at once.
        retain: How many of the newest values are kept.
        clock: Tells the time, in ns since the Unix epoch.
    """

    interval: int
    retain: int
    clock: Clock = time.time_ns

    def __str__(self) -> str:
        """Say it as in "a value every 0.1 s"."""
        if not self.interval:
            return "all values at once"
        return f"a value every {self.interval / NANOSECONDS:.9f}".rstrip("0").rstrip(".") + " s"


def make_stream_id(kind: str, *parts: object) -> str:
    """Name a numbering by what determines it, in a form of constant length."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8, person=b"stream_id")
    return f"{kind}-{digest.hexdigest()}"


class ScheduledLog(ABC):
    """A log in which value n comes to be n intervals after its origin.

    Args:
        stream_id: The name of this numbering.
        start: When the log starts, in ns since the Unix epoch.
        schedule: When the values come.
        lead: How many values are there at the start itself.
        final: The last value there will ever be; None when the log has no end.
    """

    def __init__(
        self, stream_id: str, start: int, schedule: Schedule, *, lead: int, final: int | None = None
    ) -> None:
        self.stream_id = stream_id
        self.start = start
        self._schedule = schedule
        self._lead = lead
        self._final = final

    @abstractmethod
    def item(self, sequence: int, event_time: int) -> Item:
        """Make the value with this number, which came to be at `event_time` (ns since epoch)."""

    def bounds(self) -> Bounds:
        """Tell what the log holds now."""
        now = self._schedule.clock()
        newest = self._newest_at(now)
        horizon = self.horizon_at(now + CLOCK_TOLERANCE)
        return Bounds(self._first(newest), newest, self._final, horizon)

    def horizon_at(self, latest: int) -> int:
        """Tell the newest sequence that a clock at `latest` (ns since epoch) would give out."""
        return self._newest_at(latest)

    def read(self, after: int, limit: int) -> list[Item]:
        """Read at most `limit` values that are there now, strictly after the sequence `after`."""
        newest = self._newest_at(self._schedule.clock())
        begin = max(after + 1, self._first(newest))
        end = min(newest, begin + limit - 1)
        return [self.item(n, self._time_of(n)) for n in range(begin, end + 1)]

    async def wait(self, after: int) -> None:
        """Return once a value after the sequence `after` exists; not at all past the final one."""
        due = self._time_of(after + 1)
        ended = self._final is not None and after >= self._final
        while ended or (remaining := due - self._schedule.clock()) > 0:
            pause = _LONGEST_SLEEP_S if ended else remaining / NANOSECONDS
            await asyncio.sleep(min(pause, _LONGEST_SLEEP_S))

    def _time_of(self, sequence: int) -> int:
        return self.start + (sequence - self._lead) * self._schedule.interval

    def _first(self, newest: int) -> int:
        return max(1, newest - self._schedule.retain + 1)

    def _newest_at(self, moment: int) -> int:
        if moment < self.start:
            return 0
        if not self._schedule.interval:
            # Without an interval there is always an end: the feeds refuse anything else.
            return self._final or 0
        newest = (moment - self.start) // self._schedule.interval + self._lead
        return newest if self._final is None else min(newest, self._final)
