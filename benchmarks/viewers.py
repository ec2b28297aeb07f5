"""What many viewers cost the server, beside a plain one, and on two workers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.crowd import Report
from benchmarks.extent import ROOT, Extent
from benchmarks.table import Aim, Line, Row, milliseconds, say

from support.server import ChildProcess, ServerProcess

RATE = 10
"""Values a second that each viewer is to get."""
SETTLE_S = 1.0
"""How long all viewers watch before it is measured, in seconds."""
COMPARED = 100
"""With so many viewers both kinds of server have processor time to spare."""

Serving = Callable[[int], AbstractContextManager[tuple[int, str]]]
"""Runs a server for so many viewers; gives its process and its address."""


class CrowdError(Exception):
    """The viewers did not come to the end of a run; the message says why."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did for a crowd.

    Attributes:
        seen: What the crowd saw.
        cpu: Processor time that the server took meanwhile, in seconds.
        memory: By how much its memory is larger with the crowd, in bytes.
        viewers: How large the crowd is.
    """

    seen: Report
    cpu: float
    memory: int
    viewers: int

    @property
    def cpu_a_value(self) -> float:
        """Processor time of the server for a value, in seconds."""
        return self.cpu / max(self.seen.values, 1)

    def figure(self) -> str:
        seen = self.seen
        rate = seen.values / seen.seconds
        delay = f"delay p50 {milliseconds(seen.p50)}, p99 {milliseconds(seen.p99)}"
        return f"{rate:,.0f} values/s, {delay}"

    def how(self) -> str:
        seen = self.seen
        shares = f"server {self.cpu / seen.seconds:.0%} of a core ({self.cpu_a_value * 1e6:.0f} µs"
        wrong = f"; wrong: {seen.wrong[0]}" if seen.wrong else ""
        ended = f"; calls ended: {seen.ends}" if seen.ends else ""
        return (
            f"{shares} a value), {self.memory / self.viewers / 1e3:.0f} kB a viewer; "
            f"the crowd itself {seen.cpu / seen.seconds:.0%} of a core{wrong}{ended}"
        )


def viewer_rows(extent: Extent) -> Iterator[Line]:
    """Crowds of some sizes on both kinds of server, in turn."""
    cost: dict[str, float] = {}
    for count in extent.viewers:
        for name, serve in (("ours", ours), ("plain grpcio", plain)):
            say(f"viewers: {count:,} at {name}")
            try:
                load = watched(count, extent.viewers_s, serve)
            except CrowdError as error:
                yield Row(f"viewers: {count:,}, {name}", "none", str(error))
                continue
            if count == COMPARED:
                cost[name] = load.cpu_a_value
            yield Row(f"viewers: {count:,}, {name}", load.figure(), load.how())
    if len(cost) == 2:
        ratio = cost["ours"] / cost["plain grpcio"]
        yield Aim(f"processor time a value, ours to plain, {COMPARED} viewers", ratio, 1)


def worker_rows(extent: Extent) -> Iterator[Line]:
    """The largest crowd on one process, then on two that share the port."""
    count = extent.viewers[-1]
    for workers in (1, 2):
        say(f"viewers: {count:,} at {workers} workers")
        what = f"workers: {workers}, {count:,} viewers"
        try:
            load = watched(count, extent.viewers_s, partial(ours, workers=workers))
        except CrowdError as error:
            yield Row(what, "none", str(error))
        else:
            yield Row(what, load.figure(), load.how())


@contextmanager
def ours(_: int, workers: int = 1) -> Iterator[tuple[int, str]]:
    """Our server; gives its process and its address."""
    flags = ("--interval", str(1 / RATE), "--workers", str(workers))
    with ServerProcess(*flags) as server:
        yield server.pid, server.address
        server.close_stdin()
        server.wait()


@contextmanager
def plain(viewers: int) -> Iterator[tuple[int, str]]:
    """The plain one, with a thread for each viewer; gives its process and its address."""
    flags = ("--viewers", str(viewers), "--interval", str(1 / RATE))
    with ChildProcess((sys.executable, str(ROOT / "benchmarks/plain.py"), *flags)) as server:
        port = server.await_line(r"^(\d+)$", "stdout")[1]
        yield server.pid, f"127.0.0.1:{port}"
        server.close_stdin()
        server.wait()


def watched(viewers: int, seconds: float, serve: Serving) -> Load:
    """Let a crowd watch a server for so long.

    Raises:
        CrowdError: If not all viewers came through.
    """
    with serve(viewers) as (pid, address):
        before = memory_of(pid)
        flags = ("--viewers", str(viewers), "--seconds", str(seconds), "--settle", str(SETTLE_S))
        command = (sys.executable, str(ROOT / "benchmarks/crowd.py"), address, *flags)
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as crowd:
            assert crowd.stdout is not None
            assert crowd.stderr is not None
            if crowd.stderr.readline() != "joined\n":
                crowd.kill()
                raise CrowdError("the crowd could not call the server")
            cpu, memory = cpu_seconds(pid), memory_of(pid)
            said = crowd.stdout.readline()
            cpu = cpu_seconds(pid) - cpu
        if not said:
            raise CrowdError("the crowd said nothing")
    return Load(Report(**json.loads(said)), cpu, memory - before, viewers)


def processes(pid: int) -> list[int]:
    """A process and its children."""
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [pid, *map(int, children.split())]
    return [pid]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children took so far, in all their threads."""
    ticks = 0
    for one in processes(pid):
        with suppress(OSError):
            # The name in front may hold anything, but ends with the last parenthesis.
            text = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2]
            ticks += sum(map(int, text.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> int:
    """What a process and its children have resident now, in bytes."""
    size = 0
    for one in processes(pid):
        with suppress(OSError):
            found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{one}/status").read_text())
            size += int(found[1]) * 1024 if found else 0
    return size
