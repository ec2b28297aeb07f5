"""Messages of any type in one readable line: `symbol=WTI price=78.41 size=[2] 100,200`."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, cast

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpctap.core.jsontext import escape
from grpctap.core.mend import parse_mended
from grpctap.core.text import MAX_LINE, printable, text_of
from grpctap.core.types import MapEntry, map_entry

# Of a list this much is shown, so that it leaves room for the fields after it.
MOST_NUMBERS, MOST_ENTRIES, MOST_MESSAGES = 10, 6, 3
MOST_CHARACTERS = 160
MOST_BYTES = 12
SORTED = 100
"""Maps as small as this have their keys in order, so that lines are alike."""
_DEEPEST = 12
_LONGEST_NAME = 200

_BARE = re.compile(r'[^\s"=,{}\[\]()…\\]+')
_PREFIX = "google.protobuf."
_WRAPPERS = {
    f"{_PREFIX}{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
}
_SECOND_NS = 1_000_000_000
# The years 1 to 9999, in seconds since the epoch.
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799


class OneLine:
    """Writes messages as pairs of names and values, in the order of the proto.

    A field in a message has a dotted name. Text has quotes where it would be taken for something
    else without. Lists begin with how many elements they have, and go on with the first of them.
    """

    def __init__(self, pool: DescriptorPool) -> None:
        """`pool` knows the types that an Any may hold."""
        self._pool = pool

    def write(self, message: Message, limit: int = MAX_LINE) -> str:
        """The message on one printable line of at most `limit` characters.

        It ends in "…" where something was cut.
        """
        text = self._written(limit, lambda line: line.whole(message))
        if text is None:
            return printable(f"a {type_of(message).full_name} that cannot be shown", limit)
        return text or "{}"[:limit]

    def value(self, field: FieldDescriptor, value: Any, limit: int = MAX_LINE) -> str:
        """One element of a field as a cell of a table, where text needs no quotes."""
        if field.type == FieldDescriptor.TYPE_STRING:
            return printable(escape(text_of(value)[: limit + 1]), limit)
        return self._written(limit, lambda line: line.element(field, value, 1)) or ""

    def entries(self, field: FieldDescriptor, value: Any, limit: int = MAX_LINE) -> str:
        """A map as a cell of a table."""
        return self._written(limit, lambda line: line.many(field, value, 1)) or ""

    def _written(self, limit: int, write: Callable[[_Line], None]) -> str | None:
        # Any error: both the message and its type come from a server, which may have well-known
        # types of its own making.
        for well_known in (True, False):
            line = _Line(self._pool, limit, well_known=well_known)
            try:
                with suppress(_FullError):
                    write(line)
                return printable("".join(line.parts), limit)
            except Exception:  # noqa: S112 - it is tried again, in a plainer way
                continue
        return None


class _FullError(Exception):
    """The line has as much as it may have."""


class _Line:
    def __init__(self, pool: DescriptorPool, limit: int, *, well_known: bool) -> None:
        self.parts: list[str] = []
        self._pool, self._room, self._well_known = pool, limit, well_known

    def whole(self, message: Message) -> None:
        """A message that nothing stands around."""
        if not self._known(type_of(message), message, "", 0):
            self.fields(message, "", 0)

    def fields(self, message: Message, prefix: str, depth: int) -> None:
        """The pairs of a message, their names beginning with `prefix`."""
        for field, value in in_order(message):
            name = prefix + name_of(field)
            inner = field.message_type
            if field.is_repeated:
                self._name(name)
                self.many(field, value, depth)
            elif inner is None:
                self._name(name)
                self._put(scalar(field, value))
            elif self._known(inner, value, name, depth):
                continue
            elif depth < _DEEPEST and type(value).ListFields(value):
                self.fields(value, f"{name}.", depth + 1)
            else:
                self._name(name)
                self._put("{…}" if type(value).ListFields(value) else "{}")

    def element(self, field: FieldDescriptor, value: Any, depth: int) -> None:
        """One element of a list, or a value of a map."""
        inner = field.message_type
        if inner is None:
            self._put(scalar(field, value))
        elif not self._known(inner, value, "", depth):
            self._braces(value, depth)

    def many(self, field: FieldDescriptor, values: Any, depth: int) -> None:
        """A list or a map."""
        if entry := map_entry(field):
            self._map(entry, values, depth)
            return
        size = len(values)
        most = MOST_MESSAGES if field.message_type is not None else MOST_NUMBERS
        self._put(f"[{size:,}]" + (" " if size else ""))
        for index, value in enumerate(islice(values, most)):
            if index:
                self._put(",")
            self.element(field, value, depth + 1)
        if size > most:
            self._put(",…")

    def _map(
        self,
        entry: MapEntry,
        entries: Mapping[Any, Any],
        depth: int,
    ) -> None:
        key_field, value_field = entry
        size = len(entries)
        keys = sorted(entries) if size <= SORTED else list(islice(entries, MOST_ENTRIES))
        self._put(f"[{size:,}]" + (" " if size else ""))
        for index, key in enumerate(keys[:MOST_ENTRIES]):
            self._put(("," if index else "") + scalar(key_field, key) + ":")
            self.element(value_field, entries[key], depth + 1)
        if size > MOST_ENTRIES:
            self._put(",…")

    def _braces(self, message: Message, depth: int) -> None:
        if depth >= _DEEPEST:
            self._put("{…}")
            return
        self._put("{")
        if not self._known(type_of(message), message, "", depth + 1):
            self.fields(message, "", depth + 1)
        self._put("}")

    def _known(self, type_: Descriptor, value: Any, name: str, depth: int) -> bool:
        """Writes a well-known message in its own way; False: it has none.

        `name` comes before it, where it is not empty.
        """
        if not self._well_known or not type_.full_name.startswith(_PREFIX):
            return False
        text = known_text(type_, value)
        if text is not None:
            self._name(name)
            self._put(text)
            return True
        if depth >= _DEEPEST:
            return False
        fields = type_.fields_by_name
        match type_.full_name.removeprefix(_PREFIX):
            case "Any":
                self._name(name)
                self._any(value, depth)
            case "Struct":
                self._name(name)
                # What only calls itself so may have no map: then the line is written plainly.
                self._map(cast("MapEntry", map_entry(fields["fields"])), value.fields, depth)
            case "ListValue":
                self._name(name)
                self.many(fields["values"], value.values, depth + 1)
            case "Value" if value.WhichOneof("kind") in ("struct_value", "list_value"):
                kind = value.WhichOneof("kind")
                inner = fields[kind].message_type
                return inner is not None and self._known(
                    inner, getattr(value, kind), name, depth + 1
                )
            case _:
                return False
        return True

    def _any(self, value: Any, depth: int) -> None:
        inner = any_content(value, self._pool)
        self._put(any_type(value))
        if inner is None:
            self._put(f"{{{len(value.value):,} B}}" if value.value else "{}")
        else:
            self._braces(inner, depth)

    def _name(self, name: str) -> None:
        if name:
            between = " " if self.parts and self.parts[-1] != "{" else ""
            self._put(f"{between}{name}=")

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self._room -= len(text)
        if self._room < 0:
            raise _FullError


def type_of(message: Message) -> Descriptor:
    """The type of a message, also where it has a field of the name DESCRIPTOR."""
    return type(message).DESCRIPTOR  # type: ignore[return-value]


def in_order(message: Message) -> Sequence[tuple[FieldDescriptor, Any]]:
    """The fields that are set, in the order of the proto, and then the extensions."""
    # Of the class: a field of the message may have the method's name.
    found = cast("list[tuple[FieldDescriptor, Any]]", type(message).ListFields(message))
    found.sort(key=lambda pair: (pair[0].is_extension, pair[0].index))
    return found


def name_of(field: FieldDescriptor) -> str:
    """What the field is called; an extension as protobuf's text format writes it."""
    return f"[{field.full_name}]" if field.is_extension else field.name


def scalar(field: FieldDescriptor, value: Any, most: int = MOST_CHARACTERS) -> str:
    """A value that is no message, on one line; of text `most` characters, of bytes the first."""
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return bytes_text(value)
        return quoted(text_of(value), most)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return "true" if value else "false"
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)  # type: ignore[union-attr]
        return str(value) if known is None else known.name
    if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return number_text(value, single=kind == FieldDescriptor.CPPTYPE_FLOAT)
    return str(value)


def number_text(value: float, *, single: bool) -> str:
    """The shortest decimal number that is this one; `single`: in single precision."""
    if single:
        for digits in (6, 7, 8):
            short = f"{value:.{digits}g}"
            try:
                same = struct.unpack("f", struct.pack("f", float(short)))[0] == value
            except OverflowError:
                continue
            if same:
                value = float(short)
                break
    return repr(value).removesuffix(".0")


def quoted(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text of which `most` characters are shown, in quotes where they are needed."""
    cut = len(text) > most
    head = text[:most]
    if not (_BARE.fullmatch(head) and head.isprintable()):
        head = escape(json.dumps(head, ensure_ascii=False))
    return f"{head}…" if cut else head


def bytes_text(value: bytes) -> str:
    """Bytes as b"text", where they are text, else in hexadecimal; of long ones also how many."""
    size, head = len(value), value[:MOST_CHARACTERS]
    if head and head.isascii() and head.decode().isprintable():
        text = "b" + json.dumps(head.decode())
        return text if size == len(head) else f"{text}…({size:,} B)"
    if size <= MOST_BYTES:
        return f"0x{value.hex()}"
    return f"0x{value[:MOST_BYTES].hex()}…({size:,} B)"


def known_text(type_: Descriptor, value: Any) -> str | None:
    """A well-known message that has a short form; None: it has none."""
    name = type_.full_name
    if name in _WRAPPERS:
        return scalar(type_.fields_by_name["value"], value.value)
    match name.removeprefix(_PREFIX):
        case "Timestamp":
            return time_text(value.seconds, value.nanos)
        case "Duration":
            return duration_text(value.seconds, value.nanos)
        case "FieldMask":
            return quoted(",".join(islice(value.paths, MOST_NUMBERS)))
        case "Value":
            kind = value.WhichOneof("kind")
            if kind in ("struct_value", "list_value"):
                return None
            if kind in ("null_value", None):
                return "null"
            return scalar(type_.fields_by_name[kind], getattr(value, kind))
    return None


def time_text(seconds: int, nanos: int) -> str | None:
    """A moment in local time, to the millisecond; without the date where that is today's.

    None where no calendar has it.
    """
    if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < _SECOND_NS):
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return None
    text = f"{moment:%H:%M:%S}.{nanos // 1_000_000:03d}".removesuffix(".000")
    return text if moment.date() == date.today() else f"{moment:%Y-%m-%d}T{text}"


def duration_text(seconds: int, nanos: int) -> str:
    """A duration in a few characters: "87ms", "1.5s", "3m12s", "2h5m0s"."""
    total = seconds * _SECOND_NS + nanos
    sign, total = ("-" if total < 0 else ""), abs(total)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if 0 < total < min(size * 1_000, _SECOND_NS):
            return f"{sign}{_decimal(total, size)}{unit}"
    minutes, rest = divmod(total, 60 * _SECOND_NS)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, _SECOND_NS)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def any_type(value: Any) -> str:
    """The name of the type in an Any, as it says itself."""
    return quoted(value.type_url.rpartition("/")[2], _LONGEST_NAME) if value.type_url else ""


def any_content(value: Any, pool: DescriptorPool) -> Message | None:
    """The message in an Any; None where its type is not known, or it is no such message."""
    try:
        type_ = pool.FindMessageTypeByName(value.type_url.rpartition("/")[2])
        return parse_mended(message_factory.GetMessageClass(type_), value.value)
    except (KeyError, ValueError):
        return None


def _decimal(total: int, unit: int) -> str:
    whole, rest = divmod(total, unit)
    digits = len(str(unit)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0").rstrip(".") if rest else str(whole)
