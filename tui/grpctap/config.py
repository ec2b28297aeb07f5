"""What a person asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from grpctap.core.history import MAX_BYTES
from grpctap.core.reconnect import Reconnect
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest

HISTORY = 100_000
"""Values kept by default."""


@dataclass(frozen=True)
class Config:
    """What a person asked for, checked.

    `history` counts values, `history_bytes` bytes of messages, `max_time` is in seconds;
    `metadata` may hold secrets; `reconnect` None leaves it to the face.
    """

    target: Target
    request: SimpleRequest
    metadata: tuple[tuple[str, str | bytes], ...] = field(default=(), repr=False)
    max_time: float | None = None
    history: int = HISTORY
    theme: str | None = None
    history_bytes: int = MAX_BYTES
    reconnect: bool | None = None
    backoff: Reconnect = field(default_factory=Reconnect)
