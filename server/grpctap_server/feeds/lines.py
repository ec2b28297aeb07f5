"""Each line of what a program says, or of a file that grows, is a value."""

from __future__ import annotations

import asyncio
import math
import secrets
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from grpctap_server.feeds.base import Bounds, Feed, Item
from grpctap_server.feeds.keptlines import KeptLines
from grpctap_server.feeds.splitting import LineSplitter

if TYPE_CHECKING:
    from grpctap_server.feeds.linesource import Say, Source

MOST_BYTES = 256 << 20
"""How much memory the lines may take that are kept, in bytes."""

# A call makes text of no more than this at a time, or of one line.
_READ_BYTES = 1 << 16
_LONGEST_NUMBER = 64


def number_in(text: str, column: int | None) -> float | None:
    """Tell the number that a line is, or that it has in a column.

    Args:
        text: The line.
        column: Which of its columns, from 1, as white space parts them; None: the whole line.

    Returns:
        A finite number; None when there is none.
    """
    if column is not None:
        columns = text.split(maxsplit=column)
        text = columns[column - 1] if len(columns) >= column else ""
    # Python takes an underscore between two digits, and digits of all scripts.
    if len(text) > _LONGEST_NUMBER or not text.isascii() or "_" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class LinesLog:
    """The lines that are kept; all calls share it.

    Lines are added by any one thread, all else happens on the event loop.

    Args:
        retain: How many of the newest lines are kept at most.
        column: Where a line has its number, as `number_in` takes it.
    """

    def __init__(self, retain: int, column: int | None = None) -> None:
        # Nobody can tell what a program said before, so each process begins a log of its own.
        self.stream_id = f"lines-{secrets.token_hex(8)}"
        self.start = time.time_ns()
        self._column = column
        self._kept = KeptLines(retain, MOST_BYTES)
        self._ended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._waking = False

    def bounds(self) -> Bounds:
        """Tell what the log holds now."""
        # In this order, since nothing is added after the end.
        ended = self._ended
        first, newest = self._kept.span()
        return Bounds(first, newest, newest if ended else None, newest)

    def read(self, after: int, limit: int) -> list[Item]:
        """Read at most `limit` lines that are there now, strictly after the sequence `after`."""
        items = []
        for sequence, line, moment in self._kept.read(after, limit, _READ_BYTES):
            text = line.decode(errors="replace")
            items.append(Item(sequence, text, moment, number_in(text, self._column)))
        return items

    async def wait(self, after: int) -> None:
        """Return once there is a line after the sequence `after`, or there will be none."""
        # Before anything is looked at: from here on whoever adds a line wakes this loop.
        self._loop = asyncio.get_running_loop()
        while True:
            news = self._news
            if self._kept.newest > after or self._ended:
                return
            await news.wait()

    def append(self, lines: list[bytes]) -> None:
        """Add lines that came just now; from one thread."""
        self._kept.append(lines, time.time_ns())
        self._announce()

    def end(self) -> None:
        """Say that there will be no more lines; from the thread that adds them."""
        self._ended = True
        self._announce()

    def _announce(self) -> None:
        # One call on the loop for all that comes until it is made.
        if self._loop is not None and not self._waking:
            self._waking = True
            # The loop is closed when the server ended first.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._news.set()
        self._news = asyncio.Event()


class LinesFeed(Feed):
    """Shows all callers the same lines; `data` only goes in front of them.

    Args:
        source: Where the lines come from.
        retain: How many of the newest lines are kept at most.
        tail: With how many of them a fresh call begins; after the end with all.
        column: Where a line has its number, as `number_in` takes it.
        say: Gets told when the input ends.
    """

    def __init__(
        self, source: Source, retain: int, tail: int, column: int | None, say: Say
    ) -> None:
        self._source = source
        self._retain = retain
        self._tail = tail
        self._say = say
        self._log = LinesLog(retain, column)

    @property
    def description(self) -> str:
        """What the ready line says about the feed."""
        return f"feed lines of {self._source.name}, the newest {self._retain} are kept"

    async def run(self) -> None:
        """Read until the input ends.

        Raises:
            FeedError: If it cannot be read.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        stop = threading.Event()

        def end(error: BaseException | None) -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def work() -> None:
            error: BaseException | None = None
            try:
                self._read(stop)
            except BaseException as caught:  # the loop raises it
                error = caught
            # The loop is closed when the server ended first.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(end, error)

        # Nothing can interrupt a read of standard input, so the process must not wait for it.
        threading.Thread(target=work, name="lines", daemon=True).start()
        try:
            await done
        finally:
            stop.set()
        newest = self._log.bounds().newest
        self._say(f"the input has ended after {newest} lines; they are served until a signal")

    def open(self, data: str) -> tuple[LinesLog, int]:  # noqa: ARG002 - there is but one log
        """Open the log, and begin with its last lines; after the end with all that are kept."""
        bounds = self._log.bounds()
        if bounds.final is not None:
            return self._log, bounds.first - 1
        return self._log, max(bounds.first - 1, bounds.newest - self._tail)

    def reopen(self, data: str, start: int) -> LinesLog:  # noqa: ARG002 - there is but one log
        """Open the log; a token that names another start is of another log."""
        return self._log

    def _read(self, stop: threading.Event) -> None:
        splitter = LineSplitter()
        for chunk in self._source.chunks(stop):
            lines = splitter.finish() if chunk is None else splitter.feed(chunk)
            if lines:
                self._log.append(lines)
        if stop.is_set():
            return
        if lines := splitter.finish():
            self._log.append(lines)
        self._log.end()
