"""Entries of a recording, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from grpctap.core.recording import Entry, EntryError, Received, parse_entry
from grpctap_protos import recording_pb2 as pb

_Field = descriptor_pb2.FieldDescriptorProto
_LATEST_NS = 2**63 - 1
# Fewer are faster read one by one, and larger ones no slower.
_LEAST, _LARGEST = 8, 64 * 1024


def parse_entries(raws: Sequence[bytes]) -> list[Entry | None]:
    """Reads entries, each as `parse_entry` does; it ends before the first that is none."""
    entries: list[Entry | None]
    if len(raws) >= _LEAST and max(map(len, raws)) <= _LARGEST:
        messages = _messages(raws)
        if messages is not None:
            return list(messages)
    entries = []
    try:
        for raw in raws:
            entries.append(parse_entry(raw))
    except EntryError:
        pass
    return entries


def _messages(raws: Sequence[bytes]) -> list[Received] | None:
    """The messages that all of the entries are; None where one of them is anything else.

    Protobuf messages joined together are one message, in which a field that is repeated has the
    values of all of them; so a parser written in C reads all of the entries in one call. What is
    not there once in each of them is read one by one.
    """
    try:
        columns: Any = _COLUMNS.FromString(b"".join(raws))
    except DecodeError:
        return None
    count = len(raws)
    stamps, message = columns.timestamp, columns.message
    seconds, nanos, calls = stamps.seconds[:], stamps.nanos[:], columns.call_id[:]
    data, sizes = message.data[:], message.length[:]
    if (
        not len(seconds) == len(nanos) == len(calls) == len(data) == len(sizes) == count
        or columns.type[:] != [pb.Entry.EVENT_TYPE_SERVER_MESSAGE] * count
        or columns.dropped
        or columns.payload_truncated
        or columns.seam
        or sizes != list(map(len, data))
    ):
        return None
    times = [second * 1_000_000_000 + nano for second, nano in zip(seconds, nanos, strict=True)]
    if not 0 <= min(times) <= max(times) <= _LATEST_NS:
        return None
    return list(map(Received, times, data, calls, repeat(False), sizes))


def _columns() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(
        name="grpctap/entry_columns.proto", package="grpctap", syntax="proto3"
    )
    stamp, message, entry = (
        file.message_type.add(name=name) for name in ("Stamps", "Messages", "EntryColumns")
    )

    def add(into: descriptor_pb2.DescriptorProto, name: str, number: int, kind: int) -> None:
        into.field.add(name=name, number=number, type=kind, label=_Field.LABEL_REPEATED)

    add(stamp, "seconds", 1, _Field.TYPE_INT64)
    add(stamp, "nanos", 2, _Field.TYPE_INT32)
    add(message, "length", pb.Message.LENGTH_FIELD_NUMBER, _Field.TYPE_UINT32)
    add(message, "data", pb.Message.DATA_FIELD_NUMBER, _Field.TYPE_BYTES)
    add(entry, "call_id", pb.Entry.CALL_ID_FIELD_NUMBER, _Field.TYPE_UINT64)
    # An enum, which on the wire is a number.
    add(entry, "type", pb.Entry.TYPE_FIELD_NUMBER, _Field.TYPE_INT32)
    add(entry, "payload_truncated", pb.Entry.PAYLOAD_TRUNCATED_FIELD_NUMBER, _Field.TYPE_BOOL)
    add(entry, "dropped", pb.Entry.DROPPED_FIELD_NUMBER, _Field.TYPE_BOOL)
    add(entry, "seam", pb.Entry.SEAM_FIELD_NUMBER, _Field.TYPE_BYTES)
    for name, number, kind in (
        ("timestamp", pb.Entry.TIMESTAMP_FIELD_NUMBER, "Stamps"),
        ("message", pb.Entry.MESSAGE_FIELD_NUMBER, "Messages"),
    ):
        entry.field.add(
            name=name,
            number=number,
            type=_Field.TYPE_MESSAGE,
            type_name=f".grpctap.{kind}",
            label=_Field.LABEL_OPTIONAL,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("grpctap.EntryColumns"))


_COLUMNS = _columns()
