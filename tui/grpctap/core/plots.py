"""The lines that somebody chose for the chart, read from the rows that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from grpctap.core.series import ChartFrame, Line

if TYPE_CHECKING:
    from grpctap.core.history import Extent, Slab, Value
    from grpctap.core.message import Schema
    from grpctap.core.numberfield import NumberField
    from grpctap.core.plot import Plot, Reader

MOST_PLOTS = 6
"""A chart of more lines cannot be read."""
LONGEST_NAME = 24
"""Characters of a line's name; of a longer path, its end says what it is."""
LOOK_S = 0.008
"""How long a look may take, in seconds; it ends with the slice in which the time is over."""
SLICE, SLICE_BYTES = 256, 256 * 1024
FLOOD_SLICE = 32
"""Rows read at once in a flood, of which others are passed over."""
# What can be read in so many looks is no flood.
_LOOKS_BEHIND = 15
# Who did not look for so long, in seconds, is behind for that reason and for no other.
_LOOKED_AWAY_S = 1.0


class Source(Protocol):
    """Where the rows come from."""

    def extent(self) -> Extent:
        """Which rows there are."""

    def slab(self, start: int, most: int, most_bytes: int) -> Slab:
        """Rows from `start` on, as those of a history."""


class Choice(NamedTuple):
    """A field, by its path, and whether its rate per second is shown instead of its value."""

    path: str
    rate: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """What the chart of a method shows: of no choice, the number that the method has by itself.

    `common` says that the lines have one scale in common.
    """

    plots: tuple[Choice, ...] = ()
    common: bool = False


_OWN = Choice("")
"""The number that a method has by itself."""


class Plots:
    """Keeps a series for each chosen field: of all rows that are kept, and then of each new one.

    Whoever looks at the chart lets it `pull`, which reads what its time allows, the oldest first.
    A line says in its name that it is not filled yet, and how many of the values it has, where they
    came faster than they could be read.

    It is used by one thread, that of the views, and reads the source without holding it up.

    Args:
        source: The rows.
        schema: Reads their messages.
        capacity: Points to keep of each line.
    """

    def __init__(self, source: Source, schema: Schema, capacity: int) -> None:
        self._source, self._schema, self._capacity = source, schema, capacity
        self._choices = Choices()
        self._fields: dict[str, NumberField] = {}
        self._plots: list[Plot] = []
        self._reader: Reader | None = None
        self._by_event = False
        self._end = 0
        self._looked_s = 0.0
        self._cost_s = 0.0

    @property
    def choices(self) -> Choices:
        """What was chosen."""
        return self._choices

    def choose(self, choices: Choices) -> None:
        """Shows these; what is not among the fields of the type is left out, and what is too much.

        A line that was shown before goes on as it is.
        """
        if choices == self._choices:
            return
        # Most streams are watched without it.
        from grpctap.core.numberfield import PathError, resolve

        plots: list[Choice] = []
        for choice in choices.plots:
            try:
                field = self._fields.get(choice.path) or resolve(choice.path, self._schema.type_)
            except PathError:
                continue
            self._fields[choice.path] = field
            if choice.path not in [known.path for known in plots] and len(plots) < MOST_PLOTS:
                plots.append(choice)
        self._choices = Choices(tuple(plots), choices.common)
        self._make()

    @property
    def has_event_times(self) -> bool:
        """Whether the messages may tell when what they tell of came to be."""
        from grpctap.core.event import event_field

        return event_field(self._schema.type_) is not None

    @property
    def by_event(self) -> bool:
        """Whether points lie at the event times of their messages, and not at the receive times."""
        return self._by_event

    @by_event.setter
    def by_event(self, by_event: bool) -> None:
        by_event = by_event and self.has_event_times
        if by_event != self._by_event:
            self._by_event = by_event
            self._plots = []
            self._make()

    def time_of(self, value: Value) -> int:
        """Where a value lies on the axis; one without event time where it was received."""
        if not self._by_event or self._reader is None:
            return value.time_ns
        return self._reader.event_time(value.raw) or value.time_ns

    @property
    def filling(self) -> bool:
        """Whether rows that were there before are still being read."""
        return any(not plot.filled for plot in self._plots)

    def _make(self) -> None:
        from grpctap.core.plot import Plot, Reader

        if self._reader is None:
            self._reader = Reader(self._schema)
        before = {plot.choice: plot for plot in self._plots}
        wanted = self._choices.plots
        if self._by_event and not wanted:
            wanted = (_OWN,)
        first = self._source.extent().first
        plots = []
        for choice in wanted:
            plot = before.get(choice)
            if plot is None:
                field = self._fields.get(choice.path)
                plot = Plot(choice, field, self._capacity, first, by_event=self._by_event)
            plots.append(plot)
        self._plots = plots

    def pull(self, time_s: float = LOOK_S) -> None:
        """Reads rows that were not read yet, for about so many seconds at most."""
        if not self._plots or self._reader is None:
            return
        extent = self._source.extent()
        if extent.end < self._end:
            # Rows were taken back, and a series cannot give up any.
            self._plots = []
            self._make()
        self._end = extent.end
        start_s = perf_counter()
        if start_s - self._looked_s > _LOOKED_AWAY_S:
            for plot in self._plots:
                plot.filled = plot.next >= extent.end
        self._looked_s = start_s
        left_s = time_s
        while left_s > 0 and (at := min(plot.next for plot in self._plots)) < extent.end:
            self._read(self._reader, max(at, extent.first), extent.end, time_s)
            left_s = start_s + time_s - perf_counter()
        for plot in self._plots:
            plot.filled = plot.filled or plot.next >= extent.end
            plot.settle()

    def _read(self, reader: Reader, at: int, end: int, time_s: float) -> None:
        """Reads a slice for those that have not read what is before it."""
        group = [plot for plot in self._plots if plot.next <= at]
        stop = min([end, *(plot.next for plot in self._plots if plot.next > at)])
        most, each = SLICE, 1
        behind_s = (end - at) * self._cost_s
        if all(plot.filled for plot in group) and behind_s > _LOOKS_BEHIND * time_s:
            # They come faster than they can be read: some of all are nearer to the truth than all
            # of some.
            most, each = FLOOD_SLICE, int(behind_s / time_s) + 1
        slab = self._source.slab(at, min(stop - at, most), SLICE_BYTES)
        # The newest are never passed over.
        after = max(min(at + each * len(slab.items), stop, end - FLOOD_SLICE), slab.end)
        start_s = perf_counter()
        raws = [item for item in slab.items if isinstance(item, bytes)]
        times: Sequence[int] = slab.times
        if slab.seams:
            items = zip(slab.times, slab.items, strict=True)
            times = [time_ns for time_ns, item in items if isinstance(item, bytes)]
        fields = [plot.field for plot in group]
        columns, events = reader.numbers(raws, fields, events=self._by_event)
        for plot, numbers in zip(group, columns, strict=True):
            plot.take(times, numbers, events)
            if plot.filled:
                # Rows that left before they were read are among those that came.
                plot.seen += after - plot.next - len(slab.seams)
                plot.read += len(raws)
            plot.next = after
        # What a few cost says nothing of many.
        if len(raws) >= FLOOD_SLICE:
            cost_s = (perf_counter() - start_s) / len(raws)
            self._cost_s = (7 * self._cost_s + cost_s) / 8 if self._cost_s else cost_s

    def framed(self, frame: ChartFrame) -> ChartFrame:
        """A frame with the chosen lines in place of its own; the same where none was chosen."""
        if not self._plots:
            return frame
        lines = [Line(self._name(plot), plot.series) for plot in self._plots]
        common = self._choices.common
        if not self._by_event:
            return replace(frame, lines=lines, common=common)
        times = [line.series.last_time for line in lines]
        end_ns = max([time_ns for time_ns in times if time_ns is not None], default=frame.end_ns)
        # A pause is a stretch of receive times, and stands nowhere among event times.
        return replace(frame, end_ns=end_ns, lines=lines, marks=(), common=common, axis="event")

    def _name(self, plot: Plot) -> str:
        note = ""
        if not plot.filled:
            done = 100 * (plot.next - plot.start) // max(self._end - plot.start, 1)
            note = f" filling {min(max(done, 0), 99)}%"
        elif plot.read < plot.seen:
            note = f" {min(max(100 * plot.read // plot.seen, 1), 99)}% read"
        name, room = plot.name or self._schema.number_name, LONGEST_NAME - len(note)
        return f"{name if len(name) <= room else '…' + name[1 - room :]}{note}"
