"""Measures the viewer beside its peers, and prints one table.

    python -m benchmarks [--quick] [--only PART]

Each row says what was measured, the figure, and how; the aims come last, met or missed as they were
measured. The machine's other load is in all of the figures: what is compared was therefore run in
turn, and a ratio is that of runs of the same round.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

# Else grpc speaks of each program that is started while it serves.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from benchmarks import finding, flooding, growth, idle, keys, recording, start, table, tabs, viewers
from benchmarks.extent import FULL, QUICK

PARTS = {
    "start": (start.start_rows, start.beside_rows),
    "keys": (keys.key_rows,),
    "cpu": (idle.cpu_rows,),
    "chart": (idle.chart_rows,),
    "flood": (flooding.peer_rows, flooding.long_rows, flooding.key_rows),
    "recording": (recording.recording_rows,),
    "tabs": (tabs.tab_rows,),
    "growth": (growth.count_rows,),
    "sizes": (growth.size_rows,),
    "history": (growth.history_rows,),
    "filter": (finding.filter_rows,),
    "viewers": (viewers.viewer_rows, viewers.worker_rows),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: about a minute")
    parser.add_argument("--only", choices=PARTS, action="append", help="leave out the other parts")
    args = parser.parse_args()
    extent = QUICK if args.quick else FULL
    began, machine = time.monotonic(), table.machine()
    lines: list[table.Line] = []
    for name, measures in PARTS.items():
        if name in (args.only or PARTS):
            for measure in measures:
                lines.extend(measure(extent))
    print(machine)
    table.show(lines)
    print(f"All of it took {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
