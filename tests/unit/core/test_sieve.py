"""What matches is taken once each, in order, whatever is checked first and leaves in between."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.follow import Follower
from grpctap.core.history import History, Slab, Value
from grpctap.core.matches import Matches
from grpctap.core.seams import Cause, Interruption
from grpctap.core.sieve import Sieve
from unit.core.test_matches import WANTED, Source, is_wanted


class SlabSource(Source):
    """A history as a tap shows it, also to who goes through all of it."""

    def slab(self, start: int, most: int, most_bytes: int) -> Slab:
        return self.history.slab(start, most, most_bytes)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("values"), st.integers(1, 40)),
        st.tuples(st.just("seam"), st.just(0)),
        st.tuples(st.just("check"), st.integers(1, 4)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=40,
)


def append(history: History, count: int) -> None:
    for _ in range(count):
        number = history.values + 1
        history.append(number, number, b"x" if number * 7 % 3 else b"y")


@settings(max_examples=60)
@given(capacity=st.integers(1, 200), steps=STEPS, held=st.booleans())
def test_each_match_is_taken_once_or_left_unseen(
    capacity: int, steps: list[tuple[str, int]], held: bool
) -> None:
    history = History(capacity)
    source = SlabSource(history)
    matches = Matches(source, WANTED)
    sieve = Sieve(source)
    sieve.matches = matches
    follower = Follower(sieve)
    taken: list[Value] = []

    def look() -> None:
        for slab, _, _ in follower.look(float("inf")):
            assert sieve.chosen is not None
            came = dict(enumerate(history_rows(slab)))
            wanted = [at for at, value in came.items() if value and is_wanted(value)]
            assert list(sieve.chosen) == wanted
            taken.extend(value for at in wanted if (value := came[at]))

    for step, count in steps:
        if step == "values":
            append(history, count)
        elif step == "seam":
            history.add_seam(Interruption(Cause.PAUSED, 0, None))
        elif step == "check":
            for _ in range(count):
                matches.work(0.0)
        else:
            look()
            assert follower.taken + follower.unseen + follower.behind == history.values
    if held:
        matches.hold()
        append(history, 5)
        matches.work(float("inf"))
        look()
        matches.release()
    matches.work(float("inf"))
    look()
    assert follower.behind == 0
    assert follower.taken + follower.unseen == history.values
    ordinals = [value.ordinal for value in taken]
    assert ordinals == sorted(set(ordinals))


def history_rows(slab: Slab) -> list[Value | None]:
    """The values of a slab, None for a seam."""
    found: list[Value | None] = []
    nth = 0
    for at in range(len(slab.items)):
        if at in slab.seams:
            found.append(None)
        else:
            found.append(slab.value(at, nth).value)
            nth += 1
    return found


def test_nothing_is_taken_before_it_was_checked() -> None:
    history = History(100)
    source = SlabSource(history)
    sieve = Sieve(source)
    matches = sieve.matches = Matches(source, WANTED)
    append(history, 10)
    follower = Follower(sieve)
    assert list(follower.look()) == []
    assert (follower.taken, follower.behind, follower.account) == (0, 10, "10 values behind")
    # The newest row is looked at first, and the oldest one is wanted.
    matches.work(0.0)
    assert list(follower.look()) == []
    matches.work(float("inf"))
    assert sum(slab.values for slab, _, _ in follower.look()) == 10
    assert follower.account == ""


def test_rows_that_are_taken_back_are_waited_for() -> None:
    history = History(100)
    source = SlabSource(history)
    sieve = Sieve(source)
    matches = sieve.matches = Matches(source, WANTED)
    append(history, 10)
    matches.work(float("inf"))
    follower = Follower(sieve)
    assert len(list(follower.look())) == 1
    source.history = History(100)
    append(source.history, 4)
    taken = list(follower.look())
    assert [(one.anew, one.slab.values) for one in taken] == [(True, 0)]
    matches.work(float("inf"))
    found = [(slab.values, sieve.chosen) for slab, _, _ in follower.look()]
    assert found == [(4, [at for at in range(4) if (at + 1) * 7 % 3])]


def test_an_end_holds_it() -> None:
    history = History(100)
    sieve = Sieve(SlabSource(history))
    append(history, 10)
    sieve.end = 6
    follower = Follower(sieve)
    assert [slab.values for slab, _, _ in follower.look()] == [6]
    assert sieve.chosen is None
    assert (follower.taken, follower.next_row) == (6, 6)
    sieve.end = None
    assert [slab.values for slab, _, _ in follower.look()] == [4]


def test_an_end_that_has_left_the_history() -> None:
    history = History(5)
    sieve = Sieve(SlabSource(history))
    append(history, 20)
    sieve.end = 8
    follower = Follower(sieve)
    assert list(follower.look()) == []
    assert (follower.taken, follower.unseen, follower.next_row) == (0, 15, 15)
