"""Which metadata is a secret, by its name."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"auth|cookie|token|secret|passw|credential|session|signature|jwt|bearer|(^|[-_.])(api)?key($|[-_.])"
    r"|apikey"
)


def is_secret(name: str) -> bool:
    """Whether the value of metadata of this name is nobody's business."""
    return _SECRET.search(name.lower()) is not None
