"""What the board and the health look like: run pytest --snapshot-update after a wanted change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap
from support import tickers
from support.puppet import START_NS, TICK_NS, SteppedClock
from support.screens import shows, text, until
from support.server import eventually
from support.taps import reader_threads
from support.tickers import METHOD, Tickers, rounds, tick

pytestmark = pytest.mark.usefixtures("utc")

SIZES = [(80, 24), (120, 40), (200, 60)]


class Stage:
    """A viewer of many keys, with time that stands still between values."""

    def __init__(self, server: Tickers) -> None:
        self.tap: Tap = tickers.make_tap(server, clock=SteppedClock())
        self.app = ViewerApp(WatchScreen(self.tap, "127.0.0.1:8000", METHOD, plaintext=True))
        messages = [*rounds(1, 25), tick("日本電信", 10.0), tick("a\x1b[31mb", 9.5), tick("", 1.0)]
        self.count = len(messages)
        for at, message in enumerate(messages):
            late_ns = (3 + at * 7 % 40) * 1_000_000 if at % 30 else -2_000_000
            seconds, nanos = divmod(START_NS + at * TICK_NS - late_ns, 10**9)
            message.event_time.seconds, message.event_time.nanos = seconds, nanos  # type: ignore[attr-defined]
        server.send(*messages)
        self.tap.start()
        # A snapshot in between would be a part of the rate.
        eventually(lambda: self.tap.extent().end == self.count, "all values")

    async def board(self, pilot: Pilot[Any]) -> None:
        await pilot.press("b")
        await shows(pilot, f"{self.count} values")
        await pilot.press("right", "u", "down", "down")
        await until(pilot, lambda: "▸" in text(pilot.app), "the cursor")
        await pilot.pause(0.7)

    async def health(self, pilot: Pilot[Any]) -> None:
        await shows(pilot, f"#{self.count} ")
        await pilot.press("h")
        await shows(pilot, f"Health · {self.count} values")
        await pilot.pause(0.7)

    async def both(self, pilot: Pilot[Any]) -> None:
        await self.health(pilot)
        await self.board(pilot)

    async def choosing(self, pilot: Pilot[Any]) -> None:
        await self.board(pilot)
        await pilot.press("k", "down")
        await shows(pilot, "The key of the board")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with tickers.serving() as server:
        stage = Stage(server)
        yield stage
        assert stage.tap.close()
    assert reader_threads() == []


def picture(compare: Any, stage: Stage, steps: str, size: tuple[int, int]) -> Any:
    return compare(stage.app, terminal_size=size, run_before=getattr(stage, steps))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", ["board", "health"])
def test_it_looks_like_its_picture(
    snap_compare: Any, stage: Stage, steps: str, size: tuple[int, int]
) -> None:
    if steps == "board" and size[0] == 200:
        steps = "both"
    assert picture(snap_compare, stage, steps, size)


def test_choosing_a_key_in_a_light_theme(snap_compare: Any, stage: Stage) -> None:
    stage.app.theme = "textual-light"
    assert picture(snap_compare, stage, "choosing", (120, 40))
