"""Messages as canonical JSON on one line, whatever is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice
from typing import Any, cast

from google.protobuf import descriptor_pb2, json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpctap.core.imports import imports_first
from grpctap.core.message import MessageError
from grpctap.core.text import MAX_LINE

_WELL_KNOWN, _PLAIN = "google.protobuf", "grpctap.plain"
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def escape(line: str) -> str:
    """A line of JSON in which every unprintable character has become its escape."""
    return line if line.isprintable() else _UNPRINTABLE.sub(_escaped, line)


class JsonText:
    """Writes the messages of one type as JSON, on one line.

    A message for which JSON has no form (a time that no calendar has, an Any of a type that nobody
    knows) is written by its plain fields instead. `as_dict` says in another way what of a message
    is written: as `json.dumps` takes it.
    """

    def __init__(
        self,
        type_: Descriptor,
        pool: DescriptorPool,
        as_dict: Callable[[Message, DescriptorPool], Any] | None = None,
    ) -> None:
        self._type, self._pool = type_, pool
        self._as_dict = as_dict
        self._twin: type[Message] | None = None

    def write(self, message: Message) -> str:
        """The message as JSON; not yet safe for a terminal.

        Raises:
            MessageError: not even its plain fields can be written.
        """
        # Any error: both the message and its type come from a server, and json_format trusts them.
        try:
            return self._json(message)
        except Exception:
            return self._plain_json(message)

    def _plain_json(self, message: Message) -> str:
        try:
            if self._twin is None:
                self._twin = _plain_twin(self._type)
            return self._json(self._twin.FromString(message.SerializePartialToString()))
        except Exception as error:
            raise MessageError("the message cannot be written as JSON") from error

    def _json(self, message: Message) -> str:
        if self._as_dict is not None:
            return json.dumps(self._as_dict(message, self._pool), ensure_ascii=False)
        return json_format.MessageToJson(
            message, indent=None, ensure_ascii=False, descriptor_pool=self._pool
        )


def shorten(message: Message, room: int = MAX_LINE) -> int:
    """Drops what is beyond `room` fields and elements: more than a line of so many characters has.

    Writing a message of a million elements would stop the screen for seconds. Returns what is left
    of the room.
    """
    for field, value in message.ListFields():
        nested = field.message_type is not None
        if room <= 0:
            _clear(message, field)
        elif not field.is_repeated:
            room = shorten(value, room - 1) if nested else room - 1
        elif is_map(field):
            room = _shorten_map(message, field, room)
        elif nested:
            for index, element in enumerate(value):
                if room <= 0:
                    del value[index:]
                    break
                room = shorten(element, room - 1)
        else:
            del value[room:]
            room -= len(value)
    return room


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map, which protobuf keeps as a repeated message."""
    message = field.message_type
    return field.is_repeated and message is not None and bool(message.GetOptions().map_entry)


def _shorten_map(message: Message, field: FieldDescriptor, room: int) -> int:
    # Filled anew, since an entry at a time cannot be dropped quickly.
    short = type(message)()
    entries: Any = getattr(short, field.name)
    for key, value in islice(getattr(message, field.name).items(), room):
        if isinstance(value, Message):
            room = shorten(value, room - 1)
            entries[key].CopyFrom(value)
        else:
            room -= 1
            entries[key] = value
    _clear(message, field)
    message.MergeFrom(short)
    return room


def _clear(message: Message, field: FieldDescriptor) -> None:
    if field.is_extension:
        message.ClearExtension(cast("Any", field))
    else:
        message.ClearField(field.name)


def _plain_twin(type_: Descriptor) -> type[Message]:
    """The same type, but for the well-known ones that JSON treats in a way of their own.

    They become messages of another package, and so have no treatment but that of any message.
    """
    pool = DescriptorPool()
    for file in _with_imports(type_.file):
        plain = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(plain)
        if plain.package == _WELL_KNOWN:
            plain.package = _PLAIN
        # What is called is the same; services and extensions are not needed.
        del plain.service[:]
        del plain.extension[:]
        for message in plain.message_type:
            _make_plain(message)
        pool.Add(plain)
    package = type_.file.package
    name = type_.full_name
    if package == _WELL_KNOWN:
        name = _PLAIN + name.removeprefix(_WELL_KNOWN)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def _make_plain(message: descriptor_pb2.DescriptorProto) -> None:
    del message.extension[:]
    for field in message.field:
        if field.type_name.startswith(f".{_WELL_KNOWN}."):
            field.type_name = f".{_PLAIN}" + field.type_name.removeprefix(f".{_WELL_KNOWN}")
        if message.name == "Any" and field.name == "type_url":
            field.json_name = "@type"
    for nested in message.nested_type:
        _make_plain(nested)


def _with_imports(file: FileDescriptor) -> list[FileDescriptor]:
    """The file and all that it imports, those first."""
    known = {file.name: file}

    def imports(name: str) -> list[str]:
        known.update((dependency.name, dependency) for dependency in known[name].dependencies)
        return [dependency.name for dependency in known[name].dependencies]

    return [known[name] for name in imports_first([file.name], imports)]


def _escaped(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]
