"""What many values of one field look like in a line of the log, written all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from datetime import date
from functools import lru_cache
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from grpctap.core.oneline import (
    bytes_text,
    duration_text,
    known_text,
    number_text,
    quoted,
    time_text,
)
from grpctap.core.text import text_of

PREFIX = "google.protobuf."
"""What the names of well-known types begin with."""

Texts = Callable[[Sequence[Any], int], Sequence[str | None]]
"""Writes values of a field, in messages that stand so deep in others.

None stands for a value that is out of the ordinary.
"""

_SHORT_FORMS = frozenset(
    f"{PREFIX}{kind}"
    for kind in (
        *("DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value"),
        *("BoolValue", "StringValue", "BytesValue", "FieldMask"),
    )
)
_SECOND_NS = 1_000_000_000
_DIGITS = [f"{number:02d}" for number in range(60)]


def scalar_texts(field: FieldDescriptor) -> Texts:
    """Writes values of a field that are no messages."""
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enums(cast("EnumDescriptor", field.enum_type))
    return _WRITERS.get(kind, _integers)


def known_texts(type_: Descriptor) -> Texts:
    """Writes messages of a well-known type."""
    match type_.full_name.removeprefix(PREFIX):
        case "Timestamp":
            return _times
        case "Duration":
            return lambda values, _: [duration_text(each.seconds, each.nanos) for each in values]
    if type_.full_name in _SHORT_FORMS:
        return lambda values, _: [known_text(type_, value) for value in values]
    return lambda values, _: [None] * len(values)


def _integers(values: Sequence[int], _: int) -> list[str]:
    # One call in C for all of them.
    return repr(values)[1:-1].split(", ") if values else []


def _truths(values: Sequence[bool], _: int) -> list[str]:
    return ["true" if value else "false" for value in values]


def _doubles(values: Sequence[float], _: int) -> list[str]:
    if not values:
        return []
    # In a set, 0 and -0 are one.
    if all(values):
        distinct = set(values)
        if 2 * len(distinct) <= len(values):
            numbers = list(distinct)
            known = dict(zip(numbers, _doubles(numbers, 0), strict=True))
            return list(map(known.__getitem__, values))
    # One call in C for all of them; whole ones without a point.
    return f"{repr(values)[1:-1]}, ".replace(".0, ", ", ")[:-2].split(", ")


def _singles(values: Sequence[float], _: int) -> list[str]:
    # In a set, 0 and -0 are one.
    return _once(values, _single) if all(values) else list(map(_single, values))


def _single(value: float) -> str:
    return number_text(value, single=True)


def _strings(values: Sequence[str | bytes], _: int) -> list[str]:
    return _once(values, _string)


def _string(value: str | bytes) -> str:
    return quoted(text_of(value))


def _once(values: Sequence[Any], write: Callable[[Any], str]) -> list[str]:
    """Writes each value, those that come again and again only once."""
    distinct = set(values)
    if 2 * len(distinct) > len(values):
        return list(map(write, values))
    known = dict(zip(distinct, map(write, distinct), strict=True))
    return list(map(known.__getitem__, values))


def _bytes(values: Sequence[bytes], _: int) -> list[str]:
    return list(map(bytes_text, values))


def _enums(enum: EnumDescriptor) -> Texts:
    # Of several names of a number, the one that it is looked up by.
    names = {number: enum.values_by_number[number].name for number in enum.values_by_number}

    def write(values: Sequence[int], _: int) -> list[str]:
        return [names.get(value) or str(value) for value in values]

    return write


_WRITERS: dict[int, Texts] = {
    FieldDescriptor.CPPTYPE_STRING: _strings,
    FieldDescriptor.CPPTYPE_BOOL: _truths,
    FieldDescriptor.CPPTYPE_DOUBLE: _doubles,
    FieldDescriptor.CPPTYPE_FLOAT: _singles,
}


def _times(values: Sequence[Any], _: int) -> list[str | None]:
    seconds = [value.seconds for value in values]
    nanos = [value.nanos for value in values]
    known = _seconds(set(seconds))
    return [
        _with_thousandths(known[second], nano) if nano else known[second]
        for second, nano in zip(seconds, nanos, strict=True)
    ]


def _with_thousandths(text: str | None, nanos: int) -> str | None:
    if text is None or not 0 <= nanos < _SECOND_NS:
        return None
    thousandths = nanos // 1_000_000
    return f"{text}.{thousandths:03d}" if thousandths else text


def _seconds(seconds: Set[int]) -> dict[int, str | None]:
    """What whole seconds since the epoch look like; None where no calendar has them."""
    minutes = {second // 60 for second in seconds}
    if 4 * len(minutes) > len(seconds):
        return {second: time_text(second, 0) for second in seconds}
    today = date.today()
    begun = {minute: _minute(minute, today) for minute in minutes}
    return {
        second: time_text(second, 0) if begin is None else begin + _DIGITS[second % 60]
        for second, begin in ((second, begun[second // 60]) for second in seconds)
    }


@lru_cache(4096)
def _minute(minute: int, today: date) -> str | None:  # noqa: ARG001 - without the date if it is
    """What all times of a minute begin with: "12:34:"; None: they differ, as in zones of old."""
    first, last = time_text(60 * minute, 0), time_text(60 * minute + 59, 0)
    if first is None or last is None or not first.endswith(":00"):
        return None
    begin = first.removesuffix("00")
    return begin if last == f"{begin}59" else None
