"""The flood: the viewer beside its peers, in turn, and keys while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from benchmarks.child import ChildError
from benchmarks.extent import MESSAGE_SIZE, PATIENCE_S, VALUE, Extent, watch
from benchmarks.flood import LARGEST_COUNT, FloodServer, flood_server
from benchmarks.peers import BARE, GRPCURL_IN_TERMINAL, IN_TERMINAL, PEERS, Run, viewer
from benchmarks.table import Aim, Line, Row, megabytes, milliseconds, quantile, quantiles, say

from support.terminal import Terminal

Runs = dict[str, list[Run | None]]


def peer_rows(extent: Extent) -> Iterator[Line]:
    """Values a second, processor time and memory of each; the viewer's frames; the ratios."""
    count, rounds = extent.count, extent.rounds
    runs: Runs = {peer.name: [] for peer in PEERS}
    reasons: dict[str, str] = {}
    few = count // 5
    with flood_server(count, MESSAGE_SIZE) as much, flood_server(few, MESSAGE_SIZE) as little:
        for turn in range(rounds):
            say(f"flood, round {turn + 1} of {rounds}")
            for peer in PEERS:
                server, size = (little, few) if peer.slow else (much, count)
                # What failed once fails again, and takes its time.
                outcome = None if peer.name in reasons else attempt(server, size, peer.run)
                if isinstance(outcome, str):
                    reasons[peer.name] = outcome
                    outcome = None
                runs[peer.name].append(outcome)
    for peer in PEERS:
        good = [run for run in runs[peer.name] if run is not None]
        if peer.name in reasons or not good:
            yield Row(f"flood: {peer.name}", "none", reasons.get(peer.name, ""))
            continue
        size = few if peer.slow else count
        how = f"{size:,} messages of {MESSAGE_SIZE} B, in turn with the others"
        yield Row(f"flood: {peer.name}", figures(good), f"{how}, medians of {len(good)}")
    yield from frame_rows([run for run in runs[IN_TERMINAL] if run is not None])
    yield from ratio_rows(f"viewer to {BARE}", runs[IN_TERMINAL], runs[BARE])
    name = f"viewer to {GRPCURL_IN_TERMINAL}"
    yield from ratio_rows(name, runs[IN_TERMINAL], runs[GRPCURL_IN_TERMINAL], 1.2)


def long_rows(extent: Extent) -> Iterator[Line]:
    """The viewer beside the bare loop, for so long that neither's start counts for much."""
    bare: list[Run | None] = []
    ours: list[Run | None] = []
    with flood_server(extent.long_count, MESSAGE_SIZE) as server:
        for turn in range(extent.rounds):
            say(f"long flood, round {turn + 1} of {extent.rounds}")
            for runs, peer in ((bare, PEERS[0].run), (ours, viewer)):
                outcome = attempt(server, extent.long_count, peer)
                if isinstance(outcome, str):
                    yield Row("long flood", "none", outcome)
                    return
                runs.append(outcome)
    how = f"{extent.long_count:,} messages of {MESSAGE_SIZE} B, in turn"
    for name, runs in ((BARE, bare), (IN_TERMINAL, ours)):
        good = [run for run in runs if run is not None]
        yield Row(f"long flood: {name}", figures(good), f"{how}, medians of {len(good)}")
    yield from ratio_rows(f"viewer to {BARE}, long flood", ours, bare, 0.75)


def ratio_rows(
    name: str,
    ours: Sequence[Run | None],
    theirs: Sequence[Run | None],
    wanted: float | None = None,
) -> Iterator[Line]:
    """Values a second of the one to those of the other, in rounds where both came through."""
    pairs = [
        one.rate / other.rate
        for one, other in zip(ours, theirs, strict=True)
        if one is not None and other is not None
    ]
    if not pairs:
        return
    ratio = median(pairs)
    spread = f"median of the {len(pairs)} rounds, {min(pairs):.2f} to {max(pairs):.2f}"
    yield Row(f"ratio: {name}", f"{ratio:.2f}", spread)
    if wanted is not None:
        yield Aim(name, ratio, wanted, at_least=True)


def attempt(server: FloodServer, count: int, run: Callable[[FloodServer, int], Run]) -> Run | str:
    """Runs a program on the server; returns how it did, or why it did not."""
    try:
        return run(server, count)
    except (ChildError, TimeoutError) as error:
        return str(error)
    finally:
        server.forget()


def figures(runs: Sequence[Run]) -> str:
    """The medians of some runs."""
    return (
        f"{median(run.rate for run in runs):>9,.0f} values/s  "
        f"{median(run.cpu for run in runs):>6.1f} CPU s/million  "
        f"{megabytes(median(run.memory for run in runs)):>9} peak"
    )


def frame_rows(runs: Sequence[Run]) -> Iterator[Line]:
    """The frames of the log while it is flooded."""
    if not runs:
        return
    rates = [run.frame_rate for run in runs]
    figure = f"median {median(rates):.1f}/s, least {min(rates):.1f}/s"
    yield Row("flood: frames of the log", figure, "updates of the terminal that have new values")
    p50 = median(quantile(run.gaps, 50) for run in runs)
    p99 = median(quantile(run.gaps, 99) for run in runs)
    worst = max(max(run.gaps) for run in runs)
    figure = f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)}"
    yield Row("flood: gap between frames", figure, f"medians of runs; worst {milliseconds(worst)}")
    yield Aim("frames of the log in a flood", median(rates), 25, "/s", at_least=True)
    yield Aim("gap between frames, p99", p99 * 1e3, 80, "ms")


def key_rows(extent: Extent) -> Iterator[Line]:
    """From a key to the end of its call, while the server floods."""
    say("keys in the flood")
    times: list[float] = []
    with (
        flood_server(LARGEST_COUNT, MESSAGE_SIZE) as server,
        Terminal(watch(server.address)) as terminal,
    ):
        seen = 0
        for turn in range(extent.keys):
            terminal.wait_for(VALUE, since=seen)
            # Keys come at any moment between two frames.
            time.sleep(0.3 + turn % 17 / 170)
            pressed = terminal.write(b"s")
            times.append(server.served(PATIENCE_S).end - pressed)
            terminal.wait_for("Stopped", since=seen)
            seen = len(terminal.updates)
            terminal.write(b"r")
    how = f"s to the moment at the flood server, {len(times)} times"
    yield Row("flood: key to the call's end", quantiles(times), how)
    yield Aim("key to the call's end in a flood, p99", quantile(times, 99) * 1e3, 100, "ms")
