from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from grpctap.core.series import ChartFrame, Column, Line, Mark, Point, Series
from grpctap.core.ticks import SECOND, Scale
from grpctap.core.window import needed_span, steady_span
from grpctap.widgets.braille import Dots, View, plot, value_range
from grpctap.widgets.picture import mark_texts


def lit(dots: Dots) -> set[tuple[int, int]]:
    """The dots that are set, read from the characters."""
    order = ((0, 3), (0, 2), (0, 1), (1, 3), (1, 2), (1, 1), (0, 0), (1, 0))
    found = set()
    for row, text in enumerate(dots.lines()):
        for column, character in enumerate(text):
            code = ord(character) - 0x2800 if character != " " else 0
            found |= {
                (2 * column + x, 4 * (dots.rows - 1 - row) + y)
                for bit, (x, y) in enumerate(order)
                if code >> bit & 1
            }
    return found


def view_of(columns: list[Column | None], **changes: object) -> View:
    values: dict[str, object] = {
        "columns": columns,
        "start_ns": 0,
        "dot_ns": 10,
        "before": None,
        "after": None,
        "marks": (),
        "name": "",
        "recent": (),
        "moving": True,
    }
    return View(**(values | changes))  # type: ignore[arg-type]


def at(x: int, low: float, high: float | None = None) -> Column:
    high = low if high is None else high
    return Column(low, high, low, high, 10 * x, 10 * x + 9)


@given(
    st.lists(st.tuples(st.integers(-3, 12), st.integers(-9, 25), st.integers(-9, 25)), max_size=9)
)
def test_runs_of_dots(runs: list[tuple[int, int, int]]) -> None:
    dots = Dots(5, 4)
    for x, y0, y1 in runs:
        dots.vertical(x, y0, y1)

    assert lit(dots) == {
        (x, y)
        for x, y0, y1 in runs
        for y in range(min(y0, y1), max(y0, y1) + 1)
        if 0 <= x < 10 and 0 <= y < 16
    }
    assert [len(line) for line in dots.lines()] == [5] * 4


def test_grids_without_cells() -> None:
    assert Dots(0, 3).lines() == ["", "", ""]
    assert Dots(3, 0).lines() == []
    assert Dots(-1, -1).lines() == []


@given(st.integers(-20, 20), st.floats(-30, 60), st.integers(0, 60), st.floats(-30, 60))
def test_a_line_has_no_gap_and_keeps_within_its_ends(
    x0: int, y0: float, length: int, y1: float
) -> None:
    dots = Dots(20, 8)

    dots.line(x0, y0, x0 + length, y1)

    found = lit(dots)
    assert all(x0 <= x <= x0 + length for x, _ in found)
    assert all(round(min(y0, y1)) - 1 <= y <= round(max(y0, y1)) + 1 for _, y in found)
    for x in range(max(x0, 0), min(x0 + length, 39)):
        here = [y for at_x, y in found if at_x == x]
        there = [y for at_x, y in found if at_x == x + 1]
        if here and there:
            assert min(abs(one - other) for one in here for other in there) <= 1


def test_a_picture_of_lines() -> None:
    dots = Dots(10, 2)
    dots.line(0, 0, 19, 7)
    dots.line(10, 7, 12, 0)

    assert dots.lines() == ["     ⣢⡠⠔⠒⠉", "⣀⠤⠔⠊⠉⠘⡄   "]


def test_columns_are_drawn_from_least_to_greatest() -> None:
    view = view_of([at(0, 0, 3), None, None, at(3, 3, 11)])
    scale = Scale(0, 11, 3)

    found = lit(plot(view, scale))

    for x, low, high in ((0, 0, 3), (3, 3, 11)):
        ys = sorted(y for at_x, y in found if at_x == x)
        assert ys[0] == int(scale.dot(low) + 0.5)
        assert ys[-1] == int(scale.dot(high) + 0.5)
        assert ys == list(range(ys[0], ys[-1] + 1))


def test_neighbours_are_joined_without_making_either_longer_than_need_be() -> None:
    found = lit(plot(view_of([at(0, 0), at(1, 11)]), Scale(0, 11, 3)))

    low, high = min(y for _, y in found), max(y for _, y in found)
    assert sorted(y for _, y in found) == list(range(low, high + 1))


def test_no_line_crosses_a_mark() -> None:
    view = view_of([at(0, 5), None, None, None, None, at(5, 5)], marks=[Mark(20, 40, "paused")])

    assert {x for x, _ in lit(plot(view, Scale(0, 10, 3)))} == {0, 5}
    assert {x for x, _ in lit(plot(view_of(list(view.columns)), Scale(0, 10, 3)))} == set(range(6))


def test_a_mark_between_neighbours_parts_them() -> None:
    view = view_of([at(0, 0), at(1, 11)], marks=[Mark(9, 10, "skipped")])

    assert len(lit(plot(view, Scale(0, 11, 3)))) == 2


def test_a_line_comes_in_and_goes_out() -> None:
    columns: list[Column | None] = [None, None, at(2, 5), None, None, None]
    view = view_of(columns, before=Point(-100, 5.0), after=Point(1000, 5.0))

    assert {x for x, _ in lit(plot(view, Scale(0, 10, 3)))} == set(range(6))


def test_a_line_passes_a_window_without_points() -> None:
    view = view_of([None] * 6, before=Point(-10, 1.0), after=Point(70, 2.0))

    assert value_range(view) == (1.125, 1.875)
    assert {x for x, _ in lit(plot(view, Scale(1, 2, 3)))} == set(range(6))
    assert value_range(view_of([None] * 6, before=Point(-10, 1.0))) is None


def test_the_range_has_what_enters_the_window() -> None:
    assert value_range(view_of([None, at(1, 2)], before=Point(-10, 0.0))) == (1.0, 2.0)


def test_numbers_at_the_end_of_what_a_double_holds() -> None:
    view = view_of([at(0, -1.7e308), at(1, 1.7e308)], before=Point(-10, 1.7e308))

    values = value_range(view)

    assert values == (-1e300, 1e300)
    assert lit(plot(view, Scale(*values, 3)))


@pytest.mark.parametrize("number", [1e308, -1e308])
def test_a_lone_number_beyond_what_a_scale_can_have(number: float) -> None:
    values = value_range(view_of([at(0, number)]))

    assert values is not None
    assert values[0] == values[1]
    assert Scale(*values, 6).labels


@given(
    lines=st.lists(st.text(" ⣿", min_size=30, max_size=30), min_size=1, max_size=6),
    marks=st.lists(st.tuples(st.integers(-5, 65), st.text("ab停", max_size=9)), max_size=8),
)
def test_labels_of_marks_never_cover_the_line_nor_each_other(
    lines: list[str], marks: list[tuple[int, str]]
) -> None:
    view = view_of([None] * 60, marks=[Mark(10 * x, None, label) for x, label in sorted(marks)])

    for line, texts in zip(lines, mark_texts(view, lines), strict=True):
        end = 0
        for at, text in texts:
            assert at >= end
            end = at + cell_len(text)
            assert end <= 30
            assert not line[at:end].strip(" ")


def frame_of(times: list[float], end: float, *marks: Mark, capacity: int = 100_000) -> ChartFrame:
    series = Series(capacity)
    for seconds in times:
        series.append(round(seconds * SECOND), 1.0)
    return ChartFrame(round(end * SECOND), [Line("", series)], marks, moving=True)


@pytest.mark.parametrize(
    ("times", "end", "expected"),
    [
        ([0], 1, 10),
        ([i / 10 for i in range(300)], 30, 30),
        ([i / 10 for i in range(3000)], 300, 60),
        ([i * 5 for i in range(21)], 100, 100),
        ([i * 5 for i in range(101)], 500, 295),
        ([], 100, 10),
    ],
)
def test_how_much_time_is_shown(times: list[float], end: float, expected: float) -> None:
    assert needed_span(frame_of(times, end)) == expected * SECOND


def test_an_hours_pause_is_no_slow_stream() -> None:
    times = [i / 10 for i in range(600)] + [3660 + i / 10 for i in range(11)]
    pause = Mark(60 * SECOND, 3660 * SECOND, "paused 1 h")

    assert needed_span(frame_of(times, 3661, pause)) == 60 * SECOND
    assert needed_span(frame_of(times, 3661)) > 3600 * SECOND


def test_a_stream_too_fast_to_keep_fills_its_window() -> None:
    frame = frame_of([i / 2000 for i in range(20_000)], 10, capacity=1000)

    assert SECOND <= needed_span(frame) < 3 * SECOND


def test_the_span_grows_in_steps_and_shrinks_late() -> None:
    assert steady_span(10 * SECOND) == 10 * SECOND
    assert steady_span(11 * SECOND, 10 * SECOND) == 12 * SECOND
    assert steady_span(50 * SECOND, 60 * SECOND) == 60 * SECOND
    assert steady_span(40 * SECOND, 60 * SECOND) == 40 * SECOND
    day = 24 * 3600 * SECOND
    assert 10 * day <= steady_span(10 * day) <= 15 * day
