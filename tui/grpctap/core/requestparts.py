"""The fields that a request sets, one by one, without its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpctap.core.oneline import in_order, known_text, name_of, scalar, type_of
from grpctap.core.secrets import has_secret, is_secret
from grpctap.core.text import printable, text_of
from grpctap.core.types import map_entry

MOST_PARTS = 64
LONGEST = 200
"""Characters of a value; what differs only after them does not tell streams apart."""
_MOST_ELEMENTS = 8
_DEEPEST = 6
# In a message that is a pair, the one tells what the other is.
_NAMES = ("name", "key", "header")


class Part(NamedTuple):
    """A field that is set: its path, such as "filter.symbols[0]", and its value.

    Both are printable. `is_text` says that the value is text, which says by itself what it is.
    """

    path: str
    value: str
    is_text: bool


def request_parts(request: Message) -> tuple[Part, ...]:
    """The first fields that a request sets, in the order of the proto; secrets are left out.

    So is what is in an Any, of which nobody knows whether it is one.
    """
    found: list[Part] = []
    # Any error: the types come from a server, which may have well-known ones of its own making.
    with suppress(Exception):
        found.extend(islice(_fields(request, "", 0), MOST_PARTS))
    return tuple(found)


def _fields(message: Message, prefix: str, depth: int) -> Iterator[Part]:
    if depth and _is_named_as_secret(message):
        return
    for field, value in in_order(message):
        name = prefix + name_of(field)
        # A secret's name may be that of the message around it.
        if is_secret(name) or field.GetOptions().debug_redact:
            continue
        if entry := map_entry(field):
            for key in sorted(value)[:_MOST_ELEMENTS]:
                inner = f"{name}[{scalar(entry[0], key)}]"
                if not is_secret(inner):
                    yield from _one(entry[1], value[key], inner, depth)
        elif field.is_repeated:
            for index, element in enumerate(islice(value, _MOST_ELEMENTS)):
                yield from _one(field, element, f"{name}[{index}]", depth)
        else:
            yield from _one(field, value, name, depth)


def _one(field: FieldDescriptor, value: Any, path: str, depth: int) -> Iterator[Part]:
    inner = field.message_type
    is_text = field.type == FieldDescriptor.TYPE_STRING
    text: str | None = None
    if inner is None:
        text = text_of(value) if is_text else scalar(field, value, LONGEST)
    elif inner.file.package == "google.protobuf":
        text = known_text(inner, value)
    if text is not None:
        # As much as is shown, and then some, in which a name may go on.
        if not has_secret(text[: 2 * LONGEST]):
            yield Part(printable(path, LONGEST), printable(text, LONGEST), is_text)
    elif depth < _DEEPEST and type_of(value).full_name != "google.protobuf.Any":
        yield from _fields(value, f"{path}.", depth + 1)


def _is_named_as_secret(message: Message) -> bool:
    """Whether it is a pair such as {"name": "authorization", "value": …}."""
    return any(
        field.name.lower() in _NAMES
        and field.type == FieldDescriptor.TYPE_STRING
        and not field.is_repeated
        and is_secret(text_of(value))
        for field, value in in_order(message)
    )
