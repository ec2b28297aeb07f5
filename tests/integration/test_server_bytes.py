"""Whatever bytes come to the port, the server lives and serves the others."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from support.client import connect
from support.server import PATIENCE_S, ServerProcess

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2, whatever it says."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


SETTINGS = frame(4, 0, 0, b"")
HEADERS = (
    # POST, http, and a path and a content type that are not in the table.
    b"\x83\x86\x04\x1d/proto.StreamServer/ListValue\x41\x01x"
    b"\x5f\x10application/grpc\x40\x02te\x08trailers"
)
frames = st.builds(
    frame,
    kind=st.integers(0, 12),
    flags=st.integers(0, 255),
    stream=st.sampled_from([0, 1, 2, 3, 5, 2**31 - 1, 2**32 - 1]),
    payload=st.binary(max_size=60) | st.just(HEADERS),
)
talks = st.binary(max_size=300) | st.lists(frames, max_size=12).map(
    lambda some: PREFACE + SETTINGS + b"".join(some)
)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    flags = ("--feed", "counter", "--count", "3", "--interval", "0")
    with ServerProcess(*flags) as running:
        yield running
        running.terminate()
        assert running.wait() == 0
        # Where it listens, and no error after that.
        assert running.stderr.count("\n") == 1


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(talks, st.booleans())
@example(PREFACE + SETTINGS + frame(1, 5, 1, HEADERS), True)
@example(PREFACE + SETTINGS + frame(1, 4, 1, HEADERS) + frame(0, 1, 1, b"\0\0\0\0\0"), True)
@example(PREFACE + SETTINGS + frame(1, 4, 1, HEADERS) + frame(0, 1, 1, b"\1\xff\xff\xff\xff"), True)
@example(
    PREFACE + SETTINGS + frame(1, 0, 1, HEADERS) + 50 * frame(9, 0, 1, b"\x40\x01x\x01y"), True
)
@example(PREFACE + SETTINGS + 200 * (frame(1, 5, 1, HEADERS) + frame(3, 0, 1, b"\0\0\0\x08")), True)
@example(PREFACE + 1000 * SETTINGS, True)
@example(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 50 * b"\0", False)
@example(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", False)
def test_any_bytes_leave_the_server_alive(server: ServerProcess, talk: bytes, hears: bool) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as connection:
        with suppress(OSError):
            connection.sendall(talk)
            connection.shutdown(socket.SHUT_WR)
            while hears and connection.recv(65_536):
                pass
    assert server.returncode is None


def test_the_frames_of_these_tests_are_a_call_where_they_are_right(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as connection:
        call = frame(1, 4, 1, HEADERS) + frame(0, 1, 1, b"\0\0\0\0\x03\x0a\x01x")
        connection.sendall(PREFACE + SETTINGS + call)
        seen = b""
        while b"x2" not in seen:
            chunk = connection.recv(65_536)
            assert chunk
            seen += chunk


def test_after_all_that_it_serves(server: ServerProcess) -> None:
    with connect(server.address) as client:
        assert [m.stream_value for m in client.open("x")] == ["x0", "x1", "x2"]
