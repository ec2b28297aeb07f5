"""Messages whose strings are no UTF-8, which protobuf refuses to read, made readable."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError, Message

from grpctap.core.message import MessageError
from grpctap.core.wire import BYTES, FIXED_32, FIXED_64, VARINT, as_varint, varint

# As deep as protobuf reads.
_DEPTH = 100
# How protobuf numbers the ends of a group on the wire, and how wide what has a fixed width is.
_START_GROUP, _END_GROUP = 3, 4
_WIDTHS = {FIXED_64: 8, FIXED_32: 4}


class _NoMessageError(ValueError):
    """The bytes are no message in protobuf's wire format."""


def refuses_bad_text(type_: Descriptor) -> bool:
    """Whether protobuf refuses to read such a message where a string in it is no UTF-8.

    It does not check the strings of old protos; then it hands out the bytes instead.
    """
    seen, checked = {type_}, {}
    queue = [type_]
    # It grows while it is gone through.
    for message in queue:
        name = message.file.name
        if name not in checked:
            file = FileDescriptorProto()
            message.file.CopyToProto(file)
            checked[name] = file.syntax == "proto3"
        if not checked[name]:
            return False
        for field in message.fields:
            if field.message_type is not None and field.message_type not in seen:
                seen.add(field.message_type)
                queue.append(field.message_type)
    return True


def mend(raw: bytes, type_: Descriptor) -> bytes:
    """The same message, with U+FFFD in its strings where bytes are no UTF-8.

    Bytes that are no message come back as they are.
    """
    # Where every byte is ASCII, no string is anything else.
    if raw.isascii():
        return raw
    try:
        return _mend(raw, type_, _DEPTH)
    except (_NoMessageError, IndexError):
        return raw


def parse_mended(type_: type[Message], raw: bytes) -> Message:
    """Reads a message as if its strings had U+FFFD where their bytes are no UTF-8.

    Raises:
        MessageError: the bytes are no such message.
    """
    descriptor = cast("Descriptor", type_.DESCRIPTOR)
    try:
        return type_.FromString(mend(raw, descriptor))
    except DecodeError as error:
        raise MessageError(f"the message is no {descriptor.full_name}") from error


def _mend(raw: bytes, type_: Descriptor, depth: int) -> bytes:
    if not depth:
        raise _NoMessageError
    mended = bytearray()
    # The types around the groups that are open; None: a type that is not known.
    around: list[Descriptor | None] = []
    current: Descriptor | None = type_
    at = 0
    while at < len(raw):
        start = at
        tag, at = varint(raw, at)
        field = None if current is None else _field(current, tag >> 3)
        kind = tag & 7
        if kind == BYTES:
            head = at
            length, at = varint(raw, at)
            if at + length > len(raw):
                raise _NoMessageError
            piece = raw[at : at + length]
            at += length
            new = _mend_piece(piece, field, depth)
            if new is not piece:
                mended += raw[start:head] + as_varint(len(new)) + new
                continue
        elif kind == VARINT:
            _, at = varint(raw, at)
        elif kind == _START_GROUP:
            around.append(current)
            current = None if field is None else field.message_type
        elif kind == _END_GROUP and around:
            current = around.pop()
        elif kind in _WIDTHS:
            at += _WIDTHS[kind]
        else:
            raise _NoMessageError
        if at > len(raw):
            raise _NoMessageError
        mended += raw[start:at]
    return bytes(mended)


def _field(type_: Descriptor, number: int) -> FieldDescriptor | None:
    field = type_.fields_by_number.get(number)
    if field is None and type_.is_extendable:
        # Which extensions there are is up to the pool. No field has a number beyond 32 bits.
        pool: Any = type_.file.pool
        with suppress(KeyError, OverflowError):
            return cast("FieldDescriptor", pool.FindExtensionByNumber(type_, number))
    return field


def _mend_piece(piece: bytes, field: FieldDescriptor | None, depth: int) -> bytes:
    if field is None or piece.isascii():
        return piece
    if field.type == FieldDescriptor.TYPE_STRING:
        return piece.decode("utf-8", "replace").encode()
    if field.message_type is not None:
        return _mend(piece, field.message_type, depth - 1)
    return piece
