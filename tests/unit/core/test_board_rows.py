from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.board import Board, Entry
from grpctap.core.board_order import Column
from grpctap.core.follow import Follower
from grpctap.core.history import History
from grpctap.core.keys import Key
from grpctap.core.seams import Cause, Interruption


def raw_of(key: Key, number: float | None) -> bytes:
    return repr((key, number)).encode()


def key_of(raws: Sequence[bytes]) -> list[Key]:
    return [eval(raw)[0] for raw in raws]


def number_of(raw: bytes) -> float | None:
    number: float | None = eval(raw)[1]
    return number


def fill(board: Board, *messages: tuple[Key, float | None], at_once: int = 10**9) -> History:
    history = History(10**6)
    follower = Follower(history)
    for place, (key, number) in enumerate(messages, 1):
        history.append(0, place, raw_of(key, number))
        if place % at_once == 0:
            take(board, follower)
    take(board, follower)
    return history


def take(board: Board, follower: Follower) -> None:
    for taken in follower.look(float("inf")):
        board.take(taken)


def entry_of(board: Board, key: Key) -> Entry:
    entry = board.get(key)
    assert entry is not None
    return entry


NUMBERS = st.one_of(
    st.none(), st.integers(-5, 5), st.integers(-(10**9), 10**9).map(lambda n: n / 8)
)
MESSAGES = st.lists(
    st.tuples(st.one_of(st.none(), st.sampled_from(["a", "b", "ß", "\x1b[31m"])), NUMBERS),
    max_size=60,
)


@given(messages=MESSAGES, at_once=st.integers(1, 60), look=st.booleans(), seam=st.booleans())
def test_it_is_what_a_dict_would_be(
    messages: list[tuple[Key, float | None]], at_once: int, look: bool, seam: bool
) -> None:
    board = Board(key_of, number_of)
    history = History(10**6)
    follower = Follower(history)
    naive: dict[Key, list[tuple[int, float | None]]] = {}
    for place, (key, number) in enumerate(messages, 1):
        if seam and place % 3 == 0:
            history.add_seam(Interruption(Cause.PAUSED, 0, None))
        history.append(place * 7, place, raw_of(key, number))
        naive.setdefault(key, []).append((place, number))
        if place % at_once == 0:
            take(board, follower)
            if look:
                # Numbers are read when somebody looks, and must not depend on it.
                for entry in board.rows:
                    board.number(entry)
                    board.change(entry)
    take(board, follower)
    assert len(board) == board.distinct == len(naive)
    assert {entry.key for entry in board.rows} == set(naive)
    for key, seen in naive.items():
        entry = entry_of(board, key)
        place, number = seen[-1]
        assert entry.count == len(seen)
        assert not entry.came_back
        row, value = entry.latest
        assert value == (place * 7, place, place, raw_of(key, number))
        assert history.rows(row, row + 1) == [value]
        assert board.number(entry) == number
        for since_first, before in ((False, seen[-2:][0][1]), (True, seen[0][1])):
            board.since_first = since_first
            change = board.change(entry)
            if len(seen) == 1 or number is None or before is None:
                assert change is None
            else:
                less = number - before
                assert change == (less, less / abs(before) * 100 if before else None)


@given(
    keys=st.lists(st.integers(0, 30), max_size=300),
    most=st.integers(1, 20),
    at_once=st.integers(1, 50),
)
def test_the_least_recently_seen_leave_and_are_counted(
    keys: list[int], most: int, at_once: int
) -> None:
    board = Board(key_of, number_of, most_keys=most)
    fill(board, *((key, 1.0) for key in keys), at_once=at_once)
    assert len(board) == min(len(set(keys)), most)
    recent = list(dict.fromkeys(reversed(keys)))[:most]
    assert all(board.get(key) is not None for key in recent)
    assert board.distinct == len(set(keys))
    assert board.distinct_is_exact
    board.arrange(Column.KEY, descending=False)
    assert [entry.key for entry in board.rows] == sorted(recent)
    for key in recent:
        entry = entry_of(board, key)
        if not entry.came_back:
            assert entry.count == keys.count(key)
        else:
            assert entry.count < keys.count(key)


def test_a_key_that_came_back_says_so() -> None:
    board = Board(key_of, number_of, most_keys=2)
    fill(board, *((key, 1.0) for key in "abca"), at_once=1)
    assert entry_of(board, "a").came_back
    assert entry_of(board, "a").count == 1
    assert not entry_of(board, "c").came_back


def test_whole_numbers_with_one_hash_are_two_keys() -> None:
    assert hash(-1) == hash(-2)
    board = Board(key_of, number_of, most_keys=1)
    fill(board, (-1, 1.0), (-2, 1.0), (-1, 1.0), at_once=1)
    assert board.distinct == 2


def test_what_cannot_be_counted_is_not_claimed() -> None:
    board = Board(key_of, number_of, most_keys=2, most_remembered=3)
    fill(board, *((key, 1.0) for key in range(100)), at_once=1)
    assert not board.distinct_is_exact
    assert 5 <= board.distinct <= 100
    assert entry_of(board, 99).came_back, "it may have been seen before"


def test_large_messages_push_keys_out() -> None:
    board = Board(key_of, number_of, most_bytes=2_000)
    fill(board, *((f"{key}" * 300, 1.0) for key in "abcdef"), at_once=1)
    assert 1 <= len(board) <= 3
    fill(board, ("x" * 10_000, 1.0))
    assert len(board) == 1


def test_a_hundred_thousand_keys_are_bounded() -> None:
    board = Board(lambda raws: list(raws), lambda raw: None)
    history = History(10**6)
    for number in range(100_000):
        history.append(0, number, b"%d" % number)
    take(board, Follower(history))
    assert len(board) == 10_000
    assert board.distinct == 100_000
    assert len(board.rows) <= 20_000
    assert board.rows[-1].key == b"99999"


@pytest.mark.parametrize(
    ("by", "order"),
    [
        (Column.KEY, "aBc"),
        (Column.VALUE, "cBa"),
        (Column.CHANGE, "Bca"),
        (Column.PERCENT, "Bac"),
        (Column.COUNT, "Bca"),
        (Column.SEEN, "Bca"),
    ],
)
def test_it_sorts_by_each_column(by: Column, order: str) -> None:
    board = Board(key_of, number_of)
    fill(board, ("B", 9.0), ("B", 8.0), ("c", 1.0), ("c", 2.0), ("a", 10.0), ("a", 20.0), ("a", 30))
    board.arrange(by, descending=False)
    assert "".join(str(entry.key) for entry in board.rows) == order
    board.arrange(by, descending=True)
    expected = order[::-1]
    if by is Column.COUNT:
        # Equal ones keep the order that they had.
        expected = "aBc"
    assert "".join(str(entry.key) for entry in board.rows) == expected


def test_what_has_no_number_comes_last_in_both_orders() -> None:
    board = Board(key_of, number_of)
    fill(board, (None, None), ("a", 2.0), ("b", None), ("c", 1.0))
    for descending, order in ((False, ["c", "a", None, "b"]), (True, ["a", "c", None, "b"])):
        board.arrange(Column.VALUE, descending=descending)
        assert [entry.key for entry in board.rows] == order
    board.arrange(Column.KEY, descending=True)
    assert [entry.key for entry in board.rows] == ["c", "b", "a", None]


def test_other_numbers_begin_anew() -> None:
    board = Board(key_of, number_of)
    fill(board, ("a", 1.0), ("a", 2.0), ("a", 4.0))
    board.renumber(lambda raw: -(number_of(raw) or 0.0))
    entry = entry_of(board, "a")
    assert board.number(entry) == -4.0
    assert board.change(entry) == (-2.0, -100.0)
    board.since_first = True
    assert board.change(entry) == (0.0, 0.0)


def test_numbers_beyond_all_sense_make_no_change() -> None:
    board = Board(key_of, number_of)
    fill(board, ("a", -1.7e308), ("a", 1.7e308), ("b", 5e-324), ("b", 1e300), ("c", 0.0), ("c", 1))
    assert board.change(entry_of(board, "a")) is None
    assert board.change(entry_of(board, "b")) == (1e300, None)
    assert board.change(entry_of(board, "c")) == (1.0, None)
