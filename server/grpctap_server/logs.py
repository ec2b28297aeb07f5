"""The server's log: lines of key=value (logfmt) on standard error, which no storm can stop.

Whatever clients send may stand in a line, so each value is quoted and escaped where it must be.
A line is written by a thread of its own: a standard error that nobody reads holds up no call.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")

BURST = 200
"""So many lines of one event and level may come at once."""
LINES_PER_SECOND = 50
"""So many of them a second may come for long."""

# Longer values are cut, so that no client makes the log large, in characters.
_LONGEST_VALUE = 300
_LONGEST_TRACEBACK = 4_000
# Lines that wait for a slow standard error; more are dropped and counted.
_WAITING = 5_000
# How often the thread tells of what was left out, and how long an end waits for it, in seconds.
_LOOK_S = 1.0
_STDERR = 2
# Names of loggers whose lines are of no use to who runs the server: what they say of a client's
# faults has a traceback each.
_QUIET = ("grpc",)

_logger = logging.getLogger("grpctap_server")


def log(level: int, event: str, **fields: object) -> None:
    """Log an event of the server.

    Args:
        level: As logging has it.
        event: What happened, in one word; each has a bucket of its own when lines are too many.
        fields: What is to be known of it, in this order; None and "" are left out.
    """
    _logger.log(level, event, extra={"fields": fields})


def logfmt(fields: dict[str, object]) -> str:
    """Write key=value pairs in one line of printable ASCII and letters, whatever the values are."""
    return " ".join(
        f"{key}={_value(value)}"
        for key, value in fields.items()
        if value is not None and value != ""
    )


def _value(value: object, longest: int = _LONGEST_VALUE) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    if len(text) > longest:
        text = f"{text[:longest]}…"
    escaped = "".join(_escaped(char) for char in text)
    plain = escaped == text and text and not any(char in ' ="' for char in text)
    return text if plain else f'"{escaped}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else repr(char)[1:-1]


class Formatter(logging.Formatter):
    """Writes a record as logfmt: time (RFC 3339, UTC), level, event, then the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
        }
        own = getattr(record, "fields", None)
        if own is None:
            fields |= {"event": "log", "logger": record.name, "message": record.getMessage()}
        else:
            fields |= {"event": record.getMessage(), **own}
        line = logfmt(fields)
        if record.exc_info and record.exc_info[1] is not None:
            trace = "".join(traceback.format_exception(record.exc_info[1]))
            line = f"{line} traceback={_value(trace, _LONGEST_TRACEBACK)}"
        return line


class _Bucket:
    """Lets through what comes at a bearable pace, and counts the rest."""

    def __init__(self, now: float) -> None:
        self._left = float(BURST)
        self._since = now
        self.suppressed = 0

    def take(self, now: float) -> bool:
        self._left = min(BURST, self._left + (now - self._since) * LINES_PER_SECOND)
        self._since = now
        if self._left < 1:
            self.suppressed += 1
            return False
        self._left -= 1
        return True


class LineHandler(logging.Handler):
    """Writes lines by a thread of its own, at a bearable pace.

    Args:
        write: Takes a line; may fail with OSError, which is passed over, and may take its time.
        clock: Seconds, from any start.
    """

    def __init__(
        self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.setFormatter(Formatter())
        self._write = write
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._waiting: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line, unless there were too many of its kind."""
        now = self._clock()
        # Names of events are ours, and few; messages of other loggers are not.
        event = record.getMessage() if hasattr(record, "fields") else record.name
        # So a storm of refused calls leaves room for the lines of all others.
        kind = (event, record.levelname.lower())
        bucket = self._buckets.setdefault(kind, _Bucket(now))
        if not bucket.take(now):
            return
        self._tell_suppressed(kind, bucket)
        self._put(self.format(record))

    def close(self) -> None:
        """Write what waits, as far as standard error takes it within a second."""
        with self._locked():
            for kind, bucket in self._buckets.items():
                self._tell_suppressed(kind, bucket)
        # A full queue means a standard error that is stuck.
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
            self._thread.join(_LOOK_S)
        super().close()

    def _put(self, line: str) -> None:
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def _tell_suppressed(self, kind: tuple[str, str], bucket: _Bucket) -> None:
        if bucket.suppressed:
            event, level = kind
            fields = {"of": event, "of_level": level, "lines": bucket.suppressed}
            self._put(self._own_line("suppressed", **fields))
            bucket.suppressed = 0

    def _own_line(self, event: str, **fields: object) -> str:
        record = _logger.makeRecord(_logger.name, logging.WARNING, "", 0, event, (), None)
        record.fields = fields
        return self.format(record)

    def _run(self) -> None:
        while True:
            try:
                line = self._waiting.get(timeout=_LOOK_S)
            except queue.Empty:
                self._look()
                continue
            if line is None:
                return
            # Whoever started the server may have closed its standard error since.
            with contextlib.suppress(OSError):
                self._write(f"{line}\n")

    def _look(self) -> None:
        with self._locked():
            dropped, self._dropped = self._dropped, 0
            if dropped:
                self._put(self._own_line("dropped", lines=dropped))
            for kind, bucket in self._buckets.items():
                self._tell_suppressed(kind, bucket)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.acquire()
        try:
            yield
        finally:
            self.release()


def _to_stderr(line: str) -> None:
    # Past Python's own object, whose lock a thread that is stuck would keep, at the end, too.
    rest = line.encode(errors="backslashreplace")
    while rest:
        rest = rest[os.write(_STDERR, rest) :]


@contextmanager
def logging_to_stderr(level: str) -> Iterator[None]:
    """Log to standard error from now on, and what waits at the end.

    Args:
        level: One of LEVELS; lines of a lower one are left out.
    """
    root = logging.getLogger()
    before = root.level
    handler = LineHandler(_to_stderr)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).propagate = False
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        for name in _QUIET:
            logging.getLogger(name).propagate = True
        handler.close()
