"""JSON with the fields, too, that are not set."""

from __future__ import annotations

from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpctap.core.types import is_map

_WELL_KNOWN = "google.protobuf."


def with_defaults(message: Message, pool: DescriptorPool) -> Any:
    """The message as `json.dumps` takes it, with the fields that are not set, as grpcurl has them.

    A number, a string and the like is its default, a list or a map is empty, and a message is null.
    Left out are those of a oneof, and those marked optional. protobuf's own JSON leaves out the
    messages, too.
    """
    written = json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, descriptor_pool=pool
    )
    _add_nulls(message, written)
    return written


def _add_nulls(message: Message, written: Any) -> None:
    type_ = cast("Descriptor", message.DESCRIPTOR)
    # The well-known types have a JSON of their own, and nothing of theirs is unset in it.
    if type_.full_name.startswith(_WELL_KNOWN):
        return
    for field in type_.fields:
        if field.message_type is None:
            continue
        name, value = field.json_name, getattr(message, field.name)
        if is_map(field):
            if field.message_type.fields_by_name["value"].message_type is not None:
                for key, element in value.items():
                    _add_nulls(element, written[name][_key(key)])
        elif field.is_repeated:
            for element, part in zip(value, written[name], strict=True):
                _add_nulls(element, part)
        # Of the class: a field of the message may have the method's name.
        elif type(message).HasField(message, field.name):
            _add_nulls(value, written[name])
        elif field.containing_oneof is None:
            written[name] = None


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
