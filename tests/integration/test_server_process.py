"""The server as a process: its flags, its port, and how it starts and ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from grpctap_server.cli import main
from grpctap_server.serve import make_server
from support.client import connect
from support.server import PATIENCE_S, ChildProcess, ServerProcess, channel

LISTENING = r"^grpctap serve: listening on 127\.0\.0\.1:\d+ \(feed price, a value every 0\.1 s\)\n$"
ENDING = (grpc.StatusCode.UNAVAILABLE, "the server is shutting down")


def end_of(call: object) -> tuple[grpc.StatusCode, str | None]:
    with pytest.raises(grpc.RpcError) as ended:
        list(call)  # type: ignore[call-overload]
    return ended.value.code(), ended.value.details()


def watch_health(opened: grpc.Channel) -> Any:
    stub: Any = health_pb2_grpc.HealthStub(opened)
    request = health_pb2.HealthCheckRequest(service="proto.StreamServer")
    return stub.Watch(request, timeout=PATIENCE_S)


def run(*args: str) -> "subprocess.CompletedProcess[str]":
    command = (sys.executable, "-m", "grpctap_server", *args)
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
    )


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--port", "65536"], "--port: 65536 is not from 0 to 65535"),
        (["--port", "-1"], "--port: -1 is not from 0 to 65535"),
        (["--port", "http"], "--port: 'http' is not a whole number"),
        (["--host", ""], "--host: '' is not a host"),
        (["--feed", "oil"], "--feed: invalid choice: 'oil'"),
        (["--interval", "0.00001"], "--interval: 0.00001 is not"),
        (["--interval", "-1"], "--interval: -1 is not"),
        (["--interval", "nan"], "--interval: nan is not a finite number"),
        (["--interval", "inf"], "--interval: inf is not a finite number"),
        (["--interval", "1e9"], "--interval: 1e9 is not"),
        (["--interval", "fast"], "--interval: 'fast' is not a number of seconds"),
        (["--interval", "0"], "--interval 0 goes with --feed counter"),
        (["--feed", "counter", "--interval", "0"], "--interval 0 needs --count"),
        (
            ["--feed", "counter", "--interval", "0", "--count", "9", "--retain", "8"],
            "--count cannot exceed --retain",
        ),
        (["--feed", "counter", "--count", "0"], "--count: 0 is not from 1"),
        (["--feed", "counter", "--count", "1.5"], "--count: '1.5' is not a whole number"),
        (["--feed", "counter", "--count", "1" + 30 * "0"], "is not from 1"),
        (["--count", "5"], "--count goes with --feed counter only"),
        (["--retain", "0"], "--retain: 0 is not from 1"),
        (["--feed", "counter", "--start", "0"], "--start goes with --feed price only"),
        (["--start", "yesterday"], "--start: 'yesterday' is neither"),
        (["--start", "2026-01-01T00:00:00"], "--start: '2026-01-01T00:00:00' is neither"),
        (["--start", "-1"], "--start: -1 is not from 1970"),
        (["--start", "nan"], "--start: nan is not from 1970"),
        (["--start", "9999-01-01T00:00:00Z"], "--start: 9999-01-01T00:00:00Z is not from 1970"),
        (["--progress-interval", "0"], "--progress-interval: 0 is not from"),
        (["--max-calls", "0"], "--max-calls: 0 is not from 1"),
        (["--max-metadata", "9"], "--max-metadata: 9 is not from 1024"),
        (["--max-idle", "0.5"], "--max-idle: 0.5 is not from 1"),
        (["--drain", "nan"], "--drain: nan is not from 0"),
        (["--drain", "-1"], "--drain: -1 is not from 0"),
        (["--log-interval", "soon"], "--log-interval: 'soon' is not a number of seconds"),
        (["--log-level", "loud"], "--log-level: invalid choice: 'loud'"),
        (["--inter", "1"], "unrecognized arguments: --inter 1"),
        (["stray"], "unrecognized arguments: stray"),
    ],
)
def test_flags_that_make_no_sense_cost_one_line_and_exit_2(
    args: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("grpctap serve: error: ")
    assert err.endswith("; see --help\n")
    assert complaint in err


def test_the_module_exits_as_main_returns() -> None:
    done = run("--port", "x")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_help_shows_every_flag_but_the_hidden_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    flags = ("host", "port", "feed", "interval", "count", "retain", "start", "cert", "token-file")
    for flag in (*flags, "max-calls", "drain", "log-level"):
        assert f"--{flag} " in out
    assert "until-eof" not in out
    assert out.count("\n  grpctap serve") == 2


def test_a_port_in_use_costs_one_line_and_exit_1() -> None:
    with ServerProcess() as server:
        done = run("--port", str(server.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"grpctap serve: cannot listen on 127.0.0.1:{server.port}: address already in use; "
        "choose another with --port\n"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host.invalid", "nosuch.invalid"])
def test_a_bad_host_costs_one_line(host: str) -> None:
    done = run("--host", host, "--port", "0")
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert "--host" in done.stderr


def test_ipv6_hosts_work() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    for host in ("::1", "[::1]"):
        with ServerProcess("--host", host) as server:
            assert server.address == f"[::1]:{server.port}"
            with connect(server.address) as client:
                assert client.route("six").value == "hello six"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_open_calls_and_the_process_gracefully(number: signal.Signals) -> None:
    with ServerProcess("--interval", "0.1") as server, connect(server.address) as client:
        call = client.open("WTI ")
        next(call)
        server.send_signal(number)
        assert end_of(call) == ENDING
        assert server.wait() == 0
        server.await_line(LISTENING)
        assert server.stderr.count("\n") == 1
        assert server.stdout == ""


def test_a_call_that_waits_long_is_ended_as_promptly() -> None:
    with (
        ServerProcess("--feed", "counter", "--interval", "3600") as server,
        connect(server.address) as client,
    ):
        call = client.open("x")
        next(call)
        server.terminate()
        assert end_of(call) == ENDING
        assert server.wait() == 0


def test_a_second_signal_ends_at_once() -> None:
    with ServerProcess() as server, channel(server.address) as opened:
        # This call knows nothing of draining, so the server waits for it until its patience ends.
        watch = watch_health(opened)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        server.send_signal(signal.SIGINT)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        server.send_signal(signal.SIGINT)
        assert server.wait() == -signal.SIGINT
        assert server.stderr.count("\n") == 1


def test_a_call_that_does_not_end_is_ended_when_patience_ends() -> None:
    with ServerProcess() as server, channel(server.address) as opened:
        watch = watch_health(opened)
        next(watch)
        server.terminate()
        assert server.wait() == 0
        assert server.stderr.count("\n") == 1


async def test_a_port_is_never_shared_with_another_server() -> None:
    one, other = make_server(), make_server()
    port = one.add_insecure_port("127.0.0.1:0")
    with pytest.raises(RuntimeError, match="Failed to bind"):
        other.add_insecure_port(f"127.0.0.1:{port}")
    await one.stop(0)
    await other.stop(0)


@pytest.mark.parametrize(
    ("entry", "imported"),
    [
        (("-m", "grpctap_server"), "grpctap_server.cli"),
        (("-m", "grpctap_server"), "grpc._cython.cygrpc"),
        (("-c", "from grpctap_server import cli; cli.main()"), "grpc._cython.cygrpc"),
        (("-c", "from grpctap_server import cli; cli.main()"), "grpctap_server.serve"),
    ],
)
def test_an_interrupt_during_start_up_leaves_no_traceback(
    entry: tuple[str, str], imported: str
) -> None:
    command = (sys.executable, "-X", "importtime", *entry, "--port", "0")
    with ChildProcess(command) as server:
        server.await_line(rf"\| +{imported}$")
        server.send_signal(signal.SIGINT)
        assert server.wait() in (0, -signal.SIGINT)
        assert "Traceback" not in server.stderr
        assert "KeyboardInterrupt" not in server.stderr


def test_the_end_of_standard_input_ends_the_server() -> None:
    with ServerProcess("--interval", "0.1") as server, connect(server.address) as client:
        call = client.open("WTI ")
        next(call)
        server.close_stdin()
        assert end_of(call) == ENDING
        assert server.wait() == 0
        assert server.stderr.count("\n") == 1


def test_without_the_flag_standard_input_means_nothing() -> None:
    command = (sys.executable, "-m", "grpctap_server", "--port", "0")
    with ChildProcess(command) as server:
        server.close_stdin()
        address = server.await_line(r"listening on (\S+)")[1]
        with connect(address) as client:
            assert client.take(1, "WTI ")
        server.terminate()
        assert server.wait() == 0


def test_no_connection_takes_the_place_of_a_standard_error_that_is_closed() -> None:
    script = 'exec "$0" -m grpctap_server --port 0 --until-eof --worker first 2>&-'
    with ChildProcess(("sh", "-c", script, sys.executable)) as server:
        server.await_line("listening on", "stdout")
        assert Path(f"/proc/{server.pid}/fd/2").readlink() == Path(os.devnull)
        server.close_stdin()
        assert server.wait() == 0


def test_what_it_says_goes_nowhere_when_its_standard_error_is_closed() -> None:
    script = 'exec "$0" -m grpctap_server --port 0 --until-eof 2>&- </dev/null'
    command = ("sh", "-c", script, sys.executable)
    ended = subprocess.run(command, stdout=subprocess.PIPE, timeout=60)
    assert ended.returncode == 0
    assert ended.stdout == b""
