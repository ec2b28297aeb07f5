"""Which fields of a message can be the key of its row on a board, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from grpctap.core.columns import MarkedColumn
from grpctap.core.oneline import scalar
from grpctap.core.text import printable, text_of
from grpctap.core.types import single_leaves, type_text

Key = str | int | bytes | None
"""What a message has for a key; None: it is not set."""

NO_KEY = "(none)"
LONGEST_KEY = 200
"""Characters of a key that are shown."""
ENOUGH = 20
"""From so many messages on it is told which key is the likeliest."""

_FEW = 5
_LEAVES, _DEPTH = 200, 4
_WHOLE = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_BROKEN = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
_KEYS = {
    *_WHOLE,
    FieldDescriptor.CPPTYPE_STRING,
    FieldDescriptor.CPPTYPE_ENUM,
    FieldDescriptor.CPPTYPE_BOOL,
}
_TIMES = {"google.protobuf.Timestamp", "google.protobuf.Duration"}
# What people call what tells one thing from another, the likeliest first.
_NAMES = (
    *("symbol", "ticker", "instrument", "key", "id", "name", "code", "host", "device", "sensor"),
    *("topic", "channel", "source", "subject", "service", "region", "user", "type", "kind"),
)


class FieldPath:
    """A single field, and the single messages through which it is reached."""

    def __init__(self, fields: Sequence[FieldDescriptor]) -> None:
        self.leaf = fields[-1]
        self.fields = tuple(fields)
        self.name = ".".join(field.name for field in fields)
        self._value = attrgetter(self.name)
        self._above = [field.name for field in fields[:-1]]
        self._is_text = self.leaf.type == FieldDescriptor.TYPE_STRING
        # What is not set may read as anything then.
        enum = self.leaf.enum_type
        first = 0 if enum is None else enum.values[0].number
        self._has_default = self.leaf.has_default_value or first != 0

    @property
    def type(self) -> str:
        """Its type as a proto names it; printable."""
        return printable(type_text(self.leaf))

    @property
    def is_key(self) -> bool:
        """Whether it can be a key: text, bytes, whole numbers, enums and booleans."""
        return self.leaf.cpp_type in _KEYS

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return self.leaf.cpp_type in _WHOLE | _BROKEN

    def key(self, message: Any) -> Key:
        """Its value as a key; a text that is empty and one that is not set are the same.

        That is so only where the proto does not tell the one from the other.
        """
        value = self._value(message)
        # A message that is not set reads as an empty one, so only nothing is in doubt.
        if (not value or self._has_default) and not self._is_set(message, value):
            return None
        return text_of(value) if self._is_text else cast("Key", value)

    def number(self, message: Any) -> float | None:
        """Its value as a number; None where it is not set."""
        value = self._value(message)
        if (not value or self._has_default) and not self._is_set(message, 0):
            return None
        return float(value)

    def _is_set(self, message: Any, value: Any) -> bool:
        for name in self._above:
            # Of the class: a field of the message may have the method's name.
            if not type(message).HasField(message, name):
                return False
            message = getattr(message, name)
        if self.leaf.has_presence:
            return bool(type(message).HasField(message, self.leaf.name))
        return value not in ("", b"")

    def text(self, key: Key) -> str:
        """A key in words, printable."""
        if key is None:
            return NO_KEY
        if key in ("", b""):
            return '""'
        return printable(key, LONGEST_KEY) if isinstance(key, str) else scalar(self.leaf, key)


def field_paths(type_: Descriptor) -> list[FieldPath]:
    """The single fields of a message that are no messages, the nearest first."""
    paths = map(FieldPath, single_leaves(type_, _DEPTH, _TIMES))
    return list(islice(paths, _LEAVES))


class Candidate(NamedTuple):
    """A field that can be the key: how many of the messages looked at have it, and how different.

    `example` is the key of the newest that has it, in words.
    """

    path: FieldPath
    present: int
    distinct: int
    example: str


def candidates(paths: Sequence[FieldPath], messages: Sequence[Message]) -> list[Candidate]:
    """The fields that can be the key, the likeliest first.

    Args:
        paths: The fields there are.
        messages: A sample of the messages, the newest last.
    """
    found = [_candidate(path, messages) for path in paths if path.is_key]
    # Sorting keeps the nearest first among equals.
    return sorted(found, key=lambda candidate: -_likelihood(candidate, len(messages)))


def _candidate(path: FieldPath, messages: Sequence[Message]) -> Candidate:
    read = map(path.key, messages)
    if path.leaf.has_presence:
        keys = [key for key in read if key is not None]
    else:
        # Nobody can tell whether a zero was meant.
        keys = list(filter(None, read))
    example = path.text(keys[-1]) if keys else ""
    return Candidate(path, len(keys), len(set(keys)), example)


def _likelihood(candidate: Candidate, total: int) -> float:
    path, present, distinct, _ = candidate
    likelihood = _name_weight(path.leaf.name) - 0.1 * len(path.fields)
    kind = path.leaf.cpp_type
    if kind == FieldDescriptor.CPPTYPE_BOOL or path.leaf.type == FieldDescriptor.TYPE_BYTES:
        likelihood -= 1.0
    elif kind == FieldDescriptor.CPPTYPE_STRING:
        likelihood += 0.3
    elif kind == FieldDescriptor.CPPTYPE_ENUM:
        likelihood += 0.1
    if not total:
        return likelihood
    if not present:
        return likelihood - 4.0
    # A good key is in each message, and has values that come again, but more than one.
    likelihood += 2.0 * present / total
    # Of a few messages it tells little, and half as many keys as messages are few enough.
    weight = min(max((present - _FEW) / (ENOUGH - _FEW), 0.0), 1.0)
    repeats = min(2 * (1 - distinct / present), 1.0)
    return likelihood + weight * (0.5 if distinct == 1 else 1.5 * repeats)


def _name_weight(name: str) -> float:
    words = name.lower().split("_")
    for rank, known in enumerate(_NAMES):
        if known in words:
            return 1.0 - rank / 40
    return 0.0


def key_reader(
    path: FieldPath, parse: Callable[[bytes], Message]
) -> Callable[[Sequence[bytes]], list[Key]]:
    """Reads the keys of messages, many at once where the field allows it.

    Args:
        path: The key.
        parse: Reads one message; raises ValueError where it is none, which has no key then.
    """
    column = MarkedColumn(path.leaf) if len(path.fields) == 1 and _is_plain(path.leaf) else None
    is_text = path.leaf.type == FieldDescriptor.TYPE_STRING
    # What a message that lacks the field has for a key.
    absent: Key = None
    if not path.leaf.has_presence and path.leaf.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        absent = 0

    def one(raw: bytes) -> Key:
        try:
            return path.key(parse(raw))
        except ValueError:
            return None

    def read(raws: Sequence[bytes]) -> list[Key]:
        found = column.read(raws) if column is not None else None
        if found is None:
            return list(map(one, raws))
        if is_text:
            found = [data if data is None else data.decode("utf-8", "replace") for data in found]
        if not path.leaf.has_presence:
            return [value or absent for value in found]
        return found

    return read


def _is_plain(field: FieldDescriptor) -> bool:
    """Whether what stands on the wire is what the field has, and can be told from a mark."""
    oneof, enum = field.containing_oneof, field.enum_type
    # Another field of the oneof may come after it; an unknown number is no value of a closed enum.
    return (
        field.cpp_type != FieldDescriptor.CPPTYPE_BOOL
        and (oneof is None or len(oneof.fields) == 1)
        and (enum is None or not enum.is_closed)
    )
