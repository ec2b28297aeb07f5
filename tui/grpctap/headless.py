"""The face for pipes: one JSON line a message, what happens to the stream on standard error."""

from __future__ import annotations

import _thread
import signal
import sys
from contextlib import suppress
from dataclasses import replace

from google.protobuf.descriptor_pool import DescriptorPool

from grpctap.config import Config
from grpctap.core.advice import told_with_advice
from grpctap.core.details import detail_lines
from grpctap.core.limits import Limits
from grpctap.core.message import MessageError, Reading
from grpctap.core.reconnect import Backoff, When
from grpctap.core.seams import duration, status_line
from grpctap.core.state import ENDED, Command, State
from grpctap.core.status import Status
from grpctap.core.text import printable
from grpctap.output import Lines
from grpctap.pipe import BROKEN_PIPE, Watch, write_all
from grpctap.schemas import first_token, schema_of, wants_progress
from grpctap.snapshot import Snapshot
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target

ERROR = 1
INTERRUPTED = 130
# Whoever reads the output may have stalled in the middle of a line.
PATIENCE_S = 1.0


class Pipe:
    """Writes messages to standard output; the first failure ends it for good.

    `progress` says whether signs of life are printed too, and `raw` whether what comes again is.
    `count` values are enough; None: none are.
    """

    def __init__(self, lines: Lines, *, progress: bool, raw: bool, count: int | None) -> None:
        self.error: OSError | MessageError | None = None
        self._lines = lines
        self._left = count
        self._progress = progress
        self._raw = raw
        self._out = sys.stdout.fileno()

    def write(self, reading: Reading, message: bytes, accepted: bool, received_ns: int) -> bool:
        """Writes one message as a line; returns whether more is to be written."""
        if not (self._progress if reading.progress else accepted or self._raw):
            return True
        try:
            write_all(self._out, self._lines.line(reading, message, received_ns))
        except (OSError, MessageError) as error:
            self.error = error
        if self._left is not None and not reading.progress:
            self._left -= 1
        return self.error is None and self._left != 0

    def exit_code(self, error: OSError | MessageError) -> int:
        """Says why the output failed; returns the exit code."""
        if isinstance(error, MessageError):
            _say(f"{printable(str(error))}; check {error.check}")
            return ERROR
        if isinstance(error, BrokenPipeError):
            return BROKEN_PIPE
        _say(f"standard output cannot be written: {error.strerror}")
        return ERROR


def follow(config: Config) -> int:
    """Prints the stream's messages as they arrive, until it ends; returns the exit code."""
    policy = config.reconnecting(When.WITH_CURSOR)
    reconnects = policy.when is not When.NEVER
    progress = wants_progress(config)
    schema = schema_of(config, progress=reconnects or progress)
    if sys.stdout is None:
        _say("standard output is closed")
        return ERROR
    lines = Lines(schema, meta=config.with_meta)
    pipe = Pipe(lines, progress=progress, raw=not reconnects, count=config.count)
    verbose = None
    if config.verbose:
        # Needed by few, and slow to import.
        from grpctap.verbose import Verbose

        verbose = Verbose(config.method, config.metadata)
    tap = Tap(
        GrpcTransport(
            config.target,
            config.method.name,
            config.metadata,
            unary=not config.method.server_streaming,
        ),
        schema,
        # What was printed need not be kept.
        capacity=1,
        token=first_token(config),
        backoff=Backoff(policy),
        max_time_s=config.max_time,
        limits=Limits(duration_s=config.duration),
        deliver=pipe.write,
        trace=None if verbose is None else verbose.trace,
    )
    interrupted = False

    def leave(*_: object) -> None:
        # It raises nothing and waits for no lock, since it runs between any two steps.
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            _thread.start_new_thread(tap.command, (Command.STOP,))

    signal.signal(signal.SIGINT, leave)

    def gone() -> None:
        pipe.error = BrokenPipeError()
        tap.command(Command.STOP)

    if verbose is not None:
        verbose.begin()
    tap.start()
    try:
        with Watch(sys.stdout.fileno(), gone):
            last = _accompany(tap)
    finally:
        tap.close(PATIENCE_S)
        # Whoever left does not wait for a standard error that nobody reads.
        if verbose is not None and not interrupted and pipe.error is None:
            verbose.end()
    if interrupted:
        return INTERRUPTED
    if pipe.error is not None:
        return pipe.exit_code(pipe.error)
    return _conclude(last, config.target, config.method.pool, raw=not reconnects)


def _accompany(tap: Tap) -> Snapshot:
    """Says each loss, and what became of it, until the stream has ended; returns how it did.

    A stream whose time ran out while it was lost ends with the status of the loss.
    """
    seen, told, lost = 0, 0, False
    loss: Status | None = None
    while True:
        seen = tap.await_move(seen)
        now, seam = tap.snapshot(), tap.last_interruption
        if now.state is State.RECONNECTING:
            loss = now.status
            if now.status is not None and told != now.attempt:
                told, lost = now.attempt, True
                how = f"attempt {told} to go on in {duration(now.retry_ns)}"
                _say(f"{status_line(now.status)}; {how}")
        else:
            told = 0
            if now.limit and loss is not None:
                return replace(now, status=loss)
            loss = None
            if lost and seam is not None and seam.outcome is not None:
                lost = False
                _say(printable(seam.text()))
        if now.state in ENDED:
            return now


def _conclude(last: Snapshot, target: Target, pool: DescriptorPool, *, raw: bool) -> int:
    again = "came again" if raw else "came again, left out"
    for count, what in ((last.missed, "missed"), (last.repeated, again)):
        if count:
            _say(f"{count:,} value{'' if count == 1 else 's'} {what}")
    status = last.status
    if status is None or status.ok:
        return 0
    if status.unreadable:
        _say(f"{printable(status.details)}; check {status.unreadable}")
        return ERROR
    _say(told_with_advice(status, target.address, plaintext=target.plaintext))
    for line in detail_lines(status, pool):
        _write(f"  {line}")
    return 64 + status.code


def _say(text: str) -> None:
    _write(f"grpctap: {text}")


def _write(line: str) -> None:
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"{line}\n")
