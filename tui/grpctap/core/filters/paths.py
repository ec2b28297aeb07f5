"""The fields that a condition names: looked up in a type once, read from each message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import islice
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from grpctap.core.catalog import nearest
from grpctap.core.cells import field_paths
from grpctap.core.fields import field_named
from grpctap.core.filters.errors import FilterError
from grpctap.core.filters.syntax import Key, Path, Place
from grpctap.core.history import Value
from grpctap.core.text import text_of
from grpctap.core.types import is_map, map_entry

_PREFIX = "google.protobuf."
_SECOND_NS = 1_000_000_000
_CANDIDATES = 1_000


class Sort(Enum):
    """What can be compared with what; the value is what a person calls it."""

    NUMBER = "a number"
    SINGLE = "a number of single precision"
    TEXT = "a text"
    BYTES = "bytes"
    BOOL = "true or false"
    ENUM = "an enum"
    TIME = "a time"
    DURATION = "a duration"
    JSON = "any JSON value"
    MESSAGE = "a message"
    MAP = "a map"


NUMBERS = (Sort.NUMBER, Sort.SINGLE)

_SORTS = {
    FieldDescriptor.CPPTYPE_STRING: Sort.TEXT,
    FieldDescriptor.CPPTYPE_BOOL: Sort.BOOL,
    FieldDescriptor.CPPTYPE_ENUM: Sort.ENUM,
    FieldDescriptor.CPPTYPE_FLOAT: Sort.SINGLE,
    FieldDescriptor.CPPTYPE_MESSAGE: Sort.MESSAGE,
}

Read = Callable[[Any, Value], Any]
"""Reads one thing from a message and the value that it came in; None: it is not there."""
ReadAll = Callable[[Any, Value], Iterable[Any]]


class Field(NamedTuple):
    """Where a path leads to.

    `read` gives the one value that there can be, and None where it is not set; it is None for a
    path through a list, of which `read_all` gives what all elements have. `name` is how a line of
    the log calls it.
    """

    sort: Sort
    read: Read | None
    read_all: ReadAll
    name: str
    enum: EnumDescriptor | None = None
    presence: bool = True
    """Whether a value that is read was set for certain."""


_PSEUDO: dict[str, tuple[Sort, Read]] = {
    "@seq": (Sort.NUMBER, lambda _, value: value.sequence or value.ordinal),
    "@received": (Sort.TIME, lambda _, value: value.time_ns),
    "@size": (Sort.NUMBER, lambda _, value: len(value.raw)),
}


class _Take(NamedTuple):
    """A step of a path: what it makes of what was found; `many` says that this is a list."""

    read: Callable[[Any], Any]
    many: bool


def find(path: Path, root: Descriptor) -> Field:
    """Looks a path up in the type of the messages.

    Raises:
        FilterError: it leads nowhere; the message names what is nearest.
    """
    if path.is_pseudo:
        name = str(path.steps[0])
        sort, read = _PSEUDO[name]
        return Field(sort, read, _one(read), "")
    return _Finder(path, root).field()


class _Finder:
    """Goes along a path from type to type, and gathers how each step is taken."""

    def __init__(self, path: Path, root: Descriptor) -> None:
        self._path = path
        self._type: Descriptor | None = root
        self._steps = list(zip(path.steps, path.places, strict=True))
        self._takes: list[_Take] = []
        self._name: list[str] = []
        self._json = False
        self._leaf: FieldDescriptor | None = None
        self._presence = True

    def field(self) -> Field:
        while self._steps:
            step, place = self._steps.pop(0)
            if self._json:
                self._into_json(step, place)
            elif isinstance(step, str):
                self._into(step, place)
            else:
                self._refuse_index(step, place)
        sort, enum = self._ending()
        name = ".".join(self._name)
        if any(take.many for take in self._takes):
            return Field(sort, None, _spread(self._takes), name, enum, self._presence)
        read = _chain([take.read for take in self._takes])
        return Field(sort, read, _one(read), name, enum, self._presence)

    def _one(self, read: Callable[[Any], Any]) -> None:
        self._takes.append(_Take(read, many=False))

    def _many(self, read: Callable[[Any], Any]) -> None:
        self._takes.append(_Take(read, many=True))

    def _into(self, name: str, place: Place) -> None:
        type_ = self._type
        if type_ is None:
            # A map or what is no message at all.
            above = ".".join(self._name)
            raise FilterError(f"{above} has no fields", place.start, place.stop)
        found = field_named(type_, name)
        if found is None:
            above = "".join(f"{each}." for each in self._name)
            names = list(islice(field_paths(type_), _CANDIDATES))
            # While somebody types, a name is there in part.
            begun = [near for near in names if near.lower().startswith(name.lower())]
            names = [above + near for near in begun or names]
            reason = f"no field {name} in {type_.full_name}; {nearest(above + name, names)}"
            raise FilterError(reason, place.start, place.stop)
        self._name.append(found.name)
        self._leaf, self._type = found, found.message_type
        if is_map(found):
            self._into_map(found)
        elif found.is_repeated:
            self._into_list(found)
        else:
            self._presence = bool(found.has_presence)
            self._one(_single(found))
        self._unwrap()

    def _into_map(self, field: FieldDescriptor) -> None:
        entry = map_entry(field)
        if entry is None or not self._steps:
            # On its own a map is there or it is not.
            self._type = None
            self._presence = True
            self._one(_map_or_none(field.name))
            return
        (step, place), key_field = self._steps.pop(0), entry[0]
        key = _key(key_field, step.text if isinstance(step, Key) else str(step))
        if key is None:
            reason = f"{step if not isinstance(step, Key) else step.text} is no key of that map"
            raise FilterError(reason, place.start, place.stop)
        self._leaf, self._type = entry[1], entry[1].message_type
        self._presence = True
        self._name.clear()
        self._one(_map_value(field.name, key))

    def _into_list(self, field: FieldDescriptor) -> None:
        self._presence = True
        name = field.name
        step = self._steps[0][0] if self._steps else None
        if isinstance(step, int):
            self._steps.pop(0)
            self._one(_element(name, step))
        else:
            self._many(lambda message: getattr(message, name))

    def _unwrap(self) -> None:
        """A well-known message stands for what is in it."""
        type_ = self._type
        if type_ is None or not type_.full_name.startswith(_PREFIX):
            return
        short = type_.full_name.removeprefix(_PREFIX)
        inner = type_.fields_by_name.get("value")
        if short in _WRAPPERS and inner is not None and inner.message_type is None:
            if not inner.is_repeated and not self._steps:
                self._leaf, self._type = inner, None
                self._one(lambda message: message.value)
        elif short in ("Struct", "Value", "ListValue") and _is_json(type_):
            self._json = True
            self._one(lambda message: message)

    def _into_json(self, step: str | int | Key, place: Place) -> None:
        if isinstance(step, str) and not step:
            raise FilterError("a name is missing", place.start, place.stop)
        key = step.text if isinstance(step, Key) else step
        self._one(lambda message: _json_member(message, key))

    def _refuse_index(self, step: int | Key, place: Place) -> None:
        above = ".".join(self._name)
        what = "no list" if isinstance(step, int) else "no map"
        raise FilterError(f"{above} is {what}", place.start, place.stop)

    def _ending(self) -> tuple[Sort, EnumDescriptor | None]:
        if self._json:
            self._one(_json_value)
            return Sort.JSON, None
        leaf, type_ = self._leaf, self._type
        if leaf is None:
            raise FilterError("a field is missing", self._path.place.start, self._path.place.stop)
        if is_map(leaf):
            return Sort.MAP, None
        if type_ is not None:
            moment = _MOMENTS.get(type_.full_name)
            if moment is not None and _is_moment(type_):
                self._one(lambda message: message.seconds * _SECOND_NS + message.nanos)
                return moment, None
            return Sort.MESSAGE, None
        if leaf.type == FieldDescriptor.TYPE_BYTES:
            return Sort.BYTES, None
        sort = _SORTS.get(leaf.cpp_type, Sort.NUMBER)
        if sort is Sort.TEXT:
            self._one(text_of)
        return sort, leaf.enum_type


_WRAPPERS = {
    f"{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
}
_MOMENTS = {f"{_PREFIX}Timestamp": Sort.TIME, f"{_PREFIX}Duration": Sort.DURATION}
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_KEY_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: range(-(2**31), 2**31),
    FieldDescriptor.CPPTYPE_INT64: range(-(2**63), 2**63),
    FieldDescriptor.CPPTYPE_UINT32: range(2**32),
    FieldDescriptor.CPPTYPE_UINT64: range(2**64),
}


def _is_moment(type_: Descriptor) -> bool:
    # What only calls itself so may have other fields.
    fields = [type_.fields_by_name.get(name) for name in ("seconds", "nanos")]
    return all(
        field is not None and field.cpp_type in _INTEGERS and not field.is_repeated
        for field in fields
    )


def _is_json(type_: Descriptor) -> bool:
    needed = {"Struct": ("fields",), "ListValue": ("values",), "Value": ("kind",)}
    names = needed[type_.name]
    return all(name in type_.fields_by_name or name in type_.oneofs_by_name for name in names)


def _single(field: FieldDescriptor) -> Callable[[Any], Any]:
    name = field.name
    if not field.has_presence:
        return lambda message: getattr(message, name)

    def read(message: Any) -> Any:
        # Of the class: a field of the message may have the method's name.
        return getattr(message, name) if type(message).HasField(message, name) else None

    return read


def _map_or_none(name: str) -> Callable[[Any], Any]:
    return lambda message: getattr(message, name) or None


def _element(name: str, index: int) -> Callable[[Any], Any]:
    def read(message: Any) -> Any:
        elements = getattr(message, name)
        return elements[index] if -len(elements) <= index < len(elements) else None

    return read


def _map_value(name: str, key: Any) -> Callable[[Any], Any]:
    def read(message: Any) -> Any:
        entries = getattr(message, name)
        return entries.get(key)

    return read


def _key(field: FieldDescriptor, text: str) -> Any:
    """A key of a map, as protobuf has it; None: it cannot be one."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return text
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"true": True, "false": False}.get(text)
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        return None
    return int(text) if int(text) in _KEY_RANGES[field.cpp_type] else None


def _json_member(message: Any, key: str | int) -> Any:
    """An element of a JSON object or array; None: there is none."""
    value = _json_inner(message)
    short = type(value).DESCRIPTOR.name if hasattr(type(value), "DESCRIPTOR") else ""
    if short == "Struct" and isinstance(key, str):
        return value.fields.get(key)
    if short == "ListValue" and isinstance(key, int):
        size = len(value.values)
        return value.values[key] if -size <= key < size else None
    return None


def _json_inner(message: Any) -> Any:
    """What a JSON value holds: plain, or a message of an object or array; None: null."""
    if type(message).DESCRIPTOR.name != "Value":
        return message
    kind = type(message).WhichOneof(message, "kind")
    return None if kind in (None, "null_value") else getattr(message, kind)


def _json_value(message: Any) -> Any:
    value = _json_inner(message)
    return text_of(value) if isinstance(value, bytes) else value


def _chain(takes: list[Callable[[Any], Any]]) -> Read:
    """One reader of steps, each of which may find nothing."""
    if len(takes) == 1:
        (only,) = takes
        return lambda message, _: only(message)
    if len(takes) == 2:
        first, second = takes

        def read_two(message: Any, _: Value) -> Any:
            found = first(message)
            return None if found is None else second(found)

        return read_two

    def read(message: Any, _: Value) -> Any:
        for take in takes:
            message = take(message)
            if message is None:
                return None
        return message

    return read


def _one(read: Read) -> ReadAll:
    def read_all(message: Any, value: Value) -> Iterable[Any]:
        found = read(message, value)
        return () if found is None else (found,)

    return read_all


def _spread(takes: list[_Take]) -> ReadAll:
    """A reader of steps of which some have many results."""

    def walk(found: Any, at: int) -> Iterator[Any]:
        while at < len(takes):
            take = takes[at]
            at += 1
            found = take.read(found)
            if found is None:
                return
            if take.many:
                for element in found:
                    yield from walk(element, at)
                return
        yield found

    return lambda message, _: walk(message, 0)
