from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from textual.app import App, ComposeResult

from grpctap.core.series import ChartFrame, Line, Series
from grpctap.widgets.chart import LONGEST_REST, Chart

SLOW_S = 0.1


class SlowSource:
    """A source that keeps whoever looks waiting."""

    def __init__(self) -> None:
        self.looks = 0

    @contextmanager
    def chart_frame(self) -> Iterator[ChartFrame]:
        self.looks += 1
        time.sleep(SLOW_S)
        yield ChartFrame(0, [Line("number", Series())], (), moving=True)


class ChartApp(App[None]):
    def __init__(self, source: SlowSource) -> None:
        super().__init__()
        self.chart = Chart(source)

    def compose(self) -> ComposeResult:
        yield self.chart


async def test_a_chart_that_takes_long_rests_for_a_while_but_not_for_ever() -> None:
    source = SlowSource()
    app = ChartApp(source)
    async with app.run_test(size=(80, 24)) as pilot:
        looks = source.looks
        app.chart.tick()
        app.chart.tick()
        assert source.looks == looks + 1

        await pilot.pause(2 * LONGEST_REST)
        app.chart.tick()

        assert source.looks == looks + 2
