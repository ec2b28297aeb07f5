"""Bearer tokens: nothing without one, and those that are withdrawn end the calls they opened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from grpctap_server.auth import Tokens
from grpctap_server.counters import Counters
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from grpctap_server.guard import Guard
from grpctap_server.limits import Limits
from support.server import PATIENCE_S, RunningServer, ServerProcess, channel, eventually

ONE, TWO, WRONG = "one-" + "1" * 28, "two-" + "2" * 28, "one-" + "3" * 28
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
ANY_FLAGS = ("--channelz", "--log-level", "info", "--feed", "counter", "--interval", "0.05")


def bearer(token: str) -> tuple[tuple[str, str]]:
    return (("authorization", f"Bearer {token}"),)


def write(path: Path, *tokens: str) -> None:
    """Replace the file of tokens in one step, as a careful person would."""
    other = path.with_suffix(".new")
    other.write_text("".join(f"{token}\n" for token in ("# the viewers", *tokens)))
    other.chmod(0o600)
    other.rename(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    write(path, ONE, TWO)
    return path


@pytest.fixture
def server(file: Path) -> Iterator[ServerProcess]:
    with ServerProcess("--token-file", str(file), *ANY_FLAGS) as running:
        yield running
        running.terminate()
        assert running.wait() == 0
        for token in (ONE, TWO, WRONG):
            assert token not in running.stderr
            assert token[4:] not in running.stderr
        assert "Traceback" not in running.stderr


@pytest.fixture
def opened(server: ServerProcess) -> Iterator[grpc.Channel]:
    with channel(server.address) as made:
        yield made


def follow(opened: grpc.Channel, token: str) -> Any:
    stub: Any = pb_grpc.StreamServerStub(opened)
    call = stub.ListValue(pb.SimpleRequest(data="x"), timeout=60, metadata=bearer(token))
    assert next(call).stream_value == "x0"
    return call


def may(opened: grpc.Channel, token: str) -> bool:
    """Whether a token may call now."""
    stub: Any = pb_grpc.StreamServerStub(opened)
    call = stub.Route.future(pb.SimpleRequest(data="x"), PATIENCE_S, bearer(token))
    code = call.code()
    assert code in (grpc.StatusCode.OK, UNAUTHENTICATED)
    return code is grpc.StatusCode.OK


def end_of(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError):
        for _ in call:
            pass
    return call.code(), call.details()


def test_nothing_but_health_is_answered_without_a_token(
    server: ServerProcess, opened: grpc.Channel
) -> None:
    stub: Any = pb_grpc.StreamServerStub(opened)
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(opened)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    channelz: Any = channelz_pb2_grpc.ChannelzStub(opened)
    servers = channelz_pb2.GetServersRequest()
    unknown: Any = opened.unary_unary("/proto.StreamServer/Delete")
    health: Any = health_pb2_grpc.HealthStub(opened)

    def calls(metadata: Any) -> list[Any]:
        options: dict[str, Any] = {"timeout": PATIENCE_S, "metadata": metadata}
        return [
            lambda: stub.Route(pb.SimpleRequest(data="x"), **options),
            lambda: next(stub.ListValue(pb.SimpleRequest(data="x"), **options)),
            lambda: next(reflection.ServerReflectionInfo(iter([asked]), **options)),
            lambda: channelz.GetServers(servers, **options),
            lambda: unknown(b"", **options),
        ]

    for metadata in ((), bearer(WRONG), bearer(ONE) + bearer(ONE), (("authorization", ONE),)):
        for call in calls(metadata):
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() is UNAUTHENTICATED
    *known, last = calls(bearer(ONE))
    assert [bool(call()) for call in known] == 4 * [True]
    with pytest.raises(grpc.RpcError) as missing:
        last()
    assert missing.value.code() is grpc.StatusCode.UNIMPLEMENTED
    answer = health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    server.await_line("event=call .*status=UNAUTHENTICATED reason=CREDENTIALS_MISSING")
    server.await_line("event=call .*status=UNAUTHENTICATED reason=CREDENTIALS_INVALID")
    server.await_line("event=call .*token_line=2 .*status=OK")


def test_a_token_that_is_withdrawn_ends_its_calls_and_no_other(
    server: ServerProcess, opened: grpc.Channel, file: Path
) -> None:
    gone, stays = follow(opened, ONE), follow(opened, TWO)
    write(file, TWO, WRONG)
    assert end_of(gone) == (UNAUTHENTICATED, "the token of this call was withdrawn")
    server.await_line("event=reload of=tokens tokens=2 calls_ended=1")
    server.await_line("event=call .*values=.*status=UNAUTHENTICATED reason=CREDENTIALS_WITHDRAWN")
    assert not may(opened, ONE)
    assert may(opened, WRONG)
    assert next(stays).stream_value
    stays.cancel()


@pytest.mark.parametrize("content", ["", "short\n", None])
def test_a_file_in_error_keeps_the_tokens_and_says_so(
    server: ServerProcess, opened: grpc.Channel, file: Path, content: str | None
) -> None:
    call = follow(opened, ONE)
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    server.await_line("level=error event=reload of=tokens kept=.the former. error=")
    assert may(opened, ONE)
    assert next(call).stream_value
    # What is mended is taken.
    write(file, WRONG)
    assert end_of(call)[0] is UNAUTHENTICATED
    assert may(opened, WRONG)


def test_a_file_that_anybody_may_read_is_warned_of(file: Path) -> None:
    file.chmod(0o644)
    with ServerProcess("--token-file", str(file), "--log-level", "warning") as server:
        server.await_line("level=warning event=exposed file=.*tokens advice=.*chmod 600")


def test_a_client_that_reads_nothing_is_cut_off_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    write(path, ONE)
    tokens = Tokens(path)
    guard = Guard(tokens, Limits(data=1 << 20, request=1 << 21), Counters())
    flood = CounterFeed(Schedule(0, 1_000_000), 1_000_000)
    with RunningServer(flood, guard=guard) as server, channel(server.address) as opened:
        stub: Any = pb_grpc.StreamServerStub(opened)
        request = pb.SimpleRequest(data="x" * 100_000)
        call = stub.ListValue(request, timeout=60, metadata=bearer(ONE))
        next(call)

        def is_stuck() -> bool:
            before = guard.counters.values
            time.sleep(0.2)
            return guard.counters.values == before

        eventually(is_stuck, "the buffers between are full")
        write(path, TWO)
        tokens.load()
        server.run_soon(guard.end_withdrawn)
        eventually(lambda: guard.counters.open == 0, "the call is over on the server")
        eventually(lambda: guard.counters.refused == 1, "and told of")
        assert end_of(call)[0] is not grpc.StatusCode.OK
        assert not may(opened, ONE)
        assert may(opened, TWO)


def test_a_call_that_is_being_ended_as_slow_is_not_ended_twice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tokens"
    write(path, ONE)
    tokens = Tokens(path)
    guard = Guard(tokens, Limits(data=1 << 20, request=1 << 21), Counters())
    flood = CounterFeed(Schedule(0, 1_000_000), 1_000_000)
    with (
        RunningServer(flood, guard=guard, slow_timeout=0.2) as server,
        channel(server.address) as opened,
    ):
        stub: Any = pb_grpc.StreamServerStub(opened)
        request = pb.SimpleRequest(data="x" * 100_000)
        call = stub.ListValue(request, timeout=60, metadata=bearer(ONE))
        next(call)

        def is_ending() -> bool:
            # Longer than it takes to call it slow, shorter than it waits for its client then.
            before = guard.counters.values
            time.sleep(0.8)
            return guard.counters.values == before

        eventually(is_ending, "the buffers between are full")
        write(path, TWO)
        tokens.load()
        server.run_soon(guard.end_withdrawn)
        eventually(lambda: guard.counters.open == 0, "the call is over on the server")
        ends = guard.counters
        eventually(lambda: ends.evicted + ends.refused + ends.errors == 1, "and told of")
        assert ends.errors == 0
        call.cancel()
    assert "Traceback" not in caplog.text


def test_each_token_has_a_share_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    write(path, ONE, TWO)
    guard = Guard(Tokens(path), Limits(client_calls=1), Counters())
    idle = CounterFeed(Schedule(3600 * NANOSECONDS, 10))
    with RunningServer(idle, guard=guard) as server, channel(server.address) as opened:
        calls = [follow(opened, token) for token in (ONE, TWO)]
        stub: Any = pb_grpc.StreamServerStub(opened)
        with pytest.raises(grpc.RpcError) as beyond:
            stub.Route(pb.SimpleRequest(), timeout=PATIENCE_S, metadata=bearer(ONE))
        assert beyond.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        for call in calls:
            call.cancel()
