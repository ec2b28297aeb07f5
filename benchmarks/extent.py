"""How much a run measures, and what all its parts agree on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
METHOD = "proto.StreamServer/ListValue"
REQUEST = '{"data": "WTI "}'
VIEWER = (sys.executable, "-m", "grpctap")
VALUE = r"#\d+ +\d\d:\d\d:\d\d\.\d{3} +WTI"
"""A line of the viewer's log."""
MESSAGE_SIZE = 100
"""What the bundled server sends is about as long."""
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured; counts are of values or of runs, times in seconds."""

    starts: int
    keys: int
    settle_s: float
    idle_s: float
    chart_points: Sequence[int]
    rounds: int
    count: int
    long_count: int
    growth: Sequence[int]
    growth_s: float
    sizes: Sequence[int]
    sized_bytes: int
    histories: Sequence[int]
    history_count: int
    viewers: Sequence[int]
    viewers_s: float


FULL = Extent(
    starts=10,
    keys=50,
    settle_s=5.0,
    idle_s=10.0,
    chart_points=(1_000, 100_000, 1_000_000, 10_000_000),
    rounds=5,
    count=200_000,
    long_count=1_000_000,
    growth=(10_000, 100_000, 1_000_000, 10_000_000),
    growth_s=300.0,
    sizes=(56, 1_000, 16_000, 100_000, 1_000_000),
    sized_bytes=200_000_000,
    histories=(1_000, 100_000, 1_000_000),
    history_count=1_200_000,
    viewers=(1, 10, 100, 1_000),
    viewers_s=10.0,
)
QUICK = Extent(
    starts=3,
    keys=10,
    settle_s=2.0,
    idle_s=3.0,
    chart_points=(100_000,),
    rounds=3,
    count=30_000,
    long_count=200_000,
    growth=(10_000, 100_000),
    growth_s=20.0,
    sizes=(56, 100_000),
    sized_bytes=20_000_000,
    histories=(1_000, 100_000),
    history_count=110_000,
    viewers=(1, 100),
    viewers_s=3.0,
)


def watch(address: str, *flags: str) -> tuple[str, ...]:
    """The command that watches the stream at `address`."""
    return (*VIEWER, "-plaintext", *flags, "-d", REQUEST, address, METHOD)
