"""What a person asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from grpctap.core.history import MAX_BYTES
from grpctap.core.listvalue import LIST_VALUE, OWN_RESUME
from grpctap.core.method import Method
from grpctap.core.reconnect import Reconnect, When
from grpctap.core.resume import Resume
from grpctap.transport.target import Target

if TYPE_CHECKING:
    from grpctap.transport.sources import Sources

HISTORY = 100_000
"""Values kept by default."""


@dataclass(frozen=True)
class Config:
    """What a person asked for, checked.

    `history` counts values, `history_bytes` bytes of messages, `max_time` is in seconds;
    `metadata` may hold secrets; `reconnect` None leaves it to the face; `resume` None: there is no
    cursor. `sources` tell of methods and types, of this server's or of files. `verbose` tells the
    metadata of each call, where the output is a pipe.
    """

    target: Target
    request: Message
    metadata: tuple[tuple[str, str | bytes], ...] = field(default=(), repr=False)
    max_time: float | None = None
    history: int = HISTORY
    theme: str | None = None
    history_bytes: int = MAX_BYTES
    reconnect: bool | None = None
    backoff: Reconnect = field(default_factory=Reconnect)
    method: Method = LIST_VALUE
    resume: Resume | None = OWN_RESUME
    sources: Sources | None = field(default=None, repr=False, compare=False)
    verbose: bool = False

    def reconnecting(self, default: When) -> Reconnect:
        """How to open a lost call again; `default` says when, where nobody chose."""
        if self.reconnect is None:
            return replace(self.backoff, when=default)
        return replace(self.backoff, when=When.ALWAYS if self.reconnect else When.NEVER)
