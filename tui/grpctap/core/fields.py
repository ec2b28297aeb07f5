"""What there is to know of a message's fields while somebody writes one as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from grpctap.core.comments import Comments
from grpctap.core.jsonplaces import Path
from grpctap.core.template import WELL_KNOWN
from grpctap.core.text import listed
from grpctap.core.types import map_entry, type_text, written_oneof

_FORMS = {
    "google.protobuf.Timestamp": 'a time: "2026-01-01T00:00:00Z"',
    "google.protobuf.Duration": 'seconds: "1.5s"',
    "google.protobuf.FieldMask": 'names of fields: "user.name,photo"',
    "google.protobuf.Struct": "any JSON object",
    "google.protobuf.Value": "any JSON value",
    "google.protobuf.ListValue": "any JSON array",
    "google.protobuf.Any": 'a message, and its type: {"@type": "type.googleapis.com/NAME", …}',
    "google.protobuf.Empty": "an empty object: {}",
}


@dataclass(frozen=True, slots=True)
class FieldHelp:
    """A field as help tells it: `type_` as in a proto, `notes` in words; nothing is printable yet.

    `here` says that it is the field that is being written.
    """

    name: str
    type_: str
    notes: tuple[str, ...]
    comment: str
    here: bool


def field_named(message: Descriptor, name: str) -> FieldDescriptor | None:
    """The field that JSON calls so, by either of its names."""
    for field in message.fields:
        if name == field.json_name:
            return field
    return message.fields_by_name.get(name)


def find_field(message: Descriptor, path: Path) -> FieldDescriptor | None:
    """The field that a path into a message of this type leads to; None: no field that is known."""
    field: FieldDescriptor | None = None
    type_: Descriptor | None = message
    inside = False
    for step in path:
        if field is not None and inside and field.is_repeated:
            # An index, or the key of a map.
            inside = False
            if entry := map_entry(field):
                field = entry[1]
                type_, inside = field.message_type, True
            continue
        if type_ is None or type_.full_name in WELL_KNOWN or not isinstance(step, str):
            return None
        field = field_named(type_, step)
        if field is None:
            return None
        type_, inside = field.message_type, True
    return field


def message_around(message: Descriptor, path: Path) -> tuple[Descriptor, FieldDescriptor | None]:
    """The message that is being written at a path into `message`, and the field of it, if any."""
    whole = len(path)
    while whole and not isinstance(path[whole - 1], str):
        whole -= 1
    # The last step is a key of a message, of a map, or of something that no proto describes.
    for length in range(whole, 0, -1):
        outer = find_field(message, path[: length - 1]) if length > 1 else None
        around = message if length == 1 else outer and _message_of(outer)
        if around:
            return around, field_named(around, str(path[length - 1]))
    return message, None


def help_of(
    message: Descriptor, here: FieldDescriptor | None, comments: Comments
) -> list[FieldHelp]:
    """All fields of a message, in the order of its proto."""
    return [
        FieldHelp(
            field.json_name,
            type_text(field),
            tuple(_notes(field)),
            comments.of(field),
            here is not None and field.full_name == here.full_name,
        )
        for field in message.fields
    ]


def _notes(field: FieldDescriptor) -> list[str]:
    notes = []
    oneof = written_oneof(field)
    if oneof is not None:
        notes.append(f"one of {listed([each.json_name for each in oneof.fields])}")
    elif field.is_required:
        notes.append("required")
    elif field.has_presence and field.message_type is None:
        notes.append("optional")
    entry = map_entry(field)
    type_ = entry[1].message_type if entry else field.message_type
    if type_ is not None and type_.full_name in _FORMS:
        notes.append(_FORMS[type_.full_name])
    if field.enum_type is not None:
        notes.append(listed(_names(field.enum_type), 8))
    if field.type == FieldDescriptor.TYPE_BYTES:
        notes.append("bytes in base64")
    return notes


def _names(enum: EnumDescriptor) -> list[str]:
    return [value.name for value in enum.values]


def _message_of(field: FieldDescriptor) -> Descriptor | None:
    entry = map_entry(field)
    type_ = entry[1].message_type if entry else field.message_type
    return type_ if type_ is not None and type_.full_name not in WELL_KNOWN else None
