"""Templates: requests as JSON to begin with, made from the types of their fields."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from grpctap.core.types import is_map, map_entry

MAX_DEPTH = 4
"""How many messages within one another are opened where they must be there."""
_MOST_FIELDS = 10_000

_INDENT = 2
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
# What these are in JSON, each with a value that says how it is written.
WELL_KNOWN: dict[str, Any] = {
    "google.protobuf.Timestamp": "2026-01-01T00:00:00Z",
    "google.protobuf.Duration": "1s",
    "google.protobuf.FieldMask": "",
    "google.protobuf.Struct": {},
    "google.protobuf.Value": "",
    "google.protobuf.ListValue": [],
    "google.protobuf.Any": {},
    "google.protobuf.Empty": {},
    "google.protobuf.DoubleValue": 0,
    "google.protobuf.FloatValue": 0,
    "google.protobuf.Int64Value": 0,
    "google.protobuf.UInt64Value": 0,
    "google.protobuf.Int32Value": 0,
    "google.protobuf.UInt32Value": 0,
    "google.protobuf.BoolValue": False,
    "google.protobuf.StringValue": "",
    "google.protobuf.BytesValue": "",
}
# For these null is a value of its own, and so no way to leave the field out.
_NULL_IS_A_VALUE = ("google.protobuf.Value", "google.protobuf.NullValue")


def template(message: Descriptor) -> str:
    """The message as JSON with all its fields, none of which says anything yet.

    A field that tells "not set" from its zero value is null: that leaves it out. So a request that
    is sent as it stands is an empty one, but for what a proto2 message requires. The text is ASCII
    and printable, whatever the names are.
    """
    return _text(_Maker().message(message, 0))


def filled(field: FieldDescriptor, indent: int = 0) -> str:
    """A value for a field to begin with, as JSON: one element where there may be many.

    `indent` is that of the line on which it begins.
    """
    value: object
    if entry := map_entry(field):
        value = {_key(entry[0]): _Maker().one(entry[1], 0)}
    else:
        one = _Maker().one(field, 0)
        value = [one] if field.is_repeated else one
    first, *rest = _text(value).split("\n")
    return "\n".join([first, *(" " * indent + line for line in rest)])


def _has_template(field: FieldDescriptor) -> bool:
    type_ = field.message_type or field.enum_type
    null_is_a_value = type_ is not None and type_.full_name in _NULL_IS_A_VALUE
    return not null_is_a_value or field.is_repeated or field.is_required


class _Maker:
    """Makes values of one template, up to a number of fields: types may require each other."""

    def __init__(self) -> None:
        self._room = _MOST_FIELDS

    def message(self, message: Descriptor, depth: int) -> dict[str, object]:
        fields = [field for field in message.fields if _has_template(field)][: max(self._room, 0)]
        self._room -= len(fields)
        return {field.json_name: self._value(field, depth) for field in fields}

    def _value(self, field: FieldDescriptor, depth: int) -> object:
        if is_map(field):
            return {}
        if field.is_repeated:
            return []
        # What is required is opened, and a type that requires itself has no end.
        if field.has_presence and not (field.is_required and depth < MAX_DEPTH):
            return None
        return self.one(field, depth)

    def one(self, field: FieldDescriptor, depth: int) -> object:
        if field.message_type is not None:
            name = field.message_type.full_name
            known = name in WELL_KNOWN
            return WELL_KNOWN[name] if known else self.message(field.message_type, depth + 1)
        if field.enum_type is not None:
            if field.enum_type.full_name == "google.protobuf.NullValue":
                return None
            return field.enum_type.values[0].name
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return False
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            return ""
        return 0.0 if field.cpp_type in _FLOATS else 0


def _key(field: FieldDescriptor) -> str:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return "key"
    return "false" if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else "0"


def _text(value: object) -> str:
    return json.dumps(value, indent=_INDENT)
