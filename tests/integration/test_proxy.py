"""The proxy of the chaos tests does to plain sockets what its faults say."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.proxy import (
    BlackHole,
    Cut,
    Delay,
    Fault,
    Fragment,
    HalfClose,
    Heal,
    Proxy,
    Refuse,
    Throttle,
)
from support.relay import BURST_S, Direction
from support.server import PATIENCE_S, eventually
from support.wire import MOMENT_S, Wire, comes, crossing, noise, pouring, rest, take

DOWN, UP = Direction.DOWN, Direction.UP


@pytest.fixture
def wire() -> Iterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        with Proxy(f"127.0.0.1:{listener.getsockname()[1]}") as proxy:
            wire = Wire(proxy, listener)
            try:
                yield wire
            finally:
                wire.close()


def test_what_goes_in_comes_out_and_is_counted(wire: Wire) -> None:
    client, server = wire.pair()
    down, up = noise(3_000_000), noise(1_000_000)
    with pouring(server, down), pouring(client, up):
        assert take(client, len(down)) == down
        assert take(server, len(up)) == up
    wire.pair()
    assert (wire.proxy.passed(DOWN), wire.proxy.passed(UP)) == (len(down), len(up))
    assert (wire.proxy.accepted, wire.proxy.live) == (2, 2)


def test_ends_and_resets_of_the_peers_are_passed_on(wire: Wire) -> None:
    client, server = wire.pair()
    client.shutdown(socket.SHUT_WR)
    assert rest(server) == (b"", False)
    server.sendall(b"still")
    assert take(client, 5) == b"still"
    server.close()
    assert rest(client) == (b"", False)
    client, server = wire.pair()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    assert rest(client) == (b"", True)
    eventually(lambda: wire.proxy.live == 0, "both over")


@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_is_an_end_or_a_reset_on_both_sides_of_all_connections(
    wire: Wire, reset: bool
) -> None:
    pairs = [wire.pair(), wire.pair()]
    # A FIN must not become a reset since somebody had still something to say.
    pairs[0][0].sendall(b"unread")
    wire.proxy.apply(Cut(reset=reset))
    assert wire.proxy.live == 0
    for client, server in pairs:
        assert rest(client) == (b"", reset)
        assert rest(server)[1] is reset
    client, server = wire.pair()
    assert crossing(client, server, DOWN)


@pytest.mark.parametrize("closed", [DOWN, UP])
def test_a_half_close_ends_one_direction_and_leaves_the_other(
    wire: Wire, closed: Direction
) -> None:
    client, server = wire.pair()
    opened = UP if closed is DOWN else DOWN
    wire.proxy.apply(HalfClose(closed))
    assert rest(client if closed is DOWN else server) == (b"", False)
    assert wire.proxy.live == 1
    for _ in range(3):
        assert crossing(client, server, opened)
    (server if closed is DOWN else client).sendall(b"into the void")
    assert crossing(client, server, opened)
    assert wire.proxy.passed(closed) == 0


@pytest.mark.parametrize("size", [1, 1000, 1_000_003])
@pytest.mark.parametrize(
    ("fault", "direction"),
    [
        *itertools.product((Cut(), Cut(reset=True), BlackHole()), (DOWN, UP)),
        (HalfClose(DOWN), DOWN),
        (HalfClose(UP), UP),
    ],
    ids=str,
)
def test_exactly_so_many_bytes_pass_and_not_one_more(
    wire: Wire, fault: Fault, direction: Direction, size: int
) -> None:
    client, server = wire.pair()
    source, sink = (server, client) if direction is DOWN else (client, server)
    source.sendall(b"before")
    assert take(sink, 6) == b"before"
    trigger = wire.proxy.arm(fault, size, direction)
    # A black hole takes no more than what the buffers hold.
    data = noise(size + 50_000)
    with pouring(source, data):
        if isinstance(fault, BlackHole):
            assert take(sink, size) == data[:size]
            assert not comes(sink)
        else:
            assert rest(sink) == (data[:size], fault == Cut(reset=True))
    assert trigger.fired
    assert not trigger.dropped
    assert wire.proxy.passed(direction) == len(b"before") + size


def test_a_reset_waits_for_what_is_on_its_way(wire: Wire) -> None:
    client, server = wire.pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    data = noise(150_000)
    trigger = wire.proxy.arm(Cut(reset=True), len(data) - 1)
    with pouring(server, data):
        eventually(lambda: wire.proxy.passed() == len(data) - 1, "all but one byte is handed on")
        # The client has room for a part only, and the kernel keeps the others for it.
        assert not trigger.fired
        assert rest(client) == (data[:-1], True)


def test_a_fault_can_wait_for_the_next_connection(wire: Wire) -> None:
    first = wire.pair()
    armed = wire.proxy.arm(Cut(), 3, fresh=True)
    assert crossing(*first, DOWN)
    client, server = wire.pair()
    server.sendall(b"12345")
    assert rest(client) == (b"123", False)
    assert armed.fired
    assert crossing(*first, DOWN)
    at_once = wire.proxy.arm(Cut(reset=True), 0, fresh=True)
    with pytest.raises(ConnectionResetError):
        wire.client().recv(1)
    assert at_once.fired
    assert crossing(*first, DOWN)


def test_several_faults_count_side_by_side(wire: Wire) -> None:
    client, server = wire.pair()
    later = wire.proxy.arm(Cut(), 10)
    sooner = wire.proxy.arm(Fragment(1), 4)
    both = [wire.proxy.arm(fault, 7) for fault in (HalfClose(UP), Fragment(2))]
    never = wire.proxy.arm(Cut(), 11)
    server.sendall(b"0123456789ab")
    assert rest(client) == (b"0123456789", False)
    assert rest(server) == (b"", False)
    assert all(trigger.fired for trigger in (sooner, *both, later))
    assert never.dropped
    assert not never.fired


def test_a_black_hole_swallows_all_and_heals(wire: Wire) -> None:
    client, server = wire.pair()
    wire.proxy.apply(BlackHole())
    client.sendall(b"question")
    server.sendall(b"answer")
    late = wire.client()
    late.sendall(b"late")
    eventually(lambda: wire.proxy.accepted == 2, "it is taken in")
    assert not comes(client)
    assert not comes(server)
    assert not comes(wire.listener)
    wire.proxy.apply(Heal())
    assert take(client, 6) == b"answer"
    assert take(server, 8) == b"question"
    assert take(wire.server(), 4) == b"late"


def test_a_black_hole_hides_even_the_end_of_a_peer(wire: Wire) -> None:
    client, server = wire.pair()
    other_client, other_server = wire.pair()
    wire.proxy.apply(BlackHole())
    server.sendall(b"last words")
    server.close()
    other_client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other_client.close()
    assert not comes(client)
    assert not comes(other_server)
    wire.proxy.apply(Heal())
    assert rest(client) == (b"last words", False)
    assert rest(other_server) == (b"", True)


def test_a_black_hole_can_leave_new_connections_unaccepted(wire: Wire) -> None:
    wire.proxy.apply(BlackHole(accepts=False))
    client = wire.client()
    assert not comes(client)
    assert wire.proxy.accepted == 0
    wire.proxy.apply(Heal())
    assert crossing(client, wire.server(), DOWN)
    assert wire.proxy.accepted == 1


def test_what_is_black_holed_can_be_cut(wire: Wire) -> None:
    client, server = wire.pair()
    wire.proxy.apply(BlackHole())
    unconnected = wire.client()
    eventually(lambda: wire.proxy.accepted == 2, "it is taken in")
    server.sendall(b"lost")
    wire.proxy.apply(Cut())
    assert rest(client) == (b"", False)
    assert rest(unconnected) == (b"", False)
    wire.proxy.apply(Heal())
    assert rest(server) == (b"", False)
    assert not comes(wire.listener)
    # Its end is a FIN to the last, though there never was a server's side.
    assert unconnected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    wire.close()
    eventually(lambda: not wire.proxy._connections, "nothing is kept of them")


@pytest.mark.parametrize("direction", [DOWN, UP])
def test_a_throttle_bounds_the_bytes_by_the_time(wire: Wire, direction: Direction) -> None:
    client, server = wire.pair()
    source, sink = (server, client) if direction is DOWN else (client, server)
    data, rate = noise(40_000), 200_000.0
    wire.proxy.apply(Throttle(rate))
    start = time.monotonic()
    source.sendall(data)
    came = b""
    while len(came) < len(data):
        came += sink.recv(65536)
        assert len(came) <= rate * (time.monotonic() - start + BURST_S) + 1
    assert came == data


def test_a_throttle_of_few_bytes_lets_each_through_and_ends(wire: Wire) -> None:
    client, server = wire.pair()
    wire.proxy.apply(Throttle(20.0))
    server.sendall(b"slow")
    server.shutdown(socket.SHUT_WR)
    assert rest(client) == (b"slow", False)


def test_a_delay_holds_each_chunk_and_keeps_the_order(wire: Wire) -> None:
    client, server = wire.pair()
    wire.proxy.apply(Delay(0.15))
    start = time.monotonic()
    server.sendall(b"first ")
    time.sleep(0.05)
    between = time.monotonic()
    server.sendall(b"second")
    server.shutdown(socket.SHUT_WR)
    assert take(client, 6) == b"first "
    assert time.monotonic() - start >= 0.15
    assert rest(client) == (b"second", False)
    assert time.monotonic() - between >= 0.15


def test_fragments_arrive_as_segments_of_their_own(wire: Wire) -> None:
    client, server = wire.pair()
    wire.proxy.apply(Fragment(2))
    data = noise(20)
    server.sendall(data)
    assert take(client, 20) == data
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    # tcpi_data_segs_in; what waits for an acknowledgement may be merged after ten.
    assert struct.unpack_from("I", info, 152)[0] >= 10


def test_refused_is_refused_and_the_same_port_comes_back(wire: Wire) -> None:
    pair = wire.pair()
    for _ in range(3):
        wire.proxy.apply(Refuse())
        with pytest.raises(ConnectionRefusedError):
            wire.client()
        assert crossing(*pair, DOWN)
        wire.proxy.apply(Heal())
        assert crossing(*wire.pair(), UP)


def test_heal_ends_what_slows(wire: Wire) -> None:
    client, server = wire.pair()
    for fault in (Throttle(1.0), Delay(1000.0), Fragment(1)):
        wire.proxy.apply(fault)
    wire.proxy.apply(Heal())
    data = noise(100_000)
    with pouring(server, data):
        assert take(client, len(data)) == data


def test_a_slow_reader_stalls_the_server(wire: Wire) -> None:
    client, server = wire.pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    server.settimeout(5 * MOMENT_S)
    data, sent = noise(1_000_000), 0
    with suppress(TimeoutError):
        while sent < 50 * len(data):
            sent += server.send(data[sent % len(data) :])
    assert sent < 4 * len(data)
    server.shutdown(socket.SHUT_WR)
    assert rest(client) == ((data * 4)[:sent], False)


def test_the_target_can_change(wire: Wire) -> None:
    pair = wire.pair()
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(PATIENCE_S)
        wire.proxy.target = f"127.0.0.1:{other.getsockname()[1]}"
        client = wire.client()
        with other.accept()[0] as server:
            assert crossing(client, server, UP)
        assert crossing(*pair, UP)


def test_a_target_that_is_down_resets_the_client(wire: Wire) -> None:
    wire.listener.close()
    with pytest.raises(ConnectionResetError):
        wire.client().recv(1)


def test_a_proxy_leaves_nothing_behind() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before, threads = descriptors(), threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with Proxy(f"127.0.0.1:{listener.getsockname()[1]}") as proxy:
            wire = Wire(proxy, listener)
            wire.pair()
            client, server = wire.pair()
            proxy.arm(Cut(), 1)
            server.sendall(b"!")
            assert rest(client) == (b"!", False)
            proxy.apply(BlackHole())
            wire.client()
        wire.close()
    assert (descriptors(), threading.active_count()) == (before, threads)
