"""Finding values: the real keys on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.history import Value
from grpctap.widgets.stream_log import StreamLog
from grpctap_protos.server_stream_pb2 import StreamResponse
from support.puppet import Puppet, price_message
from support.screens import hides, lines, shows, text, until
from support.server import RunningServer
from support.viewers import viewer

TALL, SMALL = (120, 30), (80, 24)


@pytest.fixture
def puppet() -> Iterator[Puppet]:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        puppet.address = server.address  # type: ignore[attr-defined]
        yield puppet


def named(first: int, last: int) -> list[StreamResponse]:
    """WTI 1, Brent 2, Gold 3, WTI 4, …"""
    return [
        price_message(number, f"{('Gold', 'WTI', 'Brent')[number % 3]} {number}")
        for number in range(first, last + 1)
    ]


async def begin(pilot: Pilot[Any], puppet: Puppet, *messages: StreamResponse) -> None:
    await until(pilot, lambda: puppet.requests, "the call")
    if messages:
        puppet.send(*messages)
        await shows(pilot, f"#{messages[-1].sequence} ")


async def write(pilot: Pilot[Any], words: str) -> None:
    """Opens the filter line, and pastes a filter in the place of what it has."""
    await pilot.press("/")
    await pilot.press("ctrl+u")
    pilot.app.screen.focused.post_message(events.Paste(words))  # type: ignore[union-attr]
    await until(pilot, lambda: words[-20:] in text(pilot.app), "what was pasted")


def log_of(app: ViewerApp) -> list[str]:
    """The lines of the log that are not blank."""
    log = app.screen.query_one(StreamLog)
    return [
        line.rstrip("┃ ") for line in lines(app)[log.region.y : log.region.bottom] if line.strip()
    ]


def names(app: ViewerApp) -> list[str]:
    """What stands behind the times in the log."""
    return [re.split(r"\.\d{3}   ", line)[-1] for line in log_of(app)]


def cursor_row(app: ViewerApp) -> str:
    return next((line for line in lines(app) if line.startswith("▸")), "")


def stands_at(app: ViewerApp, words: str) -> bool:
    return words in cursor_row(app)


@pytest.mark.parametrize("size", [SMALL, (200, 60), (30, 14)])
async def test_words_filter_live_and_in_history(puppet: Puppet, size: tuple[int, int]) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=size) as pilot:
            await begin(pilot, puppet, *named(1, 60))
            await pilot.press("/", *"brent")
            await until(pilot, lambda: names(app)[-1:] == ["Brent 59"], "the newest match")
            assert all(name.startswith("Brent") for name in names(app))
            if size[0] >= 80:
                await shows(pilot, "20 of 60 match", " text ", "tab all, matches marked")
            puppet.send(*named(61, 66))
            await until(pilot, lambda: names(app)[-1:] == ["Brent 65"], "a new match")
            assert all(name.startswith("Brent") for name in names(app))
            await pilot.press("enter")
            assert isinstance(app.screen.focused, StreamLog)
            assert all(name.startswith("Brent") for name in names(app))
            await pilot.press("escape")
            await until(pilot, lambda: names(app)[-1:] == ["Gold 66"], "everything again")
            await hides(pilot, " of 66 match")
            assert all(len(line) <= size[0] for line in lines(app))


async def test_each_key_of_a_condition_keeps_the_last_good_filter(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 60))
            await write(pilot, "sequence > 58")
            await shows(pilot, " condition ", "2 of 60 match")
            assert names(app) == ["Brent 59", "Gold 60"]
            await pilot.press(*" and")
            await shows(
                pilot, "a field is missing", "(still shown: sequence > 58)", "2 of 60 match"
            )
            await pilot.press(*" sequense = 60")
            await shows(
                pilot, "no field sequense in proto.StreamResponse; did you mean sequence or first_s"
            )
            assert names(app) == ["Brent 59", "Gold 60"]
            await write(pilot, 'sequence > 58 and stream_value ~ "^G"')
            await shows(pilot, "1 of 60 match")
            await hides(pilot, "no field")
            assert names(app) == ["Gold 60"]
            await write(pilot, "/^(WTI|Gold) [12]$/")
            await shows(pilot, " regex ", "1 of 60 match")
            await pilot.press("escape")
            await hides(pilot, "1 of 60 match")
            assert names(app)[-1] == "Gold 60"


async def test_what_may_become_a_condition_leaves_the_log_as_it_is(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 60))
            await pilot.press("/")
            for letter in "sequence":
                await pilot.press(letter)
                await shows(pilot, "enter: as text")
                assert names(app)[-1] == "Gold 60"
            await shows(pilot, " condition ", "sequence is a number: go on with = != < >")
            await pilot.press("space", ">")
            await shows(pilot, "a value is missing after >")
            assert names(app)[-1] == "Gold 60"
            await pilot.press("5", "8")
            await shows(pilot, "2 of 60 match")
            await hides(pilot, "is missing")
            assert names(app) == ["Brent 59", "Gold 60"]
            await pilot.press("escape", "/", *"nu")
            await shows(pilot, "a condition may begin so: number")
            await pilot.press("enter")
            await shows(pilot, " text ", "0 of 60 match")
            assert isinstance(app.screen.focused, StreamLog)


async def test_the_place_of_an_error_is_marked(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=SMALL) as pilot:
            await begin(pilot, puppet, *named(1, 9))
            await write(pilot, "sequence > 1 and bogus = 1")
            await shows(pilot, "no field bogus")
            marked = [
                segment.text
                for strip in app.screen._compositor.render_strips()
                for segment in strip
                if segment.style is not None and segment.style.underline and segment.style.bold
            ]
            assert "bogus" in "".join(marked)
            assert "sequence" not in "".join(marked)


async def test_all_rows_with_the_matches_marked_and_the_way_between_them(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL, notifications=True) as pilot:
            await begin(pilot, puppet, *named(1, 90))
            await pilot.press("/", *"brent", "tab")
            await shows(pilot, "30 of 90 marked")
            await until(pilot, lambda: names(app)[-1:] == ["Gold 90"], "all rows")
            for line in log_of(app):
                assert line.startswith("•") == ("Brent" in line), line
            await pilot.press("enter", ",")
            await until(pilot, lambda: "Brent 89" in cursor_row(app), "the newest match")
            for number in (86, 83, 80):
                await pilot.press(",")
                await until(pilot, partial(stands_at, app, f"Brent {number}"), "the one before")
            await pilot.press(".")
            await until(pilot, lambda: "Brent 83" in cursor_row(app), "the next one")
            assert any("Gold" in name for name in names(app))
            await pilot.press("home", ",")
            await shows(pilot, "No older match")
            await pilot.press("/", "tab")
            await shows(pilot, "30 of 90 match")
            assert all(name.startswith("Brent") for name in names(app))
            await pilot.press("enter", "end", ".")
            await shows(pilot, "This is the newest; , goes back")


async def test_the_way_through_the_matches_goes_on_in_the_inspector(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 90))
            await pilot.press("/", *"gold", "enter", "up", "up")
            await until(pilot, lambda: "Gold 87" in cursor_row(app), "the match before the last")
            await pilot.press("enter")
            await shows(pilot, '"sequence": "87"')
            await pilot.press("left")
            await shows(pilot, '"sequence": "84"')
            await pilot.press("right", "right")
            await shows(pilot, '"sequence": "90"')
            await pilot.press("escape")
            await until(pilot, lambda: "Gold 90" in cursor_row(app), "the cursor goes with it")


async def test_what_stands_still_is_filtered_as_it_is_whatever_is_evicted(puppet: Puppet) -> None:
    with viewer(puppet.address, history=100) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 100))
            await pilot.press("f")
            puppet.send(*named(101, 300))
            await until(pilot, lambda: tap.snapshot().values == 300, "all values")
            await write(pilot, "sequence <= 12")
            await shows(pilot, "12 of 100 match", "FROZEN, +200 new")
            twelve = [f"{('Gold', 'WTI', 'Brent')[n % 3]} {n}" for n in range(1, 13)]
            await until(pilot, lambda: names(app) == twelve, "the matches")
            # The cursor was on #100, and stands on what is nearest.
            await until(pilot, lambda: "Gold 12" in cursor_row(app), "the nearest")
            await pilot.press("enter", "up", "up", "enter")
            await shows(pilot, '"sequence": "10"', "It has left the history since")
            await pilot.press("escape", "escape")
            await until(pilot, lambda: "WTI 10" in cursor_row(app), "the same row among all")
            await shows(pilot, "Brent 11")
            await write(pilot, "sequence <= 202")
            await shows(pilot, "100 of 100 match")
            await pilot.press("enter", "f")
            await shows(pilot, "2 of 100 match")
            await until(pilot, lambda: names(app) == ["Gold 201", "WTI 202"], "what is kept now")


async def test_matches_leave_with_the_history(puppet: Puppet) -> None:
    with viewer(puppet.address, history=50) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 50))
            await write(pilot, "sequence < 100")
            await shows(pilot, "50 of 50 match")
            puppet.send(*named(51, 120))
            await shows(pilot, "29 of 50 match")
            await until(pilot, lambda: names(app)[-1:] == ["Gold 99"], "the last one")
            puppet.send(*named(121, 200))
            await shows(pilot, "0 of 50 match", "no value matches")
            assert tap.snapshot().missed == 0


async def test_nothing_or_only_seams_can_be_filtered(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet)
            await pilot.press("/", *"brent")
            await shows(pilot, "0 of 0 match", "no value was received yet")
            await pilot.press("enter", "s")
            await shows(pilot, "── stopped before the first value")
            await pilot.press("f", "up", "up", ",", ".", "enter", "home", "pageup")
            assert app.screen.query_one(StreamLog).selected is None
            # To the chart, back from it, and then out of the filter.
            await pilot.press("tab", "escape", "escape")
            await hides(pilot, "0 of 0 match")
            await shows(pilot, "── stopped before the first value")


async def test_seams_stay_between_the_matches(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 9))
            await pilot.press("space")
            await shows(pilot, "PAUSED at #9")
            await pilot.press("/", *"wti")
            await shows(pilot, "3 of 9 match")
            assert [line.split()[0] for line in log_of(app)] == ["#1", "#4", "#7", "──"]
            await pilot.press("enter", "space")
            await until(pilot, lambda: len(puppet.requests) == 2, "the call")
            puppet.send(*named(10, 12))
            await shows(pilot, "4 of 12 match", "nothing missed")
            assert [line.split()[0] for line in log_of(app)] == ["#1", "#4", "#7", "──", "#10"]


async def test_the_cells_of_a_table_are_what_is_searched(puppet: Puppet) -> None:
    columns = "sequence,stream_value"
    with viewer(puppet.address, columns=columns) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 30))
            await pilot.press("/", *"30 gold")
            await shows(pilot, "1 of 30 match")
            await until(pilot, lambda: len(log_of(app)) == 1, "one row")


async def test_what_would_take_for_ever_elsewhere_lets_the_keys_go_on(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            hostile = [price_message(n, "a" * 1_990 + "\x1b!") for n in range(1, 301)]
            await begin(pilot, puppet, *hostile)
            await write(pilot, "/(a+)+$|(a|aa)+$|(.*a){12}$/")
            await shows(pilot, "0 of 300 match")
            await write(pilot, "/a␛!$/")
            await shows(pilot, "300 of 300 match")
            assert all(line.isprintable() for line in lines(app))


async def test_rows_for_others_are_those_that_are_shown(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=SMALL) as pilot:
            await begin(pilot, puppet, *named(1, 60))
            log = app.screen.query_one(StreamLog)
            assert len(log.kept().rows) == 60
            await pilot.press("/", *"gold", "enter")
            await until(pilot, lambda: len(log.kept().rows) == 20, "the matches")
            await pilot.press("f")
            puppet.send(*named(61, 63))
            await shows(pilot, "FROZEN, +3 new")
            rows = [row.sequence for row in log.kept().rows if isinstance(row, Value)]
            assert rows == list(range(3, 61, 3))


async def test_an_empty_filter_line_goes_away(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=SMALL) as pilot:
            await begin(pilot, puppet, *named(1, 9))
            await pilot.press("/")
            await shows(pilot, "Type what to look for", "⏎ Done")
            await pilot.press("enter")
            await hides(pilot, "Type what to look for")
            assert isinstance(app.screen.focused, StreamLog)
            await pilot.press("/", "escape")
            await hides(pilot, "Type what to look for")
            await shows(pilot, "#9 ")


async def test_what_is_typed_at_once_is_all_in_the_filter(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 9))
            # As a terminal delivers what was typed fast, the way in and the way out among it.
            for key in ["slash", *"brent", "enter", "b"]:
                app.post_message(events.Key(key, key if len(key) == 1 else None))
            await shows(pilot, "3 of 9 match", "Latest by")
            assert text(app).count("brentb") == 0
            assert tap.snapshot().missed == 0


async def test_the_board_keeps_its_keys_and_is_filtered(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL) as pilot:
            await begin(pilot, puppet, *named(1, 9))
            await pilot.press("b")
            await shows(pilot, "Latest by")
            # To the chart and back.
            await pilot.press("tab", "tab", "k")
            await shows(pilot, "The key of the board")
            await pilot.press("escape", "/", *"brent")
            await shows(pilot, "Latest by stream_id · 1 key · 3 of 9 values match")
            await pilot.press("enter", "b")
            await hides(pilot, "Latest by")
            assert names(app) == ["Brent 2", "Brent 5", "Brent 8"]


async def test_a_filter_that_was_cleared_leaves_nothing_behind(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=TALL, notifications=True) as pilot:
            await begin(pilot, puppet, *named(1, 9))
            await pilot.press("/", "x", "tab", "escape", "/", *"brent")
            await shows(pilot, "3 of 9 match")
            await pilot.press("escape", "/", *"zzz", "enter", "e")
            await shows(pilot, "The log shows no value to export")
