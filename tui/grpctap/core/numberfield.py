"""Numeric fields: by which paths they are named, and how each of them is read.

A path names a number in a message: the names of fields as in the proto, with dots between them,
an index behind what is repeated and a key behind a map: `legs[0].price`, `by_symbol["WTI"]`.
"""

from __future__ import annotations

import json
import math
import re
import time
from functools import lru_cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from grpctap.core.listvalue import last_number
from grpctap.core.text import printable, text_of
from grpctap.core.types import map_entry, type_text

LONGEST_PATH = 500
"""In characters."""
LONGEST_VALUE = 60
"""Characters of a value as text."""

_STEP = re.compile(r'([^.\[\]]+)(?:\[("(?:[^"\\]|\\.)*"|-?[0-9]{1,20}|true|false)\])?(\.|\Z)', re.S)
_NUMBERS = {
    FieldDescriptor.CPPTYPE_DOUBLE,
    FieldDescriptor.CPPTYPE_FLOAT,
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: range(-(2**31), 2**31),
    FieldDescriptor.CPPTYPE_INT64: range(-(2**63), 2**63),
    FieldDescriptor.CPPTYPE_UINT32: range(2**32),
    FieldDescriptor.CPPTYPE_UINT64: range(2**64),
}
_TIMES = {"google.protobuf.Timestamp": "time", "google.protobuf.Duration": "duration"}
_END_OF_TIME = 2.0**37

Key = int | str | bool
"""A place in a list, or what an entry of a map is found by."""


class PathError(ValueError):
    """A path that leads to no number of a type."""


class NumberField:
    """A number in the messages of a type, by its path.

    `path` names it and may hold anything, `name` is the same as a printable text; `type_text` is
    its type as a proto names it. They sort by `order` as they stand in the proto, those of lists
    and maps by their places.
    """

    __slots__ = ("_kind", "_leaf", "_steps", "name", "order", "path", "type_text")

    def __init__(self, place: Place, leaf: FieldDescriptor) -> None:
        self.path = place.path
        self.order = place.order
        self.name = printable(place.path)
        self.type_text = printable(type_text(leaf, one=True), LONGEST_VALUE)
        self._steps = place.steps
        self._leaf = leaf
        self._kind = kind_of(leaf)

    @property
    def plain(self) -> FieldDescriptor | None:
        """The field itself, where it is one of the message and not repeated."""
        return self._leaf if len(self._steps) == 1 and self._steps[0].at is None else None

    def value(self, message: Message) -> Any | None:
        """What the message holds there, as protobuf gives it; None: nothing."""
        found: Any = message
        for name, presence, at, keyed in self._steps:
            # Of the class: a field of the message may have the method's name.
            if presence and not type(found).HasField(found, name):
                return None
            found = getattr(found, name)
            if at is None:
                continue
            if (at not in found) if keyed else (int(at) >= len(found)):
                return None
            found = found[at]
        return found

    def read(self, message: Message) -> float | None:
        """The number in a message; None: it holds none there, or none that is finite."""
        value = self.value(message)
        return None if value is None else self.number(value)

    def number(self, value: Any) -> float | None:
        """A value as a number: an enum's as it is on the wire, a time's in seconds."""
        kind = self._kind
        if kind == "text":
            return last_number(text_of(value))
        number = value.seconds + value.nanos / 1e9 if kind in ("time", "duration") else float(value)
        return number if math.isfinite(number) else None

    def tell(self, value: Any) -> str:
        """A value as a printable text."""
        kind = self._kind
        if kind == "bool":
            return "true" if value else "false"
        if kind == "enum":
            type_ = self._leaf.enum_type
            known = None if type_ is None else type_.values_by_number.get(value)
            return printable(f"{value} {known.name}" if known else f"{value}", LONGEST_VALUE)
        if kind == "text":
            # The number first: it is what the chart shows.
            number, text = self.number(value), text_of(value)
            told = "" if number is None else f"{number:.10g}  "
            return printable(f'{told}"{text[-LONGEST_VALUE:]}"', LONGEST_VALUE)
        if kind == "time":
            return _moment(value)
        if kind == "duration":
            return f"{value.seconds + value.nanos / 1e9:.10g} s"
        if isinstance(value, float):
            single = self._leaf.cpp_type == FieldDescriptor.CPPTYPE_FLOAT
            return f"{value:.7g}" if single else f"{value!r}"
        return f"{value}"


class Step(NamedTuple):
    """A field on the way to a number; `at` None: the field itself, else a place in it."""

    name: str
    presence: bool
    at: Key | None
    keyed: bool


class Shape(NamedTuple):
    """A field of a type, as far as it matters here."""

    field: FieldDescriptor
    name: str
    presence: bool
    repeated: bool
    keyed: bool
    leaf: FieldDescriptor
    """The field itself; of a map, that of its values."""
    kind: str
    """What the number is made of; "": it is a message; "-": nothing with numbers."""


class Place:
    """A place in messages; those below it are made when they are met."""

    __slots__ = ("below", "field", "order", "path", "steps")

    def __init__(
        self, path: str = "", steps: tuple[Step, ...] = (), order: tuple[Any, ...] = ()
    ) -> None:
        self.path = path
        self.steps = steps
        self.order = order
        self.below: dict[tuple[int, Key | None], Place] = {}
        self.field: NumberField | None = None

    def go(self, shape: Shape, number: int, at: Key | None) -> Place:
        """The place at a field, or at a place within it; `number` counts the fields of the type."""
        key = (number, at)
        place = self.below.get(key)
        if place is None:
            path = f"{self.path}.{shape.name}" if self.path else shape.name
            if at is not None:
                path += f"[{json.dumps(at, ensure_ascii=False)}]"
            step = Step(shape.name, shape.presence, at, shape.keyed)
            order = (*self.order, number) if at is None else (*self.order, number, at)
            place = self.below[key] = Place(path, (*self.steps, step), order)
        return place

    def number_field(self, leaf: FieldDescriptor) -> NumberField:
        """The number here."""
        if self.field is None:
            self.field = NumberField(self, leaf)
        return self.field


def kind_of(field: FieldDescriptor) -> str:
    """What the numbers of a field are made of.

    Returns:
        "number", "bool", "enum", "text", "time" or "duration"; "" for any other message, "-" for
        what has no number.
    """
    if field.cpp_type in _NUMBERS:
        return "number"
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return "bool"
    if field.enum_type is not None:
        return "-" if field.enum_type.full_name == "google.protobuf.NullValue" else "enum"
    if field.type == FieldDescriptor.TYPE_STRING:
        return "text"
    if field.message_type is None:
        return "-"
    kind = _TIMES.get(field.message_type.full_name, "")
    # Who calls another type by that name has something else in mind.
    return kind if kind and _is_time(field.message_type) else ""


def _is_time(type_: Descriptor) -> bool:
    parts = [type_.fields_by_name.get(name) for name in ("seconds", "nanos")]
    return all(
        part is not None and not part.is_repeated and part.cpp_type in _INTEGERS for part in parts
    )


@lru_cache(1_000)
def shapes_of(type_: Descriptor) -> tuple[Shape, ...]:
    """The fields of a type, in the order of its proto."""
    found = []
    for field in type_.fields:
        entry = map_entry(field)
        leaf = field if entry is None else entry[1]
        found.append(
            Shape(
                field,
                field.name,
                field.has_presence,
                field.is_repeated,
                entry is not None,
                leaf,
                kind_of(leaf),
            )
        )
    return tuple(found)


def resolve(path: str, type_: Descriptor) -> NumberField:
    """Looks a path up.

    Raises:
        PathError: it leads to no number of the type.
    """
    place, at = Place(), 0
    message: Descriptor | None = type_
    leaf: Shape | None = None
    if len(path) > LONGEST_PATH:
        raise PathError("the path is too long")
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or message is None:
            raise PathError("no path of fields")
        shapes = shapes_of(message)
        number = next((n for n, shape in enumerate(shapes) if shape.name == match[1]), None)
        if number is None:
            raise PathError("there is no such field")
        shape = shapes[number]
        if (match[2] is not None) != shape.repeated:
            raise PathError("an index or a key is missing, or one too many")
        place = place.go(shape, number, None if match[2] is None else _key(shape, match[2]))
        leaf = shape if match.end() == len(path) and not match[3] else None
        message = shape.leaf.message_type if not shape.kind else None
        at = match.end()
    if leaf is None or leaf.kind in ("", "-"):
        raise PathError("no number is there")
    return place.number_field(leaf.leaf)


def _key(shape: Shape, text: str) -> Key:
    try:
        key = json.loads(text)
    except ValueError as error:
        raise PathError("no key") from error
    entry = map_entry(shape.field)
    if entry is None:
        # Of a list so long nobody has heard.
        fits = type(key) is int and 0 <= key < 2**31
    elif entry[0].cpp_type in _INTEGERS:
        fits = type(key) is int and key in _INTEGERS[entry[0].cpp_type]
    elif entry[0].cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        fits = type(key) is bool
    else:
        fits = type(key) is str
    if not fits:
        raise PathError("no key of that map")
    if isinstance(key, str):
        try:
            key.encode()
        except UnicodeEncodeError as error:
            # What no string of protobuf can hold, it refuses to look for.
            raise PathError("no key of that map") from error
    return key  # type: ignore[no-any-return]


def _moment(value: Any) -> str:
    seconds, nanos = value.seconds, value.nanos
    if abs(seconds) >= _END_OF_TIME:
        return f"{seconds} s"
    try:
        local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"
    return f"{local}.{nanos // 1_000_000:03}" if 0 <= nanos < 1_000_000_000 else local
