"""The health of a stream: the real keys on real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count as counting
from pathlib import Path

import pytest
from google.rpc import code_pb2

from grpctap.core.follow import Follower
from grpctap.core.health import Away, Health, Largest
from grpctap.core.listvalue import METHOD as LIST_VALUE
from grpctap.core.reconnect import SECOND, Backoff, Reconnect
from grpctap.core.recording import Opened, SeamAt
from grpctap.core.seams import Cause, How, Interruption
from grpctap.screens.health import HealthSide
from grpctap.widgets.board_view import BoardView
from grpctap.widgets.health_panel import HealthPanel, Report
from grpctap.widgets.stream_log import StreamLog
from support import tickers
from support.puppet import Puppet, price_message, refusal
from support.replays import (
    START_NS,
    TICK_NS,
    await_end,
    play,
    playing,
    price,
    prices,
    settled,
    write,
)
from support.screens import hides, lines, shows, text, until
from support.server import RunningServer
from support.taps import await_values, make_tap
from support.tickers import Tickers, now_fields, rounds, tick
from support.viewers import watching
from ui.test_replay import replayed


@pytest.fixture
def server() -> Iterator[Tickers]:
    with tickers.serving() as serving:
        yield serving


async def test_beside_the_log_where_there_is_room(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            server.send(*rounds(1, 4), tick("LONG" * 50, 1.0))
            await shows(pilot, "#21 ")
            await pilot.press("h")
            await shows(pilot, "Health · 21 values", "max 212 B #21", "no event time", "1 opened")
            log, panel = app.screen.query_one(StreamLog), app.screen.query_one(HealthPanel)
            assert log.display
            assert panel.region.right == 120
            assert log.region.right == panel.region.x
            await shows(pilot, "seams   none", "0 missed", "21 kept, 0 left")
            server.send(tick("WTI", 1.0))
            await shows(pilot, "Health · 22 values", "#22 ")
            await pilot.press("b")
            await until(pilot, lambda: app.screen.query_one(BoardView).size.width, "the board")
            await shows(pilot, "Latest by symbol", "Health · 22 values")
            await pilot.press("h", "b")
            await hides(pilot, "Health · ", "Latest by symbol")
            await until(pilot, lambda: log.size.width == 120, "the log has all the room")
            assert log.has_focus


@pytest.mark.parametrize("size", [(80, 24), (100, 40), (30, 10)])
async def test_in_the_place_of_the_log_where_there_is_none(
    server: Tickers, size: tuple[int, int]
) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=size) as pilot:
            server.send(*rounds(1, 4))
            await shows(pilot, "#20 ")
            await pilot.press("h")
            await shows(pilot, "Health · 20 values")
            log, panel = app.screen.query_one(StreamLog), app.screen.query_one(HealthPanel)
            assert not log.display
            assert panel.size.width == size[0] - 2
            assert all(len(line) <= size[0] for line in lines(app))
            await pilot.press("b")
            await shows(pilot, "Latest by ")
            assert app.screen.query_one(BoardView).has_focus
            await pilot.press("h")
            await shows(pilot, "Health · 20 values")
            await pilot.press("h")
            await shows(pilot, "Latest by ")
            await pilot.press("b")
            await shows(pilot, "#20 ")
            assert log.has_focus


async def test_a_window_that_changes_its_width(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            server.send(*rounds(1, 4))
            await shows(pilot, "#20 ")
            await pilot.press("h")
            await shows(pilot, "Health · ", "#20 ")
            await pilot.resize_terminal(100, 40)
            await hides(pilot, "#20 ")
            await shows(pilot, "Health · ")
            await pilot.resize_terminal(130, 40)
            await shows(pilot, "Health · ", "#20 ")


async def test_rhythm_and_latency(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 50)) as pilot:
            for late_ms in (2_000, 40_000, 3_000, 2_500, -60_000):
                server.send(tick("WTI", 78.0, **now_fields(late_ms)))
            await shows(pilot, "#5 ")
            await pilot.press("h")
            await shows(pilot, "Health · 5 values", "1 negative: clocks differ")
            # The machine may be slow, but not by seconds.
            found = re.search(r"latency p50 (\d\.\d) s p99 (\d+\.\d) s max (\d+\.\d) s", text(app))
            assert found is not None, text(app)
            assert 2.5 <= float(found[1]) < 9.9
            assert 38 <= float(found[2]) <= float(found[3]) * 1.05
            assert re.search(r"gaps    p50 \d+ .?s p99 \d", text(app))
            bars = re.findall(r"[\d.]+ [µmn]?s – [\d.]+ [µmn]?s +[█▏▎▍▌▋▊▉]* *([\d,]+)", text(app))
            assert sum(map(int, bars)) == 4


async def test_the_rates_of_the_last_minute(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 50)) as pilot:
            server.send(*rounds(1, 4))
            await shows(pilot, "#20 ")
            await pilot.press("h")
            # A second counts when it is over.
            await shows(pilot, "max 20", "⢸", "0/s, max ")


async def test_what_left_the_history_unseen_is_told(server: Tickers) -> None:
    tap = tickers.make_tap(server, history=15)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 50)) as pilot:
            server.send(*rounds(1, 4))
            await until(pilot, lambda: tap.snapshot().values == 20, "the values")
            await pilot.press("h")
            await shows(pilot, "Health · 15 values · 5 left the", "15 kept, 5 left", "··")


async def test_seams_by_cause_and_reconnects() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as running:
        policy = Reconnect(initial_ns=SECOND // 100, maximum_ns=SECOND // 100)
        tap = make_tap(running.address, backoff=Backoff(policy, draw=lambda: 1.0))
        with watching(tap, "127.0.0.1:8000", LIST_VALUE) as app:
            async with app.run_test(size=(120, 50)) as pilot:
                await until(pilot, lambda: puppet.requests, "the call")
                puppet.send(*(price_message(number) for number in range(1, 4)), price_message(6))
                await_values(tap, 4)
                await pilot.press("h")
                await shows(pilot, "seams   none", "2 missed, 0 repeated")
                await pilot.press("space")
                await shows(pilot, "paused 1×")
                await pilot.press("space")
                await until(pilot, lambda: len(puppet.requests) == 2, "the second call")
                puppet.send(price_message(7))
                await_values(tap, 5)
                puppet.send(refusal(code_pb2.UNAVAILABLE, "gone"))
                await until(pilot, lambda: len(puppet.requests) == 3, "the third call")
                puppet.send(price_message(8), price_message(8))
                await_values(tap, 6)
                await shows(pilot, "lost 1×", "3 opened, 1 to reconnect", "2 missed, 1 repeated")
                await until(
                    pilot, lambda: re.search(r"paused 1× \d\.\d s, lost 1×", text(app)), "both"
                )


async def test_before_the_first_value(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("h")
            await shows(pilot, "Health · 0 values", "gaps    -", "latency -")


async def test_what_waited_while_paused_is_counted_apart(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 50)) as pilot:
            for _ in range(5):
                server.send(tick("WTI", 78.0, **now_fields()))
            await shows(pilot, "#5 ")
            await pilot.press("h")
            await shows(pilot, "Health · 5 values", "latency p50 ")
            await hides(pilot, "caught up")
            await pilot.press("space")
            await shows(pilot, "‖ PAUSED", "paused 1×")
            await pilot.press("space")
            await shows(pilot, "2 opened")
            # They were made before the stream went on, longer ago than the slowest machine is late.
            server.send(*(tick("WTI", 79.0, **now_fields(300_000)) for _ in range(3)))
            await shows(pilot, "Health · 8 values", "3 caught up")
            server.send(tick("WTI", 80.0, **now_fields()))
            await shows(pilot, "Health · 9 values")
            found = re.search(r"latency .* max (\S+) (\w+)", text(app))
            assert found is not None
            assert found[2] in ("µs", "ms", "s"), text(app)
            assert "sampled" not in text(app)


async def test_it_says_that_it_reads_the_history_and_a_recording_has_its_reconnects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 40_000
    lost = Interruption(Cause.LOST, START_NS + count * TICK_NS, count, how=How.RESUMED)
    entries = [
        *prices(count),
        SeamAt(1, lost),
        Opened(START_NS + (count + 1) * TICK_NS, 2),
        price(count + 1, START_NS + (count + 2) * TICK_NS, 2),
    ]
    frames: list[str] = []
    player = play(write(tmp_path / "long.grpctap", entries))
    with replayed(player) as app:
        async with app.run_test(size=(120, 50)) as pilot:
            await shows(pilot, f"#{count + 1} ", "■ ENDED")
            show = HealthPanel.show

            def seen(panel: HealthPanel, report: Report) -> None:
                show(panel, report)
                frames.append(panel.render().plain)

            monkeypatch.setattr(HealthPanel, "show", seen)
            await pilot.press("h")
            await shows(pilot, f"Health · {count + 1:,} values", "2 opened, 1 to reconnect")
    reading = [frame for frame in frames if "Health · reading the history, " in frame]
    assert reading
    percents = [int(found[1]) for one in reading if (found := re.search(r"history, (\d+) %", one))]
    assert percents == sorted(percents)
    assert not [frame for frame in frames if "behind" in frame or "sampled" in frame]
    assert not [frame for frame in reading if re.search(r"\b0/s", frame)]


def test_the_history_is_read_although_its_end_was_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One slice a look, as on a slow machine.
    ticks = partial(Follower, clock=counting(step=10).__next__)
    monkeypatch.setattr("grpctap.screens.health.Follower", ticks)
    shown: list[Report] = []
    monkeypatch.setattr(HealthPanel, "show", lambda _, report: shown.append(report))
    with playing(write(tmp_path / "long.grpctap", prices(3_000))) as player:
        await_end(player)
        side = HealthSide(player)
        side.toggle()
        assert shown[-1].read is not None
        player.seek(-1)
        settled(player)
        for _ in range(10):
            side.look(player.snapshot())
        assert 1_000 < side._health.values == player.snapshot().values < 3_000
        assert shown[-1].read is None


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_no_figure_is_cut(server: Tickers, size: tuple[int, int]) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=size) as pilot:
            for late_ms in (1, 500_000, -7_300_000):
                server.send(tick("WTI", 78.0, **now_fields(late_ms)))
            await shows(pilot, "#3 ")
            await pilot.press("h")
            await shows(pilot, "Health · 3 values", "latency")
            await until(pilot, lambda: app.screen.query_one(HealthPanel).size.width, "the panel")
            panel = app.screen.query_one(HealthPanel)
            now = tap.snapshot()
            health = Health()
            health.latency.add([-7_300 * SECOND, SECOND // 1000, 500 * SECOND])
            health.gaps.add([SECOND // 1000, 7_300 * SECOND])
            health.values, health.bytes = 123_456_789, 98_765_432_100
            health.largest = Largest(3_900_000, 100_234_567)
            panel.show(
                Report(
                    health,
                    replace(
                        now,
                        kept=1_000_000,
                        evicted=122_456_789,
                        missed=1_234_567,
                        repeated=45_678,
                        late=9_012,
                        reconnects=1_234,
                    ),
                    [Away(Cause.PAUSED, 123, 4_000 * SECOND), Away(Cause.LOST, 999, SECOND * 90)],
                    1_250,
                    "",
                    tap.now_ns(),
                )
            )
            told = panel.render().plain
            assert "…" not in told
            for part in (
                *("#100234567", "max 3.9 MB", "1,000,000 kept", "122,456,789 left"),
                *("1,234,567 missed", "45,678 repeated", "9,012 late", "1,250 opened"),
                *("1,234 to reconnect", "paused 123× 1 h 6 min", "lost 999× 1 min 30 s"),
            ):
                assert part in told, part
