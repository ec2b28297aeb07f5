"""Several processes on one port: who serves whom, who dies, and how all of it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.crowd import Crowd, Tally, Viewer

from grpctap_server.cli import main
from support.client import connect
from support.server import PATIENCE_S, ServerProcess, eventually

VIEWERS = 40
TWO = ("--workers", "2", "--interval", "0.05")


def workers_of(server: ServerProcess) -> list[int]:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def run(*args: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "grpctap_server", *args)
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
    )


def test_a_worker_that_dies_takes_only_its_own_calls_along_and_is_replaced() -> None:
    tally, crowd = Tally(), Crowd()
    with ServerProcess(*TWO) as server:
        server.await_line(r"\(feed price, a value every 0\.05 s\), 2 workers$")
        viewers = [Viewer(server.address, "WTI ", tally) for _ in range(VIEWERS)]
        for viewer in viewers:
            crowd.join(viewer)
        until = time.monotonic() + PATIENCE_S
        crowd.follow(until, lambda: all(viewer.messages for viewer in viewers))
        first, second = workers_of(server)
        os.kill(first, signal.SIGKILL)
        again = server.await_line(r"worker 1 is there again, as process (\d+)$")
        before = {id(viewer): viewer.messages for viewer in viewers}
        lost = []

        def all_go_on() -> bool:
            return all(viewer.messages > before[id(viewer)] + 5 for viewer in viewers)

        while not all_go_on() and time.monotonic() < until:
            # Whoever lost its call makes another, wherever that comes to.
            for viewer in crowd.follow(time.monotonic() + 0.1, all_go_on):
                lost.append(viewer)
                crowd.join(viewer)
        assert all_go_on()
        # The kernel had given some connections to each of them.
        assert 0 < len(lost) < VIEWERS
        assert tally.wrong == []
        assert set(workers_of(server)) == {second, int(again[1])}
        server.await_line(
            rf"worker 1, process {first}, was ended by SIGKILL; another one starts in 0\.5 s$"
        )
        assert server.stderr.count("listening on") == 1
        for viewer in viewers:
            crowd.leave(viewer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_calls_of_all_workers_and_all_processes(number: signal.Signals) -> None:
    tally, crowd = Tally(), Crowd()
    with ServerProcess(*TWO) as server:
        viewers = [Viewer(server.address, "WTI ", tally) for _ in range(VIEWERS)]
        for viewer in viewers:
            crowd.join(viewer)
        until = time.monotonic() + PATIENCE_S
        crowd.follow(until, lambda: all(viewer.messages for viewer in viewers))
        workers = workers_of(server)
        assert len(workers) == 2
        server.send_signal(number)
        crowd.follow(until, lambda: tally.ends.total() == VIEWERS)
        assert tally.ends == {"status 14: the server is shutting down": VIEWERS}
        assert server.wait() == 0
        assert not any(map(alive, workers))
        assert server.stdout == ""
        assert server.stderr.count("\n") == 1


def test_a_second_signal_ends_all_at_once() -> None:
    with ServerProcess(*TWO) as server:
        workers = workers_of(server)
        # A worker that does not react at all.
        os.kill(workers[0], signal.SIGSTOP)
        server.send_signal(signal.SIGTERM)
        eventually(lambda: not alive(workers[1]), "that the first signal ends the other worker")
        assert server.returncode is None
        server.send_signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
        eventually(lambda: not any(map(alive, workers)), "that no worker is left")


@pytest.mark.parametrize("end", ["killed", "end of input"])
def test_no_worker_outlives_the_process_that_started_it(end: str) -> None:
    with ServerProcess(*TWO) as server:
        workers = workers_of(server)
        assert len(workers) == 2
        if end == "killed":
            server.kill()
        else:
            server.close_stdin()
            assert server.wait() == 0
        eventually(lambda: not any(map(alive, workers)), "that no worker is left")
        socket.create_server(("127.0.0.1", server.port)).close()


def test_the_port_is_kept_while_no_worker_is_there() -> None:
    with ServerProcess(*TWO) as server:
        for pid in workers_of(server):
            os.kill(pid, signal.SIGKILL)
        server.await_line("worker 1, process .* starts in")
        server.await_line("worker 2, process .* starts in")
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", server.port))
        server.await_line("worker 1 is there again")
        server.await_line("worker 2 is there again")
        with connect(server.address) as client:
            assert client.take(1, "WTI ")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_workers_share_is_shared_with_nobody_else(workers: str) -> None:
    with ServerProcess(*TWO) as server:
        done = run("--port", str(server.port), "--workers", workers)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"grpctap serve: cannot listen on 127.0.0.1:{server.port}: address already in use; "
        "choose another with --port\n"
    )


def test_any_worker_continues_a_counter() -> None:
    with ServerProcess("--feed", "counter", "--workers", "2", "--interval", "0.01") as server:
        token, texts = b"", []
        for _ in range(20):
            # Each time over a connection of its own, which goes to either of them.
            with connect(server.address) as client:
                (value,) = client.take(1, "x", token)
            token = value.resume_token
            texts.append(value.stream_value)
    assert texts == [f"x{n}" for n in range(20)]


def test_workers_serve_ipv6_too() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with ServerProcess("--host", "::1", *TWO) as server, connect(server.address) as client:
        assert re.fullmatch(r"\[::1\]:\d+", server.address)
        assert client.route("six").value == "hello six"


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--workers", "0"], "--workers: 0 is not from 1 to 256"),
        (["--workers", "257"], "--workers: 257 is not from 1 to 256"),
        (["--workers", "two"], "--workers: 'two' is not a whole number"),
        (["--workers", "2", "--feed", "lines"], "lines"),
        (["--workers", "2", "--count", "5"], "--count goes with --feed counter only"),
    ],
)
def test_workers_that_make_no_sense_cost_one_line_and_exit_2(
    args: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert complaint in err


def test_modules_of_the_folder_that_it_is_started_in_are_not_run(tmp_path: Path) -> None:
    (tmp_path / "grpc_health.py").write_text("raise SystemExit('not ours')")
    # As the installed command has it, which does not look there either.
    path = os.pathsep.join(str(Path(folder).resolve()) for folder in sys.path if folder)
    command = (sys.executable, "-P", "-m", "grpctap_server", "--workers", "2", "--port", "0")
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        assert "listening on" in process.stderr.readline()
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
