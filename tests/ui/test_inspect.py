"""Looking closely: the real keys on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.widgets.stream_log import StreamLog
from grpctap_protos.server_stream_pb2 import StreamResponse
from support import hostile
from support.puppet import Puppet, price_message, refusal
from support.screens import hides, lines, shows, text, until
from support.server import RunningServer
from support.taps import raw_server
from support.viewers import viewer

SIZES = [(80, 24), (120, 40), (200, 60), (30, 10)]


@pytest.fixture
def puppet() -> Iterator[Puppet]:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        puppet.address = server.address  # type: ignore[attr-defined]
        yield puppet


async def begin(pilot: Pilot[int], puppet: Puppet, *messages: StreamResponse) -> None:
    await until(pilot, lambda: puppet.requests, "the call")
    puppet.send(*messages)
    await shows(pilot, f"#{messages[-1].sequence}")


def prices(first: int, last: int) -> list[StreamResponse]:
    return [price_message(n) for n in range(first, last + 1)]


def cursor_row(app: ViewerApp) -> str:
    """The line with the cursor; "" where there is none."""
    return next((line for line in lines(app) if line.startswith("▸")), "")


async def test_up_freezes_and_moves_a_cursor_and_down_follows_again(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(100, 24), notifications=True) as pilot:
            await begin(pilot, puppet, *prices(1, 60))
            assert cursor_row(app) == ""
            log = app.screen.query_one(StreamLog)
            await pilot.press("up")
            await until(pilot, lambda: "#60 " in cursor_row(app), "a cursor on the last value")
            await pilot.press("up", "up")
            await until(pilot, lambda: "#58 " in cursor_row(app), "the cursor moves")
            puppet.send(*prices(61, 70))
            await shows(pilot, "FROZEN, +10 new")
            assert "#58 " in cursor_row(app)
            for _ in range(log.size.height):
                await pilot.press("up")
            await until(
                pilot, lambda: f"#{58 - log.size.height} " in cursor_row(app), "the log scrolls"
            )
            await pilot.press("home")
            await until(pilot, lambda: "#1 " in cursor_row(app), "the oldest")
            await pilot.press("pagedown")
            await until(pilot, lambda: f"#{log.size.height} " in cursor_row(app), "a page")
            await pilot.press("pageup", "pageup")
            await until(pilot, lambda: "#1 " in cursor_row(app), "back at the oldest")
            await pilot.press("end")
            await shows(pilot, "#70 ")
            assert cursor_row(app) == ""
            await pilot.press("up", "down")
            await hides(pilot, "FROZEN")
            assert not log.frozen


async def test_the_cursor_skips_seams(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(100, 24), notifications=True) as pilot:
            await begin(pilot, puppet, *prices(1, 3), *prices(6, 8))
            await shows(pilot, "2 missing")
            await pilot.press("up", "up", "up", "up")
            await until(pilot, lambda: "#3 " in cursor_row(app), "past the seam")
            await pilot.press("down")
            await until(pilot, lambda: "#6 " in cursor_row(app), "past the seam")
            await pilot.press("enter")
            await shows(pilot, "sequence 6 ", "2 newer")
            await pilot.press("left")
            await shows(pilot, "sequence 3 ", "3 newer")
            await pilot.press("escape")
            await until(pilot, lambda: "#3 " in cursor_row(app), "the cursor went along")


async def test_a_click_chooses_a_value_and_two_look_closely(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(100, 24), notifications=True) as pilot:
            await begin(pilot, puppet, *prices(1, 60))
            row = next(y for y, line in enumerate(lines(app)) if "#58 " in line)
            await pilot.click(offset=(30, row))
            await until(pilot, lambda: "#58 " in cursor_row(app), "a cursor where it was clicked")
            await pilot.click(offset=(30, row), times=2)
            await shows(pilot, '"sequence": "58"')


@pytest.mark.parametrize("size", SIZES)
async def test_enter_shows_the_newest_while_the_stream_runs_on(
    puppet: Puppet, size: tuple[int, int]
) -> None:
    with viewer(puppet.address) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=size, notifications=True) as pilot:
            moment = Timestamp(seconds=1_577_836_800, nanos=5_000_000)
            message = price_message(3, "WTI 3")
            message.event_time.CopyFrom(moment)
            await begin(pilot, puppet, *prices(1, 2), message)
            await pilot.press("enter")
            await shows(pilot, '"streamValue": "WTI 3"', "#3", "the newest", " ago", "LIVE")
            local = datetime.fromtimestamp(moment.seconds).astimezone()
            if size[0] >= 80:
                await shows(
                    pilot,
                    f"event time {local:%Y-%m-%dT%H:%M:%S}.005",
                    f" {message.ByteSize()} bytes",
                    "sequence 3",
                    "tab Tree",
                    "y Copy JSON",
                    "esc Close",
                )
            puppet.send(*prices(4, 9))
            await shows(pilot, "6 newer")
            await pilot.press("right")
            await shows(pilot, "#4", "5 newer")
            await pilot.press("left", "left")
            await shows(pilot, "#2")
            await pilot.press("left", "left")
            await shows(pilot, "#1")
            if size[0] >= 80:
                await shows(pilot, "No older value is kept")
            assert all(len(line) <= size[0] for line in lines(app))
            assert tap.snapshot().values == 9
            await pilot.press("escape")
            await shows(pilot, "#9 ")
            assert not app.screen.query_one(StreamLog).frozen


async def test_the_next_value_waits_for_the_stream(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(100, 24), notifications=True) as pilot:
            await begin(pilot, puppet, *prices(1, 2))
            await pilot.press("enter")
            await shows(pilot, '"sequence": "2"')
            await pilot.press("right")
            await shows(pilot, "No newer value yet", "#2 ")
            puppet.send(refusal(14, "gone"))
            await shows(pilot, "✗ FAILED UNAVAILABLE")
            await pilot.press("q")
            await shows(pilot, "Failed: UNAVAILABLE (14): gone")


async def test_a_value_that_has_left_the_history_stays_with_a_note(puppet: Puppet) -> None:
    with viewer(puppet.address, history=5) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(100, 24), notifications=True) as pilot:
            await begin(pilot, puppet, *prices(1, 3))
            await pilot.press("enter")
            await shows(pilot, '"sequence": "3"')
            puppet.send(*prices(4, 20))
            await shows(pilot, "It has left the history since", "17 newer", '"sequence": "3"')
            await pilot.press("left")
            await shows(pilot, '"sequence": "2"')
            await pilot.press("right", "right")
            await shows(pilot, '"sequence": "16"')
            await hides(pilot, "It has left the history")
            await pilot.press("left")
            await shows(pilot, "No older value is kept", '"sequence": "16"')


@pytest.mark.parametrize("key", ["tab", "t"])
async def test_the_tree_has_names_types_and_values(puppet: Puppet, key: str) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            message = price_message(1, "two words")
            message.event_time.seconds = 5
            message.MergeFromString(b"\xa8\x06\x05\xb2\x06\x02hi")
            await begin(pilot, puppet, message)
            await pilot.press("enter")
            await shows(pilot, '"sequence": "1"', "2 unknown fields, in the tree")
            await pilot.press(key)
            await shows(
                pilot,
                'stream_value: "two words"   string',
                "sequence: 1   uint64",
                "seconds: 5   int64",
                "unknown 101: 5   varint",
                'unknown 102: 2 bytes: b"hi"   bytes',
                "space Open or close",
                "tab JSON",
            )
            await pilot.press("down", "down", "down", "down", "down", "space")
            await hides(pilot, "seconds: 5")
            await pilot.press("space")
            await shows(pilot, "seconds: 5")
            await pilot.press(key)
            await shows(pilot, '"sequence": "1"', "tab Tree")


@pytest.mark.parametrize("key", ["y", "c"])
async def test_the_json_can_be_copied(puppet: Puppet, key: str) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(100, 24), notifications=True) as pilot:
            await begin(pilot, puppet, price_message(1, "a\x1b[2J\n\u202e油"))
            await pilot.press("enter")
            await shows(pilot, r'"a\u001b[2J\n\u202e油"')
            await pilot.press(key)
            await shows(pilot, "Copied the message: ")
            copied = json.loads(app.clipboard)
            assert copied["streamValue"] == "a\x1b[2J\n\u202e油"
            assert all(line.isprintable() for line in app.clipboard.split("\n"))
            assert app.clipboard.startswith('{\n  "streamValue"')


async def test_a_huge_value_is_cut_with_a_mark_and_copied_whole(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(100, 24), notifications=True) as pilot:
            await begin(pilot, puppet, price_message(1, "w" * 10**6))
            await pilot.press("enter")
            await shows(pilot, "1,000,036 bytes", '"wwww')
            await pilot.press("end")
            await shows(pilot, "… cut: 1,000,000 characters", '"sequence": "1"')
            await pilot.press("tab")
            await shows(pilot, "stream_value: 1,000,000 characters: www")
            await pilot.press("y")
            await shows(
                pilot, "Copied the message: 1.0 MB of JSON", "Many terminals do not take so much."
            )
            assert len(json.loads(app.clipboard)["streamValue"]) == 10**6


@pytest.mark.parametrize("size", [(80, 24), (33, 12)])
async def test_hostile_values_act_neither_in_json_nor_in_the_tree(size: tuple[int, int]) -> None:
    values = hostile.values()
    messages = [hostile.raw_message(n, value) for n, value in enumerate(values, 1)]
    with raw_server(messages) as address, viewer(address) as (app, tap):
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: tap.snapshot().values == len(values), "all values")
            await shows(pilot, f"#{len(values)}")
            await pilot.press("home", "enter")
            for number in range(1, len(values) + 1):
                await shows(pilot, f"#{number} ")
                for _ in range(2):
                    assert all(line.isprintable() for line in lines(app)), text(app)
                    await pilot.press("t")
                await pilot.press("right")


async def test_columns_are_a_table_with_a_header(puppet: Puppet) -> None:
    columns = "stream_value,number,eventTime,event_time.seconds"
    with viewer(puppet.address, columns=columns) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=(120, 24), notifications=True) as pilot:
            second = price_message(2, "油 long value")
            second.event_time.seconds = 5
            await begin(pilot, puppet, price_message(1, "a"), second, price_message(3, "x" * 100))
            await shows(pilot, "received", "stream_value", "event_time.seconds")
            rows = [line for line in lines(app) if "received" in line or line.startswith(" #")]
            assert len(rows) == 4
            head, first, wide, long = rows
            at = head.index("number")
            assert first[at:].startswith("78")
            # A letter that is two cells wide.
            assert wide[at - 1 :].startswith("79.4")
            assert f"{'x' * 39}…  " in long
            assert first[at:].split() == ["78", "-", "-"]
            assert wide[at:].split()[-1] == "5"
