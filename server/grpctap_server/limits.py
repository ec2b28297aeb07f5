"""How much the server takes on: of one client, of all, and of a single call."""

from __future__ import annotations

import logging
import resource
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import grpc

from grpctap_server.errors import CallError
from grpctap_server.logs import log

HEALTH_CALLS = 1_000
"""Open calls of health checks in all, which need no credentials and so have room of their own."""
HEALTH_CALLS_A_CLIENT = 20
"""Open calls of health checks from one network."""
REQUEST_TIMEOUT_S = 10.0
"""How long the request of a call may take to come, in seconds."""
HANDSHAKE_TIMEOUT_S = 10.0
"""How long a connection may take until it speaks HTTP/2, with TLS or without, in seconds."""
STREAMS_A_CONNECTION = 1_000
"""Open calls on one connection; a client holds back any more."""
PING_INTERVAL_S = 0.9
"""Pings that come faster, three times in a row with nothing sent in between, end a connection.

Viewers ping once a second at most, and some pings arrive a little late and the next ones do not.
"""

# A client that vanished without a word is found out after both, in seconds.
_KEEPALIVE_S = 60.0
_KEEPALIVE_TIMEOUT_S = 20.0
# Files that are no connections: standard ones, those of the feed, of certificates and of epoll.
_OTHER_FILES = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server takes on.

    Attributes:
        calls: Open calls in all.
        client_calls: Open calls of one client.
        data: Length of a request's data, in bytes.
        request: Size of a request's message, in bytes.
        metadata: Size of a request's metadata, in bytes, as HTTP/2 counts them.
        connections: Open connections in all.
        idle: After how many seconds without a call a connection is closed.
    """

    calls: int = 10_000
    client_calls: int = 2_000
    data: int = 4_096
    request: int = 65_536
    metadata: int = 16_384
    connections: int = 10_000
    idle: float = 300.0

    def options(self) -> list[tuple[str, int]]:
        """The options of a gRPC server that keeps to them, and that finds dead connections."""
        return [
            ("grpc.max_concurrent_streams", STREAMS_A_CONNECTION),
            # Of what is larger than the limit, but not without measure, clients are told why.
            ("grpc.max_receive_message_length", 2 * self.request),
            # Below the second gRPC would refuse some at random from the first on.
            ("grpc.max_metadata_size", self.metadata),
            ("grpc.absolute_max_metadata_size", self.metadata),
            ("grpc.max_allowed_incoming_connections", self.connections),
            ("grpc.max_connection_idle_ms", _milliseconds(self.idle)),
            ("grpc.server_handshake_timeout_ms", _milliseconds(HANDSHAKE_TIMEOUT_S)),
            ("grpc.http2.min_ping_interval_without_data_ms", _milliseconds(PING_INTERVAL_S)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.keepalive_time_ms", _milliseconds(_KEEPALIVE_S)),
            ("grpc.keepalive_timeout_ms", _milliseconds(_KEEPALIVE_TIMEOUT_S)),
            # Without these, grpcio 1.85 waits a minute for the answer to a ping, and in a long
            # silence sends none.
            ("grpc.http2.ping_timeout_ms", _milliseconds(_KEEPALIVE_TIMEOUT_S)),
            ("grpc.http2.max_pings_without_data", 0),
        ]


class Slots:
    """Counts open calls, and refuses those beyond the limits.

    Args:
        total: The most in all.
        per_client: The most of one client.
    """

    def __init__(self, total: int, per_client: int) -> None:
        self._total = total
        self._per_client = per_client
        self._clients: Counter[Hashable] = Counter()
        self._open = 0

    @contextmanager
    def take(self, client: Hashable) -> Iterator[None]:
        """Hold a place for one call of a client.

        Raises:
            CallError: RESOURCE_EXHAUSTED, if there is none.
        """
        if self._clients[client] >= self._per_client:
            raise beyond(
                "CLIENT_CALLS",
                f"this client has {self._per_client} open calls, and no more are allowed",
                limit=self._per_client,
            )
        if self._open >= self._total:
            raise beyond(
                "TOTAL_CALLS",
                f"the server is full: it has {self._open} open calls",
                limit=self._total,
            )
        self._clients[client] += 1
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]


def beyond(reason: str, message: str, **metadata: object) -> CallError:
    """How a call ends that is beyond a limit."""
    return CallError(grpc.StatusCode.RESOURCE_EXHAUSTED, reason, message, **metadata)


def _make_room(connections: int) -> int:
    """Let this process open as many files as so many connections take.

    Returns:
        How many connections there is room for, at most as many as asked for.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, soft - _OTHER_FILES))


def fitting(limits: Limits) -> Limits:
    """Bound the connections by the files that this process may open."""
    room = _make_room(limits.connections)
    if room == limits.connections:
        return limits
    log(logging.WARNING, "limited", connections=room, by="open files", advice="raise ulimit -n")
    return replace(limits, connections=room)


def _milliseconds(seconds: float) -> int:
    # gRPC takes numbers of 32 bits.
    return min(max(round(seconds * 1000), 1), 2**31 - 1)
