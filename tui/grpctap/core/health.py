"""The health of a stream: its rates, its rhythm, how late it is, and what interrupted it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import sub
from typing import NamedTuple

from grpctap.core.backlog import Backlog
from grpctap.core.follow import Taken
from grpctap.core.history import Slab
from grpctap.core.loghistogram import LogHistogram
from grpctap.core.seams import Cause, Interruption

SECOND = 1_000_000_000
WINDOW_S = 60
"""How many seconds the rates go back."""
READ_AT_ONCE = 256
"""Of so many values of a slice the event time is read, at most, where they come fast."""
FAST = 5_000
"""Values a second that are fast."""


class Largest(NamedTuple):
    """The largest message: its size in bytes, and the number to call its value by."""

    size: int
    label: int


class Second(NamedTuple):
    """What came within a second."""

    values: int
    bytes: int


class Health:
    """Reckons what the rows of a stream say of its health; all memory is bounded.

    Args:
        event_ns: Reads the event time of a message, in nanoseconds since the epoch, or None where
            it has none; None: no message has one.
        interruptions: Tells the newest interruptions, as far as they are known by now.
    """

    def __init__(
        self,
        event_ns: Callable[[bytes], int | None] | None = None,
        interruptions: Callable[[], Sequence[Interruption]] = tuple,
    ) -> None:
        self._event_ns = event_ns
        self._backlog = Backlog(event_ns, interruptions)
        self.gaps = LogHistogram()
        """Times between one value and the next; across a seam there is none, nor in a backlog."""
        self.latency = LogHistogram()
        """Receive time less event time, of the values whose event time was read.

        Those of a backlog waited for the call, not on the way, and are not among them.
        """
        self.values = 0
        self.bytes = 0
        self.largest = Largest(0, 0)
        self.sampled = False
        """Whether the event time was read of some values only."""
        self._seconds: dict[int, list[int]] = {}
        self._unknown: set[int] = set()
        self._last_ns: int | None = None
        """Receive time of the value right before the next one."""
        self._seen_ns: int | None = None
        """Receive time of the newest value seen."""

    @property
    def caught_up(self) -> int:
        """Values that came as a backlog, after an interruption."""
        return self._backlog.values

    @property
    def reads_events(self) -> bool:
        """Whether messages can have an event time."""
        return self._event_ns is not None

    def take(self, taken: Taken) -> None:
        """Reckons with some rows, which come in order."""
        slab = taken.slab
        offsets, raws = slab.messages()
        times = array("q", (slab.times[at] for at in offsets)) if slab.seams else slab.times
        if taken.skipped:
            self._last_ns = None
        if raws:
            unseen_before = self._seen_ns is None and slab.before > 0
            if taken.skipped or unseen_before:
                self._forget_seconds(self._seen_ns, times[0])
            self._count(raws, times)
            self._note_largest(slab, offsets, raws)
            self._seen_ns = times[-1]
        self._measure(slab)

    def rates(self, now_ns: int, *, behind: bool = False) -> list[Second | None]:
        """What came within each of the last whole seconds; None: it was not all seen.

        `behind` says that more has come by `now_ns` than was taken.
        """
        last = now_ns // SECOND
        seen = last if not behind else 0 if self._seen_ns is None else self._seen_ns // SECOND
        return [
            Second(*self._seconds.get(second, (0, 0)))
            if second < seen and second not in self._unknown
            else None
            for second in range(last - WINDOW_S, last)
        ]

    def _count(self, raws: Sequence[bytes], times: Sequence[int]) -> None:
        sizes = list(map(len, raws))
        self.values += len(sizes)
        self.bytes += sum(sizes)
        ordered = sorted(times)
        if ordered != list(times):
            # The clock was set back.
            sizes = [size for _, size in sorted(zip(times, sizes, strict=True))]
        at, count = 0, len(ordered)
        while at < count:
            second = ordered[at] // SECOND
            stop = bisect_left(ordered, (second + 1) * SECOND, at)
            total = self._seconds.setdefault(second, [0, 0])
            total[0] += stop - at
            total[1] += sum(sizes[at:stop])
            at = stop
        oldest = ordered[-1] // SECOND - WINDOW_S
        if len(self._seconds) > 2 * WINDOW_S:
            # No more than the window are looked at, however the clock goes.
            newest = sorted(self._seconds)[-WINDOW_S - 1 :]
            self._seconds = {second: self._seconds[second] for second in newest}
        if len(self._unknown) > 2 * WINDOW_S:
            self._unknown = {second for second in self._unknown if second >= oldest}

    def _note_largest(self, slab: Slab, offsets: Sequence[int], raws: Sequence[bytes]) -> None:
        size = max(map(len, raws))
        if size > self.largest.size:
            nth = next(at for at, raw in enumerate(raws) if len(raw) == size)
            self.largest = Largest(size, slab.value(offsets[nth], nth).value.label)

    def _forget_seconds(self, seen_ns: int | None, next_ns: int) -> None:
        last = next_ns // SECOND
        first = last - WINDOW_S if seen_ns is None else max(seen_ns // SECOND, last - WINDOW_S)
        self._unknown.update(range(first, last + 1))

    def _measure(self, slab: Slab) -> None:
        """Measures what lies between two seams, each by itself."""
        start = 0
        for seam in (*slab.seams, len(slab.items)):
            if start < seam:
                self._measure_run(slab.times[start:seam], slab.items[start:seam])  # type: ignore[arg-type]
            if seam < len(slab.items):
                self._last_ns = None
                self._backlog.begin(slab.items[seam])
            start = seam + 1

    def _measure_run(self, times: array[int], raws: Sequence[bytes]) -> None:
        if self._backlog.is_on:
            came = self._backlog.take(
                times,
                raws,
                usual_late_ns=_median(self.latency) if self.latency.count else None,
                usual_gap_ns=_median(self.gaps) if self.gaps.count else 0,
            )
            if came:
                self._last_ns = times[came - 1]
                times, raws = times[came:], raws[came:]
        if times:
            self._measure_gaps(times)
            if self._event_ns is not None:
                self._measure_latency(self._event_ns, raws, times)

    def _measure_gaps(self, times: array[int]) -> None:
        last_ns, self._last_ns = self._last_ns, times[-1]
        if last_ns is not None:
            times = array("q", [last_ns]) + times
        gaps = list(map(sub, times[1:], times))
        if gaps and min(gaps) < 0:
            gaps = [max(gap, 0) for gap in gaps]
        self.gaps.add(gaps)

    def _measure_latency(
        self, event_ns: Callable[[bytes], int | None], raws: Sequence[bytes], times: Sequence[int]
    ) -> None:
        chosen: Iterable[int] = range(len(raws))
        # The history of a slow stream is read as a whole, however many of it come at once.
        if len(raws) > READ_AT_ONCE and times[-1] - times[0] < len(raws) * SECOND // FAST:
            self.sampled = True
            chosen = (at * len(raws) // READ_AT_ONCE for at in range(READ_AT_ONCE))
        found = ((times[at], event_ns(raws[at])) for at in chosen)
        self.latency.add([time - event for time, event in found if event is not None])


def _median(durations: LogHistogram) -> int:
    return durations.quantiles((50,))[0]


@dataclass(frozen=True, slots=True)
class Away:
    """How often the stream was interrupted for one cause, and for how long, in nanoseconds."""

    cause: Cause
    count: int
    time_ns: int


def times_away(interruptions: Iterable[Interruption], now_ns: int) -> list[Away]:
    """The interruptions by their cause, each up to `now_ns` where it is not over."""
    found: dict[Cause, list[int]] = {}
    for gap in interruptions:
        end_ns = now_ns if gap.reopened_ns is None else gap.reopened_ns
        found.setdefault(gap.cause, []).append(max(end_ns - gap.start_ns, 0))
    return [Away(cause, len(times), sum(times)) for cause, times in found.items()]
