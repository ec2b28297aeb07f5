"""The start of a gRPC server whose loop of calls survives a path that is no UTF-8.

grpcio 1.85 decodes the path of a call in the one task that takes all calls, before any handler or
interceptor: without this a single call of a stranger, whose path has a byte like 0xff, would end
that task, and with it the server and each open call.
"""

from __future__ import annotations

import asyncio
import codecs
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    import grpc

_taking_calls: WeakSet[asyncio.Task[Any]] = WeakSet()


async def start_server(server: grpc.aio.Server) -> None:
    """Start a server, so that paths that are no UTF-8 are of methods that there are not."""
    before = asyncio.all_tasks()
    await server.start()
    _taking_calls.update(asyncio.all_tasks() - before)
    # The task is compiled, so how it decodes can be changed here alone.
    codecs.register_error("strict", _replace_in_paths)


def _replace_in_paths(error: UnicodeError) -> tuple[str | bytes, int]:
    """Be as strict as ever, but for the tasks that take calls: there, replace what is broken."""
    if isinstance(error, UnicodeDecodeError):
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        if task in _taking_calls:
            return codecs.replace_errors(error)
    return codecs.strict_errors(error)
