"""What the question for a file looks like: pytest --snapshot-update after a wanted change."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.listvalue import METHOD
from grpctap.screens.replay import ReplayScreen
from support.openings import type_text
from support.replays import play, prices, write
from support.screens import shows

pytestmark = pytest.mark.usefixtures("utc")

SIZES = [(80, 24), (120, 40), (200, 60)]
Steps = Callable[[Pilot[Any]], Awaitable[None]]


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The box names the current folder."""
    monkeypatch.chdir(os.sep)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[ViewerApp]:
    """A viewer that stands still: of a recording that has ended."""
    player = play(write(tmp_path / "prices.grpctap", prices(200)))
    try:
        screen = ReplayScreen(player, "prices.grpctap", "127.0.0.1:8000", METHOD, plaintext=True)
        yield ViewerApp(screen)
    finally:
        assert player.close()


async def named(pilot: Pilot[Any], name: str) -> None:
    """Opens the box, and gives the file a name without the time of day."""
    await shows(pilot, "■ ENDED", "#200 ", "200 values in 20.0 s")
    await pilot.press("e")
    await shows(pilot, "200 values, into a file", "in /")
    await pilot.press("ctrl+u")
    await type_text(pilot, name)
    await shows(pilot, name)


async def asked(pilot: Pilot[Any]) -> None:
    await named(pilot, "prices.ndjson")
    await shows(pilot, "▐●▌ NDJSON: the messages")


async def refused(pilot: Pilot[Any]) -> None:
    await named(pilot, "nowhere/prices.csv")
    await shows(pilot, "▐●▌ CSV")
    await pilot.press("enter")
    await shows(pilot, "There is no such folder.")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_question_for_a_file(snap_compare: Any, app: ViewerApp, size: tuple[int, int]) -> None:
    assert snap_compare(app, terminal_size=size, run_before=asked)


def test_a_name_that_is_none(snap_compare: Any, app: ViewerApp) -> None:
    assert snap_compare(app, terminal_size=(80, 24), run_before=refused)


def test_a_light_theme(snap_compare: Any, app: ViewerApp) -> None:
    app.theme = "textual-light"
    assert snap_compare(app, terminal_size=(120, 40), run_before=asked)
