"""What a pipe gets besides messages, and streams that end by count or by time."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from google.rpc import code_pb2

from grpctap.cli import base_config, parse
from grpctap.core import status as codes
from grpctap.core.limits import Limits
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.state import Command, State
from grpctap.flags import viewer_parser
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap.viewer import summary
from grpctap_protos.server_stream_pb2 import SimpleRequest
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.commands import goes_on
from support.echo import LARGE, Echo, echo_server
from support.echo import METHOD as ECHO
from support.methods import one_at_a_time, reflects, service, serving
from support.peers import Authority
from support.protos import Protos
from support.proxy import Proxy
from support.puppet import Puppet, price_message, progress, refusal
from support.server import PATIENCE_S, RunningServer, eventually
from support.taps import await_more, await_state, kept
from support.terminal import Terminal

GRPCTAP = (sys.executable, "-m", "grpctap")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echo]:
    folder = tmp_path_factory.mktemp("echo")
    with echo_server(folder, Authority(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def endless() -> Iterator[RunningServer]:
    """A value each fifth of a millisecond, most of them there already."""
    with RunningServer(CounterFeed(Schedule(NANOSECONDS // 5_000, 10**9))) as server:
        yield server


def run(*args: str) -> tuple[int, list[Any], str]:
    """The exit code, the JSON lines, and what was said."""
    done = subprocess.run(
        (*GRPCTAP, *args), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


# --with-meta


def test_each_message_comes_with_its_number_and_time() -> None:
    before = datetime.datetime.now(datetime.UTC)
    feed = CounterFeed(Schedule(0, 1000), 9)
    with RunningServer(feed) as server:
        address = ("-plaintext", server.address, METHOD)
        code, bare, _ = run(*address)
        assert code == 0
        request = json.dumps({"resumeToken": bare[3]["resumeToken"]})
        code, lines, errors = run("--with-meta", "-d", request, *address)
    assert (code, errors) == (0, "")
    assert [list(line) for line in lines] == [["seq", "received", "message"]] * 5
    # The server's own numbers, not a count.
    assert [line["seq"] for line in lines] == [5, 6, 7, 8, 9]
    assert [line["message"] for line in lines] == bare[4:]
    times = [line["received"] for line in lines]
    assert all(TIME.fullmatch(text) for text in times)
    first, last = (datetime.datetime.fromisoformat(times[place]) for place in (0, -1))
    assert before <= first <= last <= datetime.datetime.now(datetime.UTC)
    assert times == sorted(times)


def test_where_the_server_gives_no_numbers_messages_are_counted(echo: Echo) -> None:
    args = ("-plaintext", "-d", '{"count": 3}', echo.address, ECHO)
    assert [line["seq"] for line in run("--with-meta", *args)[1]] == [1, 2, 3]
    assert [line["message"] for line in run("--with-meta", *args)[1]] == run(*args)[1]


def test_defaults_go_into_the_message_of_it(echo: Echo) -> None:
    args = ("-plaintext", "-emit-defaults", echo.address, ECHO)
    (line,) = run("--with-meta", *args)[1]
    assert line["message"] == run(*args)[1][0]
    assert line["message"]["number"] == "0"
    assert line["message"]["part"] is None


def test_our_own_stream_has_its_defaults_too() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        args = (*GRPCTAP, "-plaintext", "-emit-defaults", server.address, METHOD)
        child = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        puppet.await_call(1)
        puppet.send(price_message(1), None)
        output, _ = child.communicate(timeout=PATIENCE_S)
    (message,) = map(json.loads, output.splitlines())
    assert message["progress"] is False
    assert message["progressInterval"] is None


# --count


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_a_pipe_ends_after_so_many_values(endless: RunningServer, count: int) -> None:
    args = ("-plaintext", "--count", str(count), endless.address, METHOD)
    code, lines, errors = run(*args)
    assert (code, errors) == (0, "")
    assert [line["sequence"] for line in lines] == [str(n + 1) for n in range(count)]
    eventually(lambda: endless.service.open_calls == 0, "the call ends at the server")


def test_signs_of_life_are_not_counted_and_a_stream_may_end_before() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        words = ("-plaintext", "-d", '{"progress_notify": true}', "--count", "2")
        args = (*GRPCTAP, *words, server.address, METHOD)
        child = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        puppet.await_call(1)
        puppet.send(*(progress(n, n) for n in (1, 2, 3)), price_message(1), price_message(2))
        output, _ = child.communicate(timeout=PATIENCE_S)
        assert child.returncode == 0
        assert len(output.splitlines()) == 5
    with RunningServer(CounterFeed(Schedule(0, 1000), 2)) as short:
        code, lines, errors = run("-plaintext", "--count", "9", short.address, METHOD)
    assert (code, len(lines), errors) == (0, 2, "")


def test_a_failure_before_is_a_failure(echo: Echo) -> None:
    request = '{"count": 2, "fail": 5}'
    args = ("-plaintext", "-d", request, echo.address, ECHO)
    assert run("--count", "3", "--duration", "60", *args)[0] == 64 + 5
    code, lines, errors = run("--count", "2", *args)
    assert (code, len(lines), errors) == (0, 2, "")


@pytest.mark.parametrize("count", [1, 2, 777])
def test_a_tap_keeps_exactly_so_many_of_a_flood(endless: RunningServer, count: int) -> None:
    transport = GrpcTransport(Target(endless.address, plaintext=True), METHOD)
    schema = ListValue(SimpleRequest(), progress=True)
    with closing(Tap(transport, schema, limits=Limits(count))) as tap:
        tap.start()
        await_state(tap, State.STOPPED)
        assert [message.sequence for message in kept(tap)] == list(range(1, count + 1))
        eventually(lambda: endless.service.open_calls == 0, "the call ends at the server")
        # Whoever opens another one wants it without an end.
        assert tap.command(Command.FRESH)
        await_more(tap, count + 1)
        assert tap.state is not State.STOPPED


# --duration


def test_a_pipe_ends_when_the_time_is_over() -> None:
    with RunningServer(Puppet()) as server:
        args = ("-plaintext", "--duration", "0.3", server.address, METHOD)
        assert run(*args) == (0, [], "")


def test_time_that_runs_out_while_the_stream_is_lost_is_no_success() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        waits = ("--duration", "2", "--reconnect-delay", "100", "--reconnect-max-delay", "100")
        child = subprocess.Popen(
            (*GRPCTAP, "-plaintext", *waits, server.address, METHOD),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        puppet.await_call(1)
        puppet.send(price_message(1), refusal(code_pb2.UNAVAILABLE, "bye"))
        out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 64 + codes.UNAVAILABLE
    assert out.count("\n") == 1
    assert err.count("UNAVAILABLE (14): bye") == 2


def test_the_time_ends_a_tap_that_waits_for_its_server() -> None:
    puppet = Puppet()
    clock = time.monotonic()
    with RunningServer(puppet) as server:
        transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
        schema = ListValue(SimpleRequest(), progress=True)
        with closing(Tap(transport, schema, limits=Limits(duration_s=0.4))) as tap:
            tap.start()
            await_state(tap, State.STOPPED)
            assert time.monotonic() - clock >= 0.4
            assert tap.status is None


def test_what_ended_otherwise_stays_as_it_is() -> None:
    with RunningServer(CounterFeed(Schedule(0, 1000), 2)) as server:
        transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
        limits = Limits(duration_s=0.3)
        with closing(
            Tap(transport, ListValue(SimpleRequest(), progress=True), limits=limits)
        ) as tap:
            tap.start()
            await_state(tap, State.FINISHED)
            eventually(lambda: limits.left_s(time.time_ns()) is None, "the time is over")
            assert tap.state is State.FINISHED


# A reader that has enough


def test_head_ends_a_call_that_is_silent_at_once() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        line = f'"$0" -m grpctap -plaintext {server.address} {METHOD} | head -3; '
        script = f"{line} echo ${{PIPESTATUS[0]}}"
        child = subprocess.Popen(
            ("bash", "-c", script, sys.executable), stdout=subprocess.PIPE, text=True
        )
        puppet.await_call(1)
        puppet.send(*(price_message(n) for n in (1, 2, 3)))
        # Not another message comes, and nobody waits for one.
        output, _ = child.communicate(timeout=PATIENCE_S)
    *lines, code = output.splitlines()
    assert (len(lines), code) == (3, "141")


# The viewer


def test_the_viewer_stays_when_the_count_is_reached(endless: RunningServer) -> None:
    words = ("-plaintext", "--count", "50", endless.address, METHOD)
    with Terminal((*GRPCTAP, *words)) as terminal:
        terminal.wait_for("STOPPED")
        terminal.wait_for("#50")
        eventually(lambda: endless.service.open_calls == 0, "the call ends at the server")
        terminal.write(b"q")
        assert terminal.wait() == 0
        assert re.search(r"grpctap: 50 values in .*, 0 missed", terminal.text)


def test_the_command_that_goes_on_has_the_same_flags_and_no_secret() -> None:
    words = [
        *("-plaintext", "-emit-defaults", "--with-meta", "--count", "5", "--duration", "2.5"),
        *("-user-agent", "me too", "-max-msg-sz", "9", "-H", "authorization: hunter2"),
        *("-rpc-header", "a: hunter2", "-expand-headers", "unix:/tmp/s", METHOD),
    ]
    config = parse(words)
    line = goes_on(words, b"\x01")
    assert "hunter2" not in line
    for flag in ("-emit-defaults", "--with-meta", "--count 5", "--duration 2.5", "'me too'"):
        assert flag in line
    snapshot = Tap(GrpcTransport(config.target, METHOD), ListValue(SimpleRequest(), progress=True))
    with closing(snapshot) as tap:
        told = summary(tap.snapshot(), config, [], b"\x01")
    assert "(add your -H and -expand-headers)" in told
    assert "hunter2" not in told


# Metadata for the call, and for reflection


def test_metadata_goes_where_it_is_meant_to_go() -> None:
    protos = Protos(
        'syntax = "proto3"; package test; message M { string text = 1; }'
        "service S { rpc Watch(M) returns (stream M); }"
    )
    heard: dict[str, dict[str, Any]] = {}

    def note(what: str, context: Any) -> None:
        heard[what] = {str(key): value for key, value in context.invocation_metadata()}

    def watch(_: Any, context: Any) -> Iterator[Any]:
        note("call", context)
        yield protos.make("M", text="x")

    describe = one_at_a_time(["test.S"], {file.name: file for file in protos.files})

    def described(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        note("reflection", context)
        return describe(requests, context)

    handlers = service(protos, "test.S", {"Watch": watch}), reflects("v1", described)
    with serving(*handlers) as address:
        words = [
            *("-plaintext", "-H", "both: 1", "-rpc-header", "only-call: 2"),
            *("-reflect-header", "only-reflection: 3", "-user-agent", "me/1", address),
        ]
        code, lines, _ = run(*words, "test.S/Watch")
        assert (code, lines) == (0, [{"text": "x"}])
        ours = {"both", "only-call", "only-reflection"}
        assert heard["call"].keys() & ours == {"both", "only-call"}
        assert heard["reflection"].keys() & ours == {"both", "only-reflection"}
        for agent in (metadata["user-agent"] for metadata in heard.values()):
            assert re.match(r"me/1 grpctap/\S+ grpc-python/", agent)
        # To list is to ask for the types.
        heard.clear()
        listed = subprocess.run((*GRPCTAP, *words, "list"), capture_output=True, text=True)
        assert listed.stdout == "test.S\n"
        assert heard["reflection"].keys() & ours == {"both", "only-reflection"}


def test_secrets_are_no_part_of_what_a_config_says_of_itself() -> None:
    words = ["-H", "a: hunter2", "-reflect-header", "b: hunter2", "h:1", METHOD]
    assert "hunter2" not in repr(base_config(viewer_parser().read(words)))


def test_answers_may_come_compressed(echo: Echo) -> None:
    with Proxy(echo.address) as proxy:
        words = ("-plaintext", "-d", '{"large": true}', proxy.address, ECHO)
        plain = run(*words)
        passed = proxy.passed()
        zipped = run("-H", "x-gzip: 1", *words)
        assert passed > LARGE > proxy.passed() - passed
    assert (plain[0], zipped[0]) == (0, 0)
    assert zipped[1][0].pop("metadata") == ["x-gzip: '1'"]
    assert zipped[1] == plain[1]
