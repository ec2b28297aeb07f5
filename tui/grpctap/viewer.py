"""The face for terminals: the viewer, from its first call to its last words."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from grpctap.app import ViewerApp
from grpctap.config import HISTORY, Config
from grpctap.core.advice import HOPELESS
from grpctap.core.history import MAX_BYTES
from grpctap.core.resume import request_at
from grpctap.core.seams import duration
from grpctap.core.state import State
from grpctap.core.text import printable
from grpctap.recordfile import failure_line, not_recorded
from grpctap.schemas import request_json
from grpctap.screens.watch import WatchScreen
from grpctap.snapshot import RecordingState, Snapshot
from grpctap.stream import Stream, grpcurl_line
from grpctap.streams import Ended, Streams
from grpctap.widgets.status_line import quantity

if TYPE_CHECKING:
    from grpctap.core.resume import Spec
    from grpctap.opening import Opening
    from grpctap.recent import RecentCalls
    from grpctap.starter import Starter

# A command is there to be copied from a screen.
LONGEST_COMMAND = 2_000


def view(
    *configs: Config,
    resumable: bool,
    flags: Sequence[str] = (),
    recent: RecentCalls | None = None,
    resume: Spec | None = None,
    columns: str | None = None,
) -> int:
    """Watches streams, each in a tab, until somebody quits; returns the exit code.

    Args:
        configs: The streams, one at least.
        resumable: Whether the servers will still be there for a call that goes on later.
        flags: How to connect to them, in words of the command line.
        recent: Where the calls are kept that are written on the screen; None: they are not.
        resume: What the command line says of resuming, for these calls.
        columns: What it says of columns, for these calls.
    """
    streams = Streams()
    first = Stream(configs[0], flags)
    if first.config.record is not None:
        try:
            first.tap.record(first.config.record)
        except (OSError, ValueError) as error:
            first.close()
            sys.stderr.write(f"grpctap: {not_recorded(first.config.record, error)}\n")
            return 1

    def opening(config: Config) -> Opening:
        # Only who opens another stream needs it.
        from grpctap.opening import begun

        return begun(
            config, flags=flags, recent=recent, resume=resume, columns=columns, streams=streams
        )

    def screen(stream: Stream) -> WatchScreen:
        config = streams.add(stream).config
        return WatchScreen(
            stream.tap,
            config.target.address,
            config.method.name,
            plaintext=config.target.plaintext,
            grpcurl=partial(grpcurl_line, config, flags),
            choices=stream.choices,
            another=cache(partial(opening, config)),
            leave=partial(streams.leave, stream),
        )

    rest = (Stream(config, flags) for config in configs[1:])
    app = ViewerApp(*map(screen, (first, *rest)))
    return _run(app, configs[0].theme, streams, resumable=resumable)


def choose(opening: Opening, theme: str | None) -> int:
    """Lets somebody choose and watch streams of a server; returns the exit code."""
    # Who names a method needs none of it, and is shown the stream sooner.
    from grpctap.screens.pick import PickScreen

    return _run(ViewerApp(PickScreen(opening)), theme, opening.streams, resumable=True)


def browse(starter: Starter, theme: str | None) -> int:
    """Lets somebody open recent calls again, or name a server; returns the exit code."""
    from grpctap.screens.recent import RecentScreen

    return _run(ViewerApp(RecentScreen(starter)), theme, starter.streams, resumable=True)


def run_app(app: ViewerApp, theme: str | None) -> None:
    """Shows the app until somebody quits."""
    if theme is not None:
        app.theme = theme
    if sys.stderr is None or not sys.stderr.isatty():
        # Textual draws on standard error, which `2>file` takes from the terminal.
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    app.run()


def _run(app: ViewerApp, theme: str | None, streams: Streams, *, resumable: bool) -> int:
    """Runs the app, and then tells of the streams that were watched, if any."""
    try:
        run_app(app, theme)
    finally:
        ends = streams.close()
    for config, state in streams.recorded_before(ends):
        with suppress(OSError, AttributeError):
            sys.stderr.write(f"grpctap: {_name(config)}: {recorded(state)}\n")
    for end in ends:
        name = "" if len(ends) == 1 else f"{_name(end.stream.config)}: "
        # The terminal may be gone, which is no reason to end in another way.
        with suppress(OSError, AttributeError):
            for line in map(recorded, end.stream.tap.recordings):
                sys.stderr.write(f"grpctap: {name}{line}\n")
            sys.stderr.write(f"grpctap: {name}{_summary(end, resumable=resumable)}\n")
    codes = (end.exit_code for end in ends if end.exit_code)
    return app.return_code or next(codes, 0)


def _name(config: Config) -> str:
    return printable(f"{config.target.address} {config.method.name}")


def _summary(end: Ended, *, resumable: bool) -> str:
    last, stream = end.last, end.stream
    refused = last.status is not None and last.status.reason in HOPELESS
    over = last.state is State.FINISHED or refused
    token = stream.tap.resume_token if resumable and not over else b""
    return summary(last, stream.config, stream.flags, token)


def summary(last: Snapshot, config: Config, flags: Sequence[str], token: bytes) -> str:
    """One line: how many values, for how long, and the way to go on when there is one."""
    parts = [f"{last.count} in {duration(last.elapsed_ns)}"]
    parts.extend(
        f"{count:,} {name}"
        for count, name in (
            (last.missed, "missed"),
            (last.repeated, "repeated"),
            (last.left_out, "skipped"),
        )
        if count or name == "missed"
    )
    if last.state is State.FAILED and last.status is not None:
        parts.append(f"failed with {last.status.name}")
    text = ", ".join(parts)
    if not token:
        return text
    line = command(config, flags, token)
    if len(line) > LONGEST_COMMAND:
        return f"{text}; the request is too long for a command that goes on"
    with_headers = ""
    if config.metadata or config.reflection_metadata:
        # Their values may be secrets.
        flags = "-H and -expand-headers" if config.headers_expanded else "-H"
        with_headers = f" (add your {flags})"
    return f"{text}; go on with{with_headers}: {line}"


def recorded(recording: RecordingState) -> str:
    """One line: what was recorded, and how to see it again."""
    if recording.error:
        said = failure_line(recording)
    else:
        path = printable(recording.path, LONGEST_COMMAND)
        said = f"recorded {quantity(recording.bytes)} in {path}"
    # A file's name may begin with a dash.
    words = [*_program(), "replay", recording.path]
    if recording.path.startswith("-"):
        words[-1] = f"./{recording.path}"
    return f"{said}; see it again with: {printable(shlex.join(words), LONGEST_COMMAND)}"


def _program() -> list[str]:
    return ["grpctap"] if shutil.which("grpctap") else [sys.executable, "-m", "grpctap"]


def command(config: Config, flags: Sequence[str], token: bytes) -> str:
    """The command line that goes on at `token`, without metadata, which may be secret.

    `flags` are the words of it that say how to connect.
    """
    words = [*_program(), *flags]
    words += [
        flag
        for flag, is_on in (
            ("-emit-defaults", config.emit_defaults),
            ("--with-meta", config.with_meta),
        )
        if is_on
    ]
    for flag, value, default in (
        ("-max-time", config.max_time, None),
        ("--theme", config.theme, None),
        ("--history", config.history, HISTORY),
        ("--history-bytes", config.history_bytes, MAX_BYTES),
        ("--count", config.count, None),
        ("--duration", config.duration, None),
    ):
        if value != default:
            words += [flag, str(value)]
    request = request_at(config.request, config.resume, token)
    data = request_json(replace(config, request=request))
    words += ["-d", data, config.target.address, config.method.name]
    return shlex.join(words)
