"""Calls of one method over grpcio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import grpc

from grpctap.core import status as codes
from grpctap.core.connecting import is_unconnected
from grpctap.core.secrets import STATUS_DETAILS, Metadata
from grpctap.core.status import OK, Status
from grpctap.transport.diagnose import looked_at, worth_a_look
from grpctap.transport.target import Target

LONGEST_KEEPALIVE_S = 86_400.0
"""Pings are not slowed down beyond one in so many seconds."""


class GrpcTransport:
    """Opens calls of `method` ("package.Service/Method") at `target`; messages stay raw bytes.

    Each call has a channel of its own, so that a call after a pause or a failure connects anew at
    once instead of sitting out the backoff of a channel that failed. What one call teaches about
    the server, the transport keeps for those to come. Of a `unary` method an answer is heard only
    when its call went well.
    """

    def __init__(
        self,
        target: Target,
        method: str,
        metadata: tuple[tuple[str, str | bytes], ...] = (),
        *,
        unary: bool = False,
    ) -> None:
        self.target = target
        self.method = method
        self._metadata = metadata
        self._unary = unary
        self._keepalive_time = target.keepalive_time
        self._connected = False
        # How the call ended after which the server was looked at, with what that showed.
        self._looked_at: Status | None = None

    def open(self, request: bytes, timeout_s: float | None = None) -> GrpcCall:
        """Starts a call without waiting for the server; `timeout_s` is its deadline in seconds."""
        channel = self.target.channel(self._keepalive_time)
        try:
            multicallable: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(
                f"/{self.method}"
            )
            call = multicallable(request, timeout=timeout_s, metadata=self._metadata or None)
        except BaseException:
            channel.close()
            raise
        return GrpcCall(channel, call, self._learn, unary=self._unary)

    def _learn(self, status: Status) -> Status:
        """Draws what there is to learn from how a call ended; returns the status with it."""
        if status.code in (codes.CANCELLED, codes.DEADLINE_EXCEEDED):
            return status
        if is_unconnected(status):
            return self._look(status)
        self._connected = True
        if self._keepalive_time is not None and _wants_fewer_pings(status):
            self._keepalive_time = min(self._keepalive_time * 2, LONGEST_KEEPALIVE_S)
            every = f"{self._keepalive_time:g} s"
            note = f"the server asked for fewer keepalive pings: now one every {every}"
            return replace(status, note=note)
        return status

    def _look(self, status: Status) -> Status:
        """Looks at a server that there was no connection to, once, and never at one that worked."""
        known = self._looked_at
        if known is None and not self._connected and worth_a_look(status):
            known = self._looked_at = looked_at(self.target, status)
        return known if known is not None and known.details == status.details else status


class GrpcCall:
    """One call and the channel that it runs on; `learn` gets its status, and may add to it."""

    def __init__(
        self,
        channel: grpc.Channel,
        call: Any,
        learn: Callable[[Status], Status],
        *,
        unary: bool = False,
    ) -> None:
        self._unary = unary
        self._channel = channel
        self._call = call
        self._learn = learn

    def initial_metadata(self) -> Metadata:
        """Waits for the server's headers, or for the end of a call that got none."""
        # As the iteration does, it waits for the next event of the call, which closing the channel
        # is one of.
        return _pairs(self._call.initial_metadata())

    def trailing_metadata(self) -> Metadata:
        """What the server sent at the end; to be asked for when the call is closed."""
        return _pairs(self._call.trailing_metadata())

    def __iter__(self) -> Iterator[bytes]:
        """The messages as they arrive; ends, without raising, when the call does."""
        with suppress(grpc.RpcError):
            # A failure is raised at the end, before anything was handed on.
            yield from list(self._call) if self._unary else self._call

    def cancel(self) -> None:
        """Ends the call from any thread; does nothing when it has ended."""
        # The call's own cancel would leave its last events unread, and so its connection open.
        self._channel.close()

    def close(self) -> Status:
        """Closes the channel; returns the status, CANCELLED where the call was cut short."""
        self._channel.close()
        _read_out(self._call)
        return self._learn(status_of(self._call))


def _read_out(call: Any) -> None:
    """Reads the events that an ended call has left.

    A single one, as of headers that never came or of a request that was sent after the answer,
    would keep the connection open for as long as the viewer lives. grpcio reads them for all other
    kinds of calls, but not for these, and has no name for it in public.
    """
    while call._state.due:
        call._consume_next_event()


def _wants_fewer_pings(status: Status) -> bool:
    # gRPC's own words for it, or the server's, when it hung up before gRPC had understood.
    details = status.details.lower().replace("_", " ")
    return status.code == codes.UNAVAILABLE and "too many pings" in details


def _pairs(metadata: Any) -> Metadata:
    return tuple((item[0], item[1]) for item in metadata or ())


def status_of(call: Any) -> Status:
    """What a call has ended with, or an error that gRPC raised for it, with all its details."""
    code: grpc.StatusCode = call.code()
    number: int = code.value[0]
    if number == OK:
        return Status(OK, code.name)
    # Needed at a failure only, and slow to import.
    from grpctap.transport.insecure import plain_words

    details = plain_words(call.details() or "")
    attached = _attached(call)
    reason, info = _error_info(attached)
    return Status(number, code.name, details, reason, info, error_details=attached)


def _attached(call: Any) -> tuple[tuple[str, bytes], ...]:
    """The type and the bytes of each detail; damaged ones, which must not hide the status, too."""
    # Needed at a failure only, and slow to import.
    from google.protobuf.message import DecodeError
    from grpc_status import rpc_status

    try:
        rich = rpc_status.from_call(call)
    except (ValueError, DecodeError):
        raw = dict(_pairs(call.trailing_metadata())).get(STATUS_DETAILS, b"")
        return (("", raw if isinstance(raw, bytes) else raw.encode()),)
    return tuple((detail.type_url, detail.value) for detail in rich.details) if rich else ()


def _error_info(attached: tuple[tuple[str, bytes], ...]) -> tuple[str, dict[str, str]]:
    """The reason and the metadata of the first google.rpc.ErrorInfo; empty where there is none."""
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2

    for type_url, value in attached:
        if type_url.endswith("/google.rpc.ErrorInfo"):
            info = error_details_pb2.ErrorInfo()
            with suppress(DecodeError):
                info.ParseFromString(value)
                return info.reason, dict(info.metadata)
            break
    return "", {}
