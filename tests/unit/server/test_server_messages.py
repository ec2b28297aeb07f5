"""The messages that calls share are those that each of them would make."""

from __future__ import annotations

import gc

from grpctap_server import tokens
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from grpctap_server.messages import SharedMessages
from support.server import ManualClock


def feed(clock: ManualClock) -> CounterFeed:
    return CounterFeed(Schedule(NANOSECONDS, 1000, clock))


def test_calls_for_the_same_get_the_same_messages() -> None:
    clock, shared = ManualClock(), SharedMessages()
    log = feed(clock).reopen("x", clock.now)
    one, other = shared.of(log, "x"), shared.of(feed(clock).reopen("x", clock.now), "x")
    (item,) = log.read(0, 1)
    assert one.value(item, 1) is other.value(item, 1)


def test_other_data_or_another_log_makes_other_messages() -> None:
    clock, shared = ManualClock(), SharedMessages()
    log, later = (
        feed(clock).reopen("x", clock.now),
        feed(clock).reopen("x", clock.now - NANOSECONDS),
    )
    (item,) = log.read(0, 1)
    (twin,) = later.read(0, 1)
    kept = [shared.of(log, "x"), shared.of(log, "y"), shared.of(later, "x")]
    values = [
        messages.value(value, 1) for messages, value in zip(kept, (item, item, twin), strict=True)
    ]
    assert [value.stream_value for value in values] == ["x0", "y0", "x0"]
    prints = [tokens.decode(value.resume_token) for value in values]
    assert prints[0].data != prints[1].data
    assert prints[0].start != prints[2].start
    assert values[0].stream_id != values[2].stream_id


def test_a_value_says_what_is_the_oldest_at_its_time() -> None:
    clock, shared = ManualClock(), SharedMessages()
    log = feed(clock).reopen("x", clock.now)
    messages = shared.of(log, "x")
    (item,) = log.read(0, 1)
    assert [messages.value(item, first).first_sequence for first in (1, 2, 1)] == [1, 2, 1]


def test_each_value_of_a_long_log_is_its_own() -> None:
    clock, shared = ManualClock(), SharedMessages()
    log = feed(clock).reopen("x", clock.now)
    clock.advance(99)
    messages = shared.of(log, "x")
    for _ in range(2):
        values = [messages.value(item, 1) for item in log.read(0, 100)]
        assert [value.stream_value for value in values] == [f"x{n}" for n in range(100)]
        assert [tokens.decode(value.resume_token).sequence for value in values] == [*range(1, 101)]


def test_long_data_is_made_for_each_call_and_not_kept() -> None:
    clock, shared = ManualClock(), SharedMessages()
    log = feed(clock).reopen("x", clock.now)
    messages = shared.of(log, "x" * 10_000)
    (item,) = log.read(0, 1)
    one, other = messages.value(item, 1), messages.value(item, 1)
    assert one == other
    assert one is not other


def test_what_no_call_holds_is_gone() -> None:
    clock, shared = ManualClock(), SharedMessages()
    log = feed(clock).reopen("x", clock.now)
    messages = shared.of(log, "x")
    (item,) = log.read(0, 1)
    first = messages.value(item, 1)
    del messages
    gc.collect()
    assert shared.of(log, "x").value(item, 1) is not first
