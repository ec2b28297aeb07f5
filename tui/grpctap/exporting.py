"""The command that writes a recording out, as NDJSON or CSV: grpctap export."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from grpctap.core.cells import CellsError
from grpctap.core.history import Value
from grpctap.core.message import MessageError, Schema
from grpctap.core.recording import Received
from grpctap.core.text import harmless
from grpctap.export import Csv, Form, Format, Ndjson, Written, write_values
from grpctap.outfile import Outfile
from grpctap.parser import Parser
from grpctap.pipe import BROKEN_PIPE, write_all
from grpctap.recorded import recorded_schema
from grpctap.recording import Recording, RecordingError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

ERROR = 1
PATIENCE_S = 1.0
"""What takes longer than this gets a progress bar."""
_DESCRIPTION = """\
Write the messages of a recording out, each on a line, as NDJSON (the default) or CSV. NDJSON is
what a live stream prints into a pipe. Each field is a column of CSV, or those of --columns are.
"""
# What a file's name may end in without a word on its format.
_ENDINGS = ("", ".jsonl", *(format_.value for format_ in Format))
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """Somebody ended the program; the exit code says with which signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def export_parser() -> Parser:
    """The flags of the command."""
    parser = Parser(
        prog="grpctap export",
        usage="grpctap export [flags] FILE",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("file", metavar="FILE", help="the recording (made with --record FILE, or w in the viewer)")
    add("-o", "--output", metavar="FILE", help="where to (standard output)")
    parser.add_switch("--force", "replace the file of -o where it exists")
    add(
        "--format",
        choices=("ndjson", "csv"),
        help="ndjson or csv (csv where the file of -o ends in .csv, else ndjson)",
    )
    add(
        "--columns",
        metavar="FIELD,FIELD…",
        help="the columns of CSV: dotted paths, such as key,value.size; also seq and received",
    )
    parser.add_switch("--with-meta", 'NDJSON: write each message as {"seq", "received", "message"}')
    parser.add_switch("--emit-defaults", "write fields, too, that are not set")
    return parser


def main(argv: Sequence[str]) -> int:
    """Does what the arguments of the command say; returns the exit code."""
    parser = export_parser()
    args = parser.read(argv)
    as_csv = args.format == "csv"
    if args.format is None:
        as_csv = (args.output or "").lower().endswith(Format.CSV.value)
    if args.columns is not None and not as_csv:
        parser.error("--columns are those of CSV; give --format csv, too")
    if args.with_meta and as_csv:
        parser.error("--with-meta is for NDJSON; in CSV seq and received are columns")
    try:
        with _signals():
            recording = Recording.open(args.file)
            schema = recorded_schema(recording, emit_defaults=args.emit_defaults)
            form: Form
            if as_csv:
                form = Csv(schema, recording.method.response, args.columns)
            else:
                form = Ndjson(schema, meta=args.with_meta)
            return _export(recording, schema, form, args)
    except _Ended as ended:
        return ended.exit_code
    except CellsError as error:
        parser.error(str(error))
    except RecordingError as error:
        return _fail(str(error))


class _Reader:
    """The values of a recording, and how far it is read."""

    def __init__(self, recording: Recording, schema: Schema) -> None:
        self.place = 0
        """Where in the file the newest entry begins, in bytes."""
        self.left_out = 0
        """Messages that cannot be read, or were too large to be recorded."""
        self._recording, self._schema = recording, schema

    def values(self) -> Iterator[Value]:
        """Each message that was accepted."""
        number = self._recording.header.values_before
        for place, entry in self._recording.placed():
            self.place = place
            if not isinstance(entry, Received) or entry.dropped:
                continue
            if len(entry.raw) != entry.size:
                number += 1
                self.left_out += 1
                continue
            try:
                reading = self._schema.read(entry.raw)
            except MessageError:
                self.left_out += 1
                continue
            if not reading.progress:
                number += 1
                yield Value(reading.sequence, number, entry.time_ns, entry.raw)


def _export(recording: Recording, schema: Schema, form: Form, args: argparse.Namespace) -> int:
    output = None if args.output == "-" else args.output
    if output is None and sys.stdout is None:
        return _fail("standard output is closed")
    if output is not None and Path(output).exists() and Path(output).samefile(args.file):
        return _fail(f"{output} is the recording itself; choose another name")
    reader = _Reader(recording, schema)
    shows = output is not None or not sys.stdout.isatty()
    try:
        with _Bar(reader, recording.size, shows=shows) as bar:

            def write(take: Callable[[bytes], None]) -> Written:
                return write_values(reader.values(), form, take, bar.told)

            if output is None:
                out = sys.stdout.fileno()
                done = write(lambda raw: write_all(out, raw))
                is_cut = recording.is_cut
            else:
                with Outfile(Path(output), replace=args.force) as file:
                    done = write(file.write)
                    # Read while the file may still be given up.
                    is_cut = recording.is_cut
    except BrokenPipeError:
        return BROKEN_PIPE
    except FileExistsError:
        return _fail(f"{output} exists; --force replaces it")
    except OSError as error:
        where = "standard output" if output is None else output
        return _fail(f"{where} cannot be written: {error.strerror}")
    if is_cut:
        _say(
            f"{args.file} ends in the middle of an entry ({recording.cut:,} bytes), as after a "
            "crash; all before it was exported"
        )
    if output is not None and args.format is None and _is_unknown(output):
        _say(f"{output} is NDJSON, one message a line; for a table give --format csv")
    left_out = done.left_out + reader.left_out
    if left_out:
        return _fail(f"{_count(left_out, 'message')} left out, which cannot be read or written")
    if output is not None:
        _say(f"{_count(done.values, 'value')} written to {output}")
    return 0


def _is_unknown(output: str) -> bool:
    """Whether a file's name ends in something that tells no format."""
    return Path(output).suffix.lower() not in _ENDINGS


class _Bar:
    """A progress bar on standard error, where that is a terminal and the export takes long."""

    def __init__(self, reader: _Reader, size: int, *, shows: bool) -> None:
        self._reader, self._size = reader, size
        can = shows and sys.stderr is not None and sys.stderr.isatty()
        self._due = time.monotonic() + PATIENCE_S if can else None
        self._bar: tuple[Progress, TaskID] | None = None

    def told(self, done: Written) -> None:
        """So much is written."""
        if self._bar is None:
            if self._due is None or time.monotonic() < self._due:
                return
            self._bar = self._begin()
        progress, task = self._bar
        progress.update(task, completed=self._reader.place, values=f"{done.values:,}")

    def __enter__(self) -> _Bar:
        """Nothing is shown yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar[0].stop()

    def _begin(self) -> tuple[Progress, TaskID]:
        # Most exports are over before it is needed.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        progress = Progress(
            TextColumn("exporting"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[values]} values"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        progress.start()
        return progress, progress.add_task("", total=self._size, values="0")


@contextmanager
def _signals() -> Iterator[None]:
    """Ends what is within at a signal, so that nothing of it is left behind."""

    def end(number: int, _: object) -> None:
        # Once: what is cleaned up meanwhile is not interrupted.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise _Ended(number)

    # Whoever began this with nohup wants it to go on.
    heard = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _fail(text: str) -> int:
    _say(text)
    return ERROR


def _say(text: str) -> None:
    # Nobody may be there to be told.
    with suppress(OSError, AttributeError):
        sys.stderr.write(f"grpctap export: {harmless(text)}\n")
