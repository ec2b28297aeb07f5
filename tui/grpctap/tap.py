"""A tap: one watched stream, fed by its reader and looked at by the views."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from grpctap.clock import WallClock
from grpctap.core import status as codes
from grpctap.core.facts import CallFacts, Sent
from grpctap.core.history import MAX_BYTES, History
from grpctap.core.limits import Limits
from grpctap.core.message import MessageError, Reading, Schema
from grpctap.core.reconnect import Backoff
from grpctap.core.secrets import Metadata
from grpctap.core.session import Session
from grpctap.core.state import ENDED, Command
from grpctap.core.status import Status
from grpctap.tapviews import TapViews
from grpctap.transport.base import Inbox, Transport
from grpctap.transport.reader import Reader

if TYPE_CHECKING:
    from grpctap.core.recording import Header

BATCH_NS = 5_000_000
"""How long messages may wait for others in a flood, in nanoseconds."""
HEADERS_NS = 300_000_000
"""So long after its headers a call that still runs was answered, in nanoseconds."""
# Fewer messages than this are faster read one by one.
LEAST_RUN = 4
# How often the signs of life are looked for: a fraction of their limit, within bounds, in seconds.
_CHECKS_PER_LIMIT = 8
_SHORTEST_CHECK_S, _LONGEST_CHECK_S = 0.05, 1.0


class Tap(TapViews):
    """Ties the call, the session, the history and the series of one stream together.

    The reader's thread writes and any thread looks, each under the one lock; of messages nothing is
    told to anybody, so views pull. The cursor moves in the same step in which its value is kept.
    Messages that follow closely upon another lie in an inbox until the batch's time is over;
    whoever looks before takes them in first, and so sees all that has arrived.

    Args:
        transport: Makes the calls.
        schema: Reads the messages.
        capacity: Values to keep.
        max_bytes: Bytes of messages to keep.
        token: Where the first call starts; empty: a fresh call.
        backoff: Which lost calls are opened again, and when; None: none.
        max_time_s: The deadline of each call that a person asks for, in seconds; a call that goes
            on by itself after a loss gets what is left of it.
        limits: When the stream is stopped by itself.
        deliver: Takes each message on the reader's thread at once, with whether it was accepted,
            and when it came; once it returns False, the stream is stopped.
        clock: Tells the time, in nanoseconds since the epoch.
        sent: What the views tell of each call.
        header: Makes what a recording says first; None: nothing can be recorded.
        trace: Takes what is known of a call, on the reader's thread, at its headers and its end.
    """

    def __init__(
        self,
        transport: Transport,
        schema: Schema,
        *,
        capacity: int = 100_000,
        max_bytes: int = MAX_BYTES,
        token: bytes = b"",
        backoff: Backoff | None = None,
        max_time_s: float | None = None,
        limits: Limits | None = None,
        deliver: Callable[[Reading, bytes, bool, int], bool] | None = None,
        clock: Callable[[], int] | None = None,
        sent: Sent | None = None,
        trace: Callable[[CallFacts], None] | None = None,
        header: Callable[[], Header] | None = None,
    ) -> None:
        wall = WallClock()
        session = Session(History(capacity, max_bytes), token, backoff)
        super().__init__(schema, session, capacity, clock or wall, sent or Sent(), header)
        self._trace = trace
        # Arrivals are stamped in the fastest way that there is.
        self._ticks, self._epoch_ns = (clock, 0) if clock else (wall.ticks, wall.epoch_ns)
        # With another clock, and for who takes each message, none waits for others.
        self._batch_ns = 0 if clock or deliver else BATCH_NS
        self._deliver = deliver
        self._delivering = False
        self._max_time_s = max_time_s
        self._limits = limits or Limits()
        self._deadline_ns: int | None = None
        self._reader = Reader(transport, self)
        self._closing = threading.Event()
        self._watch = threading.Thread(target=self._check, name="grpctap-watch", daemon=True)

    def start(self) -> None:
        """Opens the first call; does nothing when there was one."""
        with self._lock:
            now_ns = self._clock()
            if self._session.start(now_ns):
                self._set_deadline(now_ns)
                self._limits.start(now_ns)
                self._align(now_ns)
                self._watch.start()

    def command(self, command: Command) -> bool:
        """Obeys a person; returns False when the command means nothing in this state."""
        with self._lock:
            self._take_in()
            now_ns = self._clock()
            if not self._session.command(command, now_ns):
                return False
            self._taping.commanded(command, now_ns)
            self._reached = ""
            self._set_deadline(now_ns)
            self._align(now_ns)
            return True

    def record(self, path: str) -> None:
        """Records the stream into a file from now on, after what is kept of it.

        It does nothing while there is a recording.

        Raises:
            OSError: the file cannot be made, or is there already.
            HeaderError: the types of the method are too large for a recording.
        """
        with self._lock:
            self._take_in()
            self._taping.start(path, self._clock())

    def stop_recording(self) -> None:
        """Ends the recording, if there is one; does not wait for the disk."""
        with self._lock:
            self._take_in()
            self._taping.finish()

    def close(self, patience_s: float = 5.0) -> bool:
        """Cancels the call and ends the threads; returns whether they ended within the seconds."""
        with self._lock:
            self._take_in()
            if self._session.is_open:
                self._session.command(Command.STOP, self._clock())
        self._closing.set()
        self._taping.release()
        ended = self._reader.close(patience_s)
        self._taping.close()
        if self._watch.is_alive():
            self._watch.join(_LONGEST_CHECK_S)
        return ended and not self._watch.is_alive()

    # What the reader's thread calls.

    def opened(self, call_id: int) -> Inbox:
        """A call begins; says where its messages are to be put."""
        inbox = Inbox(call_id, self._ticks, self._batch_ns)
        with self._lock:
            self._inbox = inbox
            now_ns = self._clock()
            self._calls.opened(call_id, now_ns)
            self._session.history.opened(call_id)
            self._taping.opened(call_id, now_ns)
        return inbox

    def headers(self, call_id: int, metadata: Metadata) -> None:
        """The initial metadata of a call is known."""
        with self._lock:
            now_ns = self._clock()
            facts = self._calls.note(call_id, headers_ns=now_ns, initial_metadata=metadata)
            self._taping.headers(call_id, metadata, now_ns)
        if self._trace is not None and facts is not None:
            self._trace(facts)

    def arrived(self, inbox: Inbox) -> None:
        """The time has come to look into the inbox."""
        if self._deliver is None:
            with self._lock:
                self._take_in()
        else:
            self._hand_on(inbox, self._deliver)
        # A server is not silent because the disk is slow.
        self._delivering = True
        self._taping.wait_for_room()
        self._delivering = False

    def _take_in(self) -> None:
        """Verifies and keeps what has arrived; the caller holds the lock."""
        inbox, session = self._inbox, self._session
        if inbox is None or self._deliver is not None:
            return
        times, raws = inbox.take()
        # What was under way when its call was cancelled will be sent again to the next one.
        if not raws or inbox.call_id != session.call_id:
            return
        times = self._since_epoch(times)
        if LEAST_RUN <= len(raws) < self._limits.room(session.history.values):
            before = session.state
            run = self.schema.read_run(raws)
            if run is not None and session.receive_run(run, raws, times):
                self._taping.run(inbox.call_id, times, raws)
                self._series.extend(times, run.numbers)
                if session.state is not before:
                    self._tell()
                return
        for now_ns, raw in zip(times, raws, strict=True):
            self._receive(inbox.call_id, raw, now_ns)

    def _hand_on(self, inbox: Inbox, deliver: Callable[[Reading, bytes, bool, int], bool]) -> None:
        times, raws = inbox.take()
        for now_ns, raw in zip(self._since_epoch(times), raws, strict=True):
            with self._lock:
                received = self._receive(inbox.call_id, raw, now_ns)
            if received is not None:
                self._delivering = True
                more = deliver(received[0], raw, received[1], now_ns)
                self._delivering = False
                if not more:
                    self.command(Command.STOP)

    def _receive(self, call_id: int, raw: bytes, now_ns: int) -> tuple[Reading, bool] | None:
        """Takes one message; returns what it says, and whether it was accepted."""
        session = self._session
        if call_id != session.call_id:
            return None
        try:
            reading = self.schema.read(raw)
        except MessageError as error:
            self._taping.message(call_id, now_ns, raw)
            status = Status(codes.DATA_LOSS, "DATA_LOSS", str(error), unreadable=error.check)
            self._end(status, now_ns)
            return None
        before = session.state, session.settled
        accepted = session.receive(reading, raw, now_ns)
        self._taping.message(call_id, now_ns, raw, dropped=not (accepted or reading.progress))
        if accepted and reading.number is not None:
            self._series.append(now_ns, reading.number)
        if (session.state, session.settled) != before:
            self._tell()
        self._stop_at_limit(now_ns)
        return reading, accepted

    def _stop_at_limit(self, now_ns: int) -> None:
        session = self._session
        reached = self._limits.reached(session.history.values, now_ns)
        if reached and session.state not in ENDED and session.command(Command.STOP, now_ns):
            self._reached = reached
            self._align(now_ns)

    def _since_epoch(self, times: list[int]) -> list[int]:
        epoch_ns = self._epoch_ns
        return [time_ns + epoch_ns for time_ns in times]

    def ended(self, call_id: int, status: Status, trailing_metadata: Metadata) -> None:
        """The call ended, by itself or because it was cancelled."""
        with self._lock:
            self._take_in()
            facts = self._calls.note(
                call_id,
                ended_ns=self._clock(),
                status=status,
                trailing_metadata=trailing_metadata,
                cancelled=call_id != self._session.call_id,
                messages=self._inbox.taken if self._inbox is not None else 0,
            )
            if facts is not None:
                self._taping.ended(facts)
        if self._trace is not None and facts is not None:
            self._trace(facts)
        with self._lock:
            if call_id == self._session.call_id:
                self._end(status, self._clock())

    def _set_deadline(self, now_ns: int) -> None:
        if self._max_time_s is not None:
            self._deadline_ns = now_ns + round(self._max_time_s * 1e9)

    def _align(self, now_ns: int) -> None:
        session = self._session
        if session.is_open:
            timeout_s, due_ns = None, session.open_at_ns
            if self._deadline_ns is not None:
                # A wait ends with the deadline: the call then tells that it is over.
                due_ns = min(due_ns, self._deadline_ns)
                timeout_s = max(self._deadline_ns - max(now_ns, due_ns), 0) / 1e9
            request = self.schema.request(session.token)
            self._taping.asked(session.call_id, request, timeout_s)
            self._reader.open(
                session.call_id,
                request,
                wait_s=max(due_ns - now_ns, 0) / 1e9,
                timeout_s=timeout_s,
            )
        else:
            self._still_ns = now_ns
            self._reader.cancel()
        self._tell()

    def _end(self, status: Status, now_ns: int) -> None:
        self._session.ended(status, now_ns)
        self._align(now_ns)

    def _check(self) -> None:
        looked_ns = self._clock()
        while not self._closing.wait(period_s := self._check_period_s()):
            with self._lock:
                self._take_in()
                now_ns = self._clock()
                # Whoever was asleep, or waits for a reader, has heard nothing of the server.
                if self._delivering or now_ns - looked_ns > 3e9 * period_s:
                    self._session.liveness.heard_ns = now_ns
                looked_ns = now_ns
                if self._session.check(now_ns):
                    self._align(now_ns)
                elif self._has_headers(now_ns) and self._session.answered(now_ns):
                    self._tell()
                self._stop_at_limit(now_ns)

    def _has_headers(self, now_ns: int) -> bool:
        facts = self._calls.newest
        if facts is None or facts.headers_ns is None or facts.call_id != self._session.call_id:
            return False
        # A call that ends without headers says for a moment that it has some, which are empty.
        return facts.ended_ns is None and now_ns - facts.headers_ns >= HEADERS_NS

    def _check_period_s(self) -> float:
        limit_s = self._session.liveness.limit_ns / 1e9 / _CHECKS_PER_LIMIT
        period_s = max(limit_s, _SHORTEST_CHECK_S) if limit_s else _LONGEST_CHECK_S
        left_s = self._limits.left_s(self._clock())
        return min(period_s, _LONGEST_CHECK_S, _LONGEST_CHECK_S if left_s is None else left_s)
