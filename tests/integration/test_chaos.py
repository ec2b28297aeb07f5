"""Everything breaks, again and again, and every value is there once and in order."""

from __future__ import annotations

import json
import random
import signal
import sys
from collections.abc import Iterable

from benchmarks.flood import LARGEST_COUNT

from grpctap.core.listvalue import METHOD
from support.chaos import Chaos
from support.proxy import Cut, Proxy
from support.server import ChildProcess, eventually
from support.truth import TruthServer

FAULTS = 300
CUTS = 40


def test_three_hundred_faults_cost_no_value_and_double_none() -> None:
    with Chaos(seed=1).running() as chaos:
        for _ in range(FAULTS):
            chaos.break_something()
        chaos.check()
        assert chaos.faults.total() == FAULTS
        # All kinds had their turn, so none is tested in name only.
        assert len(chaos.faults) == chaos.kinds


def lines_of(text: str) -> Iterable[int]:
    return (int(json.loads(line)["sequence"]) for line in text.splitlines())


def test_a_pipe_through_all_cuts_has_every_line_once() -> None:
    chance = random.Random(1)
    with TruthServer(LARGEST_COUNT) as server, Proxy(server.address) as proxy:
        flags = ("-plaintext", "--reconnect-delay", "0.02", "--reconnect-max-delay", "0.1")
        command = (sys.executable, "-m", "grpctap", *flags, proxy.address, METHOD)
        with ChildProcess(command) as child:
            child.await_line("sequence", "stdout")
            for number in range(1, CUTS + 1):
                trigger = proxy.arm(
                    Cut(reset=chance.random() < 0.5), after=chance.randrange(1, 50_000)
                )
                eventually(lambda: trigger.fired, f"cut {number}")  # noqa: B023
                eventually(
                    lambda: child.stderr.count("nothing missed") >= number,  # noqa: B023
                    f"that it goes on after cut {number}",
                )
            child.send_signal(signal.SIGINT)
            assert child.wait() == 130
            found = list(lines_of(child.stdout))
            assert found == list(range(1, len(found) + 1))
            assert child.stderr.count(" to go on in ") >= CUTS
