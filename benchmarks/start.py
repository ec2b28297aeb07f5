"""How long it takes from the start to the first value on the screen, beside the peers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.child import ChildError, run
from benchmarks.extent import PATIENCE_S, VALUE, VIEWER, Extent, watch
from benchmarks.flood import flood_server
from benchmarks.peers import buf, grpcurl
from benchmarks.table import Row, say, spread

from support.terminal import Terminal

SERVER = ("-m", "grpctap_server", "--port", "0", "--until-eof")
FEW = 100


def start_rows(extent: Extent) -> Iterator[Row]:
    """The demo from its start to its first value, and what that time goes into."""
    say("start-up")
    names = ("first output", "first frame", "first answer on screen", "first value on screen")
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(extent.starts + 1):
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
            if turn:
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


def beside_rows(extent: Extent) -> Iterator[Row]:
    """The first value on screen beside the first line of the peers, of one server, in turn."""
    say("start-up, beside the peers")
    found: dict[str, list[float]] = {}
    reasons: dict[str, str] = {}
    ways: dict[str, Callable[[str], float]] = {
        "viewer, first value on screen": on_screen,
        "grpctap into a pipe, first line": lambda address: first_output(watch(address)),
        "grpcurl into a pipe, first line": lambda address: first_output(grpcurl(address)),
        "buf curl into a pipe, first line": lambda address: first_output(buf(address)),
    }
    with flood_server(FEW, 100) as server:
        # The first run only warms the caches.
        for turn in range(extent.starts + 1):
            for name, way in ways.items():
                try:
                    took = way(server.address)
                except ChildError as error:
                    reasons[name] = str(error)
                    continue
                if turn:
                    found.setdefault(name, []).append(took)
    how = f"from its exec, a server that sends at once, warm, {extent.starts} runs in turn"
    for name in ways:
        if name in found:
            yield Row(f"start: {name}", spread(found[name]), how)
        else:
            yield Row(f"start: {name}", "none", reasons.get(name, ""))


def on_screen(address: str) -> float:
    """Seconds from the viewer's start to its first value on screen."""
    with Terminal(watch(address)) as terminal:
        return terminal.wait_for(VALUE).at - terminal.started


def first_output(command: Sequence[str]) -> float:
    """Seconds from a program's start to its first output into a pipe."""
    return run(command, terminal=False, limit_s=PATIENCE_S).first_s
