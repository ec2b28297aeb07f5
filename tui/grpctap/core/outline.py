"""A message as a tree of its fields, each looked at when somebody opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from grpctap.core.jsontext import is_map
from grpctap.core.oneline import (
    OneLine,
    any_content,
    bytes_text,
    in_order,
    name_of,
    scalar,
    type_of,
)
from grpctap.core.text import printable

MOST_ENTRIES = 1_000
"""Entries below one."""
LONGEST_VALUE = 2_000
"""Characters of a value."""
PREVIEW = 120

_WIRE_TYPES = {0: "varint", 1: "64 bits", 2: "bytes", 3: "group", 5: "32 bits"}
_TYPES = FieldDescriptorProto.Type.DESCRIPTOR.values_by_number


class Entry(NamedTuple):
    """A field, or an element of one, each text printable; `inside` gives what is below it."""

    name: str
    type: str
    value: str
    inside: Callable[[], list[Entry]] | None = None


class Outline:
    """Makes the entries of messages; `pool` knows the types that an Any may hold."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._one_line = OneLine(pool)

    def of(self, message: Message) -> list[Entry]:
        """The fields of a message that are set, in the proto's order, and what nobody knows."""
        return _bounded(self._fields(message), None)

    def _fields(self, message: Message) -> Iterator[Entry]:
        for field, value in in_order(message):
            yield self._field(field, value)
        yield from map(_unknown, cast("Iterable[Any]", UnknownFieldSet(message)))

    def _field(self, field: FieldDescriptor, value: Any) -> Entry:
        name = printable(name_of(field))
        if is_map(field):
            return Entry(
                name,
                _type(field),
                _count(len(value), "entry", "entries"),
                self._map_of(field, value),
            )
        if field.is_repeated:
            return Entry(
                name,
                _type(field),
                _count(len(value), "element", "elements"),
                self._list_of(field, value),
            )
        return self._element(field, value, name, _type(field))

    def _map_of(self, field: FieldDescriptor, value: Any) -> Callable[[], list[Entry]]:
        entry = cast("Descriptor", field.message_type)
        key_field, value_field = entry.fields_by_number[1], entry.fields_by_number[2]

        def inside() -> list[Entry]:
            keys = sorted(value) if len(value) <= MOST_ENTRIES else value
            made = (
                self._element(value_field, value[key], scalar(key_field, key), _type(value_field))
                for key in keys
            )
            return _bounded(made, len(value))

        return inside

    def _list_of(self, field: FieldDescriptor, value: Any) -> Callable[[], list[Entry]]:
        def inside() -> list[Entry]:
            made = (
                self._element(field, part, f"[{index}]", _type(field, one=True))
                for index, part in enumerate(value)
            )
            return _bounded(made, len(value))

        return inside

    def _element(self, field: FieldDescriptor, value: Any, name: str, type_: str) -> Entry:
        name = printable(name)
        if field.message_type is None:
            text = scalar(field, value, LONGEST_VALUE)
            if field.type == FieldDescriptor.TYPE_STRING and len(value) > LONGEST_VALUE:
                text = f"{len(value):,} characters: {text}"
            elif field.cpp_type == FieldDescriptor.CPPTYPE_ENUM and text != str(value):
                text = f"{text} ({value})"
            return Entry(name, type_, printable(text))
        return Entry(name, type_, self._one_line.write(value, PREVIEW), self._inside(value))

    def _inside(self, message: Message) -> Callable[[], list[Entry]]:
        def inside() -> list[Entry]:
            if type_of(message).full_name == "google.protobuf.Any":
                content = self._content(message)
                if content is not None:
                    return self.of(content)
            return self.of(message)

        return inside

    def _content(self, message: Any) -> Message | None:
        try:
            return any_content(message, self._pool)
        except (AttributeError, TypeError):
            # A server may have a type of this name of its own making.
            return None


def unknown_count(message: Message) -> int:
    """How many fields of a message its type does not know, without those of messages in it."""
    return len(UnknownFieldSet(message))


def _bounded(entries: Iterator[Entry], size: int | None) -> list[Entry]:
    made = list(islice(entries, MOST_ENTRIES))
    if size is None:
        size = len(made) + sum(1 for _ in entries)
    if size > len(made):
        made.append(Entry("…", "", f"and {size - len(made):,} more"))
    return made


def _unknown(field: Any) -> Entry:
    wire = _WIRE_TYPES.get(field.wire_type, str(field.wire_type))
    name = f"unknown {field.field_number}"
    if isinstance(field.data, bytes):
        return Entry(name, wire, f"{len(field.data):,} bytes: {bytes_text(field.data)}")
    if isinstance(field.data, int):
        return Entry(name, wire, str(field.data))
    return Entry(
        name,
        wire,
        _count(len(field.data), "field", "fields"),
        lambda: _bounded(map(_unknown, field.data), len(field.data)),
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _type(field: FieldDescriptor, *, one: bool = False) -> str:
    if is_map(field):
        entry = cast("Descriptor", field.message_type)
        key, value = entry.fields_by_number[1], entry.fields_by_number[2]
        return f"map<{_type(key)}, {_type(value)}>"
    if field.message_type is not None:
        name = field.message_type.full_name
    elif field.enum_type is not None:
        name = field.enum_type.full_name
    else:
        name = _TYPES[field.type].name.removeprefix("TYPE_").lower()
    if field.is_repeated and not one:
        return f"repeated {name}"
    oneof = field.containing_oneof
    # Protobuf makes a oneof of its own for each optional field, and names it so.
    if oneof is not None and not (len(oneof.fields) == 1 and oneof.name == f"_{field.name}"):
        return f"{name}, oneof {oneof.name}"
    return name
