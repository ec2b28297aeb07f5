"""The log's lines of many messages, written several times as fast as `OneLine` writes one.

Whoever searches a hundred thousand lines cannot wait for each. Messages are read a field at a time:
what a field looks like in a line is found out once for its type, and all its values are written
together. What is out of the ordinary is left to `OneLine`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from operator import attrgetter
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from grpctap.core.filters.valuetexts import PREFIX, Texts, known_texts, scalar_texts
from grpctap.core.message import MessageError, Schema
from grpctap.core.oneline import MOST_ENTRIES, MOST_MESSAGES, MOST_NUMBERS, SORTED, type_of
from grpctap.core.text import MAX_LINE, printable
from grpctap.core.types import is_map, map_entry

# So deep, all is still written alike.
_DEEPEST = 8
_MOST_TABLES = 500
# Of a type with more fields, most are not set: to ask each message for those that are is faster.
_MOST_ASKED = 40
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)

_EXTENSIONS = -1


class Found(NamedTuple):
    """Which of the messages have a field, and its values in them."""

    places: Sequence[int]
    values: Sequence[Any]


_NOWHERE = Found((), ())


class _Column(NamedTuple):
    """One field: finds its values in messages, and writes them."""

    field: FieldDescriptor
    find: Callable[[Sequence[Any]], Found]
    write: Texts


class QuickLines:
    """Writes the lines of one schema's messages."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._tables: dict[tuple[Descriptor, str], list[_Column] | None] = {}
        self._root = type_of(schema.message(b""))
        fields = self._root.fields
        only_text = len(fields) == 1 and fields[0].type == FieldDescriptor.TYPE_STRING
        # Of these there is something quicker, or a short form.
        self._by_schema = only_text or self._root.full_name.startswith(PREFIX)

    def write(self, raws: Sequence[bytes]) -> list[str]:
        """The printable lines of messages, one for each."""
        if not self._by_schema:
            # Any error: both the messages and their type come from a server.
            try:
                return self._quick(raws)
            except Exception:  # noqa: S110 - the other way tells what there is to tell
                pass
        return list(map(self._line, raws))

    def _line(self, raw: bytes) -> str:
        try:
            return printable(self._schema.line(raw))
        except MessageError as error:
            return printable(str(error))

    def _quick(self, raws: Sequence[bytes]) -> list[str]:
        read = self._schema.message
        try:
            messages = [read(raw) for raw in raws]
        except MessageError:
            return self._some(raws)
        rows = self._rows(self._root, "", messages, 0)
        if None not in rows:
            lines = [row[1:] or "{}" for row in cast("list[str]", rows)]
            # Names are ASCII, and in texts an escape stands for what is not printable.
            if all(map(str.isascii, lines)) and max(map(len, lines)) <= MAX_LINE:
                return lines
        return [
            self._line(raw) if row is None else printable(row[1:] or "{}")
            for raw, row in zip(raws, rows, strict=True)
        ]

    def _some(self, raws: Sequence[bytes]) -> list[str]:
        """The lines where some bytes are no message."""
        lines = {at: self._line(raw) for at, raw in enumerate(raws) if not self._is_read(raw)}
        good = [at for at in range(len(raws)) if at not in lines]
        if good:
            lines.update(zip(good, self._quick([raws[at] for at in good]), strict=True))
        return [lines[at] for at in range(len(raws))]

    def _is_read(self, raw: bytes) -> bool:
        try:
            self._schema.message(raw)
        except MessageError:
            return False
        return True

    def _rows(
        self, type_: Descriptor, prefix: str, messages: Sequence[Any], depth: int
    ) -> list[str | None]:
        """All pairs of each message, a blank before each of them; None: it is too hard."""
        columns = self._table(type_, prefix) if depth <= _DEEPEST else None
        if columns is None:
            return [None] * len(messages)
        if not messages:
            return []
        size = len(messages)
        listed = _listed(messages) if _is_listed(type_) else None
        parts: list[Iterable[str | None]] = []
        for column in columns:
            number = column.field.number
            found = column.find(messages) if listed is None else listed.get(number, _NOWHERE)
            if found.values:
                parts += self._parts(column, found, size, f" {prefix}{column.field.name}", depth)
        if listed is not None and _EXTENSIONS in listed:
            # An extension has no place among the columns.
            parts.append(_spread(size, listed[_EXTENSIONS].places, repeat(None)))
        if not parts:
            return [""] * size
        rows = zip(*parts, strict=False)
        try:
            return list(map("".join, cast("Iterable[tuple[str, ...]]", rows)))
        except TypeError:
            again = cast("Iterable[tuple[str, ...]]", zip(*parts, strict=False))
            return [None if None in row else "".join(row) for row in again]

    def _parts(
        self, column: _Column, found: Found, size: int, name: str, depth: int
    ) -> Sequence[Iterable[str | None]]:
        """What of all rows is one field's, in one part or several."""
        everywhere = len(found.values) == size
        texts: Sequence[str | None]
        if _is_nested(column.field):
            texts = self._nested(name, column.field, found.values, depth)
        else:
            texts = column.write(found.values, depth)
            if everywhere:
                return repeat(f"{name}="), texts
            begin = f"{name}="
            texts = [None if text is None else begin + text for text in texts]
        return (texts,) if everywhere else (_spread(size, found.places, texts),)

    def _nested(
        self, name: str, field: FieldDescriptor, values: Sequence[Any], depth: int
    ) -> list[str | None]:
        inner = cast("Descriptor", field.message_type)
        rows = self._rows(inner, f"{name[1:]}.", values, depth + 1)
        return [f"{name}={{}}" if row == "" else row for row in rows]

    def _table(self, type_: Descriptor, prefix: str) -> list[_Column] | None:
        """The columns of a type; None: there are too many of them."""
        key = type_, prefix
        if key not in self._tables:
            if len(self._tables) >= _MOST_TABLES:
                return None
            self._tables[key] = [
                _Column(field, _finder(field), self._writer(field)) for field in type_.fields
            ]
        return self._tables[key]

    def _writer(self, field: FieldDescriptor) -> Texts:
        if is_map(field):
            return self._map(field)
        write = self._element(field)
        return _list(field, write) if field.is_repeated else write

    def _map(self, field: FieldDescriptor) -> Texts:
        key_field, value_field = cast("tuple[FieldDescriptor, ...]", map_entry(field))
        write_key, write = self._element(key_field), self._element(value_field)

        def texts(maps: Sequence[Any], depth: int) -> list[str | None]:
            # Those of more are in an order of their own.
            keys = [sorted(each)[:MOST_ENTRIES] if len(each) <= SORTED else [] for each in maps]
            names = write_key(list(chain.from_iterable(keys)), depth)
            found = [each[key] for each, own in zip(maps, keys, strict=True) for key in own]
            values = write(found, depth + 1)
            pairs = iter(
                None if value is None else f"{key}:{value}"
                for key, value in zip(names, values, strict=True)
            )
            return [
                _joined(len(each), pairs, MOST_ENTRIES) if own else None
                for each, own in zip(maps, keys, strict=True)
            ]

        return texts

    def _element(self, field: FieldDescriptor) -> Texts:
        type_ = field.message_type
        if type_ is None:
            return scalar_texts(field)
        if type_.full_name.startswith(PREFIX):
            return known_texts(type_)

        def braces(values: Sequence[Any], depth: int) -> list[str | None]:
            rows = self._rows(type_, "", values, depth + 1)
            return [None if row is None else f"{{{row[1:]}}}" for row in rows]

        return braces


def _is_nested(field: FieldDescriptor) -> bool:
    """Whether the fields of its message stand in the line as those of the message around it."""
    type_ = field.message_type
    return type_ is not None and not field.is_repeated and not type_.full_name.startswith(PREFIX)


def _list(field: FieldDescriptor, write: Texts) -> Texts:
    most = MOST_MESSAGES if field.message_type is not None else MOST_NUMBERS

    def texts(lists: Sequence[Any], depth: int) -> list[str | None]:
        shown = list(chain.from_iterable(islice(each, most) for each in lists))
        written = iter(write(shown, depth + 1))
        return [_joined(len(each), written, most) for each in lists]

    return texts


def _joined(size: int, texts: Iterator[str | None], most: int) -> str | None:
    """A list of so many elements, of which as many as are shown are taken from the texts."""
    parts = list(islice(texts, min(size, most)))
    if None in parts:
        return None
    return f"[{size:,}] {','.join(cast('list[str]', parts))}{',…' if size > most else ''}"


def _finder(field: FieldDescriptor) -> Callable[[Sequence[Any]], Found]:
    name = field.name
    get = attrgetter(name)
    if field.has_presence:

        def find_set(messages: Sequence[Message]) -> Found:
            # Of the class: a field of the message may have the method's name.
            has = type(messages[0]).HasField
            places = [at for at, message in enumerate(messages) if has(message, name)]
            if len(places) == len(messages):
                return Found(places, list(map(get, messages)))
            return Found(places, [get(messages[at]) for at in places])

        return find_set
    is_float = field.cpp_type in _FLOATS and not field.is_repeated

    def find(messages: Sequence[Message]) -> Found:
        values = list(map(get, messages))
        if all(values):
            return Found(range(len(values)), values)
        if is_float:
            # Zero is not there, but for the negative one.
            places = [at for at, value in enumerate(values) if value or str(value) == "-0.0"]
        else:
            places = [at for at, value in enumerate(values) if value]
        return Found(places, [values[at] for at in places])

    return find


def _is_listed(type_: Descriptor) -> bool:
    """Whether messages are asked for all their fields at once."""
    return len(type_.fields) > _MOST_ASKED or type_.is_extendable


def _listed(messages: Sequence[Message]) -> dict[int, Found]:
    """The fields that are set, by their numbers."""
    places: dict[int, list[int]] = {}
    values: dict[int, list[Any]] = {}
    list_fields = type(messages[0]).ListFields
    for at, message in enumerate(messages):
        for field, value in cast("list[tuple[FieldDescriptor, Any]]", list_fields(message)):
            number = _EXTENSIONS if field.is_extension else field.number
            places.setdefault(number, []).append(at)
            values.setdefault(number, []).append(value)
    return {number: Found(places[number], values[number]) for number in places}


def _spread(size: int, places: Sequence[int], texts: Iterable[str | None]) -> list[str | None]:
    """The texts in their places, and nothing in the others."""
    pieces: list[str | None] = [""] * size
    for at, text in zip(places, texts, strict=False):
        pieces[at] = text
    return pieces
