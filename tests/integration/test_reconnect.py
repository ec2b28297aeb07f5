"""A stream that is lost is opened again at its place: real servers that die, hang and come back."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
import termios
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from google.rpc import code_pb2

from grpctap.core import status as codes
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.reconnect import SECOND, Backoff, Reconnect
from grpctap.core.seams import Cause, Interruption, Outcome
from grpctap.core.state import Command, State
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.puppet import Puppet, expired, price_message, progress, refusal
from support.server import (
    PATIENCE_S,
    ChildProcess,
    RunningServer,
    ServerProcess,
    TutorialServer,
    eventually,
)
from support.taps import await_more, await_state, await_values, interruption, kept, seams

GRPCTAP = (sys.executable, "-m", "grpctap")
QUICK = Reconnect(initial_ns=SECOND // 20, maximum_ns=SECOND // 5)
FAST = ("--interval", "0.01", "--progress-interval", "0.3")


@contextmanager
def reconnecting(
    address: str,
    policy: Reconnect = QUICK,
    *,
    metadata: tuple[tuple[str, str | bytes], ...] = (),
    max_time_s: float | None = None,
) -> Iterator[Tap]:
    tap = Tap(
        GrpcTransport(Target(address, plaintext=True), METHOD, metadata),
        ListValue(SimpleRequest(data="WTI "), progress=True),
        backoff=Backoff(policy),
        max_time_s=max_time_s,
    )
    tap.start()
    try:
        yield tap
    finally:
        assert tap.close(), "the threads did not end"


def check_whole(tap: Tap) -> None:
    """No value is missing, none is there twice, and no seam says otherwise."""
    numbers = [message.sequence for message in kept(tap)]
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
    for seam in seams(tap):
        assert isinstance(seam, Interruption)
        assert seam.outcome is Outcome.EXACT


def lost(tap: Tap) -> list[Interruption]:
    return [s for s in seams(tap) if isinstance(s, Interruption) and s.cause is Cause.LOST]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_ends_and_comes_back_costs_no_value(number: signal.Signals) -> None:
    with ServerProcess(*FAST) as server:
        with reconnecting(server.address) as tap:
            await_values(tap, 20)
            server.send_signal(number)
            await_state(tap, State.RECONNECTING)
            server.wait()
            eventually(lambda: tap.snapshot().attempt >= 2, "an attempt that fails")
            with ServerProcess(*FAST, port=server.port):
                await_state(tap, State.LIVE)
                await_more(tap, 20)
                check_whole(tap)
                (seam,) = lost(tap)
                assert seam.how is not None
                assert seam.reopened_ns is not None
                assert seam.reopened_ns > seam.start_ns


def test_a_server_that_hangs_is_found_out_and_comes_back() -> None:
    with ServerProcess(*FAST) as server, reconnecting(server.address) as tap:
        await_values(tap, 20)
        server.send_signal(signal.SIGSTOP)
        await_state(tap, State.RECONNECTING)
        status = tap.status
        assert status is not None
        assert status.details.startswith("no sign of life for ")
        server.send_signal(signal.SIGCONT)
        await_state(tap, State.LIVE)
        await_more(tap, 20)
        check_whole(tap)


def test_a_server_that_is_only_silent_is_left_alone() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, reconnecting(server.address) as tap:
        puppet.await_call(1)
        puppet.send(price_message(1))
        await_values(tap, 1)
        eventually(lambda: tap.snapshot().silent_ns > SECOND, "a second of silence")
        now = tap.snapshot()
        assert (now.state, now.alive, now.attempt) == (State.LIVE, False, 0)
        assert len(puppet.requests) == 1


def test_signs_of_life_keep_a_silent_stream_alive() -> None:
    feed = PriceFeed(Schedule(3600 * NANOSECONDS, 1000))
    with RunningServer(feed, progress_interval=0.2) as server:
        with reconnecting(server.address) as tap:
            await_state(tap, State.LIVE)
            eventually(lambda: tap.snapshot().silent_ns > 1.5 * SECOND, "silence")
            now = tap.snapshot()
            assert (now.state, now.alive) == (State.LIVE, True)
            assert server.service.calls_served == 1


def test_a_slow_consumers_call_is_reopened_at_its_place() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, reconnecting(server.address) as tap:
        puppet.await_call(1)
        slow = refusal(code_pb2.ABORTED, "too slow", "SLOW_CONSUMER")
        puppet.send(price_message(1), price_message(2), slow)
        puppet.await_call(2)
        assert puppet.requests[1].resume_token == b"at-000002"
        puppet.send(price_message(3))
        await_values(tap, 3)
        check_whole(tap)


def test_metadata_goes_out_again_with_each_call() -> None:
    seen: list[dict[str, str]] = []

    class Asking(Puppet):
        async def ListValue(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802
            seen.append(dict(context.invocation_metadata()))
            await super().ListValue(request, context)

    puppet = Asking()
    with RunningServer(puppet) as server:
        metadata = (("authorization", "Bearer x"),)
        with reconnecting(server.address, metadata=metadata) as tap:
            puppet.await_call(1)
            puppet.send(price_message(1), refusal(code_pb2.UNAVAILABLE, "bye"))
            puppet.await_call(2)
            assert [m["authorization"] for m in seen] == ["Bearer x"] * 2
            puppet.send(price_message(2))
            await_values(tap, 2)


def test_a_status_with_long_details_comes_whole() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, reconnecting(server.address) as tap:
        puppet.await_call(1)
        puppet.send(refusal(code_pb2.NOT_FOUND, "x" * 60_000, "GONE"))
        await_state(tap, State.FAILED)
        status = tap.status
        assert status is not None
        assert (status.name, status.details, status.reason) == ("NOT_FOUND", "x" * 60_000, "GONE")


@pytest.mark.parametrize(
    "code",
    [
        code_pb2.INVALID_ARGUMENT,
        code_pb2.NOT_FOUND,
        code_pb2.UNIMPLEMENTED,
        code_pb2.PERMISSION_DENIED,
        code_pb2.UNAUTHENTICATED,
        code_pb2.FAILED_PRECONDITION,
        code_pb2.OUT_OF_RANGE,
    ],
)
def test_a_refusal_is_never_tried_again(code: int) -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, reconnecting(server.address) as tap:
        puppet.await_call(1)
        puppet.send(price_message(1), refusal(code_pb2.UNAVAILABLE, "bye"))
        puppet.await_call(2)
        puppet.send(refusal(code, "no"))
        await_state(tap, State.FAILED)
        assert tap.status is not None
        assert tap.status.code == code
        assert len(puppet.requests) == 2


def test_the_first_connection_fails_at_once() -> None:
    with reconnecting("127.0.0.1:1") as tap:
        await_state(tap, State.FAILED)
        assert tap.status is not None
        assert tap.status.code == codes.UNAVAILABLE


def test_space_tries_at_once_and_s_gives_up() -> None:
    patient = Reconnect(initial_ns=10**6 * SECOND, maximum_ns=10**6 * SECOND)
    puppet = Puppet()
    with RunningServer(puppet) as server, reconnecting(server.address, patient) as tap:
        puppet.await_call(1)
        puppet.send(price_message(1), refusal(code_pb2.UNAVAILABLE, "bye"))
        await_state(tap, State.RECONNECTING)
        assert tap.snapshot().retry_ns > 0
        assert tap.command(Command.RESUME)
        puppet.await_call(2)
        puppet.send(price_message(2))
        await_state(tap, State.LIVE)
        puppet.send(refusal(code_pb2.UNAVAILABLE, "bye"))
        await_state(tap, State.RECONNECTING)
        assert tap.command(Command.STOP)
        await_state(tap, State.STOPPED)
        assert len(puppet.requests) == 2


def test_the_deadline_of_max_time_goes_on_through_a_loss() -> None:
    with ServerProcess(*FAST) as server:
        with reconnecting(server.address, max_time_s=1.5) as tap:
            await_values(tap, 20)
            server.kill()
            await_state(tap, State.FAILED)
            assert tap.status is not None
            assert tap.status.code == codes.DEADLINE_EXCEEDED
            assert tap.snapshot().elapsed_ns < 10 * SECOND


def test_the_deadline_of_max_time_does_not_wait_for_the_next_attempt() -> None:
    patient = Reconnect(initial_ns=1000 * SECOND, maximum_ns=1000 * SECOND)
    puppet = Puppet()
    with RunningServer(puppet) as server:
        with reconnecting(server.address, patient, max_time_s=1.5) as tap:
            puppet.await_call(1)
            puppet.send(price_message(1), refusal(code_pb2.UNAVAILABLE, "bye"))
            await_state(tap, State.FAILED)
            assert tap.status is not None
            assert tap.status.code == codes.DEADLINE_EXCEEDED


def test_the_tutorials_server_is_reopened_from_its_start_and_the_seam_says_so() -> None:
    with TutorialServer(count=1000, interval=0.01) as server:
        with reconnecting(server.address) as tap:
            await_values(tap, 5)
            server.kill()
            await_state(tap, State.RECONNECTING)
            with TutorialServer(count=1000, interval=0.01, port=server.port):
                await_state(tap, State.LIVE)
                await_more(tap)
                assert lost(tap)[0].outcome is Outcome.CANNOT_RESUME


def test_whoever_comes_back_too_late_may_go_on_from_the_oldest() -> None:
    feed = PriceFeed(Schedule(NANOSECONDS // 100, retain=20))
    with RunningServer(feed) as server, reconnecting(server.address) as tap:
        await_values(tap, 3)
        tap.command(Command.PAUSE)
        last = kept(tap)[-1].sequence
        eventually(lambda: feed.open("WTI ")[0].bounds().first > last + 5, "that it expires")
        tap.command(Command.RESUME)
        await_state(tap, State.FAILED)
        assert tap.status is not None
        assert tap.status.reason == "TOKEN_EXPIRED"
        assert tap.command(Command.OLDEST)
        await_more(tap)
        first = kept(tap)[-tap.snapshot().values + 3].sequence
        seam = interruption(tap)
        assert seam.outcome is Outcome.MISSED
        assert seam.between is not None
        assert (seam.between.first, seam.between.last) == (last + 1, first - 1)


def pipe(address: str, *flags: str) -> ChildProcess:
    quick = ("--reconnect-delay", "0.05", "--reconnect-max-delay", "0.2")
    return ChildProcess((*GRPCTAP, "-plaintext", *quick, *flags, address, METHOD))


def sequences(text: str) -> list[int]:
    return [int(json.loads(line)["sequence"]) for line in text.splitlines()]


def test_a_pipe_loses_nothing_when_the_server_is_killed_and_comes_back() -> None:
    with ServerProcess(*FAST) as server:
        with pipe(server.address) as child:
            child.await_line('"sequence"', "stdout")
            server.kill()
            child.await_line(r"UNAVAILABLE \(14\): .*; attempt 1 to go on in \d")
            with ServerProcess(*FAST, port=server.port):
                child.await_line(r"lost at .* · resumed after .* · nothing missed$")
                seen = child.stdout.count("\n")
                eventually(lambda: child.stdout.count("\n") > seen + 5, "more lines")
                child.send_signal(signal.SIGINT)
                assert child.wait() == 130
                found = sequences(child.stdout)
                assert all(later == earlier + 1 for earlier, later in pairwise(found))


def test_a_pipe_ends_with_the_call_where_the_server_gives_no_cursor() -> None:
    with TutorialServer(count=1000, interval=0.01) as server, pipe(server.address) as child:
        child.await_line("streamValue", "stdout")
        server.kill()
        assert child.wait() == 64 + codes.UNAVAILABLE
        assert child.stderr.startswith("grpctap: UNAVAILABLE (14): ")


def test_a_pipe_may_be_told_to_reconnect_all_the_same() -> None:
    with TutorialServer(count=1000, interval=0.01) as server:
        with pipe(server.address, "--reconnect") as child:
            child.await_line("streamValue", "stdout")
            server.kill()
            child.await_line("attempt 1 to go on")
            with TutorialServer(count=5, interval=0.01, port=server.port):
                assert child.wait() == 0
                assert "this server cannot resume" in child.stderr


def test_a_pipe_may_be_told_not_to_reconnect() -> None:
    with ServerProcess(*FAST) as server, pipe(server.address, "--no-reconnect") as child:
        child.await_line('"sequence"', "stdout")
        server.kill()
        assert child.wait() == 64 + codes.UNAVAILABLE
        assert child.stderr.count("\n") == 1


def test_a_pipe_gives_up_after_as_many_attempts_as_it_is_told() -> None:
    with ServerProcess(*FAST) as server:
        with pipe(server.address, "--reconnect-attempts", "2") as child:
            child.await_line('"sequence"', "stdout")
            server.kill()
            assert child.wait() == 64 + codes.UNAVAILABLE
            assert child.stderr.count("to go on in") == 2


@pytest.mark.parametrize(("flag", "copies"), [("--reconnect", 1), ("--no-reconnect", 2)])
def test_what_comes_again_is_left_out_of_a_pipe_unless_all_is_asked_for(
    flag: str, copies: int
) -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, pipe(server.address, flag) as child:
        puppet.await_call(1)
        assert puppet.requests[0].progress_notify is (flag == "--reconnect")
        puppet.send(price_message(1), price_message(1), price_message(2), None)
        assert child.wait() == 0
        assert sequences(child.stdout) == [1] * copies + [2]
        assert child.stderr.startswith("grpctap: 1 value came again")
        assert ("left out" in child.stderr) is (copies == 1)


def test_a_pipe_prints_signs_of_life_only_when_asked() -> None:
    for request, lines in (("{}", 1), ('{"progress_notify": true}', 2)):
        puppet = Puppet()
        with RunningServer(puppet) as server, pipe(server.address, "-d", request) as child:
            puppet.await_call(1)
            puppet.send(progress(1, 0), price_message(1), None)
            assert child.wait() == 0
            assert child.stdout.count("\n") == lines


def test_an_expired_token_ends_a_pipe_with_the_range_that_is_lost() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, pipe(server.address) as child:
        puppet.await_call(1)
        puppet.send(price_message(40), refusal(code_pb2.UNAVAILABLE, "bye"))
        puppet.await_call(2)
        puppet.send(expired())
        assert child.wait() == 64 + codes.OUT_OF_RANGE
        assert "#41 to #99 are no longer kept" in child.stderr


def test_a_pipe_whose_reader_has_stalled_does_not_blame_the_server() -> None:
    feed = PriceFeed(Schedule(NANOSECONDS // 2000, 10**6))
    with RunningServer(feed, progress_interval=0.05) as server:
        command = (*GRPCTAP, "-plaintext", "--reconnect-attempts", "1", server.address, METHOD)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=4096
        ) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            # Several times as long as signs of life may stay away.
            time.sleep(3)
            for _ in range(200):
                assert json.loads(child.stdout.readline())["sequence"]
            child.send_signal(signal.SIGINT)
            assert child.wait(PATIENCE_S) == 130
            assert child.stderr.read() == b""


def test_no_server_can_say_how_the_program_exits() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, pipe(server.address) as child:
        puppet.await_call(1)
        puppet.send(refusal(code_pb2.PERMISSION_DENIED, "no", "MESSAGE_UNREADABLE"))
        assert child.wait() == 64 + codes.PERMISSION_DENIED
        assert "PERMISSION_DENIED (7): no" in child.stderr


def test_a_name_that_is_none_is_told_as_such() -> None:
    with pipe("a..b:80") as child:
        assert child.wait() == 64 + codes.UNAVAILABLE
        assert "cannot be found; check it." in child.stderr


def test_ctrl_c_ends_a_pipe_whose_reader_has_stalled() -> None:
    feed = PriceFeed(Schedule(NANOSECONDS // 2000, 10**6))
    with RunningServer(feed) as server:
        command = (*GRPCTAP, "-plaintext", server.address, METHOD)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=4096
        ) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            waiting = array("i", [0])

            out = child.stdout.fileno()

            def is_full() -> bool:
                fcntl.ioctl(out, termios.FIONREAD, waiting)
                return waiting[0] > 3500

            eventually(is_full, "that nothing more goes into the pipe")
            child.send_signal(signal.SIGINT)
            assert child.wait(PATIENCE_S) == 130
            assert child.stderr.read() == b""
        eventually(lambda: server.service.open_calls == 0, "the call ends")
