"""The fields of the chart, chosen with real keys on real servers."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from textual import events
from textual.pilot import Pilot

from grpctap.choices import ChoiceFile
from grpctap.core.dynamic import MethodSchema
from grpctap.core.listvalue import METHOD
from grpctap.core.method import Method
from grpctap.core.plots import Choice, Choices
from grpctap.core.state import Command
from grpctap.screens.fields import FieldsScreen
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap.widgets.field_list import FieldList
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.emulator import Emulator
from support.methods import reflecting
from support.protos import Protos
from support.screens import hides, lines, shows, text, until
from support.server import RunningServer, eventually
from support.taps import make_tap
from support.viewers import watching

GRPCTAP = (sys.executable, "-m", "grpctap")
PROTOS = Protos("""
syntax = "proto3";
package t;
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
message Ask {}
enum Side { NONE = 0; BUY = 1; SELL = 2; }
message Leg { double price = 1; uint64 size = 2; }
message Tick {
  string symbol = 1;
  Leg leg = 2;
  repeated Leg legs = 3;
  map<string, double> by_name = 4;
  Side side = 5;
  bool open = 6;
  google.protobuf.Timestamp event_time = 7;
  google.protobuf.Duration took = 8;
  uint64 total = 9;
  Tick before = 10;
}
service Ticks { rpc Watch(Ask) returns (stream Tick); }
""")
WATCH = "t.Ticks/Watch"
NASTY = "a\x1b[2J\u202e"


def tick(n: int) -> Message:
    return PROTOS.make(
        "Tick",
        symbol=f"SYM {n}",
        leg={"price": 100 + n % 7, "size": n},
        legs=[{"price": 1}, {"price": n % 5}],
        by_name={"b": n, NASTY: 5} if n % 2 else {"a": n},
        side=n % 3,
        open=bool(n % 2),
        event_time={"seconds": 1_700_000_000 + (n // 2 * 2 if n % 2 else n + 3)},
        took={"nanos": 500_000_000},
        total=n * 10,
        before={"total": n, "before": {"before": {"total": 1}}},
    )


@pytest.fixture(scope="module")
def ticks() -> Iterator[str]:
    over = threading.Event()

    def watch(_: Any, context: Any) -> Iterator[Message]:
        for n in itertools.count(1):
            yield tick(n)
            # Two hundred at once, and then a few a second.
            if n > 200 and (over.wait(0.05) or not context.is_active()):
                return

    with reflecting(PROTOS, {"t.Ticks": {"Watch": watch}}) as address:
        yield address
        over.set()


@pytest.fixture(scope="module")
def prices() -> Iterator[RunningServer]:
    with RunningServer(PriceFeed(Schedule(NANOSECONDS // 50, 10**6))) as running:
        yield running


def tick_tap(address: str) -> Tap:
    descriptor = PROTOS.descriptor("Tick")
    method = Method(WATCH, PROTOS.descriptor("Ask"), descriptor, PROTOS.pool)
    transport = GrpcTransport(Target(address, plaintext=True), WATCH)
    return Tap(transport, MethodSchema(method, PROTOS.make("Ask")))


async def open_picker(pilot: Pilot[Any]) -> FieldList:
    await pilot.press("c")
    await shows(pilot, "Fields of the chart")
    return pilot.app.screen.query_one(FieldList)


async def go_to(pilot: Pilot[Any], path: str) -> None:
    """Moves the cursor to a field, key by key."""
    fields = pilot.app.screen.query_one(FieldList)
    await pilot.press("home")
    await until(pilot, lambda: any(row.path == path for row in fields._rows), path)
    while fields.selected is not None and fields.selected.path != path:
        before = fields.selected.path
        await pilot.press("down")
        assert fields.selected.path != before, f"{path} is not in the list"


def names(tap: Tap) -> list[str]:
    with tap.chart_frame() as frame:
        return [line.name for line in frame.lines]


def row_of(pilot: Pilot[Any], path: str) -> str:
    # The chart stays in sight behind the picker, and its legend has the same names.
    area = pilot.app.screen.query_one(FieldList).region
    listed = (line[area.x : area.right] for line in lines(pilot.app)[area.y : area.bottom])
    return next((line for line in listed if f" {path} " in line), "")


@pytest.mark.parametrize("size", [(80, 24)])
async def test_fields_are_chosen_and_shown_with_real_keys(
    ticks: str, tmp_path: Path, size: tuple[int, int]
) -> None:
    file, tap = ChoiceFile(tmp_path), tick_tap(ticks)
    with watching(tap, "h:1", WATCH, file) as app:
        async with app.run_test(size=size) as pilot:
            await shows(pilot, "● LIVE", "SYM ", "? Help")
            assert names(tap) == ["total"]
            await open_picker(pilot)
            await shows(pilot, "none chosen: the chart shows total", "leg.price", "double")
            await go_to(pilot, "legs[1].price")
            await pilot.press("space")
            await shows(pilot, "1 of at most 6 chosen, each its own scale")
            assert " 1 " in row_of(pilot, "legs[1].price")
            await go_to(pilot, "total")
            await pilot.press("r")
            assert " 2 " in row_of(pilot, "total")
            assert " /s " in row_of(pilot, "total")
            await pilot.press("a")
            await shows(pilot, "2 of at most 6 chosen, one scale for all")
            await until(pilot, lambda: names(tap) == ["legs[1].price", "total/s"], "the lines")
            assert file.find(WATCH) == Choices()
            await pilot.press("escape")
            await hides(pilot, "Fields of the chart")
            with tap.chart_frame() as frame:
                assert frame.common
                assert frame.lines[0].series.recent(1)[0] in range(5)
                assert len(frame.lines[0].series) >= 200
    chosen = Choices((Choice("legs[1].price"), Choice("total", rate=True)), common=True)
    assert file.find(WATCH) == chosen
    assert file.find("t.Ticks/Other") == Choices()

    again = tick_tap(ticks)
    with watching(again, "h:1", WATCH, ChoiceFile(tmp_path)) as app:
        async with app.run_test(size=size) as pilot:
            await shows(pilot, "● LIVE")
            await until(pilot, lambda: names(again) == ["legs[1].price", "total/s"], "the lines")
            await open_picker(pilot)
            await shows(pilot, "2 of at most 6 chosen, one scale for all")
            await go_to(pilot, "total")
            await pilot.press("r", "a")
            assert again.plots.choices == Choices((Choice("legs[1].price"), Choice("total")))
            await pilot.press("space")
            await go_to(pilot, "legs[1].price")
            await pilot.press("space", "enter")
            await hides(pilot, "Fields of the chart")
            assert names(again) == ["total"]
    assert file.find(WATCH) == Choices()


async def test_every_kind_of_number_is_told_with_its_last_value(ticks: str) -> None:
    tap = tick_tap(ticks)
    with watching(tap, "h:1", WATCH) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await shows(pilot, "SYM ")
            await until(pilot, lambda: tap.snapshot().values > 200, "the first values")
            fields = await open_picker(pilot)
            tap.command(Command.STOP)
            end = tap.snapshot().values
            told = {
                "symbol": f'{end}  "SYM {end}"',
                "leg.price": f"{100 + end % 7}.0",
                "leg.size": f"{end}",
                "legs[1].price": f"{end % 5}.0",
                "side": f"{end % 3} {('NONE', 'BUY', 'SELL')[end % 3]}",
                "open": "true" if end % 2 else "false",
                "took": "0.5 s",
                "total": f"{end * 10}",
                # Of two entries, one comes with every other message.
                'by_name["a"]': f"{end - end % 2}.0",
                'by_name["b"]': f"{end - (end + 1) % 2}.0",
            }
            for path, value in told.items():
                row = lambda path=path, value=value: value in row_of(pilot, path)  # noqa: E731
                await until(pilot, row, f"{path} is {value}")
            assert 'by_name["a\\u001b[2J<U+202E>"]' in text(app)
            assert "\x1b" not in text(app)
            await go_to(pilot, "event_time")
            assert fields._tell("event_time").endswith(".000")
            assert fields._tell("before.before.before.total") == "1"
            await pilot.press("end")
            assert fields.selected is not None
            assert fields.selected.path.startswith("before.")


async def test_the_filter_leaves_what_matches_and_letters_are_letters_in_it(ticks: str) -> None:
    tap = tick_tap(ticks)
    with watching(tap, "h:1", WATCH) as app:
        async with app.run_test(size=(100, 30)) as pilot:
            await shows(pilot, "SYM ")
            fields = await open_picker(pilot)
            await shows(pilot, "leg.price")
            await pilot.press("slash", *"pr")
            await until(pilot, lambda: {row.path for row in fields._rows} >= {"leg.price"}, "rows")
            assert all("pr" in row.path for row in fields._rows)
            await pilot.press("space", "r", "a")
            await shows(pilot, "no field has these words")
            assert tap.plots.choices == Choices()
            await pilot.press("ctrl+u", *"leg.s", "enter", "space")
            assert tap.plots.choices == Choices((Choice("leg.size"),))
            # The first escape gives up the filter, the second one closes.
            await pilot.press("escape")
            await shows(pilot, "leg.price")
            await pilot.press("escape")
            await hides(pilot, "Fields of the chart")


async def test_there_are_six_lines_and_no_more(ticks: str) -> None:
    tap = tick_tap(ticks)
    with watching(tap, "h:1", WATCH) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await shows(pilot, "SYM ")
            await open_picker(pilot)
            await shows(pilot, "leg.price")
            await pilot.press("home", *["space", "down"] * 7)
            await shows(pilot, "6 are the most: take one out first")
            assert len(tap.plots.choices.plots) == 6
            await pilot.press("r")
            assert len(tap.plots.choices.plots) == 6
            assert not any(choice.rate for choice in tap.plots.choices.plots)
            await pilot.press("home", "space")
            await shows(pilot, "5 of at most 6 chosen")


async def test_a_click_chooses_and_the_wheel_moves(ticks: str) -> None:
    tap = tick_tap(ticks)
    with watching(tap, "h:1", WATCH) as app:
        async with app.run_test(size=(100, 20)) as pilot:
            await shows(pilot, "SYM ")
            fields = await open_picker(pilot)
            await until(pilot, lambda: len(fields._rows) > 10, "the fields")
            await pilot.click(FieldList, offset=(5, 2))
            path = fields._rows[2].path
            await until(pilot, lambda: tap.plots.choices.plots == (Choice(path),), "the choice")
            before = fields._at
            await pilot._post_mouse_events([events.MouseScrollDown], FieldList, offset=(5, 2))
            await until(pilot, lambda: fields._at > before, "the cursor moves")


async def test_without_a_chart_there_are_no_fields_to_choose(prices: RunningServer) -> None:
    tap = make_tap(prices.address)
    with watching(tap, "h:1", METHOD) as app:
        async with app.run_test(size=(80, 12)) as pilot:
            await shows(pilot, "● LIVE")
            assert "Fields" not in text(app)
            await pilot.press("c")
            assert not isinstance(app.screen, FieldsScreen)


async def test_choosing_shows_a_chart_that_was_hidden(prices: RunningServer) -> None:
    tap = make_tap(prices.address)
    with watching(tap, "h:1", METHOD) as app:
        async with app.run_test(size=(100, 30)) as pilot:
            await shows(pilot, "● LIVE", "┤")
            await pilot.press("C")
            await hides(pilot, "┤")
            await open_picker(pilot)
            await pilot.press("escape")
            await shows(pilot, "┤")


def test_lines_of_a_live_stream_are_those_of_its_history(ticks: str) -> None:
    tap = tick_tap(ticks)
    try:
        choices = ("leg.price", "total", 'by_name["a"]', "symbol", "event_time")
        tap.plots.choose(Choices(tuple(map(Choice, choices))))
        tap.start()
        while tap.snapshot().values < 230:
            tap.plots.pull()
        tap.command(Command.STOP)
        tap.plots.pull(600)
        end = tap.snapshot().values
        with tap.chart_frame() as frame:
            live = {line.name: line.series.recent(10**6) for line in frame.lines}
            assert frame.axis == "received"
        numbers = range(1, end + 1)
        assert live["leg.price"] == [100 + n % 7 for n in numbers]
        assert live["total"] == [10 * n for n in numbers]
        assert live["symbol"] == list(numbers)
        assert live['by_name["a"]'] == [n for n in numbers if n % 2 == 0]
        tap.by_event = True
        assert tap.has_event_times
        tap.plots.pull(600)
        for plot in tap.plots._plots:
            plot.settle(now=True)
        with tap.chart_frame() as frame:
            assert frame.axis == "event"
            told = frame.lines[-1].series.recent(10**6)
            assert frame.end_ns == max(told) * 10**9
        assert told == sorted(live["event_time"])
        assert told != live["event_time"]
    finally:
        assert tap.close()


def test_the_choice_is_found_again_when_the_program_is_started_again(
    ticks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    command = (*GRPCTAP, "-plaintext", ticks, WATCH)
    with Emulator(command, columns=100, rows=30) as terminal:
        terminal.shows("● LIVE")
        terminal.write(b"c")
        terminal.shows("leg.size")
        terminal.write(b"/leg.size\r ")
        terminal.shows("1 of at most 6 chosen")
        terminal.write(b"\r")
        terminal.until(lambda rows: not any("Fields of" in row for row in rows), "it is closed")
        terminal.write(b"q")
        eventually(lambda: (tmp_path / "grpctap" / "chart.jsonl").exists(), "the file")
    assert ChoiceFile(tmp_path / "grpctap").find(WATCH) == Choices((Choice("leg.size"),))
    with Emulator(command, columns=100, rows=30) as terminal:
        terminal.until(lambda rows: "leg.size" in rows[1], "the chart's name")
        terminal.write(b"q")
    with Emulator((*command, "--no-recent"), columns=100, rows=30) as terminal:
        terminal.until(lambda rows: "total" in rows[1], "the chart's name")
        terminal.write(b"q")
