"""Types of fields: what they are called, and what a map and a oneof are made of."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

MapEntry = tuple[FieldDescriptor, FieldDescriptor]
"""The fields of a map's keys and values."""

# A hostile type may have far more.
_LOOKS = 10_000
_TYPES = FieldDescriptorProto.Type.DESCRIPTOR.values_by_number


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map, which protobuf keeps as a repeated message."""
    message = field.message_type
    return field.is_repeated and message is not None and bool(message.GetOptions().map_entry)


def map_entry(field: FieldDescriptor) -> MapEntry | None:
    """The fields of a map's keys and values; None: the field is no map."""
    entry = field.message_type
    if entry is None or not is_map(field):
        return None
    return entry.fields_by_number[1], entry.fields_by_number[2]


def scalar_name(field: FieldDescriptor) -> str:
    """The type of what is neither message nor enum, as a proto names it: "int32"."""
    return _TYPES[field.type].name.removeprefix("TYPE_").lower()


def type_text(field: FieldDescriptor, *, full: bool = False, one: bool = False) -> str:
    """The type of a field as a proto names it: "repeated int32", "map<string, Node>".

    `full` says that names have their package, `one` that the type of one element is meant.
    """
    if entry := map_entry(field):
        key, value = (type_text(part, full=full) for part in entry)
        return f"map<{key}, {value}>"
    type_ = field.message_type or field.enum_type
    own = scalar_name(field) if type_ is None else type_.name
    name = type_.full_name if full and type_ is not None else own
    return f"repeated {name}" if field.is_repeated and not one else name


def written_oneof(field: FieldDescriptor) -> OneofDescriptor | None:
    """The oneof that the field is in, where somebody wrote it.

    Protobuf makes one of its own for each optional field of proto3, and names it after that.
    """
    oneof = field.containing_oneof
    if oneof is None or (len(oneof.fields) == 1 and oneof.name == f"_{field.name}"):
        return None
    return oneof


def single_leaves(
    root: Descriptor, depth: int, closed: Container[str] = ()
) -> Iterator[tuple[FieldDescriptor, ...]]:
    """The ways through a message to its single fields that are no messages, the nearest first.

    Args:
        root: The message.
        depth: How many fields a way has at most.
        closed: Names of messages that are not entered.
    """
    above: tuple[FieldDescriptor, ...] = ()
    queue = deque([(root, above)])
    looks = 0
    while queue:
        message, above = queue.popleft()
        # A message within itself leads nowhere new.
        known = (root, *(field.message_type for field in above))
        for field in message.fields:
            looks += 1
            if looks > _LOOKS:
                return
            inner, path = field.message_type, (*above, field)
            if field.is_repeated:
                continue
            if inner is None:
                yield path
            elif inner not in known and len(path) < depth and inner.full_name not in closed:
                queue.append((inner, path))
