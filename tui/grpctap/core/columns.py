"""Many serialised messages read at once, field by field."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from grpctap.core.wire import as_varint

_File = descriptor_pb2.FileDescriptorProto
_Field = descriptor_pb2.FieldDescriptorProto
# A number that nobody can foresee, of always the same length on the wire.
_MARK = 2**34 + secrets.randbits(34)

_LONG = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}


class Columns(Protocol):
    """The fields of many messages, each with the values of all of them."""

    def __getattr__(self, name: str) -> Sequence[object]: ...


class ColumnReader:
    """Reads the fields of numbers and text of many messages of one type at once.

    Protobuf messages joined together are one message, in which a field that is repeated has the
    values of all of them. So a parser written in C reads all of the messages in one call.

    Between two messages stands the field `marked` once more, with a number that nobody can foresee.
    Where it is found again between each two values of that field, each message is whole and has
    the field once.

    Args:
        kind: The type of the messages.
        marked: A field of it that holds a whole number without a sign (uint64).
    """

    def __init__(self, kind: Descriptor, marked: str) -> None:
        self._type = _repeated(kind)
        self._marked = marked
        tag = kind.fields_by_name[marked].number << 3
        self._separator = as_varint(tag) + as_varint(_MARK)

    def read(self, raws: Sequence[bytes]) -> tuple[Columns, list[int]] | None:
        """Reads one or more messages.

        Returns:
            The columns, and that of the marked field without the marks; None when a message is no
            such message, or does not have that field just once.
        """
        try:
            columns = cast("Columns", self._type.FromString(self._separator.join(raws)))
        except DecodeError:
            return None
        marked = cast("list[int]", getattr(columns, self._marked)[:])
        marks = len(raws) - 1
        if len(marked) != 2 * marks + 1 or marked[1::2] != [_MARK] * marks:
            return None
        return columns, marked[::2]


class MarkedColumn:
    """Reads one field of many messages of a type at once, whether each of them has it or not.

    Between two messages stands the field once more, with a value that nobody can foresee.

    Args:
        field: Text, bytes, an enum or whole numbers; single, and in no oneof with others.
    """

    def __init__(self, field: FieldDescriptor) -> None:
        kind = cast("_Field.Type.ValueType", field.type)
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            kind, self._mark = _Field.TYPE_BYTES, cast("Any", secrets.token_bytes(16))
        elif field.cpp_type in _LONG:
            self._mark = 2**61 + secrets.randbits(61)
        else:
            kind = kind if field.enum_type is None else _Field.TYPE_INT32
            self._mark = 2**30 + secrets.randbits(30)
        file = _File(name="grpctap/column.proto", package="grpctap", syntax="proto3")
        message = file.message_type.add(name="Column")
        label = _Field.LABEL_REPEATED
        message.field.add(name="values", number=field.number, type=kind, label=label)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        type_ = message_factory.GetMessageClass(pool.FindMessageTypeByName("grpctap.Column"))
        self._parse = cast("Callable[[bytes], Any]", type_.FromString)
        self._separator = type_(values=[self._mark]).SerializeToString()

    def read(self, raws: Sequence[bytes]) -> list[Any] | None:
        """The field's values, text as bytes, and None where a message does not have it.

        Returns:
            None where it cannot tell, as when a message is no message.
        """
        mark = self._mark
        try:
            found = self._parse(self._separator.join(raws)).values[:]
        except DecodeError:
            return None
        marks = len(raws) - 1
        if len(found) == 2 * marks + 1 and found[1::2] == [mark] * marks:
            return found[::2]  # type: ignore[no-any-return]
        if found.count(mark) != marks:
            return None
        values: list[Any] = [None]
        for value in found:
            if value == mark:
                values.append(None)
            else:
                # Of a field that a message has twice, the last counts.
                values[-1] = value
        return values


def _repeated(kind: Descriptor) -> type[Message]:
    """A type with the plain fields of `kind`, repeated, and text as bytes, whatever they are."""
    name = f"{kind.name}Columns"
    file = _File(name=f"grpctap/{name}.proto", package="grpctap", syntax="proto3")
    columns = file.message_type.add(name=name)
    for field in kind.fields:
        if field.message_type is None and not field.is_repeated:
            text = field.type == _Field.TYPE_STRING
            columns.field.add(
                name=field.name,
                number=field.number,
                type=_Field.TYPE_BYTES if text else cast("_Field.Type.ValueType", field.type),
                label=_Field.LABEL_REPEATED,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"grpctap.{name}"))
