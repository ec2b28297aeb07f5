"""Plain numbers of many messages read at once, whatever their type."""

from __future__ import annotations

import math
import secrets
import struct
from collections.abc import Sequence
from typing import Any, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from grpctap.core.numberfield import NumberField
from grpctap.core.types import written_oneof

_F = FieldDescriptor
Numbers = Sequence[float | None]
"""A number for each message; None where it has none."""

LEAST_MESSAGES = 4
"""Fewer are faster read one by one."""


def is_plain(number: NumberField) -> bool:
    """Whether the number can be read in bulk: it stands in the message itself, and by itself."""
    field = number.plain
    if field is None or field.message_type is not None or written_oneof(field) is not None:
        return False
    # An old enum's values that nobody knows are as if they were not there.
    return field.enum_type is None or not field.enum_type.is_closed


class Bulk:
    """Reads the numbers of many messages in one call of a parser that is written in C.

    As `ColumnReader` does, it reads messages that are joined together as one message, whose fields
    are repeated. Here each field has a mark of its own between two messages, which nobody can
    foresee; so it tells, too, what a message has not, or has more than once.

    Args:
        numbers: Numbers that are plain, of one type.
    """

    def __init__(self, numbers: Sequence[NumberField]) -> None:
        self._numbers = numbers
        self._fields = [cast("FieldDescriptor", number.plain) for number in numbers]
        self._type = _repeated(self._fields)
        self._marks = [_mark(field) for field in self._fields]
        separator: Any = self._type()
        for field, mark in zip(self._fields, self._marks, strict=True):
            getattr(separator, _name(field)).append(mark)
        self._separator: bytes = separator.SerializeToString()

    def read(self, raws: Sequence[bytes]) -> list[Numbers] | None:
        """The numbers of one message or more, for each field; None: they are to be read alone."""
        try:
            joined: Any = self._type.FromString(self._separator.join(raws))
        except DecodeError:
            return None
        columns: list[Numbers] = []
        for number, field, mark in zip(self._numbers, self._fields, self._marks, strict=True):
            found = _values(getattr(joined, _name(field))[:], mark, len(raws), field)
            if found is None:
                return None
            columns.append(_as_numbers(found, number, field))
        return columns


def _values(column: list[Any], mark: Any, count: int, field: FieldDescriptor) -> list[Any] | None:
    """The last value of each message; None: the messages cannot be told apart."""
    marks = count - 1
    if len(column) == marks + count and column[1::2] == [mark] * marks:
        return column[::2]
    if column.count(mark) != marks:
        return None
    # Absent is what the field has by itself, or nothing, where that can be told.
    absent = None if field.has_presence else _absent(field)
    values, last = [], absent
    for value in column:
        if value == mark:
            values.append(last)
            last = absent
        else:
            last = value
    values.append(last)
    return values


def _as_numbers(values: list[Any], number: NumberField, field: FieldDescriptor) -> Numbers:
    if field.type == _F.TYPE_BOOL:
        return [None if value is None else float(value != 0) for value in values]
    if field.type == _F.TYPE_STRING:
        return [None if value is None else number.number(value) for value in values]
    if None not in values and all(map(math.isfinite, values)):
        return list(map(float, values))
    return [None if value is None else number.number(value) for value in values]


def _absent(field: FieldDescriptor) -> Any:
    return b"" if field.type == _F.TYPE_STRING else 0


def _mark(field: FieldDescriptor) -> Any:
    """A value that nobody can foresee, and that is finite."""
    if field.type == _F.TYPE_STRING:
        return secrets.token_bytes(16)
    if field.type == _F.TYPE_DOUBLE:
        return struct.unpack("<d", secrets.token_bytes(7) + b"\x3f")[0]
    if field.type == _F.TYPE_FLOAT:
        return struct.unpack("<f", secrets.token_bytes(3) + b"\x3f")[0]
    if field.cpp_type in (_F.CPPTYPE_INT64, _F.CPPTYPE_UINT64, _F.CPPTYPE_BOOL):
        return 2**62 + secrets.randbits(61)
    return 2**30 + secrets.randbits(30)


def _name(field: FieldDescriptor) -> str:
    # No name of a method of messages.
    return f"column_{field.number}"


def _repeated(fields: Sequence[FieldDescriptor]) -> type[Message]:
    """A type with these fields, repeated, with text as bytes and truth and enums as integers."""
    file = descriptor_pb2.FileDescriptorProto(
        name="grpctap/Bulk.proto", package="grpctap", syntax="proto3"
    )
    bulk = file.message_type.add(name="Bulk")
    types = {_F.TYPE_STRING: _F.TYPE_BYTES, _F.TYPE_BOOL: _F.TYPE_UINT64}
    types[_F.TYPE_ENUM] = _F.TYPE_INT32
    for number in sorted({field.number for field in fields}):
        field = next(field for field in fields if field.number == number)
        bulk.field.add(
            name=_name(field),
            number=number,
            type=cast("Any", types.get(field.type, field.type)),
            label=descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("grpctap.Bulk"))
