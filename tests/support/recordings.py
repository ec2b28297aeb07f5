"""What recordings hold, and taps that can be recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grpctap.cli import parse
from grpctap.core.history import Row, Value
from grpctap.core.listvalue import METHOD
from grpctap.core.recording import Received, SeamAt
from grpctap.core.seams import Seam
from grpctap.recording import Recording
from grpctap.stream import Stream
from grpctap.tap import Tap
from grpctap_protos.server_stream_pb2 import StreamResponse

# Where a file may grow no further, as on a full disk. No preexec_fn: it forks.
LIMITED = (
    *(sys.executable, "-I", "-S", "-c"),
    "import os, resource, sys\n"
    "size = int(sys.argv[1])\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
    "os.execv(sys.argv[2], sys.argv[2:])",
)


@contextmanager
def stream_of(*words: str) -> Iterator[Stream]:
    """The stream of a command line, not started yet."""
    stream = Stream(parse(["-plaintext", *words]))
    try:
        yield stream
    finally:
        stream.close()
        assert stream.tap.close()


@contextmanager
def recordable(address: str, *words: str) -> Iterator[Tap]:
    """The tap of ListValue at an address, not started yet."""
    with stream_of(*words, address, METHOD) as stream:
        yield stream.tap


def received(path: Path) -> list[Received]:
    return [entry for entry in Recording.open(path).entries() if isinstance(entry, Received)]


def values(path: Path) -> list[Received]:
    """The recorded messages that are not only signs of life."""
    return [entry for entry in received(path) if not _is_progress(entry)]


def sequences(path: Path) -> list[int]:
    """The numbers of the recorded values, dropped ones as well."""
    return [StreamResponse.FromString(entry.raw).sequence for entry in values(path)]


def rows(path: Path) -> list[tuple[int, bytes] | Seam]:
    """What the history held that a recording tells of, seams as they were at last."""
    found: list[tuple[int, bytes] | Seam] = []
    places: dict[int, int] = {}
    for entry in Recording.open(path).entries():
        if isinstance(entry, SeamAt):
            if entry.id in places:
                found[places[entry.id]] = entry.seam
            else:
                places[entry.id] = len(found)
                found.append(entry.seam)
        elif isinstance(entry, Received) and not entry.dropped and not _is_progress(entry):
            found.append((entry.time_ns, entry.raw))
    return found


def _is_progress(entry: Received) -> bool:
    return StreamResponse.FromString(entry.raw).progress


def kept_rows(tap: Tap) -> list[tuple[int, bytes] | Seam]:
    """The same of the history itself."""

    def plain(row: Row) -> tuple[int, bytes] | Seam:
        return (row.time_ns, row.raw) if isinstance(row, Value) else row

    return [plain(row) for row in tap.newest().rows]
