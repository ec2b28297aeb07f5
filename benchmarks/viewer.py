"""Prints what the viewer costs and how fast it is, in a real pseudo-terminal of 120x40.

    python benchmarks/viewer.py [--quick]

Each row says what was measured, the figure, and how. The machine's other load is in all of them;
the throughput is therefore told beside that of a bare grpcio loop in the same minute.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import platform
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import grpc.experimental

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from benchmarks import chart
from benchmarks.flood import FloodServer, flood_server

from grpctap_protos import server_stream_pb2 as pb
from grpctap_protos import server_stream_pb2_grpc as pb_grpc
from support.terminal import Terminal

METHOD = "proto.StreamServer/ListValue"
VIEWER = (sys.executable, "-m", "grpctap")
SERVER = ("-m", "grpctap_server", "--port", "0", "--until-eof")
VALUE = r"#\d+ +\d\d:\d\d:\d\d\.\d{3} +WTI"
# What the bundled server sends is about as long.
MESSAGE_SIZE = 100
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    figure: str
    how: str


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    starts: int
    keys: int
    cpu_s: float
    chart_points: Sequence[int]
    floods: int
    flood_count: int


FULL = Extent(10, 100, 20.0, (1_000, 100_000, 1_000_000), 5, 500_000)
QUICK = Extent(5, 30, 5.0, (100_000,), 3, 200_000)


def quantile(times: Sequence[float], percent: int) -> float:
    """By the nearest rank."""
    return sorted(times)[max(-(-len(times) * percent // 100), 1) - 1]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def spread(times: Sequence[float]) -> str:
    return f"median {milliseconds(median(times))}, worst {milliseconds(max(times))}"


def say(text: str) -> None:
    """How far it is, beside the table."""
    print(f"… {text}", file=sys.stderr, flush=True)


# The start.


def start_rows(extent: Extent) -> Iterator[Row]:
    say("start-up")
    names = ("first output", "first frame", "first answer on screen", "first value on screen")
    found: dict[str, list[float]] = {name: [] for name in names}
    for run in range(extent.starts + 1):
        with Terminal((*VIEWER, "demo")) as terminal:
            value = terminal.wait_for(VALUE)
            moments = (
                terminal.updates[0],
                terminal.wait_for("grpctap"),
                terminal.wait_for("LIVE"),
                value,
            )
        # The first run only warms the caches.
        for name, moment in zip(names, moments, strict=True):
            if run:
                found[name].append(moment.at - terminal.started)
    how = f"grpctap demo from its exec, warm, {extent.starts} runs"
    for name in reversed(names):
        yield Row(f"start: {name}", spread(found[name]), how)
    imports = ("-c", "import grpctap.cli, grpctap.viewer, sys; sys.stderr.write('\\n')")
    for name, what, flags in (
        ("interpreter and imports", "python -c 'import grpctap.cli, grpctap.viewer'", imports),
        ("server alone", "python -m grpctap_server, to its ready line", SERVER),
    ):
        times = [first_line_seconds(flags) for _ in range(extent.starts)]
        yield Row(f"start: {name}", spread(times), f"{what}, {extent.starts} runs")


def first_line_seconds(flags: Sequence[str]) -> float:
    """How long Python with these flags takes to its first line on standard error."""
    start = time.monotonic()
    command = (sys.executable, *flags)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stderr.readline()
        took = time.monotonic() - start
        process.stdin.close()
    return took


# The keys.


class Recorder(pb_grpc.StreamServerServicer):
    """Sends ten values a second, and records when each call began and when it ended."""

    def __init__(self) -> None:
        self.began: queue.Queue[float] = queue.Queue()
        self.ended: queue.Queue[float] = queue.Queue()

    async def ListValue(self, request: pb.SimpleRequest, context: Any) -> None:  # noqa: N802
        self.began.put(time.monotonic())
        sequence = int(request.resume_token or b"0")
        try:
            while True:
                sequence += 1
                await context.write(
                    pb.StreamResponse(
                        stream_value=f"WTI {sequence % 100}",
                        stream_id="recorder",
                        sequence=sequence,
                        resume_token=str(sequence).encode(),
                        number=sequence % 100,
                    )
                )
                await asyncio.sleep(0.1)
        finally:
            self.ended.put(time.monotonic())


@contextmanager
def serving(servicer: pb_grpc.StreamServerServicer) -> Iterator[str]:
    """Serves in a thread of this process; gives the address."""
    addresses: queue.Queue[str] = queue.Queue()
    loop = asyncio.new_event_loop()
    end = asyncio.Event()

    async def serve() -> None:
        server = grpc.aio.server()
        pb_grpc.add_StreamServerServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        addresses.put(f"127.0.0.1:{port}")
        await end.wait()
        await server.stop(0)
        # What was cancelled is not through yet, and gRPC complains when the loop ends first.
        await asyncio.sleep(0.5)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield addresses.get(timeout=PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(PATIENCE_S)


def watching(address: str) -> Terminal:
    return Terminal((*VIEWER, "-plaintext", "-d", '{"data": "WTI "}', address, METHOD))


def key_rows(extent: Extent) -> Iterator[Row]:
    say("keys")
    recorder = Recorder()
    pauses, resumes = [], []
    with serving(recorder) as address, watching(address) as terminal:
        recorder.began.get(timeout=PATIENCE_S)
        terminal.wait_for(VALUE)
        for turn in range(extent.keys):
            # Keys come at any moment between two frames and between two values.
            time.sleep(0.15 + turn % 17 / 170)
            pressed = terminal.write(b" ")
            pauses.append(recorder.ended.get(timeout=PATIENCE_S) - pressed)
            time.sleep(0.1 + turn % 13 / 130)
            pressed = terminal.write(b" ")
            resumes.append(recorder.began.get(timeout=PATIENCE_S) - pressed)
    for name, times in (("the call's end", pauses), ("the next call's start", resumes)):
        figure = f"p50 {milliseconds(quantile(times, 50))}, p99 {milliseconds(quantile(times, 99))}"
        how = f"space to the moment at the server, 10 values/s, {len(times)} times"
        yield Row(f"key: {name}", figure, how)


# What it takes while little happens.


def cpu_rows(extent: Extent) -> Iterator[Row]:
    say("processor time at ten values a second")
    with Terminal((*VIEWER, "demo")) as terminal:
        terminal.wait_for(VALUE)
        for name, key in (("live", b""), ("paused", b" ")):
            if key:
                terminal.write(key)
            time.sleep(5)
            updates, output = len(terminal.updates), terminal.output
            start, before = time.monotonic(), terminal.cpu_seconds()
            time.sleep(extent.cpu_s)
            took = time.monotonic() - start
            share = (terminal.cpu_seconds() - before) / took
            updates, output = len(terminal.updates) - updates, terminal.output - output
            figure = f"{share:.1%} of a core"
            drawn = f"{updates / took:.1f} updates/s, {output / took / 1e3:.1f} kB/s of output"
            how = f"grpctap demo, 10 values/s, {extent.cpu_s:.0f} s after 5 s; {drawn}"
            yield Row(f"processor: {name}", figure, how)
        memory = f"{terminal.peak_memory() / 1e6:.0f} MB"
    yield Row("memory: after that", memory, "peak resident, the same process")


def chart_rows(extent: Extent) -> Iterator[Row]:
    say("chart")
    for points in extent.chart_points:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            asyncio.run(chart.frames(points))
        for line in printed.getvalue().splitlines():
            _, kind, *figures, drawn = re.split(" {2,}", line.strip())
            how = f"benchmarks/chart.py, 160x15, {points:,} points, {drawn.strip('()')}"
            yield Row(f"chart frame: {kind}", " ".join(figures), how)


# The flood.


def bare_loop(server: FloodServer, count: int) -> float:
    """Reads a call as fast as grpcio can without keeping anything; returns values a second."""
    options = [
        (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    with grpc.insecure_channel(server.address, options) as channel:
        call: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(f"/{METHOD}")
        read = 0
        for _ in call(b""):
            read += 1
    assert read == count
    return count / server.seconds()


@dataclass(frozen=True)
class Flooded:
    """How the viewer did in a flood."""

    rate: float
    frames: float
    gaps: Sequence[float]
    cpu: float
    memory: int


def flooded(server: FloodServer, count: int) -> Flooded:
    with watching(server.address) as terminal:
        first = terminal.wait_for(VALUE)
        last = terminal.wait_for("Finished")
        cpu, memory = terminal.cpu_seconds(), terminal.peak_memory()
    said = terminal.updates[-1].text
    assert f"{count:,} values" in said, said
    assert "0 missed" in said, said
    # Each update of the log is a frame; those of the chart and of the figures count for nothing.
    times = [
        update.at for update in terminal.updates if "#" in update.text and update.at <= last.at
    ]
    seconds = server.seconds()
    frames = (len(times) - 1) / (times[-1] - first.at)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return Flooded(count / seconds, frames, gaps, cpu, memory)


def flood_rows(extent: Extent) -> Iterator[Row]:
    count = extent.flood_count
    bare: list[float] = []
    runs: list[Flooded] = []
    with flood_server(count, MESSAGE_SIZE) as server:
        for run in range(extent.floods):
            say(f"flood {run + 1} of {extent.floods}")
            bare.append(bare_loop(server, count))
            runs.append(flooded(server, count))
    how = f"{count:,} messages of {MESSAGE_SIZE} B from benchmarks/flood.py, {len(runs)} runs"
    rate = median(run.rate for run in runs)
    ratio = median(run.rate / loop for run, loop in zip(runs, bare, strict=True))
    yield Row("flood: viewer", f"{rate:,.0f} values/s", f"{how}, median")
    yield Row("flood: bare grpcio loop", f"{median(bare):,.0f} values/s", f"{how}, in turn, median")
    yield Row("flood: viewer to bare loop", f"{ratio:.2f}", "median of the pairs")
    frames = [run.frames for run in runs]
    figure = f"median {median(frames):.1f}/s, least {min(frames):.1f}/s"
    yield Row("flood: frames of the log", figure, "updates on the terminal that have new values")
    p50 = median(quantile(run.gaps, 50) for run in runs)
    p99 = median(quantile(run.gaps, 99) for run in runs)
    worst = max(max(run.gaps) for run in runs)
    figure = f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)}"
    yield Row("flood: gap between frames", figure, f"medians of runs; worst {milliseconds(worst)}")
    memory = max(run.memory for run in runs)
    yield Row("flood: memory", f"{memory / 1e6:.0f} MB", "peak resident, history of 100,000")


def machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("grpcio", "textual", "protobuf"))
    model = "unknown processor"
    with contextlib.suppress(OSError, StopIteration):
        info = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line for line in info if line.startswith("model name")).partition(": ")[2]
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {packages}, load {load:.1f} at the start"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less of everything: about a minute")
    parts = {
        "start": start_rows,
        "keys": key_rows,
        "cpu": cpu_rows,
        "chart": chart_rows,
        "flood": flood_rows,
    }
    parser.add_argument("--only", choices=parts, action="append", help="leave out the other parts")
    args = parser.parse_args()
    on = machine()
    rows = [
        row
        for name, part in parts.items()
        if name in (args.only or parts)
        for row in part(QUICK if args.quick else FULL)
    ]
    widths = [max(len(getattr(row, name)) for row in rows) for name in ("what", "figure")]
    print(on)
    for row in rows:
        print(f"{row.what:<{widths[0]}}  {row.figure:<{widths[1]}}  {row.how}")


if __name__ == "__main__":
    main()
