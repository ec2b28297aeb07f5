"""Several processes that serve on one port, and the process that keeps them running.

The kernel spreads connections, not calls, over them (SO_REUSEPORT). This process serves nothing
itself: it starts the workers, passes signals on, and starts anew what dies. Each worker follows its
standard input, whose other end is here; so none outlives this process, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from typing import TYPE_CHECKING

from grpctap_server.eof import on_end_of_input
from grpctap_server.saying import say

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
# A worker that lived so long did not die of how it was started.
_LONG_LIFE_S = 60.0
_END_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ADDRESS = re.compile(r"listening on (\S+):(\d+)")


def run_workers(count: int, arguments: Sequence[str], *, until_eof: bool) -> int:
    """Serve with several processes until a signal, then end them gracefully.

    Args:
        count: How many; at least 2.
        arguments: Those of the command line, which make sense and go to each worker.
        until_eof: Whether the end of standard input ends the server too.

    Returns:
        The exit code: 0, or that of a worker that could not even start.
    """
    return asyncio.run(_Supervisor(count, arguments).run(until_eof=until_eof))


class _StartError(Exception):
    """A worker ended before it ever listened, and has said why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class _Supervisor:
    def __init__(self, count: int, arguments: Sequence[str]) -> None:
        self._count = count
        # Without -P, modules of the folder that somebody happens to be in would come before ours.
        self._command = (sys.executable, "-P", "-m", "grpctap_server", *arguments)
        self._joining: tuple[str, ...] = ()
        self._processes: set[Process] = set()
        self._ending = asyncio.Event()

    async def run(self, *, until_eof: bool) -> int:
        """Start the workers, keep them running until the end, and wait until all are gone."""
        loop = asyncio.get_running_loop()
        for number in _END_SIGNALS:
            loop.add_signal_handler(number, self._end, number)
        if until_eof:
            on_end_of_input(loop, self._end_of_input)
        keepers: list[asyncio.Task[None]] = []
        with contextlib.ExitStack() as held:
            try:
                # The first one finds out whether the address can be had, and which port it is.
                first = await self._started(1, keepers, ("--worker", "first"))
                address = _ADDRESS.search(first)
                if address is not None:
                    self._joining = ("--port", address[2], "--worker", "next")
                    _hold(held, address[1].strip("[]"), int(address[2]))
                    others = range(2, self._count + 1)
                    await asyncio.gather(
                        *(self._started(number, keepers, self._joining) for number in others)
                    )
                if not self._ending.is_set():
                    say(f"{first}, {self._count} workers")
                await self._ending.wait()
                code = 0
            except _StartError as error:
                code = error.code
                self._end(signal.SIGTERM)
            await asyncio.gather(*keepers)
        return code

    async def _started(
        self, number: int, keepers: list[asyncio.Task[None]], flags: Sequence[str]
    ) -> str:
        """Begin to keep a worker running.

        Returns:
            What it says when it is ready; nothing if the end comes first.

        Raises:
            _StartError: If it ends before it is ready.
        """
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        keepers.append(asyncio.create_task(self._keep(number, ready, flags)))
        return await ready

    async def _keep(self, number: int, ready: asyncio.Future[str], flags: Sequence[str]) -> None:
        """Run a worker, and again whenever it dies, until the end."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE_S
        while not self._ending.is_set():
            began = loop.time()
            code, how = await self._run_once(number, ready, flags)
            if self._ending.is_set():
                break
            if not ready.done():
                ready.set_exception(_StartError(code))
                return
            if loop.time() - began > _LONG_LIFE_S:
                pause = _FIRST_PAUSE_S
            say(f"worker {number}{how}; another one starts in {pause:g} s")
            flags = self._joining
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        if not ready.done():
            ready.set_result("")

    async def _run_once(
        self, number: int, ready: asyncio.Future[str], flags: Sequence[str]
    ) -> tuple[int, str]:
        """Run a worker to its end; returns its exit code, as shells tell it, and how it ended."""
        try:
            process = await self._spawn(flags)
        except OSError as error:
            if not ready.done():
                say(f"a worker cannot be started: {error.strerror}")
            return 1, f" cannot be started: {error.strerror}"
        said = await _line(process)
        if said and ready.done():
            say(f"worker {number} is there again, as process {process.pid}")
        elif said:
            ready.set_result(said)
        code = await process.wait()
        self._processes.discard(process)
        return _exit_code(code), f", process {process.pid}, {_how_ended(code)}"

    async def _spawn(self, flags: Sequence[str]) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *flags,
            "--until-eof",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C in the terminal is for this process, which passes it on once.
            process_group=0,
        )
        self._processes.add(process)
        if self._ending.is_set():
            process.terminate()
        return process

    def _end(self, number: signal.Signals) -> None:
        """Let the workers end gracefully; asked again, end them and this process at once."""
        if not self._ending.is_set():
            self._ending.set()
            for process in self._processes:
                _send(process, signal.SIGTERM)
            return
        for process in self._processes:
            _send(process, signal.SIGKILL)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _end_of_input(self) -> None:
        if not self._ending.is_set():
            self._end(signal.SIGTERM)


def _hold(held: contextlib.ExitStack, host: str, port: int) -> None:
    """Keep the port from strangers even while no worker is there; without listening."""
    # The workers have it already, so whatever is refused here is no reason not to serve.
    with contextlib.suppress(OSError):
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            keeper = held.enter_context(socket.socket(family, kind, protocol))
            keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            keeper.bind(address)


async def _line(process: Process) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    # A worker says one short line or, when it cannot start, none.
    return (await process.stdout.readline()).decode(errors="replace").strip()


def _send(process: Process, number: signal.Signals) -> None:
    # It may have ended a moment ago.
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


def _exit_code(code: int) -> int:
    # As shells tell the end by a signal.
    return code if code > 0 else 128 - code if code < 0 else 1


def _how_ended(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
