"""What the viewer costs as work grows: more values, larger messages, a longer history."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks.extent import MESSAGE_SIZE, VALUE, Extent, watch
from benchmarks.flood import FloodServer, flood_server
from benchmarks.flooding import attempt, figures
from benchmarks.peers import PEERS, Run, viewer
from benchmarks.table import Aim, Line, Row, megabytes, say

from support.terminal import Terminal

LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a run had come: values, seconds since its start, processor seconds, peak bytes."""

    values: int
    seconds: float
    cpu: float
    memory: int


def count_rows(extent: Extent) -> Iterator[Line]:
    """One call, looked at whenever it has come to another power of ten."""
    say(f"growth: up to {extent.growth[-1]:,} values")
    marks: list[Mark] = []
    with (
        flood_server(extent.growth[-1], MESSAGE_SIZE) as server,
        Terminal(watch(server.address)) as terminal,
    ):
        first = terminal.wait_for(VALUE)
        cpu = terminal.cpu_seconds()
        seen = 0
        while time.monotonic() - first.at < extent.growth_s and len(marks) < len(extent.growth):
            time.sleep(LOOK_S)
            seen, newest = _newest(terminal, seen)
            if newest >= extent.growth[len(marks)]:
                now = time.monotonic() - first.at
                took = terminal.cpu_seconds() - cpu
                marks.append(Mark(newest, now, took, terminal.peak_memory()))
        seen, newest = _newest(terminal, max(seen - 1, 0))
        peak = terminal.peak_memory()
    how = f"one call of {MESSAGE_SIZE}-B messages, since its first value on screen"
    for wanted, mark in zip(extent.growth, marks, strict=False):
        run = Run(mark.values / mark.seconds, mark.cpu / mark.values * 1e6, mark.memory)
        yield Row(f"values: {wanted:,}", figures([run]), how)
    for wanted in extent.growth[len(marks) :]:
        said = f"{newest:,} values came in the {extent.growth_s:.0f} s that it is given"
        yield Row(f"values: {wanted:,}", "none", said)
    memory = {wanted: mark.memory for wanted, mark in zip(extent.growth, marks, strict=False)}
    if 10**6 in memory:
        grown = peak - memory[10**6]
        yield Row("memory: growth since 10^6 values", megabytes(grown), f"to {newest:,} values")
        if 10**7 in memory:
            yield Aim("memory growth from 10^6 to 10^7 values", grown / 1e6, 5, "MB")


def _newest(terminal: Terminal, seen: int) -> tuple[int, int]:
    """How many updates there are, and the newest value that those since `seen` show."""
    updates = terminal.updates[seen:]
    numbers = [int(number) for update in updates for number in re.findall(r"#(\d+)", update.text)]
    return seen + len(updates), max(numbers, default=0)


def size_rows(extent: Extent) -> Iterator[Line]:
    """The viewer beside the bare loop, for messages of some sizes."""
    for size in extent.sizes:
        count = max(min(extent.sized_bytes // size, extent.count), 100)
        say(f"growth: messages of {size:,} B")
        with flood_server(count, size) as server:
            bare = attempt(server, count, PEERS[0].run)
            run = attempt(server, count, viewer)
        note = " (the least that has all fields)" if size == min(extent.sizes) else ""
        how = f"{count:,} messages{note}"
        if isinstance(run, str):
            yield Row(f"size: {size:,} B", "none", run)
            continue
        if isinstance(bare, Run):
            speed = f"{run.rate * size / 1e6:,.0f} MB/s"
            how += f"; {speed}, {run.rate / bare.rate:.2f} of the bare loop"
        yield Row(f"size: {size:,} B", figures([run]), how)


def history_rows(extent: Extent) -> Iterator[Line]:
    """The viewer with histories of some lengths, each filled."""
    for length in extent.histories:
        count = extent.history_count if length == extent.histories[-1] else extent.count
        say(f"growth: a history of {length:,}")
        with flood_server(count, MESSAGE_SIZE) as server:
            run = attempt(server, count, partial(_with_history, length))
        how = f"{count:,} messages of {MESSAGE_SIZE} B"
        if isinstance(run, str):
            yield Row(f"history: {length:,}", "none", run)
        else:
            yield Row(f"history: {length:,}", figures([run]), how)


def _with_history(length: int, server: FloodServer, count: int) -> Run:
    return viewer(server, count, "--history", str(length))
