"""What of a recording has been played, as a tap would hold it at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from grpctap.core.facts import CallFacts
from grpctap.core.history import History
from grpctap.core.recording import Ended, Headers, Opened, Received, SeamAt
from grpctap.core.seams import Cause, Fault, Interruption, Irregularity, Outcome, Seam
from grpctap.core.secrets import Metadata
from grpctap.core.series import Mark, Series
from grpctap.core.session import MAX_INTERRUPTIONS
from grpctap.core.stats import RATE_NS, Rate, RateMeter
from grpctap.core.step import Step

# The rates are reckoned of samples so far apart, in nanoseconds.
_SAMPLE_NS = 100_000_000
# Only the newest seam of a kind is ever amended.
_AMENDABLE = 8


@dataclass(frozen=True, slots=True)
class Counts:
    """What was wrong with the numbering, by the seams."""

    missed: int = 0
    repeated: int = 0
    late: int = 0
    left_out: int = 0

    def plus(self, seam: Seam, sign: int = 1) -> Counts:
        """With what a seam says added, or with `sign` -1 taken away."""
        count = sign * (0 if seam.between is None else seam.between.count)
        match seam:
            case Interruption(outcome=Outcome.MISSED):
                return replace(self, missed=self.missed + count)
            case Interruption(outcome=Outcome.LEFT_OUT):
                return replace(self, left_out=self.left_out + count)
            case Irregularity(fault=Fault.GAP):
                return replace(self, missed=self.missed + count)
            case Irregularity(fault=Fault.REPEATED):
                return replace(self, repeated=self.repeated + sign * seam.count)
            case Irregularity(fault=Fault.LATE):
                return replace(self, missed=self.missed - count, late=self.late + count)
        return self


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a recording, and what is known there without the values before it.

    `offset` is where the file goes on, in bytes, behind so many `entries`; `time_ns` is the time of
    the last one, and `start_ns` that of the first. Before it stand so many `rows`, of which
    `values` are values of `size` bytes, and so many `points` of the chart, the last one at
    `point_ns`. `seams` are the newest ones, by their identity in the recording: the row of each,
    and what it said. `reconnects` counts the attempts to reopen a lost call, `attempts` those of
    the newest loss. Nothing in it changes.
    """

    offset: int
    time_ns: int
    start_ns: int
    entries: int = 0
    rows: int = 0
    values: int = 0
    points: int = 0
    point_ns: int = 0
    size: int = 0
    last_sequence: int = 0
    newest_seam: int = -1
    seams: tuple[tuple[int, int, Seam], ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    counts: Counts = Counts()
    reconnects: int = 0
    attempts: int = 0
    call: CallFacts | None = None
    sent: Metadata = field(default=(), repr=False)


class Played:
    """The history, the series and the facts of a recording up to a place in it.

    It takes entries in the order of the file, and has no lock: whoever shares it between threads
    holds one around it.

    Args:
        capacity: Values to keep.
        max_bytes: Bytes of messages to keep.
        place: Where to begin; what lies before is taken for what has left the history.
    """

    def __init__(self, capacity: int, max_bytes: int, place: Place) -> None:
        self._capacity, self._max_bytes = capacity, max_bytes
        self.history = History(capacity, max_bytes)
        self.history.begin(place.rows, place.values, place.size)
        self.series = Series(capacity)
        self.series.begin(place.points, place.point_ns)
        self._place = place
        self._meter = RateMeter()
        self._sample_ns = 0

    @property
    def place(self) -> Place:
        """Where it stands."""
        history = self.history
        return replace(
            self._place,
            rows=history.end,
            values=history.values,
            points=self.series.version,
            point_ns=self.series.last_time or 0,
            size=history.bytes,
        )

    @property
    def offset(self) -> int:
        """Where the file goes on, in bytes."""
        return self._place.offset

    @property
    def time_ns(self) -> int:
        """The recorded time of the last entry; before the first, that of the recording's start."""
        return self._place.time_ns

    @property
    def marks(self) -> list[Mark]:
        """The interruptions, for a chart."""
        return [Mark(gap.start_ns, gap.reopened_ns, gap.label) for gap in self._place.interruptions]

    def rate(self, now_ns: int) -> Rate:
        """The rates at a recorded time, by what came before it."""
        return self._meter.copy().sample(now_ns, self.history.values, self.history.bytes)

    def copy(self) -> Played:
        """One of its own, which goes on from here."""
        copy = Played(self._capacity, self._max_bytes, self._place)
        copy.history = self.history.copy()
        copy.series = self.series.copy()
        copy._meter = self._meter.copy()
        copy._sample_ns = self._sample_ns
        return copy

    def apply(self, steps: Sequence[Step]) -> None:
        """Takes in the next entries, of which there is one at least."""
        at, count = 0, len(steps)
        while at < count:
            stop = at
            while stop < count and steps[stop].is_value:
                stop += 1
            if stop > at:
                self._take(steps[at:stop])
            else:
                self._note(steps[at])
                stop += 1
            at = stop
        place = self._place
        self._place = replace(place, offset=steps[-1].end, entries=place.entries + count)

    def _take(self, values: Sequence[Step]) -> None:
        times = [value.time_ns for value in values]
        raws = [value.entry.raw for value in values]  # type: ignore[union-attr]
        sequences = [value.sequence for value in values]
        self.history.extend(sequences, times, raws)
        numbers = [(value.time_ns, value.number) for value in values if value.number is not None]
        self.series.extend([one for one, _ in numbers], [number for _, number in numbers])
        call = self._place.call
        if call is not None:
            call = replace(call, messages=call.messages + len(values))
        self._place = replace(self._place, last_sequence=sequences[-1], call=call)
        self._move(max(times))
        self._measure(times, raws)

    def _note(self, step: Step) -> None:
        place, entry = self._place, step.entry
        call = place.call
        match entry:
            case Received():
                if call is not None:
                    call = replace(call, messages=call.messages + 1)
            case SeamAt():
                self._seam(entry.id, entry.seam)
            case Opened():
                number = 1 if call is None else call.number + 1
                call = CallFacts(number, entry.call_id, entry.time_ns)
                self._meter.sample(entry.time_ns, self.history.values, self.history.bytes)
                self._place = replace(self._place, sent=entry.metadata)
                if place.interruptions and _is_loss(place.interruptions[-1]):
                    self._note_attempt()
            case Headers() if call is not None and call.call_id == entry.call_id:
                call = replace(call, headers_ns=entry.time_ns, initial_metadata=entry.metadata)
            case Ended() if call is not None and call.call_id == entry.call_id:
                call = replace(
                    call,
                    ended_ns=entry.time_ns,
                    status=entry.status,
                    trailing_metadata=entry.metadata,
                    cancelled=entry.cancelled,
                )
        if call is not place.call:
            self._place = replace(self._place, call=call)
        self._move(step.time_ns)

    def _note_attempt(self) -> None:
        place = self._place
        # The first one is counted by the seam, which is also there where the call is not.
        again = int(place.attempts > 0)
        self._place = replace(
            place, attempts=place.attempts + 1, reconnects=place.reconnects + again
        )

    def _move(self, time_ns: int) -> None:
        place = self._place
        if time_ns > place.time_ns:
            self._place = replace(place, time_ns=time_ns)

    def _measure(self, times: Sequence[int], raws: Sequence[bytes]) -> None:
        """Notes the totals at times at which the window of a rate can begin."""
        history = self.history
        values, size = history.values - len(raws), history.bytes - sum(map(len, raws))
        due_ns = max(self._sample_ns, times[-1] - RATE_NS - _SAMPLE_NS)
        for time_ns, raw in zip(times, raws, strict=True):
            values += 1
            size += len(raw)
            if time_ns >= due_ns:
                self._meter.sample(time_ns, values, size)
                due_ns = time_ns + _SAMPLE_NS
        self._sample_ns = due_ns

    def _seam(self, identity: int, seam: Seam) -> None:
        place = self._place
        before = next((one for one in place.seams if one[0] == identity), None)
        interruptions, counts = place.interruptions, place.counts
        if before is None and identity <= place.newest_seam:
            # One that was amended after it could be, which no recorder writes.
            return
        if before is not None:
            _, row, old = before
            self.history.amend(row, seam)
            counts = counts.plus(old, -1)
            if isinstance(old, Interruption) and interruptions:
                interruptions = interruptions[:-1]
        else:
            row = self.history.add_seam(seam)
        lost = 0
        if isinstance(seam, Interruption):
            was_lost = before is not None and _is_loss(before[2])
            lost = int(_is_loss(seam) and not was_lost)
            interruptions = (*interruptions, seam)[-MAX_INTERRUPTIONS:]
            self._meter.reset()
            self._sample_ns = 0
        rest = tuple(one for one in place.seams if one[0] != identity)
        self._place = replace(
            place,
            seams=(*rest, (identity, row, seam))[-_AMENDABLE:],
            newest_seam=max(identity, place.newest_seam),
            interruptions=interruptions,
            counts=counts.plus(seam),
            reconnects=place.reconnects + lost,
            attempts=0 if lost else place.attempts,
        )


def _is_loss(seam: Seam) -> bool:
    return isinstance(seam, Interruption) and seam.cause is Cause.LOST
