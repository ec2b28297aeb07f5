"""The files of recordings: which ones may be made, and what they say first."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from grpctap import __version__
from grpctap.core.text import printable
from grpctap.snapshot import RecordingState

if TYPE_CHECKING:
    from grpctap.config import Config
    from grpctap.core.recording import Header

SUFFIX = ".grpctap"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_METHOD = 100
_LONGEST_PATH = 500


def checked_path(text: str) -> str:
    """The path of a recording to be made, as it was given.

    Raises:
        ValueError: it is there already, or no file can be made there; the message says what to do.
    """
    path, shown = Path(text), printable(text, _LONGEST_PATH)
    try:
        if path.exists() or path.is_symlink():
            raise ValueError(f"--record: {shown} is there already; choose another name")
        if not path.parent.is_dir():
            folder = printable(str(path.parent), _LONGEST_PATH)
            raise ValueError(f"--record: there is no folder {folder}; make it, or choose another")
    except OSError as error:
        raise ValueError(f"--record: {shown}: {error.strerror}") from None
    return text


def unused_name(method: str, suffix: str = SUFFIX) -> str:
    """The name of a file about a method, such as a recording, in the current folder, not there yet.

    Its characters are safe anywhere; it has the local time, and ends in `suffix`.
    """
    name = _UNSAFE.sub("-", method)[:_LONGEST_METHOD].strip("-.")
    stem = f"grpctap-{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = f"{stem}{suffix}", 1
    # Two can begin within a second.
    while os.path.lexists(path):
        number += 1
        path = f"{stem}-{number}{suffix}"
    return path


def header_of(config: Config) -> Header:
    """What a recording of a stream says first; when it began is left open."""
    # Needed by few, and slow to import.
    from grpctap.core.needed import needed_files
    from grpctap.core.recording import Header

    resume, cells = config.resume, config.cells
    return Header(
        config.target.address,
        config.method.name,
        needed_files(config.method).SerializeToString(),
        "" if resume is None else str(resume.spec),
        resume is not None and resume.given,
        "" if cells is None else ",".join(cells.names),
        config.target.security,
        version=__version__,
    )


def failure_line(recording: RecordingState) -> str:
    """Why a recording has ended by itself, on one printable line."""
    path = printable(recording.path, _LONGEST_PATH)
    error = printable(recording.error, _LONGEST_PATH)
    return f"the recording has ended: {path}: {error}; what was written until then can be read"


def not_recorded(path: str, error: OSError | ValueError) -> str:
    """Why a recording cannot be begun, on one printable line."""
    shown = printable(path, _LONGEST_PATH)
    if isinstance(error, FileExistsError):
        return f"{shown} is there already; choose another name"
    why = error.strerror if isinstance(error, OSError) else str(error)
    return f"{shown} cannot be recorded into: {printable(str(why), _LONGEST_PATH)}"
