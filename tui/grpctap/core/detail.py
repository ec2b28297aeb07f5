"""All that is to be seen of one message, and no more than can be made at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from grpctap.core.event import event_reader
from grpctap.core.jsontext import escape, shorten
from grpctap.core.message import MessageError, Schema
from grpctap.core.oneline import time_text, type_of
from grpctap.core.outline import Entry, Outline, unknown_count
from grpctap.core.pretty import INDENT, Kind, Line, Piece, pretty

MOST_FIELDS = 3_000
"""Fields and elements in the JSON that is shown."""
_MOST_ANY = 65_536


@dataclass(frozen=True)
class Detail:
    """A message, looked at closely.

    `lines` are its JSON, `entries` its fields; `event` is when it says that it came to be, in local
    time ("": it does not say); `is_cut` tells that the JSON has more, and `unknown` how many of its
    fields its type does not know.
    """

    type: str
    lines: list[Line]
    entries: list[Entry]
    event: str = ""
    is_cut: bool = False
    unknown: int = 0


def detail_of(schema: Schema, raw: bytes) -> Detail:
    """Looks at a serialised message; one that cannot be read is a line that says so."""
    try:
        message, copy = schema.message(raw), schema.message(raw)
        size = type(copy).ByteSize(copy)
        shorten(copy, MOST_FIELDS)
        _cut_any(copy)
        lines = pretty(json.loads(schema.json_text.write(copy)))
    except (MessageError, ValueError) as error:
        return Detail("", [Line(0, [Piece(str(error), Kind.MARK)])], [])
    return Detail(
        type_of(message).full_name,
        lines,
        Outline(schema.json_text.pool).of(message),
        _event(message),
        type(copy).ByteSize(copy) < size,
        unknown_count(message),
    )


def whole_json(schema: Schema, raw: bytes) -> str:
    """The whole message as JSON over many lines, every unprintable character escaped.

    Raises:
        MessageError: the bytes are no such message.
    """
    whole = json.dumps(json.loads(schema.json(raw)), indent=INDENT, ensure_ascii=False)
    return whole if whole.isascii() else "\n".join(map(escape, whole.split("\n")))


def _event(message: Message) -> str:
    read = event_reader(type_of(message))
    if read is None:
        return ""
    moment = read(message)
    return "" if moment is None else time_text(*divmod(moment, 1_000_000_000)) or ""


def _cut_any(message: Message) -> None:
    """Shortens what lies in an Any, which no one has read yet, and may have a million elements."""
    for field, value in type(message).ListFields(message):
        if field.message_type is None:
            continue
        parts = [value]
        if field.is_repeated:
            parts = list(value.values() if hasattr(value, "values") else value)
        for part in parts:
            if not isinstance(part, Message):
                continue
            content: Any = part
            if type_of(part).full_name != "google.protobuf.Any":
                _cut_any(part)
                continue
            inner = getattr(content, "value", None)
            if isinstance(inner, bytes) and len(inner) > _MOST_ANY:
                content.value = inner[:_MOST_ANY]
