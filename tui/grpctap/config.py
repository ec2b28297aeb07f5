"""What a person asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest

HISTORY = 100_000
"""Values kept by default."""


@dataclass(frozen=True)
class Config:
    """What a person asked for, checked.

    `history` counts values, `max_time` is in seconds; `metadata` may hold secrets.
    """

    target: Target
    request: SimpleRequest
    metadata: tuple[tuple[str, str | bytes], ...] = field(default=(), repr=False)
    max_time: float | None = None
    history: int = HISTORY
    theme: str | None = None
