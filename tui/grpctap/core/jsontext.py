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
from grpctap.core.types import is_map

_WELL_KNOWN, _PLAIN = "google.protobuf", "grpctap.plain"
# What every message has, and a field of the same name hides.
_METHODS = frozenset(dir(Message))
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def escape(line: str) -> str:
    """A line of JSON in which every unprintable character has become its escape."""
    return line if line.isprintable() else _UNPRINTABLE.sub(_escaped, line)


class JsonText:
    """Writes the messages of one type as JSON, on one line.

    A message for which JSON has no form (a time that no calendar has, an Any of a type that nobody
    knows) is written by its plain fields instead. Where a field hides a method that JSON is made
    with, such as ListFields, a twin of the type is written, in which the field has another name.
    `as_dict` says in another way what of a message is written: as `json.dumps` takes it.
    """

    def __init__(
        self,
        type_: Descriptor,
        pool: DescriptorPool,
        as_dict: Callable[[Message, DescriptorPool], Any] | None = None,
    ) -> None:
        self.type, self.pool = type_, pool
        self._as_dict = as_dict
        self._open_twin = _twin(type_, plain=False) if _hides_methods(type_) else None
        self._plain_twin: type[Message] | None = None

    def write(self, message: Message) -> str:
        """The message as JSON; not yet safe for a terminal.

        Raises:
            MessageError: not even its plain fields can be written.
        """
        # Any error: both the message and its type come from a server, and json_format trusts them.
        try:
            if self._open_twin is None:
                return self._json(message, self.pool)
            return self._twin_json(message, self._open_twin)
        except Exception:
            return self._plain_json(message)

    def _plain_json(self, message: Message) -> str:
        try:
            if self._plain_twin is None:
                self._plain_twin = _twin(self.type, plain=True)
            return self._twin_json(message, self._plain_twin)
        except Exception as error:
            raise MessageError("the message cannot be written as JSON") from error

    def _twin_json(self, message: Message, twin: type[Message]) -> str:
        # Of the class, since a field of the message may have the method's name.
        raw = type(message).SerializePartialToString(message)
        pool = cast("Descriptor", twin.DESCRIPTOR).file.pool
        return self._json(twin.FromString(raw), pool)

    def _json(self, message: Message, pool: DescriptorPool) -> str:
        if self._as_dict is not None:
            return json.dumps(self._as_dict(message, pool), ensure_ascii=False)
        return json_format.MessageToJson(
            message, indent=None, ensure_ascii=False, descriptor_pool=pool
        )


def shorten(message: Message, room: int = MAX_LINE) -> int:
    """Drops what is beyond `room` fields and elements: more than a line of so many characters has.

    Writing a message of a million elements would stop the screen for seconds. Returns what is left
    of the room.
    """
    # Of the class, here and below: a field of the message may have the method's name.
    for field, value in type(message).ListFields(message):
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


def _shorten_map(message: Message, field: FieldDescriptor, room: int) -> int:
    # Filled anew, since an entry at a time cannot be dropped quickly.
    short = type(message)()
    entries: Any = getattr(short, field.name)
    for key, value in islice(getattr(message, field.name).items(), room):
        if isinstance(value, Message):
            room = shorten(value, room - 1)
            type(value).CopyFrom(entries[key], value)
        else:
            room -= 1
            entries[key] = value
    _clear(message, field)
    type(message).MergeFrom(message, short)
    return room


def _clear(message: Message, field: FieldDescriptor) -> None:
    if field.is_extension:
        type(message).ClearExtension(message, cast("Any", field))
    else:
        type(message).ClearField(message, field.name)


def _hides_methods(type_: Descriptor) -> bool:
    """Whether a field of the type, or of one in it, has the name of a method of all messages."""
    seen, queue = {type_}, [type_]
    # It grows while it is gone through.
    for message in queue:
        for field in message.fields:
            if field.name in _METHODS:
                return True
            if field.message_type is not None and field.message_type not in seen:
                seen.add(field.message_type)
                queue.append(field.message_type)
    return False


def _twin(type_: Descriptor, *, plain: bool) -> type[Message]:
    """The same type, in which no field has the name of a method.

    `plain`: also without the well-known types, which JSON treats in a way of their own. They become
    messages of another package, and so have no treatment but that of any message.
    """
    pool = DescriptorPool()
    for file in _with_imports(type_.file):
        twin = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(twin)
        if plain and twin.package == _WELL_KNOWN:
            twin.package = _PLAIN
        # What is called is the same; services and extensions are not needed.
        del twin.service[:]
        del twin.extension[:]
        for message in twin.message_type:
            _make_twin(message, plain=plain)
        pool.Add(twin)
    package = type_.file.package
    name = type_.full_name
    if plain and package == _WELL_KNOWN:
        name = _PLAIN + name.removeprefix(_WELL_KNOWN)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def _make_twin(message: descriptor_pb2.DescriptorProto, *, plain: bool) -> None:
    del message.extension[:]
    names = {field.name for field in message.field}
    for field in message.field:
        if field.name in _METHODS:
            # JSON has the name that the field had.
            while field.name in names | _METHODS:
                field.name += "_"
            names.add(field.name)
        if plain and field.type_name.startswith(f".{_WELL_KNOWN}."):
            field.type_name = f".{_PLAIN}" + field.type_name.removeprefix(f".{_WELL_KNOWN}")
        if plain and message.name == "Any" and field.name == "type_url":
            field.json_name = "@type"
    for nested in message.nested_type:
        _make_twin(nested, plain=plain)


def _with_imports(file: FileDescriptor) -> list[FileDescriptor]:
    """The file and all that it imports, those first."""
    known = {file.name: file}

    def imports(name: str) -> list[str]:
        known.update((dependency.name, dependency) for dependency in known[name].dependencies)
        return [dependency.name for dependency in known[name].dependencies]

    return [known[name] for name in imports_first([file.name], imports)]


def _escaped(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]
