"""Metadata as a person writes it: 'NAME: VALUE'."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping

from grpctap.core.secrets import Metadata

# gRPC's own names for what a client must not send as metadata.
RESERVED = ("grpc-", ":")
_VARIABLE = re.compile(r"\$\{(\w+)\}", re.ASCII)
# Each of the four kinds of base64 is read, as grpcurl does it.
_STANDARD = str.maketrans("-_", "+/")


class MissingVariableError(LookupError):
    """A variable that a header names and the environment lacks; the message says which."""


def parse_headers(flag: str, texts: Iterable[str], variables: Mapping[str, str] | None) -> Metadata:
    """Reads what was given with `flag`, each as 'NAME: VALUE'.

    Args:
        flag: As a person writes it: "-H".
        texts: What was given.
        variables: What ${NAME} stands for; None: it stands for itself.

    Raises:
        ValueError: one is no header; the message repeats no value.
        MissingVariableError: one names a variable that there is not.
    """
    if variables is not None:
        texts = [_expand(flag, text, variables) for text in texts]
    return tuple(parse_header(text, flag) for text in texts)


def parse_header(text: str, flag: str = "-H") -> tuple[str, str | bytes]:
    """Reads 'NAME: VALUE', where a NAME in -bin has its value in base64.

    Raises:
        ValueError: it is none; the message repeats no value.
    """
    name, colon, value = text.partition(":")
    name, value = name.strip().lower(), value.strip()
    # The value may be a secret, so an error never repeats it.
    if not colon or not name:
        raise ValueError(f"{flag} wants 'NAME: VALUE'")
    if not all(c.isascii() and (c.isalnum() or c in "-_.") for c in name):
        raise ValueError(f"{flag}: a metadata name holds letters, digits, and - _ . only")
    if name.startswith(RESERVED):
        raise ValueError(f"{flag} {name!r}: names that begin with grpc- belong to gRPC itself")
    if name.endswith("-bin"):
        try:
            padded = value.translate(_STANDARD) + "=" * (-len(value) % 4)
            return name, base64.b64decode(padded, validate=True)
        except ValueError:
            raise ValueError(f"{flag} {name!r}: a name in -bin wants its value in base64") from None
    if not (value.isascii() and value.isprintable()):
        raise ValueError(f"{flag} {name!r}: a value holds printable ASCII only")
    return name, value


def _expand(flag: str, text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        try:
            return variables[match[1]]
        except KeyError:
            raise MissingVariableError(
                f"{flag}: there is no environment variable {match[1]}"
            ) from None

    return _VARIABLE.sub(value, text)
