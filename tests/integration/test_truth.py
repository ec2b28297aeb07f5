"""The feed of the chaos tests tells the truth, from any token on and whatever happens to it."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import grpc
import pytest

from grpctap.transport.target import Target
from grpctap_protos import server_stream_pb2 as pb
from support.proxy import Cut, Fault, HalfClose, Proxy
from support.relay import Direction, Trigger
from support.server import PATIENCE_S, eventually
from support.truth import BLOCK, LONGEST_DATA, PROGRESS_INTERVAL_MS, TruthServer, token, value

COUNT = 10_000_000
FIRST = b""
LAST = token(COUNT)


@pytest.fixture(scope="module")
def truth() -> Iterator[TruthServer]:
    with TruthServer(COUNT) as server:
        yield server
        assert server.complaints == ""


class Reading:
    """A call over the viewer's own kind of channel, whose end is no exception."""

    def __init__(
        self, address: str, after: bytes = FIRST, data: str = "", *, progress: bool = False
    ) -> None:
        request = pb.SimpleRequest(data=data, resume_token=after, progress_notify=progress)
        self._channel = Target(address, plaintext=True).channel()
        listen: Any = self._channel.unary_stream("/proto.StreamServer/ListValue")
        self.call = listen(request.SerializeToString(), timeout=PATIENCE_S)

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self.call.cancel()

    def __iter__(self) -> Iterator[pb.StreamResponse]:
        try:
            for raw in self.call:
                yield pb.StreamResponse.FromString(raw)
        except grpc.RpcError:
            pass

    @property
    def code(self) -> grpc.StatusCode:
        code = self.call.code()
        assert isinstance(code, grpc.StatusCode)
        return code


def values(after: int, upto: int, data: str = "") -> list[pb.StreamResponse]:
    return [value(sequence, data) for sequence in range(after + 1, upto + 1)]


def test_a_log_comes_whole_and_ends(truth: TruthServer) -> None:
    count = BLOCK + 1000
    with TruthServer(count) as small, Reading(small.address, data="WTI ") as reading:
        assert list(reading) == values(0, count, "WTI ")
        assert reading.code is grpc.StatusCode.OK


EDGES = [edge + step for edge in (BLOCK, 128**3, 9_999_999) for step in (-2, -1, 0)]


@pytest.mark.parametrize("after", [0, 1, *EDGES, *random.Random(7).sample(range(COUNT), 8)])
def test_a_token_goes_on_with_exactly_what_follows(truth: TruthServer, after: int) -> None:
    with Reading(truth.address, token(after), "x") as reading:
        assert list(islice(reading, 200)) == values(after, min(after + 200, COUNT), "x")


@pytest.mark.parametrize("rest", [0, 1, 2, BLOCK + 1])
def test_the_end_of_the_log_is_the_end_of_the_call(truth: TruthServer, rest: int) -> None:
    with Reading(truth.address, token(COUNT - rest)) as reading:
        assert list(reading) == values(COUNT - rest, COUNT)
        assert reading.code is grpc.StatusCode.OK


def test_who_asks_for_progress_gets_one_sign_first(truth: TruthServer) -> None:
    with Reading(truth.address, token(COUNT - 3), progress=True) as reading:
        sign, *came = reading
    expected = pb.StreamResponse(
        stream_id=value(1).stream_id,
        sequence=COUNT,
        resume_token=token(COUNT - 3),
        progress=True,
    )
    expected.progress_interval.FromMilliseconds(PROGRESS_INTERVAL_MS)
    assert sign == expected
    assert came == values(COUNT - 3, COUNT)


def test_long_data_makes_long_messages(truth: TruthServer) -> None:
    data = "ä" * (LONGEST_DATA // 2)
    with Reading(truth.address, token(BLOCK - 10), data) as reading:
        assert list(islice(reading, 20)) == values(BLOCK - 10, BLOCK + 10, data)


@pytest.mark.parametrize(
    ("after", "data", "code"),
    [
        (token(COUNT + 1), "", grpc.StatusCode.OUT_OF_RANGE),
        (b"after-12", "", grpc.StatusCode.INVALID_ARGUMENT),
        (b"beyond" + token(5)[6:], "", grpc.StatusCode.INVALID_ARGUMENT),
        (token(5) + b"0", "", grpc.StatusCode.INVALID_ARGUMENT),
        (FIRST, "x" * (LONGEST_DATA + 1), grpc.StatusCode.INVALID_ARGUMENT),
    ],
    ids=["ahead", "too short", "of another kind", "too long", "long data"],
)
def test_what_it_never_gave_out_is_refused(
    truth: TruthServer, after: bytes, data: str, code: grpc.StatusCode
) -> None:
    with Reading(truth.address, after, data) as reading:
        assert list(reading) == []
        assert reading.code is code


def test_several_read_at_once(truth: TruthServer) -> None:
    came: dict[int, list[pb.StreamResponse]] = {}

    def read(start: int) -> None:
        with Reading(truth.address, token(start)) as reading:
            came[start] = list(islice(reading, 5000))

    starts = [0, BLOCK - 2500, 5_000_000]
    threads = [threading.Thread(target=read, args=(start,)) for start in starts]
    # One that reads nothing must not hold up the others.
    with Reading(truth.address) as idle:
        next(iter(idle))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert came == {start: values(start, start + 5000) for start in starts}


def test_cut_at_random_bytes_and_read_on_it_is_whole() -> None:
    count, chance = 20_000, random.Random(11)
    faults: list[Fault] = [Cut(), Cut(reset=True), HalfClose(Direction.DOWN)]
    came: list[int] = []
    cuts: list[Trigger] = []
    code = None
    with TruthServer(count) as server, Proxy(server.address) as proxy:
        while code is not grpc.StatusCode.OK:
            # In some calls it comes before any value.
            cuts.append(proxy.arm(chance.choice(faults), chance.randrange(60_000), fresh=True))
            last = token(came[-1]) if came else FIRST
            with Reading(proxy.address, last) as reading:
                for message in reading:
                    assert message == value(message.sequence)
                    came.append(message.sequence)
                code = reading.code
            assert code in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
        assert server.complaints == ""
    assert sum(cut.fired for cut in cuts) >= 15
    assert came == list(range(1, count + 1))


def test_killed_and_started_again_it_goes_on_at_the_same_address() -> None:
    came: list[pb.StreamResponse] = []
    with TruthServer(COUNT) as server:
        address = server.address
        for _ in range(2):
            with Reading(address, token(len(came))) as reading:
                messages = iter(reading)
                came += islice(messages, 1000)
                server.kill()
                # What was under way comes still.
                came += messages
                assert reading.code is grpc.StatusCode.UNAVAILABLE
            with Reading(address, token(len(came))) as reading:
                assert list(reading) == []
                assert "Connection refused" in reading.call.details()
            server.start()
            assert server.address == address
        with Reading(address, token(len(came))) as reading:
            came += islice(reading, 1000)
    assert len(came) >= 3000
    assert came == values(0, len(came))


def test_stopped_it_holds_still_and_goes_on() -> None:
    # The longer the values, the fewer wait in the buffers.
    data = "x" * LONGEST_DATA
    with TruthServer(COUNT) as server:
        with Reading(server.address, data=data) as reading:
            messages = iter(reading)
            came = list(islice(messages, 1000))
            server.stop()
            thread = threading.Thread(target=lambda: came.extend(messages))
            thread.start()

            def nothing_comes() -> bool:
                before = len(came)
                time.sleep(0.2)
                return len(came) == before

            eventually(nothing_comes, "a silence once the buffers are empty")
            held = len(came)
            server.go_on()
            eventually(lambda: len(came) > held + 1000, "more values")
        thread.join(PATIENCE_S)
    assert came == values(0, len(came), data)


def test_garbage_and_resets_do_it_no_harm() -> None:
    with TruthServer(COUNT) as server:
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for nonsense in (b"", b"GET / HTTP/1.1\r\n\r\n", preface + b"\xff" * 100, preface[:9]):
            for ending in (socket.SHUT_WR, None):
                with socket.create_connection(("127.0.0.1", server.port)) as client:
                    client.sendall(nonsense)
                    if ending is not None:
                        client.shutdown(ending)
        with Reading(server.address) as reading:
            assert list(islice(reading, 10)) == values(0, 10)
        assert server.complaints == ""
