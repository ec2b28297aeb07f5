"""Seams: where the log of a stream is not simply one value after the other, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import Enum
from itertools import chain

from grpctap.core.status import Status
from grpctap.core.text import printable

# What a seam takes besides the words in its status.
_OWN_BYTES = 200


class Cause(Enum):
    """Why the call was interrupted; the value is how the seam begins."""

    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"
    SKIPPED = ""


class How(Enum):
    """How the stream was opened again; the value is how the seam goes on."""

    RESUMED = "resumed"
    SKIPPED = "skipped to now"
    FRESH = "fresh call"
    OLDEST = "from the oldest"


class Outcome(Enum):
    """What the first value after an interruption says of what lies between."""

    EXACT = "nothing missed"
    MISSED = "missed"
    LEFT_OUT = "left out"
    MAY_REPEAT = "may come again"
    CANNOT_RESUME = "this server cannot resume"
    NEW_STREAM = "a new stream: not resumed"
    ANEW = "a new stream"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Range:
    """Sequences `first` to `last`, both included."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many they are; a server may name more than a length can be."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        if self.first == self.last:
            return f"#{self.first}"
        return f"#{self.first} to #{self.last}"


@dataclass(frozen=True, slots=True)
class Interruption:
    """The call ended here, and perhaps was opened again.

    `after` is the number of the last value before it, None before the first. Times are in
    nanoseconds since the epoch; `reopened_ns`, `how` and `outcome` are None until they are known.
    After a loss `reopened_ns` is the time of the first answer, after anything else that of the key.
    """

    cause: Cause
    start_ns: int
    after: int | None
    status: Status | None = None
    reopened_ns: int | None = None
    how: How | None = None
    outcome: Outcome | None = None
    between: Range | None = None

    def text(self, zone: tzinfo | None = None) -> str:
        """The seam in words, on one line, in the time zone `zone` (default: the local one)."""
        parts = []
        if self.cause is not Cause.SKIPPED:
            parts.append(f"{self._cause()} {clock_time(self.start_ns, zone)}")
        if self.how is not None and self.reopened_ns is not None:
            how = "reopened" if self._started_over() else self.how.value
            when = clock_time(self.reopened_ns, zone)
            if self.cause is Cause.LOST:
                when = f"after {duration(self.reopened_ns - self.start_ns)}"
            parts.append(f"{how} {when}")
        if self.status is not None and self.status.note:
            parts.append(self.status.note)
        parts.extend(self._outcome())
        return " · ".join(parts)

    @property
    def label(self) -> str:
        """A word or two for the chart."""
        if self.cause is Cause.SKIPPED:
            return "skipped"
        if self.reopened_ns is None:
            return str(self.cause.value)
        return f"{self.cause.value} {duration(self.reopened_ns - self.start_ns)}"

    def _cause(self) -> str:
        where = "before the first value" if self.after is None else f"at #{self.after}"
        if self.status is not None and not self.status.ok:
            if self.cause is Cause.LOST and self.reopened_ns is not None:
                # On a narrow screen the verdict counts for more than how it was lost.
                return f"{self.cause.value} {where}"
            return f"{self.cause.value} with {self.status.name} {where}"
        return f"{self.cause.value} {where}"

    def _started_over(self) -> bool:
        return self.outcome in (Outcome.CANNOT_RESUME, Outcome.NEW_STREAM) and (
            self.how is How.RESUMED
        )

    def _outcome(self) -> list[str]:
        counted = (Outcome.MISSED, Outcome.LEFT_OUT, Outcome.MAY_REPEAT)
        if self.outcome in counted and self.between is not None:
            return [f"{self.between.count:,} {self.outcome.value}: {self.between}"]
        if self.outcome is None or not self.outcome.value:
            return []
        return [self.outcome.value]


class Fault(Enum):
    """What the server did wrong in the middle of a call."""

    GAP = "missing"
    REPEATED = "came again, dropped"
    LATE = "came late, out of order"
    NEW_STREAM = "the server changed the stream in the middle of the call"


@dataclass(frozen=True, slots=True)
class Irregularity:
    """The numbering of a running call was broken here; `count` values are concerned."""

    fault: Fault
    time_ns: int
    count: int = 0
    between: Range | None = None

    def text(self, zone: tzinfo | None = None) -> str:
        """The seam in words, on one line, in the time zone `zone` (default: the local one)."""
        parts = [clock_time(self.time_ns, zone)]
        if self.between is None:
            parts.append(self.fault.value)
        else:
            parts.append(f"{self.count:,} {self.fault.value}: {self.between}")
        return " · ".join(parts)


Seam = Interruption | Irregularity


def size_of(seam: Seam) -> int:
    """About how many bytes a seam takes in memory; nearly all of them are the server's words."""
    status = seam.status if isinstance(seam, Interruption) else None
    if status is None:
        return _OWN_BYTES
    pairs = chain(status.info.items(), status.error_details)
    words = (status.details, status.reason, status.note, *status.names, *chain.from_iterable(pairs))
    return _OWN_BYTES + sum(map(len, words))


def clock_time(time_ns: int, zone: tzinfo | None = None, *, milliseconds: bool = False) -> str:
    """The wall-clock time as HH:MM:SS or HH:MM:SS.mmm; `zone` None: the local one."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    text = f"{moment:%H:%M:%S}"
    return f"{text}.{rest // 1_000_000:03d}" if milliseconds else text


def duration(time_ns: int) -> str:
    """A duration in words: "8.7 s", "3 min 12 s", "2 h 5 min"."""
    seconds = max(time_ns, 0) / 1e9
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def status_line(status: Status) -> str:
    """The status as one printable line: name, code and the server's details."""
    details = printable(status.details)
    return f"{printable(status.name)} ({status.code})" + (f": {details}" if details else "")
