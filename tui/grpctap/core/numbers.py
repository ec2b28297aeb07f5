"""Which numbers the messages of a type hold: what the type tells, and what messages had."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from grpctap.core.listvalue import last_number
from grpctap.core.numberfield import LONGEST_PATH, NumberField, Place, Shape, shapes_of
from grpctap.core.text import text_of

MOST_FIELDS = 2_000
"""So many fields are told at most."""
MOST_ENTRIES = 500
"""So many elements of a list, or entries of a map, are looked at in a message."""

# A type is followed so deep without a message, and a message so deep.
_DEPTH_OF_TYPE, _DEPTH = 6, 30
_LOOKS = 10_000


class Numbers:
    """The numeric fields of one type: those of the type itself, and those that messages had.

    The type alone tells of a list its first element only, of a map nothing, and a type within
    itself just once; the rest is found in messages. A string is among them once a message had a
    number in it, and as long as there was no message. There are never more than MOST_FIELDS.
    """

    def __init__(self, type_: Descriptor) -> None:
        self._root = Place()
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

    def _of_type(self) -> Iterator[tuple[Place, Shape]]:
        """What the type alone tells, the nearest first."""
        above: tuple[Descriptor, ...] = (self._type,)
        queue = deque([(self._root, self._type, above)])
        looks = told = 0
        while queue:
            start, type_, above = queue.popleft()
            for number, shape in enumerate(shapes_of(type_)):
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


def _walk(message: Any, start: Place, depth: int) -> Iterator[tuple[Place, Shape, Any]]:
    """The numbers of a message, and texts that may hold one."""
    for number, shape in enumerate(shapes_of(message.DESCRIPTOR)):
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
