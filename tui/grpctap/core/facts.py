"""What is known of a call besides its messages."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpctap.core.secrets import Metadata
from grpctap.core.status import Status

NOT_VERIFIED = "TLS, not verified"
MOST_PAST_CALLS = 100


@dataclass(frozen=True, slots=True)
class Sent:
    """What is the same for all calls of a stream: the kind of its method, and what is sent along.

    The metadata may hold secrets. `security` says how the connection is made: "plaintext", "TLS",
    or NOT_VERIFIED. `pool` knows the types that details of a status may have. `request` is what
    somebody asked for, without a place to go on from; None: it is not known.
    """

    kind: str = "server-streaming"
    metadata: Metadata = field(default=(), repr=False)
    security: str = "plaintext"
    pool: DescriptorPool | None = field(default=None, repr=False)
    request: Message | None = field(default=None, repr=False, compare=False)


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


class Calls:
    """Notes what becomes known of the newest call of a stream, and remembers the ones before."""

    def __init__(self) -> None:
        self.newest: CallFacts | None = None
        self.past: deque[CallFacts] = deque(maxlen=MOST_PAST_CALLS)
        """The calls before the newest, in order."""

    def opened(self, call_id: int, now_ns: int) -> None:
        """A call begins."""
        number = 1 if self.newest is None else self.newest.number + 1
        if self.newest is not None:
            self.past.append(self.newest)
        self.newest = CallFacts(number, call_id, now_ns)

    def note(self, call_id: int, **known: Any) -> CallFacts | None:
        """Notes fields of the call; returns it, or None where that call was never made."""
        if self.newest is None or self.newest.call_id != call_id:
            return None
        self.newest = replace(self.newest, **known)
        return self.newest
