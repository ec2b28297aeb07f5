"""Starting without a method or without a server, in a real terminal and in a pipe."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.emulator import Emulator
from support.server import PATIENCE_S, RunningServer
from support.terminal import Terminal

METHOD = "proto.StreamServer/ListValue"
GRPCTAP = (sys.executable, "-m", "grpctap")
SECRET = "hunter2"


@pytest.fixture
def server() -> Iterator[RunningServer]:
    feed = CounterFeed(Schedule(NANOSECONDS // 50, 10**6))
    with RunningServer(feed, with_reflection=True) as running:
        yield running


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "grpctap" / "recent.jsonl"


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*GRPCTAP, *args), input="", capture_output=True, text=True, timeout=PATIENCE_S
    )


def test_into_a_pipe_a_method_is_wanted_and_the_way_to_the_names_is_told(state: Path) -> None:
    done = run("-plaintext", "h:1")
    assert done.returncode == 2
    assert "a SERVICE/METHOD is required; grpctap HOST:PORT list shows them" in done.stderr
    assert done.stderr.count("\n") == 1
    done = run()
    assert done.returncode == 2
    assert "HOST:PORT" in done.stderr
    assert not state.exists()


def test_pipes_keep_nothing(server: RunningServer, state: Path) -> None:
    assert run("-plaintext", "-max-time", "0.3", server.address, METHOD).returncode == 68
    assert not state.exists()


def test_from_the_picker_to_the_last_words(server: RunningServer, state: Path) -> None:
    with Emulator((*GRPCTAP, "-plaintext", server.address), columns=100, rows=30) as terminal:
        terminal.shows("ListValue  stream of StreamResponse")
        terminal.write(b"list\r")
        terminal.shows("^s Start")
        terminal.write(b"tick \x13")
        terminal.shows("LIVE", "tick ")
        terminal.write(b"q")
        assert terminal.wait() == 0
        assert terminal.restored
        last = terminal.raw.decode().strip().splitlines()[-1]
    assert "0 missed; go on with: " in last
    assert server.address in last
    kept = json.loads(state.read_text())
    assert (kept["address"], kept["method"], kept["flags"]) == (
        server.address,
        METHOD,
        ["-plaintext"],
    )


def test_the_last_words_tell_of_the_stream_that_was_left(server: RunningServer) -> None:
    with Emulator((*GRPCTAP, "-plaintext", server.address), columns=100, rows=30) as terminal:
        terminal.shows("ListValue  stream of StreamResponse")
        terminal.write(b"list\r")
        terminal.shows("^s Start")
        terminal.write(b"tick \x13")
        terminal.shows("LIVE", "tick ")
        terminal.write(b"\x1b")
        terminal.shows("^s Start")
        terminal.write(b"\x11")
        assert terminal.wait() == 0
        last = terminal.raw.decode().strip().splitlines()[-1]
    assert "0 missed; go on with: " in last


def test_who_watches_nothing_gets_no_last_words(server: RunningServer) -> None:
    with Terminal((*GRPCTAP, "-plaintext", server.address)) as terminal:
        terminal.wait_for("ListValue")
        terminal.write(b"\x11")
        assert terminal.wait() == 0
        assert terminal.restored
        assert "grpctap: " not in terminal.text


def test_the_program_ends_at_once_while_a_server_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        address = f"127.0.0.1:{hole.getsockname()[1]}"
        with Terminal((*GRPCTAP, "-plaintext", "-connect-timeout", "500", address)) as terminal:
            terminal.wait_for("asking")
            terminal.write(b"\x11")
            assert terminal.wait() == 0
            assert terminal.restored


def test_the_direct_form_is_kept_and_listed(server: RunningServer, state: Path) -> None:
    header = f"authorization: {SECRET}"
    command = (*GRPCTAP, "-plaintext", "-H", header, "-d", '{"data": "x "}', server.address, METHOD)
    with Terminal(command) as terminal:
        terminal.wait_for("LIVE")
    text = state.read_text()
    assert SECRET not in text
    assert json.loads(text)["metadata"] == ["authorization"]
    with Terminal(GRPCTAP) as terminal:
        terminal.wait_for("ListValue")
        terminal.write(b"\x11")
        assert terminal.wait() == 0
        assert SECRET not in terminal.text


@pytest.mark.parametrize("off", ["flag", "environment"])
def test_a_call_is_not_kept_where_nobody_wants_it(
    server: RunningServer, state: Path, off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--no-recent"] if off == "flag" else []
    if off == "environment":
        monkeypatch.setenv("GRPCTAP_NO_RECENT", "1")
    with Terminal((*GRPCTAP, "-plaintext", *flags, server.address, METHOD)) as terminal:
        terminal.wait_for("LIVE")
    assert not state.exists()


def test_the_demo_is_not_kept(state: Path) -> None:
    with Terminal((*GRPCTAP, "demo")) as terminal:
        terminal.wait_for("LIVE")
    assert not state.exists()


def test_a_folder_that_cannot_be_written_stops_nobody(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with Terminal((*GRPCTAP, "-plaintext", server.address, METHOD)) as terminal:
        terminal.wait_for("LIVE")
    with Terminal(GRPCTAP) as terminal:
        terminal.wait_for("cannot be read")


def test_bad_flags_end_before_the_screen() -> None:
    with Terminal((*GRPCTAP, "-cacert", "/none", "127.0.0.1:1")) as terminal:
        assert terminal.wait() == 2
        assert "grpctap: -cacert /none: No such file or directory; see --help" in terminal.text
