"""What the server says of itself while it runs, and how it goes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from itertools import islice
from typing import Any

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from grpctap.core import status as codes
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from support.client import connect
from support.server import PATIENCE_S, ServerProcess, channel

LOGS = ("--log-level", "info", "--feed", "counter", "--interval", "0.02")
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
LINE = re.compile(
    r"time=\S+ level=(info|warning|error) event=\w+"
    r'( [a-z_]+=("([^"\\]|\\.)*"|[^" =]+))*\n'
)


def logged(server: ServerProcess) -> list[str]:
    """The lines of the log, each of which must be one; without the one that says where it is."""
    first, *lines = server.stderr.splitlines(keepends=True)
    assert "listening on" in first
    for line in lines:
        assert LINE.fullmatch(line), line
    return lines


def test_each_call_leaves_a_line_that_tells_all_but_the_data() -> None:
    with ServerProcess(*LOGS) as server, connect(server.address) as client:
        assert len(client.take(3, "Geheim\x1b\n")) == 3
        match = server.await_line(r"method=/proto.StreamServer/ListValue (.*)")
        facts = dict(pair.split("=", 1) for pair in match[1].split())
        assert facts["data_bytes"] == "8"
        assert re.fullmatch("[0-9a-f]{8}", facts["data"])
        assert int(facts["values"]) >= 3
        assert facts["status"] == "CANCELLED"
        assert float(facts["seconds"]) > 0.03
        code, _ = client.refusal("x", b"no token")
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        server.await_line("resumed=yes .*status=INVALID_ARGUMENT reason=TOKEN_INVALID")
        assert client.route("Geheim").code == 200
        server.await_line("method=/proto.StreamServer/Route .*status=OK")
        server.terminate()
        assert server.wait() == 0
        assert "Geheim" not in "".join(logged(server))


def test_whatever_a_method_is_called_its_line_is_one() -> None:
    with ServerProcess(*LOGS) as server, channel(server.address) as opened:
        for name in ("x y=z", 'quo"te', "back\\slash", "%0A", "long" * 500):
            call: Any = opened.unary_unary(f"/{name}")
            with pytest.raises(grpc.RpcError):
                call(b"", timeout=PATIENCE_S, metadata=(("authorization", "Bearer hidden"),))
        server.await_line("method=/longlong")
        server.terminate()
        server.wait()
        lines = logged(server)
        assert sum("event=call" in line for line in lines) == 5
        assert "hidden" not in server.stderr


def test_a_storm_of_calls_does_not_flood_the_log() -> None:
    with ServerProcess(*LOGS) as server, channel(server.address) as opened:
        call: Any = opened.unary_unary("/none/none")
        for _ in range(20):
            futures = [call.future(b"", timeout=PATIENCE_S) for _ in range(50)]
            assert {f.code() for f in futures} == {grpc.StatusCode.UNIMPLEMENTED}
        server.terminate()
        server.wait()
        lines = logged(server)
        written = sum("event=call" in line for line in lines)
        told = [
            re.search(r"event=suppressed of=call of_level=info lines=(\d+)", line) for line in lines
        ]
        assert written + sum(int(match[1]) for match in told if match) == 1000
        assert written < 1000


def test_counts_are_logged_when_they_changed_and_health_checks_are_not() -> None:
    with ServerProcess(*LOGS, "--log-interval", "0.1") as server, channel(server.address) as opened:
        health: Any = health_pb2_grpc.HealthStub(opened)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S).status
        with connect(server.address) as client:
            call = client.open("x")
            next(call)
            server.await_line("event=counts open=1 served=1 values=[1-9]")
            call.cancel()
        server.await_line("event=counts open=0 served=1 .*evicted=0 errors=0 refused=0")
        server.terminate()
        server.wait()
        assert "Health" not in server.stderr
        assert logged(server)[-1].endswith("evicted=0 errors=0 refused=0\n")


def test_quiet_says_where_it_listens_and_no_more() -> None:
    with ServerProcess(*LOGS, "--quiet") as server, connect(server.address) as client:
        client.take(2, "x")
        server.terminate()
        assert server.wait() == 0
        assert logged(server) == []


def test_grpcs_own_counts_can_be_asked_for() -> None:
    with ServerProcess(*LOGS, "--channelz") as server, connect(server.address) as client:
        call = client.open("x")
        next(call)
        with channel(server.address) as opened:
            channelz: Any = channelz_pb2_grpc.ChannelzStub(opened)
            (found,) = channelz.GetServers(channelz_pb2.GetServersRequest(), PATIENCE_S).server
            assert found.data.calls_started >= 2
            request = channelz_pb2.GetServerSocketsRequest(server_id=found.ref.server_id)
            assert len(channelz.GetServerSockets(request, PATIENCE_S).socket_ref) == 2
            with pytest.raises(grpc.RpcError) as missing:
                channelz.GetSocket(channelz_pb2.GetSocketRequest(socket_id=2**40), PATIENCE_S)
            assert missing.value.code() is grpc.StatusCode.NOT_FOUND
            server.await_line("Channelz/GetSocket status=NOT_FOUND")
        call.cancel()
    with ServerProcess() as server, channel(server.address) as opened:
        refused: Any = channelz_pb2_grpc.ChannelzStub(opened)
        with pytest.raises(grpc.RpcError) as unknown:
            refused.GetServers(channelz_pb2.GetServersRequest(), PATIENCE_S)
        assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_without_its_package_channelz_is_refused_with_what_to_install() -> None:
    code = (
        "import sys; sys.modules['grpc_channelz'] = None; from grpctap_server import cli; "
        "sys.exit(cli.main(['--channelz', '--port', '0']))"
    )
    done = subprocess.run(
        (sys.executable, "-c", code), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'grpctap[channelz]'" in done.stderr


def watch_health(opened: grpc.Channel) -> Any:
    stub: Any = health_pb2_grpc.HealthStub(opened)
    call = stub.Watch(health_pb2.HealthCheckRequest(service="proto.StreamServer"), timeout=60)
    assert next(call).status == health_pb2.HealthCheckResponse.SERVING
    return call


def test_while_it_drains_it_says_not_serving_and_calls_go_on() -> None:
    with ServerProcess(*LOGS, "--drain", "2") as server, channel(server.address) as opened:
        health = watch_health(opened)
        viewer = GrpcTransport(
            Target(server.address, plaintext=True), "proto.StreamServer/ListValue"
        )
        call = viewer.open(b"")
        values = iter(call)
        next(values)
        began = time.monotonic()
        server.terminate()
        assert next(health).status == NOT_SERVING
        assert len(list(islice(values, 5))) == 5
        # Load balancers that have not looked yet may send calls.
        with connect(server.address) as client:
            assert len(client.take(2, "new")) == 2
        for _ in values:
            pass
        assert time.monotonic() - began >= 2
        status = call.close()
        assert (status.code, status.reason) == (codes.UNAVAILABLE, "SHUTTING_DOWN")
        health.cancel()
        assert server.wait() == 0
        assert "event=ending drain=2.000" in server.stderr
        assert "status=UNAVAILABLE reason=SHUTTING_DOWN" in server.stderr


def test_a_second_signal_ends_it_while_it_drains() -> None:
    with ServerProcess(*LOGS, "--drain", "3600") as server, channel(server.address) as opened:
        health = watch_health(opened)
        server.terminate()
        assert next(health).status == NOT_SERVING
        server.send_signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM


def test_a_log_that_nobody_reads_holds_up_no_call() -> None:
    command = (sys.executable, "-m", "grpctap_server", "--port", "0", "--until-eof")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        ready = re.search(rb"listening on (\S+)", process.stderr.readline())
        assert ready
        with channel(ready[1].decode()) as opened:
            call: Any = opened.unary_unary(f"/{'x' * 290}/x")
            # Some 100 KB of log, more than a pipe holds.
            for _ in range(250):
                with pytest.raises(grpc.RpcError) as unknown:
                    call(b"", timeout=PATIENCE_S)
                assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stderr):
            if pipe is not None:
                pipe.close()
