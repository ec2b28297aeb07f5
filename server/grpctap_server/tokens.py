"""Resume tokens: all that a server must know to continue a call, so that it need not remember it.

The checksum tells damage and mix-ups, not forgery: a token grants nothing that a fresh call does
not.
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

_VERSION = 1
_BODY = struct.Struct(">B8s8sqQ")
_CHECKSUM_BYTES = 8
TOKEN_BYTES = _BODY.size + _CHECKSUM_BYTES
"""The length of every token, in bytes."""
OLDEST = 2**64 - 1
"""In place of a sequence: right before the oldest value, whichever that is by then."""


class TokenError(ValueError):
    """A token that this server did not make, or not in this form; the message says why."""


class Token(NamedTuple):
    """What a resume token says.

    Attributes:
        stream: Fingerprint of the stream_id.
        data: Fingerprint of the request's data.
        start: When the log starts, in ns since the Unix epoch; 64 bits, signed.
        sequence: The last value that the call was given, or OLDEST; 64 bits, unsigned.
    """

    stream: bytes
    data: bytes
    start: int
    sequence: int


def fingerprint(text: str) -> bytes:
    """Reduce a text to the 8 bytes by which a token knows it."""
    return hashlib.blake2b(text.encode(), digest_size=8, person=b"fingerprint").digest()


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES, person=b"grpctap token").digest()


def encode(token: Token) -> bytes:
    """Make the bytes of a token.

    Raises:
        struct.error: If start or sequence does not fit.
    """
    body = _BODY.pack(_VERSION, *token)
    return body + _checksum(body)


def decode(raw: bytes) -> Token:
    """Read a token.

    Raises:
        TokenError: If the bytes are no token of this version, or were damaged.
    """
    if len(raw) != TOKEN_BYTES:
        raise TokenError(f"it has {len(raw)} bytes, not {TOKEN_BYTES}")
    version, stream, data, start, sequence = _BODY.unpack_from(raw)
    if version != _VERSION:
        raise TokenError(f"it has version {version}, not {_VERSION}")
    if _checksum(raw[: _BODY.size]) != raw[_BODY.size :]:
        raise TokenError("its checksum is wrong")
    return Token(stream, data, start, sequence)
