"""Health checks (grpc.health.v1), in which no client waits for another.

grpcio's own service holds a lock while it writes to a watcher: one that does not read, which needs
no credentials, would keep all others, and the server's end, waiting.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from grpctap_server.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Iterable

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_Request = health_pb2.HealthCheckRequest
_Response = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """Says that services serve, until the end; belongs to one event loop.

    Args:
        names: The services, besides "", which is the server as a whole.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = ("", *names)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Say from now on that nothing serves."""
        self._ending.set()

    async def Check(self, request: _Request, context: object) -> _Response:  # noqa: ARG002, N802
        """Tell once how a service is."""
        if request.service not in self._names:
            raise CallError(
                grpc.StatusCode.NOT_FOUND, "NO_SUCH_SERVICE", "the server has no such service"
            )
        return self._now()

    async def List(self, request: object, context: object) -> Any:  # noqa: ARG002, N802
        """Tell once how all services are."""
        # The types of this package do not know it yet.
        response: Any = health_pb2.HealthListResponse  # type: ignore[attr-defined]
        return response(statuses=dict.fromkeys(self._names, self._now()))

    async def Watch(  # noqa: N802
        self, request: _Request, context: grpc.aio.ServicerContext[_Request, _Response]
    ) -> None:
        """Tell how a service is, and what it comes to, until the client has heard enough."""
        if request.service in self._names:
            if not self._ending.is_set():
                await context.write(self._now())
                await self._ending.wait()
            await context.write(self._now())
        else:
            await context.write(_Response(status=_Response.SERVICE_UNKNOWN))
        await asyncio.Event().wait()

    def _now(self) -> _Response:
        ending = self._ending.is_set()
        return _Response(status=_Response.NOT_SERVING if ending else _Response.SERVING)
