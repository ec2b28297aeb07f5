"""The entries of a recording with what they mean for a log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple

from grpctap.core.message import MessageError, Schema
from grpctap.core.recording import Entry, Received, SeamAt
from grpctap.core.seams import Irregularity

# Fewer messages than this are faster read one by one.
_LEAST_RUN = 4


class Step(NamedTuple):
    """An entry (None: of an unknown kind), and where the file goes on behind it, in bytes.

    `time_ns` is when it came to be, in nanoseconds since the epoch. `is_value` says that it is a
    value of the log: a message that was not dropped, can be read, and is no sign of life. Then
    `sequence` is its number (0: it has none), and `number` what a chart shows (None: nothing).
    """

    entry: Entry | None
    end: int
    time_ns: int
    is_value: bool = False
    sequence: int = 0
    number: float | None = None


def steps_of(schema: Schema, entries: Sequence[Entry | None], ends: Sequence[int]) -> list[Step]:
    """Looks at entries that follow each other, each of which ends there in the file."""
    steps: list[Step] = []
    at, count = 0, len(entries)
    while at < count:
        stop = at
        while stop < count and _may_be_value(entries[stop]):
            stop += 1
        if stop > at:
            steps += _values(schema, entries[at:stop], ends[at:stop])  # type: ignore[arg-type]
        else:
            steps.append(Step(entries[at], ends[at], _time_of(entries[at])))
            stop += 1
        at = stop
    return steps


def _values(schema: Schema, values: Sequence[Received], ends: Sequence[int]) -> list[Step]:
    if len(values) >= _LEAST_RUN:
        run = schema.read_run([value.raw for value in values])
        if run is not None:
            times = [value.time_ns for value in values]
            return list(map(Step, values, ends, times, repeat(True), run.sequences, run.numbers))
    return [_value(schema, value, end) for value, end in zip(values, ends, strict=True)]


def _value(schema: Schema, value: Received, end: int) -> Step:
    try:
        reading = schema.read(value.raw)
    except MessageError:
        # It ended its call, and came into no log.
        return Step(value, end, value.time_ns)
    if reading.progress:
        return Step(value, end, value.time_ns)
    return Step(value, end, value.time_ns, True, reading.sequence, reading.number)


def _may_be_value(entry: Entry | None) -> bool:
    # Of one that was too large to be recorded only the size is known.
    return isinstance(entry, Received) and not entry.dropped and entry.size == len(entry.raw)


def _time_of(entry: Entry | None) -> int:
    if entry is None:
        return 0
    if not isinstance(entry, SeamAt):
        return entry.time_ns
    seam = entry.seam
    if isinstance(seam, Irregularity):
        return seam.time_ns
    return seam.start_ns if seam.reopened_ns is None else seam.reopened_ns
