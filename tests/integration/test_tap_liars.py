"""Servers that lie: each lie is found out, and shown as what it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import grpc
import pytest

from grpctap.core import status as codes
from grpctap.core.history import Value
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.seams import Fault, Interruption, Irregularity, Outcome, Range
from grpctap.core.state import Command, State
from grpctap.core.status import Status
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.server import RunningServer, TutorialServer, eventually
from support.taps import (
    await_more,
    await_state,
    await_values,
    interruption,
    kept,
    open_tap,
    raw_server,
    seams,
    texts,
)


def message(sequence: int, stream_id: str = "log", token: bytes | None = None) -> pb.StreamResponse:
    return pb.StreamResponse(
        stream_value=f"v{sequence}",
        stream_id=stream_id,
        sequence=sequence,
        resume_token=b"%d" % sequence if token is None else token,
    )


class Liar(pb_grpc.StreamServerServicer):
    """Sends for the n-th call what its script says, then stays silent."""

    def __init__(self, *script: Iterable[pb.StreamResponse | bytes]) -> None:
        self.script = [list(call) for call in script]
        self.requests: list[pb.SimpleRequest] = []

    async def ListValue(self, request: pb.SimpleRequest, context: Any) -> None:  # noqa: N802
        self.requests.append(request)
        for item in self.script[len(self.requests) - 1]:
            await context.write(item)
        await asyncio.Event().wait()


def test_dropped_values_are_a_gap_of_their_size() -> None:
    with RunningServer(Liar([message(n) for n in (1, 2, 6, 7)])) as server:
        with open_tap(server.address) as tap:
            await_values(tap, 4)
            assert texts(tap) == ["v1", "v2", "v6", "v7"]
            seam = seams(tap)[0]
            assert isinstance(seam, Irregularity)
            assert (seam.fault, seam.between) == (Fault.GAP, Range(3, 5))
            assert tap.snapshot().missed == 3


def test_doubled_values_are_dropped_and_counted() -> None:
    with RunningServer(Liar([message(n) for n in (1, 1, 2, 2, 3)])) as server:
        with open_tap(server.address) as tap:
            await_values(tap, 3)
            assert texts(tap) == ["v1", "v2", "v3"]
            assert tap.snapshot().repeated == 2
            assert [seam.fault for seam in seams(tap) if isinstance(seam, Irregularity)] == [
                Fault.REPEATED,
                Fault.REPEATED,
            ]


def test_reordered_values_are_kept_and_marked() -> None:
    with RunningServer(Liar([message(n) for n in (1, 3, 2, 4)])) as server:
        with open_tap(server.address) as tap:
            await_values(tap, 4)
            assert texts(tap) == ["v1", "v3", "v2", "v4"]
            now = tap.snapshot()
            assert (now.missed, now.late, now.repeated) == (0, 1, 0)


def test_a_changed_stream_id_in_the_middle_of_a_call() -> None:
    calls = [message(7), message(8), message(1, "other"), message(2, "other")]
    with RunningServer(Liar(calls)) as server, open_tap(server.address) as tap:
        await_values(tap, 4)
        (seam,) = seams(tap)
        assert isinstance(seam, Irregularity)
        assert seam.fault is Fault.NEW_STREAM
        assert tap.snapshot().missed == 0


@pytest.mark.parametrize(
    ("second", "outcome", "values"),
    [
        ([message(4)], Outcome.EXACT, ["v1", "v2", "v3", "v4"]),
        ([message(6)], Outcome.MISSED, ["v1", "v2", "v3", "v6"]),
        ([message(n) for n in (1, 2, 3, 4)], Outcome.EXACT, ["v1", "v2", "v3", "v4"]),
        ([message(1, "other")], Outcome.NEW_STREAM, ["v1", "v2", "v3", "v1"]),
        ([message(0, "", b"")], Outcome.NEW_STREAM, ["v1", "v2", "v3", "v0"]),
    ],
    ids=["honest", "skips", "starts over", "renumbers", "forgets numbers"],
)
def test_what_a_server_makes_of_a_token(
    second: list[pb.StreamResponse], outcome: Outcome, values: list[str]
) -> None:
    liar = Liar([message(n) for n in (1, 2, 3)], second)
    with RunningServer(liar) as server, open_tap(server.address) as tap:
        await_values(tap, 3)
        tap.command(Command.PAUSE)
        tap.command(Command.RESUME)
        await_more(tap)
        assert liar.requests[1].resume_token == b"3"
        assert texts(tap) == values
        (told,) = (s for s in seams(tap) if isinstance(s, Interruption))
        assert told.outcome is outcome


def test_a_server_that_forgets_tokens_is_asked_from_the_last_it_gave() -> None:
    first = [message(1), message(2), message(3, token=b"")]
    liar = Liar(first, [message(3), message(4)])
    with RunningServer(liar) as server, open_tap(server.address) as tap:
        await_values(tap, 3)
        tap.command(Command.PAUSE)
        tap.command(Command.RESUME)
        await_more(tap)
        assert liar.requests[1].resume_token == b"2"
        assert texts(tap) == ["v1", "v2", "v3", "v4"]
        assert tap.snapshot().repeated == 1


def test_what_was_under_way_when_the_call_was_cancelled_comes_only_once() -> None:
    feed = CounterFeed(Schedule(NANOSECONDS // 10_000, 10**7))
    with RunningServer(feed) as server, open_tap(server.address, "") as tap:
        for _ in range(20):
            await_more(tap, 20)
            tap.command(Command.PAUSE)
            tap.command(Command.RESUME)
        await_more(tap, 20)
        tap.command(Command.STOP)
        assert texts(tap) == [str(n) for n in range(tap.snapshot().values)]
        assert tap.snapshot().repeated == 0


def test_bytes_that_are_no_message_fail_the_call_and_keep_the_rest() -> None:
    # Field 1 announces more bytes than there are.
    with raw_server([message(1).SerializeToString(), b"\x0a\x7f"]) as address:
        with open_tap(address) as tap:
            await_state(tap, State.FAILED)
            status = tap.snapshot().status
            assert status is not None
            assert (status.code, status.unreadable) == (codes.DATA_LOSS, "the method")
            assert texts(tap) == ["v1"]


def test_a_value_that_is_no_utf8_is_kept_as_it_came() -> None:
    raw = message(2).SerializeToString().replace(b"v2", b"\xff2")
    with raw_server([message(1).SerializeToString(), raw]) as address, open_tap(address) as tap:
        await_values(tap, 2)
        newest = tap.newest().rows[-1]
        assert isinstance(newest, Value)
        assert newest.raw == raw
        assert tap.schema.line(raw) == "\ufffd2"
        assert json.loads(tap.schema.json(raw))["streamValue"] == "\ufffd2"
        assert seams(tap) == []


def test_the_tutorials_own_server_is_reopened_from_its_start_and_the_seam_says_so() -> None:
    with TutorialServer(count=100, interval=0.02) as server:
        with open_tap(server.address, "stream server grpc ") as tap:
            await_values(tap, 5)
            tap.command(Command.PAUSE)
            before = texts(tap)
            assert before == [f"stream server grpc {n}" for n in range(len(before))]
            tap.command(Command.RESUME)
            await_more(tap, 5)
            after = texts(tap)[len(before) :]
            assert after == [f"stream server grpc {n}" for n in range(len(after))]
            assert interruption(tap).outcome is Outcome.CANNOT_RESUME
            assert "this server cannot resume" in interruption(tap).text()
            now = tap.snapshot()
            assert (now.missed, now.repeated) == (0, 0)


def test_the_tutorials_own_server_is_followed_to_its_end() -> None:
    with TutorialServer(count=5, interval=0) as server:
        with open_tap(server.address, "stream server grpc ") as tap:
            await_state(tap, State.FINISHED)
            assert texts(tap) == [f"stream server grpc {n}" for n in range(5)]
            assert [m.sequence for m in kept(tap)] == [0] * 5


BAD_TOKENS = {
    "truncated": lambda token: token[:-1],
    "bit-flipped": lambda token: bytes([token[0], token[1] ^ 1]) + token[2:],
    "a megabyte": lambda token: token * (1_000_000 // len(token)),
}


@pytest.mark.parametrize("damage", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_fails_once_and_is_not_tried_again(damage: Any) -> None:
    with RunningServer(CounterFeed(Schedule(NANOSECONDS // 100, 1000))) as server:
        with open_tap(server.address) as tap:
            await_values(tap, 2)
            tap.command(Command.PAUSE)
            token = tap.resume_token
        served = server.service.calls_served
        with open_tap(server.address, token=damage(token)) as tap:
            await_state(tap, State.FAILED)
            status = tap.snapshot().status
            assert status is not None
            assert (status.code, status.reason) == (codes.INVALID_ARGUMENT, "TOKEN_INVALID")
            eventually(lambda: server.service.open_calls == 0, "the call ends")
            assert server.service.calls_served == served + 1
        with open_tap(server.address) as tap:
            await_values(tap, 2)


def test_a_jump_to_the_last_number_there_is() -> None:
    liar = Liar([message(1)], [message(2**64 - 1)])
    with RunningServer(liar) as server, open_tap(server.address) as tap:
        await_values(tap, 1)
        tap.command(Command.PAUSE)
        tap.command(Command.RESUME)
        await_more(tap)
        assert tap.snapshot().missed == 2**64 - 3
        assert "18,446,744,073,709,551,613 missed" in interruption(tap).text()
        assert tap.snapshot().state is State.LIVE


def test_metadata_goes_out_with_every_call_and_is_not_printed() -> None:
    seen: list[dict[str, str | bytes]] = []

    class Listener(Liar):
        async def ListValue(self, request: pb.SimpleRequest, context: Any) -> None:  # noqa: N802
            seen.append(dict(context.invocation_metadata()))
            await super().ListValue(request, context)

    with RunningServer(Listener([message(1)], [message(2)])) as server:
        transport = GrpcTransport(
            Target(server.address, plaintext=True),
            METHOD,
            (("authorization", "Bearer hunter2"), ("trace-bin", b"\x01")),
        )
        assert "hunter2" not in repr(transport)
        tap = Tap(transport, ListValue(pb.SimpleRequest(), progress=True))
        tap.start()
        await_values(tap, 1)
        tap.command(Command.PAUSE)
        tap.command(Command.RESUME)
        await_values(tap, 2)
        assert tap.close()
    assert [m["authorization"] for m in seen] == ["Bearer hunter2"] * 2
    assert [m["trace-bin"] for m in seen] == [b"\x01"] * 2
    assert str(seen[0]["user-agent"]).startswith("grpctap/")


@pytest.mark.parametrize("damage", [b"\xff\xff", b"\x08\x07\x1a\x02\xff\xff"])
def test_damaged_error_details_do_not_hide_the_status(damage: bytes) -> None:
    class Damaged(Liar):
        async def ListValue(self, request: pb.SimpleRequest, context: Any) -> None:  # noqa: N802
            details = (("grpc-status-details-bin", damage),)
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no", details)

    with RunningServer(Damaged()) as server, open_tap(server.address) as tap:
        await_state(tap, State.FAILED)
        assert tap.snapshot().status == Status(
            codes.PERMISSION_DENIED, "PERMISSION_DENIED", "no", error_details=(("", damage),)
        )
