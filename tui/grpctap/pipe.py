"""Outputs that others read: written whole, and watched for a reader that goes away."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

BROKEN_PIPE = 141
"""The exit code when nobody reads the output any more."""


def write_all(output: int, raw: bytes) -> None:
    """Writes all of it to a file descriptor, however little it takes at a time.

    It goes past Python's buffer, whose lock a reader that stalls would hold beyond our end.

    Raises:
        OSError: nothing more can be written; of a reader that has gone, BrokenPipeError.
    """
    while raw:
        try:
            raw = raw[os.write(output, raw) :]
        except BlockingIOError:
            # Whoever shares the descriptor may have made it so.
            select.select([], [output], [])


class Watch:
    """Watches an output from a thread of its own, and acts once when its reader has gone away.

    A pipe is watched until its last reader has closed it, a terminal until it hangs up. A file has
    no reader, so nothing ever comes of watching one.
    """

    def __init__(self, output: int, gone: Callable[[], None]) -> None:
        """Prepares to watch.

        Args:
            output: A file descriptor, which must stay open while it is watched.
            gone: What to do, on the watching thread, when the reader has gone away.
        """
        self.gone = False
        """Whether the reader has gone away."""
        self._output = output
        self._act = gone
        self._thread = threading.Thread(target=self._run, name="grpctap-pipe", daemon=True)

    def __enter__(self) -> Self:
        """Begins to watch."""
        self._waker, self._wake = os.pipe()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Watches no more; returns when the thread has ended."""
        os.close(self._wake)
        self._thread.join()
        os.close(self._waker)

    def _run(self) -> None:
        poll = select.poll()
        # To ask for nothing is to be told of errors and of the other end's end alone.
        poll.register(self._output, 0)
        poll.register(self._waker, 0)
        found = [descriptor for descriptor, _ in poll.poll()]
        if self._waker not in found:
            self.gone = True
            self._act()
