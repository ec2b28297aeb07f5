"""Messages whose strings are no UTF-8, which protobuf refuses to read, made readable."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

# As deep as protobuf reads.
_DEPTH = 100
# The wire types, and how many bytes follow those of a fixed width.
_VARINT, _LENGTH, _START_GROUP, _END_GROUP = 0, 2, 3, 4
_WIDTHS = {1: 8, 5: 4}


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
    except _NoMessageError:
        return raw


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
        tag, at = _varint(raw, at)
        field = None if current is None else current.fields_by_number.get(tag >> 3)
        kind = tag & 7
        if kind == _LENGTH:
            head = at
            length, at = _varint(raw, at)
            if at + length > len(raw):
                raise _NoMessageError
            piece = raw[at : at + length]
            at += length
            new = _mend_piece(piece, field, depth)
            if new is not piece:
                mended += raw[start:head] + _as_varint(len(new)) + new
                continue
        elif kind == _VARINT:
            _, at = _varint(raw, at)
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


def _mend_piece(piece: bytes, field: FieldDescriptor | None, depth: int) -> bytes:
    if field is None or piece.isascii():
        return piece
    if field.type == FieldDescriptor.TYPE_STRING:
        return piece.decode("utf-8", "replace").encode()
    if field.message_type is not None:
        return _mend(piece, field.message_type, depth - 1)
    return piece


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """The number at a place in the bytes, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            break
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _NoMessageError


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
