"""Several streams in tabs: real keys on real servers."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from textual import events
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.listvalue import METHOD
from grpctap.core.reconnect import SECOND, Backoff, Reconnect
from grpctap.core.seams import Outcome
from grpctap.core.state import State
from grpctap.opening import Opening
from grpctap.recent import RecentCall
from grpctap.screens.help import HelpScreen
from grpctap.screens.inspect import InspectScreen
from grpctap.screens.pick import PickScreen
from grpctap.screens.request import RequestScreen
from grpctap.screens.tabs import settle
from grpctap.screens.watch import WatchScreen
from grpctap.widgets.chart import Chart
from grpctap.widgets.filter_input import FilterInput
from grpctap.widgets.stream_log import StreamLog
from grpctap.widgets.tab_line import TabLine
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.openings import opening, pick, type_text
from support.screens import hides, lines, shows, until
from support.server import RunningServer, eventually
from support.tabs import goes_to, screen, tabs
from support.taps import await_more, connections, make_tap, reader_threads, texts

SIZE = (100, 30)


def counting(rate: int = 50) -> RunningServer:
    feed = CounterFeed(Schedule(NANOSECONDS // rate, 10**6))
    return RunningServer(feed, with_reflection=True)


@pytest.fixture
def servers() -> Iterator[list[RunningServer]]:
    with counting() as one, counting() as two, counting() as three:
        yield [one, two, three]


@pytest.fixture(autouse=True)
def kept_apart(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def addresses(servers: list[RunningServer]) -> list[str]:
    return [server.address for server in servers]


def await_no_calls(server: RunningServer) -> None:
    eventually(lambda: server.service.open_calls == 0, "its calls are cancelled")


def title(pilot: Pilot[int]) -> str:
    return lines(pilot.app)[0]


def states(app: ViewerApp) -> list[State | None]:
    return [title.state for title in app.tabs.titles()]


async def test_each_stream_has_a_state_of_its_own(servers: list[RunningServer]) -> None:
    with tabs(*addresses(servers)) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await shows(pilot, " 1 ● ListValue", " 2 ● ListValue", " 3 ● ListValue", "● LIVE")
            await pilot.press("space")
            await shows(pilot, "‖ PAUSED at #", "space Resume", " 1 ‖ ListValue")
            await goes_to(pilot, 2)
            await shows(pilot, servers[1].address, "● LIVE", "space Pause")
            await until(pilot, lambda: taps[1].snapshot().values > 60, "enough to scroll")
            await pilot.press("f")
            await shows(pilot, "FROZEN, +")
            log = app.screen.query_one(StreamLog)
            held = lines(app)[log.region.y : log.region.bottom]
            await goes_to(pilot, 3)
            await pilot.press("s")
            await shows(pilot, "■ STOPPED", " 3 ■ ListValue")
            assert states(app) == [State.PAUSED, State.LIVE, State.STOPPED]
            await goes_to(pilot, 2)
            await shows(pilot, "FROZEN, +")
            same = lambda: lines(app)[log.region.y : log.region.bottom] == held  # noqa: E731
            await until(pilot, same, "the log as it was held")
            await goes_to(pilot, 1)
            await shows(pilot, "‖ PAUSED at #", servers[0].address)
            await pilot.press("space")
            await shows(pilot, "● LIVE")

            def verdict() -> Outcome | None:
                seam = taps[0].last_interruption
                return None if seam is None else seam.outcome

            await until(pilot, verdict, "the verdict")
            assert verdict() is Outcome.EXACT
            assert all(len(line) <= SIZE[0] for line in lines(app))


async def test_one_key_pauses_all_that_are_live_and_resumes_all(
    servers: list[RunningServer],
) -> None:
    with tabs(*addresses(servers)) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: states(app) == [State.LIVE] * 3, "all are live")
            await pilot.press("space", "P")
            await until(pilot, lambda: states(app) == [State.PAUSED] * 3, "all are paused")
            for server in servers:
                await_no_calls(server)
            await pilot.press("P")
            await until(pilot, lambda: states(app) == [State.LIVE] * 3, "all are live")
            for tap in taps:
                await_more(tap)
                assert (tap.snapshot().missed, tap.snapshot().repeated) == (0, 0)


async def test_a_stream_that_has_ended_is_neither_paused_nor_resumed(
    servers: list[RunningServer],
) -> None:
    with tabs(*addresses(servers[:2])) as (app, _):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: states(app) == [State.LIVE] * 2, "both are live")
            await pilot.press("s", "P")
            ends = [State.STOPPED, State.PAUSED]
            await until(pilot, lambda: states(app) == ends, "one is stopped, one is paused")
            await pilot.press("P")
            await until(pilot, lambda: states(app) == [State.STOPPED, State.LIVE], "resumed")


async def test_closing_a_tab_cancels_its_call_and_frees_what_it_held(
    servers: list[RunningServer],
) -> None:
    def threads() -> int:
        return sum(thread.name.startswith("grpctap") for thread in threading.enumerate())

    with tabs(*addresses(servers)) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: states(app) == [State.LIVE] * 3, "all are live")
            before = threads()
            gone = weakref.ref(taps[1])
            await goes_to(pilot, 2)
            await pilot.press("ctrl+w")
            await shows(pilot, " 2 ● ListValue", servers[2].address)
            await hides(pilot, " 3 ● ListValue")
            assert len(app.tabs.titles()) == 2
            await until(pilot, lambda: servers[1].service.open_calls == 0, "it is cancelled")
            await until(pilot, lambda: connections(servers[1].port) == 0, "it is not connected")
            await until(pilot, lambda: threads() == before * 2 // 3, "its threads are gone")
            del taps[1]

            def freed() -> bool:
                settle()
                return gone() is None

            await until(pilot, freed, "its history is let go")
            assert states(app) == [State.LIVE] * 2
            await pilot.press("ctrl+w")
            await hides(pilot, " 1 ● ListValue")
            assert app.screen.query_one(TabLine).display is False
            await pilot.press("ctrl+w")
            await shows(pilot, "This is the only stream", "● LIVE")
            await until(pilot, lambda: len(reader_threads()) == 1, "one stream is left")
    gc.unfreeze()


async def test_a_server_that_dies_takes_no_other_stream_with_it(
    servers: list[RunningServer],
) -> None:
    backoff = Backoff(Reconnect(initial_ns=30 * SECOND, maximum_ns=30 * SECOND))
    with tabs(*addresses(servers[:2]), backoff=backoff) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: states(app) == [State.LIVE] * 2, "both are live")
            servers[1].stop()
            await shows(pilot, " 2 ↻ ListValue", "RECONNECTING", " 1 ● ListValue")
            before = taps[0].snapshot().values
            await until(pilot, lambda: taps[0].snapshot().values > before + 20, "it goes on")
            await goes_to(pilot, 2)
            await shows(pilot, "Lost: ")
            await pilot.press("s")
            await shows(pilot, "■ STOPPED")


async def test_a_failed_stream_is_marked(servers: list[RunningServer]) -> None:
    with tabs(servers[0].address, "127.0.0.1:1") as (app, _):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await shows(pilot, " 2 ✗ ListValue", "FAILED", "● LIVE")
            await goes_to(pilot, 2)
            await shows(pilot, "Nothing listens at 127.0.0.1:1")


async def test_a_hidden_tab_draws_nothing_and_loses_nothing() -> None:
    with counting(100) as one, counting(100) as two, tabs(one.address, two.address) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            first = app.screen
            await until(pilot, lambda: taps[0].snapshot().values > 30, "values")
            await shows(pilot, "│")
            await goes_to(pilot, 2)
            chart = first.query_one(Chart)
            drawn = chart.frames
            before = taps[0].snapshot().values
            await until(pilot, lambda: taps[0].snapshot().values > before + 60, "it goes on")
            assert chart.frames == drawn
            assert app.tabs.titles()[0].fresh
            await shows(pilot, "•")
            await goes_to(pilot, 1)
            await until(pilot, lambda: chart.frames > drawn, "it is drawn again")
            await pilot.press("space")
            await shows(pilot, "‖ PAUSED")
            kept = texts(taps[0])
            start = int(kept[0].split()[1])
            assert kept == [f"1 {number}" for number in range(start, start + len(kept))]
            await shows(pilot, kept[-1])
            rows = [row for row in lines(app) if "   1 " in row]
            shown = [int(row.split("   1 ")[1].split()[0]) for row in rows]
            assert shown == list(range(shown[0], shown[0] + len(shown)))
            assert len(shown) > 5


async def test_switching_in_a_flood_of_keys_ends_where_the_last_one_leads(
    servers: list[RunningServer],
) -> None:
    with counting(2000) as fast, tabs(fast.address, *addresses(servers[:2])) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: states(app).count(None) == 0, "all are there")
            await shows(pilot, "● LIVE")
            # All at once, as a terminal delivers what was typed while nobody read.
            for key in [*"123213132", "ctrl+pagedown", "ctrl+pageup"] * 4 + ["3", "space"]:
                app.post_message(events.Key(key, None))
            await until(pilot, lambda: taps[2].state is State.PAUSED, "the third is paused")
            await until(pilot, lambda: not app.is_dealing, "all keys are dealt with")
            assert [title.here for title in app.tabs.titles()] == [False, False, True]
            assert State.PAUSED not in states(app)[:2]
            for tap in taps:
                assert (tap.snapshot().missed, tap.snapshot().repeated) == (0, 0)


async def test_another_stream_is_opened_by_a_key_in_a_tab_of_its_own(
    servers: list[RunningServer],
) -> None:
    with tabs(servers[0].address) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await shows(pilot, "● LIVE")
            assert " 1 ●" not in title(pilot)
            await pilot.press("t")
            await shows(
                pilot, "type to filter", "ListValue  stream of", "esc Back", "2 + new stream"
            )
            await pilot.press("escape")
            await shows(pilot, "● LIVE", "space Pause")
            await hides(pilot, "new stream")
            assert len(app.tabs.titles()) == 1

            await pilot.press("t")
            await shows(pilot, "ListValue  stream of")
            # A number is a part of what is typed here, not a tab.
            await type_text(pilot, "1")
            assert app.screen.query_one(FilterInput).value == "1"
            await pilot.press("backspace")
            await pick(pilot, "ListValue")
            await shows(pilot, "^s Start")
            await pilot.press("ctrl+pageup")
            await shows(pilot, "● LIVE", "2 + new stream")
            await pilot.press("ctrl+pagedown")
            await until(pilot, lambda: isinstance(app.screen, RequestScreen), "the request again")
            await type_text(pilot, "new ")
            await pilot.press("ctrl+s")
            await shows(pilot, " 1 ● ListValue", " 2 ● ListValue", "   new ")
            eventually(lambda: servers[0].service.open_calls == 2, "both calls are open")
            assert taps[0].state is State.LIVE
            await pilot.press("escape")
            await shows(pilot, "^s Start", "2 + new stream")
            await until(pilot, lambda: servers[0].service.open_calls == 1, "it is cancelled")
            await pilot.press("ctrl+s")
            await shows(pilot, " 2 ● ListValue", "new ")
            await pilot.press("ctrl+w")
            await hides(pilot, " 2 ● ListValue")
            await until(pilot, lambda: servers[0].service.open_calls == 1, "it is cancelled")
            assert [type(screen) for screen in app.screen_stack[1:]] == [WatchScreen]


async def test_boxes_stay_over_their_tab(servers: list[RunningServer]) -> None:
    with tabs(*addresses(servers[:2])) as (app, _):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await shows(pilot, "● LIVE", "   1 ")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, InspectScreen), "the inspector")
            await shows(pilot, " 2 ● ListValue", "received")
            await goes_to(pilot, 2)
            await shows(pilot, "space Pause")
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help")
            await pilot.press("1")
            await until(pilot, lambda: not app.is_dealing, "the key is dealt with")
            assert isinstance(app.screen, HelpScreen)
            await pilot.press("escape", "1")
            await until(pilot, lambda: isinstance(app.screen, InspectScreen), "the inspector")
            await pilot.press("escape")
            await shows(pilot, "space Pause", servers[0].address)


async def test_tabs_are_clicked(servers: list[RunningServer]) -> None:
    with tabs(*addresses(servers)) as (app, _):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await shows(pilot, " 3 ● ListValue", "● LIVE")
            at = title(pilot).index("3 ●")
            await pilot.click(offset=(at, 0))
            await until(pilot, lambda: app.tabs.titles()[2].here, "the third tab")
            await shows(pilot, f"grpctap   {servers[2].address}")


async def test_there_are_nine_tabs_at_most(servers: list[RunningServer]) -> None:
    with tabs(*[servers[0].address] * 9) as (app, _):
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await until(pilot, lambda: states(app) == [State.LIVE] * 9, "all are live")
            await shows(pilot, *(f" {number} ● {number}" for number in range(1, 10)))
            await pilot.press("t")
            await shows(pilot, "9 tabs are the most")
            await goes_to(pilot, 9)
            await pilot.press("ctrl+pagedown")
            await until(pilot, lambda: app.tabs.titles()[0].here, "the first comes after the last")


async def test_a_stream_that_opens_late_opens_in_its_own_tab(
    servers: list[RunningServer],
) -> None:
    may_answer = threading.Event()
    real = opening(servers[0].address)

    def slowly() -> object:
        assert may_answer.wait(60)
        return real.catalog()

    slow = Opening(real._config, slowly)  # type: ignore[arg-type]
    call = RecentCall(servers[0].address, METHOD, ("-plaintext",), '{"data": "late "}')
    tap = make_tap(servers[1].address, "early ")
    late = PickScreen(slow, call, at_once=True)
    app = ViewerApp(screen(tap, servers[1].address), late)
    try:
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await shows(pilot, "early ", "2 + new stream")
            may_answer.set()
            await shows(pilot, " 2 ● ListValue")
            assert app.tabs.titles()[0].here
            await goes_to(pilot, 2)
            await shows(pilot, "late ")
    finally:
        may_answer.set()
        slow.streams.close()
        assert tap.close()
    eventually(lambda: not reader_threads(), "the readers end")


async def test_quitting_ends_all_calls(servers: list[RunningServer]) -> None:
    with tabs(*addresses(servers)) as (app, taps):
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, lambda: states(app) == [State.LIVE] * 3, "all are live")
            await pilot.press("q")
        assert app.return_code == 0
        for tap in taps:
            assert tap.close()
        for server in servers:
            await_no_calls(server)
