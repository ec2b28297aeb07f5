"""The key w: a recording that begins and ends while the stream goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grpctap.app import ViewerApp
from grpctap.core.listvalue import METHOD
from grpctap.core.seams import Outcome
from grpctap.recording import Recording
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.recordings import kept_rows, recordable, rows, sequences
from support.screens import foot, hides, lines, shows, until
from support.server import RunningServer, eventually
from support.taps import make_tap


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer(PriceFeed(Schedule(NANOSECONDS // 50, 10**6))) as running:
        yield running


@contextmanager
def viewer(address: str, *words: str) -> Iterator[tuple[ViewerApp, Tap]]:
    with recordable(address, *words) as tap:
        yield ViewerApp(WatchScreen(tap, address, METHOD, plaintext=True)), tap


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def is_exact(tap: Tap) -> bool:
    gap = tap.last_interruption
    return gap is not None and gap.outcome is Outcome.EXACT


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_w_records_what_is_kept_and_what_comes_until_w(
    server: RunningServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    monkeypatch.chdir(tmp_path)
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=size, notifications=True) as pilot:
            await shows(pilot, "● LIVE", "/s · ", "w Record")
            await pilot.press("space")
            await shows(pilot, "‖ PAUSED")
            await pilot.press("space")
            # The log has moved on before anybody has read it.
            await until(pilot, lambda: is_exact(tap), "nothing missed")
            assert files(tmp_path) == []

            await pilot.press("w")
            await shows(pilot, "● REC ", "w End recording")
            await until(pilot, lambda: files(tmp_path), "a file")
            (path,) = files(tmp_path)
            assert re.fullmatch(
                r"grpctap-proto\.StreamServer-ListValue-\d{8}-\d{6}\.grpctap", path.name
            )
            await shows(pilot, path.name[:13])
            await until(pilot, lambda: "● LIVE" in lines(app)[0], "it goes on")

            before = tap.snapshot().values
            await until(pilot, lambda: tap.snapshot().values > before, "more values")
            await pilot.press("w")
            await hides(pilot, "● REC ")
            await shows(pilot, "grpctap replay", "w Record")

            # Another one goes into another file.
            await pilot.press("w")
            await until(pilot, lambda: len(files(tmp_path)) == 2, "a second file")
            await pilot.press("space")
            await shows(pilot, "‖ PAUSED")
            await pilot.press("w")
            await hides(pilot, "● REC ")
        assert tap.close()
        first, second = (Path(recording.path) for recording in tap.recordings)
        assert rows(second) == kept_rows(tap)
    found = sequences(first)
    assert found == list(range(found[0], found[0] + len(found)))
    assert len(found) > before
    assert not Recording.open(first).is_cut


async def test_where_no_file_can_be_made_w_says_so_and_the_stream_goes_on(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with viewer(server.address) as (app, tap):
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await shows(pilot, "● LIVE", "/s · ")
            await pilot.press("w")
            await shows(pilot, "Not recorded", "No such file or directory", "● LIVE", "w Record")
            assert tap.recordings == []
    monkeypatch.chdir(tmp_path)


async def test_a_recording_that_was_asked_for_is_seen_and_its_end_too(
    server: RunningServer, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    with viewer(server.address, "--history", "10") as (app, tap):
        tap.record(str(path))
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await shows(pilot, "● REC ", "● LIVE", "/s · ")
            eventually(lambda: tap.snapshot().evicted, "values leave the history")
            await pilot.press("s")
            await shows(pilot, "■ STOPPED", "● REC ")
            await pilot.press("w")
            await hides(pilot, "● REC ")
    # What has left the history is in the file.
    found = sequences(path)
    assert len(found) == tap.snapshot().values > 10


async def test_where_nothing_can_be_recorded_there_is_no_key_for_it(server: RunningServer) -> None:
    tap = make_tap(server.address)
    try:
        app = ViewerApp(WatchScreen(tap, server.address, METHOD, plaintext=True))
        async with app.run_test(size=(200, 60)) as pilot:
            await shows(pilot, "● LIVE", "/s · ")
            await pilot.press("w")
            assert "Record" not in foot(app)
            assert tap.recordings == []
    finally:
        assert tap.close()
