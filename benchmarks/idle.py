"""What the viewer takes while little happens, and what its chart takes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import time
from collections.abc import Iterator

from benchmarks import chart
from benchmarks.extent import VALUE, VIEWER, Extent
from benchmarks.table import Row, megabytes, say

from support.terminal import Terminal


def cpu_rows(extent: Extent) -> Iterator[Row]:
    """Processor time at ten values a second, live and paused."""
    say("processor time at ten values a second")
    with Terminal((*VIEWER, "demo")) as terminal:
        terminal.wait_for(VALUE)
        for name, key in (("live", b""), ("paused", b" ")):
            if key:
                terminal.write(key)
            time.sleep(extent.settle_s)
            updates, output = len(terminal.updates), terminal.output
            start, before = time.monotonic(), terminal.cpu_seconds()
            time.sleep(extent.idle_s)
            took = time.monotonic() - start
            share = (terminal.cpu_seconds() - before) / took
            updates, output = len(terminal.updates) - updates, terminal.output - output
            figure = f"{share:.1%} of a core"
            drawn = f"{updates / took:.1f} updates/s, {output / took / 1e3:.1f} kB/s of output"
            spell = f"{extent.idle_s:.0f} s after {extent.settle_s:.0f} s"
            how = f"grpctap demo, 10 values/s, {spell}; {drawn}"
            yield Row(f"processor: {name}", figure, how)
        memory = megabytes(terminal.peak_memory())
    yield Row("memory: after that", memory, "peak resident, the same process")


def chart_rows(extent: Extent) -> Iterator[Row]:
    """What `chart.py` measures."""
    say("chart")
    for points in extent.chart_points:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            asyncio.run(chart.frames(points))
        for line in printed.getvalue().splitlines():
            _, kind, *figures, drawn = re.split(" {2,}", line.strip())
            how = f"benchmarks/chart.py, 160x15, {points:,} points, {drawn.strip('()')}"
            yield Row(f"chart frame: {kind}", " ".join(figures), how)
