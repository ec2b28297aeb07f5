"""Metadata made fit to be shown: printable, and without its secrets."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from contextlib import suppress

from grpctap.core.text import MAX_LINE, printable

MASK = "••••••"
STATUS_DETAILS = "grpc-status-details-bin"
"""The key of the trailing metadata that holds the details of a status."""

Metadata = tuple[tuple[str, str | bytes], ...]
"""Metadata as it was sent or received: keys, with bytes for those in -bin."""

_SECRET = re.compile(
    "auth|cookie|token|secret|passw|passphrase|key|credential|session|signature|jwt|bearer",
    re.IGNORECASE,
)


# Whatever it is called: who sends one of these sends a key to something.
_SECRET_VALUE = re.compile(r"\s*(bearer|basic)\s|eyJ[\w-]+\.", re.IGNORECASE)
# Within other text: NAME=VALUE or "NAME": VALUE, what follows bearer, and the password of a URL.
_SECRET_WITHIN = re.compile(
    rf"({_SECRET.pattern})[\w.-]*[\"']?\s*[=:]|\b(bearer|basic)\s|\beyJ[\w-]+\.|://[^\s/@]*:[^\s/@]*@",
    re.IGNORECASE,
)


def is_secret(key: str, value: str | bytes = "") -> bool:
    """Whether what goes by this name, or looks like this, may be a secret, and so is not shown.

    Bytes may be a secret as text may; so may the base64 that stands for the bytes of a key in -bin.
    """
    if _SECRET.search(key):
        return True
    texts = [value if isinstance(value, str) else value.decode("latin-1")]
    if isinstance(value, str) and key.lower().endswith("-bin"):
        with suppress(ValueError):
            # Some write it without its padding.
            texts.append(base64.b64decode(f"{value}===").decode("latin-1"))
    return any(_SECRET_VALUE.match(text) for text in texts)


def has_secret(text: str) -> bool:
    """Whether there may be a secret anywhere in a text, as in a URL, a header or a setting."""
    return _SECRET_WITHIN.search(text) is not None


def shown_value(key: str, value: str | bytes, limit: int = MAX_LINE) -> str:
    """The value of a key in printable text, base64 where it is bytes; masked where it is secret.

    At most about `limit` characters of it; of what is cut the size is told.
    """
    if is_secret(key, value):
        return MASK
    if isinstance(value, str):
        return printable(value, limit)
    text = base64.b64encode(value[:limit]).decode()
    if len(text) <= limit:
        return text
    return f"{text[: limit - 1]}… ({len(value):,} bytes)"


def metadata_lines(metadata: Iterable[tuple[str, str | bytes]], limit: int = MAX_LINE) -> list[str]:
    """The metadata as printable lines, "key: value" each; without the details of the status.

    Those say more when they are decoded.
    """
    return [
        f"{printable(key, limit)}: {shown_value(key, value, limit)}"
        for key, value in metadata
        if key != STATUS_DETAILS
    ]
