"""Getting things out of the viewer: files, pictures and the clipboard, with the real keys."""

from __future__ import annotations

import csv
import json
import os
import resource
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, RadioSet

from grpctap.app import ViewerApp
from grpctap.screens import clipboard
from grpctap.screens.export import ExportScreen
from grpctap.tap import Tap
from grpctap.widgets.stream_log import StreamLog
from grpctap_protos.server_stream_pb2 import StreamResponse
from support import hostile
from support.puppet import Puppet, price_message
from support.screens import hides, lines, shows, until
from support.server import RunningServer, eventually
from support.taps import kept, raw_server
from support.viewers import viewer

# Wider than long paths of a temporary folder.
WIDE = (140, 30)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, for what is written."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def puppet() -> Iterator[Puppet]:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        puppet.address = server.address  # type: ignore[attr-defined]
        yield puppet


def prices(first: int, last: int) -> list[StreamResponse]:
    return [price_message(n) for n in range(first, last + 1)]


async def begin(pilot: Pilot[int], puppet: Puppet, count: int) -> None:
    await until(pilot, lambda: puppet.requests, "the call")
    puppet.send(*prices(1, count))
    await shows(pilot, f"#{count}")


async def says(pilot: Pilot[int], *words: str) -> None:
    """Waits until a notice says each of the words, however it is wrapped on the screen."""
    for word in words:
        await until(pilot, partial(_is_said, pilot, word), f"a notice that says {word!r}")


def _is_said(pilot: Pilot[int], word: str) -> bool:
    return any(word in f"{each.title} {each.message}" for each in pilot.app._notifications)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def expected(tap: Tap) -> list[str]:
    return [tap.schema.json(message.SerializeToString()) for message in kept(tap)]


async def test_e_writes_all_that_is_kept_and_says_so(puppet: Puppet, folder: Path) -> None:
    with viewer(puppet.address) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 60)
            await pilot.press("e")
            await shows(pilot, "60 values, into a file", "enter writes", f"{folder}"[:40])
            await pilot.press("enter")
            await says(pilot, "60 values written to grpctap-proto.StreamServer-ListValue-")
            assert app.screen.query(StreamLog)
            (name,) = files(folder)
            assert name.endswith(".ndjson")
            assert (folder / name).read_text().splitlines() == expected(tap)
            assert (folder / name).stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


async def test_a_frozen_log_is_written_as_it_was(puppet: Puppet, folder: Path) -> None:
    with viewer(puppet.address) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 60)
            await pilot.press("f")
            puppet.send(*prices(61, 70))
            await shows(pilot, "FROZEN, +10 new")
            await pilot.press("e")
            await shows(pilot, "60 values, into a file")
            await pilot.press("enter")
            await says(pilot, "60 values written to")
            (name,) = files(folder)
            assert (folder / name).read_text().splitlines() == expected(tap)[:60]


async def test_the_format_is_chosen_by_key_or_by_the_name(puppet: Puppet, folder: Path) -> None:
    with viewer(puppet.address) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 3)
            await pilot.press("e", "down")
            await until(pilot, lambda: app.screen.query_one(RadioSet).pressed_index == 1, "meta")
            app.screen.query_one(Input).value = "meta.ndjson"
            await pilot.press("enter")
            await says(pilot, "3 values written to meta.ndjson")
            found = [json.loads(line) for line in (folder / "meta.ndjson").read_text().splitlines()]
            assert [line["seq"] for line in found] == [1, 2, 3]
            assert [line["message"] for line in found] == [
                json.loads(line) for line in expected(tap)
            ]

            await pilot.press("e", "up")
            await until(pilot, lambda: app.screen.query_one(Input).value.endswith(".csv"), "csv")
            await pilot.press("down")
            await until(pilot, lambda: app.screen.query_one(Input).value.endswith(".ndjson"), "not")
            app.screen.query_one(Input).value = "table.csv"
            await until(pilot, lambda: app.screen.query_one(RadioSet).pressed_index == 2, "csv")
            await pilot.press("enter")
            await says(pilot, "3 values written to table.csv")
            with (folder / "table.csv").open(newline="") as file:
                rows = list(csv.DictReader(file))
            assert [row["sequence"] for row in rows] == ["1", "2", "3"]
            assert rows[0]["stream_value"] == kept(tap)[0].stream_value
            assert {"seq", "received", "event_time", "number"} <= rows[0].keys()


async def test_csv_has_the_columns_of_the_log(puppet: Puppet, folder: Path) -> None:
    columns = "stream_value,number"
    with viewer(puppet.address, columns=columns) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 3)
            await pilot.press("e", "up")
            await until(pilot, lambda: app.screen.query_one(RadioSet).pressed_index == 2, "csv")
            app.screen.query_one(Input).value = "table.csv"
            await pilot.press("enter")
            await says(pilot, "3 values written to table.csv")
            header = (folder / "table.csv").read_text().splitlines()[0]
            assert header == f"seq,received,{columns}"


async def test_what_is_there_is_replaced_only_when_told_twice(puppet: Puppet, folder: Path) -> None:
    (folder / "old").write_text("precious")
    (folder / "sub").mkdir()
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 3)
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, ExportScreen), "the box")
            field = app.screen.query_one(Input)
            for name, problem in (
                ("", "This is no name of a file"),
                ("sub", "This is no name of a file"),
                ("/dev/full", "This is no name of a file"),
                ("nowhere/x", "There is no such folder"),
                ("~nobody-of-this-name/x", "No such file can be"),
                ("x" * 300, "No such file can be"),
                ("old", "That file exists. Press enter again to replace it"),
            ):
                field.value = name
                await pilot.press("enter")
                await shows(pilot, problem)
            field.value = "old2"
            await hides(pilot, "That file exists")
            field.value = "old"
            await pilot.press("enter")
            await shows(pilot, "That file exists")
            assert (folder / "old").read_text() == "precious"
            await pilot.press("enter")
            await says(pilot, "3 values written to old")
            assert len((folder / "old").read_text().splitlines()) == 3
            assert files(folder) == ["old", "sub"]


async def test_escape_leaves_nothing(puppet: Puppet, folder: Path) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 3)
            await pilot.press("e")
            await shows(pilot, "3 values, into a file")
            await pilot.press("escape")
            await hides(pilot, "into a file")
            assert files(folder) == []


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
async def test_a_long_export_is_left_at_once(
    puppet: Puppet, folder: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    # As if there were far more values: the writer waits after each slice of its work.
    monkeypatch.setattr("grpctap.export.SLICE_S", 0.0)
    monkeypatch.setattr("grpctap.screens.export.PAUSE_S", 60.0)
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 60)
            await pilot.press("e", "enter")
            await until(pilot, lambda: files(folder), "it writes")
            await shows(pilot, "escape ends it, and leaves nothing", "%")
            await pilot.press(key)
            if key == "escape":
                await hides(pilot, "into a file")
                await until(pilot, lambda: not files(folder), "nothing is left")
    eventually(lambda: not files(folder), "nothing is left")


async def test_a_folder_that_cannot_be_written_is_told(puppet: Puppet, folder: Path) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 3)
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, ExportScreen), "the box")
            app.screen.query_one(Input).value = "/proc/self/none"
            await pilot.press("enter")
            await says(pilot, "Nothing was exported", "/proc/self/none cannot be written:")
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, ExportScreen), "the box again")
            app.screen.query_one(Input).value = "large"
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
            try:
                await pilot.press("enter")
                await says(pilot, "large cannot be written: File too large")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            assert files(folder) == []
            os.rmdir(folder)  # noqa: PTH106 - quick, and no Path in a coroutine
            await pilot.press("p")
            await says(pilot, "No picture", "The current folder cannot be written")
            await pilot.press("e")
            await shows(pilot, "The current folder is gone")
            await pilot.press("enter")
            await until(pilot, lambda: app.screen.query(".problem, StreamLog"), "told somehow")


async def test_m_copies_the_message_at_the_cursor(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 60)
            await pilot.press("m")
            await says(pilot, "Copied the message", "of JSON")
            assert app.clipboard == expected(tap)[-1]
            await pilot.press("up", "up", "up", "m")
            await until(pilot, lambda: app.clipboard == expected(tap)[-3], "that at the cursor")


async def test_a_range_is_selected_copied_and_exported(puppet: Puppet, folder: Path) -> None:
    with viewer(puppet.address) as (app, tap):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 60)
            log = app.screen.query_one(StreamLog)
            await pilot.press("shift+up")
            assert log.frozen
            assert log.chosen == range(59, 60)
            await pilot.press("shift+up", "shift+up", "shift+up", "shift+down")
            assert log.chosen == range(57, 60)
            await until(pilot, lambda: len(selected(app)) == 3, "three marked rows")
            assert [line[0] for line in selected(app)] == ["▸", "▌", "▌"]
            await pilot.press("m")
            await says(pilot, "Copied 3 messages", "of NDJSON")
            assert app.clipboard == "".join(f"{line}\n" for line in expected(tap)[57:])
            await pilot.press("e")
            await shows(pilot, "3 selected values, into a file")
            await pilot.press("enter")
            await says(pilot, "3 values written to")
            (name,) = files(folder)
            assert (folder / name).read_text().splitlines() == expected(tap)[57:]
            assert log.chosen == range(57, 60)


def selected(app: ViewerApp) -> list[str]:
    return [line for line in lines(app) if line.startswith(("▸", "▌"))]


async def test_any_other_move_ends_the_selection(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 90)
            log = app.screen.query_one(StreamLog)
            for key in ("up", "down", "pageup", "home", "f", "end"):
                await pilot.press("f" if not log.frozen else "up", "shift+up", "shift+up")
                assert log.chosen is not None
                await pilot.press("shift+down", "shift+up", key)
                assert log.chosen is None, key
                await until(pilot, lambda: len(selected(app)) <= 1, "no row is marked")


async def test_a_selection_outlives_other_sizes_and_screens(puppet: Puppet) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 90)
            log = app.screen.query_one(StreamLog)
            await pilot.press(*["shift+up"] * 5)
            before = log.chosen
            await pilot.resize_terminal(80, 24)
            await pilot.press("question_mark", "escape")
            assert log.chosen == before == range(85, 90)
            await pilot.press(*["shift+down"] * 20)
            assert (log.chosen, log.frozen) == (range(89, 90), True)
            await pilot.press("home", *["shift+up"] * 2)
            assert log.chosen == range(1)


async def test_copying_too_much_is_refused_and_much_is_warned_of(
    puppet: Puppet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 1)
            puppet.send(price_message(2), StreamResponse(sequence=3, stream_value="x" * 200_000))
            await shows(pilot, "#3")
            await pilot.press("m")
            await says(pilot, "Copied the message: 200 kB of JSON", "Many terminals do not take")
            before = app.clipboard
            monkeypatch.setattr(clipboard, "MOST_COPIED", 150_000)
            await pilot.press("shift+up", "shift+up", "m")
            await says(pilot, "Nothing was copied", "e writes it into a file")
            assert app.clipboard == before


async def test_p_takes_pictures_of_whatever_is_shown(folder: Path) -> None:
    values = hostile.values()
    messages = [hostile.raw_message(n, value) for n, value in enumerate(values, 1)]
    with raw_server(messages) as address, viewer(address) as (app, tap):
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await until(pilot, lambda: tap.snapshot().values == len(values), "all values")
            await pilot.press("home")
            await shows(pilot, "#8 ")
            await pilot.press("p", "p")
            await until(pilot, lambda: len(files(folder)) == 2, "two pictures")
            await says(pilot, "grpctap-proto.StreamServer-ListValue-")
            for name in files(folder):
                assert name.startswith("grpctap-proto.StreamServer-ListValue-")
                assert name.endswith(".svg")
                text = (folder / name).read_text()
                assert "".join(text.split("\n")).isprintable()
                # Else librsvg drops the blanks that a text begins with, and so moves it.
                assert text.startswith('<svg xml:space="preserve" ')
                words = "".join(ET.fromstring(text).itertext())
                assert "␛[31mred" in words


async def test_the_palette_pictures_the_chart_alone_and_the_screen(
    puppet: Puppet, folder: Path
) -> None:
    with viewer(puppet.address) as (app, _):  # type: ignore[attr-defined]
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await begin(pilot, puppet, 60)
            commands = {each.title: each for each in app.get_system_commands(app.screen)}
            assert "Screenshot" not in commands
            commands["Picture of the chart"].callback()
            await until(pilot, lambda: len(files(folder)) == 1, "a picture")
            (name,) = files(folder)
            words = "".join(ET.fromstring((folder / name).read_text()).itertext())
            assert "number" in words
            assert "Pause" not in words
            await pilot.press("ctrl+p")
            await pilot.pause()
            await pilot.press(*"picture", "enter")
            await until(pilot, lambda: len(files(folder)) == 2, "another")


async def test_hostile_values_are_written_whole_and_act_nowhere(folder: Path) -> None:
    values = hostile.values()
    messages = [hostile.raw_message(n, value) for n, value in enumerate(values, 1)]
    with raw_server(messages) as address, viewer(address) as (app, tap):
        async with app.run_test(size=WIDE, notifications=True) as pilot:
            await until(pilot, lambda: tap.snapshot().values == len(values), "all values")
            for name in ("all.ndjson", "all.csv"):
                await pilot.press("e")
                await until(pilot, lambda: isinstance(app.screen, ExportScreen), "the box")
                app.screen.query_one(Input).value = name
                await pilot.pause()
                await pilot.press("enter")
                await says(pilot, f"{len(values)} values written to {name}")
                text = (folder / name).read_bytes().decode()
                assert text.replace("\r\n", "").replace("\n", "").isprintable()
    written = [json.loads(line) for line in (folder / "all.ndjson").read_text().splitlines()]
    expected = [value.decode("utf-8", "replace") for value in values]
    assert [line.get("streamValue", "") for line in written] == expected
