"""The tutorial's feed: each fresh call counts from 0."""

from __future__ import annotations

from grpctap_server.feeds.base import Feed, Item
from grpctap_server.feeds.schedule import Schedule, ScheduledLog, make_stream_id


class CounterLog(ScheduledLog):
    """The values 0, 1, 2, …; the first of them is there at the start itself."""

    def item(self, sequence: int, event_time: int) -> Item:
        """Make the value with this number; sequence 1 is the value 0."""
        n = sequence - 1
        return Item(sequence, str(n), event_time, float(n))

    def horizon_at(self, latest: int) -> int:
        """Tell the newest sequence by then; -1 before the start, which is the moment of a call."""
        return super().horizon_at(latest) if latest >= self.start else -1


class CounterFeed(Feed):
    """Gives each fresh call a log of its own that starts at the moment of the call.

    A log is determined by its start, so any server with the same interval continues it.

    Args:
        schedule: When the values come.
        count: How many values there are; None for no end.

    Raises:
        ValueError: If an interval of 0 comes without an end, or with more values than are kept.
    """

    def __init__(self, schedule: Schedule, count: int | None = None) -> None:
        if not schedule.interval and count is None:
            raise ValueError("an interval of 0 needs a count")
        if not schedule.interval and count is not None and count > schedule.retain:
            raise ValueError(
                f"an interval of 0 makes all {count} values at once, but only {schedule.retain} "
                "are kept"
            )
        self._schedule = schedule
        self._count = count

    @property
    def description(self) -> str:
        """What the ready line says about the feed."""
        end = "" if self._count is None else f", {self._count} in all"
        return f"feed counter, {self._schedule}{end}"

    def open(self, data: str) -> tuple[CounterLog, int]:
        """Open a log that starts now, and begin before its first value."""
        return self.reopen(data, self._schedule.clock()), 0

    def reopen(self, data: str, start: int) -> CounterLog:  # noqa: ARG002 - a count is a count
        """Open the log that started at `start`, in ns since the Unix epoch."""
        return CounterLog(
            make_stream_id("counter", start, self._schedule.interval),
            start,
            self._schedule,
            lead=1,
            final=self._count,
        )
