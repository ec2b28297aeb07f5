"""Streams that are recorded while they are watched, and then played."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grpctap.core.history import Row, Value
from grpctap.core.recording import SeamAt
from grpctap.core.seams import Seam
from grpctap.core.state import Command, State
from grpctap.player import Player
from grpctap.recorded import recorded_schema
from grpctap.recording import Recording
from grpctap.reel import Reel
from grpctap.tap import Tap
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.emulator import Emulator
from support.puppet import Puppet, price_message, progress
from support.recordings import recordable
from support.replays import await_end, playing, prices, rows, settled, write
from support.server import PATIENCE_S, ManualClock, RunningServer, eventually
from support.taps import await_more, await_state, await_values
from support.zoo.messages import MESSAGES, messages, method
from support.zoo.serving import UNORDERED, zoo_server

GRPCTAP = (sys.executable, "-m", "grpctap")


def moment(tap: Tap) -> tuple[int, list[Row]]:
    """The time, and what a live viewer shows then."""
    return tap.now_ns(), list(tap.newest().rows)


def last_seam(path: Path) -> Seam | None:
    found = [entry for entry in Recording.open(path).entries() if isinstance(entry, SeamAt)]
    return found[-1].seam if found else None


def test_at_each_moment_the_rows_are_those_of_the_live_viewer(tmp_path: Path) -> None:
    path, moments = tmp_path / "a", []
    feed = PriceFeed(Schedule(NANOSECONDS // 50, 10**6))
    with RunningServer(feed) as server, recordable(server.address) as tap:
        tap.record(str(path))
        tap.start()
        await_values(tap, 10)
        for command, state in (
            (Command.PAUSE, State.PAUSED),
            (Command.RESUME, State.LIVE),
            (Command.PAUSE, State.PAUSED),
            (Command.SKIP, State.LIVE),
            (Command.STOP, State.STOPPED),
        ):
            assert tap.command(command)
            await_state(tap, state)
            if state is State.LIVE:
                await_more(tap, 5)
            else:
                # Of what is written together, only what came of it is written.
                eventually(lambda: last_seam(path) == tap.last_interruption, "the seam")
                moments.append(moment(tap))
        live = moment(tap)

    with playing(path) as player:
        await_end(player)
        assert rows(player) == live[1]
        now, then = player.snapshot(), tap.snapshot()
        for name in ("values", "missed", "repeated", "late", "left_out", "last_label"):
            assert getattr(now, name) == getattr(then, name), name
        assert player.snapshot().elapsed_ns <= then.elapsed_ns

    recording, clock = Recording.open(path), ManualClock()
    schema = recorded_schema(recording)
    player = Player(Reel(recording, schema), schema, speed=1.0, clock=clock)
    begun = player.now_ns()
    player.start()
    try:
        for time_ns, there in moments:
            clock.now = ManualClock().now + time_ns - begun
            eventually(lambda: rows(player) == there, f"the rows at {time_ns}")  # noqa: B023
        # And back again, to each value.
        for _, there in reversed(moments):
            values = sum(isinstance(row, Value) for row in there)
            player.hop(values - player.snapshot().values)
            settled(player)
            mine = rows(player)
            assert mine == there[: len(mine)]
            assert sum(isinstance(row, Value) for row in mine) == values
    finally:
        assert player.close()


def test_gaps_repeats_and_signs_of_life_are_what_they_were(tmp_path: Path) -> None:
    puppet, path = Puppet(), tmp_path / "a"
    with RunningServer(puppet) as server, recordable(server.address) as tap:
        tap.start()
        puppet.await_call(1)
        puppet.send(*(price_message(n) for n in (1, 2, 3)))
        await_values(tap, 3)
        # Begun late, it holds what was kept.
        tap.record(str(path))
        puppet.send(progress(3, 3), *(price_message(n) for n in (4, 8, 8, 8, 6, 9)), progress(9, 9))
        puppet.send(*(price_message(n) for n in (10, 11, 12)), None)
        await_state(tap, State.FINISHED)
        live = list(tap.newest().rows)
        then = tap.snapshot()
    assert then.missed > 0
    assert then.repeated > 0
    assert then.late > 0
    with playing(path) as player:
        await_end(player)
        assert rows(player) == live
        now = player.snapshot()
        for name in ("values", "missed", "repeated", "late", "left_out", "last_label", "status"):
            assert getattr(now, name) == getattr(then, name), name


@pytest.fixture(scope="module")
def zoo() -> Iterator[str]:
    with zoo_server() as address:
        yield address


@pytest.mark.parametrize("kind", MESSAGES)
def test_messages_of_every_kind_are_the_json_that_the_live_stream_was(
    zoo: str, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "a"
    live = run("-plaintext", "--record", str(path), zoo, method(kind)).stdout.splitlines()
    assert len(live) == len(list(messages(kind)))
    with playing(path) as player:
        await_end(player)
        values = [row for row in rows(player) if isinstance(row, Value)]
        mine = [player.schema.json(value.raw) for value in values]
        assert [json.loads(line) for line in mine] == [json.loads(line) for line in live]
        if kind not in UNORDERED:
            assert mine == live
        assert all(player.schema.line(value.raw) is not None for value in values)


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*GRPCTAP, *args),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_into_a_pipe_it_names_what_does_it(tmp_path: Path) -> None:
    done = run("replay", str(tmp_path / "a"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "grpctap export FILE" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("make", "words", "code"),
    [
        (lambda path: None, "cannot be read: No such file or directory", 1),
        (lambda path: path.write_bytes(b""), "is empty", 1),
        (lambda path: path.write_bytes(b"\x00\x00\x00\x02hi"), "is no recording", 1),
        (lambda path: path.mkdir(), "is no file", 1),
    ],
)
def test_what_cannot_be_played_is_told_on_a_line(
    tmp_path: Path, make: Callable[[Path], object], words: str, code: int
) -> None:
    path = tmp_path / "a"
    make(path)
    with Emulator((*GRPCTAP, "replay", str(path)), columns=200) as terminal:
        assert terminal.wait() == code
    said = bytes(terminal.raw).decode()
    assert f"grpctap replay: {path} {words}" in said
    assert said.count("\n") == 1


def test_in_a_terminal_it_opens_plays_and_quits(tmp_path: Path) -> None:
    path = write(tmp_path / "prices.grpctap", prices(300))
    with Emulator((*GRPCTAP, "replay", "--speed", "5", str(path))) as terminal:
        terminal.wait_for("REPLAY")
        terminal.wait_for("PLAYING")
        terminal.write(b"}}}}}}")
        terminal.wait_for("ENDED")
        terminal.wait_for("#300")
        terminal.write(b"<<")
        terminal.wait_for("PAUSED")
        terminal.write(b"q")
        assert terminal.wait() == 0
