"""The options of protos, their own and those that a proto makes up, as source code has them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from grpctap.core.types import map_entry

_ESCAPES = {byte: f"\\{sign}" for byte, sign in zip(b'\n\r\t"\\', 'nrt"\\', strict=True)}
_UNINTERPRETED = 999


def option_texts(options: Message, pool: DescriptorPool) -> list[tuple[str, str]]:
    """The names and values of options that are set, those that protobuf knows first.

    `pool` has the types of those that a proto made up; what it does not know is left out.
    """
    pairs: list[tuple[str, str]] = []
    for field, value in _as_in(options, pool).ListFields():
        if field.name == "features" and not field.is_extension:
            # These are written one by one.
            pairs += [(f"features.{name}", text) for name, text in _pairs(value)]
        elif field.number != _UNINTERPRETED:
            pairs += [(_name(field), text) for text in _texts(field, value)]
    return sorted(pairs, key=by_name)


def _pairs(message: Message) -> list[tuple[str, str]]:
    return [
        (_name(field), text)
        for field, value in message.ListFields()
        for text in _texts(field, value)
    ]


def by_name(pair: tuple[str, str]) -> tuple[bool, str]:
    """What options are sorted by."""
    return pair[0].startswith("("), pair[0]


def quoted(text: str | bytes) -> str:
    """A string literal of proto source, in ASCII."""
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return f'"{"".join(map(_byte, raw))}"'


def number_text(number: float) -> str:
    """A number of floating point, as source code has it."""
    return f"{number:f}"


def _as_in(options: Message, pool: DescriptorPool) -> Message:
    """The same options, with the extensions that the pool knows."""
    try:
        type_ = pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
        return message_factory.GetMessageClass(type_).FromString(options.SerializePartialToString())
    except (KeyError, DecodeError):
        return options


def _name(field: FieldDescriptor) -> str:
    return f"(.{field.full_name})" if field.is_extension else str(field.name)


def _texts(field: FieldDescriptor, value: Any) -> Iterator[str]:
    for element in _elements(field, value):
        if field.message_type is not None:
            yield f"{{ {element if isinstance(element, str) else _compact(element)} }}"
        elif field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
            yield number_text(element)
        else:
            yield _scalar(field, element)


def _elements(field: FieldDescriptor, value: Any) -> list[Any]:
    if entry := map_entry(field):
        return [f"{_pair(entry[0], key)} {_pair(entry[1], value[key])}" for key in sorted(value)]
    return list(value) if field.is_repeated else [value]


def _compact(message: Message) -> str:
    """A message in protobuf's text format, on one line."""
    return " ".join(
        _pair(field, element)
        for field, value in message.ListFields()
        for element in _elements(field, value)
    )


def _pair(field: FieldDescriptor, value: Any) -> str:
    name = f"[{field.full_name}]" if field.is_extension else field.name
    if isinstance(value, Message):
        return f"{name}:<{_compact(value)}>"
    if field.message_type is not None:
        return f"{name}:<{value}>"
    return f"{name}:{_scalar(field, value)}"


def _scalar(field: FieldDescriptor, value: Any) -> str:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return str(value if known is None else known.name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return short_number(value, single=field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT)
    return quoted(value) if isinstance(value, str | bytes) else str(value)


def short_number(number: float, *, single: bool) -> str:
    """The fewest digits that mean this number, of single or of double precision."""
    text = repr(number)
    if single:
        digits = (f"{number:.{count}g}" for count in range(6, 10))
        text = next((few for few in digits if _single(float(few)) == number), text)
    return text.removesuffix(".0")


def _single(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _byte(byte: int) -> str:
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
