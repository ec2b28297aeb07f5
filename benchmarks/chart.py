"""Prints what the chart costs: an append, a frame that moves on, and a frame from nothing.

A frame is the look at the source, the picture, and its rows as strips, at 160x15 cells. What is
panned goes a quarter of the width at each frame, in a window of a tenth of all that is kept.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from math import sin
from statistics import median, quantiles
from time import perf_counter_ns, process_time_ns

from textual.app import App, ComposeResult

from grpctap.core.series import ChartFrame, Line, Series
from grpctap.widgets.chart import Chart

SECOND = 1_000_000_000
FRAMES = 200
APPENDS = 1_000_000
SLICE = 100_000


class Feed:
    """A minute of so many points, of which each frame brings another tenth of a second.

    They are the points of each of its lines.
    """

    def __init__(self, points: int, lines: int = 1) -> None:
        self.series = [Series(points) for _ in range(lines)]
        self.step_ns = 60 * SECOND // points
        self.end_ns = 0
        self.count = 0
        self.advance(60 * SECOND)

    def advance(self, by_ns: int) -> None:
        self.end_ns += by_ns
        numbers = range(self.count, -(-self.end_ns // self.step_ns))
        self.count = numbers.stop
        for start in range(numbers.start, numbers.stop, SLICE):
            part = numbers[start - numbers.start :][:SLICE]
            times = [number * self.step_ns for number in part]
            for line, series in enumerate(self.series, 1):
                values = [sin(number / 1000 / line) + number % 7 / 50 for number in part]
                series.extend(times, values)

    @contextmanager
    def chart_frame(self) -> Iterator[ChartFrame]:
        lines = [Line(f"line{number}", series) for number, series in enumerate(self.series)]
        yield ChartFrame(self.end_ns, lines, (), moving=True)


class Bench(App[None]):
    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.chart = chart

    def compose(self) -> ComposeResult:
        yield self.chart


def frame(chart: Chart) -> float:
    """Draws a frame; returns the milliseconds of processor time that it took."""
    start = process_time_ns()
    chart.pull()
    for y in range(chart.size.height):
        chart.render_line(y)
    return (process_time_ns() - start) / 1e6


async def frames(points: int, lines: int = 1) -> None:
    feed = Feed(points, lines)
    chart = Chart(feed)
    async with Bench(chart).run_test(size=(160, 15)) as pilot:
        await pilot.pause()
        chart.pull()
        # A full collection looks at the whole program, which is not the chart's to answer for.
        gc.collect()
        gc.freeze()
        moving, fresh, idle = [], [], []
        for _ in range(FRAMES):
            feed.advance(SECOND // 10)
            drawn = chart.frames
            took = frame(chart)
            if chart.frames > drawn:
                moving.append(took)
            start = perf_counter_ns()
            chart.pull()
            idle.append((perf_counter_ns() - start) / 1e6)
        for _ in range(FRAMES):
            chart.scene.forget()
            fresh.append(frame(chart))
        window = chart.window
        window.zoom(0.1)
        panned = []
        for number in range(FRAMES):
            window.pan((-1 if number // 10 % 2 == 0 else 1) * window.span_ns // 4)
            panned.append(frame(chart))
        gc.unfreeze()
    figures = (("moves on", moving), ("from nothing", fresh), ("panned", panned))
    for name, times in (*figures, ("no change", idle)):
        p99 = quantiles(times, n=100)[98]
        print(
            f"{points:>9,} points  {name:<12}  median {median(times):6.3f} ms  p99 {p99:6.3f} ms"
            f"  ({len(times)} frames)"
        )


def appends() -> None:
    for capacity in (100_000, 1_000_000):
        series = Series(capacity)
        values = [float(i % 977) for i in range(APPENDS)]
        start = perf_counter_ns()
        for i, value in enumerate(values):
            series.append(i, value)
        took = (perf_counter_ns() - start) / APPENDS
        print(f"append, capacity {capacity:>9,}: {took:.0f} ns")


def main() -> None:
    appends()
    for lines in (1, 6):
        print(f"{lines} line{'s' * (lines > 1)}")
        for points in (1_000, 10_000, 100_000, 1_000_000, 10_000_000):
            asyncio.run(frames(points, lines))


if __name__ == "__main__":
    main()
