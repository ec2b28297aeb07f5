"""A tap: one watched stream, fed by its reader and looked at by the views."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from grpctap.core import status as codes
from grpctap.core.history import Extent, Frozen, History
from grpctap.core.message import MessageError, Schema
from grpctap.core.series import ChartFrame, Mark, Series
from grpctap.core.session import Command, Session, State
from grpctap.core.stats import Gaps, Rate, RateMeter, arrival_gaps
from grpctap.core.status import Status
from grpctap.transport.base import Transport
from grpctap.transport.reader import Reader

# Inter-arrival quantiles are those of the newest so many rows.
RECENT_ROWS = 1_000


class WallClock:
    """Nanoseconds since the epoch, which go on evenly even when somebody sets the clock."""

    # It counts the time that a laptop sleeps, where there is such a clock.
    _SOURCE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def __init__(self) -> None:
        self._epoch = time.time_ns() - time.clock_gettime_ns(self._SOURCE)

    def __call__(self) -> int:
        """The time now."""
        return self._epoch + time.clock_gettime_ns(self._SOURCE)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a tap is at one moment; times in nanoseconds."""

    state: State
    status: Status | None
    elapsed_ns: int
    last_label: int | None
    place: int | None
    behind: int
    values: int
    kept: int
    evicted: int
    missed: int
    repeated: int
    late: int
    left_out: int
    rate: Rate

    @property
    def count(self) -> str:
        """How many values came, in words: "1,844 values"."""
        return f"{self.values:,} value" + ("" if self.values == 1 else "s")


class Tap:
    """Ties the call, the session, the history and the series of one stream together.

    The reader's thread writes and any thread looks, each under the one lock; nothing is told to
    anybody, so views pull. The cursor moves in the same step in which its value is kept.
    """

    def __init__(
        self,
        transport: Transport,
        schema: Schema,
        *,
        capacity: int = 100_000,
        token: bytes = b"",
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.schema = schema
        self._clock = clock or WallClock()
        self._lock = threading.Lock()
        self._session = Session(History(capacity), token)
        self._series = Series(capacity)
        self._meter = RateMeter()
        self._started_ns = self._clock()
        self._still_ns = self._started_ns
        self._meter.sample(self._started_ns, 0, 0)
        self._reader = Reader(transport, self)

    def start(self) -> None:
        """Opens the first call; does nothing when there was one."""
        with self._lock:
            if not self._session.call_id:
                self._session.start()
                self._align()

    def command(self, command: Command) -> bool:
        """Obeys a person; returns False when the command means nothing in this state."""
        with self._lock:
            now_ns = self._clock()
            if not self._session.command(command, now_ns):
                return False
            self._still_ns = now_ns
            self._align()
            return True

    @property
    def state(self) -> State:
        """Where the stream stands."""
        with self._lock:
            return self._session.state

    @property
    def status(self) -> Status | None:
        """What the last call ended with, when it ended by itself."""
        with self._lock:
            return self._session.status

    def allows(self, command: Command) -> bool:
        """Whether the command means anything now."""
        with self._lock:
            return self._session.allows(command)

    def close(self) -> bool:
        """Cancels the call and ends the reader; returns whether its thread has ended."""
        with self._lock:
            self._session.command(Command.STOP, self._clock())
        return self._reader.close()

    @property
    def resume_token(self) -> bytes:
        """Where a later call can go on; empty when the server gave no token."""
        with self._lock:
            return self._session.token

    # What the reader's thread calls.

    def received(self, call_id: int, raw: bytes) -> None:
        """Verifies and keeps one message."""
        now_ns = self._clock()
        try:
            reading = self.schema.read(raw)
        except MessageError as error:
            self._refuse(call_id, str(error), now_ns)
            return
        with self._lock:
            # What was under way when its call was cancelled will be sent again to the next one.
            if (
                call_id == self._session.call_id
                and self._session.receive(reading, raw, now_ns)
                and reading.number is not None
            ):
                self._series.append(now_ns, reading.number)

    def ended(self, call_id: int, status: Status) -> None:
        """The call ended by itself."""
        with self._lock:
            if call_id == self._session.call_id:
                self._still_ns = self._clock()
                self._session.ended(status, self._still_ns)

    # What the views call.

    def snapshot(self) -> Snapshot:
        """What the tap is now."""
        with self._lock:
            session, history = self._session, self._session.history
            now_ns = self._clock()
            if session.is_open:
                rate = self._meter.sample(now_ns, history.values, history.bytes)
            else:
                self._meter.reset()
                rate = Rate(0.0, 0.0)
            return Snapshot(
                state=session.state,
                status=session.status,
                elapsed_ns=now_ns - self._started_ns,
                last_label=session.last_label,
                place=session.place,
                behind=session.behind if session.state is State.CATCHING_UP else 0,
                values=history.values,
                kept=history.kept,
                evicted=history.evicted,
                missed=session.cursor.missed,
                repeated=session.cursor.repeated,
                late=session.cursor.late,
                left_out=session.left_out,
                rate=rate,
            )

    def extent(self) -> Extent:
        """Which rows there are."""
        with self._lock:
            return self._session.history.extent

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all that are kept: None) as they are now."""
        with self._lock:
            return self._session.history.newest(count)

    def gaps(self) -> Gaps | None:
        """Quantiles of the time between the newest values."""
        return arrival_gaps(self.newest(RECENT_ROWS).rows)

    @contextmanager
    def chart_frame(self) -> Iterator[ChartFrame]:
        """What a chart needs; the tap stands still while the caller copies from it."""
        with self._lock:
            session = self._session
            yield ChartFrame(
                end_ns=self._clock() if session.is_open else self._still_ns,
                name=self.schema.number_name,
                series=self._series,
                marks=[
                    Mark(gap.start_ns, gap.reopened_ns, gap.label) for gap in session.interruptions
                ],
                moving=session.is_open,
            )

    def _align(self) -> None:
        session = self._session
        if session.is_open:
            self._reader.open(session.call_id, self.schema.request(session.token))
        else:
            self._reader.cancel()

    def _refuse(self, call_id: int, reason: str, now_ns: int) -> None:
        with self._lock:
            if call_id == self._session.call_id:
                self._still_ns = now_ns
                self._session.ended(Status(codes.DATA_LOSS, "DATA_LOSS", reason), now_ns)
                self._reader.cancel()
