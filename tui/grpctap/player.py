"""A player: one recorded stream, played by its thread and looked at by the views."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from math import inf

from grpctap.core.facts import CallFacts, Sent
from grpctap.core.goal import Goal
from grpctap.core.history import MAX_BYTES, Extent, Frozen, Located
from grpctap.core.message import Schema
from grpctap.core.places import Places
from grpctap.core.played import Place, Played
from grpctap.core.playhead import Playhead, next_speed
from grpctap.core.series import ChartFrame, Line
from grpctap.core.state import Command, State
from grpctap.core.stats import Gaps, arrival_gaps
from grpctap.core.status import Status
from grpctap.core.step import Step
from grpctap.recording import RecordingError
from grpctap.reel import Reel, Tail
from grpctap.snapshot import RecordingState, Snapshot
from grpctap.tap import RECENT_ROWS

BATCH = 512
"""Entries that are taken in at once, at most."""
BREATH_S = 0.001
"""So long the views have the processor to themselves after each batch, in seconds."""
POLL_S = 0.2
"""How often the end of a file is looked at for more, in seconds."""
GROWING_NS = 3_000_000_000
"""A file that grew within so many nanoseconds is still being written."""
SEEK_PARTS = 20
"""A seek goes over this part of the file."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the playhead is.

    `time_ns` is the recorded time, in nanoseconds since the epoch; `fraction` of the file is behind
    it, from 0 to 1. `speed` is in recorded seconds a second, infinite for all at once. `tail` is
    what stands behind the last whole entry; `error` says why the file cannot be read any more, ""
    while it can.
    """

    time_ns: int
    fraction: float
    speed: float
    tail: Tail
    error: str


class Player:
    """Plays a recording: a stream to look at, in which one can go back and forth.

    Its thread reads the file and takes the entries in, in small batches, each under the one lock;
    any thread looks. What was played is kept as a tap would keep it; to go back is to build it anew
    from the last place before which nothing could be seen.

    Args:
        reel: The file.
        schema: Reads the messages.
        capacity: Values to keep.
        max_bytes: Bytes of messages to keep.
        started_ns: When the recording began, should nothing be in it.
        values_before: How many values had come before the first one.
        speed: Recorded seconds a second; infinite: all at once.
        sent: What the views tell of each call.
        clock: Tells the time by which it is played, in nanoseconds.
    """

    def __init__(
        self,
        reel: Reel,
        schema: Schema,
        *,
        capacity: int = 100_000,
        max_bytes: int = MAX_BYTES,
        started_ns: int = 0,
        values_before: int = 0,
        speed: float = inf,
        sent: Sent | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.schema = schema
        self._sent = sent or Sent()
        self._reel = reel
        self._clock = clock
        self._ahead: deque[Step] = deque(reel.read(reel.start, BATCH))
        first_ns = next((step.time_ns for step in self._ahead if step.time_ns), started_ns)
        place = Place(reel.start, first_ns, first_ns, values=values_before)
        self._places = Places(place, capacity, max_bytes)
        self._played = self._places.played_from(place)
        self._head = Playhead(speed)
        self._head.move(first_ns, clock())
        self._goal: Goal | None = None
        self._at_end = False
        self._grown_ns: int | None = None
        self._error = ""
        self._asked = 0
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="grpctap-player", daemon=True)

    def start(self) -> None:
        """Begins to play; does nothing when it has begun."""
        with self._lock:
            if not self._thread.is_alive() and not self._closed:
                self._head.move(self._played.time_ns, self._clock())
                self._thread.start()

    def close(self, patience_s: float = 5.0) -> bool:
        """Ends the thread; returns whether it ended within the seconds."""
        with self._lock:
            self._closed = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(patience_s)
        if self._thread.is_alive():
            return False
        self._reel.close()
        return True

    # What a person asks for.

    def toggle(self) -> None:
        """Plays or pauses; at the end, plays from the beginning."""
        with self._lock:
            now_ns = self._clock()
            if self._state(now_ns) is State.ENDED:
                self._head.play(now_ns)
                self._go(Goal(plays=True, offset=self._reel.start))
            elif self._head.playing:
                self._head.pause(now_ns)
            else:
                self._head.play(now_ns)
            self._poke()

    def hop(self, messages: int) -> None:
        """Goes so many messages on, or back where it is below 0, and pauses there."""
        with self._lock:
            goal, place = self._goal, self._played.place
            values = place.values if goal is None or goal.values is None else goal.values
            self._head.pause(self._clock())
            self._go(Goal(plays=False, values=max(values + messages, self._places.start.values)))

    def seek(self, parts: int) -> None:
        """Goes so many parts of the file on, or back where it is below 0.

        It goes on playing, unless that would be over at once.
        """
        with self._lock:
            goal, reel = self._goal, self._reel
            offset = self._played.offset if goal is None or goal.values is not None else goal.offset
            part = max((reel.size - reel.start) // SEEK_PARTS, 1)
            # What lies beyond the end is the end itself, and no place before it.
            offset = min(max(offset + parts * part, reel.start), reel.size + 1)
            plays = self._head.playing and not self._head.at_once
            if not plays:
                self._head.pause(self._clock())
            self._go(Goal(plays, offset=offset, beyond=parts > 0))

    def change_speed(self, by: int) -> None:
        """Plays at the next speed above (`by` 1) or below (-1)."""
        with self._lock:
            now_ns = self._clock()
            self._head.set_speed(next_speed(self._head.speed, by), now_ns)
            self._poke()

    # What the views call.

    @property
    def state(self) -> State:
        """Where the playhead stands: PLAYING, PAUSED or ENDED."""
        with self._lock:
            return self._state(self._clock())

    @property
    def sent(self) -> Sent:
        """What is known of the method, and what was sent along with the newest call."""
        with self._lock:
            return replace(self._sent, metadata=self._played.place.sent)

    @property
    def status(self) -> Status | None:
        """What the last call ended with, when it ended by itself."""
        with self._lock:
            return self._status()

    def position(self) -> Position:
        """Where the playhead is."""
        with self._lock:
            reel, offset = self._reel, self._played.offset
            whole = max(reel.size - reel.start, 1)
            return Position(
                self._now_ns(),
                1.0 if self._at_end else min((offset - reel.start) / whole, 1.0),
                self._head.speed,
                reel.tail if self._at_end else Tail.NOTHING,
                self._error,
            )

    def command(self, command: Command) -> bool:  # noqa: ARG002
        """False: what is over obeys nobody."""
        return False

    def allows(self, command: Command) -> bool:  # noqa: ARG002
        """False: what is over obeys nobody."""
        return False

    @property
    def can_record(self) -> bool:
        """False: it is recorded."""
        return False

    @property
    def recordings(self) -> list[RecordingState]:
        """None."""
        return []

    def record(self, path: str) -> None:
        """Raises a ValueError: it is recorded."""
        raise ValueError(f"{path} would be what is played")

    def stop_recording(self) -> None:
        """Does nothing."""

    def snapshot(self) -> Snapshot:
        """What was played is now."""
        with self._lock:
            history, place = self._played.history, self._played.place
            now_ns = self._now_ns()
            counts = place.counts
            values = history.values
            return Snapshot(
                state=self._state(self._clock()),
                status=self._status(),
                elapsed_ns=max(now_ns - self._places.start.time_ns, 0),
                last_label=place.last_sequence or values or None,
                place=None,
                behind=0,
                values=values,
                kept=history.kept,
                evicted=history.evicted,
                missed=counts.missed,
                repeated=counts.repeated,
                late=counts.late,
                left_out=counts.left_out,
                rate=self._played.rate(now_ns),
                silent_ns=0,
                alive=True,
                attempt=0,
                retry_ns=0,
                gave_up=False,
            )

    def facts(self) -> CallFacts | None:
        """What is known of the newest call; None before the first."""
        with self._lock:
            return self._played.place.call

    def extent(self) -> Extent:
        """Which rows there are."""
        with self._lock:
            return self._played.history.extent

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all that are kept: None) as they are now."""
        with self._lock:
            return self._played.history.newest(count)

    def step(self, row: int, by: int) -> Located | None:
        """The nearest value after the row (`by` 1) or before it (-1); None: there is none."""
        with self._lock:
            return self._played.history.step(row, by)

    def gaps(self) -> Gaps | None:
        """Quantiles of the time between the newest values."""
        return arrival_gaps(self.newest(RECENT_ROWS).rows)

    def now_ns(self) -> int:
        """The recorded time at the playhead."""
        with self._lock:
            return self._now_ns()

    @contextmanager
    def chart_frame(self) -> Iterator[ChartFrame]:
        """What a chart needs; the player stands still while the caller copies from it."""
        with self._lock:
            yield ChartFrame(
                end_ns=self._now_ns(),
                lines=[Line(self.schema.number_name, self._played.series)],
                marks=self._played.marks,
                moving=self._state(self._clock()) is State.PLAYING,
            )

    def _state(self, now_ns: int) -> State:
        if self._error:
            return State.ENDED
        if not self._head.playing:
            return State.PAUSED
        if not self._at_end:
            return State.PLAYING
        growing = self._grown_ns is not None and now_ns - self._grown_ns < GROWING_NS
        return State.PLAYING if growing else State.ENDED

    def _status(self) -> Status | None:
        call = self._played.place.call
        return None if call is None or call.cancelled else call.status

    def _now_ns(self) -> int:
        # What was taken in was there at its time, whatever the clock says.
        if self._at_end or self._goal is not None:
            return self._played.time_ns
        return max(self._head.at(self._clock()), self._played.time_ns)

    def _go(self, goal: Goal) -> None:
        self._goal, self._error = goal, ""
        self._poke()

    def _poke(self) -> None:
        """Lets the thread look at what is wanted now."""
        self._asked += 1
        self._wake.notify_all()

    # What the thread does.

    def _run(self) -> None:
        while not self._closed:
            asked = self._asked
            try:
                goal = self._goal
                wait_s = self._play() if goal is None else self._reach(goal)
            except RecordingError as error:
                wait_s = self._fail(str(error))
            except Exception as error:
                # Whoever looks on is told, and can go elsewhere in the file.
                wait_s = self._fail(f"this is a bug of ours: {type(error).__name__}: {error}")
            with self._wake:
                if not self._closed and self._asked == asked and wait_s > 0:
                    self._wake.wait(None if wait_s == inf else min(wait_s, POLL_S))

    def _fail(self, error: str) -> float:
        with self._lock:
            self._error, self._goal = error, None
            self._ahead.clear()
        return inf

    def _play(self) -> float:
        """Takes in what is due; returns in how many seconds more may be, infinite: never."""
        with self._lock:
            now_ns, head, follows = self._clock(), self._head, self._at_end
            if not head.playing or self._error:
                return inf
            # What comes to a file that was read to its end comes now.
            due_ns = inf if head.at_once or follows else head.at(now_ns)
        if not self._look_ahead():
            self._meet_end()
            return POLL_S
        ahead = list(islice(self._ahead, BATCH))
        count = next((at for at, one in enumerate(ahead) if one.time_ns > due_ns), len(ahead))
        with self._lock:
            if self._goal is not None:
                return 0.0
            self._take(self._played, count)
            now_ns = self._clock()
            if follows:
                self._grown_ns, self._at_end = now_ns, not self._ahead
            if head.at_once or follows:
                head.move(self._played.time_ns, now_ns)
            if count < len(ahead):
                return head.wait_s(ahead[count].time_ns, now_ns)
        time.sleep(BREATH_S)
        return 0.0

    def _look_ahead(self) -> bool:
        """Reads on where nothing is read; returns whether there is something."""
        if not self._ahead:
            self._ahead.extend(self._reel.read(self._played.offset, BATCH))
        return bool(self._ahead)

    def _meet_end(self) -> None:
        with self._lock:
            if self._goal is None:
                self._at_end = True
                self._head.move(self._played.time_ns, self._clock())

    def _take(self, played: Played, count: int) -> None:
        """Moves the next entries from what is read ahead to what was played."""
        if not count:
            return
        steps = [self._ahead.popleft() for _ in range(count)]
        played.apply(steps)
        self._places.note(played)

    def _reach(self, goal: Goal) -> float:
        """Goes there, or as far as there is something; returns 0.0."""
        near = self._places.before(goal)
        played = self._places.beginning(goal, self._played)
        in_sight = played is self._played
        if not in_sight:
            self._ahead.clear()
        reached = False
        while not reached and not self._closed and self._goal is goal:
            if not self._ahead:
                self._ahead.extend(self._reel.read(played.offset, BATCH))
            if not self._ahead:
                break
            steps: list[Step] = list(self._ahead)
            if played.offset < near.offset:
                # It is stopped there, to go back to that without building it again.
                count, reached = bisect_right(steps, near.offset, key=lambda one: one.end), False
                count = max(count, 1)
            else:
                if not in_sight and played.offset == near.offset:
                    self._places.keep(played)
                count, reached = goal.reach(steps, played.place)
            if in_sight:
                with self._lock:
                    self._take(played, count)
            else:
                self._take(played, count)
            time.sleep(BREATH_S)
        with self._lock:
            if self._goal is not goal:
                if not in_sight:
                    self._ahead.clear()
                return 0.0
            self._played, self._goal = played, None
            now_ns = self._clock()
            self._head.move(played.time_ns, now_ns)
            self._at_end = not reached
            self._grown_ns = None
            if self._at_end or goal.plays:
                self._head.play(now_ns)
        return 0.0
