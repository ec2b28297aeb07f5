"""Two streams in tabs beside one: what both get, and what the one that is hidden gets."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.child import ChildError
from benchmarks.extent import MESSAGE_SIZE, METHOD, PATIENCE_S, Extent, watch
from benchmarks.flood import FloodServer, flood_server
from benchmarks.table import Line, Row, say

from support.terminal import Terminal


def tab_rows(extent: Extent) -> Iterator[Line]:
    """Values a second of one stream, and of two at once, together; and their ratio."""
    ones: list[float] = []
    twos: list[float] = []
    with flood_server(extent.count, MESSAGE_SIZE) as server:
        for turn in range(extent.rounds):
            say(f"tabs, round {turn + 1} of {extent.rounds}")
            try:
                ones.append(_rate(server, extent.count, 1))
                twos.append(_rate(server, extent.count, 2))
            except (ChildError, TimeoutError) as error:
                yield Row("tabs: two streams at once", "none", str(error))
                return
    how = f"{extent.count:,} messages of {MESSAGE_SIZE} B each, in turn, medians of {len(ones)}"
    yield Row("tabs: one stream", f"{median(ones):>9,.0f} values/s", how)
    yield Row("tabs: two streams at once, together", f"{median(twos):>9,.0f} values/s", how)
    ratios = [two / one for one, two in zip(ones, twos, strict=True)]
    spread = f"median of the {len(ratios)} rounds, {min(ratios):.2f} to {max(ratios):.2f}"
    yield Row("ratio: two streams together to one", f"{median(ratios):.2f}", spread)


def _rate(server: FloodServer, count: int, streams: int) -> float:
    """Values a second of so many streams together, from the first request to the last end.

    Raises:
        ChildError: not all values came through.
        TimeoutError: it took too long.
    """
    server.forget()
    with Terminal((*watch(server.address), *[METHOD] * (streams - 1))) as terminal:
        ended = [server.served(PATIENCE_S) for _ in range(streams)]
        terminal.wait_for("Finished")
        terminal.write(b"q")
        terminal.wait()
        told = terminal.text.count(f"{count:,} values in ")
        if told < streams:
            raise ChildError("not all values came through")
    took = max(call.end for call in ended) - min(call.end - call.seconds for call in ended)
    return streams * count / took
