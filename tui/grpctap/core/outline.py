"""A message as a tree of its fields, each looked at when somebody opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

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
from grpctap.core.types import MapEntry, map_entry, type_text, written_oneof

MOST_ENTRIES = 1_000
"""Entries below one."""
LONGEST_VALUE = 2_000
"""Characters of a value."""
PREVIEW = 120

_WIRE_TYPES = {0: "varint", 1: "64 bits", 2: "bytes", 3: "group", 5: "32 bits"}


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
        if entry := map_entry(field):
            return Entry(
                name,
                _type(field),
                _count(len(value), "entry", "entries"),
                self._map_of(entry, value),
            )
        if field.is_repeated:
            return Entry(
                name,
                _type(field),
                _count(len(value), "element", "elements"),
                self._list_of(field, value),
            )
        return self._element(field, value, name, _type(field))

    def _map_of(self, entry: MapEntry, value: Any) -> Callable[[], list[Entry]]:
        key_field, value_field = entry

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
                self._element(field, part, f"[{index}]", type_text(field, full=True, one=True))
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


def _type(field: FieldDescriptor) -> str:
    oneof = written_oneof(field)
    text = type_text(field, full=True)
    return text if oneof is None else f"{text}, oneof {oneof.name}"
