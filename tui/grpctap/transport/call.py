"""Calls of one method over grpcio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc

from grpctap.core.status import OK, Status
from grpctap.transport.target import Target


@dataclass(frozen=True)
class GrpcTransport:
    """Opens calls of `method` ("package.Service/Method") at `target`; messages stay raw bytes.

    Each call has a channel of its own, so that a call after a pause or a failure connects anew at
    once instead of sitting out the backoff of a channel that failed.
    """

    target: Target
    method: str
    metadata: tuple[tuple[str, str | bytes], ...] = field(default=(), repr=False)

    def open(self, request: bytes, timeout_s: float | None = None) -> GrpcCall:
        """Starts a call without waiting for the server; `timeout_s` is its deadline in seconds."""
        channel = self.target.channel()
        try:
            multicallable: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(
                f"/{self.method}"
            )
            call = multicallable(request, timeout=timeout_s, metadata=self.metadata or None)
        except BaseException:
            channel.close()
            raise
        return GrpcCall(channel, call)


class GrpcCall:
    """One call and the channel that it runs on."""

    def __init__(self, channel: grpc.Channel, call: Any) -> None:
        self._channel = channel
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        """The messages as they arrive; ends, without raising, when the call does."""
        with suppress(grpc.RpcError):
            yield from self._call

    def cancel(self) -> None:
        """Ends the call from any thread; does nothing when it has ended."""
        # The call's own cancel would leave its last events unread, and so its connection open.
        self._channel.close()

    def close(self) -> Status:
        """Closes the channel; returns the status, CANCELLED where the call was cut short."""
        self._channel.close()
        self._call.cancel()
        return _status(self._call)


def _status(call: Any) -> Status:
    code: grpc.StatusCode = call.code()
    number: int = code.value[0]
    if number == OK:
        return Status(OK, code.name)
    details = call.details() or ""
    # Needed at a failure only, and slow to import.
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    # Details that are damaged must not hide the status that they belong to.
    with suppress(ValueError, DecodeError):
        rich = rpc_status.from_call(call)
        for detail in rich.details if rich is not None else ():
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo()
                detail.Unpack(info)
                return Status(number, code.name, details, info.reason, dict(info.metadata))
    return Status(number, code.name, details)
