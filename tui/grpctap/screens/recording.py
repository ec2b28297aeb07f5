"""What the watch screen says and does of a recording."""

from __future__ import annotations

import shlex
from typing import Any

from textual.app import App

from grpctap.core.text import printable
from grpctap.recordfile import failure_line, not_recorded, unused_name
from grpctap.snapshot import RecordingState
from grpctap.tap import Tap
from grpctap.widgets.status_line import quantity

_LONGEST_SHOWN = 300
_LONG_S = 15.0


def is_recording(tap: Tap) -> bool:
    """Whether the stream is being recorded."""
    recordings = tap.recordings
    return bool(recordings) and recordings[-1].is_on


def recording_note(recording: RecordingState | None) -> str:
    """How a recording stands, for the top line."""
    if recording is None:
        return ""
    if recording.error:
        return "✗ REC failed"
    return f"● REC {quantity(recording.bytes)}" if recording.is_on else ""


def recording_seen(recording: RecordingState | None) -> tuple[str, bool, str] | None:
    """What of a recording is worth a notice when it changes."""
    return None if recording is None else (recording.path, recording.is_on, recording.error)


def begin_recording(app: App[Any], tap: Tap, method: str) -> None:
    """Records into a new file in the current folder, or says why that cannot be."""
    path = unused_name(method)
    try:
        tap.record(path)
    except (OSError, ValueError) as error:
        _notify(app, not_recorded(path, error), "Not recorded", failed=True)


def tell_recording(app: App[Any], recording: RecordingState | None) -> None:
    """Says that a recording has begun, ended or failed."""
    if recording is None:
        return
    if recording.error:
        _notify(app, failure_line(recording), "The recording has failed", failed=True)
    elif recording.is_on:
        _notify(app, f"{recording.path} · w ends it", "Recording", failed=False)
    else:
        told = f"See it again with: grpctap replay {shlex.quote(recording.path)}"
        _notify(app, told, "Recorded", failed=False)


def _notify(app: App[Any], text: str, title: str, *, failed: bool) -> None:
    app.notify(
        printable(text, _LONGEST_SHOWN),
        title=title,
        severity="error" if failed else "information",
        markup=False,
        timeout=_LONG_S if failed else 5.0,
    )
