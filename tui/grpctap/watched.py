"""What the screens need of a stream, wherever it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from grpctap.core.facts import CallFacts, Sent
from grpctap.core.history import Extent, Frozen, Located, Row, Slab, Value
from grpctap.core.message import Schema
from grpctap.core.plots import Plots
from grpctap.core.seams import Interruption
from grpctap.core.series import ChartFrame
from grpctap.core.state import Command, State
from grpctap.core.stats import Gaps
from grpctap.core.status import Status
from grpctap.snapshot import RecordingState, Snapshot


class Watched(Protocol):
    """A stream that somebody watches: a tap on a live one, or a player of a recorded one.

    Any thread may call its methods. Times are nanoseconds since the epoch. Rows have absolute
    numbers; of a recording that was taken back there are fewer than before, and a row that comes
    again has the number that it had.
    """

    schema: Schema
    """Reads the messages."""

    @property
    def sent(self) -> Sent:
        """What is the same for all calls of the stream, or what was sent along with this one."""

    def start(self) -> None:
        """Begins; does nothing when it has begun."""

    def command(self, command: Command) -> bool:
        """Obeys a person; returns False when the command means nothing in this state."""

    def allows(self, command: Command) -> bool:
        """Whether the command means anything now."""

    @property
    def state(self) -> State:
        """Where the stream stands."""

    @property
    def status(self) -> Status | None:
        """What the last call ended with, when it ended by itself."""

    def snapshot(self) -> Snapshot:
        """What it is now."""

    def facts(self) -> CallFacts | None:
        """What is known of the newest call; None before the first."""

    plots: Plots
    """What somebody chose for the chart to show."""
    by_event: bool
    """Whether the chart is by the times that the messages tell of; never, if they tell none."""

    @property
    def has_event_times(self) -> bool:
        """Whether the chart can be by event time."""

    def chart_time(self, value: Value) -> int:
        """The time of a value on the chart's axis."""

    def interruptions(self) -> list[Interruption]:
        """The newest interruptions, in order, as far as they are known."""

    def extent(self) -> Extent:
        """Which rows there are."""

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all that are kept: None) as they are now."""

    def slab(self, start: int, most: int, most_bytes: int) -> Slab:
        """Rows from `start` on, as those of a history, for who goes through all of them."""

    def span(self, start: int, stop: int) -> Frozen:
        """The kept rows among `start` to `stop` - 1 as they are now."""

    def pick(self, rows: Sequence[int]) -> list[Row | None]:
        """The rows with these numbers; None in the place of one that is not kept."""

    def step(self, row: int, by: int) -> Located | None:
        """The nearest value after the row (`by` 1) or before it (-1); None: there is none."""

    def gaps(self) -> Gaps | None:
        """Quantiles of the time between the newest values."""

    def now_ns(self) -> int:
        """The time on the clock that stamps the values."""

    def chart_frame(self) -> AbstractContextManager[ChartFrame]:
        """What a chart needs; the stream stands still while the caller copies from it."""

    @property
    def resume_token(self) -> bytes:
        """Where a later call can go on; empty when there is no such place."""

    def close(self, patience_s: float = 5.0) -> bool:
        """Ends it; returns whether that was done within the seconds."""

    @property
    def can_record(self) -> bool:
        """Whether it can be recorded."""

    @property
    def recordings(self) -> list[RecordingState]:
        """All recordings that were made, in order."""

    def record(self, path: str) -> None:
        """Records the stream into a file from now on, after what is kept of it.

        Raises:
            OSError: the file cannot be made, or is there already.
            ValueError: no recording of it can be made.
        """

    def stop_recording(self) -> None:
        """Ends the recording, if there is one."""
