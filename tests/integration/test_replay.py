"""Recordings that are played: each place in them is what a live viewer showed at that moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import grpctap.player
from grpctap.core import status as codes
from grpctap.core.history import Value
from grpctap.core.played import Played
from grpctap.core.recording import Ended, Entry, Headers, Opened, Received, SeamAt
from grpctap.core.seams import Cause, Fault, How, Interruption, Irregularity, Outcome, Range
from grpctap.core.state import State
from grpctap.core.status import Status
from grpctap.reel import Tail
from support.recordings import (
    START_NS,
    TICK_NS,
    await_end,
    play,
    playing,
    price,
    rows,
    settled,
    write,
)

SECOND = 1_000_000_000


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few entries at once, and many places to go back to."""
    monkeypatch.setattr(grpctap.player, "BATCH", 3)
    monkeypatch.setattr(grpctap.player, "_PLACE_ENTRIES", 5)
    monkeypatch.setattr(grpctap.player, "BREATH_S", 0)


def story() -> list[Entry]:
    """Two calls with a pause between, a gap, repeats and an end."""
    paused = Interruption(Cause.PAUSED, START_NS + 11 * TICK_NS, 10)
    again = START_NS + 60 * TICK_NS
    resumed = Interruption(
        Cause.PAUSED, paused.start_ns, 10, None, again, How.RESUMED, Outcome.EXACT
    )
    gap = Irregularity(Fault.GAP, again + 12 * TICK_NS, 3, Range(21, 23))
    repeat = Irregularity(Fault.REPEATED, again + 20 * TICK_NS, 1, Range(30, 30))
    repeats = Irregularity(Fault.REPEATED, again + 20 * TICK_NS, 2, Range(30, 31))
    ok = Status(codes.OK, "OK", "")
    finished = Interruption(Cause.FINISHED, again + 30 * TICK_NS, 40, ok)
    later = [price(number, again + number * TICK_NS // 2, 2) for number in range(11, 41)]
    return [
        Opened(START_NS, 1, (("x-one", "1"),)),
        Headers(START_NS + 1, 1, (("server", "made up"),)),
        *map(price, range(1, 11)),
        SeamAt(10, paused),
        Ended(paused.start_ns + 1, 1, Status(codes.CANCELLED, "CANCELLED", ""), (), True),
        Opened(again, 2, (("x-two", "2"),)),
        SeamAt(10, resumed),
        *later[:10],
        SeamAt(21, gap),
        *later[13:20],
        SeamAt(29, repeat),
        later[19]._replace(dropped=True),
        SeamAt(29, repeats),
        later[20]._replace(dropped=True),
        *later[20:],
        Ended(finished.start_ns, 2, ok, (("x-end", "yes"),)),
        SeamAt(40, finished),
    ]


def test_all_of_it_is_there_at_once(tmp_path: Path) -> None:
    with playing(write(tmp_path / "a", story())) as player:
        await_end(player)
        now = player.snapshot()
        assert (now.values, now.missed, now.repeated, now.left_out) == (37, 3, 2, 0)
        assert now.elapsed_ns == 90 * TICK_NS
        assert now.status == Status(codes.OK, "OK", "")
        found = rows(player)
        assert len(found) == 37 + 4
        assert [row.time_ns for row in found if isinstance(row, Value)][:2] == [
            START_NS + TICK_NS,
            START_NS + 2 * TICK_NS,
        ]
        assert player.now_ns() == START_NS + 90 * TICK_NS
        facts = player.facts()
        assert facts is not None
        assert (facts.number, facts.messages, facts.opened_ns) == (2, 29, START_NS + 60 * TICK_NS)
        assert facts.trailing_metadata == (("x-end", "yes"),)
        assert player.sent.metadata == (("x-two", "2"),)
        with player.chart_frame() as frame:
            assert len(frame.lines[0].series) == 37
            assert frame.end_ns == START_NS + 90 * TICK_NS
            assert [mark.label for mark in frame.marks] == ["paused 4.9 s", "finished"]
        position = player.position()
        assert (position.fraction, position.tail, position.error) == (1.0, Tail.NOTHING, "")


@pytest.mark.usefixtures("small_steps")
def test_each_step_shows_what_a_live_viewer_showed_then(tmp_path: Path) -> None:
    entries = story()
    with playing(write(tmp_path / "a", entries)) as player:
        await_end(player)
        seen = []
        for left in range(36, -1, -1):
            player.hop(-1)
            settled(player)
            assert player.state is State.PAUSED
            assert player.snapshot().values == left
            seen.append(rows(player))
        assert seen[-1] == []
        for there in reversed(seen[:-1]):
            player.hop(1)
            settled(player)
            assert rows(player) == there
        player.hop(1)
        settled(player)
        player.hop(1)
        await_end(player)
        # The pause has become a pause that is over by the value after it, and not before.
        by_values = {sum(isinstance(row, Value) for row in there): there for there in seen}
        assert not any(not isinstance(row, Value) for row in by_values[10])
        resumed = by_values[11][10]
        assert isinstance(resumed, Interruption)
        assert resumed.outcome is Outcome.EXACT


def entries_of(shape: list[int]) -> list[Entry]:
    """A stream by what it is made of: values, seams, and changes to the newest seam."""
    entries: list[Entry] = []
    number = row = 0
    seams: list[tuple[int, int]] = []
    for at, kind in enumerate(shape):
        time_ns = START_NS + at * TICK_NS
        if kind < 6 or (kind == 7 and not seams):
            number += 1
            row += 1
            entries.append(price(number, time_ns)._replace(raw=price(number).raw + b"z" * 0))
        elif kind == 6:
            entries.append(SeamAt(row, Interruption(Cause.PAUSED, time_ns, number)))
            seams.append((row, time_ns))
            row += 1
        elif kind == 7:
            identity, since = seams[-1]
            seam = Interruption(Cause.PAUSED, since, number, None, time_ns, How.RESUMED)
            entries.append(SeamAt(identity, seam))
        else:
            entries.append(price(max(number, 1), time_ns)._replace(dropped=True))
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
    moves=st.lists(
        st.tuples(st.booleans(), st.sampled_from([-7, -2, -1, 1, 2, 9])), min_size=1, max_size=8
    ),
)
def test_wherever_one_goes_it_is_as_if_it_had_been_played_there(
    tmp_path: Path,
    shape: list[int],
    capacity: int,
    max_bytes: int,
    moves: list[tuple[bool, int]],
) -> None:
    entries = entries_of(shape)
    path = write(tmp_path / "a", entries)
    player = play(path, history=capacity, history_bytes=max_bytes)
    player.start()
    try:
        await_end(player)
        for is_hop, by in moves:
            before = player.snapshot().values
            (player.hop if is_hop else player.seek)(by)
            settled(player)
            if is_hop and 0 <= before + by <= sum(map(_is_kept, entries)):
                assert player.snapshot().values == before + by
            place = player._played.place
            reference = Played(player.schema, capacity, max_bytes, player._places[0])
            for entry in entries[: place.entries]:
                reference.apply([entry], 0)
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
                kept = frame.lines[0].series.recent(min(capacity, 10))
                mine = min(len(kept), len(expected.rows))
                assert kept[-mine:] == reference.series.recent(min(capacity, 10))[-mine:]
    finally:
        assert player.close()


def _is_kept(entry: Entry) -> bool:
    return isinstance(entry, Received) and not entry.dropped
