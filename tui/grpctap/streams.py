"""The streams that are watched at a time, and their end."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from grpctap.config import Config
from grpctap.core.state import State
from grpctap.snapshot import RecordingState, Snapshot
from grpctap.stream import Stream

PATIENCE_S = 20.0
"""So long the end waits for streams that were left before, in seconds: longer than each takes."""
FAILED_CALL = 64


@dataclass(frozen=True, slots=True)
class Ended:
    """A stream, how it stood at the end, and whether it had been left before."""

    stream: Stream
    last: Snapshot
    left_before: bool

    @property
    def exit_code(self) -> int:
        """64 and the status code of a call that failed; 0 of any other."""
        failed = self.last.state is State.FAILED and not self.left_before
        return FAILED_CALL + self.last.status.code if failed and self.last.status else 0


class Streams:
    """Keeps the streams that are watched, in the order in which they were opened.

    Of those that were left it keeps the last one, and that only while no other is watched: a
    stream holds all that it has received.
    """

    def __init__(self) -> None:
        self._open: list[Stream] = []
        self._left: Stream | None = None
        self._leaving: list[threading.Thread] = []
        self._recorded: list[tuple[Config, RecordingState]] = []

    def add(self, stream: Stream) -> Stream:
        """Keeps a stream that is to be watched; returns it."""
        self._open.append(stream)
        self._left = None
        return stream

    @property
    def last(self) -> Stream | None:
        """The stream that was opened last of those that are watched; else the one left last."""
        return self._open[-1] if self._open else self._left

    def leave(self, stream: Stream) -> None:
        """Cancels the call of a stream that is watched no longer."""
        if stream not in self._open:
            return
        self._open.remove(stream)
        self._left = None if self._open else stream
        # A connection that hangs must not hold the screen.
        thread = threading.Thread(target=self._close, args=(stream,), daemon=True)
        thread.start()
        self._leaving = [other for other in self._leaving if other.is_alive()] + [thread]

    def _close(self, stream: Stream) -> None:
        stream.close()
        self._recorded += [(stream.config, state) for state in stream.tap.recordings]

    def recorded_before(self, ends: list[Ended]) -> list[tuple[Config, RecordingState]]:
        """The recordings of streams that were left, but for those that are among these."""
        told = [end.stream.config for end in ends]
        return [pair for pair in self._recorded if all(pair[0] is not each for each in told)]

    def close(self) -> list[Ended]:
        """Cancels all calls at once; says how those stood that were watched, or the last one."""
        streams = list(self._open) or ([self._left] if self._left else [])
        left = [stream.is_closed for stream in streams]
        threads = [threading.Thread(target=stream.close, daemon=True) for stream in streams]
        for thread in threads:
            thread.start()
        for thread in (*threads, *self._leaving):
            thread.join(PATIENCE_S)
        return [
            Ended(stream, stream.close(), was_left)
            for stream, was_left in zip(streams, left, strict=True)
        ]
