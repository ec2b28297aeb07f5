"""What stands at the foot of the screen: the keys, and what must not cover it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.widgets._toast import Toast

from grpctap.widgets.board_view import BoardView
from grpctap.widgets.filter_line import FilterLine
from grpctap.widgets.key_bar import KeyBar
from grpctap.widgets.status_line import StatusLine
from support import tickers
from support.screens import foot, hides, lines, shows, until
from support.tickers import Tickers, rounds
from support.viewers import watching

SIZES = [(80, 24), (120, 40), (200, 60)]
KEYS = (
    *("space Pause", "s Stop", "n Now", "f Freeze", "/ Filter", "Inspect"),
    *("c Fields", "b Board", "h Health", "i Info", "? Help", "q Quit"),
)


@pytest.fixture
def server() -> Iterator[Tickers]:
    with tickers.serving() as serving:
        yield serving


@pytest.mark.parametrize("size", SIZES)
async def test_each_feature_has_its_key_in_sight(server: Tickers, size: tuple[int, int]) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=size) as pilot:
            server.send(*rounds(1, 4))
            await shows(pilot, "#20 ", *KEYS)
            bar = app.screen.query_one(KeyBar)
            assert bar.size.height == (1 if size[0] == 200 else 2)
            rows = foot(app).splitlines()
            assert all(len(row) <= size[0] for row in rows)
            assert rows == [line for line in lines(app) if "s Stop" in line or "q Quit" in line]
            # Where a state has fewer keys, nothing moves.
            await pilot.press("s")
            await shows(pilot, "r Fresh call")
            await hides(pilot, "space Pause")
            assert bar.size.height == (1 if size[0] == 200 else 2)


async def test_a_key_in_the_second_row_can_be_clicked(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(80, 24)) as pilot:
            server.send(*rounds(1, 4))
            await shows(pilot, "#20 ", "b Board")
            column = foot(app).splitlines()[1].index("b Board")
            await pilot.click(KeyBar, offset=(column, 1))
            await shows(pilot, "Latest by symbol")
            assert app.screen.query_one(BoardView).has_focus


async def test_a_low_terminal_has_one_row_and_always_the_help(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(60, 14)) as pilot:
            await shows(pilot, "space Pause", "? Help", "q Quit")
            assert app.screen.query_one(KeyBar).size.height == 1
            await pilot.resize_terminal(60, 30)
            await shows(pilot, "h Health")
            await pilot.resize_terminal(200, 30)
            bar = app.screen.query_one(KeyBar)
            await until(pilot, lambda: bar.size.height == 1, "one row again")
            await shows(pilot, *KEYS[:5], "h Health", "q Quit")


@pytest.mark.parametrize("size", SIZES)
async def test_a_notice_covers_neither_filter_nor_status_nor_keys(
    server: Tickers, size: tuple[int, int]
) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=size, notifications=True) as pilot:
            server.send(*rounds(1, 4))
            await shows(pilot, "#20 ")
            await pilot.press("slash", *"GOLD")
            await shows(pilot, "4 of 20 match", "escape clears")
            app.notify("word " * 30, title="A notice", timeout=60)
            await until(
                pilot, lambda: [toast for toast in app.screen.query(Toast) if toast.region], "it"
            )
            (toast,) = app.screen.query(Toast)
            for covered in (FilterLine, StatusLine, KeyBar):
                assert not toast.region.overlaps(app.screen.query_one(covered).region)
            assert app.screen.region.contains_region(toast.region)
            await shows(pilot, "A notice", "4 of 20 match", "escape clears", "Clear filter")
