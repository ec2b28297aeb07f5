"""The log's line of a message, written several times as fast as `OneLine` does.

Whoever searches a hundred thousand lines cannot wait for each. What a field's line looks like is
found out once for its type; what is out of the ordinary is left to `OneLine`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from grpctap.core.message import MessageError, Schema
from grpctap.core.oneline import (
    MOST_ENTRIES,
    MOST_MESSAGES,
    MOST_NUMBERS,
    bytes_text,
    duration_text,
    known_text,
    number_text,
    quoted,
    scalar,
    time_text,
    type_of,
)
from grpctap.core.text import printable, text_of
from grpctap.core.types import is_map, map_entry

_PREFIX = "google.protobuf."
_SHORT_FORMS = frozenset(
    f"{_PREFIX}{kind}"
    for kind in (
        *("DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value"),
        *("BoolValue", "StringValue", "BytesValue", "FieldMask"),
    )
)
# So deep, all is still written alike.
_DEEPEST = 8
_MOST_TABLES = 500
_CACHED = 64
_SECOND_NS = 1_000_000_000

Piece = Callable[[list[str], Any], None]
"""Adds what a field's value is in a line."""
Text = Callable[[Any], str]


class _TooHardError(Exception):
    """The message has something out of the ordinary."""


class QuickLine:
    """Writes the lines of one schema's messages."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._tables: dict[tuple[Descriptor, str], dict[int, Piece]] = {}
        root = type_of(schema.message(b""))
        fields = root.fields
        only_text = len(fields) == 1 and fields[0].type == FieldDescriptor.TYPE_STRING
        # Of these there is something quicker, or a short form.
        self._by_schema = only_text or root.full_name.startswith(_PREFIX)

    def line(self, raw: bytes) -> str:
        """The printable line of a message."""
        if not self._by_schema:
            # Any error: both the message and its type come from a server.
            try:
                parts: list[str] = []
                self._fields(parts, self._schema.message(raw), "", 0)
                return printable(" ".join(parts) or "{}")
            except Exception:  # noqa: S110 - the other way tells what there is to tell
                pass
        try:
            return printable(self._schema.line(raw))
        except MessageError as error:
            return printable(str(error))

    def _fields(self, parts: list[str], message: Message, prefix: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise _TooHardError
        type_ = type_of(message)
        table = self._tables.get((type_, prefix))
        if table is None:
            table = self._table(type_, prefix, depth)
        found = cast("list[tuple[FieldDescriptor, Any]]", type(message).ListFields(message))
        for field, value in found:
            # An extension has no place in the table.
            table[field.number](parts, value)

    def _table(self, type_: Descriptor, prefix: str, depth: int) -> dict[int, Piece]:
        if len(self._tables) >= _MOST_TABLES:
            raise _TooHardError
        numbers = [field.number for field in type_.fields]
        if numbers != sorted(numbers):
            # Protobuf lists fields by their number, and the line has them as they were written.
            raise _TooHardError
        table = {
            field.number: self._piece(field, prefix + field.name, depth) for field in type_.fields
        }
        self._tables[type_, prefix] = table
        return table

    def _piece(self, field: FieldDescriptor, name: str, depth: int) -> Piece:
        begin = f"{name}="
        if is_map(field):
            write = self._map(field, depth)
        elif field.is_repeated:
            write = self._list(field, depth)
        elif field.message_type is None or field.message_type.full_name.startswith(_PREFIX):
            write = self._element(field, depth)
        else:
            return self._nested(name, depth)

        def add(parts: list[str], value: Any) -> None:
            parts.append(begin + write(value))

        return add

    def _nested(self, name: str, depth: int) -> Piece:
        prefix, empty = f"{name}.", f"{name}={{}}"

        def add(parts: list[str], value: Any) -> None:
            before = len(parts)
            self._fields(parts, value, prefix, depth + 1)
            if len(parts) == before:
                parts.append(empty)

        return add

    def _list(self, field: FieldDescriptor, depth: int) -> Text:
        write = self._element(field, depth + 1)
        most = MOST_MESSAGES if field.message_type is not None else MOST_NUMBERS

        def text(values: Any) -> str:
            size = len(values)
            more = ",…" if size > most else ""
            return f"[{size:,}] {','.join(map(write, islice(values, most)))}{more}"

        return text

    def _map(self, field: FieldDescriptor, depth: int) -> Text:
        key_field, value_field = cast("tuple[FieldDescriptor, ...]", map_entry(field))
        write_key, write = self._element(key_field, depth), self._element(value_field, depth + 1)

        def text(entries: Any) -> str:
            size = len(entries)
            if size > MOST_ENTRIES:
                # Which ones are shown depends on how many there are.
                raise _TooHardError
            pairs = (f"{write_key(key)}:{write(entries[key])}" for key in sorted(entries))
            return f"[{size:,}] {','.join(pairs)}"

        return text

    def _element(self, field: FieldDescriptor, depth: int) -> Text:
        type_ = field.message_type
        if type_ is None:
            return _scalar_text(field)
        if not type_.full_name.startswith(_PREFIX):
            return lambda value: self._braces(value, depth)
        return _known_text(type_)

    def _braces(self, value: Message, depth: int) -> str:
        parts: list[str] = []
        self._fields(parts, value, "", depth + 1)
        return f"{{{' '.join(parts)}}}"


def _known_text(type_: Descriptor) -> Text:
    short = type_.full_name.removeprefix(_PREFIX)
    if short == "Timestamp":
        return lambda value: _time(value.seconds, value.nanos)
    if short == "Duration":
        return lambda value: duration_text(value.seconds, value.nanos)
    if type_.full_name not in _SHORT_FORMS:
        return _too_hard

    def text(value: Any) -> str:
        known = known_text(type_, value)
        return _too_hard(value) if known is None else known

    return text


def _too_hard(_: Any) -> str:
    raise _TooHardError


def _time(seconds: int, nanos: int) -> str:
    base = _second(seconds, date.today())
    if base is None or not 0 <= nanos < _SECOND_NS:
        raise _TooHardError
    thousandths = nanos // 1_000_000
    return f"{base}.{thousandths:03d}" if thousandths else base


@lru_cache(4096)
def _second(seconds: int, today: date) -> str | None:  # noqa: ARG001 - without the date if it is
    return time_text(seconds, 0)


def _scalar_text(field: FieldDescriptor) -> Text:
    kind = field.cpp_type
    if field.type == FieldDescriptor.TYPE_STRING:
        return _string
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes_text
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return lambda value: "true" if value else "false"
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return lambda value: scalar(field, value)
    if kind == FieldDescriptor.CPPTYPE_DOUBLE:
        return lambda value: repr(value).removesuffix(".0")
    if kind == FieldDescriptor.CPPTYPE_FLOAT:
        return _single
    return str


def _string(value: str | bytes) -> str:
    text = text_of(value)
    return _quoted(text) if len(text) <= _CACHED else quoted(text)


_quoted = lru_cache(4096)(quoted)


def _single(value: float) -> str:
    # To a cache, 0 and -0 are one.
    return _cached_single(value) if value else number_text(value, single=True)


@lru_cache(4096)
def _cached_single(value: float) -> str:
    return number_text(value, single=True)
