from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.board import Board
from grpctap.core.board_order import Column, Ordering
from grpctap.core.follow import Taken
from unit.core.test_board_rows import fill, key_of, number_of
from unit.core.test_follow import Watch


@given(
    ranks=st.lists(st.one_of(st.none(), st.integers(-5, 5)), max_size=60),
    descending=st.booleans(),
    at_once=st.integers(1, 70),
)
def test_in_slices_it_is_the_same_order(
    ranks: list[int | None], descending: bool, at_once: int
) -> None:
    items = list(enumerate(ranks))
    watch = Watch()
    watch.step = 1.0
    ordering = Ordering(items, lambda item: item[1], descending=descending, clock=watch)
    slices = 1
    while (found := ordering.work(at_once)) is None:
        slices += 1
    present = [item for item in items if item[1] is not None]
    present.sort(key=lambda item: item[1] or 0, reverse=descending)
    assert found == present + [item for item in items if item[1] is None]
    assert slices <= len(items) // at_once + 2
    if len(items) > at_once:
        assert slices > 1


def test_what_comes_and_goes_while_it_sorts() -> None:
    board = Board(key_of, number_of, most_keys=4)
    fill(board, ("c", 1.0), ("a", 2.0), ("b", 3.0))
    board.begin_order(Column.KEY, descending=False)
    assert not board.order_on(0.0)
    assert board.is_ordering
    # Of five keys the one leaves that was not seen for longest.
    fill(board, ("e", 4.0), ("d", 5.0))
    assert [entry.key for entry in board.rows] == ["c", "a", "b", "e", "d"]
    assert board.order_on(inf)
    assert [entry.key for entry in board.rows] == ["a", "b", "e", "d"]
    assert not board.is_ordering


def test_another_order_takes_the_place_of_one_under_way() -> None:
    board = Board(key_of, number_of)
    fill(board, ("c", 1.0), ("a", 2.0), ("b", 3.0))
    board.begin_order(Column.KEY, descending=False)
    assert not board.order_on(0.0)
    board.arrange(Column.VALUE, descending=True)
    assert [entry.key for entry in board.rows] == ["b", "a", "c"]
    board.begin_order(Column.VALUE, descending=False)
    assert not board.order_on(0.0)
    board.renumber(number_of)
    assert not board.is_ordering
    board.begin_order(Column.KEY, descending=False)
    board.clear()
    assert board.order_on(inf)
    assert board.rows == []


def test_by_age_it_is_in_order_at_once() -> None:
    board = Board(key_of, number_of)
    fill(board, ("c", 1.0), ("a", 2.0), ("b", 3.0), ("c", 4.0))
    board.begin_order(Column.SEEN, descending=True)
    assert not board.is_ordering
    assert [entry.key for entry in board.rows] == ["c", "b", "a"]
    board.begin_order(Column.SEEN, descending=False)
    assert [entry.key for entry in board.rows] == ["a", "b", "c"]


def test_only_the_chosen_values_count() -> None:
    board = Board(key_of, number_of)
    history = fill(Board(key_of, number_of), ("a", 1.0), ("b", 2.0), ("a", 3.0), ("a", 4.0))
    slab = history.slab(0, 10, 10**6)
    board.take(Taken(slab, skipped=False), [0, 2])
    assert board.taken == 2
    entry = board.get("a")
    assert entry is not None
    assert (entry.count, board.number(entry), board.change(entry)) == (2, 3.0, (2.0, 200.0))
    assert entry.latest.row == 2
    assert [entry.latest.value] == history.rows(2, 3)
    assert board.get("b") is None
