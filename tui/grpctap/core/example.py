"""Example messages: every field of a type, as JSON, as grpcurl's -msg-template has them."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from grpctap.core.jsontext import escape
from grpctap.core.optiontext import short_number
from grpctap.core.types import MapEntry, map_entry

_LONG = {
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT64,
}
_FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)
# Types that hold each other have more ways to do so than anybody reads.
_MOST_FIELDS = 10_000
_ANY_JSON = "supports arbitrary JSON"
_WELL_KNOWN: dict[str, Any] = {
    "google.protobuf.Any": {"@type": "type.googleapis.com/google.protobuf.Empty", "value": {}},
    "google.protobuf.Duration": "0s",
    "google.protobuf.FieldMask": "",
    "google.protobuf.ListValue": [
        {"google.protobuf.ListValue": "is an array of arbitrary JSON values"}
    ],
    "google.protobuf.Struct": {"google.protobuf.Struct": "supports arbitrary JSON objects"},
    "google.protobuf.Timestamp": "1970-01-01T00:00:00Z",
    "google.protobuf.Value": {"google.protobuf.Value": _ANY_JSON},
}
_WRAPPERS = {
    f"google.protobuf.{name}Value"
    for name in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
}


def example(descriptor: Any) -> str | None:
    """A message of this type as JSON, in printable lines; None: the descriptor is of no message.

    Each field has its default; what is repeated has one element, a map one entry, and of a oneof
    the last message is set. A type within itself is left empty, and so is what comes after ten
    thousand fields.
    """
    if not isinstance(descriptor, Descriptor) or descriptor.GetOptions().map_entry:
        return None
    text = json.dumps(_Example().message(descriptor, ()), indent=2, ensure_ascii=False)
    return "\n".join(map(escape, text.split("\n")))


class _Example:
    def __init__(self) -> None:
        self._room = _MOST_FIELDS

    def message(self, type_: Descriptor, within: tuple[str, ...]) -> Any:
        """A message of a type, within others of these names."""
        name = type_.full_name
        if name in _WELL_KNOWN:
            return _WELL_KNOWN[name]
        if name in _WRAPPERS:
            return _scalar(type_.fields_by_name["value"])
        empty = name in within or self._room < 0
        pairs: dict[str, Any] = {}
        of_oneofs: dict[str, str] = {}
        for field in sorted(type_.fields, key=lambda field: field.number):
            self._room -= 1
            oneof = field.containing_oneof
            if oneof is not None:
                if field.message_type is None or empty:
                    continue
                pairs.pop(of_oneofs.get(oneof.full_name, ""), None)
                of_oneofs[oneof.full_name] = field.json_name
            pairs[field.json_name] = self._field(field, (*within, name), empty=empty)
        return pairs

    def _field(self, field: FieldDescriptor, within: tuple[str, ...], *, empty: bool) -> Any:
        if entry := map_entry(field):
            return {} if empty else dict([self._entry(entry, within)])
        if field.is_repeated:
            return [] if empty else [self._value(field, within)]
        if field.message_type is not None and empty:
            return None
        return self._value(field, within)

    def _entry(self, entry: MapEntry, within: tuple[str, ...]) -> tuple[str, Any]:
        key, value = _scalar(entry[0]), self._value(entry[1], within)
        return key if isinstance(key, str) else json.dumps(key), value

    def _value(self, field: FieldDescriptor, within: tuple[str, ...]) -> Any:
        message = field.message_type
        return _scalar(field) if message is None else self.message(message, within)


def _scalar(field: FieldDescriptor) -> Any:
    """The default of a field, or of one of its elements."""
    value: Any = field.default_value
    if field.is_repeated:
        # The default of what is repeated is that there is none.
        value = _zero(field)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if field.cpp_type in _FLOATS:
        return _number(value, single=field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT)
    return str(value) if field.cpp_type in _LONG else value


def _zero(field: FieldDescriptor) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[0].number
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b""
    if field.type == FieldDescriptor.TYPE_STRING:
        return ""
    return False if field.type == FieldDescriptor.TYPE_BOOL else 0


def _number(value: float, *, single: bool) -> float | int | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    number = float(short_number(value, single=single))
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
