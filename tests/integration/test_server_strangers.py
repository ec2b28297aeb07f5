"""What no gRPC client sends: a stranger's call harms no other, whatever bytes it is made of."""

from __future__ import annotations

import itertools
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hpack import Encoder

from grpctap_protos.server_stream_pb2 import SimpleRequest
from grpctap_server.limits import HEALTH_CALLS_A_CLIENT
from support.client import connect
from support.server import PATIENCE_S, ChildProcess, ServerProcess, channel, eventually
from support.wire import take

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
INITIAL_WINDOW_SIZE, LARGEST_WINDOW = 4, 2**31 - 1
END_STREAM, END_HEADERS = 1, 4
BROKEN = (b"/proto.StreamServer/\xff\xfe", b"/\xed\xa0\x80", b"\x80", b"/\xc0\x9b[2J")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def call(path: bytes, request: bytes | None = None, stream: int = 1) -> bytes:
    """The bytes of a call of a method, which ends at once or with a request."""
    headers = (
        *((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x")),
        *((b"te", b"trailers"), (b"content-type", b"application/grpc")),
    )
    block = Encoder().encode(headers)
    if request is None:
        return frame(HEADERS, END_STREAM | END_HEADERS, stream, block)
    body = struct.pack(">BI", 0, len(request)) + request
    return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, body)


@contextmanager
def deaf_connection(port: int) -> Iterator[socket.socket]:
    """A connection that grants the server all room there is, and never reads."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.settimeout(PATIENCE_S)
        connection.connect(("127.0.0.1", port))
        settings = frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, LARGEST_WINDOW))
        room = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGEST_WINDOW - 65_535))
        connection.sendall(PREFACE + settings + room)
        yield connection


def answered(connection: socket.socket) -> bool:
    """Read until the headers of an answer are there."""
    while True:
        size, kind = struct.unpack(">I", b"\0" + take(connection, 3))[0], take(connection, 1)[0]
        take(connection, 5 + size)
        if kind == HEADERS:
            return True


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--log-level", "info") as running:
        yield running
        running.terminate()
        assert running.wait() == 0
        assert "traceback" not in running.stderr


@pytest.mark.parametrize("path", BROKEN)
def test_a_path_that_is_no_utf_8_ends_no_call_but_its_own(
    server: ServerProcess, path: bytes
) -> None:
    with connect(server.address) as client:
        open_call = client.open("x")
        before = next(open_call).sequence
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as stranger:
            stranger.sendall(PREFACE + frame(SETTINGS, 0, 0) + call(path))
            assert answered(stranger)
        assert next(open_call).sequence > before
        open_call.cancel()
        assert client.route("x").code == 200
    server.await_line("method=\\S*\ufffd\\S* status=UNIMPLEMENTED reason=NO_SUCH_METHOD")


def is_refused(health: Any) -> bool:
    check = health.Check.future(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
    return bool(check.code() is grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_a_client_that_reads_nothing_holds_up_neither_health_checks_nor_the_end() -> None:
    flags = ("--log-level", "debug", "--feed", "counter", "--interval", "0", "--count", "1000000")
    with (
        ServerProcess(*flags, "--slow-timeout", "0.5") as server,
        deaf_connection(server.port) as deaf,
        channel(server.address) as opened,
    ):
        much = SimpleRequest(data="x" * 4_000).SerializeToString()
        deaf.sendall(call(b"/proto.StreamServer/ListValue", much, 1))
        server.await_line("reason=SLOW_CONSUMER")
        streams = itertools.count(3, 2)
        for stream in itertools.islice(streams, HEALTH_CALLS_A_CLIENT - 1):
            deaf.sendall(call(b"/grpc.health.v1.Health/Watch", b"", stream))
        health: Any = health_pb2_grpc.HealthStub(opened)
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING

        def all_taken() -> bool:
            # A check has a place for a moment, and may have kept one of the watches out of it.
            deaf.sendall(call(b"/grpc.health.v1.Health/Watch", b"", next(streams)))
            return is_refused(health)

        eventually(all_taken, "all its calls are taken")
        server.terminate()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert server.wait() == 0


def test_health_lists_the_services_and_knows_no_others(server: ServerProcess) -> None:
    with channel(server.address) as opened:
        health: Any = health_pb2_grpc.HealthStub(opened)
        statuses = health.List(Empty(), timeout=PATIENCE_S).statuses
        assert {name: statuses[name].status for name in statuses} == {
            "": health_pb2.HealthCheckResponse.SERVING,
            "proto.StreamServer": health_pb2.HealthCheckResponse.SERVING,
        }
        unknown = health_pb2.HealthCheckRequest(service="none")
        watch = health.Watch(unknown, timeout=PATIENCE_S)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        with pytest.raises(grpc.RpcError) as refused:
            health.Check(unknown, timeout=PATIENCE_S)
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        watch.cancel()


def test_when_grpc_fails_all_the_same_the_process_ends_and_says_so() -> None:
    # As before a path that is no UTF-8 was let through.
    code = (
        "import codecs, sys\n"
        "from grpctap_server import cli, starting\n"
        "starting._replace_in_paths = codecs.strict_errors\n"
        "sys.exit(cli.main(['--port', '0', '--until-eof', '--feed', 'counter']))"
    )
    with ChildProcess((sys.executable, "-c", code)) as server:
        port = int(server.await_line(r"listening on 127.0.0.1:(\d+)")[1])
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as stranger:
            stranger.sendall(PREFACE + frame(SETTINGS, 0, 0) + call(BROKEN[0]))
            assert answered(stranger)
        assert server.wait() == 1
        assert "gRPC failed and takes no more calls (UnicodeDecodeError: " in server.stderr
