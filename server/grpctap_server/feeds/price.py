"""A made-up price, determined by its symbol and the time alone: no state, any server agrees.

The course is a sum of value noise in octaves from a fifth of a second to a month, so it looks alive
at every scale, and costs the same at any moment.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from grpctap_server.feeds.base import Feed, Item
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule, ScheduledLog, make_stream_id

LONGEST_SYMBOL = 64
DEFAULT_START = 1_767_225_600 * NANOSECONDS
"""2026-01-01T00:00:00Z, in ns since the Unix epoch."""

_BASES = {
    "WTI": 78.0,
    "BRENT": 82.0,
    "DUBAI": 80.0,
    "OMAN": 80.5,
    "MURBAN": 81.5,
    "URALS": 67.0,
    "ESPO": 72.0,
    "WCS": 63.0,
    "MAYA": 68.5,
    "TAPIS": 85.0,
}

# Period in seconds, and the largest deviation as a part of the base; the deviations add up to
# far less than 1, which keeps every price positive.
_OCTAVES = (
    (0.2, 0.0005),
    (3, 0.0009),
    (13, 0.0014),
    (47, 0.0022),
    (190, 0.004),
    (800, 0.006),
    (4_100, 0.009),
    (22_000, 0.015),
    (90_000, 0.02),
    (430_000, 0.03),
    (2_600_000, 0.05),
)
_PERIODS = tuple((int(period * NANOSECONDS), part) for period, part in _OCTAVES)


def _unit(*key: object) -> float:
    """Hash a key to a number in [0, 1), the same in every process."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8, person=b"price").digest()
    return int.from_bytes(digest) / 2**64


@lru_cache(maxsize=1 << 14)
def _lattice(symbol: str, octave: int, cell: int) -> float:
    return 2 * _unit(symbol, octave, cell) - 1


@lru_cache(maxsize=1 << 10)
def _base(symbol: str) -> float:
    return _BASES.get(symbol) or 20 + 180 * _unit(symbol)


def symbol_of(data: str) -> str:
    """Tell which symbol a request's data names: "WTI " and "wti" are both WTI."""
    symbol = data.strip().upper()
    if len(symbol) <= LONGEST_SYMBOL:
        return symbol
    # The caches below keep symbols, and a request may be megabytes.
    return hashlib.blake2b(symbol.encode(), digest_size=16).hexdigest()


# All calls for a symbol ask for the same moments.
@lru_cache(maxsize=1 << 10)
def price(symbol: str, moment: int) -> float:
    """Tell the price of a symbol at a moment.

    Args:
        symbol: As `symbol_of` gives it.
        moment: In ns since the Unix epoch.

    Returns:
        The price in whole cents; always positive.
    """
    total = 1.0
    for octave, (period, part) in enumerate(_PERIODS):
        cell, rest = divmod(moment, period)
        left = _lattice(symbol, octave, cell)
        right = _lattice(symbol, octave, cell + 1)
        x = rest / period
        total += part * (left + (right - left) * x * x * (3 - 2 * x))
    return round(_base(symbol) * total, 2)


class PriceLog(ScheduledLog):
    """The price of one symbol at each tick.

    Args:
        symbol: As `symbol_of` gives it.
        start: The moment before the first tick, in ns since the Unix epoch.
        schedule: When the ticks come.
    """

    def __init__(self, symbol: str, start: int, schedule: Schedule) -> None:
        stream_id = make_stream_id("price", symbol, start, schedule.interval)
        super().__init__(stream_id, start, schedule, lead=0)
        self._symbol = symbol

    def item(self, sequence: int, event_time: int) -> Item:
        """Make the value with this number, from the price at `event_time`."""
        number = price(self._symbol, event_time)
        return Item(sequence, f"{number:.2f}", event_time, number)


class PriceFeed(Feed):
    """Shows all callers the same price at the same moment: one log a symbol, shared by all.

    Args:
        schedule: When the ticks come; the interval is above 0.
        start: The moment before tick 1, in ns since the Unix epoch.

    Raises:
        ValueError: If the interval is 0: the log has no end.
    """

    def __init__(self, schedule: Schedule, start: int = DEFAULT_START) -> None:
        if not schedule.interval:
            raise ValueError("a price needs an interval above 0")
        self._schedule = schedule
        self._start = start

    @property
    def description(self) -> str:
        """What the ready line says about the feed."""
        return f"feed price, {self._schedule}"

    def open(self, data: str) -> tuple[PriceLog, int]:
        """Open the symbol's log, and begin with its next tick."""
        log = PriceLog(symbol_of(data), self._start, self._schedule)
        return log, log.bounds().newest

    def reopen(self, data: str, start: int) -> PriceLog:  # noqa: ARG002 - there is but one log
        """Open the symbol's log; a token that names another start is of another log."""
        return PriceLog(symbol_of(data), self._start, self._schedule)
