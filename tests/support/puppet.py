"""A real server that says exactly what the test tells it, when the test tells it."""

from __future__ import annotations

import asyncio
import base64
import math
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from grpctap.core.secrets import Metadata
from grpctap.tap import Tap
from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from support.server import eventually

START_NS = 1_800_000_000_000_000_000
TICK_NS = 100_000_000


class SteppedClock:
    """A clock for a tap: a tenth of a second for each value kept, and what the test adds."""

    def __init__(self) -> None:
        self.tap: Tap | None = None
        self.extra_s = 0.0

    def __call__(self) -> int:
        values = self.tap._session.history.values if self.tap is not None else 0
        return START_NS + values * TICK_NS + round(self.extra_s * 1e9)


class Puppet(pb_grpc.StreamServerServicer):
    """Serves ListValue by hand; run it with RunningServer."""

    def __init__(self) -> None:
        self.trailing: Metadata = ()
        """What each call ends with, besides its status."""
        self.requests: list[pb.SimpleRequest] = []
        self._calls: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Any]]] = []

    async def ListValue(self, request: pb.SimpleRequest, context: Any) -> None:  # noqa: N802
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._calls.append((asyncio.get_running_loop(), queue))
        self.requests.append(request)
        context.set_trailing_metadata(self.trailing)
        while (item := await queue.get()) is not None:
            if isinstance(item, pb.StreamResponse):
                await context.write(item)
            elif type(item) is tuple:
                await context.send_initial_metadata(item)
            else:
                await context.abort_with_status(item)

    def await_call(self, number: int) -> None:
        """Waits until the so-manieth call is there."""
        eventually(lambda: len(self.requests) >= number, f"call {number}")

    def send(self, *items: pb.StreamResponse | grpc.Status | Metadata | None) -> None:
        """Sends messages on the newest call; a status, or None for OK, ends it.

        Metadata is sent as the initial metadata, at once and alone.
        """
        loop, queue = self._calls[-1]
        for item in items:
            loop.call_soon_threadsafe(queue.put_nowait, item)


def price_message(sequence: int, text: str | None = None) -> pb.StreamResponse:
    """The so-manieth value of a made-up price, with all that our server sends.

    All have one size, and the first two are the lowest and the highest, so that neither the rate
    nor the chart's scale depends on how many had come when somebody looked.
    """
    wave = 78.7 + math.sin(sequence / 9) / 2 + sequence * 37 % 11 / 100
    number = {1: 78.0, 2: 79.4}.get(sequence, round(wave, 2))
    return pb.StreamResponse(
        stream_value=f"WTI {number:.2f}" if text is None else text,
        stream_id="puppet",
        sequence=sequence,
        resume_token=b"at-%06d" % sequence,
        first_sequence=1,
        number=number,
    )


def progress(newest: int, position: int) -> pb.StreamResponse:
    return pb.StreamResponse(
        stream_id="puppet", sequence=newest, resume_token=b"at-%06d" % position, progress=True
    )


def refusal(code: int, message: str, reason: str = "", **info: str) -> Any:
    """The status of an error; with a google.rpc.ErrorInfo when there is a reason."""
    status = status_pb2.Status(code=code, message=message)
    if reason:
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="grpctap", metadata=info))
        status.details.append(detail)
    return rpc_status.to_status(status)


def detailed(
    code: int, message: str, *details: Message | any_pb2.Any, trailing: Metadata = ()
) -> Any:
    """The status of an error with these details, and with what is sent along with it."""
    status = status_pb2.Status(code=code, message=message)
    for detail in details:
        if isinstance(detail, any_pb2.Any):
            status.details.append(detail)
        else:
            status.details.add().Pack(detail)
    made: Any = rpc_status.to_status(status)
    return made._replace(trailing_metadata=(*made.trailing_metadata, *trailing))


def expired() -> Any:
    return refusal(
        code_pb2.OUT_OF_RANGE,
        "values #41 to #99 are no longer kept",
        "TOKEN_EXPIRED",
        first_sequence="100",
        oldest_token=base64.b64encode(b"at-000099").decode(),
    )
