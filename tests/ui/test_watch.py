"""The real keys on a real server."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from google.rpc import code_pb2
from textual import events

from grpctap.core import status as codes
from grpctap.core.reconnect import SECOND, Backoff, Reconnect
from grpctap.core.state import Command, State
from grpctap.widgets.chart import Chart
from grpctap.widgets.stream_log import StreamLog
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.puppet import Puppet, expired, price_message, progress, refusal
from support.screens import foot, hides, lines, shows, text, until
from support.server import RunningServer, eventually
from support.taps import reader_threads, texts
from support.viewers import viewer

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer(PriceFeed(Schedule(NANOSECONDS // 50, 10**6))) as running:
        yield running


@pytest.fixture(scope="module")
def calm_server() -> Iterator[RunningServer]:
    """Slow enough that a seam stays in sight for a while."""
    with RunningServer(PriceFeed(Schedule(NANOSECONDS // 8, 10**6))) as running:
        yield running


@pytest.mark.parametrize("size", SIZES)
async def test_the_keys_do_what_they_say(calm_server: RunningServer, size: tuple[int, int]) -> None:
    with viewer(calm_server.address) as (app, tap):
        async with app.run_test(size=size) as pilot:
            await shows(pilot, "● LIVE", "WTI ", "number ", "┤", "/s · ", "values")
            assert "space Pause" in foot(app)
            assert "Resume" not in foot(app)

            await pilot.press("space")
            await shows(pilot, "‖ PAUSED at #", "── paused at #", "space Resume")
            assert "Pause" not in foot(app)
            eventually(lambda: calm_server.service.open_calls == 0, "the server's call ends")
            paused_at = tap.snapshot().values

            await pilot.press("space")
            await shows(pilot, "● LIVE", "nothing missed", "space Pause")
            await until(pilot, lambda: tap.snapshot().values > paused_at, "more values")

            await pilot.press("n")
            await shows(pilot, "skipped to now")

            await pilot.press("s")
            await shows(pilot, "■ STOPPED at #", "Stopped: the call was cancelled", "r Fresh call")
            assert "space" not in foot(app)
            eventually(lambda: calm_server.service.open_calls == 0, "the server's call ends")

            await pilot.press("r")
            await shows(pilot, "● LIVE", "fresh call")
            await hides(pilot, "Stopped: the call")
            assert tap.snapshot().missed == 0
            assert tap.snapshot().repeated == 0
            assert all(len(line) <= size[0] for line in lines(app))
            await pilot.press("q")
    eventually(lambda: calm_server.service.open_calls == 0, "no call is left")


async def test_freeze_holds_the_view_and_loses_nothing(server: RunningServer) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=(100, 30)) as pilot:
            log = app.screen.query_one(StreamLog)
            await until(pilot, lambda: tap.snapshot().values > 60, "enough values to scroll")
            await pilot.press("f")
            await shows(pilot, "FROZEN, +", "f Follow")
            held = lines(app)[log.region.y : log.region.bottom]
            before = tap.snapshot().values
            await until(pilot, lambda: tap.snapshot().values > before + 20, "more values")
            assert lines(app)[log.region.y : log.region.bottom] == held
            assert tap.snapshot().state is State.LIVE
            await pilot.press("f")
            await hides(pilot, "FROZEN")
            moved = lambda: lines(app)[log.region.y : log.region.bottom] != held  # noqa: E731
            await until(pilot, moved, "the log moves on")
            assert tap.snapshot().missed == 0


@pytest.mark.parametrize("back", ["end", "f", "scroll"])
async def test_scrolling_up_freezes_and_the_end_follows_again(
    server: RunningServer, back: str
) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=(100, 30)) as pilot:
            log = app.screen.query_one(StreamLog)
            await until(pilot, lambda: tap.snapshot().values > 60, "enough values to scroll")
            await pilot.press("pageup")
            await until(pilot, lambda: log.frozen, "scrolling up freezes")
            await shows(pilot, "FROZEN, +")
            await pilot.press("home")
            await shows(pilot, texts(tap)[0])
            if back == "scroll":
                log.action_scroll_rows(10**6)
            else:
                await pilot.press(back)
            await until(pilot, lambda: not log.frozen, "it follows again")
            await hides(pilot, "FROZEN")


async def test_a_log_that_changes_its_height_is_not_frozen(server: RunningServer) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=(100, 40)) as pilot:
            log = app.screen.query_one(StreamLog)
            await until(pilot, lambda: tap.snapshot().values > 60, "enough values to scroll")
            await pilot.press("s")
            await shows(pilot, "Stopped: the call")
            await pilot.press("r")
            await hides(pilot, "Stopped: the call")
            for size in ((80, 24), (200, 60), (40, 12), (20, 6), (100, 40)):
                await pilot.resize_terminal(*size)
                await pilot.pause(0.1)
            await pilot.press("C", "C")
            assert not log.frozen
            last = f"#{tap.snapshot().last_label}"
            await shows(pilot, last)


async def test_an_upper_c_hides_the_chart_and_shows_it_again(server: RunningServer) -> None:
    with viewer(server.address) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "┤")
            rows = app.screen.query_one(StreamLog).size.height
            await pilot.press("C")
            await hides(pilot, "┤")
            assert app.screen.query_one(StreamLog).size.height > rows
            await pilot.press("C")
            await shows(pilot, "┤")
            assert app.screen.query_one(Chart).display


@pytest.mark.parametrize("close", ["escape", "question_mark", "q", "space"])
async def test_the_help_names_every_key_of_the_footer(server: RunningServer, close: str) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "● LIVE", "? Help")
            await pilot.press("question_mark")
            await shows(pilot, "╭─ Keys", "Pause:", "Resume at", "Stop:", "Freeze", "Quit:")
            await pilot.press("end")
            await shows(pilot, "Record into", "Pause all", "More commands")
            await pilot.press(close)
            await hides(pilot, "─ Keys")
            assert tap.snapshot().state is State.LIVE


async def test_catching_up_shows_how_far_behind() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address) as (app, _):
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(*(price_message(n) for n in range(1, 6)))
            await shows(pilot, "#5")
            await pilot.press("space")
            await shows(pilot, "PAUSED at #5")
            await pilot.press("space")
            await until(pilot, lambda: len(puppet.requests) == 2, "the second call")
            assert puppet.requests[1].resume_token == b"at-000005"
            puppet.send(progress(317, 5))
            await shows(pilot, "◐ CATCHING UP 312 behind")
            puppet.send(*(price_message(n) for n in range(6, 318)))
            await shows(pilot, "● LIVE", "#317")


@pytest.mark.parametrize(("key", "token"), [("o", b"at-000099"), ("r", b""), ("s", None)])
async def test_a_refused_place_offers_a_choice(key: str, token: bytes | None) -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address) as (app, _):
        async with app.run_test(size=(120, 30)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(price_message(40), expired())
            await shows(
                pilot,
                "✗ FAILED OUT_OF_RANGE",
                "Failed: OUT_OF_RANGE (11): values #41 to #99 are no longer kept",
                "What came next is no longer kept (#100 is the oldest): o goes on from the oldest",
                "failed with OUT_OF_RANGE at #40",
                "o From oldest  r Fresh call  s Stop",
                "WTI",
            )
            assert "space" not in foot(app)
            await pilot.press(key)
            if token is None:
                await shows(pilot, "■ STOPPED at #40", "r Fresh call", "failed with OUT_OF_RANGE")
                assert len(puppet.requests) == 1
                return
            await until(pilot, lambda: len(puppet.requests) == 2, "a new call")
            assert puppet.requests[1].resume_token == token
            await hides(pilot, "Failed:")
            puppet.send(price_message(100))
            what = "59 missed: #41 to #99" if key == "o" else "59 left out: #41 to #99"
            await shows(pilot, what, "● LIVE")


async def test_a_lost_call_is_opened_again_and_the_keys_hurry_it_or_give_it_up() -> None:
    puppet = Puppet()
    gone = refusal(code_pb2.UNAVAILABLE, "Stream removed (Socket closed)")
    patient = Reconnect(initial_ns=1000 * SECOND, maximum_ns=1000 * SECOND)
    with RunningServer(puppet) as server:
        backoff = Backoff(patient, draw=lambda: 1.0)
        with viewer(server.address, backoff=backoff) as (app, _):
            async with app.run_test(size=(100, 30)) as pilot:
                await until(pilot, lambda: puppet.requests, "the call")
                puppet.send(price_message(1), gone)
                await shows(
                    pilot,
                    "↻ RECONNECTING attempt 1, in 1000 s",
                    "Lost: UNAVAILABLE (14): Stream removed (Socket closed)",
                    "It is opened again after #1; space tries now, s gives up.",
                    "── lost with UNAVAILABLE at #1 ",
                    "space Try now",
                    "s Give up",
                )
                assert "s Stop" not in foot(app)
                await pilot.press("space")
                await until(pilot, lambda: len(puppet.requests) == 2, "the second call")
                await shows(pilot, "attempt 1, connecting")
                await hides(pilot, "Try now")
                await pilot.press("space", "space")
                puppet.send(price_message(2))
                await shows(pilot, "● LIVE", "· resumed after ", "· nothing missed")
                await hides(pilot, "Lost:")
                assert len(puppet.requests) == 2
                puppet.send(gone)
                await shows(pilot, "↻ RECONNECTING attempt")
                await pilot.press("s")
                await shows(pilot, "■ STOPPED at #2", "r Fresh call")


async def test_silence_is_told_and_whether_the_server_lives() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address) as (app, _):
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(price_message(1))
            await shows(pilot, "silent for 3 s")
            assert "alive" not in text(app)
            sign = progress(1, 1)
            sign.progress_interval.FromSeconds(60)
            puppet.send(sign)
            await shows(pilot, "silent for 4 s, server alive")
            puppet.send(price_message(2))
            await hides(pilot, "silent")


async def test_nobody_listens_and_then_somebody_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with viewer(f"127.0.0.1:{port}") as (app, _):
        async with app.run_test(size=(100, 24)) as pilot:
            await shows(
                pilot,
                "✗ FAILED UNAVAILABLE",
                f"Nothing listens at 127.0.0.1:{port}; start the server, then press space.",
                "failed with UNAVAILABLE before the first value",
                "space Retry",
            )
            assert "Traceback" not in text(app)
            with RunningServer(CounterFeed(Schedule(NANOSECONDS // 50, 100)), port=port):
                await pilot.press("space")
                await shows(pilot, "● LIVE", "number ")
                await pilot.press("s")
                await shows(pilot, "STOPPED")


async def test_a_stream_that_ends_is_finished() -> None:
    with RunningServer(CounterFeed(Schedule(0, 100), 5)) as server:
        with viewer(server.address) as (app, _):
            async with app.run_test(size=(80, 24)) as pilot:
                await shows(
                    pilot, "✓ FINISHED", "Finished: the server ended the call, OK", "5 values in"
                )
                assert "space" not in foot(app)


async def test_an_empty_stream_is_finished_without_a_value() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "◌ CONNECTING", "waiting for the first answer of")
            puppet.send(progress(0, 0))
            await shows(pilot, "● LIVE", "waiting for the first value")
            puppet.send(None)
            await shows(pilot, "✓ FINISHED", "finished before the first value", "0 values in")


async def test_no_control_character_of_a_payload_reaches_the_screen() -> None:
    hostile = "\x1b[2J\x1b]0;title\x07\x9b31m\u202edrow\u202c\r\n\x00\x7f tail"
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address) as (app, _):
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(price_message(1, hostile), price_message(2, "w" * 10**6))
            wide = price_message(3, "油" * 200 + "e\u0301" * 50)
            puppet.send(wide)
            await shows(pilot, "␛[2J␛]0;title␇<U+009B>31m<U+202E>drow", "#3", "w…", "油…")
            assert all(line.isprintable() for line in lines(app))
            puppet.send(refusal(codes.UNAVAILABLE, hostile))
            await shows(pilot, "Failed: UNAVAILABLE (14): ␛[2J")
            assert all(line.isprintable() for line in lines(app))


async def test_a_hundred_keys_in_a_second_do_no_harm(server: RunningServer) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "● LIVE")
            # All at once, as a terminal delivers what was typed while nobody read.
            for key in ["space", "space", "n", "f", "space", "s", "r", "C", "up", "end"] * 10:
                app.post_message(events.Key(key, None))
            await pilot.press("end")
            await until(pilot, lambda: not app.is_dealing, "all keys are dealt with")
            while not tap.allows(Command.PAUSE):
                await pilot.press("space" if tap.allows(Command.RESUME) else "r")
            before = tap.snapshot().values
            await until(pilot, lambda: tap.snapshot().values > before, "it goes on")
            now = tap.snapshot()
            assert (now.missed, now.repeated) == (0, 0)
            assert len(reader_threads()) == 1
            await until(pilot, lambda: server.service.open_calls == 1, "one call is left")
    eventually(lambda: server.service.open_calls == 0, "no call is left")


@pytest.mark.parametrize("keys", [(), ("space",), ("s",), ("space", "space"), ("f",), ("n",)])
@pytest.mark.parametrize("leave", ["q", "ctrl+c"])
async def test_quitting_in_any_state_ends_the_call(
    server: RunningServer, keys: tuple[str, ...], leave: str
) -> None:
    with viewer(server.address) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press(*keys, leave)
        assert app.return_code == 0
    eventually(lambda: server.service.open_calls == 0, "no call is left")


async def test_a_small_history_says_what_left_it() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address, history=50) as (app, tap):
        async with app.run_test(size=(120, 30)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(*(price_message(n) for n in range(1, 201)))
            await shows(pilot, "150 left the history", "200 values")
            await pilot.press("home")
            await shows(pilot, "#151")
            puppet.send(*(price_message(n) for n in range(201, 401)))
            await shows(pilot, "FROZEN, +200 new")
            assert "#151" in text(app)
            await pilot.press("end")
            await shows(pilot, "#400")
            assert tap.snapshot().kept == 50


async def test_ctrl_c_quits_from_the_help_too(server: RunningServer) -> None:
    with viewer(server.address) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "● LIVE")
            await pilot.press("question_mark")
            await shows(pilot, "─ Keys")
            await pilot.press("ctrl+c")
        assert app.return_code == 0


@pytest.mark.parametrize("size", [(60, 12), (40, 10), (30, 8), (20, 6), (10, 3), (1, 1)])
async def test_a_small_terminal_shows_values_first(
    server: RunningServer, size: tuple[int, int]
) -> None:
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: tap.snapshot().values > 20, "values")
            await pilot.press("space")
            await until(pilot, lambda: tap.snapshot().state is State.PAUSED, "paused")
            await pilot.pause(0.2)
            rows = lines(app)
            assert len(rows) == size[1]
            assert all(len(row) <= size[0] for row in rows)
            if size[1] >= 6:
                assert any(row.lstrip().startswith("#") for row in rows)
                assert "space Resume" in foot(app)
            if size[0] >= 30:
                assert "q Quit" in foot(app)


async def test_a_key_in_the_bottom_line_can_be_clicked(server: RunningServer) -> None:
    with viewer(server.address) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "● LIVE", "space Pause")
            await pilot.click("KeyBar", offset=(foot(app).index("Stop"), 0))
            await shows(pilot, "■ STOPPED")
            await pilot.click("KeyBar", offset=(foot(app).index("r Fresh"), 0))
            await shows(pilot, "● LIVE")
