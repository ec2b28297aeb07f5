"""When a message says that what it tells of came to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_NAMES = ("event_time", "timestamp", "time", "created_at")
_TIMESTAMP = "google.protobuf.Timestamp"
_SECOND_NS = 1_000_000_000


def event_field(type_: Descriptor) -> FieldDescriptor | None:
    """The field of a message that tells its event time; None: it has none."""
    for name in _NAMES:
        field = type_.fields_by_name.get(name)
        if field is None or field.is_repeated or field.message_type is None:
            continue
        if field.message_type.full_name == _TIMESTAMP:
            return field
    return None


def event_reader(type_: Descriptor) -> Callable[[Message], int | None] | None:
    """Reads the event time of messages, in nanoseconds since the epoch; None: they have none.

    Of a message in which it is not set, or is no time, what it reads is None.
    """
    field = event_field(type_)
    if field is None:
        return None
    name = field.name

    def read(message: Message) -> int | None:
        # Of the class: a field of the message may have the method's name.
        if not type(message).HasField(message, name):
            return None
        moment: Any = getattr(message, name)
        # Who calls another type by that name has another time in mind.
        seconds, nanos = getattr(moment, "seconds", None), getattr(moment, "nanos", None)
        if not isinstance(seconds, int) or not isinstance(nanos, int):
            return None
        return seconds * _SECOND_NS + nanos if 0 <= nanos < _SECOND_NS else None

    return read
