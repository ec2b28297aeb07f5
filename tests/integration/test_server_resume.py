"""A token continues at the exact next value, whatever happened to the server in between."""

import itertools

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap_server.feeds.base import Feed
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.price import DEFAULT_START, PriceFeed, price
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.client import connect
from support.server import ManualClock, RunningServer, ServerProcess

TICK = NANOSECONDS // 10


def test_any_point_continues_with_the_exact_rest() -> None:
    count = 300
    feed = CounterFeed(Schedule(0, 1000), count)
    with RunningServer(feed) as server, connect(server.address) as client:
        whole = list(client.open("n="))
        assert [m.stream_value for m in whole] == [f"n={n}" for n in range(count)]
        assert [m.sequence for m in whole] == list(range(1, count + 1))

        @settings(max_examples=50, deadline=None)
        @given(st.integers(0, count - 1))
        def check(cut: int) -> None:
            assert list(client.open("n=", whole[cut].resume_token)) == whole[cut + 1 :]

        check()


@pytest.mark.parametrize("again", [1, 2, 3])
def test_a_call_may_be_cut_again_and_again(again: int) -> None:
    feed = CounterFeed(Schedule(0, 1000), 50)
    with RunningServer(feed) as server, connect(server.address) as client:
        seen: list[str] = []
        token = b""
        while part := client.take(again, "", token):
            seen += [m.stream_value for m in part]
            token = part[-1].resume_token
    assert seen == [str(n) for n in range(50)]


def test_after_the_final_value_there_is_nothing_but_ok() -> None:
    with (
        RunningServer(CounterFeed(Schedule(0, 10), 10)) as server,
        connect(server.address) as client,
    ):
        last = list(client.open("x"))[-1]
        call = client.open("x", last.resume_token)
        assert list(call) == []
        assert call.code() is grpc.StatusCode.OK


def test_what_was_missed_meanwhile_comes_first_with_its_own_time() -> None:
    clock = ManualClock()
    feed = PriceFeed(Schedule(TICK, 1000, clock))
    with RunningServer(feed) as server, connect(server.address) as client:
        call = client.open("WTI ", progress=True)
        start = next(call)
        assert start.progress
        call.cancel()
        clock.advance(30)
        missed = client.take(300, "WTI ", start.resume_token)
    assert [m.sequence for m in missed] == list(range(start.sequence + 1, start.sequence + 301))
    for message in missed:
        moment = DEFAULT_START + message.sequence * TICK
        assert message.event_time.ToNanoseconds() == moment
        assert message.number == price("WTI", moment)
        assert message.stream_value == f"WTI {price('WTI', moment):.2f}"
        assert message.first_sequence == start.sequence + 300 - 1000 + 1
        assert not message.progress


def test_a_replica_whose_clock_is_behind_waits_and_goes_on() -> None:
    clock = ManualClock()
    feed = PriceFeed(Schedule(TICK, 1000, clock))
    with RunningServer(feed) as server, connect(server.address) as client:
        call = client.open("WTI ", progress=True)
        start = next(call)
        call.cancel()
        clock.advance(4)
        last = client.take(40, "WTI ", start.resume_token)[-1]
        clock.advance(-4)
        behind = client.open("WTI ", last.resume_token, progress=True)
        assert next(behind).sequence == start.sequence == last.sequence - 40
        clock.advance(5)
        assert next(behind).sequence == last.sequence + 1
        behind.cancel()


@pytest.mark.parametrize(
    "flags",
    [
        ("--feed", "price", "--interval", "0.01"),
        ("--feed", "price", "--interval", "0.05", "--start", "2026-03-01T00:00:00+01:00"),
        ("--feed", "counter", "--interval", "0.01"),
    ],
)
def test_a_token_outlives_a_server_killed_and_started_again(flags: tuple[str, ...]) -> None:
    with ServerProcess(*flags) as server, connect(server.address) as client:
        call = client.open("WTI ")
        before = [next(call) for _ in range(5)]
        server.kill()
        with pytest.raises(grpc.RpcError) as lost:
            before.extend(call)
        assert lost.value.code() is grpc.StatusCode.UNAVAILABLE
    with ServerProcess(*flags, port=server.port) as server, connect(server.address) as client:
        after = client.take(20, "WTI ", before[-1].resume_token)
    everything = before + after
    first = before[0].sequence
    assert [m.sequence for m in everything] == list(range(first, first + len(everything)))
    assert {m.stream_id for m in everything} == {before[0].stream_id}
    times = [m.event_time.ToNanoseconds() for m in everything]
    assert {b - a for a, b in itertools.pairwise(times)} == {round(float(flags[3]) * NANOSECONDS)}
    for message, moment in zip(everything, times, strict=True):
        text = f"{price('WTI', moment):.2f}" if "price" in flags else str(message.sequence - 1)
        assert message.stream_value == f"WTI {text}"


def test_two_callers_see_the_same_price_at_the_same_moment() -> None:
    feed: Feed = PriceFeed(Schedule(TICK // 10, 1000))
    with (
        RunningServer(feed) as one,
        RunningServer(feed) as other,
        connect(one.address) as client_one,
        connect(other.address) as client_other,
    ):
        here = client_one.take(30, "WTI ")
        there = client_other.take(30, "WTI ", here[0].resume_token)
    shared = {m.sequence: m.stream_value for m in here}
    both = [m for m in there if m.sequence in shared]
    assert both
    assert all(shared[m.sequence] == m.stream_value for m in both)
