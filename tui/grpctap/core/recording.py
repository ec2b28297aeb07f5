"""What a recording holds: a header, then what happened to a stream, entry by entry.

Pure code: bytes go in and entries come out, and the other way round. docs/recording.md has the
format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from google.protobuf.message import DecodeError

from grpctap.core.seamrecord import MOST_PARTS, seam_of, status_of
from grpctap.core.seams import Seam
from grpctap.core.secrets import Metadata
from grpctap.core.state import Command
from grpctap.core.status import OK, Status
from grpctap.core.wire import BYTES, as_varint, find_bytes
from grpctap_protos import recording_pb2 as pb

FORMAT = 1
"""The newest format that is known here."""
LENGTH_BYTES = 4
"""Bytes of the length before each entry, big-endian."""
MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes; of a larger message only its size is recorded."""
MAX_HEADER = 16 * 1024 * 1024
"""Bytes of the first entry at most."""
MAX_REST = 1024 * 1024
"""Bytes of an entry at most, besides the message in it."""
MAX_ENTRY = MAX_MESSAGE + MAX_REST
"""Bytes of an entry at most."""

_LATEST_NS = 2**63 - 1
_MESSAGE_FIELD = pb.Entry.MESSAGE_FIELD_NUMBER
_DATA_FIELD = pb.Message.DATA_FIELD_NUMBER
_SERVER_MESSAGE = pb.Entry.EVENT_TYPE_SERVER_MESSAGE


class EntryError(ValueError):
    """Bytes that are no entry of a recording."""


@dataclass(frozen=True, slots=True)
class Header:
    """What it takes to read a recording.

    `format` and `version` tell which grpctap wrote it. `target` is the address, and `security` how
    it was reached; `method` is SERVICE/METHOD, and `descriptors` a serialised FileDescriptorSet.
    `resume` is the pair REQUEST_FIELD=RESPONSE_FIELD[+N], "" where messages name no place, and
    `resume_given` says that a person named it; `columns` are the fields chosen for the log, "" for
    none. `started_ns` is when the recording began, in nanoseconds since the epoch, and
    `values_before` how many values had come, and were no longer kept, before its first one.
    """

    target: str
    method: str
    descriptors: bytes = field(default=b"", repr=False)
    resume: str = ""
    resume_given: bool = False
    columns: str = ""
    security: str = "plaintext"
    started_ns: int = 0
    values_before: int = 0
    version: str = ""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Opened:
    """A call was made; `metadata` was sent along, and `timeout_ns` bounds it (None: nothing)."""

    time_ns: int
    call_id: int
    metadata: Metadata = field(default=(), repr=False)
    timeout_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Requested:
    """The request of a call, serialised."""

    time_ns: int
    call_id: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Headers:
    """The initial metadata of a call came, or that it has none."""

    time_ns: int
    call_id: int
    metadata: Metadata = field(default=(), repr=False)


class Received(NamedTuple):
    """A message came, as it was received; `dropped` says that it had come before.

    `size` is how many bytes it had. Of one with more than MAX_MESSAGE only that is recorded, and
    `raw` is empty.
    """

    time_ns: int
    raw: bytes
    call_id: int
    dropped: bool
    size: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A call ended; `cancelled` says that the viewer ended it, and not the server."""

    time_ns: int
    call_id: int
    status: Status
    metadata: Metadata = field(default=(), repr=False)
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Commanded:
    """A person asked for something."""

    time_ns: int
    command: Command


@dataclass(frozen=True, slots=True)
class SeamAt:
    """A seam after the messages before it; one with the same `id` replaces it, in its place."""

    id: int
    seam: Seam


Entry = Opened | Requested | Headers | Received | Ended | Commanded | SeamAt


def parse_header(raw: bytes) -> Header:
    """Reads the first entry of a recording.

    Raises:
        EntryError: it is none.
    """
    if len(raw) > MAX_REST and not _is_mostly_types(raw):
        raise EntryError("no header")
    try:
        entry = pb.Entry.FromString(raw)
    except DecodeError:
        raise EntryError("no entry") from None
    if not entry.HasField("head"):
        raise EntryError("no header")
    head = entry.head
    return Header(
        head.target,
        head.method,
        head.descriptors,
        head.resume,
        head.resume_given,
        head.columns,
        head.security,
        _time_ns(entry),
        min(head.values_before, _LATEST_NS),
        head.version,
        head.format,
    )


def parse_entry(raw: bytes) -> Entry | None:
    """Reads an entry after the first; None where it says nothing that is known here.

    Raises:
        EntryError: the bytes are no entry.
    """
    message = None
    if not raw:
        raise EntryError("no entry")
    if len(raw) > MAX_REST:
        raw, message = _without_message(raw)
    try:
        entry = pb.Entry.FromString(raw)
    except DecodeError:
        raise EntryError("no entry") from None
    if entry.type == _SERVER_MESSAGE:
        data = entry.message.data if message is None else message
        size = max(entry.message.length, len(data))
        truncated = entry.payload_truncated
        return Received(
            _time_ns(entry), b"" if truncated else data, entry.call_id, entry.dropped, size
        )
    return _parse_rarer(entry, message)


def _parse_rarer(entry: pb.Entry, message: bytes | None) -> Entry | None:
    time_ns, call_id = _time_ns(entry), entry.call_id
    match entry.type:
        case pb.Entry.EVENT_TYPE_CLIENT_HEADER:
            header = entry.client_header
            timeout_ns = None
            if header.HasField("timeout"):
                timeout_ns = header.timeout.seconds * 1_000_000_000 + header.timeout.nanos
            return Opened(time_ns, call_id, _metadata(header.metadata), timeout_ns)
        case pb.Entry.EVENT_TYPE_CLIENT_MESSAGE:
            data = entry.message.data if message is None else message
            return Requested(time_ns, call_id, data)
        case pb.Entry.EVENT_TYPE_SERVER_HEADER:
            return Headers(time_ns, call_id, _metadata(entry.server_header.metadata))
        case pb.Entry.EVENT_TYPE_SERVER_TRAILER | pb.Entry.EVENT_TYPE_CANCEL:
            cancelled = entry.type == pb.Entry.EVENT_TYPE_CANCEL
            trailing = _metadata(entry.trailer.metadata)
            return Ended(time_ns, call_id, _status(entry), trailing, cancelled)
    if entry.HasField("seam"):
        seam = seam_of(entry.seam)
        return None if seam is None else SeamAt(entry.seam.id, seam)
    command = Command.__members__.get(entry.command)
    return None if command is None else Commanded(time_ns, command)


def _without_message(raw: bytes) -> tuple[bytes, bytes]:
    """A large entry without its message, and the data of that.

    All else in an entry is small: what a parser makes of it is many times as large.

    Raises:
        EntryError: what is left is still too large.
    """
    outer = find_bytes(raw, _MESSAGE_FIELD)
    if outer is not None:
        content = raw[outer]
        inner = find_bytes(content, _DATA_FIELD)
        head = as_varint(_MESSAGE_FIELD << 3 | BYTES) + as_varint(len(content))
        start = outer.start - len(head)
        rest = raw[: max(start, 0)] + raw[outer.stop :]
        if inner is not None and len(rest) <= MAX_REST and raw[max(start, 0) : outer.start] == head:
            return rest, content[inner]
    raise EntryError("no entry")


def _is_mostly_types(raw: bytes) -> bool:
    head = find_bytes(raw, pb.Entry.HEAD_FIELD_NUMBER)
    if head is None:
        return False
    types = find_bytes(raw[head], pb.Head.DESCRIPTORS_FIELD_NUMBER)
    return types is not None and len(raw) - (types.stop - types.start) <= MAX_REST


def _time_ns(entry: pb.Entry) -> int:
    stamp = entry.timestamp
    return min(max(stamp.seconds * 1_000_000_000 + stamp.nanos, 0), _LATEST_NS)


def _metadata(metadata: pb.Metadata) -> Metadata:
    return tuple(
        (
            entry.key,
            entry.value if entry.key.endswith("-bin") else entry.value.decode("utf-8", "replace"),
        )
        # What a hostile file has of it would fill the memory, and nobody reads so much.
        for entry in islice(metadata.entry, MOST_PARTS)
    )


def _status(entry: pb.Entry) -> Status:
    if entry.HasField("status"):
        return status_of(entry.status)
    trailer = entry.trailer
    name = "OK" if trailer.status_code == OK else f"CODE {trailer.status_code}"
    return Status(trailer.status_code, name, trailer.status_message)
