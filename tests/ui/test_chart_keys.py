"""The chart's keys and the mouse, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.cli import parse
from grpctap.core.history import Value
from grpctap.core.ticks import SECOND
from grpctap.core.window import Fit
from grpctap.schemas import schema_of
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.widgets.chart import Chart
from grpctap.widgets.stream_log import StreamLog
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support import viewers
from support.logs import log_server
from support.puppet import START_NS, TICK_NS, Puppet, SteppedClock, price_message
from support.screens import foot, hides, lines, shows, text, until
from support.server import RunningServer
from support.viewers import watching

SIZE = (100, 30)


@contextmanager
def viewer(address: str, clock: SteppedClock | None = None) -> Iterator[tuple[ViewerApp, Tap]]:
    with viewers.viewer(address, clock=clock) as (app, tap):
        if clock is not None:
            clock.tap = tap
        yield app, tap


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer(PriceFeed(Schedule(NANOSECONDS // 50, 10**6))) as running:
        yield running


def parts(app: ViewerApp) -> tuple[Chart, StreamLog]:
    return app.screen.query_one(Chart), app.screen.query_one(StreamLog)


def chart_rows(app: ViewerApp) -> list[str]:
    region = app.screen.query_one(Chart).region
    return lines(app)[region.y : region.bottom]


async def test_a_live_chart_zooms_holds_and_follows(server: RunningServer) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=SIZE) as pilot:
            chart, log = parts(app)
            await until(pilot, lambda: tap.snapshot().values > 150, "three seconds of values")
            await pilot.press("plus", "plus", "plus", "plus")
            await until(pilot, lambda: chart.window.span_ns == SECOND, "a second is shown")
            assert chart.window.held is None
            assert not log.frozen

            await pilot.press("left")
            await shows(pilot, "held, 0 follows")
            held = chart_rows(app)
            before = tap.snapshot().values
            await until(pilot, lambda: tap.snapshot().values > before + 30, "more values")
            assert chart_rows(app) == held
            assert not log.frozen

            await pilot.press("minus")
            await until(pilot, lambda: chart.window.span_ns == 2 * SECOND, "two are shown")
            await pilot.press("0")
            await hides(pilot, "held, 0 follows")
            assert chart.window.is_plain
            await pilot.press("0")
            await until(pilot, lambda: chart.window.fit is Fit.ALL, "everything is shown")
            with tap.chart_frame() as frame:
                first_ns = frame.lines[0].series.first_time
            assert first_ns is not None
            assert chart.window.start_ns <= first_ns

            await pilot.press("plus", "left")
            await shows(pilot, "held, 0 follows")
            # Now goes on, so that it takes some steps to come back to it.
            while chart.window.held is not None:
                await pilot.press("right")
            await hides(pilot, "held, 0 follows")


async def test_the_mouse_moves_the_chart(server: RunningServer) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=SIZE) as pilot:
            chart, log = parts(app)
            await until(pilot, lambda: tap.snapshot().values > 150, "three seconds of values")
            await pilot.press("plus", "plus")
            await pilot.mouse_down(chart, offset=(30, 4))
            await pilot.hover(chart, offset=(40, 4))
            await pilot.mouse_up(chart, offset=(40, 4))
            await shows(pilot, "held, 0 follows")
            await pilot.click(chart, offset=(chart.scene.gutter + 32, 4))
            await until(pilot, lambda: chart.window.cursor == 32, "the cursor stands there")
            await shows(pilot, "esc Log", "⏎ Message")
            assert chart.has_focus
            await pilot.press("escape")
            await until(pilot, lambda: log.has_focus, "back in the log")
            assert chart.window.cursor is None


async def test_tab_goes_to_the_chart_and_back(server: RunningServer) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=SIZE) as pilot:
            chart, log = parts(app)
            await until(pilot, lambda: tap.snapshot().values > 20, "some values")
            assert "esc Log" not in text(app)
            await pilot.press("tab")
            await until(pilot, lambda: chart.has_focus, "in the chart")
            await shows(pilot, "← → Cursor", "+ - Zoom", "0 All", "esc Log", "space Pause")
            await until(pilot, lambda: "▸" in chart_rows(app)[0], "that the chart has the focus")
            assert "⏎" not in foot(app).split("Cursor")[0]
            await pilot.press("left")
            await shows(pilot, "held, 0 follows", "0 Follow", "⏎ Message")
            await pilot.press("tab")
            await until(pilot, lambda: log.has_focus, "back in the log")
            await hides(pilot, "held, 0 follows", "esc Log")
            assert chart.window.is_plain
            app.screen.action_chart()  # type: ignore[attr-defined]
            await pilot.press("tab")
            assert log.has_focus


@contextmanager
def stepped(count: int) -> Iterator[tuple[ViewerApp, Tap, Puppet]]:
    """A viewer on a server that has sent so many values, a tenth of a second apart."""
    puppet, clock = Puppet(), SteppedClock()
    with RunningServer(puppet) as running, viewer(running.address, clock) as (app, tap):
        yield app, tap, puppet


async def send(pilot: Pilot[Any], tap: Tap, puppet: Puppet, *numbers: int) -> None:
    puppet.send(*(price_message(number) for number in numbers))
    await until(pilot, lambda: tap.snapshot().values == numbers[-1], "all have come")


async def test_enter_goes_to_the_message_at_the_cursor() -> None:
    with stepped(0) as (app, tap, puppet):
        async with app.run_test(size=SIZE) as pilot:
            chart, log = parts(app)
            puppet.await_call(1)
            await send(pilot, tap, puppet, *range(1, 301))
            await until(pilot, lambda: chart.window.end_ns >= START_NS + 300 * TICK_NS, "drawn")
            await pilot.press("tab", "left", "shift+left", "shift+left", "left")
            at = chart.window.cells - 22
            await until(pilot, lambda: chart.window.cursor == at, "the cursor stands there")
            cell = chart.window.cursor
            assert cell is not None
            start_ns, end_ns = chart.window.stretch(cell)
            await pilot.press("enter")
            await until(pilot, lambda: log.at_cursor is not None, "the log has a cursor")
            await until(pilot, lambda: log.has_focus, "back in the log")
            assert log.frozen
            found = log.at_cursor
            assert found is not None
            values = [row for row in log.shown.rows if isinstance(row, Value)]
            inside = [value for value in values if start_ns <= value.time_ns < end_ns]
            assert found in inside
            await shows(pilot, f"▸#{found.label}")

            # It stands out most of those in the column.
            def away(value: Value) -> float:
                before = price_message(inside[0].label - 1)
                return abs(price_message(value.label).number - before.number)

            assert away(found) == max(map(away, inside))
            await until(pilot, lambda: chart.log_cursor_ns == found.time_ns, "the chart knows")
            assert chart.window.cell_of(found.time_ns) == cell


async def test_the_logs_cursor_shows_in_the_chart_and_takes_it_along() -> None:
    with stepped(0) as (app, tap, puppet):
        async with app.run_test(size=SIZE) as pilot:
            chart, log = parts(app)
            puppet.await_call(1)
            await send(pilot, tap, puppet, *range(1, 301))
            await pilot.press("plus", "plus", "plus")
            assert "▴" not in chart_rows(app)[-1]
            await pilot.press("up")
            await until(pilot, lambda: "▴" in chart_rows(app)[-1], "a marker in the chart")
            assert "held" not in chart_rows(app)[0]

            await pilot.press("home")
            await until(pilot, lambda: log.at_cursor == log.shown.rows[0], "at the oldest")
            first = log.at_cursor
            assert first is not None
            assert first.label == 1
            await until(pilot, lambda: chart.log_cursor_ns == first.time_ns, "the chart knows")
            cell = chart.window.cell_of(first.time_ns)
            assert cell is not None
            await until(pilot, lambda: "▴" in chart_rows(app)[-1], "the marker is in sight")
            place = chart.scene.gutter + cell
            await until(pilot, lambda: chart_rows(app)[-1].find("▴") == place, "at its place")

            await pilot.press("f")
            await until(pilot, lambda: "▴" not in chart_rows(app)[-1], "the marker is gone")
            assert chart.window.held is None


async def test_x_says_where_there_is_no_event_time() -> None:
    with log_server() as (address, _):
        config = parse(["-plaintext", address, "test.Log/Tail"])
        transport = GrpcTransport(config.target, config.method.name)
        tap = Tap(transport, schema_of(config, progress=True))
        with watching(tap, address, config.method.name) as app:
            async with app.run_test(size=SIZE, notifications=True) as pilot:
                await until(pilot, lambda: tap.snapshot().values > 2, "some values")
                await pilot.press("x")
                await shows(pilot, "no event time in these messages")
                assert not tap.by_event
