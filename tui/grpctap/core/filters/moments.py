"""Times and durations as people write them in a filter, in nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SECOND_NS = 1_000_000_000
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND_NS,
    "m": 60 * _SECOND_NS,
    "h": 3_600 * _SECOND_NS,
}
_PART = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?(ns|us|µs|ms|s|m|h)", re.ASCII)


def time_of(text: str) -> int | None:
    """A time of RFC 3339 since the epoch; without a zone it is a local one. None: it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{(zone or '').upper()}")
        seconds = round(moment.astimezone(UTC).timestamp())
    except (ValueError, OverflowError, OSError):
        return None
    return seconds * _SECOND_NS + int((fraction or "").ljust(9, "0"))


def duration_of(text: str) -> int | None:
    """A duration such as "1.5s", "250ms" or "1h30m"; None: it is none."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    total = at = 0
    while match := _PART.match(rest, at):
        whole, fraction, unit = match.groups()
        size = _UNITS[unit]
        total += int(whole) * size
        if fraction:
            total += int(fraction) * size // 10 ** len(fraction)
        at = match.end()
    return sign * total if at and at == len(rest) else None
