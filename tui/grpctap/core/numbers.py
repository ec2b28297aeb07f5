"""Numeric fields: which numbers the messages of a type hold, and how each of them is read.

A path names a number in a message: the names of fields as in the proto, with dots between them,
an index behind what is repeated and a key behind a map: `legs[0].price`, `by_symbol["WTI"]`.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from grpctap.core.listvalue import last_number
from grpctap.core.text import printable, text_of
from grpctap.core.types import map_entry, type_text

MOST_FIELDS = 2_000
"""So many fields are told at most."""
MOST_ENTRIES = 500
"""So many elements of a list, or entries of a map, are looked at in a message."""
LONGEST_PATH = 500
"""In characters."""
LONGEST_VALUE = 60
"""Characters of a value as text."""

# A type is followed so deep without a message, and a message so deep.
_DEPTH_OF_TYPE, _DEPTH = 6, 30
_LOOKS = 10_000
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

    def __init__(self, place: _Place, leaf: FieldDescriptor) -> None:
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


class _Step(NamedTuple):
    """A field on the way to a number; `at` None: the field itself, else a place in it."""

    name: str
    presence: bool
    at: Key | None
    keyed: bool


class _Shape(NamedTuple):
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


class _Place:
    """A place in messages; those below it are made when they are met."""

    __slots__ = ("below", "field", "order", "path", "steps")

    def __init__(
        self, path: str = "", steps: tuple[_Step, ...] = (), order: tuple[Any, ...] = ()
    ) -> None:
        self.path = path
        self.steps = steps
        self.order = order
        self.below: dict[tuple[int, Key | None], _Place] = {}
        self.field: NumberField | None = None

    def go(self, shape: _Shape, number: int, at: Key | None) -> _Place:
        """The place at a field, or at a place within it; `number` counts the fields of the type."""
        key = (number, at)
        place = self.below.get(key)
        if place is None:
            path = f"{self.path}.{shape.name}" if self.path else shape.name
            if at is not None:
                path += f"[{json.dumps(at, ensure_ascii=False)}]"
            step = _Step(shape.name, shape.presence, at, shape.keyed)
            order = (*self.order, number) if at is None else (*self.order, number, at)
            place = self.below[key] = _Place(path, (*self.steps, step), order)
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
def _shapes(type_: Descriptor) -> tuple[_Shape, ...]:
    found = []
    for field in type_.fields:
        entry = map_entry(field)
        leaf = field if entry is None else entry[1]
        found.append(
            _Shape(
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
    place, at = _Place(), 0
    message: Descriptor | None = type_
    leaf: _Shape | None = None
    if len(path) > LONGEST_PATH:
        raise PathError("the path is too long")
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or message is None:
            raise PathError("no path of fields")
        shapes = _shapes(message)
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


def _key(shape: _Shape, text: str) -> Key:
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


class Numbers:
    """The numeric fields of one type: those of the type itself, and those that messages had.

    The type alone tells of a list its first element only, of a map nothing, and a type within
    itself just once; the rest is found in messages. A string is among them once a message had a
    number in it, and as long as there was no message. There are never more than MOST_FIELDS.
    """

    def __init__(self, type_: Descriptor) -> None:
        self._root = _Place()
        self._type = type_
        self._fields: dict[str, NumberField] = {}
        self._texts: dict[str, NumberField] = {}
        self._values: dict[str, tuple[int, Any]] = {}
        self.looked = 0
        """How many messages were looked at."""
        self.left_out = False
        """Whether there are more fields than can be told."""
        for place, shape in self._of_type():
            known = self._texts if shape.kind == "text" else self._fields
            known[place.path] = place.number_field(shape.leaf)

    @property
    def fields(self) -> list[NumberField]:
        """All that are known, in their order."""
        known = self._fields if self.looked else self._fields | self._texts
        return sorted(known.values(), key=lambda field: field.order)

    def add(self, field: NumberField) -> None:
        """Lets a field be among them that somebody knows of."""
        self._fields.setdefault(field.path, field)

    def __len__(self) -> int:
        return len(self._fields) + (0 if self.looked else len(self._texts))

    def field(self, path: str) -> NumberField | None:
        """The field of this path, if it is among them."""
        return self._fields.get(path) or self._texts.get(path)

    def value(self, field: NumberField) -> Any | None:
        """What the newest of the messages that had the field held there; None: none had it."""
        found = self._values.get(field.path)
        return None if found is None else found[1]

    def look(self, message: Message, row: int) -> None:
        """Finds the fields of a message; of more rows than one, the greatest is the newest."""
        self.looked += 1
        for place, shape, value in islice(_walk(message, self._root, _DEPTH), MOST_FIELDS):
            path = place.path
            if path not in self._fields:
                if shape.kind == "text" and last_number(text_of(value)) is None:
                    continue
                if len(self._fields) >= MOST_FIELDS or len(path) > LONGEST_PATH:
                    self.left_out = True
                    continue
                self._fields[path] = place.number_field(shape.leaf)
            seen = self._values.get(path)
            if seen is None or seen[0] <= row:
                self._values[path] = (row, value)

    def _of_type(self) -> Iterator[tuple[_Place, _Shape]]:
        """What the type alone tells, the nearest first."""
        above: tuple[Descriptor, ...] = (self._type,)
        queue = deque([(self._root, self._type, above)])
        looks = told = 0
        while queue:
            start, type_, above = queue.popleft()
            for number, shape in enumerate(_shapes(type_)):
                looks += 1
                if looks > _LOOKS or told >= MOST_FIELDS:
                    self.left_out = True
                    return
                if shape.keyed or shape.kind == "-":
                    continue
                inner = shape.leaf.message_type
                if shape.kind:
                    told += 1
                    yield start.go(shape, number, 0 if shape.repeated else None), shape
                elif inner is not None and inner not in above and len(above) < _DEPTH_OF_TYPE:
                    place = start.go(shape, number, 0 if shape.repeated else None)
                    queue.append((place, inner, (*above, inner)))


def _walk(message: Any, start: _Place, depth: int) -> Iterator[tuple[_Place, _Shape, Any]]:
    """The numbers of a message, and texts that may hold one."""
    for number, shape in enumerate(_shapes(message.DESCRIPTOR)):
        if shape.kind == "-":
            continue
        # Of the class: a field of the message may have the method's name.
        if shape.presence and not type(message).HasField(message, shape.name):
            continue
        value = getattr(message, shape.name)
        found: Any = ((None, value),)
        if shape.keyed:
            found = ((key, value[key]) for key in islice(value, MOST_ENTRIES) if _is_key(key))
        elif shape.repeated:
            found = enumerate(islice(value, MOST_ENTRIES))
        for at, element in found:
            if shape.kind:
                yield start.go(shape, number, at), shape, element
            elif depth:
                yield from _walk(element, start.go(shape, number, at), depth - 1)


def _is_key(key: Any) -> bool:
    # The strings of old protos may come as bytes, and a path of more characters is no path.
    return isinstance(key, int) or (isinstance(key, str) and len(key) < LONGEST_PATH)


def _moment(value: Any) -> str:
    seconds, nanos = value.seconds, value.nanos
    if abs(seconds) >= _END_OF_TIME:
        return f"{seconds} s"
    try:
        local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"
    return f"{local}.{nanos // 1_000_000:03}" if 0 <= nanos < 1_000_000_000 else local
