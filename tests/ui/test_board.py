"""The board: the real keys on a real server of many keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from grpctap.app import ViewerApp
from grpctap.screens.inspect import InspectScreen
from grpctap.tap import Tap
from grpctap.widgets.board_lines import HEADER_LINES
from grpctap.widgets.board_view import BoardView
from grpctap.widgets.stream_log import StreamLog
from grpctap_protos.server_stream_pb2 import StreamResponse
from support import tickers
from support.puppet import Puppet, price_message
from support.screens import hides, lines, shows, text, until
from support.server import RunningServer
from support.taps import await_values
from support.taps import make_tap as make_price_tap
from support.tickers import PRICES, Tickers, rounds, tick
from support.viewers import watching

SIZES = [(80, 24), (120, 40), (200, 60), (30, 10)]


@pytest.fixture
def server() -> Iterator[Tickers]:
    with tickers.serving() as serving:
        yield serving


async def open_board(pilot: Pilot[Any], tap: Tap, server: Tickers, *messages: Any) -> None:
    server.send(*messages)
    await until(pilot, lambda: tap.snapshot().values >= len(messages), "the values")
    await pilot.press("b")
    await shows(pilot, "Latest by ")


def rows(app: ViewerApp) -> list[str]:
    """The lines of the board below its header, without the empty ones."""
    view = app.screen.query_one(BoardView)
    shown = lines(app)[view.region.y + HEADER_LINES : view.region.bottom]
    return [line for line in shown if line.strip()]


def keys(app: ViewerApp) -> list[str]:
    """The keys in their order, as far as they have no blanks."""
    return [re.split(r"\s+", line.lstrip(" ▸"))[0] for line in rows(app)]


def row(app: ViewerApp, key: str) -> str:
    return next((line for line in rows(app) if line.lstrip(" ▸").startswith(key)), "")


@pytest.mark.parametrize("size", SIZES)
async def test_a_row_a_key_with_the_latest_value(server: Tickers, size: tuple[int, int]) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=size) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 30))
            await until(pilot, lambda: keys(app)[0] == "AUDUSD", "the keys in order")
            assert keys(app) == sorted(PRICES)[: len(keys(app))]
            assert all(len(line) <= size[0] for line in lines(app))
            assert not app.screen.query_one(StreamLog).display
            if size[0] >= 80:
                await shows(pilot, "5 keys · 150 values")
                server.send(tick("WTI", 80.0), tick("WTI", 79.0), tick("AUDUSD", 0.7))
                await until(pilot, lambda: "▼ 1" in row(app, "WTI"), "the latest value")
                assert re.search(r" 79[.0]* +▼ 1[.0]* +-1\.25% +32 ", row(app, "WTI"))
                await until(pilot, lambda: "▲" in row(app, "AUDUSD"), "it rose")
                assert re.search(r" 31 +\d+\.\d s ago", row(app, "AUDUSD"))
            await pilot.press("b")
            await hides(pilot, "Latest by ")
            assert app.screen.query_one(StreamLog).display
            assert app.screen.query_one(StreamLog).has_focus


async def test_sorting_by_each_column(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            ticks = [
                *(tick("A", 5.0), tick("A", 6.0), tick("A", 7.0)),
                *(tick("B", 1.0), tick("B", 3.0)),
                tick("C", 9.0),
            ]
            await open_board(pilot, tap, server, *ticks)
            await shows(pilot, "symbol ↑")

            async def sorted_so(*pressed: str, order: str, head: str) -> None:
                await pilot.press(*pressed)
                await shows(pilot, head)
                await until(pilot, lambda: "".join(keys(app)) == order, f"{order} by {head}")

            await sorted_so("u", order="CBA", head="symbol ↓")
            await sorted_so("right", order="CAB", head="value ↓")
            # Without a change comes last.
            await sorted_so("right", order="BAC", head="change ↓")
            await sorted_so("u", order="ABC", head="change ↑")
            await sorted_so("d", order="ABC", head="since 1st ↑")
            await sorted_so("right", order="BAC", head="% ↓")
            await sorted_so("right", order="ABC", head="count ↓")
            await sorted_so("right", order="CBA", head="seen ↓")
            await sorted_so("right", order="ABC", head="symbol ↑")
            await sorted_so("left", order="CBA", head="seen ↓")
            view = app.screen.query_one(BoardView)
            column = lines(app)[view.region.y + 1].index("value")
            await pilot.click(BoardView, offset=(column, 1))
            await sorted_so(order="CAB", head="value ↓")


async def test_the_cursor_stays_with_its_key_and_enter_looks_closely(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 5))
            await until(pilot, lambda: len(rows(app)) == len(PRICES), "all keys")
            await pilot.press("down", "down")
            await until(pilot, lambda: rows(app)[1].startswith("▸BRENT"), "the cursor")
            await pilot.press("u")
            await until(pilot, lambda: rows(app)[3].startswith("▸BRENT"), "it goes along")
            server.send(tick("BRENT", 99.5, trade=4711))
            await shows(pilot, "99.5")
            await pilot.press("enter")
            await shows(pilot, '"trade": "4711"', "#26 ")
            await pilot.press("escape")
            await shows(pilot, "Latest by ")
            assert row(app, "BRENT").startswith("▸")


async def test_without_a_cursor_enter_looks_at_the_first_key(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 5))
            await until(pilot, lambda: len(rows(app)) == len(PRICES), "all keys")
            await pilot.press("enter")
            await shows(pilot, '"symbol": "AUDUSD"', "#21 ")


async def test_the_inspector_has_its_width_from_the_first_frame_on(
    server: Tickers, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap = tickers.make_tap(server)
    frames: list[list[str]] = []
    display = ViewerApp._display

    def seen(app: ViewerApp, screen: Screen[Any], renderable: Any) -> None:
        display(app, screen, renderable)
        if isinstance(screen, InspectScreen):
            frames.append(lines(app))

    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 5))
            await until(pilot, lambda: len(rows(app)) == len(PRICES), "all keys")
            monkeypatch.setattr(ViewerApp, "_display", seen)
            await pilot.press("enter")
            await shows(pilot, '"symbol": "AUDUSD"')
    with_json = [frame for frame in frames if any(line.strip() == "{" for line in frame)]
    assert with_json
    assert all(any('  "symbol": "AUDUSD",' in line for line in frame) for frame in with_json)


async def test_another_key_and_another_value(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 30), PRICE_ALONE)
            await pilot.press("k")
            await shows(pilot, "The key of the board", "string, 5 different in 151")
            await pilot.press("escape")
            await hides(pilot, "The key of the board")
            await pilot.press("k", "down", "enter")
            await shows(pilot, "Latest by venue.id · 3 keys")
            await until(pilot, lambda: sorted(keys(app)) == ["(none)", "X0", "X1"], "the venues")
            assert " 90 " in row(app, "X0")
            assert " 60 " in row(app, "X1")
            assert " 1 " in row(app, "(none)")
            await pilot.press("v")
            await shows(pilot, "The value of the board", "the stream's own")
            await pilot.press("down", "down", "enter")
            await until(pilot, lambda: " 3004 " in row(app, "X0"), "the volume")


PRICE_ALONE = tick("WTI", 70.0)


async def test_keys_that_are_hostile_or_wide(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            ticks = [
                tick(key, 1.0) for key in ("\x1b[31mred", "日本電信", "a\u202eb", "", "x" * 300)
            ]
            await open_board(pilot, tap, server, *ticks)
            await shows(pilot, "␛[31mred", "日本電信", "a<U+202E>b", "(none)", "xxx…")
            assert "\x1b" not in text(app)
            assert all(strip.cell_length == 120 for strip in app.screen._compositor.render_strips())


async def test_chosen_columns_stand_beside_it(server: Tickers) -> None:
    tap = tickers.make_tap(server, columns="side,venue.id")
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 3))
            await until(pilot, lambda: re.search(r"SELL +X1", row(app, "BRENT")), "its columns")
            view = app.screen.query_one(BoardView)
            at = view.region.y + 1
            named = re.compile(r"side +venue\.id")
            await until(pilot, lambda: named.search(lines(app)[at]), "their names")


async def test_it_goes_on_while_hidden_and_freezes_with_the_log(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 4))
            await shows(pilot, " 20 values")
            await pilot.press("f")
            await shows(pilot, "FROZEN")
            server.send(tick("WTI", 1234.5))
            await shows(pilot, "FROZEN, +1 new")
            assert "1234.5" not in row(app, "WTI")
            await pilot.press("f")
            await until(pilot, lambda: "1234.5" in row(app, "WTI"), "it follows again")
            await pilot.press("b")
            await hides(pilot, "Latest by ")
            server.send(*rounds(5, 8))
            await until(pilot, lambda: tap.snapshot().values == 41, "the values")
            await pilot.press("b")
            await shows(pilot, "5 keys · 41 values")


async def test_what_left_the_history_unseen_is_told(server: Tickers) -> None:
    tap = tickers.make_tap(server, history=30)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 10))
            await shows(pilot, "5 keys · 30 values · 20 left the history unseen")


async def test_more_keys_than_it_keeps(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            ticks = [tick(f"K{number:05}", number) for number in range(10_700)]
            await open_board(pilot, tap, server, *ticks, tick("K00000", 77.0), *rounds(1, 5))
            await shows(pilot, "10,000 of 10,705 keys · 10,726 values")
            await pilot.press("u")
            # So many keys are sorted in slices.
            await until(pilot, lambda: keys(app)[0] == "WTI", "the other order")
            await pilot.press("end")
            await until(pilot, lambda: " 1+ " in row(app, "K00000"), "it came back")
            assert rows(app)[-1].startswith("▸AUDUSD")
            await pilot.press("home")
            await until(pilot, lambda: rows(app)[0].startswith("▸WTI"), "the first")
            await pilot.press("pagedown", "down")
            height = app.screen.query_one(BoardView).size.height - HEADER_LINES
            await until(pilot, lambda: rows(app)[-1].startswith("▸K"), "a page and a line")
            assert len(rows(app)) == height


async def test_a_board_before_the_first_value(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("b")
            await shows(pilot, "Latest by symbol · 0 keys", "waiting for values")
            await pilot.press("enter", "down", "u", "right", "k", "escape")
            server.send(*rounds(1, 1))
            await shows(pilot, "5 keys · 5 values")


async def test_rows_keep_their_places_between_sorts(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, tick("A", 1.0), tick("B", 2.0), tick("C", 3.0))
            await pilot.press("right")
            await until(pilot, lambda: keys(app) == ["C", "B", "A"], "by value")
            view = app.screen.query_one(BoardView)
            # As if somebody moved the cursor all the time.
            view._moved_s = float("inf")
            server.send(tick("A", 50.0), tick("D", 70.0))
            # The chart may have a 70 before the board has the row.
            await until(pilot, lambda: keys(app) == ["C", "B", "A", "D"], "a new row, at the end")
            view._moved_s = float("-inf")
            server.send(tick("A", 51.0))
            await until(pilot, lambda: keys(app) == ["D", "A", "C", "B"], "sorted again")


def priced(number: int, text: str) -> StreamResponse:
    message = price_message(number, text)
    message.number = float(text.split()[1])
    return message


async def test_our_own_feed_has_a_board(server: Tickers) -> None:
    puppet = Puppet()
    with RunningServer(puppet) as running:
        tap = make_price_tap(running.address)
        with watching(tap, "127.0.0.1:8000", "proto.StreamServer/ListValue") as app:
            async with app.run_test(size=(120, 40)) as pilot:
                await until(pilot, lambda: puppet.requests, "the call")
                # Prices come again, and are no keys all the same.
                texts = (f"WTI {78 + number % 5}" for number in range(1, 31))
                puppet.send(*(priced(number, text) for number, text in enumerate(texts, 1)))
                await_values(tap, 30)
                await pilot.press("b")
                await shows(pilot, "Latest by stream_id · 1 key · 30 values")
                await until(pilot, lambda: " 30 " in row(app, "puppet"), "all values")


async def test_a_filter_leaves_the_latest_of_what_passes_it(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 30))
            await shows(pilot, "5 keys · 150 values")
            await pilot.press("slash", *"volume < 1000 and price > 1")
            await shows(pilot, "Latest by symbol · 4 keys · 36 of 150 values match")
            await until(pilot, lambda: "volume=903" in row(app, "GOLD"), "the newest that passes")
            assert keys(app) == ["BRENT", "EURUSD", "GOLD", "WTI"]
            assert re.search(r" 9 +", row(app, "GOLD"))
            await pilot.press("enter")
            await until(pilot, lambda: app.screen.query_one(BoardView).has_focus, "the board")
            # What comes goes through it, too.
            server.send(tick("GOLD", 1.5, volume=5), tick("WTI", 2.5, volume=5000))
            await shows(pilot, "4 keys · 37 of 152 values match")
            assert "volume=5 " in row(app, "GOLD") + " "
            assert "volume=904" in row(app, "WTI")
            # Escape leaves the filter first, and then nothing more.
            await pilot.press("escape")
            await shows(pilot, "5 keys · 152 values ")
            await pilot.press("escape")
            await shows(pilot, "Latest by symbol")


async def test_a_filter_that_nothing_passes_and_all_values_with_marks(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(80, 24)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 4))
            await pilot.press("slash", *"nothing")
            await shows(pilot, "0 keys · 0 of 20 values match", "no value matches")
            # With marks, the log shows all values, and so does the board.
            await pilot.press("tab")
            await shows(pilot, "5 keys · 20 values")
            await pilot.press("tab")
            await shows(pilot, "no value matches")
            await pilot.press(*["backspace"] * 7, *"GOLD")
            await shows(pilot, "1 key · 4 of 20 values match")


async def test_a_frozen_board_is_filtered_as_it_stands(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_board(pilot, tap, server, *rounds(1, 4))
            await shows(pilot, "5 keys · 20 values")
            await pilot.press("f")
            await shows(pilot, "FROZEN")
            server.send(tick("WTI", 1234.5))
            await shows(pilot, "FROZEN, +1 new")
            await pilot.press("slash", *"WTI")
            await shows(pilot, "1 key · 4 of 20 values match")
            await pilot.press("escape")
            await shows(pilot, "5 keys · 20 values")
            assert "1234.5" not in row(app, "WTI")
            # Another key is shown of the same values.
            await pilot.press("k", "down", "enter")
            await shows(pilot, "Latest by venue.id · 2 keys · 20 values")
            await pilot.press("f")
            await shows(pilot, "21 values")


async def test_decimals_stand_below_each_other(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            ticks = [("A", 1.5), ("B", 20345.25), ("C", 7.0), ("D", 3e-9), ("A", 0.0625)]
            await open_board(pilot, tap, server, *(tick(key, price) for key, price in ticks))
            await until(pilot, lambda: keys(app) == ["A", "B", "C", "D"], "the keys in order")
            assert [line.split()[1] for line in rows(app)] == ["0.0625", "20345.2", "7", "3e-9"]
            point = row(app, "A").index(".")
            assert row(app, "B").index(".") == point
            assert row(app, "C").index("7 ") == point - 1


async def test_a_board_of_many_keys_is_sorted_in_slices(server: Tickers) -> None:
    tap = tickers.make_tap(server)
    with watching(tap, "127.0.0.1:8000") as app:
        async with app.run_test(size=(120, 40)) as pilot:
            ticks = [tick(f"K{number:04}", number * 7919 % 5000) for number in range(5000)]
            await open_board(pilot, tap, server, *ticks)
            await shows(pilot, "5,000 keys · 5,000 values")
            await pilot.press("right")
            await shows(pilot, "value ↓")
            await until(pilot, lambda: " 4999 " in rows(app)[0], "by value")
            await pilot.press("d", "left")
            await until(pilot, lambda: keys(app)[0] == "K0000", "by key again")
            view = app.screen.query_one(BoardView)
            assert view.board is not None
            assert not view.is_busy
            assert [str(entry.key) for entry in view.board.rows] == [
                f"K{number:04}" for number in range(5000)
            ]
