"""Metadata as a person writes it: 'NAME: VALUE'."""

from __future__ import annotations

import base64

# gRPC's own names for what a client must not send as metadata.
RESERVED = ("grpc-", ":")


def parse_header(text: str) -> tuple[str, str | bytes]:
    """Reads 'NAME: VALUE', where a NAME in -bin has its value in base64.

    Raises:
        ValueError: it is none; the message repeats no value.
    """
    name, colon, value = text.partition(":")
    name, value = name.strip().lower(), value.strip()
    # The value may be a secret, so an error never repeats it.
    if not colon or not name:
        raise ValueError("-H wants 'NAME: VALUE'")
    if not all(c.isascii() and (c.isalnum() or c in "-_.") for c in name):
        raise ValueError("-H: a metadata name holds letters, digits, and - _ . only")
    if name.startswith(RESERVED):
        raise ValueError(f"-H {name!r}: names that begin with grpc- belong to gRPC itself")
    if name.endswith("-bin"):
        try:
            return name, base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
        except ValueError:
            raise ValueError(f"-H {name!r}: a name in -bin wants its value in base64") from None
    if not (value.isascii() and value.isprintable()):
        raise ValueError(f"-H {name!r}: a value holds printable ASCII only")
    return name, value
