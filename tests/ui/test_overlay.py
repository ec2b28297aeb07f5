"""Streams whose numbers are drawn over each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from grpctap.app import ViewerApp
from grpctap.core.plots import Choice, Choices
from grpctap.core.series import ChartFrame
from grpctap.core.state import State
from grpctap.screens.overlay import OverlayScreen
from grpctap.screens.stream import StreamScreen
from grpctap.tap import Tap
from grpctap.widgets.chart import Chart
from grpctap.widgets.scene import ChartSource, Layer, Scene
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.screens import hides, lines, shows, until
from support.server import PATIENCE_S, RunningServer
from support.tabs import goes_to, tabs
from support.taps import await_more

SIZE = (100, 30)


def counting(rate: int = 50) -> RunningServer:
    return RunningServer(CounterFeed(Schedule(NANOSECONDS // rate, 10**6)))


@pytest.fixture
def servers() -> Iterator[list[RunningServer]]:
    with counting() as one, counting() as two, counting() as three:
        yield [one, two, three]


def layers(watched: StreamScreen) -> list[Layer]:
    over = watched.query_one(Chart).over
    return [] if over is None else list(over())


def over(watched: StreamScreen) -> list[str]:
    return [layer.name for layer in layers(watched)]


def all_live(app: ViewerApp) -> bool:
    return all(title.state is State.LIVE for title in app.tabs.titles())


@pytest.mark.parametrize("size", [(80, 24), SIZE], ids=["80x24", "100x30"])
async def test_numbers_of_another_stream_are_drawn_over_a_chart(
    servers: list[RunningServer], size: tuple[int, int]
) -> None:
    with tabs(*(server.address for server in servers)) as (app, taps):
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: all_live(app), "all are live")
            first, _, third = app.tabs.streams()
            await pilot.press("V")
            await until(pilot, lambda: isinstance(app.screen, OverlayScreen), "the choice")
            await shows(pilot, *(f"{n} ListValue {n} {servers[n - 1].address}" for n in (2, 3)))
            await pilot.press("down", "enter")
            await until(pilot, lambda: over(first) == ["1", "3"], "both are told apart")
            assert [layer.source for layer in layers(first)] == [taps[0], taps[2]]
            await shows(pilot, "1▸1: number", "2 3: number")
            await pilot.press("V")
            await shows(pilot, f"✓ 3 ListValue 3 {servers[2].address}")
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is first, "the stream again")
            # Both ways at once.
            await goes_to(pilot, 3)
            await pilot.press("V")
            await until(pilot, lambda: isinstance(app.screen, OverlayScreen), "the choice")
            await pilot.press("enter")
            await until(pilot, lambda: over(third) == ["3", "1"], "both are told apart")
            await shows(pilot, "1▸3: number", "2 1: number")
            await pilot.press("ctrl+w")
            await until(pilot, lambda: over(first) == [], "its line is gone with it")
            await goes_to(pilot, 1)
            await hides(pilot, "2 3: number")
            await pilot.press("V")
            await until(pilot, lambda: over(first) == ["1", "2"], "of two, the other is meant")
            await pilot.press("V")
            await until(pilot, lambda: over(first) == [], "it is taken away again")
            await goes_to(pilot, 2)
            await pilot.press("ctrl+w", "V")
            await shows(pilot, "There is no other stream")
            assert all(len(line) <= size[0] for line in lines(app))


async def test_streams_in_which_all_is_the_same_are_told_by_their_tabs(
    servers: list[RunningServer],
) -> None:
    with tabs(*[servers[0].address] * 2, data="WTI ") as (app, _):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: all_live(app), "both are live")
            await pilot.press("V")
            await shows(pilot, "1▸tab 1: number", "2 tab 2: number")


async def test_fields_that_are_chosen_in_a_hidden_tab_go_on_over_another(
    servers: list[RunningServer],
) -> None:
    with tabs(*(server.address for server in servers[:2])) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: all_live(app), "both are live")
            taps[1].plots.choose(Choices((Choice("sequence"),)))
            await pilot.press("V")
            await shows(pilot, "1▸1: number", "2 2: sequence")
            with taps[1].chart_frame() as frame:
                series = frame.lines[0].series
            before = len(series)
            await until(pilot, lambda: len(series) > before + 20, "it is read on")


async def test_a_flood_beside_a_stream_keeps_it_from_nothing() -> None:
    with counting() as slow, counting(5_000) as flood, tabs(slow.address, flood.address) as found:
        app, taps = found
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: all_live(app), "both are live")
            await pilot.press("V")
            await shows(pilot, "1▸1: number", "2 2: number")
            chart = app.screen.query_one(Chart)
            drawn, before = chart.frames, taps[0].snapshot().values
            await until(pilot, lambda: taps[0].snapshot().values > before + 50, "it goes on")
            await until(pilot, lambda: chart.frames > drawn, "it is drawn")
            await pilot.press("space")
            await shows(pilot, "‖ PAUSED at #")
            for tap in taps:
                assert (tap.snapshot().missed, tap.snapshot().repeated) == (0, 0)


class Alone:
    """A source, which sees that another one is held by nobody while it is held itself."""

    def __init__(self, source: Tap, other: Tap) -> None:
        self._source, self._other = source, other
        self.looks = 0

    @contextmanager
    def chart_frame(self) -> Iterator[ChartFrame]:
        with self._source.chart_frame() as frame, ThreadPoolExecutor() as pool:
            pool.submit(self._other.snapshot).result(PATIENCE_S)
            self.looks += 1
            yield frame


def test_each_stream_is_held_alone(servers: list[RunningServer]) -> None:
    with tabs(*(server.address for server in servers[:2])) as (_, taps):
        sources: list[Alone] = []
        for one, other in ((0, 1), (1, 0)):
            taps[one].start()
            await_more(taps[one])
            sources.append(Alone(taps[one], taps[other]))
        both: list[ChartSource] = [*sources]
        scene = Scene()
        assert scene.draw([Layer("a", both[0]), Layer("b", both[1])], 80, 20) is not None
        assert scene.lines == 2
        assert all(source.looks >= 1 for source in sources)


def test_a_stream_that_is_held_holds_up_no_other(servers: list[RunningServer]) -> None:
    with tabs(*(server.address for server in servers[:2])) as (_, taps), ThreadPoolExecutor() as p:
        for tap in taps:
            tap.start()
            await_more(tap)
        held, let_go = threading.Event(), threading.Event()

        def hold() -> None:
            with taps[1].chart_frame():
                held.set()
                assert let_go.wait(PATIENCE_S)

        holding = p.submit(hold)
        try:
            assert held.wait(PATIENCE_S)
            layers = [Layer("", taps[0]), Layer("held", taps[1])]
            drawing = p.submit(Scene().draw, layers, 80, 20)
            await_more(taps[0], 20)
            assert not drawing.done()
        finally:
            let_go.set()
        assert drawing.result(PATIENCE_S)
        holding.result(PATIENCE_S)
