"""Several streams in a real terminal: how they are named, and how they end."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grpctap.recent import RecentCalls
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.emulator import Emulator
from support.server import PATIENCE_S, RunningServer, eventually

METHOD = "proto.StreamServer/ListValue"
GRPCTAP = (sys.executable, "-m", "grpctap", "-plaintext")


@pytest.fixture
def servers() -> Iterator[list[RunningServer]]:
    feeds = [CounterFeed(Schedule(NANOSECONDS // 20, 10**6)) for _ in range(2)]
    with RunningServer(feeds[0]) as one, RunningServer(feeds[1], with_reflection=True) as two:
        yield [one, two]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def last_words(terminal: Emulator) -> list[str]:
    words = terminal.raw.decode(errors="replace").rpartition("\x1b[?1049l")[2]
    return [line for line in words.splitlines() if "grpctap: " in line]


def test_each_stream_has_its_last_words_and_all_calls_end(servers: list[RunningServer]) -> None:
    one, two = servers
    words = ("-d", '{"data": "one "}', "-d", '{"data": "two "}', "-d", '{"data": "three "}')
    command = (*GRPCTAP, *words, one.address, METHOD, METHOD, two.address, METHOD)
    with Emulator(command, columns=120, rows=30) as terminal:
        terminal.shows(" 1 ● ListValue", " 2 ● ListValue", " 3 ● ListValue", "   one ")
        terminal.write(b"2")
        terminal.shows("   two ")
        # As xterm says ctrl+pagedown.
        terminal.write(b"\x1b[6;5~")
        terminal.shows("   three ")
        assert (one.service.open_calls, two.service.open_calls) == (2, 1)
        terminal.write(b"\x17")
        terminal.shows(" 2 ● ListValue")
        eventually(lambda: two.service.open_calls == 0, "the closed tab's call is cancelled")
        terminal.write(b"q")
        assert terminal.wait() == 0
        assert terminal.restored
        told = last_words(terminal)
    eventually(lambda: one.service.open_calls == 0, "all calls are cancelled")
    assert len(told) == 2
    for line, data in zip(told, ("one ", "two "), strict=True):
        assert f"grpctap: {one.address} {METHOD}: " in line
        assert re.search(r"\d+ values in .*, 0 missed; go on with: ", line)
        assert f'"data": "{data}"' in line
    assert [call.address for call in RecentCalls().read().calls] == [
        two.address,
        one.address,
        one.address,
    ]


def test_the_exit_code_is_of_the_first_that_failed(servers: list[RunningServer]) -> None:
    command = (*GRPCTAP, servers[0].address, METHOD, "127.0.0.1:1", METHOD)
    with Emulator(command, columns=120, rows=30) as terminal:
        terminal.shows(" 1 ● ListValue", " 2 ✗ ListValue")
        terminal.write(b"q")
        assert terminal.wait() == 64 + 14
        told = last_words(terminal)
    assert "failed with" not in told[0]
    assert "failed with UNAVAILABLE" in told[1]


def test_another_stream_is_opened_and_told_of_at_the_end(servers: list[RunningServer]) -> None:
    two = servers[1]
    with Emulator((*GRPCTAP, two.address, METHOD), columns=120, rows=30) as terminal:
        terminal.shows("LIVE")
        terminal.write(b"t")
        terminal.shows("ListValue  stream of", "2 + new stream")
        terminal.write(b"list\r")
        terminal.shows("^s Start")
        terminal.write(b"new \x13")
        terminal.shows(" 2 ● ListValue", "   new ")
        assert two.service.open_calls == 2
        terminal.write(b"P")
        terminal.shows(" 1 ‖ ListValue", " 2 ‖ ListValue")
        eventually(lambda: two.service.open_calls == 0, "both are paused")
        terminal.write(b"q")
        assert terminal.wait() == 0
        told = last_words(terminal)
    assert len(told) == 2
    assert '"data": "new "' in told[1]


def in_terminal(*args: str) -> tuple[int, str]:
    with Emulator((*GRPCTAP, *args), columns=250, rows=30) as terminal:
        code = terminal.wait()
        return code, terminal.raw.decode()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["h:1", METHOD, "h:2"], "h:2 has no SERVICE/METHOD behind it"),
        (["h:1", METHOD, "h2", METHOD], "h2 is neither another SERVICE/METHOD of h:1"),
        (["h:1", METHOD, METHOD, "-d", "{}", "-d", "{}", "-d", "{}"], "-d is given 3 times for 2"),
        (["h:1", METHOD, METHOD, "-d", "@", "-d", "@"], "-d @ reads standard input, which can be"),
        (
            ["h:1", METHOD, METHOD, "-d", "{}", "-d", '{"x": 1}'],
            f"{METHOD}: -d is no JSON of proto.SimpleRequest",
        ),
        (["h:1", METHOD, METHOD, "--columns", "nope"], f"{METHOD}: "),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_2(words: list[str], said: str) -> None:
    code, text = in_terminal(*words)
    assert code == 2
    assert said in text
    assert text.strip().count("\n") == 0


def test_into_a_pipe_there_is_one_stream(servers: list[RunningServer]) -> None:
    done = subprocess.run(
        (*GRPCTAP, servers[0].address, METHOD, METHOD),
        input="",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "several streams are for a terminal; into a pipe, run one grpctap" in done.stderr
    assert done.stderr.count("\n") == 1
