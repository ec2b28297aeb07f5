"""Wherever one goes in a recording, it is as if it had been played there from its beginning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grpctap.core.goal import Goal
from grpctap.core.history import MAX_BYTES
from grpctap.core.played import Played
from grpctap.core.recording import Entry, Received, SeamAt
from grpctap.core.seams import Cause, How, Interruption
from grpctap.core.series import Series
from grpctap_protos.server_stream_pb2 import StreamResponse
from support.replays import (
    START_NS,
    TICK_NS,
    await_end,
    is_kept,
    play,
    price,
    rows,
    settled,
    write,
)


def wordy(number: int, time_ns: int | None = None) -> Received:
    """A value without a number in it, of which the chart has no point."""
    raw = StreamResponse(
        stream_value="words", sequence=number, stream_id="made up"
    ).SerializeToString()
    return price(number, time_ns)._replace(raw=raw, size=len(raw))


def entries_of(shape: list[int], make: Callable[[int, int], Received] = price) -> list[Entry]:
    """A stream by what it is made of: values, seams, and changes to the newest seam."""
    entries: list[Entry] = []
    number = row = 0
    seams: list[tuple[int, int]] = []
    for at, kind in enumerate(shape):
        time_ns = START_NS + at * TICK_NS
        if kind < 6 or (kind == 7 and not seams):
            number += 1
            row += 1
            entries.append(make(number, time_ns))
        elif kind == 6:
            entries.append(SeamAt(row, Interruption(Cause.PAUSED, time_ns, number)))
            seams.append((row, time_ns))
            row += 1
        elif kind == 7:
            identity, since = seams[-1]
            seam = Interruption(Cause.PAUSED, since, number, None, time_ns, How.RESUMED)
            entries.append(SeamAt(identity, seam))
        else:
            entries.append(make(max(number, 1), time_ns)._replace(dropped=True))
    return entries


@pytest.mark.usefixtures("small_steps")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    shape=st.lists(st.integers(0, 8), max_size=60),
    capacity=st.sampled_from([1, 4, 13, 1000]),
    max_bytes=st.sampled_from([120, 400, 10**6]),
    make=st.sampled_from([price, wordy]),
    moves=st.lists(
        st.tuples(st.booleans(), st.sampled_from([-7, -2, -1, 1, 2, 9])), min_size=1, max_size=8
    ),
)
def test_wherever_one_goes_it_is_as_if_it_had_been_played_there(
    tmp_path: Path,
    shape: list[int],
    capacity: int,
    max_bytes: int,
    make: Callable[[int, int], Received],
    moves: list[tuple[bool, int]],
) -> None:
    entries = entries_of(shape, make)
    path = write(tmp_path / "a", entries)
    player = play(path, history=capacity, history_bytes=max_bytes)
    steps = player._reel.read(player._reel.start, 10**6)
    player.start()
    try:
        await_end(player)
        for is_hop, by in moves:
            before = player.snapshot().values
            (player.hop if is_hop else player.seek)(by)
            settled(player)
            if is_hop and 0 <= before + by <= sum(map(is_kept, entries)):
                assert player.snapshot().values == before + by
            place = player._played.place
            reference = Played(capacity, max_bytes, player._places.start)
            for step in steps[: place.entries]:
                reference.apply([step])
            expected = reference.history.newest()
            assert list(player.newest().rows) == list(expected.rows)
            assert player.newest().first == expected.first
            now = player.snapshot()
            assert (now.values, now.evicted) == (
                reference.history.values,
                reference.history.evicted,
            )
            assert place.interruptions == reference.place.interruptions
            assert place.counts == reference.place.counts
            assert place.time_ns == reference.place.time_ns
            with player.chart_frame() as frame:
                assert all_of(frame.lines[0].series) == all_of(reference.series)
    finally:
        assert player.close()


@pytest.mark.usefixtures("small_steps")
def test_a_seam_right_before_the_oldest_value_is_there_again(tmp_path: Path) -> None:
    # A seam is the last thing before each place, and as many values as are kept lie between two.
    capacity = 5
    entries = entries_of([0, 0, 0, 0, 0, 6] * 8 + [0], wordy)
    player = play(write(tmp_path / "a", entries), history=capacity)
    steps = player._reel.read(player._reel.start, 10**6)
    player.start()
    try:
        await_end(player)
        # Then it stands still.
        player.hop(-1)
        settled(player)
        for place in player._places._places[-2:0:-1]:
            with player._lock:
                player._go(Goal(plays=False, offset=place.offset))
            settled(player)
            assert player.position().error == ""
            assert player._played.offset == place.offset
            reference = Played(capacity, MAX_BYTES, player._places.start)
            reference.apply(steps[: player._played.place.entries])
            assert rows(player) == list(reference.history.newest().rows)
    finally:
        assert player.close()


@pytest.mark.parametrize("history_bytes", [10_000, 10**9])
def test_the_chart_reaches_back_as_far_as_it_did(tmp_path: Path, history_bytes: int) -> None:
    # Half of the values have no number, so that the chart reaches back further than the log.
    entries: list[Entry] = [
        price(number) if number % 2 == 0 else wordy(number) for number in range(1, 12_001)
    ]
    player = play(write(tmp_path / "a", entries), history=1_000, history_bytes=history_bytes)
    steps = player._reel.read(player._reel.start, 10**6)
    while more := player._reel.read(steps[-1].end, 10**6):
        steps += more
    player.start()
    try:
        await_end(player)
        for by in (-1, -1_100, -9_000, 400, 8_900):
            player.hop(by)
            settled(player)
            place = player._played.place
            reference = Played(1_000, history_bytes, player._places.start)
            reference.apply(steps[: place.entries])
            with player.chart_frame() as frame:
                assert all_of(frame.lines[0].series) == all_of(reference.series)
            assert rows(player) == list(reference.history.newest().rows)
    finally:
        assert player.close()


def all_of(series: Series) -> object:
    """All that a chart can see of a series."""
    end_ns = (series.last_time or 0) + 1
    start_ns = series.first_time or 0
    columns = series.envelope(start_ns, end_ns, 300)
    return series.recent(10**9), series.dropped, series.version, columns
