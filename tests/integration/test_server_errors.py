"""Each row of the error table: its code, its reason, and the facts that come with it."""

import base64
from collections.abc import Callable, Iterator
from itertools import islice

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap_server.feeds.base import Feed
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from grpctap_server.tokens import TOKEN_BYTES, Token, decode, encode, fingerprint
from support.client import Client, connect
from support.server import ManualClock, RunningServer, eventually

TICK = NANOSECONDS // 10
RETAIN = 10

INVALID = (grpc.StatusCode.INVALID_ARGUMENT, "TOKEN_INVALID")
EXPIRED = (grpc.StatusCode.OUT_OF_RANGE, "TOKEN_EXPIRED")
AHEAD = (grpc.StatusCode.OUT_OF_RANGE, "TOKEN_AHEAD")
CHANGED = (grpc.StatusCode.FAILED_PRECONDITION, "STREAM_CHANGED")
SLOW = (grpc.StatusCode.ABORTED, "SLOW_CONSUMER")
ENDING = (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def feed(clock: ManualClock) -> CounterFeed:
    return CounterFeed(Schedule(TICK, RETAIN, clock))


@pytest.fixture
def client(feed: CounterFeed) -> Iterator[Client]:
    with RunningServer(feed) as server, connect(server.address) as client:
        yield client
        assert client.route("still here").value == "hello still here"
        eventually(lambda: server.service.open_calls == 0, "no call is left open")


def refused(client: Client, data: str, token: bytes) -> tuple[grpc.StatusCode, str]:
    code, info = client.refusal(data, token)
    return code, info.reason


def forge(feed: Feed, start: int, sequence: int, data: str = "x") -> bytes:
    """Make a token that is right in all but what a clock says of it."""
    log = feed.reopen(data, start)
    return encode(Token(fingerprint(log.stream_id), fingerprint(data), start, sequence))


def test_every_damage_to_a_token_is_refused(client: Client) -> None:
    (first,) = client.take(1, "x")
    good = first.resume_token

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, TOKEN_BYTES - 1) | st.none(), st.integers(0, TOKEN_BYTES * 8 - 1))
    def check(length: int | None, bit: int) -> None:
        damaged = bytearray(good)
        if length is None:
            damaged[bit // 8] ^= 1 << bit % 8
        else:
            del damaged[length:]
        assert refused(client, "x", bytes(damaged)) == INVALID

    check()


@pytest.mark.parametrize("token", [b"\0", b"garbage", b"x" * TOKEN_BYTES, b"x" * (1 << 20)])
def test_what_never_was_a_token_is_refused(client: Client, token: bytes) -> None:
    assert refused(client, "x", token) == INVALID


@pytest.mark.parametrize("data", ["", "x ", "X", "xx", "原油"])
def test_a_token_for_other_data_is_refused(client: Client, data: str) -> None:
    (first,) = client.take(1, "x")
    assert refused(client, data, first.resume_token) == INVALID


def test_an_expired_token_is_told_what_is_lost(client: Client, clock: ManualClock) -> None:
    (first,) = client.take(1, "x")
    clock.advance(2)
    call = client.open("x", first.resume_token)
    messages, code, info = client.end(call)
    assert (messages, code, info.reason) == ([], *EXPIRED)
    facts = dict(info.metadata)
    oldest = base64.b64decode(facts.pop("oldest_token"))
    assert facts == {
        "stream_id": first.stream_id,
        "token_sequence": "1",
        "first_sequence": "12",
        "newest_sequence": "21",
    }
    # It is for the oldest value at the time when somebody uses it.
    clock.advance(0.5)
    assert [m.sequence for m in client.take(2, "x", oldest)] == [17, 18]
    assert "#2 to #11" in call.details()


def test_the_oldest_value_kept_can_be_resumed_and_the_one_before_cannot(
    client: Client, clock: ManualClock, feed: CounterFeed
) -> None:
    start = clock.now
    clock.advance(2)
    (oldest,) = client.take(1, "x", forge(feed, start, 11))
    assert oldest.sequence == oldest.first_sequence == 12
    assert refused(client, "x", forge(feed, start, 10)) == EXPIRED


def test_a_token_ahead_of_the_log_is_refused(client: Client, clock: ManualClock) -> None:
    call = client.open("x")
    next(call)
    clock.advance(0.9)
    last = list(islice(call, 9))[-1]
    call.cancel()
    clock.advance(-5.1)
    code, info = client.refusal("x", last.resume_token)
    assert (code, info.reason) == AHEAD
    assert info.metadata["token_sequence"] == "10"


def test_a_token_of_another_feed_is_refused(client: Client, clock: ManualClock) -> None:
    price = PriceFeed(Schedule(TICK, RETAIN, clock))
    log, newest = price.open("x")
    code, info = client.refusal("x", forge(price, log.start, newest))
    assert (code, info.reason) == CHANGED
    assert info.metadata["stream_id"].startswith("counter-")


@pytest.mark.parametrize(
    "other",
    [
        lambda clock: PriceFeed(Schedule(2 * TICK, RETAIN, clock)),
        lambda clock: PriceFeed(Schedule(TICK, RETAIN, clock), start=1),
        lambda clock: CounterFeed(Schedule(TICK, RETAIN, clock)),
    ],
    ids=["interval", "start", "kind"],
)
def test_a_log_made_with_other_flags_is_another(
    other: Callable[[ManualClock], Feed], clock: ManualClock
) -> None:
    with (
        RunningServer(PriceFeed(Schedule(TICK, RETAIN, clock))) as server,
        connect(server.address) as client,
    ):
        feed = other(clock)
        log, after = feed.open("x")
        assert refused(client, "x", forge(feed, log.start, after)) == CHANGED


@pytest.mark.parametrize(
    ("start", "sequence", "refusal"),
    [
        (-(2**63), 0, EXPIRED),
        (-(2**63), 2**64 - 2, AHEAD),
        (0, 1, EXPIRED),
        (2**63 - 1, 0, AHEAD),
        (2**63 - 1, 2**64 - 2, AHEAD),
        (2**63 - 1, 2**64 - 1, AHEAD),
    ],
)
def test_absurd_starts_are_refused_and_harm_nothing(
    client: Client, feed: CounterFeed, start: int, sequence: int, refusal: object
) -> None:
    assert refused(client, "x", forge(feed, start, sequence)) == refusal


def test_a_counters_start_may_lie_a_little_ahead_and_no_more(
    client: Client, feed: CounterFeed, clock: ManualClock
) -> None:
    ahead = clock.now + 6 * NANOSECONDS
    assert refused(client, "x", forge(feed, ahead, 0)) == AHEAD
    clock.advance(1)
    call = client.open("x", forge(feed, ahead, 0), progress=True)
    assert next(call).sequence == 0
    clock.advance(5)
    assert next(call).stream_value == "x0"
    call.cancel()


def test_a_client_that_reads_too_slowly_is_cut_off_and_can_tell_where() -> None:
    feed = CounterFeed(Schedule(NANOSECONDS // 1000, 20))
    big = "x" * (1 << 20)
    with RunningServer(feed) as server, connect(server.address) as client:
        call = client.open(big)
        first = next(call)
        log = feed.reopen(big, first.event_time.ToNanoseconds())
        # What fits into the buffers of the connection is sent whether it is read or not.
        eventually(lambda: log.bounds().first > 500, "the log runs away from a client that sleeps")
        messages, code, info = client.end(call)
        assert (code, info.reason) == SLOW
        last = [first, *messages][-1]
        assert [m.sequence for m in [first, *messages]] == list(range(1, last.sequence + 1))
        assert info.metadata["last_sequence"] == str(last.sequence)
        assert int(info.metadata["first_sequence"]) > last.sequence + 1
        assert info.metadata["stream_id"] == last.stream_id


def test_a_server_that_drains_ends_calls_that_wait_and_refuses_new_ones(
    feed: CounterFeed,
) -> None:
    with RunningServer(feed) as server, connect(server.address) as client:
        call = client.open("x")
        next(call)
        server.drain()
        messages, code, info = client.end(call)
        assert (messages, code, info.reason) == ([], *ENDING)
        assert call.details() == "the server is shutting down"
        assert client.refusal("x", b"")[0] is grpc.StatusCode.UNAVAILABLE


def test_what_a_token_says_is_what_was_sent(client: Client) -> None:
    (first,) = client.take(1, "x")
    token = decode(first.resume_token)
    assert token.sequence == first.sequence == 1
    assert token.start == first.event_time.ToNanoseconds()
