"""The viewer in a real terminal: how it starts, how it ends, and what it leaves behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.puppet import Puppet, price_message
from support.server import RunningServer, eventually
from support.terminal import Terminal

METHOD = "proto.StreamServer/ListValue"
GRPCTAP = (sys.executable, "-m", "grpctap")
DEMO = (*GRPCTAP, "demo")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in found.split()]


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def test_the_demo_shows_values_obeys_keys_and_says_goodbye() -> None:
    with Terminal(DEMO) as terminal:
        terminal.wait_for(r"WTI \d+\.\d\d")
        (server,) = children(terminal.pid)
        terminal.write(b" ")
        terminal.wait_for(r"PAUSED at #\d+")
        terminal.write(b" ")
        terminal.wait_for("nothing missed")
        terminal.write(b"q")
        assert terminal.wait() == 0
        assert terminal.restored
        assert re.search(r"grpctap: \d+ values? in \d+\.\d s, 0 missed\s*$", terminal.text)
        eventually(lambda: is_gone(server), "the bundled server ends")


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT]
)
def test_the_demos_server_is_gone_when_the_viewer_is(number: signal.Signals) -> None:
    with Terminal(DEMO) as terminal:
        terminal.wait_for(r"WTI \d+\.\d\d")
        (server,) = children(terminal.pid)
        terminal.send_signal(number)
        code = terminal.wait()
        if number is signal.SIGKILL:
            assert code == -number
        else:
            assert code == 128 + number
            assert terminal.restored
            assert "Traceback" not in terminal.text
        eventually(lambda: is_gone(server), "the bundled server ends")


def test_the_demos_server_is_gone_when_the_terminal_is() -> None:
    with Terminal(DEMO) as terminal:
        terminal.wait_for(r"WTI \d+\.\d\d")
        (server,) = children(terminal.pid)
        terminal.hang_up()
        eventually(lambda: is_gone(terminal.pid), "the viewer ends")
        eventually(lambda: is_gone(server), "the bundled server ends")


@pytest.mark.parametrize("moment_s", [0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0])
def test_ctrl_c_ends_it_at_any_moment_without_a_traceback(moment_s: float) -> None:
    with Terminal(DEMO) as terminal:
        # Before that the terminal makes no signal of the key.
        eventually(terminal.is_launched, "the program takes the place of its launcher")
        time.sleep(moment_s)
        terminal.write(b"\x03")
        terminal.wait()
        # Before our first line runs, the interpreter itself has the word.
        assert "/tui/grpctap/" not in terminal.text
        assert "Error" not in terminal.text.replace("Error processing line", "")


def test_quitting_says_how_to_go_on_and_that_works() -> None:
    feed = CounterFeed(Schedule(NANOSECONDS // 50, 10**6))
    with RunningServer(feed) as server:
        command = (*GRPCTAP, "-plaintext", server.address, METHOD, "-d", '{"data": "n "}')
        with Terminal(command) as terminal:
            terminal.wait_for("n 5")
            terminal.write(b" ")
            terminal.wait_for(r"PAUSED at #\d+")
            terminal.write(b"q")
            assert terminal.wait() == 0
            told = re.search(r"(\d+) values in .*; go on with: (.*)", terminal.text)
            assert told is not None
        eventually(lambda: server.service.open_calls == 0, "the call ends")
        script = f"{told[2].strip()} | head -1"
        later = subprocess.run(script, shell=True, capture_output=True, text=True, timeout=30)
        assert f'"streamValue": "n {told[1]}"' in later.stdout


def test_a_failed_call_is_told_by_the_exit_code() -> None:
    with Terminal((*GRPCTAP, "-plaintext", "127.0.0.1:1", METHOD)) as terminal:
        terminal.wait_for("Nothing listens at 127.0.0.1:1")
        terminal.write(b"q")
        assert terminal.wait() == 64 + 14
        assert re.search("0 values in .*, 0 missed, failed with UNAVAILABLE", terminal.text)


def test_the_viewer_shows_itself_when_standard_error_is_a_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Terminal(("sh", "-c", f'exec "$0" -m grpctap demo 2>"{log}"', sys.executable)) as terminal:
        terminal.wait_for(r"WTI \d+\.\d\d")
        terminal.write(b"q")
        assert terminal.wait() == 0
    assert re.fullmatch(r"grpctap: \d+ values? in .*\n", log.read_text())


def test_no_byte_of_a_payload_acts_on_the_terminal() -> None:
    hostile = "\x1b]0;owned\x07\x1b[31mred\x9b7m\x1b[?1049l"
    puppet = Puppet()
    with RunningServer(puppet) as server:
        command = (*GRPCTAP, "-plaintext", server.address, METHOD)
        with Terminal(command) as terminal:
            puppet.await_call(1)
            puppet.send(price_message(1, hostile))
            terminal.wait_for("␛]0;owned␇␛\\[31mred<U\\+009B>7m␛\\[\\?1049l")
            assert not terminal.restored


def state_of(pid: int) -> str:
    """What the kernel says of a process: T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_ctrl_z_stops_whoever_runs_it_too_and_all_of_them_go_on() -> None:
    command = ("sh", "-c", '"$0" -m grpctap demo; exit $?', sys.executable)
    with Terminal(command) as terminal:
        terminal.wait_for(r"WTI \d+\.\d\d")
        (viewer,) = children(terminal.pid)
        terminal.write(b"\x1a")
        for pid in (terminal.pid, viewer):
            eventually(lambda: state_of(pid) == "T", "it stops")  # noqa: B023
        eventually(lambda: terminal.restored, "the terminal is given back")
        since = len(terminal.updates)
        os.killpg(terminal.pid, signal.SIGCONT)
        terminal.wait_for(r"WTI \d+\.\d\d", since)
        assert not terminal.restored
        terminal.write(b"q")
        assert terminal.wait() == 0
        assert ", 0 missed" in terminal.text
