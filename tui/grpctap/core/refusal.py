"""A place to go on from that the server refuses, and the other place that it offers."""

from __future__ import annotations

import base64
from contextlib import suppress

from grpctap.core.status import Status

# What came next is gone, or is no longer this log's; somewhere else the stream can go on.
REFUSALS = frozenset({"TOKEN_EXPIRED", "STREAM_CHANGED"})


def refuses_place(status: Status) -> bool:
    """Whether the server refused the place only, so that another one may do."""
    return status.reason in REFUSALS


def oldest_token(status: Status) -> bytes:
    """The token of a call that starts at the oldest value kept; empty where none is offered."""
    if refuses_place(status):
        with suppress(ValueError):
            return base64.b64decode(status.info.get("oldest_token", ""), validate=True)
    return b""
