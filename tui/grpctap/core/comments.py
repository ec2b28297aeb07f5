"""Comments: what the authors of protos wrote about what they define."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.descriptor import EnumValueDescriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from grpctap.core.text import text_of


class Comments:
    """The comments of files, found by the full name of what they are about.

    Descriptors in a pool have none, so they are read from the files, where these have source
    information: what is compiled from source has it, a server's descriptions seldom do.
    """

    def __init__(self, files: Iterable[FileDescriptorProto] = ()) -> None:
        self._files = tuple(files)
        self._found: dict[str, tuple[str, str]] | None = None

    def of(self, descriptor: Any) -> str:
        """What is said of a field, a message, a method or any other descriptor; "" for nothing.

        Without the blanks that all its lines begin with; not yet safe for a terminal.
        """
        leading, trailing = self._look_up(name_of(descriptor))
        lines = textwrap.dedent(leading or trailing).expandtabs().split("\n")
        return "\n".join(line.rstrip() for line in lines).strip()

    def leading(self, descriptor: Any) -> str:
        """The comment that stands before a definition, with the blanks that it was written with."""
        return self._look_up(name_of(descriptor))[0]

    def _look_up(self, name: str) -> tuple[str, str]:
        if self._found is None:
            # Only who asks for one comment needs them all sorted by name.
            self._found = dict(_all_comments(self._files))
        return self._found.get(name, ("", ""))


NO_COMMENTS = Comments()
"""The comments of files that have none."""


def name_of(descriptor: Any) -> str:
    """The full name of what a descriptor describes; a value of an enum is named below its enum."""
    if isinstance(descriptor, EnumValueDescriptor):
        return f"{descriptor.type.full_name}.{descriptor.name}"
    if isinstance(descriptor, FieldDescriptor) and is_group(descriptor):
        # A group is a field and a type in one, and the comment is the type's.
        return message_name(descriptor)
    return str(descriptor.full_name)


def message_name(field: FieldDescriptor) -> str:
    """The full name of the message that a field holds; "" where it holds none."""
    return "" if field.message_type is None else str(field.message_type.full_name)


def file_of(descriptor: Any) -> FileDescriptor:
    """The file that defines it, which the types of protobuf do not tell of fields."""
    file: FileDescriptor = descriptor.file
    return file


def is_group(field: FieldDescriptor) -> bool:
    """Whether the field is a group as proto2 has them, whose type has its name."""
    message = field.message_type
    if field.type != FieldDescriptor.TYPE_GROUP or message is None:
        return False
    scope = field.extension_scope if field.is_extension else field.containing_type
    package = file_of(field).package
    outer = package if scope is None else scope.full_name
    name = f"{outer}.{message.name}" if outer else message.name
    if message.name.lower() != field.name or message.full_name != name:
        return False
    # With editions, any message may be written on the wire as groups are.
    file = FileDescriptorProto()
    file_of(field).CopyToProto(file)
    return file.syntax in ("", "proto2")


def _all_comments(
    files: Iterable[FileDescriptorProto],
) -> Iterable[tuple[str, tuple[str, str]]]:
    for file in files:
        for location in file.source_code_info.location:
            comments = text_of(location.leading_comments), text_of(location.trailing_comments)
            if any(comments):
                name = _named(file, location.path)
                if name is not None:
                    yield name, comments


def _named(file: FileDescriptorProto, path: Sequence[int]) -> str | None:
    """The full name of what a path leads to: pairs of a field's number and an index."""
    parts = [file.package] if file.package else []
    element: Any = file
    if len(path) % 2 or not path:
        return None
    for number, index in zip(path[::2], path[1::2], strict=True):
        field = element.DESCRIPTOR.fields_by_number.get(number)
        if field is None or not field.is_repeated or field.message_type is None:
            return None
        elements = getattr(element, field.name)
        if not 0 <= index < len(elements):
            return None
        element = elements[index]
        name = getattr(element, "name", None)
        if not isinstance(name, str):
            return None
        parts.append(name)
    return ".".join(parts)
