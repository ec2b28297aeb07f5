"""What a tap knows of its calls besides the messages, from a server that says it when told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.rpc import code_pb2, error_details_pb2

from grpctap.core import status as codes
from grpctap.core.facts import CallFacts
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.reconnect import Backoff, Reconnect
from grpctap.core.state import Command, State
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest
from support.puppet import Puppet, detailed, price_message, refusal
from support.server import RunningServer, eventually
from support.taps import await_state, await_values, connections, open_tap, reader_threads

HEADERS = (("x-served-by", "node-7"), ("x-blob-bin", b"\x00\xff"))
TRAILERS = (("x-cost", "42"), ("x-trace-bin", b"\x01"))


@pytest.fixture
def puppet() -> Puppet:
    return Puppet()


@pytest.fixture
def server(puppet: Puppet) -> Iterator[RunningServer]:
    with RunningServer(puppet) as running:
        yield running
        eventually(lambda: connections(running.port) == 0, "no connection is left")
    assert reader_threads() == []


def facts_of(tap: Tap) -> CallFacts:
    facts = tap.facts()
    assert facts is not None
    return facts


def await_headers(tap: Tap) -> CallFacts:
    eventually(lambda: facts_of(tap).headers_ns is not None, "the headers")
    return facts_of(tap)


def await_end(tap: Tap) -> CallFacts:
    eventually(lambda: facts_of(tap).ended_ns is not None, "the end")
    return facts_of(tap)


def test_headers_are_known_before_any_message(server: RunningServer, puppet: Puppet) -> None:
    with open_tap(server.address) as tap:
        puppet.await_call(1)
        eventually(lambda: tap.facts() is not None, "the call")
        assert (facts_of(tap).headers_ns, facts_of(tap).initial_metadata) == (None, ())
        puppet.send(HEADERS)
        facts = await_headers(tap)
        assert facts.initial_metadata == HEADERS
        assert (facts.number, facts.messages, facts.status) == (1, 0, None)
        assert facts.headers_ns is not None
        assert facts.opened_ns <= facts.headers_ns


def test_headers_alone_make_the_stream_live(server: RunningServer, puppet: Puppet) -> None:
    with open_tap(server.address) as tap:
        puppet.await_call(1)
        assert tap.state is State.CONNECTING
        # Without any metadata, which nothing but time tells from none at all.
        puppet.send(())
        await_state(tap, State.LIVE)
        assert tap.snapshot().values == 0
        puppet.send(price_message(1))
        await_values(tap, 1)


def test_headers_that_come_with_the_first_message(server: RunningServer, puppet: Puppet) -> None:
    with open_tap(server.address) as tap:
        puppet.await_call(1)
        puppet.send(HEADERS, price_message(1), price_message(2))
        await_values(tap, 2)
        facts = facts_of(tap)
        assert (facts.initial_metadata, facts.messages) == (HEADERS, 2)


def test_trailers_are_known_at_the_end(server: RunningServer, puppet: Puppet) -> None:
    puppet.trailing = TRAILERS
    with open_tap(server.address) as tap:
        puppet.await_call(1)
        puppet.send(HEADERS, price_message(1), None)
        await_state(tap, State.FINISHED)
        facts = facts_of(tap)
        assert (facts.initial_metadata, facts.trailing_metadata) == (HEADERS, TRAILERS)
        assert facts.status is not None
        assert (facts.status.ok, facts.cancelled, facts.messages) == (True, False, 1)
        assert facts.ended_ns is not None


def test_a_failure_tells_its_details(server: RunningServer, puppet: Puppet) -> None:
    quota = error_details_pb2.QuotaFailure()
    quota.violations.add(subject="you", description="ten a day")
    info = error_details_pb2.ErrorInfo(reason="QUOTA", domain="d", metadata={"zone": "eu"})
    with open_tap(server.address) as tap:
        puppet.await_call(1)
        code = code_pb2.RESOURCE_EXHAUSTED
        puppet.send(detailed(code, "too much", quota, info, trailing=TRAILERS))
        await_state(tap, State.FAILED)
        status, facts = tap.status, facts_of(tap)
        assert status is not None
        assert facts.status == status
        assert (status.reason, status.info) == ("QUOTA", {"zone": "eu"})
        assert [type_url for type_url, _ in status.error_details] == [
            "type.googleapis.com/google.rpc.QuotaFailure",
            "type.googleapis.com/google.rpc.ErrorInfo",
        ]
        assert status.error_details[0][1] == quota.SerializeToString()
        assert set(TRAILERS) <= set(facts.trailing_metadata)
        # It never answered, whatever its empty headers seemed to say.
        assert facts.initial_metadata == ()


def test_a_call_that_is_cancelled_while_it_waits_for_headers(
    server: RunningServer, puppet: Puppet
) -> None:
    with open_tap(server.address) as tap:
        for number in range(1, 4):
            puppet.await_call(number)
            assert tap.command(Command.PAUSE)
            facts = await_end(tap)
            assert (facts.number, facts.cancelled, facts.initial_metadata) == (number, True, ())
            assert facts.status is not None
            assert facts.status.code == codes.CANCELLED
            eventually(lambda: connections(server.port) == 0, "the connection ends")
            assert tap.command(Command.RESUME)


def test_a_call_that_is_cancelled_after_its_headers(server: RunningServer, puppet: Puppet) -> None:
    puppet.trailing = TRAILERS
    with open_tap(server.address) as tap:
        puppet.await_call(1)
        puppet.send(HEADERS)
        await_headers(tap)
        assert tap.command(Command.STOP)
        facts = await_end(tap)
        assert (facts.initial_metadata, facts.trailing_metadata) == (HEADERS, ())
        assert facts.cancelled


def test_headers_do_not_make_a_failure_a_loss(server: RunningServer, puppet: Puppet) -> None:
    tap = Tap(
        GrpcTransport(Target(server.address, plaintext=True), METHOD),
        ListValue(SimpleRequest(), progress=False),
        backoff=Backoff(Reconnect()),
    )
    tap.start()
    puppet.await_call(1)
    puppet.send(HEADERS)
    await_state(tap, State.LIVE)
    puppet.send(refusal(code_pb2.UNAVAILABLE, "nobody home"))
    await_state(tap, State.FAILED)
    assert tap.close()


def test_each_call_is_traced_at_its_headers_and_its_end(
    server: RunningServer, puppet: Puppet
) -> None:
    seen: list[CallFacts] = []
    tap = Tap(
        GrpcTransport(Target(server.address, plaintext=True), METHOD),
        ListValue(SimpleRequest(), progress=False),
        trace=seen.append,
    )
    tap.start()
    puppet.await_call(1)
    puppet.send(HEADERS, price_message(1), price_message(2))
    await_values(tap, 2)
    tap.command(Command.PAUSE)
    eventually(lambda: len(seen) == 2, "the end of the first call")
    tap.command(Command.RESUME)
    puppet.await_call(2)
    puppet.send((("x-served-by", "node-8"),), price_message(3), None)
    await_state(tap, State.FINISHED)
    assert tap.close()
    told = [(f.number, f.initial_metadata, f.ended_ns is not None, f.messages) for f in seen]
    assert told == [
        (1, HEADERS, False, 0),
        (1, HEADERS, True, 2),
        (2, (("x-served-by", "node-8"),), False, 0),
        (2, (("x-served-by", "node-8"),), True, 1),
    ]
    assert seen[-1].status == tap.status
