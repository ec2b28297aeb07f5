"""The status a call ended with, in gRPC's terms but without gRPC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class Peer(Enum):
    """What a second look showed of a server that gRPC got no connection to."""

    TLS = auto()
    """It speaks TLS."""
    PLAINTEXT = auto()
    """It speaks HTTP/2 without TLS."""
    OTHER = auto()
    """It speaks neither TLS nor HTTP/2."""
    WANTS_CERTIFICATE = auto()
    """It ends the connection, or says so, for want of a client's certificate."""
    REFUSES_CERTIFICATE = auto()
    """It ends the connection, or says so, because of the client's certificate."""


@dataclass(frozen=True, slots=True)
class Status:
    """A gRPC status: canonical code and name, the server's details, and its google.rpc.ErrorInfo.

    `details`, `reason` and `info` are the server's words: make them printable before showing them.
    `note` is ours: what the viewer changed because of it. Where no connection was made, `peer` may
    say what the server is, and `names` what its certificate calls it. Where the
    viewer gave the call up because of a message that it could not read, `unreadable` is what may be
    why, and so to be checked. `error_details` are the type URL and the bytes of each detail that
    the server attached; where they could not be told apart, one without a type has them all.
    """

    code: int
    name: str
    details: str = ""
    reason: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    peer: Peer | None = None
    names: tuple[str, ...] = ()
    unreadable: str = ""
    error_details: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """Whether the call ended well."""
        return self.code == OK
