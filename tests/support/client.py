"""A plain client of ListValue for tests: the sync stub, and errors with their ErrorInfo."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from support.server import PATIENCE_S, channel

if TYPE_CHECKING:
    from collections.abc import Iterator


class Client:
    """The calls of one channel."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def route(self, data: str) -> pb.SimpleResponse:
        answer = self._stub.Route(pb.SimpleRequest(data=data), timeout=PATIENCE_S)
        assert isinstance(answer, pb.SimpleResponse)
        return answer

    def open(
        self, data: str, token: bytes = b"", *, progress: bool = False, timeout: float = PATIENCE_S
    ) -> Any:
        """Open ListValue; returns the call, to be iterated."""
        request = pb.SimpleRequest(data=data, resume_token=token, progress_notify=progress)
        return self._stub.ListValue(request, timeout=timeout)

    def take(self, count: int, data: str, token: bytes = b"") -> list[pb.StreamResponse]:
        """Read the first values of a call, then cancel it."""
        call = self.open(data, token)
        try:
            return list(islice(call, count))
        finally:
            call.cancel()

    def refusal(
        self, data: str, token: bytes
    ) -> tuple[grpc.StatusCode, error_details_pb2.ErrorInfo]:
        """Make a call that must fail before any message."""
        messages, code, info = self.end(self.open(data, token))
        assert messages == []
        return code, info

    def end(
        self, call: Any
    ) -> tuple[list[pb.StreamResponse], grpc.StatusCode, error_details_pb2.ErrorInfo]:
        """Read a call to its end, which must be an error with an ErrorInfo."""
        messages: list[pb.StreamResponse] = []
        with pytest.raises(grpc.RpcError):
            # Unlike list(), this keeps what came before the error.
            messages.extend(call)
        status = rpc_status.from_call(call)
        assert status is not None, f"{call.code()} without details: {call.details()}"
        info = error_details_pb2.ErrorInfo()
        assert status.details[0].Unpack(info)
        assert info.domain == "grpctap"
        return messages, call.code(), info


@contextmanager
def connect(address: str) -> Iterator[Client]:
    with channel(address) as opened:
        yield Client(pb_grpc.StreamServerStub(opened))
