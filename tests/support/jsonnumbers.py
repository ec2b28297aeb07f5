"""The numbers of a message as its JSON has them, found without any of the viewer's code."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

from google.protobuf import duration_pb2, json_format, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

_F = FieldDescriptor
_WRAPPED = {"Bool", "Double", "Float", "Int32", "Int64", "UInt32", "UInt64", "String", "Bytes"}
_WRAPPERS = {f"google.protobuf.{name}Value" for name in _WRAPPED}
_TIMES: dict[str, Any] = {
    "google.protobuf.Timestamp": timestamp_pb2.Timestamp,
    "google.protobuf.Duration": duration_pb2.Duration,
}
Found = Iterator[tuple[str, float | str]]
"""Paths with their numbers, and with the texts of strings."""


def json_numbers(message: Message, pool: DescriptorPool) -> dict[str, float | str]:
    """Each number that is finite, and each string, by its path."""
    document = json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        descriptor_pool=pool,
    )
    found = dict(_message(document, cast("Descriptor", message.DESCRIPTOR), ""))
    return {at: v for at, v in found.items() if isinstance(v, str) or math.isfinite(v)}


def _message(document: Any, type_: Descriptor, path: str) -> Found:
    name, start = type_.full_name, f"{path}." if path else ""
    if name in _TIMES:
        moment = _TIMES[name]()
        moment.FromJsonString(document)
        yield path, moment.seconds + moment.nanos / 1e9
    elif name in _WRAPPERS:
        yield from _value(document, type_.fields_by_name["value"], f"{start}value")
    elif name == "google.protobuf.Struct":
        yield from _struct(document, path)
    elif name == "google.protobuf.ListValue":
        yield from _list(document, path)
    elif name == "google.protobuf.Value":
        yield from _any_json(document, path)
    elif name not in ("google.protobuf.Any", "google.protobuf.FieldMask"):
        for key, value in document.items():
            # Extensions have no name that a path could have.
            if not key.startswith("["):
                yield from _field(value, type_.fields_by_name[key], f"{start}{key}")


def _field(value: Any, field: FieldDescriptor, path: str) -> Found:
    inner = field.message_type
    if inner is not None and field.is_repeated and inner.GetOptions().map_entry:
        key_field, value_field = inner.fields
        for key, element in value.items():
            at = _quoted(key) if key_field.cpp_type == _F.CPPTYPE_STRING else key
            yield from _value(element, value_field, f"{path}[{at}]")
    elif field.is_repeated:
        for at, element in enumerate(value):
            yield from _value(element, field, f"{path}[{at}]")
    else:
        yield from _value(value, field, path)


def _value(value: Any, field: FieldDescriptor, path: str) -> Found:
    if field.message_type is not None:
        yield from _message(value, field.message_type, path)
    elif field.enum_type is not None:
        if field.enum_type.full_name != "google.protobuf.NullValue":
            known = field.enum_type.values_by_name
            yield path, float(known[value].number if isinstance(value, str) else value)
    elif field.type == _F.TYPE_STRING:
        yield path, value
    elif field.type != _F.TYPE_BYTES:
        yield path, float(value)


def _struct(document: dict[str, Any], path: str) -> Found:
    for key, value in document.items():
        yield from _any_json(value, f"{path}.fields[{_quoted(key)}]")


def _list(document: list[Any], path: str) -> Found:
    for at, value in enumerate(document):
        yield from _any_json(value, f"{path}.values[{at}]")


def _any_json(value: Any, path: str) -> Found:
    if isinstance(value, bool):
        yield f"{path}.bool_value", float(value)
    elif isinstance(value, int | float):
        yield f"{path}.number_value", float(value)
    elif isinstance(value, str):
        yield f"{path}.string_value", value
    elif isinstance(value, dict):
        yield from _struct(value, f"{path}.struct_value")
    elif isinstance(value, list):
        yield from _list(value, f"{path}.list_value")


def _quoted(key: str) -> str:
    signs = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    signs |= {"\b": "\\b", "\f": "\\f"}
    text = "".join(
        signs.get(sign) or (f"\\u{ord(sign):04x}" if ord(sign) < 0x20 else sign) for sign in key
    )
    return f'"{text}"'
