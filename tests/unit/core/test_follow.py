from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.follow import SLICE, SLICE_BYTES, Follower
from grpctap.core.history import History, Slab
from grpctap.core.seams import Cause, Interruption


class Watch:
    """A clock that goes on by so much at each look at it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def append(history: History, count: int, size: int = 1) -> None:
    for _ in range(count):
        number = history.values + 1
        history.append(number, number, b"%d " % number + bytes(size))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("values"), st.integers(1, 900)),
        st.tuples(st.just("seam"), st.just(0)),
        st.tuples(st.just("look"), st.integers(0, 5)),
    ),
    max_size=20,
)


@settings(max_examples=40)
@given(capacity=st.integers(1, 2000), steps=STEPS)
def test_each_value_is_taken_once_or_counted(capacity: int, steps: list[tuple[str, int]]) -> None:
    history, watch = History(capacity), Watch()
    follower = Follower(history, watch)
    seen: list[int] = []
    holes = 0
    for step, count in steps:
        if step == "values":
            append(history, count)
        elif step == "seam":
            history.add_seam(Interruption(Cause.PAUSED, 0, None))
        else:
            # So many slices, and then the time is over.
            watch.step = 0.0 if not count else 1.0 / count
            for slab, skipped, _ in follower.look(1.0 if count else 0.0):
                assert len(slab.items) <= SLICE
                offsets, raws = slab.messages()
                assert len(raws) == slab.values
                for nth, offset in enumerate(offsets):
                    row, value = slab.value(offset, nth)
                    assert history.rows(row, row + 1) == [value]
                    assert value.ordinal == value.sequence
                if skipped:
                    holes += 1
                if seen and raws and not skipped:
                    assert slab.before == seen[-1]
                seen += [slab.sequences[offset] for offset in offsets]
            assert follower.taken == len(seen)
            assert follower.taken + follower.unseen + follower.behind == history.values
    list(follower.look(float("inf")))
    assert follower.behind == 0
    assert seen == sorted(set(seen))
    assert bool(follower.unseen) >= bool(holes)


def test_a_slice_has_few_bytes_or_one_row() -> None:
    history = History(100)
    append(history, 3, SLICE_BYTES // 2 - 100)
    append(history, 1, 2 * SLICE_BYTES)
    append(history, 2)
    sizes = [slab.values for slab, _, _ in Follower(history).look(float("inf"))]
    assert sizes == [2, 1, 1, 2]


@pytest.mark.parametrize("left", [0, 4])
def test_rows_that_are_taken_back_are_told_of_once(left: int) -> None:
    class Taken:
        """A source as a recording is, which can be taken back."""

        history = History(100)

        def slab(self, start: int, most: int, most_bytes: int) -> Slab:
            return self.history.slab(start, most, most_bytes)

    source = Taken()
    append(source.history, 10)
    follower = Follower(source)
    assert [(taken.slab.values, taken.anew) for taken in follower.look()] == [(10, False)]
    source.history = History(100)
    append(source.history, left)
    assert [(taken.slab.values, taken.anew) for taken in follower.look()] == [(left, True)]
    append(source.history, 3)
    assert [(taken.slab.values, taken.anew) for taken in follower.look()] == [(3, False)]
    assert (follower.taken, follower.unseen, follower.behind) == (left + 3, 0, 0)


def test_rows_that_come_back_before_those_that_were_taken_are_taken() -> None:
    class Recorded:
        """Who goes back in a recording has older rows again."""

        def __init__(self) -> None:
            self.go(5_000)

        def go(self, values: int) -> None:
            self.history = History(3_000)
            append(self.history, values)

        def slab(self, start: int, most: int, most_bytes: int) -> Slab:
            return self.history.slab(start, most, most_bytes)

    source = Recorded()
    follower = Follower(source)
    taken = [one.slab for one in follower.look(0.0)]
    assert taken[0].first == 2_000
    assert taken[-1].end < 4_000
    source.go(4_000)
    again = list(follower.look())
    assert again[0].anew
    assert (again[0].slab.first, again[-1].slab.end) == (1_000, 4_000)
    assert not any(one.anew for one in again[1:])
    assert (follower.taken, follower.unseen, follower.behind) == (3_000, 1_000, 0)


def test_its_account_is_in_words() -> None:
    history = History(1_000)
    follower = Follower(history)
    assert follower.account == ""
    append(history, 10)
    list(follower.look())
    assert follower.account == ""
    append(history, 2_345)
    list(follower.look(0.0))
    # Less than a slice, since the oldest chunk of the history has no more.
    assert 0 < follower.behind <= 1_000 - 1
    assert follower.account == f"{follower.behind} values behind · 1,345 left the history unseen"
