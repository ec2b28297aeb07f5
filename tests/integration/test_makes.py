"""Servers that others made (grpcio, grpclib, @grpc/grpc-js), in a pipe and in the viewer."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from grpctap.core import status as codes
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from support.makes import feed
from support.makes.running import MAKES, Make
from support.server import PATIENCE_S, ServerProcess
from support.terminal import Terminal

GRPCTAP = (sys.executable, "-m", "grpctap")
WATCH = f"{feed.SERVICE}/Watch"


@pytest.fixture(scope="module", params=MAKES)
def server(request: pytest.FixtureRequest) -> Iterator[Make]:
    with Make(request.param) as running:
        yield running


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*GRPCTAP, "-plaintext", *args),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )


def event(text: str, number: int) -> dict[str, object]:
    """An event as JSON has it."""
    return {
        "text": text,
        "number": str(number),
        "at": f"2027-01-15T08:00:{number:02}.500Z",
        "kind": "KIND_TICK",
        "values": {"half": number / 2},
        "inner": {"raw": {1: "/wE=", 2: "/wI=", 3: "/wM="}[number]},
        "flag": False,
        "deltas": [-1, number],
    }


def test_into_a_pipe_come_all_values_and_the_server_gets_the_metadata(server: Make) -> None:
    before = len(server.calls("opened", "Watch"))
    flags = ("-H", "X-Team: blue", "-H", "x-team: green", "-H", "x-raw-bin: /wA=")
    done = run(*flags, "-d", '{"prefix": "WTI ", "count": 3}', server.address, WATCH)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines == [event(f"WTI {number}", number) for number in (1, 2, 3)]
    metadata = server.await_call("opened", "Watch", before)["metadata"]
    assert ", ".join(metadata["x-team"]).split(", ") == ["blue", "green"]
    assert metadata["x-raw-bin"] == ["/wA="]


@pytest.mark.parametrize("how", ["head", "SIGTERM"])
def test_into_a_pipe_the_end_of_the_reader_or_of_the_program_cancels_the_call(
    server: Make, how: str
) -> None:
    before = len(server.calls("cancelled", "Watch"))
    command = (*GRPCTAP, "-plaintext", server.address, WATCH)
    if how == "head":
        line = f"{shlex.join(command)} </dev/null | head -n 3"
        done = subprocess.run(
            line, shell=True, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
        lines = done.stdout.splitlines()
    else:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(3)]
            child.terminate()
    assert [json.loads(line)["number"] for line in lines] == ["1", "2", "3"]
    server.await_call("cancelled", "Watch", before)


def test_the_viewer_shows_values_and_each_of_its_keys_cancels_the_call(server: Make) -> None:
    opened, cancelled = (len(server.calls(what, "Watch")) for what in ("opened", "cancelled"))
    command = (*GRPCTAP, "-plaintext", "-d", '{"prefix": "v"}', server.address, WATCH)
    with Terminal(command) as terminal:
        terminal.wait_for("v3")
        terminal.write(b" ")
        terminal.wait_for(r"PAUSED at #\d+")
        server.await_call("cancelled", "Watch", cancelled)
        terminal.write(b" ")
        server.await_call("opened", "Watch", opened + 1)
        terminal.wait_for("this server cannot resume")
        terminal.write(b"s")
        terminal.wait_for(r"STOPPED at #\d+")
        server.await_call("cancelled", "Watch", cancelled + 1)
        terminal.write(b"r")
        server.await_call("opened", "Watch", opened + 2)
        terminal.write(b"q")
        assert terminal.wait() == 0
    server.await_call("cancelled", "Watch", cancelled + 2)


def test_what_a_server_has_is_listed_and_described(server: Make) -> None:
    methods = [f"{feed.SERVICE}.{method}" for method in ("Fail", "Get", "Hang", "Watch")]
    assert run(server.address, "list", feed.SERVICE).stdout.split() == methods
    described = run(server.address, "describe", "makes.Event").stdout
    for field in (".google.protobuf.Timestamp at = 3;", "map<string, double> values = 5;"):
        assert field in described


def test_a_method_with_one_answer_is_a_stream_of_one(server: Make) -> None:
    get = (server.address, f"{feed.SERVICE}/Get")
    done = run("-d", '{"prefix": "one "}', *get)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == event("one 1", 1)
    with Terminal((*GRPCTAP, "-plaintext", "-d", '{"prefix": "one "}', *get)) as terminal:
        terminal.wait_for("one 1")
        terminal.wait_for("FINISHED")
        terminal.write(b"q")
        assert terminal.wait() == 0


def test_a_deadline_goes_to_the_server_and_ends_the_call(server: Make) -> None:
    opened, cancelled = (len(server.calls(what, "Hang")) for what in ("opened", "cancelled"))
    done = run("-max-time", "1", server.address, f"{feed.SERVICE}/Hang")
    assert (done.returncode, done.stdout) == (64 + codes.DEADLINE_EXCEEDED, "")
    # The one that ends it first says why, and grpclib says nothing beyond the code.
    assert re.match(r"grpctap: DEADLINE_EXCEEDED \(4\)[:.] ", done.stderr)
    assert "-max-time" in done.stderr
    assert done.stderr.count("\n") == 1
    left = server.await_call("opened", "Hang", opened)["left"]
    assert 0 < left <= 1
    server.await_call("cancelled", "Hang", cancelled)


def test_an_error_behind_values_is_told_with_its_details(server: Make) -> None:
    method = f"{feed.SERVICE}/Fail"
    done = run("-d", '{"prefix": "v"}', server.address, method)
    assert done.returncode == 64 + codes.RESOURCE_EXHAUSTED
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["v1", "v2"]
    assert done.stderr.startswith(f"grpctap: RESOURCE_EXHAUSTED (8): {feed.DETAILS}. ")
    assert done.stderr.splitlines()[1:] == [
        "  ErrorInfo",
        "    reason: QUOTA",
        "    domain: makes.example",
        "    limit: 2",
    ]
    told = run("-v", "-d", '{"prefix": "v"}', server.address, method).stderr
    assert ": ".join(feed.TRAILER) in told.partition("Response trailers received:")[2]
    call = GrpcTransport(Target(server.address, plaintext=True), method).open(b"", PATIENCE_S)
    assert len(list(call)) == 2
    status = call.close()
    assert (status.code, status.details) == (codes.RESOURCE_EXHAUSTED, feed.DETAILS)
    assert (status.reason, status.info) == ("QUOTA", {"limit": "2"})
    with Terminal((*GRPCTAP, "-plaintext", server.address, method)) as terminal:
        terminal.wait_for("FAILED")
        terminal.wait_for(feed.DETAILS)
        terminal.write(b"q")
        assert terminal.wait() == 64 + codes.RESOURCE_EXHAUSTED


def test_types_of_many_packages_are_put_together_where_nobody_says_how() -> None:
    """@grpc/reflection names no imports, and calls everything proto3."""
    with Make("grpc-js") as server:
        done = run(server.address, "parts.Parts/Watch")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "part": {"thing": {"length": "1s", "name": ""}, "inner": {"name": "i"}},
        "at": "1970-01-01T00:00:05Z",
        "any": {"@type": "x/shared.Part.Inner", "name": "a"},
        "thing": {
            "colour": "BLUE",
            "size": {"unit": "m"},
            "numbers": [1, 2],
            "name": "n",
            "[old.note]": "x",
        },
        "zero": 0,
        "number": 3,
        "parts": {"7": {"inner": {}}},
    }


def test_the_health_of_a_service_is_a_stream_too() -> None:
    with Make("grpcio") as grpcio:
        method = "grpc.health.v1.Health/Watch"
        command = (*GRPCTAP, "-plaintext", "-d", '{"service": "makes.Moody"}')
        with subprocess.Popen(
            (*command, grpcio.address, method),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            moods = [json.loads(child.stdout.readline())["status"] for _ in range(6)]
            child.terminate()
        assert set(moods) == {"SERVING", "NOT_SERVING"}
        with Terminal((*command, grpcio.address, method)) as terminal:
            terminal.wait_for("status=NOT_SERVING")
            terminal.write(b"q")
            assert terminal.wait() == 0


def test_our_own_server_describes_its_methods_as_others_do() -> None:
    with ServerProcess("--feed", "counter", "--count", "2", "--interval", "0.01") as ours:
        done = run("-d", '{"data": "you"}', ours.address, "proto.StreamServer/Route")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == {"code": 200, "value": "hello you"}
