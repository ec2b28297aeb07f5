"""Charts of what a test puts into them, as text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot

from grpctap.core.series import ChartFrame, Line, Mark, Series
from grpctap.widgets.chart import Chart
from support.screens import until

SECOND = 1_000_000_000
NOON = 1_752_494_400 * SECOND


class Script:
    """A source that says what a test has put into it."""

    def __init__(self, points: list[tuple[float, float]], end: float | None = None) -> None:
        self.series = Series(2_000_000)
        for seconds, value in points:
            self.series.append(NOON + round(seconds * SECOND), value)
        last = self.series.last_time if self.series.last_time is not None else NOON
        self.end_ns = last if end is None else NOON + round(end * SECOND)
        self.marks: list[Mark] = []
        self.name = "number"
        self.moving = True
        self.looks = 0
        self.more: list[Line] = []
        self.common = False
        self.axis = "received"

    def add(self, name: str, points: list[tuple[float, float]]) -> None:
        """Adds a line."""
        series = Series(2_000_000)
        for seconds, value in points:
            series.append(NOON + round(seconds * SECOND), value)
        self.more.append(Line(name, series))

    def mark(self, start: float, end: float | None, label: str) -> None:
        end_ns = None if end is None else NOON + round(end * SECOND)
        self.marks.append(Mark(NOON + round(start * SECOND), end_ns, label))

    def frame(self) -> ChartFrame:
        lines = [Line(self.name, self.series), *self.more]
        return ChartFrame(
            self.end_ns, lines, self.marks, self.moving, common=self.common, axis=self.axis
        )

    @contextmanager
    def chart_frame(self) -> Iterator[ChartFrame]:
        self.looks += 1
        yield self.frame()


class ChartApp(App[None]):
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f12", "note", show=False)]

    def __init__(self, script: Script | None) -> None:
        super().__init__()
        self.chart = Chart(script, tz=UTC)
        self.noted = 0

    def action_note(self) -> None:
        """The keys before have done what they do."""
        self.noted += 1

    def compose(self) -> ComposeResult:
        yield self.chart


def shown(chart: Chart) -> list[str]:
    return [chart.render_line(y).text.rstrip() for y in range(chart.size.height)]


async def picture_after(script: Script, width: int, height: int, *keys: str) -> list[str]:
    """The picture once the chart has the focus and these keys were pressed."""
    app = ChartApp(script)
    async with app.run_test(size=(width, height)) as pilot:
        app.chart.focus()
        await press(pilot, app, *keys)
        return shown(app.chart)


async def press(pilot: Pilot[None], app: ChartApp, *keys: str) -> None:
    """Presses keys, and waits until they have done what they do."""
    noted = app.noted
    await pilot.press(*keys, "f12")
    await until(pilot, lambda: app.noted > noted, "the keys were dealt with")


async def picture_of(script: Script, width: int, height: int) -> list[str]:
    app = ChartApp(script)
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        app.chart.pull()
        lines = shown(app.chart)
        assert all(app.chart.render_line(y).cell_length <= width for y in range(height))
        return lines


def paused_once() -> Script:
    script = Script(
        [(i / 10, 20 + i % 50 / 10) for i in range(300)]
        + [(38.7 + i / 10, 25 - i % 50 / 10) for i in range(200)]
    )
    script.mark(29.95, 38.65, "paused 8.7 s")
    return script


def golden(text: str) -> list[str]:
    """The lines of a picture; each begins with a | that is no part of it."""
    return [line.strip()[1:] for line in text.strip().splitlines()]
