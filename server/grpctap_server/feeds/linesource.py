"""Where lines come from: standard input, or a file that grows, is rotated and truncated."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Protocol

from grpctap_server.feeds.base import FeedError

_STDIN = 0
_CHUNK = 1 << 18
# How often a file is looked at that has nothing new, in seconds.
_LOOK_S = 0.1
# A program that has not yet noticed that its file was renamed goes on writing to it: a file is left
# for the new one of its name when it was quiet for so long.
_QUIET_S = 1.0
# If it never is, it is left after so many times that.
_QUIETS = 10
# By these last bytes before the place in a file is it known to be the one that was read.
_MARK_BYTES = 1024
_ABSENT = (errno.ENOENT, errno.ENOTDIR)

Say = Callable[[str], None]
"""Takes what the person who runs the server should know, one line of text."""


class Source(Protocol):
    """What lines are read from, by a thread of its own."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def chunks(self, stop: threading.Event) -> Iterator[bytes | None]:
        """Read until the end, or until `stop` is set.

        Yields:
            Bytes as they come; None where a line ends although no newline says so.

        Raises:
            FeedError: If it cannot be read.
        """


class StandardInput:
    """The standard input of this process."""

    name = "standard input"

    def chunks(self, stop: threading.Event) -> Iterator[bytes]:
        """Read until it ends; a read that waits does not notice `stop`."""
        while not stop.is_set():
            try:
                chunk = os.read(_STDIN, _CHUNK)
            except OSError as error:
                raise _unreadable(self.name, error) from None
            if not chunk:
                return
            yield chunk


class GrowingFile:
    """A file by its name, followed as `tail -F` does it.

    What it has at the start counts too, but no more of it than the last `most_bytes`. It need not
    be there yet. It may be renamed or deleted and made again: the old one is read to its end first.
    It may be truncated, and is then read from its start.

    Args:
        path: Its name.
        most_bytes: How much is read at most of what is there at the start.
        say: Gets told when there is no file to read, and when it is another one.
        quiet: How long a file that was replaced is still read after its last line, in seconds.

    Raises:
        FeedError: If there is something by this name that cannot be read as a file.
    """

    def __init__(self, path: Path, most_bytes: int, say: Say, quiet: float = _QUIET_S) -> None:
        self._path = path
        self._say = say
        self._quiet = quiet
        self._said = ""
        self._mark = b""
        self._place = 0
        self._fd = self._open(wait_for_access=False)
        self._skipping = False
        if self._fd is not None:
            self._place = max(0, os.fstat(self._fd).st_size - most_bytes)
            # One byte less, so that a line which begins there is not skipped.
            self._skipping = self._place > 0
            self._place -= self._skipping

    @property
    def name(self) -> str:
        """What messages call it."""
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(self._path))

    def chunks(self, stop: threading.Event) -> Generator[bytes | None]:
        """Read until `stop` is set: a file has no end."""
        try:
            while not stop.is_set():
                if self._fd is None:
                    self._fd = self._open(wait_for_access=True)
                    if self._fd is None:
                        stop.wait(_LOOK_S)
                        continue
                yield from self._read_one(self._fd, stop)
                yield None
        except OSError as error:
            raise _unreadable(self.name, error) from None
        finally:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None

    def _read_one(self, fd: int, stop: threading.Event) -> Iterator[bytes | None]:
        """Read one file until there is another one of its name."""
        following: int | None = None
        seen = last = time.monotonic()
        try:
            while not stop.is_set():
                # What was read before is read again, since no file says that it was truncated.
                mark = self._mark
                data = os.pread(fd, len(mark) + _CHUNK, self._place - len(mark))
                if not data.startswith(mark) or (self._place and not data):
                    self._say(f"{self.name} was truncated, and is read from its start")
                    self._begin(fd)
                    yield None
                    continue
                if chunk := data[len(mark) :]:
                    last = time.monotonic()
                    yield from self._took(chunk)
                    # What never rests must not keep the next file waiting for ever.
                    if following is None or last - seen < self._quiet * _QUIETS:
                        continue
                now = time.monotonic()
                if following is None and (following := self._open_other(fd)) is not None:
                    seen = now
                rested = max(now - max(last, seen), (now - seen) / _QUIETS) >= self._quiet
                if following is not None and rested:
                    self._say(f"{self.name} is another file now, and read from its start")
                    os.close(fd)
                    self._begin(following)
                    following = None
                    return
                stop.wait(_LOOK_S)
        finally:
            if following is not None:
                os.close(following)

    def _took(self, chunk: bytes) -> Iterator[bytes]:
        self._place += len(chunk)
        self._mark = (self._mark + chunk)[-_MARK_BYTES:]
        if self._skipping:
            _, newline, chunk = chunk.partition(b"\n")
            self._skipping = not newline
        if chunk:
            yield chunk

    def _open_other(self, fd: int) -> int | None:
        """Open the file of this name if it is not the one that is open; it is held from then on."""
        try:
            if os.path.samestat(self._path.stat(), os.fstat(fd)):
                return None
        except OSError:
            return None
        other = self._open(wait_for_access=True)
        if other is not None and os.path.samestat(os.fstat(other), os.fstat(fd)):
            os.close(other)
            return None
        return other

    def _begin(self, fd: int) -> None:
        self._fd = fd
        self._place = 0
        self._mark = b""
        self._skipping = False

    def _open(self, *, wait_for_access: bool) -> int | None:
        """Open the file; None when it is not there, or may be read later on."""
        try:
            # Without O_NONBLOCK a named pipe would wait here for somebody who writes.
            fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in _ABSENT and not wait_for_access:
                raise _unreadable(self.name, error) from None
            self._say_once(f"waiting for {self.name}: {_reason(error)}")
            return None
        if stat.S_ISREG(os.fstat(fd).st_mode):
            if self._said:
                self._say_once(f"reading {self.name}")
                self._said = ""
            return fd
        os.close(fd)
        if not wait_for_access:
            raise FeedError(
                f"{self.name} is not a regular file; name another one, or use standard input"
            )
        self._say_once(f"waiting for {self.name}: it is not a regular file")
        return None

    def _say_once(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._say(text)


def _unreadable(name: str, error: OSError) -> FeedError:
    return FeedError(f"cannot read {name}: {_reason(error)}")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
