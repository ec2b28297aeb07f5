"""Chaos: a viewer on a feed whose truth is known, while everything between and behind it breaks.

Every value must come once and in order, or a seam must say exactly what is missing. As a program
it runs for long and prints its figures:

    python -m support.chaos --values 10000000 --faults 2000
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.flood import LARGEST_COUNT

from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.message import Reading
from grpctap.core.reconnect import SECOND, Backoff, Reconnect
from grpctap.core.seams import Interruption, Outcome
from grpctap.core.state import Command, State
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from support.proxy import (
    BlackHole,
    Cut,
    Delay,
    Fragment,
    HalfClose,
    Heal,
    Proxy,
    Refuse,
    Throttle,
)
from support.relay import Direction
from support.server import eventually
from support.truth import STREAM_ID, TruthServer, value

DATA = "WTI "
# Some twenty values have so many bytes, and the largest is a good many frames.
LEAST_BYTES, MOST_BYTES = 1, 300_000
# Comparing each message with the truth in full would take longer than the viewer does.
FULL_CHECK_EVERY = 101


@dataclass
class Checker:
    """Holds what the tap accepts against the truth, on the reader's thread."""

    last: int = 0
    wrong: list[str] = field(default_factory=list)

    def deliver(self, reading: Reading, raw: bytes, accepted: bool) -> bool:
        """Takes a message as `Tap` delivers it; stops the stream at the first wrong one."""
        if reading.progress:
            return True
        if not accepted or reading.sequence != self.last + 1 or reading.stream_id != STREAM_ID:
            self.wrong.append(f"{reading} after #{self.last}, accepted: {accepted}")
        elif reading.sequence % FULL_CHECK_EVERY == 0:
            found, expected = StreamResponse.FromString(raw), value(reading.sequence, DATA)
            if found != expected:
                self.wrong.append(f"{found} is not {expected}")
        self.last = reading.sequence
        return not self.wrong


class Chaos:
    """A tap on a truth server behind a proxy, and all that can go wrong with them.

    Args:
        seed: What is broken when depends on it alone, but for the machine's own time.
    """

    def __init__(self, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.checker = Checker()
        self._random = random.Random(seed)
        self._kinds: dict[str, Callable[[], None]] = {
            "cut by FIN": lambda: self._armed(Cut()),
            "cut by RST": lambda: self._armed(Cut(reset=True)),
            "half-closed by the server": lambda: self._armed(HalfClose(Direction.DOWN)),
            "half-closed by the viewer": lambda: self._armed(HalfClose(Direction.UP)),
            "cut in the request": self._cut_in_the_request,
            "throttled": lambda: self._passing(Throttle(50_000)),
            "delayed": lambda: self._passing(Delay(0.02)),
            "fragmented": lambda: self._passing(Fragment(1)),
            "black hole for a moment": lambda: self._passing(BlackHole()),
            "black hole until it is noticed": self._long_black_hole,
            "refused": self._refused,
            "server killed": self._killed,
            "server stopped for a moment": self._stopped,
            "paused and resumed": self._paused,
            "tried at once": self._hurried,
        }
        # What takes seconds to be noticed comes less often than what takes none.
        slow = {"black hole until it is noticed": 0.15, "server killed": 0.3, "fragmented": 0.5}
        self._weights = [slow.get(kind, 1.0) for kind in self._kinds]

    @property
    def kinds(self) -> int:
        """How many kinds of faults there are."""
        return len(self._kinds)

    @contextmanager
    def running(self) -> Iterator[Chaos]:
        """Starts server, proxy and tap; ends them in any case."""
        policy = Reconnect(initial_ns=SECOND // 50, maximum_ns=SECOND // 10)
        with TruthServer(LARGEST_COUNT) as self.server, Proxy(self.server.address) as self.proxy:
            self.tap = Tap(
                GrpcTransport(Target(self.proxy.address, plaintext=True), METHOD),
                ListValue(SimpleRequest(data=DATA), progress=True),
                backoff=Backoff(policy, draw=self._random.random),
                deliver=self.checker.deliver,
            )
            self.tap.start()
            try:
                self._await_values()
                yield self
            finally:
                assert self.tap.close()
                assert self.server.complaints == ""

    def break_something(self) -> None:
        """One fault, from its beginning until values come again."""
        start = time.monotonic()
        (kind,) = self._random.choices(list(self._kinds), self._weights)
        try:
            self._kinds[kind]()
            self._await_values()
        except AssertionError as error:
            where = f"{self.proxy.live} of {self.proxy.accepted} connections, {self.tap.snapshot()}"
            raise AssertionError(f"{kind}, fault {self.faults.total() + 1}: {where}") from error
        self.faults[kind] += 1
        self.seconds[kind] += time.monotonic() - start

    def reach(self, values: int) -> None:
        """Waits until so many values came, for as long as any come."""
        while self.tap.snapshot().values < values:
            self._await_values()

    def check(self) -> None:
        """Nothing is missing, nothing came twice, and each seam says so."""
        assert self.checker.wrong == []
        now = self.tap.snapshot()
        assert (now.missed, now.repeated, now.late, now.left_out) == (0, 0, 0, 0)
        assert now.values == self.checker.last
        for seam in self.tap.newest().rows:
            # Only the last one may still wait for the value after it.
            if isinstance(seam, Interruption) and seam is not self.tap.last_interruption:
                assert seam.outcome in (Outcome.EXACT, None), seam.text()
                assert seam.outcome or seam.how, seam.text()

    def _await_values(self) -> None:
        before = self.tap.snapshot().values

        def came() -> bool:
            assert not self.checker.wrong, self.checker.wrong
            now = self.tap.snapshot()
            assert now.state is not State.FAILED, now.status
            return now.values > before

        eventually(came, "that values come again")

    def _sometime(self) -> int:
        # Evenly over the magnitudes: the first bytes of a connection matter as much as later ones.
        return int(LEAST_BYTES * (MOST_BYTES / LEAST_BYTES) ** self._random.random())

    def _armed(self, fault: Cut | HalfClose) -> None:
        fresh, accepted = self._random.random() < 0.3, self.proxy.accepted
        trigger = self.proxy.arm(fault, self._sometime(), fresh=fresh)
        if fresh:
            self._call_anew()
        # The connection may have been about to end anyhow, and take the fault with it.
        eventually(
            lambda: trigger.fired or trigger.dropped or self.proxy.accepted > accepted + fresh,
            f"{fault}",
        )

    def _call_anew(self) -> None:
        # A call that is being reopened cannot be paused.
        eventually(lambda: self.tap.command(Command.PAUSE), "a call to pause")
        self.tap.command(Command.RESUME)

    def _cut_in_the_request(self) -> None:
        self.proxy.arm(Cut(), self._random.randrange(200), direction=Direction.UP, fresh=True)
        self._call_anew()

    def _passing(self, fault: Throttle | Delay | Fragment | BlackHole) -> None:
        self.proxy.apply(fault)
        time.sleep(self._random.uniform(0, 0.1))
        self.proxy.apply(Heal())

    def _long_black_hole(self) -> None:
        self.proxy.apply(BlackHole(accepts=self._random.random() < 0.5))
        self._await_loss()
        self.proxy.apply(Heal())
        self._cut_what_fell_in()

    def _cut_what_fell_in(self) -> None:
        # The attempt that was swallowed would hang until its time is over.
        self.proxy.apply(Cut())

    def _refused(self) -> None:
        self.proxy.apply(Refuse())
        self.proxy.apply(Cut())
        self._await_loss()
        time.sleep(self._random.uniform(0, 0.1))
        self.proxy.apply(Heal())

    def _killed(self) -> None:
        self.server.kill()
        self._await_loss()
        self.server.start()

    def _stopped(self) -> None:
        self.server.stop()
        time.sleep(self._random.uniform(0, 0.3))
        self.server.go_on()

    def _paused(self) -> None:
        self.tap.command(Command.PAUSE)
        time.sleep(self._random.uniform(0, 0.02))
        self.tap.command(Command.RESUME)

    def _hurried(self) -> None:
        self.proxy.apply(Cut(reset=True))
        for _ in range(10):
            self.tap.command(Command.RESUME)
            time.sleep(0.001)

    def _await_loss(self) -> None:
        eventually(lambda: self.tap.state is State.RECONNECTING, "that the loss is noticed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--values", type=int, default=10_000_000)
    parser.add_argument("--faults", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    args = parser.parse_args()
    print(f"{args.values:,} values and {args.faults:,} faults, seed {args.seed}", flush=True)
    start = time.monotonic()
    with Chaos(args.seed).running() as chaos:
        for number in range(1, args.faults + 1):
            chaos.break_something()
            # Faults come all along the stream.
            chaos.reach(args.values * number // args.faults)
            if number % 100 == 0:
                values = chaos.tap.snapshot().values
                took = time.monotonic() - start
                print(f"{number:,} faults, {values:,} values, {took:.0f} s", flush=True)
        chaos.tap.command(Command.STOP)
        chaos.check()
        took = time.monotonic() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{chaos.checker.last:,} values, each once and in order, through "
            f"{chaos.faults.total():,} faults in {took:.0f} s; peak memory {memory:.0f} MiB"
        )
    for kind, count in chaos.faults.most_common():
        print(f"{count:6,}  {kind}, {chaos.seconds[kind] / count:.2f} s each")


if __name__ == "__main__":
    main()
