"""What views see of the rows of a stream, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from grpctap.core.history import Extent, Frozen, History, Located, Row, Slab, Value
from grpctap.core.message import Schema
from grpctap.core.plots import Plots
from grpctap.core.seams import Interruption
from grpctap.core.series import ChartFrame
from grpctap.core.stats import Gaps, arrival_gaps

# Inter-arrival quantiles are those of the newest so many rows.
RECENT_ROWS = 1_000


class Looking:
    """Looks at a history that is changed by another thread; any thread may call its methods.

    A subclass says how to get at the history. Rows have absolute numbers.

    Args:
        schema: Reads the messages.
        capacity: Values to keep.
    """

    def __init__(self, schema: Schema, capacity: int) -> None:
        self.schema = schema
        self.plots = Plots(self, schema, capacity)
        """What somebody chose for the chart to show."""

    def _history(self) -> AbstractContextManager[History]:
        """The history with all that has arrived; it stands still within."""
        raise NotImplementedError

    def _own_frame(self) -> AbstractContextManager[ChartFrame]:
        """What a chart needs that nobody chose anything for; the stream stands still within."""
        raise NotImplementedError

    def interruptions(self) -> list[Interruption]:
        """The newest interruptions, in order, as far as they are known."""
        raise NotImplementedError

    def extent(self) -> Extent:
        """Which rows there are."""
        with self._history() as history:
            return history.extent

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all that are kept: None) as they are now."""
        with self._history() as history:
            return history.newest(count)

    def slab(self, start: int, most: int, most_bytes: int) -> Slab:
        """Rows from `start` on, as those of a history, for who goes through all of them."""
        with self._history() as history:
            return history.slab(start, most, most_bytes)

    def span(self, start: int, stop: int) -> Frozen:
        """The kept rows among `start` to `stop` - 1 as they are now."""
        with self._history() as history:
            return history.span(start, stop)

    def pick(self, rows: Sequence[int]) -> list[Row | None]:
        """The rows with these numbers; None in the place of one that is not kept."""
        with self._history() as history:
            return history.pick(rows)

    def step(self, row: int, by: int) -> Located | None:
        """The nearest value after the row (`by` 1) or before it (-1); None: there is none."""
        with self._history() as history:
            return history.step(row, by)

    def gaps(self) -> Gaps | None:
        """Quantiles of the time between the newest values."""
        return arrival_gaps(self.newest(RECENT_ROWS).rows)

    @contextmanager
    def chart_frame(self) -> Iterator[ChartFrame]:
        """What a chart needs; the stream stands still while the caller copies from it.

        Chosen lines are as far as they were pulled.
        """
        with self._own_frame() as frame:
            yield self.plots.framed(frame)

    @property
    def by_event(self) -> bool:
        """Whether the chart is by the times that the messages tell of; never, if they tell none."""
        return self.plots.by_event

    @by_event.setter
    def by_event(self, by_event: bool) -> None:
        self.plots.by_event = by_event

    @property
    def has_event_times(self) -> bool:
        """Whether the chart can be by event time."""
        return self.plots.has_event_times

    def chart_time(self, value: Value) -> int:
        """The time of a value on the chart's axis, in nanoseconds since the epoch."""
        return self.plots.time_of(value)
