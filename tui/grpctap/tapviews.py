"""What the views see of a tap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from grpctap.core.facts import CallFacts, Calls, Sent
from grpctap.core.history import History
from grpctap.core.message import Schema
from grpctap.core.seams import Interruption
from grpctap.core.series import ChartFrame, Line, Mark, Series
from grpctap.core.session import Session
from grpctap.core.state import TALKING, Command, State
from grpctap.core.stats import Rate, RateMeter
from grpctap.core.status import Status
from grpctap.looking import Looking
from grpctap.snapshot import RecordingState, Snapshot
from grpctap.taping import Taping
from grpctap.transport.base import Inbox

if TYPE_CHECKING:
    from grpctap.core.recording import Header


class TapViews(Looking):
    """Holds all that is known of a stream under one lock, and lets any thread look at it.

    Whoever looks takes in first what has arrived, and so sees all of it; a subclass says how.

    Args:
        schema: Reads the messages.
        session: Where the stream stands, with its history.
        capacity: Values to keep.
        clock: Tells the time, in nanoseconds since the epoch.
        sent: What the views tell of each call.
        header: Makes what a recording says first; None: nothing can be recorded.
    """

    def __init__(
        self,
        schema: Schema,
        session: Session,
        capacity: int,
        clock: Callable[[], int],
        sent: Sent,
        header: Callable[[], Header] | None,
    ) -> None:
        super().__init__(schema, capacity)
        self.sent = sent
        self._clock = clock
        self._lock = threading.Lock()
        self._moved = threading.Condition(self._lock)
        self._moves = 0
        self._session = session
        self._calls = Calls()
        self._taping = Taping(header, session.history, self._calls, sent, self._notice)
        self._series = Series(capacity)
        self._inbox: Inbox | None = None
        self._reached = ""
        self._meter = RateMeter()
        self._started_ns = self._still_ns = clock()
        self._meter.sample(self._started_ns, 0, 0)

    def _take_in(self) -> None:
        """Verifies and keeps what has arrived; the caller holds the lock."""
        raise NotImplementedError

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
            return self._session.allows(command, self._clock())

    @property
    def can_record(self) -> bool:
        """Whether it is known what a recording says first."""
        return self._taping.can_start

    @property
    def recordings(self) -> list[RecordingState]:
        """All recordings that were made, in order."""
        return self._taping.states

    @property
    def resume_token(self) -> bytes:
        """Where a later call can go on; empty when the server gave no token."""
        with self._lock:
            self._take_in()
            return self._session.token

    def await_move(self, seen: int) -> int:
        """Waits until the state has changed since the count of changes was `seen`; returns it."""
        with self._moved:
            self._moved.wait_for(lambda: self._moves != seen)
            return self._moves

    def facts(self) -> CallFacts | None:
        """What is known of the newest call; None before the first."""
        with self._lock:
            facts = self._calls.newest
            if facts is None or self._inbox is None:
                return None
            return replace(facts, messages=self._inbox.taken)

    def snapshot(self) -> Snapshot:
        """What the tap is now."""
        with self._lock:
            self._take_in()
            session, history = self._session, self._session.history
            now_ns = self._clock()
            if session.is_open and session.state is not State.RECONNECTING:
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
                silent_ns=self._silent_ns(now_ns),
                alive=session.liveness.is_well(now_ns),
                attempt=session.attempt,
                retry_ns=max(session.open_at_ns - now_ns, 0) if session.attempt else 0,
                gave_up=session.gave_up,
                limit=self._reached,
                recording=self._taping.state,
                reconnects=session.reconnects,
            )

    @property
    def last_interruption(self) -> Interruption | None:
        """The newest interruption, as far as it is known."""
        with self._lock:
            return self._session.interruptions[-1] if self._session.interruptions else None

    def interruptions(self) -> list[Interruption]:
        """The newest interruptions, in order, as far as they are known."""
        with self._lock:
            return list(self._session.interruptions)

    def now_ns(self) -> int:
        """The time on the clock that stamps the values, in nanoseconds since the epoch."""
        return self._clock()

    @contextmanager
    def _history(self) -> Iterator[History]:
        with self._lock:
            self._take_in()
            yield self._session.history

    @contextmanager
    def _own_frame(self) -> Iterator[ChartFrame]:
        with self._history():
            session = self._session
            yield ChartFrame(
                end_ns=self._clock() if session.is_open else self._still_ns,
                lines=[Line(self.schema.number_name, self._series)],
                marks=[
                    Mark(gap.start_ns, gap.reopened_ns, gap.label) for gap in session.interruptions
                ],
                moving=session.is_open,
            )

    def _silent_ns(self, now_ns: int) -> int:
        session = self._session
        if session.state not in TALKING:
            return 0
        return max(now_ns - max(session.history.last_ns or 0, session.answered_ns), 0)

    def _notice(self) -> None:
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        self._moves += 1
        self._moved.notify_all()
