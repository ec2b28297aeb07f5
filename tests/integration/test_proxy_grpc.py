"""A real server and a real client behind the proxy: each fault is what it says."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Iterator

import grpc
import pytest

from grpctap_protos import server_stream_pb2 as pb
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import Schedule
from support.client import connect
from support.proxy import BlackHole, Cut, Delay, Fault, Fragment, HalfClose, Heal, Proxy, Throttle
from support.relay import Direction
from support.server import PATIENCE_S, RunningServer, eventually

COUNT = 1000


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with RunningServer(CounterFeed(Schedule(0, COUNT), COUNT)) as server:
        yield server.address


def read_on(address: str, token: bytes) -> tuple[list[pb.StreamResponse], grpc.RpcError | None]:
    """Makes one call; returns what came, and the error that ended it."""
    came: list[pb.StreamResponse] = []
    with connect(address) as client:
        try:
            for message in client.open("n=", token):
                came.append(message)  # noqa: PERF402 (it keeps what comes before the error)
        except grpc.RpcError as error:
            return came, error
    return came, None


@pytest.mark.parametrize("fault", [Fragment(7), Delay(0.01), Throttle(1e6)], ids=str)
def test_a_stream_comes_whole_through_a_bad_link(served: str, fault: Fault) -> None:
    with Proxy(served) as proxy:
        proxy.apply(fault)
        came, error = read_on(proxy.address, b"")
    assert error is None
    assert [message.sequence for message in came] == list(range(1, COUNT + 1))


@pytest.mark.parametrize(
    ("fault", "details"),
    [
        (Cut(), "Socket closed"),
        (Cut(reset=True), "(Connection reset|Broken pipe)"),
        (HalfClose(Direction.DOWN), "closed"),
    ],
    ids=str,
)
def test_a_stream_that_is_cut_anywhere_can_be_read_on(
    served: str, fault: Fault, details: str
) -> None:
    chance = random.Random(3)
    came: list[pb.StreamResponse] = []
    with Proxy(served) as proxy:
        for _ in range(8):
            # The first bytes of a connection are its set-up, in which a call fails another way.
            trigger = proxy.arm(fault, chance.randrange(500, 8_000), fresh=True)
            more, error = read_on(proxy.address, came[-1].resume_token if came else b"")
            came += more
            assert trigger.fired
            assert error is not None
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert re.search(details, error.details() or "")
        assert proxy.accepted == 8
        more, error = read_on(proxy.address, came[-1].resume_token)
    assert error is None
    assert [message.stream_value for message in came + more] == [f"n={n}" for n in range(COUNT)]


def test_a_black_hole_in_a_stream_holds_it_and_heals(served: str) -> None:
    with Proxy(served) as proxy, connect(proxy.address) as client:
        hole = proxy.arm(BlackHole(), 10_000, fresh=True)
        call = client.open("n=")
        came = [next(call)]
        reader = threading.Thread(target=lambda: came.extend(call))
        reader.start()
        eventually(lambda: hole.fired, "the black hole")
        time.sleep(0.1)
        held = len(came)
        assert proxy.passed() == 10_000
        assert reader.is_alive()
        proxy.apply(Heal())
        reader.join(PATIENCE_S)
    assert held < COUNT
    assert [message.sequence for message in came] == list(range(1, COUNT + 1))
