"""Whatever bytes a request has, the server answers with a status and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import grpc
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grpctap_protos.server_stream_pb2 import SimpleRequest, SimpleResponse
from grpctap_server.tokens import Token, encode, fingerprint
from support.server import ServerProcess, channel

SERVICE = "/proto.StreamServer"
ANSWERS = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    # More data than the server takes.
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    # A token a little ahead of the log waits for its value.
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
tokens = st.builds(
    Token,
    stream=st.binary(min_size=8, max_size=8),
    data=st.just(fingerprint("x")) | st.binary(min_size=8, max_size=8),
    start=st.integers(-(2**63), 2**63 - 1),
    sequence=st.integers(0, 2**64 - 1),
).map(encode)
requests = st.builds(
    SimpleRequest,
    data=st.just("x") | st.text(),
    resume_token=tokens | st.binary(),
    progress_notify=st.booleans(),
).map(SimpleRequest.SerializeToString)


def flipped(raw: bytes, at: int, bit: int) -> bytes:
    """The bytes with one bit of the byte at `at` (counted round and round) turned over."""
    turned = bytearray(raw or b"\0")
    turned[at % len(turned)] ^= 1 << bit
    return bytes(turned)


@pytest.fixture(scope="module", params=["counter", "price"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    flags = ("--count", "3", "--interval", "0") if request.param == "counter" else ()
    with ServerProcess("--feed", request.param, *flags) as running:
        yield running
        running.terminate()
        assert running.wait() == 0
        # A line that says where it listens, and no traceback after it.
        assert running.stderr.count("\n") == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | requests | st.builds(flipped, requests, st.integers(0, 60), st.integers(0, 7)))
@example(b"\xff")
@example(b"\x0a\x01\xff")
@example(b"\x0b" * 2_000)
@example(SimpleRequest(data="x\0\x1b\u202e", resume_token=bytes(41)).SerializeToString())
@example(SimpleRequest(data="x" * 100_000).SerializeToString())
def test_any_bytes_get_an_answer(server: ServerProcess, raw: bytes) -> None:
    with channel(server.address) as opened:
        stream: grpc.UnaryStreamMultiCallable[bytes, bytes]
        stream = opened.unary_stream(f"{SERVICE}/ListValue")
        call = stream(raw, timeout=0.3)
        first = None
        with suppress(grpc.RpcError):
            first = next(call, None)
        # A price has no end, and one value is an answer.
        assert first is not None or call.code() in ANSWERS
        call.cancel()
        route: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        route = opened.unary_unary(f"{SERVICE}/Route")
        answer = route(SimpleRequest(data="there").SerializeToString(), timeout=20)
        assert SimpleResponse.FromString(answer).value == "hello there"
