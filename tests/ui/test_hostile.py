"""Hostile servers: nothing that they say acts, and nothing is moved by it."""

from __future__ import annotations

import math
from itertools import cycle

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from wcwidth import wcswidth

from grpctap.app import ViewerApp
from grpctap.core import status as codes
from grpctap.widgets.chart import Chart
from grpctap.widgets.notice import Notice
from grpctap.widgets.stream_log import StreamLog
from support import hostile
from support.puppet import Puppet, price_message, refusal
from support.screens import hides, lines, shows, text, until
from support.server import RunningServer
from support.taps import await_values, raw_server
from support.viewers import viewer

SIZES = [(80, 24), (120, 40), (33, 12), (25, 9)]


def check(app: ViewerApp) -> None:
    """Every row is as wide as the screen, whoever measures it, and holds nothing that acts."""
    rows = lines(app)
    assert len(rows) == app.size.height
    for row in rows:
        assert row.isprintable()
        assert cell_len(row) == wcswidth(row) == app.size.width, row


def is_straight(app: ViewerApp) -> bool:
    try:
        check(app)
    except AssertionError:
        return False
    return True


async def look_at_all(pilot: Pilot[int], app: ViewerApp) -> None:
    """Scrolls through the whole log."""
    log = app.screen.query_one(StreamLog)
    await pilot.press("home")
    await until(pilot, lambda: log.frozen, "it scrolls")
    while log.frozen:
        check(app)
        thumbs = [row[-1] for row in lines(app)[log.region.y : log.region.bottom]]
        assert set(thumbs) <= {"┃", " "}
        assert "┃" in thumbs
        await pilot.press("pagedown")
        await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_values_move_nothing(size: tuple[int, int]) -> None:
    values = hostile.values()
    messages = [hostile.raw_message(n, value) for n, value in enumerate(values, 1)]
    with raw_server(messages) as address, viewer(address) as (app, tap):
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: tap.snapshot().values == len(values), "all values")
            await shows(pilot, f"#{len(values)}")
            check(app)
            await look_at_all(pilot, app)
            await pilot.press("home", "question_mark")
            await shows(pilot, "─ Keys")
            check(app)
            await pilot.press("escape")
            await hides(pilot, "─ Keys")
            await pilot.resize_terminal(size[0] + 7, size[1] + 3)
            await pilot.pause(0.1)
            check(app)


@pytest.mark.parametrize(
    ("value", "size"),
    zip(hostile.ACTING + hostile.ODD, cycle([(80, 24), (40, 16)])),
    ids=lambda part: ascii(part[:12]),
)
async def test_a_hostile_status_moves_nothing_and_hides_no_advice(
    value: str, size: tuple[int, int]
) -> None:
    value = value[:20_000]
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address) as (app, _):
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(price_message(1))
            info = {"first_sequence": value, value: value}
            puppet.send(refusal(codes.OUT_OF_RANGE, value, "TOKEN_EXPIRED", **info))
            await shows(pilot, "Failed: OUT_OF_RANGE (11)", "r Fresh call")
            said = " ".join(text(app).replace("█", " ").split())
            assert "What came next is no longer kept: r goes on from now, s stops." in said
            assert app.screen.query_one(Notice).size.height <= 6
            assert "#1 " in text(app)
            check(app)


async def test_a_long_status_is_cut_and_says_so() -> None:
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(refusal(codes.NOT_FOUND, "long " * 300))
            await shows(pilot, "Failed: NOT_FOUND (5): long long", "The server does not have")
            notice = app.screen.query_one(Notice).region
            rows = [row.rstrip() for row in lines(app)[notice.y : notice.bottom]]
            assert [row.endswith("…") for row in rows] == [False, False, True, False]


@pytest.mark.parametrize(
    "numbers",
    [
        [1e308, -1e308, 1.7976931348623157e308],
        [5e-324, -5e-324],
        [-0.0, 0.0, -0.0],
        [math.nan, math.inf, -math.inf, 1.0],
        [math.nan],
        [1e300, 1e-300, -1e300],
        [2.0**53, 2.0**53 + 2],
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(80, 24), (30, 15)])
async def test_hostile_numbers_move_nothing(numbers: list[float], size: tuple[int, int]) -> None:
    messages = [hostile.raw_message(n, b"x", number) for n, number in enumerate(numbers, 1)]
    with raw_server(messages) as address, viewer(address) as (app, tap):
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: tap.snapshot().values == len(numbers), "all values")
            await shows(pilot, f"#{len(numbers)}")
            await pilot.pause(0.3)
            check(app)
            finite = [number for number in numbers if math.isfinite(number)]
            chart = app.screen.query_one(Chart)
            rows = lines(app)[chart.region.y : chart.region.bottom]
            assert ("┤" in "".join(rows)) == bool(finite)
            assert "nan" not in text(app)
            assert "inf" not in text(app)
            assert "-0 " not in rows[0]


async def test_hostile_sequences_move_nothing() -> None:
    largest = 2**64 - 1
    puppet = Puppet()
    with RunningServer(puppet) as server, viewer(server.address) as (app, tap):
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(price_message(1), price_message(largest), price_message(largest - 1))
            await until(pilot, lambda: tap.snapshot().late == 1, "all values")
            await shows(pilot, f"#{largest}", f"{largest - 3:,} missed")
            check(app)
            for width in range(79, 0, -1):
                await pilot.resize_terminal(width, 24)
                # The layout follows the size when the machine comes to it.
                await until(pilot, lambda: is_straight(app), f"straight rows at {width}")


async def test_a_hostile_address_moves_nothing() -> None:
    # It names a socket that is not there; gRPC takes any name of a file.
    address = "unix:/tmp/\u6cb9" * 9 + "e\u0301\u0939\u093f\U0001f1e9\ufe0f"
    with viewer(address) as (app, _):
        async with app.run_test(size=(100, 24)) as pilot:
            check(app)
            await shows(pilot, "✗ FAILED")
            check(app)
            for width in (99, 60, 41, 20, 3, 1):
                await pilot.resize_terminal(width, 24)
                # The layout follows the size when the machine comes to it.
                await until(pilot, lambda: is_straight(app), f"straight rows at {width}")


async def test_the_title_of_the_window_is_left_alone() -> None:
    messages = [hostile.raw_message(1, hostile.TITLE.encode())]
    with raw_server(messages) as address, viewer(address) as (app, tap):
        async with app.run_test() as pilot:
            await_values(tap, 1)
            await pilot.pause(0.1)
            assert (app.title, app.sub_title, app.screen.title) == ("grpctap", "", None)
