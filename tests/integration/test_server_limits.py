"""What is too much for the server is refused with a reason, and the room is given back."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived, TrailersReceived
from h2.settings import SettingCodes

from grpctap.core import status as codes
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_server import limits
from grpctap_server.counters import Counters
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from grpctap_server.guard import Guard
from grpctap_server.limits import Limits
from support.client import Client, connect
from support.server import PATIENCE_S, RunningServer, channel, eventually

IDLE = CounterFeed(Schedule(3600 * NANOSECONDS, 1000))
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = struct.pack(">IBI", 0, 4, 0)[1:] + b"\0"
METHOD = "proto.StreamServer/ListValue"
HEADERS = [
    *((":method", "POST"), (":scheme", "http"), (":path", f"/{METHOD}"), (":authority", "x")),
    *(("te", "trailers"), ("content-type", "application/grpc")),
]


@contextmanager
def guarded(bounds: Limits) -> Iterator[tuple[RunningServer, Guard]]:
    guard = Guard(None, bounds, Counters())
    with RunningServer(IDLE, guard=guard, with_reflection=True) as server:
        yield server, guard
        eventually(lambda: guard.counters.open == 0, "no call is left open")


def refused(client: Client, data: str = "x") -> str:
    code, info = client.refusal(data, b"")
    assert code is EXHAUSTED
    return str(info.reason)


def reason_of(error: Any) -> str:
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info)
    return str(info.reason)


def opened(client: Client, count: int) -> list[Any]:
    calls = [client.open("x") for _ in range(count)]
    for call in calls:
        assert next(call).stream_value == "x0"
    return calls


def raw_connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S)


def is_closed(connection: socket.socket) -> bool:
    """Read whatever comes until the other end hangs up."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    return True


def test_a_client_has_its_share_of_calls_and_gets_it_back() -> None:
    with guarded(Limits(client_calls=3)) as (server, guard), connect(server.address) as client:
        calls = opened(client, 3)
        assert refused(client) == "CLIENT_CALLS"
        # Another connection is the same client.
        with connect(server.address) as other:
            assert refused(other) == "CLIENT_CALLS"
        calls[0].cancel()
        eventually(lambda: guard.counters.open == 2, "the cancelled call is gone")
        calls += opened(client, 1)
        assert refused(client) == "CLIENT_CALLS"
        for call in calls:
            call.cancel()
        eventually(lambda: guard.counters.refused == 3, "each refusal is counted")
    assert guard.counters.served == 4


def test_all_clients_together_have_theirs_and_the_viewer_says_what_to_do() -> None:
    with guarded(Limits(calls=2)) as (server, _), connect(server.address) as client:
        calls = opened(client, 2)
        assert refused(client) == "TOTAL_CALLS"
        refusal = GrpcTransport(Target(server.address, plaintext=True), METHOD).open(b"")
        assert list(refusal) == []
        status = refusal.close()
        assert (status.code, status.reason) == (codes.RESOURCE_EXHAUSTED, "TOTAL_CALLS")
        for call in calls:
            call.cancel()


def test_health_checks_have_room_of_their_own() -> None:
    with guarded(Limits(calls=1, client_calls=1)) as (server, guard):
        with connect(server.address) as client:
            (call,) = opened(client, 1)
            with channel(server.address) as raw:
                check: Any = raw.unary_unary("/grpc.health.v1.Health/Check")
                with pytest.raises(grpc.RpcError) as unknown:
                    check(b"", timeout=PATIENCE_S)
                # This server has no health service, and that is all that is wrong.
                assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
            call.cancel()
        assert guard.counters.refused == 0


def test_data_and_requests_have_a_largest_size() -> None:
    bounds = Limits(data=10, request=100)
    with guarded(bounds) as (server, _), connect(server.address) as client:
        client.open("x" * 10).cancel()
        assert refused(client, "x" * 11) == "DATA_TOO_LONG"
        # Bytes count, not letters.
        assert refused(client, "原" * 4) == "DATA_TOO_LONG"
        assert refused(client, "x" * 150) == "REQUEST_TOO_LARGE"
        with pytest.raises(grpc.RpcError) as unary:
            client.route("x" * 11)
        assert (unary.value.code(), reason_of(unary.value)) == (EXHAUSTED, "DATA_TOO_LONG")
        # What gRPC itself turns away has no reason, but the same code.
        call = client.open("x" * 100_000)
        with pytest.raises(grpc.RpcError):
            next(call)
        assert call.code() is EXHAUSTED
        assert client.route("x").value == "hello x"


def test_metadata_has_a_largest_size() -> None:
    with guarded(Limits(metadata=2_000)) as (server, _), channel(server.address) as raw:
        route: Any = raw.unary_unary("/proto.StreamServer/Route")
        assert route(b"", metadata=(("x-a", "y" * 500),), timeout=PATIENCE_S)
        for metadata in ([("x-a", "y" * 5_000)], [(f"x-{n}", "y" * 50) for n in range(50)]):
            with pytest.raises(grpc.RpcError) as refusal:
                route(b"", metadata=metadata, timeout=PATIENCE_S)
            assert refusal.value.code() is EXHAUSTED


def test_what_is_no_request_is_told_and_methods_that_are_not_there_too() -> None:
    with guarded(Limits()) as (server, guard), channel(server.address) as raw:
        for method, code, reason in (
            ("Route", grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED"),
            ("ListValue", grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED"),
            ("Delete", grpc.StatusCode.UNIMPLEMENTED, "NO_SUCH_METHOD"),
        ):
            call: Any = raw.unary_unary(f"/proto.StreamServer/{method}")
            with pytest.raises(grpc.RpcError) as refusal:
                call(b"\xff\xff", timeout=PATIENCE_S)
            assert (refusal.value.code(), reason_of(refusal.value)) == (code, reason)
        stream: Any = raw.stream_stream("/proto.StreamServer/ListValue")
        with pytest.raises(grpc.RpcError) as nothing:
            list(stream(iter(()), timeout=PATIENCE_S))
        assert reason_of(nothing.value) == "REQUEST_MISSING"
        eventually(lambda: guard.counters.errors == 4, "each is counted")


def test_a_request_that_does_not_come_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "REQUEST_TIMEOUT_S", 0.2)
    with guarded(Limits(client_calls=2, idle=1)) as (server, _), ExitStack() as stack:
        h2 = H2Connection(H2Configuration(client_side=True))
        h2.initiate_connection()
        for _ in range(2):
            h2.send_headers(h2.get_next_available_stream_id(), HEADERS)
        slow = stack.enter_context(raw_connection(server.port))
        slow.sendall(h2.data_to_send())
        with connect(server.address) as client:
            late: list[bytes] = []
            while len(late) < 2:
                for event in h2.receive_data(slow.recv(65_536)):
                    if isinstance(event, ResponseReceived | TrailersReceived):
                        late += [v for k, v in event.headers or () if k == b"grpc-status"]
            assert late == 2 * [str(codes.DEADLINE_EXCEEDED).encode()]
            for call in opened(client, 2):
                call.cancel()


def test_connections_beyond_the_limit_are_hung_up_on_and_silent_ones_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 1.0)
    with guarded(Limits(connections=4, idle=1)) as (server, _), ExitStack() as stack:
        silent = [stack.enter_context(raw_connection(server.port)) for _ in range(3)]
        half = stack.enter_context(raw_connection(server.port))
        half.sendall(PREFACE[:-3])
        assert all(connection.recv(1) for connection in (*silent, half))
        beyond = stack.enter_context(raw_connection(server.port))
        assert is_closed(beyond)
        # Nobody hears anything of these four but a timeout, and then there is room again.
        assert all(is_closed(connection) for connection in (*silent, half))
        idle = stack.enter_context(raw_connection(server.port))
        idle.sendall(PREFACE + SETTINGS)
        assert is_closed(idle)
        with connect(server.address) as client:
            assert client.route("x").value == "hello x"


def test_one_connection_cannot_have_streams_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STREAMS_A_CONNECTION", 50)
    with guarded(Limits()) as (server, guard), ExitStack() as stack:
        connection = stack.enter_context(raw_connection(server.port))
        h2 = H2Connection(H2Configuration(client_side=True))
        h2.initiate_connection()
        connection.sendall(h2.data_to_send())
        while SettingCodes.MAX_CONCURRENT_STREAMS not in h2.remote_settings:
            h2.receive_data(connection.recv(65_536))
        assert h2.remote_settings.max_concurrent_streams == limits.STREAMS_A_CONNECTION
        # Who does not keep to it: this library would, but for this.
        h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 100_000
        h2.remote_settings.acknowledge()
        try:
            for _ in range(10 * limits.STREAMS_A_CONNECTION):
                h2.send_headers(h2.get_next_available_stream_id(), HEADERS)
            connection.sendall(h2.data_to_send())
        except ConnectionError:
            pass
        with connect(server.address) as client:
            assert client.route("x").value == "hello x"
        eventually(lambda: guard.counters.served > 1, "some are let in")
        assert guard.counters.open <= limits.STREAMS_A_CONNECTION


def test_our_viewers_pings_are_let_through_in_a_long_silence() -> None:
    with guarded(Limits()) as (server, _):
        target = Target(server.address, plaintext=True, keepalive_time=0.1)
        # Long enough for three strikes, were the pings too many.
        call = GrpcTransport(target, METHOD).open(b"", 5)
        assert len(list(call)) == 1
        assert call.close().code == codes.DEADLINE_EXCEEDED


def test_a_client_that_vanished_does_not_keep_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_KEEPALIVE_S", 1.0)
    monkeypatch.setattr(limits, "_KEEPALIVE_TIMEOUT_S", 3.0)
    with guarded(Limits()) as (server, guard), ExitStack() as stack:
        with connect(server.address) as client:
            (alive,) = opened(client, 1)
            # It sends a call, and after that answers nothing, not even pings.
            h2 = H2Connection(H2Configuration(client_side=True))
            h2.initiate_connection()
            h2.send_headers(1, HEADERS)
            h2.send_data(1, b"\0\0\0\0\0", end_stream=True)
            gone = stack.enter_context(raw_connection(server.port))
            gone.sendall(h2.data_to_send())
            eventually(lambda: guard.counters.served == 2, "its call is let in")
            eventually(lambda: guard.counters.open == 1, "its call is ended")
            assert is_closed(gone)
            assert alive.is_active()
            alive.cancel()


def test_a_flood_of_pings_ends_the_connection_and_no_other() -> None:
    with guarded(Limits()) as (server, _), connect(server.address) as client:
        (call,) = opened(client, 1)
        with raw_connection(server.port) as flood:
            flood.sendall(PREFACE + SETTINGS)
            ping = struct.pack(">IBIxQ", 8, 6, 0, 0)[1:]
            seen = b""
            try:
                flood.sendall(10 * ping)
                while chunk := flood.recv(65_536):
                    seen += chunk
            except ConnectionError:
                pass
            assert b"too_many_pings" in seen
        assert call.is_active()
        call.cancel()
