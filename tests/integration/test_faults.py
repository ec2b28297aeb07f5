"""What the viewer's own channel reports when a call ends in one of the ways there are.

What is worth another try is told from these codes and texts, so a grpcio that words them
differently must not come unnoticed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from itertools import islice
from typing import Any

import grpc
import pytest
from grpc import StatusCode as Code

from grpctap.transport.call import GrpcTransport, _read_out
from grpctap.transport.target import Target
from grpctap_protos import server_stream_pb2 as pb
from support.faulty import FaultyCall, FaultyServer
from support.server import PATIENCE_S, eventually
from support.truth import framed

METHOD = "proto.StreamServer/ListValue"
VALUES = 3
Fault = Callable[[FaultyCall], None]


def goes_away(code: int, text: bytes, last: int) -> Fault:
    def fault(call: FaultyCall) -> None:
        call.go_away(code, text, last)
        if last:
            call.fin()

    return fault


def half_frame(call: FaultyCall) -> None:
    call.half_a_frame()
    call.fin()


def half_frame_reset(call: FaultyCall) -> None:
    call.half_a_frame()
    call.rst()


def half_message(call: FaultyCall) -> None:
    call.data(framed(b"12345678")[:8])
    call.trailers(grpc_status="0")


# The second, where the client was writing.
RESET = "recvmsg:Connection reset by peer (104) or sendmsg: Broken pipe (32)"
MIDST: dict[str, tuple[Fault, Code, str]] = {
    "FIN": (FaultyCall.fin, Code.UNAVAILABLE, "Socket closed"),
    "FIN in a frame": (half_frame, Code.UNAVAILABLE, "Socket closed"),
    "RST": (FaultyCall.rst, Code.UNAVAILABLE, RESET),
    "RST in a frame": (half_frame_reset, Code.UNAVAILABLE, RESET),
    "GOAWAY, FIN": (
        goes_away(0, b"", 1),
        Code.UNAVAILABLE,
        "Socket closed (GOAWAY received; Error code: 0; Debug Text: )",
    ),
    "GOAWAY that does not take the stream": (
        goes_away(0, b"", 0),
        Code.UNAVAILABLE,
        "GOAWAY received; Error code: 0; Debug Text: ",
    ),
    "GOAWAY too_many_pings": (
        goes_away(11, b"too_many_pings", 1),
        Code.UNAVAILABLE,
        "Socket closed (GOAWAY received; Error code: 11; Debug Text: too_many_pings)",
    ),
    "END_STREAM without trailers": (
        lambda call: call.data(b"", end=True),
        Code.UNKNOWN,
        "Data frame with END_STREAM flag received",
    ),
}
RESET_CODES = {
    7: Code.UNAVAILABLE,
    8: Code.CANCELLED,
    11: Code.RESOURCE_EXHAUSTED,
    12: Code.PERMISSION_DENIED,
}
MIDST |= {
    f"RST_STREAM {number}": (
        lambda call, number=number: call.reset_stream(number),  # type: ignore[misc]
        RESET_CODES.get(number, Code.INTERNAL),
        f"RST_STREAM (Received RST_STREAM with error code {number})",
    )
    for number in range(14)
}


def read(address: str, reached: Callable[[], None] = lambda: None) -> tuple[int, Code, str]:
    """Makes a call; returns how many values came, the code and the details."""
    channel = Target(address, plaintext=True).channel()
    listen: Any = channel.unary_stream(f"/{METHOD}")
    call = listen(pb.SimpleRequest().SerializeToString(), timeout=PATIENCE_S)
    count = 0
    try:
        for _ in call:
            count += 1
            if count == VALUES:
                reached()
    except grpc.RpcError:
        pass
    finally:
        channel.close()
        _read_out(call)
    return count, call.code(), call.details() or ""


def read_until(fault: Fault) -> tuple[int, Code, str]:
    """Reads a call that the fault ends after the client has its values."""
    reached = threading.Event()

    def play(call: FaultyCall) -> None:
        call.accept()
        call.headers()
        call.values(VALUES)
        # grpcio throws away what it has not handed out yet when a connection ends.
        assert reached.wait(PATIENCE_S)
        fault(call)

    with FaultyServer(play) as server:
        answer = read(server.address, reached.set)
        assert len(server.calls) == 1
    return answer


@pytest.mark.parametrize(("fault", "code", "text"), MIDST.values(), ids=MIDST)
def test_what_ends_a_stream_in_its_midst(fault: Fault, code: Code, text: str) -> None:
    came, reported, details = read_until(fault)
    assert (came, reported) == (VALUES, code)
    assert details in {f"Stream removed ({each})" for each in text.split(" or ")}


def test_trailers_without_a_status_are_an_error() -> None:
    answer = read_until(lambda call: call.trailers(x_odd="1"))
    assert answer == (VALUES, Code.UNKNOWN, "No status received")


def test_a_message_that_is_cut_short_by_ok_goes_unnoticed() -> None:
    assert read_until(half_message) == (VALUES, Code.OK, "")


def test_a_graceful_goaway_lets_the_stream_go_on() -> None:
    def fault(call: FaultyCall) -> None:
        call.go_away()
        call.values(2)
        call.trailers(grpc_status="0")

    assert read_until(fault) == (VALUES + 2, Code.OK, "")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Code.INTERNAL),
        (401, Code.UNAUTHENTICATED),
        (403, Code.PERMISSION_DENIED),
        (404, Code.UNIMPLEMENTED),
        (429, Code.UNAVAILABLE),
        (500, Code.UNKNOWN),
        (502, Code.UNAVAILABLE),
        (503, Code.UNAVAILABLE),
        (504, Code.UNAVAILABLE),
    ],
)
def test_an_http_error_without_a_grpc_status(status: int, code: Code) -> None:
    def play(call: FaultyCall) -> None:
        call.accept()
        call.headers(status, "text/html", end=True)

    with FaultyServer(play) as server:
        answer = read(server.address)
    assert answer == (0, code, f"Received http2 header with status: {status}")


def test_an_http_error_with_a_page_is_an_error_whichever_of_the_two_gets_through() -> None:
    def play(call: FaultyCall) -> None:
        call.accept()
        call.headers(503, "text/html")
        call.data(b"<html>", end=True)

    with FaultyServer(play) as server:
        answer = read(server.address)
    # gRPC may see the end of the page before it has dealt with the headers.
    assert answer in (
        (0, Code.UNAVAILABLE, "Received http2 header with status: 503"),
        (0, Code.UNKNOWN, "Stream removed (Data frame with END_STREAM flag received)"),
    )


BEFORE_HEADERS: dict[str, Fault] = {
    "FIN": FaultyCall.fin,
    "RST_STREAM": lambda call: call.reset_stream(7),
    "GOAWAY": lambda call: call.go_away(last=0),
    "HTTP error": lambda call: call.headers(502, "text/html"),
}


@pytest.mark.parametrize("fault", BEFORE_HEADERS.values(), ids=BEFORE_HEADERS)
def test_a_call_that_ends_before_its_headers_leaves_no_connection_open(fault: Fault) -> None:
    def play(call: FaultyCall) -> None:
        call.accept()
        fault(call)

    with FaultyServer(play) as server:
        transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
        opened = transport.open(b"")
        assert list(opened) == []
        assert opened.close().code == Code.UNAVAILABLE.value[0]
        eventually(lambda: server.calls[0].left, "the connection's end")


@pytest.mark.parametrize("read", [0, 1])
def test_a_call_that_is_not_read_to_its_end_leaves_no_connection_open(read: int) -> None:
    def play(call: FaultyCall) -> None:
        call.accept()
        call.headers()
        call.values(VALUES)

    with FaultyServer(play) as server:
        transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
        opened = transport.open(b"")
        assert len(list(islice(opened, read))) == read
        eventually(lambda: server.calls, "the call")
        assert opened.close().code == Code.CANCELLED.value[0]
        eventually(lambda: server.calls[0].left, "the connection's end")


def test_an_end_before_the_settings_is_a_failure_to_connect() -> None:
    with FaultyServer(FaultyCall.rst) as server:
        count, code, text = read(server.address)
    assert (count, code) == (0, Code.UNAVAILABLE)
    assert re.match(r"(failed to connect to all addresses; last error: |Stream removed)", text)
