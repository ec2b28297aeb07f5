"""Matches found a slice at a time, whatever comes and goes in between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.filters.kinds import Filter, Kind
from grpctap.core.history import Extent, Frozen, History, Row, Value
from grpctap.core.matches import PAGE, SLICE_BYTES, Matches
from grpctap.core.picked import Picked
from grpctap.core.seams import Cause, Interruption


class Source:
    """A history as a tap shows it."""

    def __init__(self, history: History) -> None:
        self.history = history

    def extent(self) -> Extent:
        return self.history.extent

    def span(self, start: int, stop: int) -> Frozen:
        return self.history.span(start, stop)

    def pick(self, rows: Sequence[int]) -> list[Row | None]:
        return self.history.pick(rows)

    def newest(self, count: int | None = None) -> Frozen:
        return self.history.newest(count)


def is_wanted(value: Value) -> bool:
    return value.raw.endswith(b"x")


WANTED = Filter(
    Kind.TEXT,
    "x",
    lambda values: [at for at, value in enumerate(values) if is_wanted(value)],
    lambda line: [],
)


def shown(frozen: Frozen) -> list[tuple[int, Row]]:
    """What a filter has to show of these rows."""
    return [
        (number, row)
        for number, row in enumerate(frozen.rows, frozen.first)
        if not isinstance(row, Value) or is_wanted(row)
    ]


def rows_of(picked: Picked) -> list[tuple[int, Row]]:
    return list(zip(picked.numbers, picked.rows, strict=True))


def finish(matches: Matches) -> None:
    while matches.work(10.0):
        pass


def fill(history: History, values: int, every: int = 3) -> None:
    start = history.values
    for number in range(start + 1, start + values + 1):
        history.append(number, number, b"x" if number % every == 0 else b"y")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("values"), st.lists(st.sampled_from([b"x", b"y"]), max_size=30)),
        st.tuples(st.just("seam"), st.none()),
        st.tuples(st.just("amend"), st.none()),
        st.tuples(st.just("work"), st.none()),
        st.tuples(st.just("hold"), st.none()),
        st.tuples(st.just("release"), st.none()),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(capacity=st.integers(1, 50), steps=STEPS)
def test_what_is_found_is_what_matches(
    capacity: int, steps: list[tuple[str, list[bytes] | None]]
) -> None:
    history = History(capacity)
    # A clock on which each look takes long: each piece of work is one slice.
    ticks = count()
    matches = Matches(Source(history), WANTED, clock=lambda: next(ticks))
    seams: list[int] = []
    held: Frozen | None = None
    for step, raws in steps:
        if step == "values":
            for raw in raws or ():
                history.append(0, history.values, raw)
        elif step == "seam":
            seams.append(history.add_seam(Interruption(Cause.PAUSED, 0, None)))
        elif step == "amend" and seams:
            history.amend(seams[-1], Interruption(Cause.STOPPED, 0, None))
        elif step == "work":
            matches.work(0.0)
        elif step == "hold":
            held = matches.hold()
        elif step == "release":
            held = None
            matches.release()
        # At any moment: what is shown is right, in order, and of the history.
        known = held or history.newest()
        now = rows_of(matches.newest())
        assert set(now) <= set(shown(known))
        assert [number for number, _ in now] == sorted({number for number, _ in now})
        progress = matches.progress()
        assert min(progress) >= 0
        assert progress.found <= progress.checked
    finish(matches)
    known = held or history.newest()
    wanted = shown(known)
    assert rows_of(matches.newest()) == wanted
    progress = matches.progress()
    values = [row for row in known.rows if isinstance(row, Value)]
    assert progress.left == 0
    assert progress.checked == len(values)
    assert progress.found == sum(map(is_wanted, values))
    assert matches.extent().end == len(wanted)
    for few in (0, 1, 3):
        assert rows_of(matches.newest(few)) == wanted[len(wanted) - min(few, len(wanted)) :]
    found = [number for number, row in wanted if isinstance(row, Value)]
    for row in range(known.first - 1, known.end + 1):
        assert matches.is_match(row) is (row in found)
        after, before = matches.step(row, 1), matches.step(row, -1)
        assert (after and after.row) == min((n for n in found if n > row), default=None)
        assert (before and before.row) == max((n for n in found if n < row), default=None)


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 20), st.booleans()), min_size=1, max_size=12
    )
)
def test_a_recording_that_goes_back_is_looked_at_anew(steps: list[tuple[int, int, bool]]) -> None:
    source = Source(History())
    ticks = count()
    matches = Matches(source, WANTED, clock=lambda: next(ticks))
    for place, kept, is_looked_at in steps:
        # As a player does: a new history, of rows that have the numbers that they had.
        begin = max(place - kept, 0)
        source.history = History()
        source.history.begin(begin, begin, begin)
        for number in range(begin, place):
            source.history.append(number, number, b"x" if number % 3 == 0 else b"y")
        if is_looked_at:
            matches.work(0.0)
    finish(matches)
    assert rows_of(matches.newest()) == shown(source.history.newest())
    progress = matches.progress()
    assert (progress.left, progress.checked) == (0, source.history.kept)


@settings(max_examples=100)
@given(st.lists(st.integers(0, 3) | st.none(), max_size=30))
def test_large_messages_are_looked_at_a_few_at_a_time(thirds: list[int | None]) -> None:
    """Each row is a seam, or has so many thirds of a slice's bytes."""
    history, taken = History(100), []

    def select(values: Sequence[Value]) -> list[int]:
        taken.append([len(value.raw) for value in values])
        return list(range(len(values)))

    for each in thirds:
        if each is None:
            history.add_seam(Interruption(Cause.PAUSED, 0, None))
        else:
            history.append(0, 0, bytes(each * (SLICE_BYTES // 3 + 1)))
    matches = Matches(Source(history), WANTED._replace(select=select), clock=count().__next__)
    while matches.work(0.0):
        progress = matches.progress()
        assert progress.left + progress.checked <= len(thirds)
    assert [number for number, _ in rows_of(matches.newest())] == list(range(len(thirds)))
    assert sum(map(len, taken)) == matches.progress().found == len(thirds) - thirds.count(None)
    assert matches.progress().lost == 0
    assert all(sum(sizes) <= SLICE_BYTES or len(sizes) == 1 for sizes in taken)


def test_the_newest_are_looked_at_first() -> None:
    history = History(10_000)
    fill(history, 9_000)
    ticks = count()
    matches = Matches(Source(history), WANTED, clock=lambda: next(ticks))
    assert matches.work(0.0)
    (newest, _), *_ = reversed(rows_of(matches.newest()))
    assert newest == 8_999 - 9_000 % 3
    assert matches.progress().left > 8_000
    fill(history, 300)
    assert matches.work(0.0)
    assert matches.newest(1).numbers[0] >= 9_297


def test_what_left_before_it_was_checked_is_counted() -> None:
    history = History(2_000)
    fill(history, 2_000)
    matches = Matches(Source(history), WANTED, clock=iter(range(10**6)).__next__)
    matches.work(0.0)
    checked = matches.progress().checked
    fill(history, 5_000)
    finish(matches)
    progress = matches.progress()
    assert progress.lost == 5_000 - checked
    assert progress.checked == 2_000
    assert progress.found == sum(map(is_wanted, values_of(history)))


def values_of(history: History) -> list[Value]:
    return [row for row in history.newest().rows if isinstance(row, Value)]


def test_rows_of_a_view_with_holes_are_found_by_place_and_number() -> None:
    history = History(100)
    fill(history, 9)
    matches = Matches(Source(history), WANTED)
    finish(matches)
    picked = matches.newest()
    assert list(picked.numbers) == [2, 5, 8]
    assert (picked.first, picked.end) == (0, 3)
    assert [picked.place(row) for row in (0, 2, 3, 5, 9)] == [0, 0, 1, 1, 3]
    assert [picked.number(place) for place in (-1, 0, 1, 2, 3)] == [1, 2, 5, 8, 9]
    assert picked.get(3) is None
    assert picked.get(5) == picked.rows[1]
    assert [row.ordinal for row in picked.rows[1:] if isinstance(row, Value)] == [6, 9]
    assert Picked(0, [], []).number(5) == 0


def test_no_more_is_kept_than_the_history_has() -> None:
    history = History(PAGE)
    matches = Matches(Source(history), WANTED)
    for _ in range(20):
        fill(history, PAGE, every=1)
        finish(matches)
    assert matches.progress().found == PAGE
    assert len(matches.newest().numbers) == PAGE
    assert len(matches._pages) <= 2
