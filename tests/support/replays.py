"""Recordings made by hand, entry by entry, and players of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpctap.core.history import MAX_BYTES, Row
from grpctap.core.listvalue import METHOD
from grpctap.core.recording import (
    LENGTH_BYTES,
    Commanded,
    Ended,
    Entry,
    Headers,
    Opened,
    Received,
    Requested,
    SeamAt,
)
from grpctap.core.seamrecord import seam_record, status_record
from grpctap.core.secrets import Metadata
from grpctap.core.state import State
from grpctap.player import Player
from grpctap.recorded import recorded_schema
from grpctap.recording import Recording
from grpctap.replay import player_of
from grpctap_protos import recording_pb2 as pb
from grpctap_protos.server_stream_pb2 import DESCRIPTOR, StreamResponse
from support.server import eventually

START_NS = 1_800_000_000_000_000_000
TICK_NS = 100_000_000


def header(
    method: str = METHOD, file: FileDescriptor = DESCRIPTOR, format_: int = 1, **more: object
) -> bytes:
    """The first entry of a file."""
    files = FileDescriptorSet()
    _add(file, files, set())
    head = pb.Head(
        format=format_,
        version="0.1",
        target="127.0.0.1:8000",
        method=method,
        descriptors=files.SerializeToString(),
        security="plaintext",
        **more,  # type: ignore[arg-type]
    )
    entry = pb.Entry(head=head)
    entry.timestamp.FromNanoseconds(START_NS)
    return framed(entry)


def framed(entry: pb.Entry) -> bytes:
    raw = entry.SerializeToString()
    return len(raw).to_bytes(LENGTH_BYTES) + raw


def written(entry: Entry) -> bytes:
    """An entry as it stands in a file."""
    made = pb.Entry()
    if isinstance(entry, SeamAt):
        made.seam.CopyFrom(seam_record(entry.id, entry.seam))
        return framed(made)
    made.timestamp.FromNanoseconds(entry.time_ns)
    if isinstance(entry, Commanded):
        made.command = entry.command.name
        return framed(made)
    made.call_id = entry.call_id
    match entry:
        case Received():
            made.type = pb.Entry.EVENT_TYPE_SERVER_MESSAGE
            made.message.data, made.message.length = entry.raw, len(entry.raw)
            made.dropped = entry.dropped
        case Opened():
            made.type = pb.Entry.EVENT_TYPE_CLIENT_HEADER
            _write_metadata(made.client_header.metadata, entry.metadata)
        case Requested():
            made.type = pb.Entry.EVENT_TYPE_CLIENT_MESSAGE
            made.message.data = entry.raw
        case Headers():
            made.type = pb.Entry.EVENT_TYPE_SERVER_HEADER
            _write_metadata(made.server_header.metadata, entry.metadata)
        case Ended():
            made.type = pb.Entry.EVENT_TYPE_SERVER_TRAILER
            if entry.cancelled:
                made.type = pb.Entry.EVENT_TYPE_CANCEL
            made.status.CopyFrom(status_record(entry.status))
            _write_metadata(made.trailer.metadata, entry.metadata)
    return framed(made)


def write(path: Path, entries: Sequence[Entry], head: bytes | None = None) -> Path:
    """A recording with these entries."""
    path.write_bytes((header() if head is None else head) + b"".join(map(written, entries)))
    return path


def price(number: int, time_ns: int | None = None, call_id: int = 1) -> Received:
    """The so-manieth value of a made-up price, a tenth of a second after the one before."""
    time_ns = START_NS + number * TICK_NS if time_ns is None else time_ns
    value = 78 + number % 50 / 100
    raw = StreamResponse(
        stream_value=f"WTI {value:.2f}", sequence=number, stream_id="made up", number=value
    ).SerializeToString()
    return Received(time_ns, raw, call_id, False, len(raw))


def prices(count: int, first: int = 1) -> list[Entry]:
    """So many values in one call."""
    return [Opened(START_NS, 1), *map(price, range(first, first + count))]


def play(
    path: Path,
    *,
    speed: float = float("inf"),
    history: int = 10**6,
    history_bytes: int = MAX_BYTES,
) -> Player:
    """A player of a file, which has not begun."""
    recording = Recording.open(path)
    schema = recorded_schema(recording)
    return player_of(recording, schema, capacity=history, max_bytes=history_bytes, speed=speed)


def is_kept(entry: Entry) -> bool:
    """Whether it is a value that went into the log."""
    return isinstance(entry, Received) and not entry.dropped


@contextmanager
def playing(path: Path, *, speed: float = float("inf"), history: int = 10**6) -> Iterator[Player]:
    """A player of a file, which plays; its thread must end with it."""
    player = play(path, speed=speed, history=history)
    player.start()
    try:
        yield player
    finally:
        assert player.close(), "the player's thread did not end"


def await_end(player: Player) -> None:
    eventually(lambda: player.state is State.ENDED, "the end of the recording")


def settled(player: Player) -> None:
    """Waits until the playhead is where it was sent."""
    eventually(lambda: player._goal is None, "the playhead where it was sent")


def rows(player: Player) -> list[Row]:
    return list(player.newest().rows)


def _write_metadata(record: pb.Metadata, metadata: Metadata) -> None:
    for key, value in metadata:
        record.entry.add(key=key, value=value if isinstance(value, bytes) else value.encode())


def _add(file: FileDescriptor, files: FileDescriptorSet, seen: set[str]) -> None:
    if file.name not in seen:
        seen.add(file.name)
        for imported in file.dependencies:
            _add(imported, files, seen)
        file.CopyToProto(files.file.add())
