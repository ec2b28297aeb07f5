"""The command line as a process: flags, one line for what is wrong, JSON lines, exit codes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpctap.cli import parse
from grpctap_protos.server_stream_pb2 import SimpleRequest
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.puppet import Puppet, expired, price_message, progress
from support.server import PATIENCE_S, ChildProcess, RunningServer, eventually

METHOD = "proto.StreamServer/ListValue"
SECRET = "hunter2"
GRPCTAP = (sys.executable, "-m", "grpctap")


def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*GRPCTAP, *args), input=stdin, capture_output=True, text=True, timeout=PATIENCE_S
    )


@pytest.fixture(scope="module")
def five() -> Iterator[RunningServer]:
    with RunningServer(CounterFeed(Schedule(0, 1000), 5)) as server:
        yield server


@pytest.mark.parametrize(
    "args",
    [
        ["-plaintext", "-d", '{"data":"x"}', "h:1", METHOD],
        ["--plaintext", "h:1", METHOD, "-d", '{"data":"x"}'],
        ["h:1", "-plaintext", METHOD, "-d", '{"data":"x"}'],
        ["h:1", METHOD, "-d", '{"data":"x"}', "-plaintext"],
        ["h:1", "proto.StreamServer.ListValue", '-d={"data":"x"}', "-plaintext"],
        ["h:1", f"/{METHOD}", '-d{"data":"x"}', "-plaintext"],
    ],
)
def test_flags_may_stand_anywhere_with_one_dash_or_two(args: list[str]) -> None:
    config = parse(args)
    assert config.target.address == "h:1"
    assert config.target.plaintext
    assert config.request == SimpleRequest(data="x")


def test_tls_is_the_default_and_metadata_is_read_as_grpc_wants_it() -> None:
    config = parse(["h:1", METHOD, "-H", "Authorization: Bearer a:b", "-H", "trace-bin: AQI"])
    assert not config.target.plaintext
    assert config.metadata == (("authorization", "Bearer a:b"), ("trace-bin", b"\x01\x02"))
    assert (config.max_time, config.history, config.theme) == (None, 100_000, None)


@pytest.mark.parametrize(
    "address", ["h:1", "[::1]:8000", "dns:///h:1", "unix:/tmp/s", "ipv4:127.0.0.1:1"]
)
def test_addresses_that_grpc_knows(address: str) -> None:
    assert parse([address, METHOD]).target.address == address


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        ([], "HOST:PORT"),
        (["h:1"], "SERVICE/METHOD"),
        (["h", METHOD], "h is no HOST:PORT"),
        ([":8000", METHOD], ":8000 is no HOST:PORT"),
        (["h:http", METHOD], "h:http is no HOST:PORT"),
        (["h:65536", METHOD], "port 65536 is out of range"),
        (["h:0", METHOD], "port 0 is out of range"),
        (["::1:8000", METHOD], "an IPv6 address needs brackets: [::1]:8000"),
        (["h\x1b[2J:1", METHOD], "a character that no address has"),
        (
            ["h:1", METHOD, "--columns", "stream_valeu"],
            '--columns: no field "stream_valeu" in proto.StreamResponse; did you mean stream_value',
        ),
        (["h:1", METHOD, "--columns", ""], "--columns: names no field"),
        (["demo", "--columns", "nope"], '--columns: no field "nope" in proto.StreamResponse'),
        (["h:1", "ListValue"], "ListValue is no SERVICE/METHOD; for example proto.StreamServer/"),
        (["h:1", "a/b/c"], "a/b/c is no SERVICE/METHOD"),
        (["h:1", "a.b/c d"], "a.b/c d is no SERVICE/METHOD"),
        (["h:1", "a.b/\x1b[2J"], "a.b/␛[2J is no SERVICE/METHOD"),
        (["h:1", "a.b/c", "-d", "[]"], "-d is no JSON object; for example"),
        (["h:1", "a.b/c", "--resume", "x"], '--resume: "x" is no REQUEST_FIELD=RESPONSE_FIELD'),
        (["h:1", METHOD, "--resume", ""], "is no REQUEST_FIELD=RESPONSE_FIELD"),
        (["h:1", METHOD, "--resume", "tokn=x"], 'no field "x" in proto.StreamResponse'),
        (
            ["h:1", METHOD, "--resume", "tokn=sequence"],
            'no field "tokn" in proto.SimpleRequest; fields of proto.SimpleRequest that fit: '
            "resume_token, data",
        ),
        (
            ["h:1", METHOD, "extra"],
            "extra is neither another SERVICE/METHOD of h:1 nor a HOST:PORT",
        ),
        (["h:1", METHOD, "-plain"], "-plain"),
        (["h:1", METHOD, "-d", "{"], "-d is no JSON of proto.SimpleRequest"),
        (["h:1", METHOD, "-d", '{"dat":1}'], 'no field named "dat"'),
        (["h:1", METHOD, "-d", '{"data":1}'], "-d is no JSON of proto.SimpleRequest"),
        (["h:1", METHOD, "-d", "[]"], "-d is no JSON object; for example"),
        (["h:1", METHOD, "-d", "x"], "-d is no JSON object; for example"),
        (["h:1", METHOD, "-H", SECRET], "-H wants 'NAME: VALUE'"),
        (["h:1", METHOD, "-H", f"a b: {SECRET}"], "a metadata name holds"),
        (["h:1", METHOD, "-H", f"a: {SECRET}\u00e9"], "a value holds printable ASCII only"),
        (["h:1", METHOD, "-H", f"a-bin: {SECRET}!"], "wants its value in base64"),
        (["h:1", METHOD, "-H", f"grpc-a: {SECRET}"], "belong to gRPC itself"),
        (["h:1", METHOD, "-max-time", "-1"], "'-1' is no number of seconds above 0"),
        (["h:1", METHOD, "--duration", "0"], "'0' is no number of seconds above 0"),
        (["h:1", METHOD, "--count", "0"], "'0' is no whole number from 1"),
        (["h:1", METHOD, "-max-time", "nan"], "'nan' is no number of seconds above 0"),
        (["h:1", METHOD, "--history", "0"], "'0' is no whole number from 1"),
        (["h:1", METHOD, "-max-msg-sz", "big"], "'big' is no whole number from 1"),
        (["h:1", METHOD, "--theme", "puce"], "'puce' is none of"),
        (["demo", "now"], "too many arguments"),
        (["h:1", METHOD, "-rpc-headr", f"authorization: {SECRET}"], "unknown flag -rpc-headr"),
        (["h:1", METHOD, "-rpc-header", SECRET], "-rpc-header wants 'NAME: VALUE'"),
        (["h:1", METHOD, "-reflect-header", f"a b: {SECRET}"], "-reflect-header: a metadata name"),
        (["h:1", METHOD, "-plaintext=maybe"], "-plaintext: 'maybe' is neither true nor false"),
        (["h:1", METHOD, "-plaintext", "-insecure"], "-insecure goes with TLS, not with"),
        (["dns://8.8.8.8/h:1", METHOD, "-insecure"], "-insecure goes with HOST:PORT, dns:///"),
        (["h:1", METHOD, "-user-agent", "\x1b[2J"], "-user-agent holds printable ASCII only"),
        (["h:1", METHOD, "-format", "text"], "'text' is not supported; write the request as json"),
        (["h:1", METHOD, "-alts"], "-alts is not supported: ALTS works on Google's own machines"),
        (["h:1", METHOD, "-protoset-out", "x"], "-protoset-out is not supported: no files are"),
        (["h:1", METHOD, f"-header=authorization: {SECRET}"], "takes no value"),
        (["h:1", METHOD, f"-x {SECRET}"], "unknown flag -x"),
        (["h:1", METHOD, "-H", f"auth orization {SECRET}: x"], "a metadata name holds"),
        (["http://h:80", METHOD], "http://h:80 has a scheme; give only HOST:PORT"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(args: list[str], complaint: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert done.stderr.startswith("grpctap")
    assert done.stderr.endswith("; see --help\n")
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr
    assert done.stderr[:-1].isprintable()


@pytest.mark.parametrize("args", [["--help"], ["demo", "--help"], ["serve", "--help"]])
def test_help_explains_itself(args: list[str]) -> None:
    done = run(*args)
    assert (done.returncode, done.stderr) == (0, "")
    assert "grpctap" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_into_a_pipe_each_message_is_one_line_of_json(five: RunningServer) -> None:
    done = run("-plaintext", five.address, METHOD, "-d", '{"data": "stream server grpc "}')
    assert (done.returncode, done.stderr) == (0, "")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert [m["streamValue"] for m in messages] == [f"stream server grpc {n}" for n in range(5)]
    assert [m["sequence"] for m in messages] == ["1", "2", "3", "4", "5"]
    # A token from one run goes on in the next.
    request = json.dumps({"data": "stream server grpc ", "resumeToken": messages[2]["resumeToken"]})
    later = run("-plaintext", five.address, METHOD, "-d", "@", stdin=request)
    assert [json.loads(line) for line in later.stdout.splitlines()] == messages[3:]


def test_a_status_gives_its_exit_code_one_line_and_its_details(five: RunningServer) -> None:
    request = json.dumps({"data": "x", "resume_token": "AAAA"})
    done = run("-plaintext", five.address, METHOD, "-d", request)
    assert (done.returncode, done.stdout) == (64 + 3, "")
    assert done.stderr.startswith("grpctap: INVALID_ARGUMENT (3): ")
    assert done.stderr.splitlines()[1:] == [
        "  ErrorInfo",
        "    reason: TOKEN_INVALID",
        "    domain: grpctap",
    ]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    done = run("-plaintext", address, METHOD)
    assert (done.returncode, done.stdout) == (64 + 14, "")
    assert "Connection refused" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_time_of_max_time_runs_out() -> None:
    with RunningServer(Puppet()) as server:
        done = run("-plaintext", "-max-time", "0.3", server.address, METHOD)
    assert done.returncode == 64 + 4
    assert "DEADLINE_EXCEEDED" in done.stderr


def test_a_value_is_there_as_soon_as_it_came_and_ctrl_c_ends_it_cleanly() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        with ChildProcess((*GRPCTAP, "-plaintext", server.address, METHOD)) as child:
            puppet.await_call(1)
            assert puppet.requests[0].progress_notify
            puppet.send(progress(1, 0), price_message(1))
            child.await_line('"sequence": "1"', "stdout")
            child.send_signal(signal.SIGINT)
            assert child.wait() == 130
            assert child.stderr == ""
            assert child.stdout.count("\n") == 1


def test_when_nobody_reads_any_more_the_call_ends() -> None:
    feed = CounterFeed(Schedule(NANOSECONDS // 500, 10**6))
    with RunningServer(feed) as server:
        command = (*GRPCTAP, "-plaintext", server.address, METHOD)
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stderr is not None
        assert json.loads(child.stdout.readline())["streamValue"] == "0"
        child.stdout.close()
        assert child.wait(PATIENCE_S) == 141
        assert child.stderr.read() == b""
        child.stderr.close()
        eventually(lambda: server.service.open_calls == 0, "the call ends")


def test_a_reader_that_goes_away_ends_the_call_though_the_server_is_silent() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        command = (*GRPCTAP, "-plaintext", server.address, METHOD)
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stderr is not None
        puppet.await_call(1)
        puppet.send(price_message(1))
        assert json.loads(child.stdout.readline())["sequence"] == "1"
        child.stdout.close()
        assert child.wait(PATIENCE_S) == 141
        assert child.stderr.read() == b""
        child.stderr.close()


def test_what_could_act_on_a_terminal_is_escaped_in_json_and_in_errors() -> None:
    hostile = "\x1b[2J\x9b31m\u202e\u2028 \U000e0001 油"
    puppet = Puppet()
    with RunningServer(puppet) as server:
        with ChildProcess((*GRPCTAP, "-plaintext", server.address, METHOD)) as child:
            puppet.await_call(1)
            puppet.send(price_message(1, hostile), expired())
            assert child.wait() == 64 + 11
            (line,) = child.stdout.splitlines()
            assert line.isprintable()
            assert "油" in line
            assert json.loads(line)["streamValue"] == hostile
            assert all(line.isprintable() for line in child.stderr.splitlines())


@pytest.mark.parametrize(
    ("redirections", "exit_code", "complaint"),
    [
        ("<&-", 0, ""),
        (">&-", 1, "grpctap: standard output is closed\n"),
        (">/dev/full", 1, "grpctap: standard output cannot be written: No space left on device\n"),
        ("2>&- >/dev/null", 0, ""),
    ],
)
def test_standard_streams_may_be_closed_or_full(
    five: RunningServer, redirections: str, exit_code: int, complaint: str
) -> None:
    script = f'"$0" -m grpctap -plaintext {five.address} {METHOD} {redirections}'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr) == (exit_code, complaint)


def test_json_is_utf8_whatever_the_locale_says() -> None:
    puppet = Puppet()
    command = ("env", "PYTHONIOENCODING=ascii", *GRPCTAP, "-plaintext")
    with RunningServer(puppet) as server:
        with ChildProcess((*command, server.address, METHOD)) as child:
            puppet.await_call(1)
            odd = price_message(1, "油")
            odd.event_time.seconds = 10**15
            puppet.send(odd, None)
            assert child.wait() == 0
            assert json.loads(child.stdout)["streamValue"] == "油"
            assert "eventTime" not in json.loads(child.stdout)


@pytest.mark.parametrize(
    ("redirection", "complaint"),
    [
        ("</dev/zero", "which has more than"),
        ("<&-", "which is closed"),
        ("< notutf8", "which is no UTF-8 text"),
        ("0>>notutf8", "cannot read standard input: Bad file descriptor"),
    ],
)
def test_a_request_that_cannot_be_read_is_one_line(
    tmp_path: Path, redirection: str, complaint: str
) -> None:
    (tmp_path / "notutf8").write_bytes(b'{"data": "\xff"}')
    script = f'PYTHONIOENCODING=utf-8:strict "$0" -m grpctap h:1 {METHOD} -d @ {redirection}'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
