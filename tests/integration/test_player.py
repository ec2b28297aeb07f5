"""Recordings that are played: each place in them is what a live viewer showed at that moment."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grpctap.core import status as codes
from grpctap.core.history import Value
from grpctap.core.recording import Ended, Entry, Headers, Opened, SeamAt
from grpctap.core.seams import (
    Cause,
    Fault,
    How,
    Interruption,
    Irregularity,
    Outcome,
    Range,
    clock_time,
)
from grpctap.core.state import State
from grpctap.core.stats import Rate
from grpctap.core.status import Status
from grpctap.player import Player
from grpctap.recorded import recorded_schema
from grpctap.recording import Recording
from grpctap.reel import Reel, Tail
from grpctap_protos import recording_pb2 as pb
from support.replays import (
    START_NS,
    TICK_NS,
    await_end,
    framed,
    header,
    is_kept,
    playing,
    price,
    prices,
    rows,
    settled,
    write,
    written,
)
from support.server import ManualClock, eventually

SECOND = 1_000_000_000


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


@pytest.mark.parametrize("values", [30, 20, 11])
def test_the_rate_is_the_recorded_one_wherever_one_is(tmp_path: Path, values: int) -> None:
    with playing(write(tmp_path / "a", story())) as player:
        await_end(player)
        player.hop(values - 37)
        settled(player)
        assert player.snapshot().values == values
        # After the pause come twenty values a second, of which the first is alone.
        expected = 0.0 if values == 11 else pytest.approx(20, rel=0.4)
        assert player.snapshot().rate.values == expected


def timed(path: Path, clock: ManualClock, speed: float) -> Player:
    """A player by a clock that the test sets."""
    recording = Recording.open(path)
    schema = recorded_schema(recording)
    return Player(Reel(recording, schema), schema, speed=speed, clock=clock)


@pytest.mark.parametrize("speed", [1.0, 10.0, 0.5])
def test_in_its_own_time_each_value_comes_when_it_came(tmp_path: Path, speed: float) -> None:
    clock = ManualClock()
    player = timed(write(tmp_path / "a", prices(40)), clock, speed)
    player.start()
    try:
        for tenths in (1, 5, 6, 30):
            # Half a tenth further on, so that no rounding decides.
            clock.now = ManualClock().now + round((tenths + 0.5) * TICK_NS / speed)
            eventually(lambda: player.snapshot().values == tenths, f"{tenths} values")  # noqa: B023
            assert player.state is State.PLAYING
            assert player.now_ns() == pytest.approx(START_NS + (tenths + 0.5) * TICK_NS, abs=1000)
            assert player.snapshot().elapsed_ns == pytest.approx((tenths + 0.5) * TICK_NS, abs=1000)
        assert player.snapshot().rate.values == pytest.approx(10, rel=0.1)
        player.toggle()
        clock.advance(1000)
        assert player.snapshot().state is State.PAUSED
        assert player.snapshot().values == 30
        with player.chart_frame() as frame:
            assert not frame.moving
            assert frame.end_ns == pytest.approx(START_NS + 30.5 * TICK_NS, abs=1000)
        player.toggle()
        clock.advance(1000)
        await_end(player)
        assert player.snapshot().values == 40
        assert player.now_ns() == START_NS + 40 * TICK_NS
        # At the end it begins again, in its own time.
        player.toggle()
        settled(player)
        assert player.state is State.PLAYING
        assert player.snapshot().values == 0
    finally:
        assert player.close()


def test_a_pause_that_was_recorded_is_waited_for_and_can_be_stepped_over(tmp_path: Path) -> None:
    clock = ManualClock()
    player = timed(write(tmp_path / "a", story()), clock, 1.0)
    player.start()
    try:
        clock.advance(2.05)
        eventually(lambda: player.extent().end == 11, "the pause")
        assert player.snapshot().values == 10
        assert player.snapshot().rate == Rate(0.0, 0.0)
        assert player.now_ns() == START_NS + round(20.5 * TICK_NS)
        player.hop(1)
        settled(player)
        assert player.snapshot().values == 11
        assert player.state is State.PAUSED
        assert player.now_ns() == START_NS + round(65.5 * TICK_NS)
        player.change_speed(1)
        assert player.position().speed == 2.0
        player.toggle()
        clock.advance(1.01)
        eventually(lambda: player.snapshot().values > 20, "more values")
        assert player.snapshot().missed == 3
    finally:
        assert player.close()


def test_a_seek_goes_on_playing_unless_that_would_be_over_at_once(tmp_path: Path) -> None:
    clock = ManualClock()
    player = timed(write(tmp_path / "a", prices(400)), clock, 1.0)
    player.start()
    try:
        player.seek(10)
        settled(player)
        assert player.state is State.PLAYING
        assert player.position().fraction == pytest.approx(0.5, abs=0.01)
        assert player.snapshot().values == pytest.approx(200, abs=4)
        before = player.snapshot().values
        clock.advance(1.01)
        eventually(lambda: player.snapshot().values == before + 10, "a second more")
        player.seek(-5)
        settled(player)
        assert player.position().fraction == pytest.approx(0.275, abs=0.02)
        assert player.state is State.PLAYING
        while player.position().speed != float("inf"):
            player.change_speed(1)
        await_end(player)
        player.seek(-1)
        settled(player)
        assert player.snapshot().state is State.PAUSED
        assert player.snapshot().values == pytest.approx(380, abs=4)
        player.seek(3)
        await_end(player)
        assert player.snapshot().values == 400
    finally:
        assert player.close()


def test_the_end_of_a_file_that_still_grows_is_followed(tmp_path: Path) -> None:
    path = write(tmp_path / "a", prices(20))
    with playing(path, speed=1000.0) as player:
        await_end(player)
        with path.open("ab") as file:
            file.write(written(price(21, START_NS + 3600 * SECOND)))
            more = written(price(22, START_NS + 3601 * SECOND))
            file.write(more[:10])
            file.flush()
            eventually(lambda: player.snapshot().values == 21, "what was added")
            assert player.state is State.PLAYING
            assert player.position().tail is Tail.NOTHING or player.position().tail is Tail.PART
            file.write(more[10:])
            file.flush()
            eventually(lambda: player.snapshot().values == 22, "the rest")
        # Whoever went back is not taken along.
        player.hop(-1)
        settled(player)
        with path.open("ab") as file:
            file.write(written(price(23)))
        assert player.snapshot().values == 21
        player.toggle()
        eventually(lambda: player.snapshot().values == 23, "all of it")


@pytest.mark.parametrize("speed", [1000.0, float("inf")])
def test_a_step_onto_the_last_message_stands_still_though_more_comes(
    tmp_path: Path, speed: float
) -> None:
    path = write(tmp_path / "a", prices(20))
    with playing(path, speed=speed) as player:
        await_end(player)
        player.hop(-1)
        player.hop(1)
        settled(player)
        assert (player.snapshot().values, player.state) == (20, State.PAUSED)
        for number in (21, 23):
            with path.open("ab") as file:
                file.write(written(price(number)) + written(price(number + 1)))
            # Whoever followed would have taken both of them.
            player.hop(1)
            settled(player)
            assert (player.snapshot().values, player.state) == (number, State.PAUSED)
            player.hop(1)
            settled(player)
            assert (player.snapshot().values, player.state) == (number + 1, State.PAUSED)
        # There is none behind the last one but the end.
        player.hop(1)
        await_end(player)
        assert player.snapshot().values == 24


def test_a_file_cut_at_any_byte_is_played_up_to_its_last_whole_entry(tmp_path: Path) -> None:
    entries = [*story()[:17], *story()[-3:]]
    pieces = list(map(written, entries))
    head = header()
    whole = b"".join(pieces)
    path = tmp_path / "a"
    path.write_bytes(head + whole)
    recording = Recording.open(path)
    schema = recorded_schema(recording)
    ends = [sum(map(len, pieces[:count])) for count in range(len(pieces) + 1)]
    for cut in range(len(whole) + 1):
        path.write_bytes(head + whole[:cut])
        reel = Reel(recording, schema)
        there = sum(end <= cut for end in ends) - 1
        steps = reel.read(reel.start, 1000)
        assert [step.entry for step in steps] == entries[:there]
        end = steps[-1].end if steps else reel.start
        assert reel.read(end, 1000) == []
        assert reel.tail is (Tail.NOTHING if cut in ends else Tail.PART)
        if cut % 131 == 0:
            player = Player(reel, schema)
            player.start()
            await_end(player)
            assert player.snapshot().values == sum(map(is_kept, entries[:there]))
            assert player.close()
        else:
            reel.close()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    junk=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.binary(max_size=40).map(lambda raw: len(raw).to_bytes(4) + raw),
            st.builds(
                lambda kind, seconds, nanos, data, call: framed(
                    pb.Entry(
                        type=kind,
                        timestamp={"seconds": seconds, "nanos": nanos},
                        message={"data": data, "length": 5},
                        call_id=call,
                    )
                ),
                st.integers(0, 9),
                st.integers(-(2**63), 2**63 - 1),
                st.integers(-(2**31), 2**31 - 1),
                st.binary(max_size=20),
                st.integers(0, 2**64 - 1),
            ),
            st.builds(
                lambda number, cause, start, reopened, first, last: framed(
                    pb.Entry(
                        seam={
                            "id": number,
                            "interruption": {
                                "cause": cause,
                                "start_ns": start,
                                "reopened_ns": reopened,
                                "how": "RESUMED",
                                "outcome": "MISSED",
                                "between": {"first": first, "last": last},
                            },
                        }
                    )
                ),
                st.integers(0, 2**64 - 1),
                st.sampled_from(["PAUSED", "LOST", "NONSENSE"]),
                st.integers(-(2**63), 2**63 - 1),
                st.integers(-(2**63), 2**63 - 1),
                st.integers(0, 2**64 - 1),
                st.integers(0, 2**64 - 1),
            ),
        ),
        max_size=12,
    )
)
def test_nonsense_is_played_as_far_as_it_goes(tmp_path: Path, junk: list[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(header() + written(price(1)) + b"".join(junk))
    with playing(path) as player:
        await_end(player)
        player.hop(-1)
        settled(player)
        player.seek(1)
        settled(player)
        for row in rows(player):
            if isinstance(row, Value):
                assert clock_time(row.time_ns)
            else:
                assert row.text()
        with player.chart_frame() as frame:
            assert frame.lines[0].series is not None
        assert player.snapshot().state in (State.PAUSED, State.ENDED)
        assert player.position().error == ""


def test_a_file_that_can_be_read_no_more_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = write(tmp_path / "a", prices(5000))
    with playing(path) as player:
        await_end(player)
        monkeypatch.setattr(os, "pread", fail)
        player.seek(-1)
        eventually(lambda: player.position().error, "the error")
        assert player.state is State.ENDED


def test_a_recording_that_began_late_goes_on_counting(tmp_path: Path) -> None:
    path = write(tmp_path / "a", prices(3, first=101), header(values_before=100))
    with playing(path) as player:
        await_end(player)
        assert [row.ordinal for row in rows(player) if isinstance(row, Value)] == [101, 102, 103]
        assert player.snapshot().evicted == 100
        player.hop(-5)
        settled(player)
        assert rows(player) == []


def test_a_recording_that_was_begun_late_plays_from_what_it_has(tmp_path: Path) -> None:
    hours_before = START_NS - 3 * 3600 * 1_000_000_000
    kept = [price(number, START_NS - (4 - number) * TICK_NS) for number in (1, 2, 3)]
    path = write(tmp_path / "late", [Opened(hours_before, 1, ()), *kept])
    with playing(path, speed=1.0) as player:
        await_end(player)
        assert player.snapshot().values == 3
        assert player.snapshot().elapsed_ns == 2 * TICK_NS


def test_attempts_to_reopen_are_counted_as_they_were_live(tmp_path: Path) -> None:
    lost = Interruption(Cause.LOST, START_NS + 3 * TICK_NS, 3, how=How.RESUMED)
    paused = Interruption(Cause.PAUSED, START_NS + 9 * TICK_NS, 5, how=How.RESUMED)
    entries: list[Entry] = [
        *prices(3),
        SeamAt(1, lost),
        Opened(START_NS + 4 * TICK_NS, 2),
        SeamAt(1, lost),
        Opened(START_NS + 5 * TICK_NS, 3),
        *(price(number, START_NS + (number + 2) * TICK_NS, 3) for number in (4, 5)),
        SeamAt(2, paused),
        Opened(START_NS + 10 * TICK_NS, 4),
        price(6, START_NS + 11 * TICK_NS, 4),
    ]
    with playing(write(tmp_path / "lost.grpctap", entries)) as player:
        await_end(player)
        assert player.snapshot().reconnects == 2
        player.hop(-4)
        settled(player)
        assert player.snapshot().values == 2
        assert player.snapshot().reconnects == 0


def test_a_loss_before_the_recording_began_is_an_attempt_at_least(tmp_path: Path) -> None:
    lost = Interruption(Cause.LOST, START_NS + 3 * TICK_NS, 3, how=How.RESUMED)
    entries: list[Entry] = [*prices(3), SeamAt(1, lost), price(4)]
    with playing(write(tmp_path / "late.grpctap", entries)) as player:
        await_end(player)
        assert player.snapshot().reconnects == 1


def test_a_message_that_was_too_large_to_be_recorded_is_no_value(tmp_path: Path) -> None:
    large = pb.Entry(type=pb.Entry.EVENT_TYPE_SERVER_MESSAGE, call_id=1, payload_truncated=True)
    large.timestamp.FromNanoseconds(START_NS + 2 * TICK_NS)
    large.message.length = 100_000_000
    path = tmp_path / "large"
    path.write_bytes(header() + written(price(1)) + framed(large) + written(price(3)))
    with playing(path) as player:
        await_end(player)
        assert [row.sequence for row in rows(player) if isinstance(row, Value)] == [1, 3]
