"""The flood, recorded and not: the viewer with and without --record, in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.child import ChildError
from benchmarks.extent import MESSAGE_SIZE, Extent
from benchmarks.flood import FloodServer, flood_server
from benchmarks.flooding import attempt, figures
from benchmarks.peers import Run, viewer
from benchmarks.table import Aim, Line, Row, megabytes, say

from grpctap.core.recording import Received
from grpctap.recording import Recording

WANTED = 0.9
"""Recording may cost a tenth of the rate."""


def recording_rows(extent: Extent) -> Iterator[Line]:
    """Values a second with and without a recording, and their ratio."""
    count = 2 * extent.count
    plain: list[Run] = []
    recorded: list[Run] = []
    size = 0
    with flood_server(count, MESSAGE_SIZE) as server, tempfile.TemporaryDirectory() as folder:
        for turn in range(extent.rounds):
            say(f"recording, round {turn + 1} of {extent.rounds}")
            path = Path(folder) / f"{turn}.grpctap"
            off = attempt(server, count, viewer)
            on = attempt(server, count, partial(_recorded, path))
            for outcome, runs in ((off, plain), (on, recorded)):
                if isinstance(outcome, str):
                    yield Row("recording", "none", outcome)
                    return
                runs.append(outcome)
            size = path.stat().st_size
            path.unlink()
    how = f"{count:,} messages of {MESSAGE_SIZE} B, in turn, medians of {extent.rounds}"
    yield Row("recording: off", figures(plain), how)
    yield Row("recording: on", figures(recorded), f"{how}; {megabytes(size)} on disk")
    ratios = [on.rate / off.rate for on, off in zip(recorded, plain, strict=True)]
    costs = [on.cpu - off.cpu for on, off in zip(recorded, plain, strict=True)]
    cost = f"{median(costs):.2f} CPU µs more a message"
    spread = f"median of the {len(ratios)} rounds, {min(ratios):.2f} to {max(ratios):.2f}; {cost}"
    yield Row("ratio: recording to not", f"{median(ratios):.2f}", spread)
    yield Aim("recording to not", median(ratios), WANTED, at_least=True)


def _recorded(path: Path, server: FloodServer, count: int) -> Run:
    run = viewer(server, count, "--record", str(path))
    held = sum(isinstance(entry, Received) for entry in Recording.open(path).entries())
    if held != count:
        raise ChildError(f"{held:,} of {count:,} messages were recorded")
    return run
