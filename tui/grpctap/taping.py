"""What a tap tells its recorder, while there is one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from grpctap.core.facts import CallFacts, Calls, Sent
from grpctap.core.history import History
from grpctap.core.secrets import Metadata
from grpctap.core.state import Command
from grpctap.snapshot import RecordingState

if TYPE_CHECKING:
    from grpctap.core.recording import Header
    from grpctap.recorder import Recorder

DISK_PATIENCE_S = 2.0
"""How long whoever leaves waits for a disk that does nothing, in seconds."""
# And for one that is only slow.
_SLOW_DISK_S = 10.0
_LOOK_S = 0.05
# Calls that were asked for, of which few are made where somebody presses keys fast.
_MOST_ASKED = 10


class Taping:
    """Tells a recorder of a stream, and nobody while nothing is recorded.

    What it is told, it is told with the tap's lock held.

    Args:
        header: Makes what a recording says first; None: nothing can be recorded.
        history: What is kept of the stream.
        calls: What is known of its calls.
        sent: What goes out with them.
        changed: Called, on another thread, when a recording has ended.
    """

    def __init__(
        self,
        header: Callable[[], Header] | None,
        history: History,
        calls: Calls,
        sent: Sent,
        changed: Callable[[], None],
    ) -> None:
        self._header = header
        self._history = history
        self._calls = calls
        self._sent = sent
        self._changed = changed
        self._recorder: Recorder | None = None
        self._all: list[Recorder] = []
        self._asked: dict[int, tuple[bytes, float | None]] = {}

    @property
    def can_start(self) -> bool:
        """Whether a recording could be begun."""
        return self._header is not None

    @property
    def state(self) -> RecordingState | None:
        """How the newest recording stands; None: there was none."""
        return self._all[-1].state if self._all else None

    @property
    def states(self) -> list[RecordingState]:
        """How all recordings stand, in the order in which they were begun."""
        return [recorder.state for recorder in self._all]

    def start(self, path: str, now_ns: int) -> None:
        """Begins a recording with what is kept, unless one goes on.

        Raises:
            OSError: the file cannot be made, or is there already.
            HeaderError: the types of the method are too large for a recording.
        """
        if self._header is None or (self.state is not None and self.state.is_on):
            return
        # Needed by few, and slow to import.
        from grpctap.core.encoder import Kept
        from grpctap.recorder import Recorder

        header = replace(self._header(), started_ns=now_ns, values_before=self._history.evicted)
        self._recorder = recorder = Recorder(path, header, self._changed)
        self._all.append(recorder)
        self._history.on_seam = recorder.seam
        newest = self._calls.newest
        if newest is not None or self._history.end:
            calls = [*self._calls.past, newest] if newest is not None else []
            history = self._history
            requests = tuple((call_id, asked[0]) for call_id, asked in self._asked.items())
            recorder.put(
                Kept(history.newest(), history.calls, calls, self._sent.metadata, requests)
            )

    def finish(self) -> None:
        """Ends the recording, if there is one, without waiting for the disk."""
        if self._recorder is not None:
            self._recorder.finish()
            self._recorder = None
            self._history.on_seam = None

    def close(self) -> None:
        """Ends the recording, and waits for all of it to be written, unless the disk hangs."""
        recorders = [recorder for recorder in self._all if recorder.is_awaited]
        for recorder in recorders:
            recorder.finish()
        begun_s = moved_s = time.monotonic()
        written = 0
        while awaited := [recorder for recorder in recorders if not recorder.join(0)]:
            now_s, before = time.monotonic(), written
            written = sum(recorder.state.bytes for recorder in recorders)
            if written != before:
                moved_s = now_s
            if now_s - moved_s >= DISK_PATIENCE_S or now_s - begun_s >= _SLOW_DISK_S:
                break
            awaited[0].join(_LOOK_S)
        for recorder in awaited:
            recorder.give_up(time.monotonic() - begun_s)

    def release(self) -> None:
        """Lets nobody wait for the disk any more."""
        for recorder in self._all:
            recorder.release()

    def wait_for_room(self) -> None:
        """Waits while the disk is slower than the stream."""
        recorder = self._recorder
        if recorder is not None:
            recorder.wait_for_room()

    def asked(self, call_id: int, request: bytes, timeout_s: float | None) -> None:
        """A call is to be made; it may come to nothing, or be made after the next was asked for."""
        self._asked[call_id] = request, timeout_s
        while len(self._asked) > _MOST_ASKED:
            del self._asked[min(self._asked)]

    def opened(self, call_id: int, now_ns: int) -> None:
        """A call begins."""
        for before in [asked for asked in self._asked if asked < call_id]:
            del self._asked[before]
        if self._recorder is not None:
            request, timeout_s = self._asked.get(call_id, (None, None))
            self._recorder.opened(call_id, now_ns, self._sent.metadata, request, timeout_s)

    def headers(self, call_id: int, metadata: Metadata, now_ns: int) -> None:
        """The initial metadata of a call is known."""
        if self._recorder is not None:
            self._recorder.headers(call_id, now_ns, metadata)

    def run(self, call_id: int, times: list[int], raws: list[bytes]) -> None:
        """Values have come that go on from the last one."""
        if self._recorder is not None:
            self._recorder.messages(call_id, times, raws)

    def message(self, call_id: int, now_ns: int, raw: bytes, *, dropped: bool = False) -> None:
        """A message has come; `dropped` says that it went no further."""
        if self._recorder is None:
            return
        if dropped:
            self._recorder.dropped(call_id, now_ns, raw)
        else:
            self._recorder.messages(call_id, [now_ns], [raw])

    def ended(self, call: CallFacts) -> None:
        """A call ended."""
        if self._recorder is not None:
            self._recorder.ended(call)

    def commanded(self, command: Command, now_ns: int) -> None:
        """A person asked for something."""
        if self._recorder is not None:
            self._recorder.commanded(command, now_ns)
