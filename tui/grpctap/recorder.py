"""The recorder: writes what happens to a stream into a file, on a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from grpctap.core.encoder import Batch, Encoder, Item, end_of
from grpctap.core.facts import CallFacts
from grpctap.core.recording import (
    Commanded,
    Header,
    Headers,
    Opened,
    Received,
    Requested,
    SeamAt,
)
from grpctap.core.seams import Seam
from grpctap.core.secrets import Metadata
from grpctap.core.state import Command
from grpctap.pipe import write_all
from grpctap.snapshot import RecordingState

GATHER_S = 0.05
"""How long what happens may wait for more before it is written, in seconds."""
_ENOUGH = 512 * 1024
# Whoever reads the stream waits while more bytes than this wait for the disk.
_MOST_WAITING = 16 * 1024 * 1024
# About what an item takes in memory besides its messages.
_SIZE_OF_ITEM = 200
_ROOM_CHECK_S = 0.1


class Recorder:
    """A file that is being recorded; nothing in it is ever changed, only added to.

    What happens it is told in order, by one thread at a time, which never waits for it. It is in
    the hands of the operating system a moment later, so that it outlives the program. A disk that
    takes no more ends the recording, and nothing else.

    Args:
        path: The file to be made.
        header: What it says first.
        changed: Called, on the recorder's thread, when the recording has ended or failed.

    Raises:
        OSError: the file cannot be made, or is there already.
        HeaderError: the header is too large.
    """

    def __init__(self, path: str, header: Header, changed: Callable[[], None]) -> None:
        self._encoder = Encoder(header)
        first = self._encoder.header()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._path = path
        self._file = os.open(path, flags, 0o600)
        self._changed = changed
        self._items: list[Item] = []
        self._put = self._taken = self._written = 0
        self._error = ""
        self._ended = False
        self._finishing = self._released = self._is_written = False
        self._wake, self._hurry, self._room = (threading.Event() for _ in range(3))
        self._thread = threading.Thread(
            target=self._run, args=(first,), name="grpctap-recorder", daemon=True
        )
        self._thread.start()

    @property
    def state(self) -> RecordingState:
        """How it stands."""
        return RecordingState(
            self._path, self._written, self._error, not (self._ended or self._finishing)
        )

    def messages(self, call_id: int, times: list[int], raws: list[bytes]) -> None:
        """Messages of one call have come; `times` in nanoseconds since the epoch."""
        self.put(Batch(call_id, times, raws), sum(map(len, raws)))

    def dropped(self, call_id: int, time_ns: int, raw: bytes) -> None:
        """A message has come again."""
        self.put(Received(time_ns, raw, call_id, True, len(raw)), len(raw))

    def opened(
        self,
        call_id: int,
        time_ns: int,
        metadata: Metadata,
        request: bytes | None,
        timeout_s: float | None,
    ) -> None:
        """A call was made, with this request; None: nobody knows which."""
        timeout_ns = None if timeout_s is None else round(timeout_s * 1e9)
        self.put(Opened(time_ns, call_id, metadata, timeout_ns))
        if request is not None:
            self.put(Requested(time_ns, call_id, request), len(request))

    def headers(self, call_id: int, time_ns: int, metadata: Metadata) -> None:
        """The initial metadata of a call is known."""
        self.put(Headers(time_ns, call_id, metadata))

    def ended(self, call: CallFacts) -> None:
        """A call ended."""
        for item in end_of(call):
            self.put(item)

    def commanded(self, command: Command, time_ns: int) -> None:
        """A person asked for something."""
        self.put(Commanded(time_ns, command))

    def seam(self, number: int, seam: Seam) -> None:
        """A seam was added or amended."""
        self.put(SeamAt(number, seam))

    def put(self, item: Item, size: int = 0) -> None:
        """Takes what has happened; `size` is how many bytes of messages it holds."""
        if self._ended or self._finishing:
            return
        self._put += size + _SIZE_OF_ITEM
        self._items.append(item)
        if not self._wake.is_set():
            self._wake.set()
        if self._put - self._taken > _ENOUGH:
            self._hurry.set()

    def release(self) -> None:
        """Lets nobody wait for room any more."""
        self._released = True
        self._room.set()

    def wait_for_room(self) -> None:
        """Waits while the disk is slower than the stream; at once when the recording ends."""
        while self._is_full():
            self._room.clear()
            if self._is_full():
                self._room.wait(_ROOM_CHECK_S)

    def finish(self) -> None:
        """Ends the recording when all that was put is written; does not wait for that."""
        self._finishing = True
        self._wake.set()
        self._hurry.set()
        self._room.set()

    def join(self, patience_s: float) -> bool:
        """Waits up to so many seconds for the end; returns whether it came, and all is written."""
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    @property
    def is_awaited(self) -> bool:
        """Whether its end has not come, and nobody gave it up."""
        return self._thread.is_alive() and not self._error

    def give_up(self, waited_s: float) -> None:
        """Says what may be missing where the end has not come in so many seconds."""
        if not self.is_awaited:
            return
        if self._is_written:
            # What was written outlives the program, but not the machine.
            self._error = (
                f"the disk did not confirm in {waited_s:.1f} s that it has all of it, so the end "
                "may be missing should the machine go down"
            )
        else:
            self._error = (
                f"the disk did not take all of it in {waited_s:.1f} s, so about "
                f"{self._put - self._taken:,} bytes that came last may be missing"
            )

    def _is_full(self) -> bool:
        waiting = self._put - self._taken
        return waiting > _MOST_WAITING and not (self._ended or self._finishing or self._released)

    def _run(self, first: bytes) -> None:
        try:
            self._write(first)
            while True:
                # Before a look at what is there: whatever is put after it sets them again.
                self._wake.clear()
                self._hurry.clear()
                last = self._finishing
                self._drain()
                if last:
                    break
                self._wake.wait()
                self._hurry.wait(GATHER_S)
            self._is_written = True
            os.fsync(self._file)
        except OSError as error:
            self._error = error.strerror or str(error)
        except Exception as error:
            # Whatever it is, the stream goes on, and somebody is told.
            self._error = f"{type(error).__name__}: {error}"
        finally:
            with suppress(OSError):
                os.close(self._file)
            self._ended = True
            self._items.clear()
            self._room.set()
            self._changed()

    def _drain(self) -> None:
        put = self._put
        items = self._items[:]
        del self._items[: len(items)]
        for frames in self._encoder.frames(items):
            self._write(frames)
        self._taken = put
        self._room.set()

    def _write(self, raw: bytes) -> None:
        write_all(self._file, raw)
        self._written += len(raw)
