"""What a call is to the rest of the viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, cast

from grpctap.core.secrets import Metadata
from grpctap.core.status import Status


class Call(Protocol):
    """One running server-streaming call."""

    def initial_metadata(self) -> Metadata:
        """Waits for the server's headers, or the end; the reading thread asks before it reads."""

    def trailing_metadata(self) -> Metadata:
        """What the server sent at the end; known once the call is closed."""

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


class Inbox:
    """The messages of one call that have arrived and were not looked at yet.

    One thread puts them in, without a lock; others take them out, one at a time.

    Args:
        call_id: Which call it is of.
        clock: Tells the time of an arrival, in nanoseconds.
        batch_ns: How long messages may lie there while more arrive, in nanoseconds.
    """

    def __init__(self, call_id: int, clock: Callable[[], int], batch_ns: int) -> None:
        self.call_id = call_id
        self.clock = clock
        self.batch_ns = batch_ns
        self.taken = 0
        """How many messages were taken out."""
        # Times and messages in turn: a pair is put in, and many are taken out, in one step each.
        self._arrived: list[int | bytes] = []
        self.put: Callable[[tuple[int, bytes]], None] = self._arrived.extend
        """Puts in the time of a message and the message itself."""

    def take(self) -> tuple[list[int], list[bytes]]:
        """Takes out the times of the messages, and the messages."""
        taken = self._arrived[:]
        del self._arrived[: len(taken)]
        self.taken += len(taken) // 2
        return cast("list[int]", taken[::2]), cast("list[bytes]", taken[1::2])


class Sink(Protocol):
    """Takes what a reader reads, on the reader's thread; `call_id` says of which call."""

    def opened(self, call_id: int) -> Inbox:
        """A call begins; says where its messages are to be put."""

    def headers(self, call_id: int, metadata: Metadata) -> None:
        """The initial metadata of a call is known, or that it has none; no message came yet."""

    def arrived(self, inbox: Inbox) -> None:
        """The time has come to look into the inbox."""

    def ended(self, call_id: int, status: Status, trailing_metadata: Metadata) -> None:
        """The call ended; it is the last that is heard of it."""
