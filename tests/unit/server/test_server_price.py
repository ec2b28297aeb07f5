import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap_server.feeds.price import (
    DEFAULT_START,
    PriceFeed,
    _base,
    _lattice,
    price,
    symbol_of,
)
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.server import ManualClock

TICK = NANOSECONDS // 10
HOUR = 3600 * NANOSECONDS

symbols = st.sampled_from(["WTI", "BRENT", "MURBAN", "", "STREAM SERVER GRPC", "原油"])
moments = st.integers(-(2**63), 2**63 - 1)


@given(symbols, moments)
def test_the_price_is_determined_by_symbol_and_moment_alone(symbol: str, moment: int) -> None:
    before = price(symbol, moment)
    _lattice.cache_clear()
    _base.cache_clear()
    assert price(symbol, moment) == before


def test_the_price_is_the_same_in_every_release() -> None:
    assert [price("WTI", DEFAULT_START + n * TICK) for n in range(3)] == [77.7, 77.71, 77.72]


@given(symbols, moments)
def test_a_price_is_plausible_at_any_moment(symbol: str, moment: int) -> None:
    now = price(symbol, moment)
    assert 0.8 * _base(symbol) < now < 1.2 * _base(symbol)
    assert now == round(now, 2)


@given(symbols, st.integers(0, 2**62))
def test_a_tick_moves_the_price_by_little(symbol: str, moment: int) -> None:
    assert abs(price(symbol, moment + TICK) - price(symbol, moment)) < 0.002 * _base(symbol)


def test_a_minute_looks_alive() -> None:
    spans = []
    for minute in range(0, 600, 10):
        start = DEFAULT_START + minute * 60 * NANOSECONDS
        course = [price("WTI", start + n * TICK) for n in range(600)]
        spans.append(max(course) - min(course))
        steps = [abs(b - a) for a, b in itertools.pairwise(course)]
        assert 0 < statistics.mean(steps) < 0.05
    assert min(spans) > 0.1
    assert max(spans) < 2


def test_a_day_stays_within_some_percent() -> None:
    for day in range(30):
        start = DEFAULT_START + day * 24 * HOUR
        course = [price("WTI", start + n * HOUR // 4) for n in range(96)]
        assert max(course) / min(course) < 1.12


@pytest.mark.parametrize("data", ["WTI", "WTI ", " wti\n"])
def test_data_names_the_symbol(data: str) -> None:
    assert symbol_of(data) == "WTI"


def test_a_value_far_out_costs_no_more_than_the_first() -> None:
    """Counts the lattice values looked up, since time would tell nothing for sure."""
    _lattice.cache_clear()
    price("WTI", DEFAULT_START)
    near = _lattice.cache_info().misses
    price("WTI", 2**62)
    assert _lattice.cache_info().misses == 2 * near


def test_intervals_and_starts_change_the_numbering_but_no_price() -> None:
    clock = ManualClock()
    a = PriceFeed(Schedule(TICK, 1000, clock))
    b = PriceFeed(Schedule(3 * TICK, 1000, clock), DEFAULT_START + 12 * TICK)
    (log_a, _), (log_b, _) = a.open("WTI"), b.open("WTI")
    of_a = {item.event_time: item for item in log_a.read(0, 1000)}
    of_b = {item.event_time: item for item in log_b.read(0, 1000)}
    shared = of_a.keys() & of_b.keys()
    assert len(shared) > 300
    assert all(of_a[moment].text == of_b[moment].text for moment in shared)
    assert log_a.stream_id != log_b.stream_id


def test_all_instances_agree_on_the_log() -> None:
    clock = ManualClock()
    logs = [PriceFeed(Schedule(TICK, 1000, clock)).open("WTI ")[0] for _ in range(2)]
    assert logs[0].stream_id == logs[1].stream_id
    assert logs[0].bounds() == logs[1].bounds()
    assert logs[0].read(0, 1000) == logs[1].read(0, 1000)


def test_a_fresh_call_starts_with_the_next_tick() -> None:
    clock = ManualClock(DEFAULT_START + 10 * TICK + TICK // 2)
    log, after = PriceFeed(Schedule(TICK, 1000, clock)).open("WTI")
    assert after == log.bounds().newest == 10
    assert log.read(after, 5) == []
    clock.advance(0.1)
    (item,) = log.read(after, 5)
    assert (item.sequence, item.event_time) == (11, DEFAULT_START + 11 * TICK)
    assert item.number == price("WTI", item.event_time)
    assert item.text == f"{item.number:.2f}"


def test_before_its_start_a_log_is_empty_but_can_be_resumed() -> None:
    clock = ManualClock(DEFAULT_START - HOUR)
    log, after = PriceFeed(Schedule(TICK, 1000, clock)).open("WTI")
    bounds = log.bounds()
    assert (after, bounds.first, bounds.newest, bounds.horizon) == (0, 1, 0, 0)


def test_only_what_is_retained_is_read() -> None:
    clock = ManualClock(DEFAULT_START + 100 * TICK)
    log, _ = PriceFeed(Schedule(TICK, 7, clock)).open("WTI")
    assert [item.sequence for item in log.read(0, 3)] == [94, 95, 96]
    assert log.bounds().first == 94


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        PriceFeed(Schedule(0, 1000))
