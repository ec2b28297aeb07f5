"""Many serialised messages read at once, field by field."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from grpctap.core.wire import as_varint

_File = descriptor_pb2.FileDescriptorProto
_Field = descriptor_pb2.FieldDescriptorProto
# A number that nobody can foresee, of always the same length on the wire.
_MARK = 2**34 + secrets.randbits(34)


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
