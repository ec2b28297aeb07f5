"""The viewer on recordings of real streams, with real keys."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.listvalue import METHOD
from grpctap.core.recording import SeamAt
from grpctap.core.seams import Cause, How, Interruption, Outcome
from grpctap.core.state import State
from grpctap.player import Player
from grpctap.screens.replay import ReplayScreen
from grpctap.widgets.chart import Chart
from grpctap.widgets.stream_log import StreamLog
from support.replays import header, play, price, prices, settled, write, written
from support.screens import foot, hides, shows, text, until


@contextmanager
def replayed(player: Player, name: str = "prices.grpctap") -> Iterator[ViewerApp]:
    try:
        yield ViewerApp(ReplayScreen(player, name, "127.0.0.1:8000", METHOD, plaintext=True))
    finally:
        assert player.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "prices.grpctap", prices(200))


async def at(pilot: Pilot[Any], player: Player, values: int) -> None:
    """Waits until the playhead stands behind so many values, and the screen shows the last one."""
    await until(pilot, lambda: player.snapshot().values == values, f"{values} values")
    log = pilot.app.screen.query_one(StreamLog)
    await until(pilot, lambda: log.shown.end == player.extent().end, "the newest row in sight")


async def test_the_keys_lead_through_a_recording(path: Path) -> None:
    player = play(path)
    with replayed(player) as app:
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, " REPLAY ", "prices.grpctap", "■ ENDED", "100%", "max", "#200")
            await shows(pilot, "End of the recording: 200 values in 20.0 s", "space Play again")
            await shows(pilot, "number 78.00", "< > Step", "[ ] Seek", "q Quit")

            await pilot.press("less_than_sign")
            await shows(pilot, "‖ PAUSED", "#199", "space Play ")
            await hides(pilot, "#200 ", "End of the recording")
            assert player.snapshot().values == 199
            await pilot.press(*["less_than_sign"] * 9)
            await at(pilot, player, 190)
            await pilot.press("greater_than_sign")
            await at(pilot, player, 191)
            await shows(pilot, "#191", "number 78.41")

            await pilot.press("left_square_bracket")
            await until(pilot, lambda: player.snapshot().values < 185, "a twentieth back")
            settled(player)
            there = player.snapshot().values
            assert there == pytest.approx(181, abs=2)
            await pilot.press("right_square_bracket", "right_square_bracket")
            await until(pilot, lambda: player.snapshot().values > 195, "two on")
            await pilot.press("right_square_bracket")
            await shows(pilot, "■ ENDED", "#200")


async def test_it_plays_in_its_own_time_and_stands_still(tmp_path: Path) -> None:
    # An hour between one value and the next: only a step leads over it.
    entries = [one for at in (1, 36001, 72001) for one in prices(1, first=at)]
    player = play(write(tmp_path / "slow", entries), speed=1.0)
    with replayed(player, "slow") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await shows(pilot, "▶ PLAYING", "×1 ", "space Pause", "#1 ")
            await pilot.press("space")
            await shows(pilot, "‖ PAUSED", "space Play ")
            await pilot.press("greater_than_sign")
            await at(pilot, player, 2)
            await shows(pilot, "#36001", "01:00:00")
            await pilot.press("right_curly_bracket", "right_curly_bracket")
            await shows(pilot, "×5")
            await pilot.press("left_curly_bracket")
            await shows(pilot, "×2")
            await pilot.press("space")
            await shows(pilot, "▶ PLAYING")
            await pilot.press(*["right_curly_bracket"] * 6)
            await shows(pilot, "max", "■ ENDED", "#72001")
            await pilot.press("space")
            await shows(pilot, "■ ENDED", "#72001", "3 values")


async def test_keys_that_ask_a_server_for_something_are_not_there(path: Path) -> None:
    player = play(path)
    with replayed(player) as app:
        async with app.run_test(size=(200, 60)) as pilot:
            await shows(pilot, "■ ENDED")
            before = player.extent()
            await pilot.press(*"snrowy", "escape")
            await pilot.pause()
            assert player.state is State.ENDED
            assert player.extent() == before
            for word in ("Stop", "Now", "Fresh", "Record", "Retry"):
                assert word not in foot(app)
            await pilot.press("question_mark")
            await shows(pilot, "Keys", "Back or on by one message.", "Slower or faster")
            for word in ("Stop:", "Fresh call", "skip to the newest", "grpcurl"):
                assert word not in text(app)


async def test_what_is_looked_at_has_its_recorded_times(path: Path) -> None:
    player = play(path)
    with replayed(player) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await shows(pilot, "■ ENDED", "#200")
            await pilot.press("up", "up", "up", "enter")
            await shows(pilot, '"sequence": "198"', "received 20", "0.2 s ago", "2 newer")
            await pilot.press("escape")
            await shows(pilot, "FROZEN")
            # Whoever goes somewhere sees what is there.
            await pilot.press("less_than_sign")
            await hides(pilot, "FROZEN")
            await at(pilot, player, 199)
            await pilot.press("i")
            await shows(pilot, "127.0.0.1:8000 (plaintext)", "no. 1, since", "199 messages")


async def test_a_file_that_was_cut_off_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(header() + b"".join(map(written, prices(20)))[:-3])
    player = play(path)
    with replayed(player, "cut") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await shows(pilot, "The file was cut off: its last bytes were no whole message", "#19")
            assert "#20" not in text(app)


async def test_a_file_that_goes_wrong_later_says_so(path: Path) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    player = play(path)
    with replayed(player) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await shows(pilot, "■ ENDED", "End of the recording: 200 values")
            with path.open("ab") as file:
                file.write(b"\xff" * 40)
            await shows(pilot, "The file is damaged: what comes next is no message.")
            with pytest.MonkeyPatch.context() as broken:
                broken.setattr(os, "pread", fail)
                # The path before it may take any number of lines.
                await shows(pilot, "Input/output")
            await pilot.press("less_than_sign")
            await shows(pilot, "‖ PAUSED", "#199")


async def test_a_file_without_values_says_so(tmp_path: Path) -> None:
    player = play(write(tmp_path / "none", []))
    with replayed(player, "none") as app:
        async with app.run_test(size=(80, 24)) as pilot:
            await shows(pilot, "no value was recorded", "■ ENDED")
            await pilot.press("less_than_sign", "left_square_bracket", "greater_than_sign", "space")
            await shows(pilot, "■ ENDED")


async def test_times_from_nowhere_are_shown_like_any(tmp_path: Path) -> None:
    times = (0, 1, 2**63 - 1, 5, 2**62)
    entries = [price(number, time_ns) for number, time_ns in enumerate(times, 1)]
    seam = Interruption(Cause.PAUSED, 2**63 - 1, 2**64 - 1, None, 0, How.RESUMED, Outcome.MISSED)
    player = play(write(tmp_path / "odd", [*entries, SeamAt(2**64 - 1, seam), *prices(2)]))
    with replayed(player, "odd") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await shows(pilot, "■ ENDED", "7 values", "number ")
            await pilot.press("up", "enter")
            await shows(pilot, "ago")
            await pilot.press("escape", "i")
            await shows(pilot, "Method")
            await pilot.press("escape", *["less_than_sign"] * 7)
            await at(pilot, player, 0)
            await pilot.press(*["greater_than_sign"] * 3)
            await at(pilot, player, 3)


async def test_names_are_made_harmless(tmp_path: Path) -> None:
    player = play(write(tmp_path / "a", prices(3)))
    with replayed(player, "\x1b[31mred\n") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await shows(pilot, "␛[31mred␊", "#3")
            assert "\x1b" not in text(app)


@pytest.mark.parametrize(
    ("state", "size"), [("ended", (80, 24)), ("paused", (120, 40)), ("paused", (200, 60))]
)
def test_picture(snap_compare: Any, path: Path, size: tuple[int, int], state: str) -> None:
    player = play(path)
    with replayed(player) as app:

        async def prepare(pilot: Pilot[Any]) -> None:
            await shows(pilot, "■ ENDED", "#200")
            if state == "paused":
                await pilot.press(*["less_than_sign"] * 30)
                await at(pilot, player, 170)
                await shows(pilot, "‖ PAUSED")
            settled(player)
            screen = app.screen
            assert isinstance(screen, ReplayScreen)
            screen._looks = 0
            screen.look()
            screen.query_one(Chart).pull()
            await pilot.pause()

        assert snap_compare(app, terminal_size=size, run_before=prepare)
