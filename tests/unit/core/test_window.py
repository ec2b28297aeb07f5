"""The window of a chart, without a chart."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from grpctap.core.ticks import HOUR, SECOND
from grpctap.core.window import LEAST_SPAN, Fit, Holder, Window

NOON = 1_752_494_400 * SECOND


def window_of(kept: int = HOUR, *, needed: int = 60 * SECOND, dots: int = 120) -> Window:
    """A window that follows, of a stream of which so much is kept."""
    window = Window()
    window.update(NOON - kept, NOON, needed, dots)
    return window


def later(window: Window, by: int, kept: int = HOUR) -> None:
    now = window._now + by
    window.update(now - kept, now, 60 * SECOND, window.dots)


class Moves(RuleBasedStateMachine):
    """Whatever is done to a window, it stays one that can be shown."""

    @initialize(kept=st.integers(0, 3 * HOUR), dots=st.integers(2, 400))
    def begin(self, kept: int, dots: int) -> None:
        self.window = Window()
        self.first = NOON - kept
        self.now = NOON
        self.window.update(self.first, self.now, 60 * SECOND, dots)

    @rule(
        by=st.integers(0, HOUR),
        gone=st.integers(0, HOUR),
        needed=st.integers(SECOND, HOUR),
        dots=st.integers(2, 400),
    )
    def time_goes_on(self, by: int, gone: int, needed: int, dots: int) -> None:
        before = self.window.span_ns, self.window.end_ns
        self.now += by
        self.first = min(self.first + gone, self.now)
        self.window.update(self.first, self.now, needed, dots)
        if self.window.held is not None:
            assert (self.window.span_ns, self.window.end_ns) == before

    @rule(factor=st.floats(0.01, 100), cell=st.none() | st.integers(0, 199))
    def zoom(self, factor: float, cell: int | None) -> None:
        window = self.window
        about = None if cell is None else window.stretch(min(cell, window.cells - 1))[0]
        before = window.span_ns
        window.zoom(factor, about)
        if factor < 1:
            assert window.span_ns <= max(before, LEAST_SPAN)
        else:
            longest = max(self.now - self.first, LEAST_SPAN)
            assert before <= window.span_ns <= max(before, 4 * longest)

    @rule(by=st.integers(-HOUR, HOUR))
    def pan(self, by: int) -> None:
        window = self.window
        span, held, end = window.span_ns, window.held, window.end_ns
        window.pan(by)
        assert window.span_ns == span or window.held is None
        if by > 0 and end + by >= self.now:
            assert window.held is None
        elif window.end_ns != end:
            assert window.held is Holder.PERSON
        else:
            assert window.held in {held, Holder.PERSON}

    @rule()
    def reset(self) -> None:
        plain = self.window.held is None and self.window.fit is Fit.RECENT
        self.window.reset()
        assert self.window.held is None
        assert self.window.fit is (Fit.ALL if plain else Fit.RECENT)
        if plain:
            assert self.window.start_ns <= self.first

    @rule(cell=st.integers(-5, 300))
    def put_cursor(self, cell: int) -> None:
        self.window.put_cursor(cell)
        assert self.window.cursor == min(max(cell, 0), self.window.cells - 1)

    @rule(by=st.integers(-30, 30))
    def move_cursor(self, by: int) -> None:
        before = self.window.cursor
        self.window.move_cursor(by)
        after = self.window.cursor
        if after is None:
            assert by > 0
            assert self.window.held is None
        elif before is not None:
            assert after == min(max(before + by, 0), self.window.cells - 1)

    @rule()
    def drop_cursor(self) -> None:
        self.window.drop_cursor()
        assert self.window.cursor is None
        assert self.window.held is not Holder.CURSOR

    @rule(back=st.integers(0, 4 * HOUR))
    def log_cursor_moves(self, back: int) -> None:
        time_ns = self.now - back
        self.window.contain(time_ns)
        assert self.window.start_ns <= time_ns < self.window.stop_ns

    @rule(by=st.sampled_from([Holder.LOG, Holder.PERSON]))
    def hold(self, by: Holder) -> None:
        self.window.hold(by)
        assert self.window.held is not None

    @precondition(lambda self: self.window.held is Holder.LOG)
    @rule()
    def release(self) -> None:
        self.window.release()
        assert (self.window.held is None) == (self.window.cursor_ns is None)

    @invariant()
    def can_be_shown(self) -> None:
        window = getattr(self, "window", None)
        if window is None:
            return
        assert window.span_ns >= LEAST_SPAN
        assert window.start_ns <= window.end_ns < window.stop_ns
        assert window.end_ns <= self.now
        assert window.stop_ns - window.start_ns >= window.span_ns
        if window.held is None:
            assert window.end_ns == self.now
            assert window.cursor_ns is None


TestMoves = Moves.TestCase
TestMoves.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_it_follows_until_it_is_panned_and_again_at_the_right_edge() -> None:
    window = window_of()
    later(window, SECOND)
    assert window.end_ns == NOON + SECOND

    window.pan(-15 * SECOND)
    held = window.start, window.dot_ns
    later(window, 10 * SECOND)
    assert window.held is Holder.PERSON
    assert (window.start, window.dot_ns) == held

    window.pan(15 * SECOND)
    assert window.held is Holder.PERSON
    window.pan(15 * SECOND)
    assert window.held is None
    later(window, SECOND)
    assert window.end_ns == NOON + 12 * SECOND


def test_it_is_zoomed_from_a_second_to_everything_that_is_kept() -> None:
    window = window_of()
    for _ in range(20):
        window.zoom(0.5)
    assert window.span_ns == SECOND
    assert window.held is None
    for _ in range(20):
        window.zoom(2)
    assert window.fit is Fit.ALL
    assert window.start_ns <= NOON - HOUR
    later(window, HOUR, kept=2 * HOUR)
    assert window.start_ns <= NOON - HOUR


@pytest.mark.parametrize("cell", [0, 17, 30, 58])
def test_what_is_zoomed_about_keeps_its_place(cell: int) -> None:
    window = window_of()
    window.pan(-20 * 60 * SECOND)
    about = sum(window.stretch(cell)) // 2

    for factor in (0.5, 0.7, 1.5, 2.0, 3.0):
        window.zoom(factor, about)

        assert window.cell_of(about) is not None
        assert abs((window.cell_of(about) or 0) - cell) <= 1


def test_zooming_about_the_past_holds_and_about_now_follows() -> None:
    window = window_of()
    window.zoom(0.5)
    assert window.held is None
    window.zoom(0.5, window.stretch(10)[0])
    assert window.held is Holder.PERSON


def test_zero_follows_and_then_shows_everything() -> None:
    window = window_of()
    window.zoom(0.5)
    window.pan(-SECOND)
    window.reset()
    assert (window.held, window.fit, window.span_ns) == (None, Fit.RECENT, 60 * SECOND)
    window.reset()
    assert HOUR <= window.span_ns <= 2 * HOUR
    assert window.start_ns <= NOON - HOUR
    window.reset()
    assert (window.fit, window.span_ns) == (Fit.RECENT, 60 * SECOND)


def test_the_cursor_takes_the_window_along_and_past_now_it_goes() -> None:
    window = window_of()
    window.move_cursor(-1)
    assert window.cursor == window.cells - 1
    assert window.held is Holder.CURSOR
    start = window.start
    window.move_cursor(-(window.cells - 1))
    assert (window.cursor, window.start) == (0, start)
    window.move_cursor(-10)
    assert (window.cursor, window.start) == (0, start - 20)
    window.move_cursor(window.cells - 1 + 5)
    assert (window.cursor, window.start) == (window.cells - 1, start - 10)
    window.move_cursor(10)
    assert window.is_plain
    assert window.cursor is None


def test_who_holds_it_lets_it_go() -> None:
    window = window_of()
    window.put_cursor(3)
    window.drop_cursor()
    assert window.held is None

    window.put_cursor(3)
    window.hold(Holder.LOG)
    window.drop_cursor()
    assert window.held is Holder.LOG
    window.release()
    assert window.held is None

    window.pan(-SECOND)
    window.hold(Holder.LOG)
    window.release()
    assert window.held is Holder.PERSON


def test_it_goes_to_where_the_logs_cursor_is() -> None:
    window = window_of()
    window.hold(Holder.LOG)
    end = window.end_ns
    window.contain(NOON - 30 * SECOND)
    assert window.end_ns == end
    window.contain(NOON - 30 * 60 * SECOND)
    cell = window.cell_of(NOON - 30 * 60 * SECOND)
    assert cell is not None
    assert 0 < cell < window.cells - 1
    window.contain(NOON)
    assert window.end_ns == NOON


def test_held_before_there_was_a_frame_it_stands_still_at_the_first() -> None:
    window = Window()
    window.hold(Holder.LOG)
    window.update(NOON - HOUR, NOON, 60 * SECOND, 100)
    assert (window.end_ns, window.span_ns) == (NOON, 60 * SECOND)
    window.update(NOON - HOUR, NOON + SECOND, 60 * SECOND, 100)
    assert window.end_ns == NOON
