"""The face for terminals: the viewer, from its first call to its last words."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
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
from grpctap.widgets.status_line import quantity

if TYPE_CHECKING:
    from grpctap.opening import Opening
    from grpctap.starter import Starter

# A command is there to be copied from a screen.
LONGEST_COMMAND = 2_000


def view(config: Config, *, resumable: bool, flags: Sequence[str] = ()) -> int:
    """Watches one stream until somebody quits; returns the exit code.

    `resumable` says whether the server will still be there for a call that goes on later, `flags`
    how to connect to it, in words of the command line.
    """
    stream = Stream(config, flags)
    if config.record is not None:
        try:
            stream.tap.record(config.record)
        except (OSError, ValueError) as error:
            stream.close()
            sys.stderr.write(f"grpctap: {not_recorded(config.record, error)}\n")
            return 1
    target = config.target
    screen = WatchScreen(
        stream.tap,
        target.address,
        config.method.name,
        plaintext=target.plaintext,
        grpcurl=partial(grpcurl_line, config, flags),
        choices=stream.choices,
    )
    return _run(ViewerApp(screen), config.theme, lambda: stream, resumable=resumable)


def choose(opening: Opening, theme: str | None) -> int:
    """Lets somebody choose and watch streams of a server; returns the exit code."""
    # Who names a method needs none of it, and is shown the stream sooner.
    from grpctap.screens.pick import PickScreen

    return _run(ViewerApp(PickScreen(opening)), theme, lambda: opening.last, resumable=True)


def browse(starter: Starter, theme: str | None) -> int:
    """Lets somebody open recent calls again, or name a server; returns the exit code."""
    from grpctap.screens.recent import RecentScreen

    return _run(ViewerApp(RecentScreen(starter)), theme, lambda: starter.last, resumable=True)


def run_app(app: ViewerApp, theme: str | None) -> None:
    """Shows the app until somebody quits."""
    if theme is not None:
        app.theme = theme
    if sys.stderr is None or not sys.stderr.isatty():
        # Textual draws on standard error, which `2>file` takes from the terminal.
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    app.run()


def _run(
    app: ViewerApp, theme: str | None, last: Callable[[], Stream | None], *, resumable: bool
) -> int:
    """Runs the app, and then tells of the stream that was watched last, if any."""
    try:
        run_app(app, theme)
    finally:
        stream = last()
        left_before = stream is not None and stream.is_closed
        end = None if stream is None else stream.close()
    if stream is None or end is None:
        return app.return_code or 0
    refused = end.status is not None and end.status.reason in HOPELESS
    over = end.state is State.FINISHED or refused
    token = stream.tap.resume_token if resumable and not over else b""
    # The terminal may be gone, which is no reason to end in another way.
    with suppress(OSError, AttributeError):
        for line in map(recorded, stream.tap.recordings):
            sys.stderr.write(f"grpctap: {line}\n")
        sys.stderr.write(f"grpctap: {summary(end, stream.config, stream.flags, token)}\n")
    failed = end.state is State.FAILED and end.status is not None and not left_before
    if not app.return_code and failed and end.status is not None:
        return 64 + end.status.code
    return app.return_code or 0


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
