"""Messages as lines of CSV: a cell for each field, with what the message's JSON has there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from grpctap.core.cells import CellsError, Step, names_in, steps_to
from grpctap.core.jsontext import escape
from grpctap.core.text import printable
from grpctap.core.types import is_map, written_oneof

SEQ, RECEIVED = "seq", "received"
"""The columns that tell of a message what is not in it: its number, and when it came."""
MOST_COLUMNS = 1_000
"""Where a type has more fields than this, the messages in it are not taken apart any further."""
DEEPEST = 6
"""So many messages, one in the other, are taken apart; what is deeper is JSON in one cell."""

_WELL_KNOWN = "google.protobuf."
_WRAPPERS = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
_TEXTS = {
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BYTES,
    FieldDescriptor.TYPE_ENUM,
}
# A spreadsheet runs a text that begins with one of these, wide ones and blanks before it included.
_ACTING = tuple("=+-@\t\r\n＝＋－＠")
_GUARD = "'"


class _Kind(Enum):
    """What a cell is made of."""

    TEXT = "text"
    """A text of the server's, in which nothing may act."""
    PLAIN = "plain"
    """A number, a truth value, a time: nobody chose its characters."""
    JSON = "json"


class _Column(NamedTuple):
    """A column; its cell is `absent` where the field is not set but the message around it is."""

    name: str
    path: tuple[Step, ...]
    kind: _Kind
    absent: str
    null: str = ""
    keys: tuple[str, ...] = ()
    """The names on the way through the JSON, where no list and no map is on it; (): one is."""

    @property
    def inner(self) -> Descriptor | None:
        """The message that can be taken apart into columns of its own; None: there is none."""
        field = self.path[-1].field
        type_ = field.message_type
        if (
            type_ is None
            or field.is_repeated
            or written_oneof(field) is not None
            or type_.full_name.startswith(_WELL_KNOWN)
            or len(self.path) >= DEEPEST
            or not type_.fields
            or type_.full_name in map(_around, self.path)
        ):
            return None
        return type_


class CsvText:
    """Writes the messages of one type as CSV (RFC 4180), in UTF-8.

    The columns are those that a person chose, or else each field that is no message, by its dotted
    path, with the number and the time of the message in front. What has many values, or may have
    one of several kinds, is JSON in one cell: a list, a map, a message in a oneof, an Any.

    Args:
        type_: The type of the messages.
        chosen: Dotted paths with commas between them; None: all.

    Raises:
        CellsError: a field that was chosen is not there.
    """

    def __init__(self, type_: Descriptor, chosen: str | None = None) -> None:
        self._seq = self._received = -1
        self._columns: list[_Column | None] = []
        if chosen is None:
            columns = _all_columns(type_)
            taken = {column.name for column in columns}
            names = [SEQ, RECEIVED]
            self._seq, self._received = 0, 1
            self._columns = [None, None, *columns]
            # As in JSON with both, where the message has a name of its own.
            prefix = "message." if taken & {SEQ, RECEIVED} else ""
            names += [prefix + column.name for column in columns]
        else:
            names = names_in(chosen, MOST_COLUMNS)
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise CellsError(f"--columns: {printable(twice, 100)} is there twice")
            for at, name in enumerate(names):
                self._columns.append(self._chosen(at, name, type_))
        self._out = io.StringIO()
        self._csv = csv.writer(self._out)
        self.header = self._written([guarded(escape(name)) for name in names])
        """The first line."""

    def line(self, number: int, received: str, text: str) -> bytes:
        """A message as a line.

        Args:
            number: What it is called by.
            received: When it came.
            text: Its JSON.
        """
        document = json.loads(text)
        cells = ["" if column is None else _cell(document, column) for column in self._columns]
        if self._seq >= 0:
            cells[self._seq] = str(number)
        if self._received >= 0:
            cells[self._received] = received
        return self._written(cells)

    def _chosen(self, at: int, name: str, type_: Descriptor) -> _Column | None:
        if name in (SEQ, RECEIVED) and name not in type_.fields_by_name:
            if name == SEQ:
                self._seq = at
            else:
                self._received = at
            return None
        path = tuple(steps_to(name, type_))
        for step in path[:-1]:
            inner = step.field.message_type
            if step.key is None and inner and inner.full_name.startswith(_WELL_KNOWN):
                shown = printable(name, 100)
                raise CellsError(f'"{shown}": {step.field.name} is one cell, so name it alone')
        return _column(name, path)

    def _written(self, cells: Sequence[str]) -> bytes:
        self._csv.writerow(cells)
        line = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return line.encode()


def _around(step: Step) -> str:
    """The name of the type that a field is in."""
    type_ = step.field.containing_type
    return "" if type_ is None else type_.full_name


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    One that begins as a formula does, or with an apostrophe, gets an apostrophe in front. So
    whoever takes one apostrophe away from each text that begins with one has what it was.
    """
    acts = text.lstrip(" ").startswith(_ACTING) or text.startswith(_GUARD)
    return _GUARD + text if acts else text


def _all_columns(type_: Descriptor) -> list[_Column]:
    columns = [_column(field.name, (Step(field),)) for field in type_.fields]
    # A level at a time, so that those near the top are taken apart first.
    for _ in range(DEEPEST):
        room = MOST_COLUMNS - len(columns)
        grown: list[_Column] = []
        for column in columns:
            inner = column.inner
            if inner is None or len(inner.fields) - 1 > room:
                grown.append(column)
                continue
            room -= len(inner.fields) - 1
            grown += [
                _column(f"{column.name}.{field.name}", (*column.path, Step(field)))
                for field in inner.fields
            ]
        columns = grown
    return columns


def _column(name: str, path: tuple[Step, ...]) -> _Column:
    field, key = path[-1]
    if key is not None and field.message_type is not None:
        # Of a map, the entry that was asked for.
        field = field.message_type.fields_by_number[2]
        return _Column(name, path, _kind(field), "", _null(field))
    keys = tuple(step.field.json_name for step in path)
    straight = not any(step.field.is_repeated for step in path[:-1])
    return _Column(name, path, _kind(field), _absent(field), _null(field), keys if straight else ())


def _kind(field: FieldDescriptor) -> _Kind:
    type_ = field.message_type
    if field.is_repeated:
        return _Kind.JSON
    if type_ is None:
        return _Kind.TEXT if field.type in _TEXTS else _Kind.PLAIN
    name = type_.full_name.removeprefix(_WELL_KNOWN)
    if name == type_.full_name:
        return _Kind.JSON
    if name in ("Timestamp", "Duration"):
        return _Kind.PLAIN
    if name in ("StringValue", "BytesValue", "FieldMask"):
        return _Kind.TEXT
    return _Kind.PLAIN if name.removesuffix("Value") in _WRAPPERS else _Kind.JSON


def _absent(field: FieldDescriptor) -> str:
    """What stands for a field that is not set: its default, where it has no presence."""
    if is_map(field):
        return "{}"
    if field.is_repeated:
        return "[]"
    if field.has_presence:
        return ""
    if field.enum_type is not None:
        if field.enum_type.full_name == f"{_WELL_KNOWN}NullValue":
            return "null"
        zero = field.enum_type.values_by_number.get(0)
        return "0" if zero is None else zero.name
    default = field.default_value
    return "" if isinstance(default, str | bytes) else json.dumps(default)


def _cell(document: Any, column: _Column) -> str:
    if column.keys:
        place = document
        for key in column.keys[:-1]:
            place = place.get(key)
            if not isinstance(place, dict):
                return ""
        last = column.keys[-1]
        return _text(place[last], column) if last in place else column.absent
    found = list(_found(document, column.path))
    if any(step.field.is_repeated and step.key is None for step in column.path[:-1]):
        return escape(json.dumps(found, ensure_ascii=False))
    if found:
        return _text(found[0], column)
    above = column.path[:-1]
    return column.absent if any(True for _ in _found(document, above)) else ""


def _found(place: Any, path: Sequence[Step]) -> Iterator[Any]:
    """What stands at the end of a path; of a list on the way, what stands there in each element."""
    if not path:
        yield place
        return
    (field, key), rest = path[0], path[1:]
    if not isinstance(place, dict) or field.json_name not in place:
        return
    value = place[field.json_name]
    if key is not None:
        name = str(key).lower() if isinstance(key, bool) else str(key)
        if isinstance(value, dict) and name in value:
            yield from _found(value[name], rest)
    elif rest and isinstance(value, list):
        for element in value:
            yield from _found(element, rest)
    else:
        yield from _found(value, rest)


def _text(value: Any, column: _Column) -> str:
    if value is None:
        return column.null
    if isinstance(value, str) and column.kind is not _Kind.JSON:
        text = escape(value)
        return guarded(text) if column.kind is _Kind.TEXT else text
    return escape(json.dumps(value, ensure_ascii=False))


def _null(field: FieldDescriptor) -> str:
    """What a null of JSON is: a value where the type has such, else a field that is not set."""
    type_ = field.message_type or field.enum_type
    nulls = (f"{_WELL_KNOWN}Value", f"{_WELL_KNOWN}NullValue")
    return "null" if type_ is not None and type_.full_name in nulls else ""
