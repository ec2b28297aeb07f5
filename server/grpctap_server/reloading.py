"""Files that may change while the server runs: looked at once a second, and read anew."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from grpctap_server.logs import log

LOOK_S = 1.0
"""How often files are looked at, in seconds."""

_Marks = tuple[tuple[int, int, int] | None, ...]


class Reloader:
    """Reads something anew when one of its files has changed; what is unusable changes nothing.

    What could not be used is tried again at each look: a file that may be read at last, or for
    which there is a file descriptor again, does not look changed.

    Args:
        what: What the log calls it.
        files: What it is made of.
        load: Reads them, on a thread; raises ValueError if they cannot be used.
        loaded: What is to be done after that, on the event loop.
    """

    def __init__(
        self,
        what: str,
        files: Sequence[Path],
        load: Callable[[], None],
        loaded: Callable[[], None] = lambda: None,
    ) -> None:
        self._what = what
        self._files = files
        self._load = load
        self._loaded = loaded
        self._marks = self._look()
        self._told = ""
        # It may have changed between when it was first read and now.
        self._read()

    async def run(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                marks = await asyncio.to_thread(self._look)
                if marks == self._marks and not self._told:
                    continue
                changed = marks != self._marks
                # Taken before the files are read: a change in between is seen at the next look.
                self._marks = marks
                if await asyncio.to_thread(self._read, changed=changed):
                    self._loaded()
            except RuntimeError as error:
                # There may be a thread again at the next look; who gave up would keep what is
                # withdrawn.
                self._tell(str(error))

    def _read(self, *, changed: bool = True) -> bool:
        try:
            self._load()
        except ValueError as error:
            self._tell(str(error), again=changed)
            return False
        self._told = ""
        return True

    def _tell(self, error: str, *, again: bool = False) -> None:
        """Log an error, once until it is another one or the files have changed."""
        if again or error != self._told:
            log(logging.ERROR, "reload", of=self._what, kept="the former", error=error)
        self._told = error or "unknown"

    def _look(self) -> _Marks:
        return tuple(_mark(path) for path in self._files)


def read_file(path: Path, limit: int) -> bytes:
    """Read a file of at most so many bytes.

    Raises:
        ValueError: If it cannot be read, or is too large; the message says why.
    """
    try:
        # A pipe can be read once only, and would keep who reads it again waiting for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is no regular file")
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise ValueError((error.strerror or str(error)).lower()) from None
    if len(raw) > limit:
        raise ValueError("it is too large")
    return raw


def warn_if_exposed(path: Path) -> None:
    """Log a warning if others than the file's owner and group may read it."""
    try:
        exposed = path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)
    except OSError:
        return
    if exposed:
        log(logging.WARNING, "exposed", file=path, advice="anybody here may read it; chmod 600 it")


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Tell the state of a file by its change, size and number; None: it cannot be looked at."""
    try:
        found = os.stat(path)  # noqa: PTH116 - on a thread, and once for all three
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
