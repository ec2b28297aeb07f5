"""The values of the server's flags: text in, numbers out, or what is wrong with it."""

from __future__ import annotations

import argparse
from datetime import datetime
from decimal import Decimal, InvalidOperation

_NANOSECONDS = 1_000_000_000
_SHORTEST_INTERVAL_S = Decimal("0.0001")
_LONGEST_INTERVAL_S = Decimal(86_400 * 365)
_LONGEST_PROGRESS_S = Decimal(86_400)
_SHORTEST_SLOW_S = Decimal("0.1")
_MOST_WORKERS = 256
_MOST_COLUMNS = 10_000
# Sequences stay exact in JSON and in floating point, wherever they are shown.
_MOST_VALUES = 2**53
# A resume token keeps the start in 64 bits.
_LARGEST_START = 2**63 - 1


def host(text: str) -> str:
    """Read a host, without brackets."""
    host = text.removeprefix("[").removesuffix("]")
    if not host or not host.isprintable() or " " in host:
        raise argparse.ArgumentTypeError(f"{text!r} is not a host")
    return host


def whole(text: str, low: int, high: int) -> int:
    """Read a whole number from `low` to `high`."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text} is not from {low} to {high}")
    return value


def port(text: str) -> int:
    """Read a port, 0 to 65,535."""
    return whole(text, 0, 65_535)


def workers(text: str) -> int:
    """Read a number of processes."""
    return whole(text, 1, _MOST_WORKERS)


def positive(text: str) -> int:
    """Read a number of values, 1 or more."""
    return whole(text, 1, _MOST_VALUES)


def tail(text: str) -> int:
    """Read a number of lines, 0 or more."""
    return whole(text, 0, _MOST_VALUES)


def column(text: str) -> int:
    """Read the number of a column, from 1."""
    return whole(text, 1, _MOST_COLUMNS)


def _seconds(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"{text} is not a finite number of seconds")
    return value


def _none_or_within(text: str, low: Decimal, high: Decimal) -> Decimal:
    value = _seconds(text)
    if value != 0 and not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text} is not 0, nor from {low} to {high} seconds")
    return value


def interval(text: str) -> Decimal:
    """Read 0, or an interval in seconds."""
    return _none_or_within(text, _SHORTEST_INTERVAL_S, _LONGEST_INTERVAL_S)


def progress_interval(text: str) -> Decimal:
    """Read an interval in seconds."""
    value = _seconds(text)
    if not _SHORTEST_INTERVAL_S <= value <= _LONGEST_PROGRESS_S:
        raise argparse.ArgumentTypeError(
            f"{text} is not from {_SHORTEST_INTERVAL_S} to {_LONGEST_PROGRESS_S} seconds"
        )
    return value


def slow_timeout(text: str) -> Decimal:
    """Read 0, or a time in seconds."""
    return _none_or_within(text, _SHORTEST_SLOW_S, _LONGEST_PROGRESS_S)


def moment(text: str) -> int:
    """Read RFC 3339 or Unix seconds, to ns since the Unix epoch."""
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = _rfc3339_seconds(text)
    if not seconds.is_finite() or not 0 <= seconds <= _LARGEST_START // _NANOSECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not from 1970 to 2262")
    return int(seconds * _NANOSECONDS)


def _rfc3339_seconds(text: str) -> Decimal:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither Unix seconds nor like 2026-01-01T00:00:00Z"
        )
    # A float of seconds is too coarse for microseconds this far from the epoch.
    return Decimal(int(moment.replace(microsecond=0).timestamp())) + Decimal(
        moment.microsecond
    ) / Decimal(1_000_000)
