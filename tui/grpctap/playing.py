"""The thread that plays a recording."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from itertools import islice
from math import inf

from grpctap.core.facts import Sent
from grpctap.core.goal import Goal
from grpctap.core.history import MAX_BYTES
from grpctap.core.message import Schema
from grpctap.core.places import Places
from grpctap.core.played import Place, Played
from grpctap.core.playhead import Playhead
from grpctap.core.step import Step
from grpctap.looking import Looking
from grpctap.recording import RecordingError
from grpctap.reel import Reel

BATCH = 512
"""Entries that are taken in at once, at most."""
BREATH_S = 0.001
"""So long the views have the processor to themselves after each batch, in seconds."""
POLL_S = 0.2
"""How often the end of a file is looked at for more, in seconds."""


class Playing(Looking):
    """Reads a recording, and takes in what is due, or what leads to where somebody wants to be.

    What was played is kept as a tap would keep it; to go back is to build it anew from the last
    place before which nothing could be seen. It is changed in small batches, each under the one
    lock, by which a subclass looks at it.

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
        super().__init__(schema, capacity)
        self._sent = sent or Sent()
        self._reel = reel
        self._clock = clock
        self._ahead: deque[Step] = deque(reel.read(reel.start, BATCH))
        first_ns = next((step.time_ns for step in self._ahead if step.time_ns), started_ns)
        kept_ns = next((step.time_ns for step in self._ahead if step.is_value), first_ns)
        if kept_ns < started_ns:
            # It was begun late, with what was kept; its call may have been opened long before.
            first_ns = kept_ns
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

    def _go(self, goal: Goal) -> None:
        self._goal, self._error = goal, ""
        self._poke()

    def _poke(self) -> None:
        """Lets the thread look at what is wanted now."""
        self._asked += 1
        self._wake.notify_all()

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
            # Whoever wanted the last message stands on it, though more may come.
            self._at_end = not (reached or goal.is_met(played.place))
            self._grown_ns = None
            if self._at_end or goal.plays:
                self._head.play(now_ns)
        return 0.0
