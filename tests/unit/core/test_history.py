from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.history import CHUNK, History, Value
from grpctap.core.picked import at_time
from grpctap.core.seams import Cause, Fault, Interruption, Irregularity, size_of
from grpctap.core.status import Status


def seam(after: int | None = None) -> Interruption:
    return Interruption(Cause.PAUSED, 0, after)


def sequences(history: History) -> list[int]:
    return [row.sequence for row in history.newest().rows if isinstance(row, Value)]


@given(
    capacity=st.integers(1, 40),
    steps=st.lists(st.sampled_from(["value", "seam"]), max_size=200),
)
def test_it_keeps_the_newest_values_and_counts_those_let_go(
    capacity: int, steps: list[str]
) -> None:
    history = History(capacity)
    appended: list[int] = []
    for step in steps:
        if step == "seam":
            history.add_seam(seam())
        else:
            appended.append(len(appended) + 1)
            history.append(appended[-1], 0, b"x")
        kept = sequences(history)
        assert len(kept) <= capacity
        assert kept == appended[len(appended) - len(kept) :]
        assert history.kept == len(kept)
        assert history.evicted == len(appended) - len(kept)
        assert history.end - history.first <= 2 * capacity


@pytest.mark.parametrize("capacity", [1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_without_seams_it_keeps_exactly_its_capacity_across_chunks(capacity: int) -> None:
    history = History(capacity)
    for sequence in range(1, 3 * CHUNK + 2):
        history.append(sequence, sequence, b"x")
    assert sequences(history) == list(range(3 * CHUNK + 2 - capacity, 3 * CHUNK + 2))
    assert history.evicted == 3 * CHUNK + 1 - capacity


def test_rows_keep_their_numbers_when_older_ones_leave() -> None:
    history = History(3)
    row = history.add_seam(seam())
    for sequence in range(1, 5):
        history.append(sequence, 0, b"x")
    assert row < history.first
    newest = history.newest(2)
    assert [newest.get(newest.first), newest.get(newest.end)] == [Value(3, 3, 0, b"x"), None]
    assert history.rows(history.end - 1, history.end) == [Value(4, 4, 0, b"x")]


def test_a_seam_is_amended_in_its_place_until_it_left() -> None:
    history = History(2)
    history.append(1, 0, b"x")
    row = history.add_seam(seam(1))
    changed = Irregularity(Fault.NEW_STREAM, 5)
    before = history.extent
    history.amend(row, changed)
    assert history.rows(row, row + 1) == [changed]
    assert history.extent.version > before.version
    for sequence in range(2, 6):
        history.append(sequence, 0, b"x")
    history.amend(row, seam(1))
    assert sequences(history) == [4, 5]


@given(
    capacity=st.integers(1, 12),
    steps=st.lists(st.sampled_from(["value", "seam", "call"]), max_size=120),
)
def test_it_knows_in_which_call_each_value_came(capacity: int, steps: list[str]) -> None:
    history, call, came = History(capacity), 0, dict[int, int]()
    for step in steps:
        if step == "call":
            call += 1
            history.opened(call)
        elif step == "seam":
            history.add_seam(seam())
        else:
            came[history.end] = call
            history.append(0, 0, b"x")
        copy, calls = history.copy(), history.calls
        assert copy.calls == calls
        assert len(calls) <= history.end - history.first + 1
        assert calls == sorted(calls)
        for row in range(history.first, history.end):
            if row in came:
                known = [call_id for start, call_id in calls if start <= row]
                assert (known[-1] if known else 0) == came[row]


def lost(words: int) -> Interruption:
    return Interruption(Cause.LOST, 0, 1, Status(14, "UNAVAILABLE", "w" * words))


@given(
    limit=st.sampled_from([1, 500, 5_000]),
    steps=st.lists(
        st.tuples(st.sampled_from(["value", "seam", "amend"]), st.integers(0, 900)), max_size=80
    ),
)
def test_seams_count_among_its_bytes(limit: int, steps: list[tuple[str, int]]) -> None:
    history = History(1_000, limit)
    newest_seam = newest_value = -1
    for kind, size in steps:
        if kind == "value":
            newest_value = history.end
            history.append(0, 0, bytes(size))
        elif kind == "seam":
            newest_seam = history.add_seam(lost(size))
        elif newest_seam >= 0:
            history.amend(newest_seam, lost(size))
        rows = history.newest().rows
        held = sum(len(row.raw) if isinstance(row, Value) else size_of(row) for row in rows)
        if held > limit:
            # Only what cannot leave: the newest value and what came after it, or one seam.
            assert history.first == newest_value or len(rows) == 1
        assert history.first <= newest_value or newest_value < 0


def test_a_frozen_view_does_not_see_what_comes_after() -> None:
    history = History(2)
    history.append(1, 0, b"one")
    frozen = history.newest()
    for sequence in range(2, 2 * CHUNK):
        history.append(sequence, 0, b"x")
    assert list(frozen.rows) == [Value(1, 1, 0, b"one")]


def test_a_value_without_a_number_goes_by_its_ordinal() -> None:
    history = History()
    history.append(0, 0, b"a")
    history.append(0, 0, b"b")
    history.append(70, 0, b"c")
    labels = [row.label for row in history.newest().rows if isinstance(row, Value)]
    assert labels == [1, 2, 70]
    assert history.bytes == 3


def test_a_history_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        History(0)


def test_a_step_goes_to_the_next_value_past_seams_and_what_was_let_go() -> None:
    history = History(capacity=3)
    seam = Irregularity(Fault.GAP, 0)
    history.add_seam(seam)
    for number in (1, 2):
        history.append(number, number, b"x")
    history.add_seam(seam)
    history.append(3, 3, b"x")
    history.add_seam(seam)
    for where in (history, history.newest()):
        # Rows: seam, 1, 2, seam, 3, seam.
        steps = {
            (row, by): found and (found.row, found.value.label)
            for row in range(-1, 8)
            for by in (1, -1)
            for found in [where.step(row, by)]
        }
        assert [steps[row, 1] for row in range(-1, 7)] == [
            *((1, 1), (1, 1), (2, 2), (4, 3), (4, 3), None, None, None)
        ]
        assert [steps[row, -1] for row in range(7, -1, -1)] == [
            *((4, 3), (4, 3), (4, 3), (2, 2), (2, 2), (1, 1), None, None)
        ]
    held = history.newest()
    for number in range(4, 8):
        history.append(number, number, b"x")
    found = history.step(1, 1)
    assert found is not None
    assert (found.row, found.value.label) == (history.first, 5)
    assert history.step(history.first, -1) is None
    still = held.step(1, 1)
    assert still is not None
    assert still.value.label == 2


@given(
    capacity=st.integers(1, 2 * CHUNK),
    steps=st.lists(st.none() | st.integers(0, 3), max_size=60),
    sought=st.integers(-2, 200),
)
def test_a_value_is_found_by_its_time(capacity: int, steps: list[int | None], sought: int) -> None:
    history, now = History(capacity), 0
    for step in steps:
        if step is None:
            history.add_seam(seam())
        else:
            now += step
            history.append(0, now, b"x")
    frozen = history.newest()
    values = [
        (frozen.first + at, row) for at, row in enumerate(frozen.rows) if isinstance(row, Value)
    ]

    found = at_time(frozen, sought)

    reached = [item for item in values if item[1].time_ns >= sought]
    assert found == (reached[0] if reached else values[-1] if values else None)
    assert at_time(frozen, -sought, lambda value: -sought) == (values[0] if values else None)
