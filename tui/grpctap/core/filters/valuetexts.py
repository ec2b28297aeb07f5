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
_THOUSANDTHS = ["", *(f".{number:03d}" for number in range(1, 1_000))]
# So many values of a field are known, each of so many characters at most.
_MOST_KNOWN, _LONGEST_KNOWN = 4_096, 64
# So many values tell whether they come again.
_ENOUGH = 1_024
_DIGITS = [f"{number:02d}" for number in range(60)]


def scalar_texts(field: FieldDescriptor) -> Texts:
    """Writes values of a field that are no messages."""
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enums(cast("EnumDescriptor", field.enum_type))
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return _truths
    write = _REPEATED.get(kind)
    return _integers if write is None else _Repeated(write)


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


def _doubles(values: Sequence[float]) -> list[str]:
    # One call in C for all of them; whole ones without a point.
    return f"{repr(values)[1:-1]}, ".replace(".0, ", ", ")[:-2].split(", ") if values else []


def _singles(values: Sequence[float]) -> list[str]:
    return [number_text(value, single=True) for value in values]


def _strings(values: Sequence[str | bytes]) -> list[str]:
    return [quoted(text_of(value)) for value in values]


class _Repeated:
    """Writes values that often come again, each once, as long as they do."""

    def __init__(self, write: Callable[[Sequence[Any]], list[str]]) -> None:
        self._write = write
        self._known: dict[Any, str] = {}
        self._asked = self._new = 0

    def __call__(self, values: Sequence[Any], _: int) -> list[str]:
        if not self._is_worth_it(values):
            return self._write(values)
        known = self._known
        texts = list(map(known.get, values))
        if None not in texts:
            self._asked += len(values)
            return cast("list[str]", texts)
        new = list({value for value, text in zip(values, texts, strict=True) if text is None})
        if len(known) + len(new) > _MOST_KNOWN:
            known.clear()
            new = list(set(values))
        known.update(zip(new, self._write(new), strict=True))
        self._asked += len(values)
        self._new += len(new)
        return list(map(known.__getitem__, values))

    def _is_worth_it(self, values: Sequence[Any]) -> bool:
        if self._asked > _MOST_KNOWN:
            # What was so long ago says less of what comes.
            self._asked, self._new = self._asked // 2, self._new // 2
        if 2 * self._new > self._asked > _ENOUGH:
            # It is tried again after a while.
            self._known.clear()
            self._asked += len(values)
            return False
        first = values[0] if values else 0.0
        if isinstance(first, float):
            # To a dict, 0 and -0 are one.
            return all(values)
        return max(map(len, values)) <= _LONGEST_KNOWN


def _bytes(values: Sequence[bytes], _: int) -> list[str]:
    return list(map(bytes_text, values))


def _enums(enum: EnumDescriptor) -> Texts:
    # Of several names of a number, the one that it is looked up by.
    names = {number: enum.values_by_number[number].name for number in enum.values_by_number}

    def write(values: Sequence[int], _: int) -> list[str]:
        return [names.get(value) or str(value) for value in values]

    return write


_REPEATED: dict[int, Callable[[Sequence[Any]], list[str]]] = {
    FieldDescriptor.CPPTYPE_STRING: _strings,
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
    return text + _THOUSANDTHS[nanos // 1_000_000]


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
