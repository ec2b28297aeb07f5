"""Servers for tests: one in a thread of this process, one in a process of its own, and a peer."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import grpc
from grpc_reflection.v1alpha import reflection

from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from grpctap_server.serve import SERVICE_NAME, enable_reflection, make_server, stop_server
from grpctap_server.service import StreamServer
from grpctap_server.starting import start_server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grpctap_server.feeds.base import Feed
    from grpctap_server.guard import Guard

PATIENCE_S = 20.0
"""How long a test waits for what must happen, before it fails."""

_TESTS = Path(__file__).parents[1]


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds, and fail the test when it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.005)


class ManualClock:
    """A clock that a test sets, in ns since the Unix epoch."""

    def __init__(self, now: int = 1_800_000_000_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000_000)


class RunningServer:
    """A grpc.aio server in a thread of this process, with an event loop of its own.

    Args:
        what: The feed to serve, or any servicer of StreamServer instead of the real one.
        progress_interval: As StreamServer takes it.
        slow_timeout: As StreamServer takes it.
        port: 0 takes any that is free.
        with_reflection: Whether it answers reflection.
        guard: What stands before its calls; None: nothing does.
    """

    def __init__(
        self,
        what: Feed | pb_grpc.StreamServerServicer,
        *,
        progress_interval: float = 5.0,
        slow_timeout: float = 30.0,
        port: int = 0,
        with_reflection: bool = False,
        guard: Guard | None = None,
    ) -> None:
        self._feed: Feed | None = None
        if isinstance(what, pb_grpc.StreamServerServicer):
            self.servicer = what
        else:
            self.servicer = StreamServer(what, progress_interval, slow_timeout)
            self._feed = what
        self.port = port
        self._with_reflection = with_reflection
        self._guard = guard
        self._up = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="RunningServer")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def service(self) -> StreamServer:
        assert isinstance(self.servicer, StreamServer)
        return self.servicer

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(PATIENCE_S)
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run_soon(self, action: Callable[[], object]) -> None:
        """Do something on the server's event loop."""
        self._loop.call_soon_threadsafe(action)

    def drain(self) -> None:
        """End the open calls, as the server does when it is told to stop."""
        self._loop.call_soon_threadsafe(self.service.drain)

    def stop(self) -> None:
        """Stop at once, open calls and all; a second time does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # the test's thread raises it
            self._failure = error
            self._up.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = make_server(self._guard)
        pb_grpc.add_StreamServerServicer_to_server(self.servicer, server)
        if self._with_reflection:
            enable_reflection((SERVICE_NAME, reflection.SERVICE_NAME), server)
        self.port = server.add_insecure_port(self.address)
        source = asyncio.create_task(self._feed.run()) if self._feed else None
        await start_server(server)
        self._up.set()
        await self._stop.wait()
        if source is not None:
            source.cancel()
        await stop_server(server, 0)


class ChildProcess:
    """A child process that ends with the test, and with the test's process whatever happens."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=_TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._readers = [
            threading.Thread(target=self._collect, args=(name,)) for name in self._lines
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def stdout(self) -> str:
        return "".join(self._lines["stdout"])

    @property
    def stderr(self) -> str:
        return "".join(self._lines["stderr"])

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def terminate(self) -> None:
        """Ask it to end (SIGTERM), without waiting."""
        self._process.terminate()

    def kill(self) -> None:
        """End it with SIGKILL, and wait until it is gone."""
        self._process.kill()
        self.wait()

    def write(self, data: bytes) -> None:
        """Give it bytes on its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def close_stdin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self) -> int:
        """Wait for its end; returns the exit code, negative for a signal."""
        code = self._process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()
        return code

    def await_line(self, pattern: str, name: str = "stderr") -> re.Match[str]:
        """Wait for a line that matches, and fail when the process ends without one."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            ended = self.returncode is not None and not any(r.is_alive() for r in self._readers)
            for line in self._lines[name].copy():
                if match := re.search(pattern, line):
                    found.append(match)
                    return True
            assert not ended, f"ended with {self.returncode}: {self.stderr}"
            return False

        try:
            eventually(look, f"a line like {pattern!r} in {self._lines[name]}")
        except AssertionError:
            self.kill()
            raise
        return found[0]

    def _collect(self, name: str) -> None:
        pipe = getattr(self._process, name)
        for line in pipe:
            self._lines[name].append(line.decode())


class ServerProcess(ChildProcess):
    """`python -m grpctap_server` as a child, ready when the constructor returns.

    Args:
        args: Flags; --port excepted. Unless they say otherwise, errors alone are logged.
        port: 0 takes any that is free.
    """

    def __init__(self, *args: str, port: int = 0) -> None:
        flags = ("--port", str(port), "--until-eof", "--log-level", "error", *args)
        super().__init__((sys.executable, "-m", "grpctap_server", *flags))
        self.address = self.await_line(r"listening on (\S+)")[1]
        self.port = int(self.address.rpartition(":")[2])


class TutorialServer(ChildProcess):
    """The tutorial's server, by grpclib and with the tutorial's own proto, as a child.

    Args:
        count: How many values each call gets.
        interval: Seconds between two of them.
        port: 0 takes any that is free.
    """

    def __init__(self, count: int = 15, interval: float = 1.0, port: int = 0) -> None:
        flags = ("--count", str(count), "--interval", str(interval), "--port", str(port))
        super().__init__((sys.executable, "-m", "support.tutorial_peer.server", *flags))
        self.port = int(self.await_line(r"^(\d+)$", "stdout")[1])
        self.address = f"127.0.0.1:{self.port}"


def run_tutorial_client(port: int, data: str, max_seconds: float = 10.0) -> list[dict[str, Any]]:
    """Run the tutorial's client, by grpclib and with the tutorial's own proto, to its end.

    Returns:
        What it printed: Route's answer, each message of ListValue, the final status.
    """
    command = (sys.executable, "-m", "support.tutorial_peer.client", "127.0.0.1", str(port), data)
    done = subprocess.run(
        (*command, "--max-seconds", str(max_seconds)),
        cwd=_TESTS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=max_seconds + PATIENCE_S,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def channel(address: str) -> grpc.Channel:
    """Open a channel that shares its connection with no other."""
    return grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
