"""Viewers that come and go, and one that stops, while nobody else must notice.

Each value must come to each viewer once and in order, over all the calls that it makes. As a
program it runs for long on a server in a process of its own, and prints its figures:

    python -m support.throng --viewers 200 --seconds 3600
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path

from benchmarks.crowd import DELAY_STEP_S, Crowd, Tally, Viewer
from benchmarks.extent import ROOT
from benchmarks.table import quantiles
from benchmarks.viewers import cpu_seconds, memory_of

from support.server import ChildProcess, ServerProcess, eventually

SMALL_WINDOW = 65_535
"""HTTP/2's own; a viewer that stops with it soon holds up the call."""
LONG_DATA = "x" * 2_000
"""Makes values so long that this does not take many of them."""
STEADY_BYTES = 16_000_000
"""By how much memory may grow from the first third of a run to its last, in bytes."""


class Throng:
    """Viewers of a server, some of whom leave at any time, and come back a little later.

    Those who come back go on where they were, or begin anew, as somebody else would.

    Args:
        address: Where the server listens.
        viewers: How many there are.
        seed: Who comes and goes when depends on it alone, but for the machine's own time.
        stay: How long one stays on average, in seconds.
        away: How long one is away on average, in seconds.
    """

    def __init__(
        self, address: str, viewers: int, seed: int, stay: float = 20.0, away: float = 1.0
    ) -> None:
        self.tally = Tally()
        self.comings = 0
        self._address = address
        self._random = random.Random(seed)
        self._stay, self._away = stay, away
        self._crowd = Crowd()
        self._present: set[Viewer] = set()
        self._next: list[tuple[float, int, Viewer]] = []
        self._turns = count()
        now = time.monotonic()
        for _ in range(viewers):
            self._plan(now, away, Viewer(address, LONG_DATA, self.tally))

    def follow(self, seconds: float) -> None:
        """Let them come, watch and go for so long."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            for viewer in self._crowd.follow(min(until, self._next[0][0])):
                # The tally knows how it ended; its turn to come back is planned already.
                self._present.discard(viewer)
            while self._next[0][0] <= now:
                _, _, viewer = heapq.heappop(self._next)
                self._turn(viewer, now)

    def leave(self) -> None:
        """Let all go away for good."""
        for viewer in self._present:
            self._crowd.leave(viewer)
        self._present.clear()

    def _turn(self, viewer: Viewer, now: float) -> None:
        if viewer in self._present:
            self._present.discard(viewer)
            self._crowd.leave(viewer)
            if self._random.random() < 0.3:
                viewer = Viewer(self._address, LONG_DATA, self.tally)
            self._plan(now, self._away, viewer)
            return
        self._crowd.join(viewer)
        self.comings += 1
        self._present.add(viewer)
        self._plan(now, self._stay, viewer)

    def _plan(self, now: float, mean: float, viewer: Viewer) -> None:
        heapq.heappush(
            self._next, (now + self._random.expovariate(1 / mean), next(self._turns), viewer)
        )


class Straggler(ChildProcess):
    """A viewer in a process of its own, that can be stopped.

    Args:
        address: Where the server listens.
        messages: After how many it ends by itself.
        seconds: After how long it does so in any case.
        data: What it asks for.
    """

    def __init__(self, address: str, *, messages: int, seconds: float, data: str) -> None:
        flags = ("--viewers", "1", "--again", "--settle", "0", "--data", data)
        ends = ("--count", str(messages), "--seconds", str(seconds))
        window = ("--window", str(SMALL_WINDOW))
        crowd = str(ROOT / "benchmarks/crowd.py")
        super().__init__((sys.executable, crowd, address, *flags, *ends, *window))
        self.await_line("^joined$")

    def stop(self) -> None:
        """Stop it with SIGSTOP; the kernel goes on taking what comes for it."""
        self.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after `stop`."""
        self.send_signal(signal.SIGCONT)

    def report(self) -> dict[str, object]:
        """What it saw, after its end."""
        seen: dict[str, object] = json.loads(self.stdout)
        return seen


def sockets_of(pid: int) -> int:
    """How many sockets a process has open."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found += str(link.readlink()).startswith("socket:")
    return found


class Soak:
    """A run of the program."""

    def __init__(self, viewers: int, seconds: float, seed: int) -> None:
        self._viewers = viewers
        self._seconds = seconds
        self._seed = seed
        self._delays: dict[bool, Counter[int]] = {False: Counter(), True: Counter()}
        self._memory: list[int] = []

    def run(self) -> bool:
        """Do all of it and print the figures; returns whether all is well."""
        began = time.monotonic()
        with ServerProcess("--interval", "0.1") as server:
            sockets = sockets_of(server.pid)
            throng = Throng(server.address, self._viewers, self._seed)
            # It must outlast the run, and its data makes its log's messages no others' messages.
            straggler = Straggler(
                server.address, messages=10**9, seconds=2 * self._seconds + 60, data=LONG_DATA
            )
            with straggler:
                self._follow(throng, straggler, server.pid)
                cpu = cpu_seconds(server.pid)
                straggler.close_stdin()
                assert straggler.wait() == 0
                late = straggler.report()
            throng.leave()
            eventually(lambda: sockets_of(server.pid) == sockets, "that no connection is left")
            server.terminate()
            assert server.wait() == 0
        took = time.monotonic() - began
        wrong = [*throng.tally.wrong, *late["wrong"]]  # type: ignore[misc]
        third = max(len(self._memory) // 3, 1)
        first, last = max(self._memory[:third]), max(self._memory[-third:])
        ended = dict(throng.tally.ends) or "none"
        print(
            f"{throng.tally.values:,} values in {took:.0f} s to {self._viewers} viewers, who came "
            f"{throng.comings:,} times; wrong: {wrong or 'none'}; calls that ended by themselves: "
            f"{ended}; no connection left over"
        )
        for stopped, name in ((False, "all reading"), (True, "one of them stopped")):
            delays = [step * DELAY_STEP_S for step in self._delays[stopped].elements()]
            if delays:
                print(f"delay with {name}: {quantiles(delays)}")
        print(f"the one that was stopped: {late['values']:,} values, calls ended: {late['ends']}")
        print(
            f"server: {cpu / took:.0%} of a core; peak memory in the first third "
            f"{first / 1e6:.1f} MB, in the last {last / 1e6:.1f} MB"
        )
        return not wrong and not throng.tally.ends and last - first < STEADY_BYTES

    def _follow(self, throng: Throng, straggler: Straggler, pid: int) -> None:
        until = time.monotonic() + self._seconds
        half = min(self._seconds / 4, 20.0)
        # Until most have come, it is another load.
        throng.follow(min(half, 5.0))
        throng.tally.delays.clear()
        stopped = False
        said = time.monotonic()
        while time.monotonic() < until:
            throng.follow(half)
            self._delays[stopped] += throng.tally.delays
            throng.tally.delays.clear()
            self._memory.append(memory_of(pid))
            stopped = not stopped
            if stopped:
                straggler.stop()
            else:
                straggler.go_on()
            if time.monotonic() - said > 60:
                said = time.monotonic()
                left, size = max(until - said, 0), self._memory[-1] / 1e6
                print(
                    f"{throng.tally.values:,} values, {size:.1f} MB, {left:.0f} s to go", flush=True
                )
        straggler.go_on()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    args = parser.parse_args()
    print(f"{args.viewers} viewers for {args.seconds:.0f} s, seed {args.seed}", flush=True)
    return 0 if Soak(args.viewers, args.seconds, args.seed).run() else 1


if __name__ == "__main__":
    sys.exit(main())
