"""Chosen fields of messages, as the cells of a table."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpctap.core.catalog import nearest
from grpctap.core.oneline import MOST_ENTRIES, OneLine, quoted
from grpctap.core.text import printable
from grpctap.core.types import is_map

MOST_COLUMNS = 50
LONGEST_CELL = 200
"""Characters of a cell."""

ABSENT = "-"
"""What stands in a cell whose field is not set."""

_LONGEST_NAME, _LONGEST_ERROR = 100, 600
# An error names the likeliest fields, out of those near the top of a message.
_CANDIDATES, _LOOKS, _DEPTH = 1_000, 10_000, 5
_KEYS = {
    FieldDescriptor.CPPTYPE_INT32: range(-(2**31), 2**31),
    FieldDescriptor.CPPTYPE_INT64: range(-(2**63), 2**63),
    FieldDescriptor.CPPTYPE_UINT32: range(2**32),
    FieldDescriptor.CPPTYPE_UINT64: range(2**64),
}


class CellsError(ValueError):
    """Columns that cannot be shown; the message says why, and which fields there are."""

    def __init__(self, reason: str) -> None:
        super().__init__(printable(f"--columns: {reason}", _LONGEST_ERROR))


class Step(NamedTuple):
    """A field on the way to a cell; `key` is what was asked for in a map."""

    field: FieldDescriptor
    key: Any = None


class Cells:
    """Reads the chosen fields of one type's messages.

    A path goes through messages by the names of their fields, as in the proto or in JSON, and
    through maps by their keys. Where it goes through a list, a cell has what all its elements have.
    """

    def __init__(self, text: str, type_: Descriptor, pool: DescriptorPool) -> None:
        """Looks up the fields.

        Args:
            text: Dotted paths with commas between them: "key,value.size".
            type_: The type of the messages.
            pool: The types that an Any may hold.

        Raises:
            CellsError: a field is not there, or none is named.
        """
        self.names = names_in(text, MOST_COLUMNS)
        self._paths = [steps_to(name, type_) for name in self.names]
        self._one_line = OneLine(pool)

    def read(self, message: Message) -> list[str]:
        """A message's cells, each a printable text of at most LONGEST_CELL characters."""
        return [self._cell(message, path) for path in self._paths]

    def _cell(self, message: Message, path: Sequence[Step]) -> str:
        field = path[-1].field
        if path[-1].key is not None:
            field = cast("Descriptor", field.message_type).fields_by_number[2]
        elif is_map(field):
            return self._whole(field, message, path)
        found = list(islice(_values(message, path), MOST_ENTRIES + 1))
        texts = [self._one_line.value(field, value, LONGEST_CELL) for value in found]
        if len(texts) > MOST_ENTRIES:
            texts[-1] = "…"
        return printable(",".join(texts), LONGEST_CELL) if found else ABSENT

    def _whole(self, field: FieldDescriptor, message: Message, path: Sequence[Step]) -> str:
        found = list(islice(_values(message, path), 1))
        # Of a map, the one line that a message with nothing but it would have.
        text = self._one_line.entries(field, found[0], LONGEST_CELL) if found else ""
        return text or ABSENT


def _values(message: Any, path: Sequence[Step]) -> Iterator[Any]:
    (field, key), rest = path[0], path[1:]
    if field.has_presence and not type(message).HasField(message, field.name):
        return
    value = getattr(message, field.name)
    found: Any = (value,)
    if key is not None:
        found = (value[key],) if key in value else ()
    elif is_map(field):
        found = (value,) if value else ()
    elif field.is_repeated:
        found = value
    for element in found:
        if rest:
            yield from _values(element, rest)
        else:
            yield element


def names_in(text: str, most: int) -> list[str]:
    """The names between the commas.

    Raises:
        CellsError: there are none, or more than `most`.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise CellsError("names no field; for example --columns key,value.size")
    if len(names) > most:
        raise CellsError(f"names {len(names):,} fields, and {most:,} is the most")
    return names


def steps_to(text: str, root: Descriptor) -> list[Step]:
    """The fields on a dotted path through messages, and through maps by their keys.

    Raises:
        CellsError: a field is not there.
    """
    path: list[Step] = []
    message: Descriptor | None = root
    names, above = deque(text.split(".")), ""
    while names:
        name = names.popleft()
        if message is None:
            raise CellsError(f'"{printable(text, _LONGEST_NAME)}": {above[:-1]} has no fields')
        field = message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)
        if field is None:
            shown = printable(name, _LONGEST_NAME)
            near = [above + known for known in islice(field_paths(message), _CANDIDATES)]
            told = nearest(above + name, near)
            raise CellsError(f'no field "{shown}" in {message.full_name}; {told}')
        message = field.message_type
        key, above = None, f"{above}{field.name}."
        if message is not None and is_map(field) and names:
            key = _key(message.fields_by_number[1], names[0])
            above += f"{names.popleft()}."
            message = message.fields_by_number[2].message_type
        path.append(Step(field, key))
    return path


def _key(field: FieldDescriptor, text: str) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return text
    if kind == FieldDescriptor.CPPTYPE_BOOL and text in ("true", "false"):
        return text == "true"
    if kind in _KEYS and re.fullmatch(r"-?[0-9]{1,20}", text) and int(text) in _KEYS[kind]:
        return int(text)
    raise CellsError(f"{quoted(text)} is no key of that map")


def field_paths(root: Descriptor) -> Iterator[str]:
    """The paths to fields in a message, the nearest first."""
    known: tuple[Descriptor, ...] = (root,)
    queue = deque([(root, "", known)])
    looks = 0
    while queue:
        message, above, known = queue.popleft()
        for field in message.fields:
            looks += 1
            if looks > _LOOKS:
                return
            inner, name = field.message_type, above + field.name
            yield name
            deeper = inner is not None and not is_map(field) and inner not in known
            if inner is not None and deeper and len(known) < _DEPTH:
                queue.append((inner, f"{name}.", (*known, inner)))
