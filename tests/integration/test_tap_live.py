"""The viewer without its screen against the real server: nothing lost, nothing twice."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grpctap.core import status as codes
from grpctap.core.history import Row, Value
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.message import Reading
from grpctap.core.seams import Interruption, Outcome
from grpctap.core.state import Command, State
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.price import DEFAULT_START, PriceFeed, price
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.server import RunningServer, ServerProcess, eventually
from support.taps import (
    await_more,
    await_state,
    await_values,
    connections,
    interruption,
    kept,
    make_tap,
    open_tap,
    reader_threads,
    texts,
)

FAST = NANOSECONDS // 500
SLOW = NANOSECONDS // 20


@pytest.fixture(scope="module", params=[FAST, SLOW], ids=["fast", "slow"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    feed = PriceFeed(Schedule(request.param, 10**6))
    with RunningServer(feed) as running:
        running.interval = request.param  # type: ignore[attr-defined]
        yield running


def no_open_call(server: RunningServer) -> None:
    eventually(lambda: server.service.open_calls == 0, "the server's calls end")


def check_against_reference(rows: list[Row], interval: int) -> None:
    """Each value is the feed's, and follows the one before but for what a seam names exactly."""
    previous: int | None = None
    left_out = 0
    for row in rows:
        if isinstance(row, Interruption):
            assert row.outcome in (Outcome.EXACT, Outcome.LEFT_OUT, Outcome.UNKNOWN, None)
            if row.outcome is Outcome.LEFT_OUT:
                assert row.between is not None
                assert previous is not None
                assert row.between.first == previous + 1
                left_out = row.between.count
            continue
        assert isinstance(row, Value), row
        message = StreamResponse.FromString(row.raw)
        expected = price("WTI", DEFAULT_START + row.sequence * interval)
        assert message.stream_value == f"WTI {expected:.2f}"
        if previous is not None:
            assert row.sequence == previous + 1 + left_out
        previous, left_out = row.sequence, 0


def test_pause_ends_the_call_and_resume_goes_on_at_the_next_value(server: RunningServer) -> None:
    with open_tap(server.address) as tap:
        await_values(tap, 5)
        assert tap.command(Command.PAUSE)
        last = kept(tap)[-1].sequence
        no_open_call(server)
        assert tap.snapshot().state is State.PAUSED
        assert kept(tap)[-1].sequence == last
        assert tap.command(Command.RESUME)
        await_more(tap, 5)
        sequences = [message.sequence for message in kept(tap)]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        assert last in sequences
        assert interruption(tap).outcome is Outcome.EXACT
        assert (tap.snapshot().missed, tap.snapshot().repeated) == (0, 0)
        await_state(tap, State.LIVE)
    no_open_call(server)


def test_a_paused_stream_holds_no_connection() -> None:
    with (
        RunningServer(CounterFeed(Schedule(FAST, 10**6))) as server,
        open_tap(server.address) as tap,
    ):
        for _ in range(3):
            await_more(tap, 2)
            assert connections(server.port) == 1
            tap.command(Command.PAUSE)
            eventually(lambda: connections(server.port) == 0, "the connection closes")
            tap.command(Command.RESUME)


def test_stop_and_fresh_call(server: RunningServer) -> None:
    with open_tap(server.address) as tap:
        await_values(tap, 2)
        assert tap.command(Command.STOP)
        no_open_call(server)
        assert not tap.command(Command.RESUME)
        assert tap.command(Command.FRESH)
        await_more(tap, 2)
    no_open_call(server)


def test_a_token_from_an_earlier_run_goes_on_there(server: RunningServer) -> None:
    with open_tap(server.address) as tap:
        await_values(tap, 3)
        tap.command(Command.PAUSE)
        token, last = tap.resume_token, kept(tap)[-1].sequence
    with open_tap(server.address, token=token) as later:
        await_values(later, 3)
        assert [m.sequence for m in kept(later)][:3] == [last + 1, last + 2, last + 3]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([*Command, "freeze", "freeze"]),
        st.sampled_from([0.0, 0.0, 0.001, 0.003, 0.01, 0.03, 0.08]),
    ),
    min_size=1,
    max_size=25,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_keys_at_any_moment_lose_nothing_and_double_nothing(
    server: RunningServer, steps: list[tuple[Command | str, float]]
) -> None:
    interval: int = server.interval  # type: ignore[attr-defined]
    with open_tap(server.address) as tap:
        for step, pause_s in steps:
            if isinstance(step, Command):
                tap.command(step)
            else:
                frozen = tap.newest()
                assert list(frozen.rows) == tap.newest().rows[: len(frozen.rows)]
            time.sleep(pause_s)
        if not tap.command(Command.RESUME):
            tap.command(Command.FRESH)
        await_more(tap, 3)
        now = tap.snapshot()
        check_against_reference(list(tap.newest().rows), interval)
        assert (now.missed, now.repeated, now.late) == (0, 0, 0)
    no_open_call(server)
    assert reader_threads() == []


def test_a_hundred_keys_leave_nothing_behind(server: RunningServer) -> None:
    tap = make_tap(server.address)
    tap.start()
    for index in range(100):
        if not tap.command(Command.PAUSE if index % 2 else Command.RESUME):
            tap.command(Command.SKIP)
    tap.command(Command.RESUME)
    await_more(tap)
    eventually(lambda: server.service.open_calls == 1, "one call is left")
    assert len(reader_threads()) == 1
    assert tap.close()
    no_open_call(server)
    assert reader_threads() == []


@pytest.mark.parametrize("state", list(State))
def test_closing_in_any_state_ends_the_call_and_the_thread(state: State) -> None:
    with RunningServer(CounterFeed(Schedule(NANOSECONDS // 100, 10**6))) as server:
        finite = RunningServer(CounterFeed(Schedule(0, 10), 3))
        with finite:
            tap = make_tap(finite.address if state is State.FINISHED else server.address)
            tap.start()
            match state:
                case State.PAUSED:
                    tap.command(Command.PAUSE)
                case State.STOPPED:
                    tap.command(Command.STOP)
                case State.FAILED:
                    await_values(tap, 1)
                    server.drain()
                    await_state(tap, State.FAILED)
                case State.CATCHING_UP:
                    await_values(tap, 1)
                    tap.command(Command.PAUSE)
                    time.sleep(0.1)
                    tap.command(Command.RESUME)
                case State.LIVE | State.FINISHED:
                    await_state(tap, state)
            assert tap.close()
            no_open_call(server)
            assert reader_threads() == []


def test_stop_while_connecting_to_a_host_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tap = make_tap(f"127.0.0.1:{silent.getsockname()[1]}")
        tap.start()
        assert tap.snapshot().state is State.CONNECTING
        tap.command(Command.PAUSE)
        tap.command(Command.RESUME)
        tap.command(Command.STOP)
        assert tap.snapshot().state is State.STOPPED
        assert tap.close()
    assert reader_threads() == []


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    with open_tap(address) as tap:
        await_state(tap, State.FAILED)
        status = tap.snapshot().status
        assert status is not None
        assert (status.code, status.name) == (codes.UNAVAILABLE, "UNAVAILABLE")
        assert "refused" in status.details.lower()
        # No backoff of an earlier failure stands in the way of the next try.
        port = int(address.rpartition(":")[2])
        with RunningServer(PriceFeed(Schedule(FAST, 100)), port=port):
            assert tap.command(Command.RESUME)
            await_values(tap, 1)
            tap.command(Command.STOP)


@pytest.mark.parametrize(
    "flags",
    [("--feed", "price", "--interval", "0.01"), ("--feed", "counter", "--interval", "0.01")],
)
def test_a_killed_server_that_comes_back_goes_on_where_it_was(flags: tuple[str, ...]) -> None:
    with ServerProcess(*flags) as server, open_tap(server.address, "n ") as tap:
        await_values(tap, 10)
        tap.command(Command.PAUSE)
        server.kill()
        with ServerProcess(*flags, port=server.port):
            tap.command(Command.RESUME)
            await_more(tap, 10)
            sequences = [message.sequence for message in kept(tap)]
            assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
            assert interruption(tap).outcome is Outcome.EXACT
            if "counter" in flags:
                assert texts(tap) == [f"n {n}" for n in range(len(sequences))]


def test_a_server_killed_under_a_live_call_fails_it_and_can_be_resumed() -> None:
    flags = ("--feed", "counter", "--interval", "0.01")
    with ServerProcess(*flags) as server, open_tap(server.address, "") as tap:
        await_values(tap, 10)
        server.kill()
        await_state(tap, State.FAILED)
        before = tap.snapshot().values
        with ServerProcess(*flags, port=server.port):
            assert tap.command(Command.RESUME)
            await_more(tap, 10)
            came = texts(tap)
            assert came == [str(n) for n in range(len(came))]
            assert before >= 10
            assert interruption(tap).outcome is Outcome.EXACT


def test_after_the_final_value_it_is_finished_and_resuming_says_so_again() -> None:
    with RunningServer(CounterFeed(Schedule(0, 1000), 5)) as server:
        with open_tap(server.address, "stream server grpc ") as tap:
            await_state(tap, State.FINISHED)
            assert texts(tap) == [f"stream server grpc {n}" for n in range(5)]
            token = tap.resume_token
        with open_tap(server.address, "stream server grpc ", token=token) as later:
            await_state(later, State.FINISHED)
            assert texts(later) == []


def test_catching_up_says_how_far_behind() -> None:
    feed = CounterFeed(Schedule(NANOSECONDS // 200, 10**6))
    seen: list[tuple[State, int]] = []

    def note(reading: Reading, raw: bytes, accepted: bool, now_ns: int) -> bool:
        now = tap.snapshot()
        seen.append((now.state, now.behind))
        return True

    with RunningServer(feed) as server:
        transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
        tap = Tap(transport, ListValue(SimpleRequest(), progress=True), deliver=note)
        tap.start()
        try:
            await_values(tap, 3)
            tap.command(Command.PAUSE)
            last = kept(tap)[-1].sequence
            eventually(
                lambda: feed.reopen("", tap_start(tap)).bounds().newest > last + 50,
                "50 values missed",
            )
            seen.clear()
            tap.command(Command.RESUME)
            await_more(tap, 60)
            await_state(tap, State.LIVE)
        finally:
            assert tap.close()
    behind = [count for state, count in seen if state is State.CATCHING_UP]
    assert behind
    assert behind == list(range(behind[0], 0, -1))


def tap_start(tap: Tap) -> int:
    first = kept(tap)[0]
    return first.event_time.ToNanoseconds() - (first.sequence - 1) * NANOSECONDS // 200


def test_metadata_data_and_the_request_go_out_with_each_call() -> None:
    schema = ListValue(SimpleRequest(data="x", resume_token=b"ignored"), progress=True)
    request = SimpleRequest.FromString(schema.request(b"token"))
    assert request == SimpleRequest(data="x", resume_token=b"token", progress_notify=True)
