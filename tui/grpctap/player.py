"""A player: one recorded stream, played by its thread and looked at by the views."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from grpctap.core.facts import CallFacts, Sent
from grpctap.core.goal import Goal
from grpctap.core.history import History
from grpctap.core.playhead import next_speed
from grpctap.core.seams import Interruption
from grpctap.core.series import ChartFrame, Line
from grpctap.core.state import Command, State
from grpctap.core.status import Status
from grpctap.playing import Playing
from grpctap.reel import Tail
from grpctap.snapshot import RecordingState, Snapshot

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


class Player(Playing):
    """Plays a recording: a stream to look at, in which one can go back and forth.

    Its thread takes the entries in; any thread looks. It is made as `Playing` is.
    """

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
    def resume_token(self) -> bytes:
        """Empty: what is over goes on nowhere."""
        return b""

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
                reconnects=place.reconnects,
            )

    def facts(self) -> CallFacts | None:
        """What is known of the newest call; None before the first."""
        with self._lock:
            return self._played.place.call

    def interruptions(self) -> list[Interruption]:
        """The newest interruptions, in order, as far as they are known."""
        with self._lock:
            return list(self._played.place.interruptions)

    def now_ns(self) -> int:
        """The recorded time at the playhead."""
        with self._lock:
            return self._now_ns()

    @contextmanager
    def _history(self) -> Iterator[History]:
        with self._lock:
            yield self._played.history

    @contextmanager
    def _own_frame(self) -> Iterator[ChartFrame]:
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
