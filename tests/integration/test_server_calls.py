"""How calls live and end: progress, cancelling, sharing the loop, and what helps find them."""

import threading
from itertools import islice
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.client import connect
from support.server import PATIENCE_S, RunningServer, ServerProcess, channel, eventually

IDLE = CounterFeed(Schedule(3600 * NANOSECONDS, 1000))
FLOOD = CounterFeed(Schedule(0, 1_000_000), 1_000_000)


def test_progress_comes_at_once_and_after_each_silence() -> None:
    with (
        RunningServer(IDLE, progress_interval=0.05) as server,
        connect(server.address) as client,
    ):
        call = client.open("x", progress=True)
        first, value, *later = islice(call, 5)
        call.cancel()
        for message in (first, *later):
            assert message.progress
            assert message.stream_value == ""
            assert not message.HasField("number")
            assert not message.HasField("event_time")
            assert (message.sequence, message.first_sequence) == (1, 1)
            assert message.stream_id == value.stream_id
        assert not value.progress
        assert value.stream_value == "x0"
        # Each progress carries the position of its own call: before the value, and after it.
        assert client.take(1, "x", first.resume_token) == [value]
        assert {m.resume_token for m in later} == {value.resume_token}


def test_progress_is_for_silence_only() -> None:
    feed = CounterFeed(Schedule(NANOSECONDS // 100, 1000))
    with RunningServer(feed) as server, connect(server.address) as client:
        call = client.open("x", progress=True)
        assert [m.progress for m in islice(call, 50)] == [True] + 49 * [False]
        call.cancel()


def test_progress_is_never_sent_uninvited() -> None:
    with (
        RunningServer(IDLE, progress_interval=0.02) as server,
        connect(server.address) as client,
    ):
        call = client.open("x", timeout=1.0)
        messages = []
        with pytest.raises(grpc.RpcError):
            messages.extend(call)
        assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert [m.stream_value for m in messages] == ["x0"]


@pytest.mark.parametrize("feed", [IDLE, FLOOD], ids=["waiting", "sending"])
def test_a_cancelled_call_ends_on_the_server_too(
    feed: CounterFeed, capfd: pytest.CaptureFixture[str]
) -> None:
    with RunningServer(feed) as server, connect(server.address) as client:
        calls = [client.open("x" * 10_000) for _ in range(5)]
        for call in calls:
            next(call)
        assert server.service.open_calls == 5
        for call in calls:
            call.cancel()
        eventually(lambda: server.service.open_calls == 0, "all calls have ended")
        assert server.service.calls_served == 5
    assert capfd.readouterr().err == ""


def test_a_client_that_vanishes_ends_its_call_without_noise(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with RunningServer(FLOOD) as server:
        for _ in range(5):
            with connect(server.address) as client:
                next(client.open("x" * 10_000))
        eventually(lambda: server.service.open_calls == 0, "all calls have ended")
    assert capfd.readouterr().err == ""


def test_a_call_that_catches_up_starves_no_other() -> None:
    with RunningServer(FLOOD) as server, connect(server.address) as client:
        flood = client.open("x", timeout=600)
        next(flood)
        read = []

        def keep_reading() -> None:
            with pytest.raises(grpc.RpcError):
                read.extend(flood)

        reader = threading.Thread(target=keep_reading)
        reader.start()
        with connect(server.address) as other:
            for n in range(20):
                assert other.route(str(n)).code == 200
                assert other.take(1, "y")[0].stream_value == "y0"
        assert server.service.open_calls >= 1
        flood.cancel()
        reader.join(PATIENCE_S)
    assert flood.code() is grpc.StatusCode.CANCELLED
    assert len(read) < 999_999


def test_the_schema_and_the_health_are_there_to_ask_for() -> None:
    with ServerProcess() as server, channel(server.address) as open_channel:
        health: Any = health_pb2_grpc.HealthStub(open_channel)
        for name in ("", "proto.StreamServer"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(open_channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (listed,) = stub.ServerReflectionInfo(iter([request]), timeout=PATIENCE_S)
    names = {service.name for service in listed.list_services_response.service}
    assert names == {
        "proto.StreamServer",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
