"""What no gRPC client sends: a stranger's call harms no other, whatever bytes it is made of."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import pytest
from hpack import Encoder

from support.client import connect
from support.server import PATIENCE_S, ServerProcess
from support.wire import take

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS = 1, 4
END_STREAM, END_HEADERS = 1, 4
BROKEN = (b"/proto.StreamServer/\xff\xfe", b"/\xed\xa0\x80", b"\x80", b"/\xc0\x9b[2J")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def call(path: bytes) -> bytes:
    """The bytes of a connection with one call of a method."""
    headers = (
        *((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x")),
        *((b"te", b"trailers"), (b"content-type", b"application/grpc")),
    )
    block = Encoder().encode(headers)
    return PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_STREAM | END_HEADERS, 1, block)


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
            stranger.sendall(call(path))
            assert answered(stranger)
        assert next(open_call).sequence > before
        open_call.cancel()
        assert client.route("x").code == 200
    server.await_line("method=\\S*\ufffd\\S* status=UNIMPLEMENTED reason=NO_SUCH_METHOD")
