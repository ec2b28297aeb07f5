"""Writes to clients that may not read, and the end of calls whose clients never do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc

from grpctap_protos import server_stream_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Context = grpc.aio.ServicerContext[pb.SimpleRequest, pb.StreamResponse]

# How long a call waits until its last status is on its way, in seconds.
_STATUS_PATIENCE_S = 2.0


class StuckError(Exception):
    """The client took nothing for too long; the message says for how long."""


class PatientWriter:
    """Writes the messages of one call, and gives up when one of them is not taken.

    gRPC takes a message at once while the buffers between have room, some thousand messages with
    a viewer that stops reading; then a write hangs until the client reads on.

    Args:
        context: The call.
        seconds: How long a write may take; 0 is for ever.
    """

    def __init__(self, context: Context, seconds: float) -> None:
        self._context = context
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None

    async def write(self, message: pb.StreamResponse) -> None:
        """Write a message; `patience` must be around it."""
        self._since = self._loop.time()
        await self._context.write(message)
        self._since = None

    @asynccontextmanager
    async def patience(self) -> AsyncIterator[None]:
        """Watch over the writes in this context.

        Raises:
            StuckError: If one of them took too long.
        """
        if not self._seconds:
            yield
            return
        timer: asyncio.TimerHandle | None = None
        try:
            async with asyncio.timeout(None) as limit:

                def look() -> None:
                    nonlocal timer
                    now = self._loop.time()
                    due = (now if self._since is None else self._since) + self._seconds
                    if due <= now:
                        limit.reschedule(now)
                    else:
                        timer = self._loop.call_at(due, look)

                # One timer a call looks after all its writes: one a write would cost as much
                # as a part of the write itself.
                timer = self._loop.call_later(self._seconds, look)
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise StuckError(f"it took nothing for {self._seconds:g} s") from None
        finally:
            if timer is not None:
                timer.cancel()


async def abort_patiently(context: Context, status: Any) -> None:
    """End a call with a status, without waiting for a client that does not read.

    Raises:
        grpc.aio.AbortError: The call has ended.
        asyncio.CancelledError: The status waits within gRPC until the client reads on or is gone.
    """
    try:
        async with asyncio.timeout(_STATUS_PATIENCE_S):
            await context.abort_with_status(status)
    except TimeoutError:
        # To gRPC any other end of the handler would be an error of its own.
        raise asyncio.CancelledError from None
