"""What a call is to the rest of the viewer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from grpctap.core.status import Status


class Call(Protocol):
    """One running server-streaming call."""

    def __iter__(self) -> Iterator[bytes]:
        """The serialised messages as they arrive; ends, without raising, when the call does."""

    def cancel(self) -> None:
        """Ends the call from any thread; does nothing when it has ended."""

    def close(self) -> Status:
        """Lets go of what the call held, once the iteration has ended; returns its status."""


class Transport(Protocol):
    """Opens calls of one method of one server."""

    def open(self, request: bytes, timeout_s: float | None = None) -> Call:
        """Starts a call without waiting for the server; `timeout_s` is its deadline in seconds."""


class Sink(Protocol):
    """Takes what a reader reads, on the reader's thread; `call_id` says of which call."""

    def received(self, call_id: int, raw: bytes) -> None:
        """A message arrived."""

    def ended(self, call_id: int, status: Status) -> None:
        """The call ended; it is the last that is heard of it."""
