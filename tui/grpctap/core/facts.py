"""What is known of a call besides its messages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from grpctap.core.secrets import Metadata
from grpctap.core.status import Status


@dataclass(frozen=True, slots=True)
class Sent:
    """What is the same for all calls of a stream: the kind of its method, and what is sent along.

    The metadata may hold secrets.
    """

    kind: str = "server-streaming"
    metadata: Metadata = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class CallFacts:
    """One call, as far as it is known; times in nanoseconds since the epoch.

    `number` counts the calls of a stream from 1, and `call_id` tells it from others. At
    `headers_ns` the initial metadata was known, or that there is none (None: not yet), and at
    `ended_ns` the status and the trailing metadata (None: the call runs). `cancelled` says that
    the viewer ended it, and not the server. `messages` have been received. Metadata may hold
    secrets.
    """

    number: int
    call_id: int
    opened_ns: int
    headers_ns: int | None = None
    ended_ns: int | None = None
    initial_metadata: Metadata = field(default=(), repr=False)
    trailing_metadata: Metadata = field(default=(), repr=False)
    status: Status | None = None
    cancelled: bool = False
    messages: int = 0

    def ended(
        self, now_ns: int, status: Status, trailing_metadata: Metadata, *, cancelled: bool
    ) -> CallFacts:
        """The same call at its end."""
        return replace(
            self,
            ended_ns=now_ns,
            status=status,
            trailing_metadata=trailing_metadata,
            cancelled=cancelled,
        )
