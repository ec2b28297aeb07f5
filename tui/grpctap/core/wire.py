"""Protobuf's wire format, as far as it is read and written here without protobuf."""

from __future__ import annotations

# Field types on the wire, as protobuf numbers them.
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
# A message with more fields is faster parsed than walked through.
MOST_FIELDS = 64


def find_bytes(raw: bytes, number: int) -> slice | None:
    """Where the content of a field of bytes or text lies in a serialised message.

    Returns:
        The place of the last one, which is the one that counts; an empty slice when there is none;
        None when it takes a parser to tell: groups, very many fields, or no message at all.
    """
    at, end = 0, len(raw)
    found = slice(0, 0)
    try:
        for _ in range(MOST_FIELDS):
            if at == end:
                return found
            tag, at = varint(raw, at)
            kind = tag & 7
            if kind == VARINT:
                _, at = varint(raw, at)
            elif kind == BYTES:
                size, start = varint(raw, at)
                at = start + size
                if at <= end and tag >> 3 == number:
                    found = slice(start, at)
            elif kind in (FIXED_32, FIXED_64):
                at += 4 if kind == FIXED_32 else 8
            else:
                return None
            if at > end:
                return None
    except IndexError:
        return None
    return None


def varint(raw: bytes, at: int) -> tuple[int, int]:
    """A number on the wire, and where it ends.

    Raises:
        IndexError: it does not end within `raw`, or not within the ten bytes that it may have.
    """
    value = 0
    for shift in range(0, 70, 7):
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError


def as_varint(number: int) -> bytes:
    """A number, not below 0, as protobuf writes it."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*groups, number))
