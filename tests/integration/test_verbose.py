"""-v into a pipe, beside the real grpcurl -v, and how a failure's details are told without it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from google.rpc import code_pb2, error_details_pb2

from grpctap.core.listvalue import METHOD
from grpctap.core.secrets import MASK
from support.keeper import grpcurl_path
from support.puppet import Puppet, detailed, price_message
from support.relay import bound
from support.server import PATIENCE_S, RunningServer

HEADERS = (("x-served-by", "node-7"), ("x-blob-bin", b"\x00\xff"), ("set-cookie", "sid=hunter2"))
TRAILERS = (("x-cost", "42"), ("x-trace-bin", b"\x01"), ("x-cost", "43"))
# What gRPC for Python keeps to itself.
HIDDEN = ("content-type", "grpc-accept-encoding")


@pytest.fixture
def puppet() -> Puppet:
    return Puppet()


@pytest.fixture
def server(puppet: Puppet) -> Iterator[RunningServer]:
    puppet.trailing = TRAILERS
    with RunningServer(puppet, with_reflection=True) as running:
        yield running


def run(
    puppet: Puppet, address: str, *flags: str, program: str = "", end: object = None
) -> subprocess.CompletedProcess[str]:
    """Lets a program watch two messages, and a call that then ends."""
    number = len(puppet.requests) + 1

    def serve() -> None:
        puppet.await_call(number)
        puppet.send(HEADERS, price_message(1), price_message(2), end)  # type: ignore[arg-type]

    thread = threading.Thread(target=serve)
    thread.start()
    command = [program] if program else [sys.executable, "-m", "grpctap"]
    done = subprocess.run(
        [*command, *flags, "-plaintext", "-d", "{}", address, METHOD],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    thread.join()
    return done


def sections(text: str) -> dict[str, list[str]]:
    """The lines below each title; where one comes twice, the last."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            title = line
            found[title] = []
        elif line:
            found.setdefault(title, []).append(line)
    return found


def test_v_tells_what_grpcurl_tells(server: RunningServer, puppet: Puppet) -> None:
    flags = ("-v", "-H", "x-one: 1", "-H", "x-two-bin: AAEC", "-H", "authorization: Bearer hunter2")
    ours = run(puppet, server.address, *flags)
    theirs = run(puppet, server.address, *flags, program=grpcurl_path())
    assert (ours.returncode, theirs.returncode) == (0, 0)
    assert ours.stdout.count("\n") == 2
    assert all(line.startswith("{") for line in ours.stdout.splitlines())
    assert "hunter2" not in ours.stderr + ours.stdout

    told, expected = sections(ours.stderr), sections(theirs.stdout)
    del expected["Response contents:"]
    masked = {"Bearer hunter2": MASK, "sid=hunter2": MASK}
    for title, lines in expected.items():
        kept = [line for line in lines if not line.startswith(HIDDEN)]
        for secret, mask in masked.items():
            kept = [line.replace(secret, mask) for line in kept]
        assert told.pop(title) == kept, title
    assert told == {}


@pytest.mark.parametrize("flag", ["-v", "-vv", "--vv"])
def test_a_failure_is_told_after_the_trailers(
    server: RunningServer, puppet: Puppet, flag: str
) -> None:
    info = error_details_pb2.ErrorInfo(reason="QUOTA", domain="d")
    end = detailed(code_pb2.RESOURCE_EXHAUSTED, "too much", info, trailing=TRAILERS)
    done = run(puppet, server.address, flag, "--no-reconnect", end=end)
    assert done.returncode == 64 + code_pb2.RESOURCE_EXHAUSTED
    told = done.stderr.splitlines()
    at = told.index("Response trailers received:")
    assert told[at + 1 :] == [
        "x-cost: 42",
        "x-cost: 43",
        "x-trace-bin: AQ==",
        "Sent 1 request and received 2 responses",
        "grpctap: RESOURCE_EXHAUSTED (8): too much. A limit was reached; try again later.",
        "  ErrorInfo",
        "    reason: QUOTA",
        "    domain: d",
    ]


def test_without_v_a_failure_is_one_line_and_its_details(
    server: RunningServer, puppet: Puppet
) -> None:
    evil = error_details_pb2.LocalizedMessage(locale="de", message="\x1b[2Jhallo\n")
    end = detailed(code_pb2.INVALID_ARGUMENT, "no", evil, trailing=TRAILERS)
    done = run(puppet, server.address, end=end)
    assert done.stderr.splitlines() == [
        "grpctap: INVALID_ARGUMENT (3): no. The server refuses the request; check what you give "
        "to -d.",
        "  LocalizedMessage",
        "    de: ␛[2Jhallo␊",
    ]


def test_a_server_that_is_not_there_was_sent_nothing() -> None:
    with bound(0) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        command = [sys.executable, "-m", "grpctap", "-v", "-plaintext", "-d", "{}", address, METHOD]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 64 + 14
    assert "Response headers" not in done.stderr
    assert "Response trailers" not in done.stderr
    assert "Sent 0 requests and received 0 responses" in done.stderr


def test_a_call_that_ends_well_says_nothing_without_v(
    server: RunningServer, puppet: Puppet
) -> None:
    done = run(puppet, server.address, "-H", "authorization: hunter2")
    assert (done.returncode, done.stderr) == (0, "")


def test_each_call_of_a_stream_is_told(server: RunningServer, puppet: Puppet) -> None:
    def serve() -> None:
        puppet.await_call(1)
        lost = detailed(code_pb2.UNAVAILABLE, "gone", trailing=(("x-cost", "1"),))
        puppet.send(HEADERS, price_message(1), lost)
        puppet.await_call(2)
        puppet.send((("x-served-by", "node-8"),), price_message(2), None)

    thread = threading.Thread(target=serve)
    thread.start()
    flags = ("-v", "-plaintext", "--reconnect-delay=0.01")
    done = subprocess.run(
        [sys.executable, "-m", "grpctap", *flags, server.address, METHOD],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    thread.join()
    assert done.returncode == 0
    told = done.stderr.splitlines()
    assert told.count("Response headers received:") == 2
    assert told.index("x-served-by: node-7") < told.index("x-cost: 1")
    assert told.index("x-cost: 1") < told.index("x-served-by: node-8") < told.index("x-cost: 42")
    assert "Sent 2 requests and received 2 responses" in told
