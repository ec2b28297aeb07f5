"""Entries of a recording, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from grpctap.core.framing import SECOND_NS, Framer
from grpctap.core.recording import Entry, EntryError, Received, parse_entry
from grpctap_protos import recording_pb2 as pb

_Field = descriptor_pb2.FieldDescriptorProto
_LATEST_NS = 2**63 - 1
_LATEST_S = _LATEST_NS // SECOND_NS
# Fewer are faster read one by one, and larger ones no slower.
_LEAST, _LARGEST = 8, 64 * 1024


def parse_entries(raws: Sequence[bytes], framed: bytes) -> list[Entry | None]:
    """Reads entries, each as `parse_entry` does; it ends before the first that is none.

    `framed` are the same entries as they stand in the file, each behind its length.
    """
    entries: list[Entry | None]
    if len(raws) >= _LEAST and max(map(len, raws)) <= _LARGEST:
        messages = _messages(raws, framed)
        if messages is not None:
            return list(messages)
    entries = []
    try:
        for raw in raws:
            entries.append(parse_entry(raw))
    except EntryError:
        pass
    return entries


def _messages(raws: Sequence[bytes], framed: bytes) -> list[Received] | None:
    """The messages that all of the entries are; None where they are to be read one by one.

    Protobuf messages joined together are one message, in which a field that is repeated has the
    values of all of them; so a parser written in C reads all of the entries in one call. What it
    found is written again: entries that differ in one byte from what a recorder makes of their
    messages are none for this, and so no two readers can take them for different things.
    """
    try:
        columns: Any = _COLUMNS.FromString(b"".join(raws))
    except DecodeError:
        return None
    count = len(raws)
    stamps, calls, numbers = columns.timestamp, columns.call_id[:], columns.number[:]
    seconds, nanos, data = stamps.seconds[:], stamps.nanos[:], columns.message.data[:]
    if (
        not len(seconds) == len(nanos) == len(data) == len(calls) == len(numbers) == count
        or calls != calls[:1] * count
        or numbers != list(range(numbers[0], numbers[0] + count))
    ):
        return None
    first, last = min(seconds), max(seconds)
    # To write what came over many seconds takes longer than to read it one by one.
    if first < 0 or last > _LATEST_S or (last - first + 1) * _LEAST > count:
        return None
    times = [second * SECOND_NS + nano for second, nano in zip(seconds, nanos, strict=True)]
    if not 0 <= min(times) <= max(times) <= _LATEST_NS:
        return None
    if b"".join(Framer().frames(calls[0], numbers[0], times, data)) != framed:
        return None
    return list(map(Received, times, data, calls, repeat(False), map(len, data)))


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
    add(message, "data", pb.Message.DATA_FIELD_NUMBER, _Field.TYPE_BYTES)
    add(entry, "call_id", pb.Entry.CALL_ID_FIELD_NUMBER, _Field.TYPE_UINT64)
    add(entry, "number", pb.Entry.SEQUENCE_ID_WITHIN_CALL_FIELD_NUMBER, _Field.TYPE_UINT64)
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
