"""Which stretch of time a chart shows, and where its cursor stands in it."""

from __future__ import annotations

from enum import Enum

from grpctap.core.series import ChartFrame
from grpctap.core.ticks import HOUR, MINUTE, SECOND

LEAST_POINTS = 60
LEAST_SPAN = SECOND
"""The shortest stretch that can be shown, in nanoseconds."""
SPANS = (
    *(SECOND * tenths // 10 for tenths in (10, 15, 20, 30, 50, 70)),
    *(SECOND * count for count in (10, 12, 15, 20, 25, 30, 40, 50, 60, 90)),
    *(MINUTE * count for count in (2, 3, 5, 7, 10, 15, 20, 30, 45)),
    *(HOUR * count for count in (1, 2, 3, 5, 7, 10, 15, 20, 24)),
)


def needed_span(frame: ChartFrame) -> int:
    """How much time the chart should show of a frame, in nanoseconds.

    That is all there is between 10 and 60 seconds, and more of a slow stream, to show 60 points.
    """
    end_ns = frame.end_ns
    series = next((line.series for line in frame.lines if len(line.series)), None)
    if series is None:
        return 10 * SECOND
    first_ns, slow_ns = series.first_time, series.time_back(LEAST_POINTS)
    if first_ns is None or slow_ns is None:
        return 10 * SECOND
    # Of a stream that is too fast to keep ten seconds of it, a part of them would stay empty.
    least = 1 * SECOND if series.dropped else 10 * SECOND
    slow = end_ns - slow_ns
    for mark in reversed(frame.marks):
        mark_end_ns = end_ns if mark.end_ns is None else mark.end_ns
        if mark_end_ns <= slow_ns:
            break
        # What came slowly because it was paused is no slow stream.
        slow -= max(min(mark_end_ns, end_ns) - max(mark.start_ns, slow_ns), 0)
    return max(min(end_ns - first_ns, 60 * SECOND), least, slow)


def steady_span(needed_ns: int, current_ns: int = 0) -> int:
    """The span to show: `needed_ns` or somewhat more, changed seldom to keep the picture calm."""
    if needed_ns <= current_ns and needed_ns > current_ns * 3 // 4:
        return current_ns
    for span in SPANS:
        if span >= needed_ns:
            return span
    span = SPANS[-1]
    while span < needed_ns:
        span += span // 2
    return span


class Fit(Enum):
    """What decides how long the stretch is."""

    RECENT = "recent"
    """As much as `needed_span` says."""
    ALL = "all"
    """Everything that is kept."""
    CHOSEN = "chosen"
    """What somebody zoomed to."""


class Holder(Enum):
    """What lets the window stand still."""

    PERSON = "person"
    """Somebody went away from now."""
    CURSOR = "cursor"
    """The cursor stands in it."""
    LOG = "log"
    """The log is frozen."""


class Window:
    """A stretch of time that follows the clock, or is held, and can be zoomed and panned.

    Times are nanoseconds since the epoch. It is split into `dots` columns, numbered by their time
    over their duration, so that they stay the same as the window moves. Two of them make a cell,
    and the cells are counted from the left edge, from 0.
    """

    def __init__(self) -> None:
        self.fit = Fit.RECENT
        self.held: Holder | None = None
        """What holds it; None: it follows."""
        self.span_ns = 10 * SECOND
        self.end_ns = 0
        """The newest moment in it."""
        self.cursor_ns: int | None = None
        self.dots = 2
        self._first_ns = 0
        self._now_ns: int | None = None
        self._needed_ns = self.span_ns

    def update(self, first_ns: int, now_ns: int, needed_ns: int, dots: int) -> None:
        """Learns how things are now, and moves on unless it is held.

        Args:
            first_ns: The oldest time that is kept.
            now_ns: The newest time that there is.
            needed_ns: The span that suits the stream, see `needed_span`.
            dots: How many columns there is room for, at least 2.
        """
        fresh = self._now_ns is None
        self._first_ns, self._now_ns = min(first_ns, now_ns), now_ns
        self._needed_ns, self.dots = needed_ns, max(dots, 2)
        # Held before it knew of anything, it stands still at what there is first.
        if self.held is None or fresh:
            self._move_on()

    @property
    def is_plain(self) -> bool:
        """Whether it follows as at first."""
        return self.held is None and self.fit is Fit.RECENT

    @property
    def dot_ns(self) -> int:
        """How long a column is."""
        return -(-self.span_ns // self.dots)

    @property
    def start(self) -> int:
        """The number of the first column."""
        return self.end_ns // self.dot_ns + 1 - self.dots

    @property
    def start_ns(self) -> int:
        """Where the first column begins."""
        return self.start * self.dot_ns

    @property
    def stop_ns(self) -> int:
        """Where the last column ends."""
        return (self.start + self.dots) * self.dot_ns

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.dots // 2

    @property
    def cursor(self) -> int | None:
        """The cell in which the cursor is; None: it is not in sight."""
        return None if self.cursor_ns is None else self.cell_of(self.cursor_ns)

    def cell_of(self, time_ns: int) -> int | None:
        """The cell of a time; None: it is not in sight."""
        cell = (time_ns // self.dot_ns - self.start) // 2
        return cell if 0 <= cell < self.cells else None

    def stretch(self, cell: int) -> tuple[int, int]:
        """Where a cell begins and where it ends."""
        start_ns = (self.start + 2 * cell) * self.dot_ns
        return start_ns, start_ns + 2 * self.dot_ns

    def zoom(self, factor: float, about_ns: int | None = None) -> None:
        """Makes the stretch `factor` times as long, from a second to everything kept.

        Args:
            factor: Below 1 to see it more closely.
            about_ns: The time that keeps its place; None: that of the cursor, else the right edge.
        """
        before_ns, longest_ns = self.span_ns, max(self._now - self._first_ns, LEAST_SPAN)
        span_ns = max(round(before_ns * factor), LEAST_SPAN)
        if factor >= 1:
            if before_ns >= longest_ns:
                return
            if span_ns >= longest_ns:
                self.fit = Fit.ALL
                self._move_on()
                self._let_go_at_now()
                return
        if span_ns == before_ns:
            return
        if about_ns is None:
            in_sight = self.cursor_ns is not None and self.cursor is not None
            about_ns = self.cursor_ns if in_sight and self.cursor_ns else self.end_ns
        self.fit, self.span_ns = Fit.CHOSEN, span_ns
        # In whole numbers: a double cannot tell the nanoseconds of our time apart.
        end_ns = about_ns + (self.end_ns - about_ns) * span_ns // before_ns
        self.end_ns = max(min(end_ns, self._now), self._least_end)
        if self.end_ns < self._now:
            self.held = self.held or Holder.PERSON
        else:
            self._let_go_at_now()

    def pan(self, by_ns: int) -> None:
        """Goes so far along time: away from now it is held, back at now it follows again."""
        end_ns = self.end_ns + by_ns
        if by_ns > 0 and end_ns >= self._now:
            self.follow()
            return
        end_ns = max(end_ns, self._least_end)
        if by_ns > 0 or end_ns < self.end_ns:
            self.end_ns = end_ns
            self.held = Holder.PERSON

    def reset(self) -> None:
        """Follows as at first; where it does, shows everything instead."""
        self.fit = Fit.ALL if self.is_plain else Fit.RECENT
        self.span_ns = 0
        self.follow()

    def follow(self) -> None:
        """Follows, without a cursor."""
        self.held, self.cursor_ns = None, None
        self._move_on()

    def hold(self, by: Holder) -> None:
        """Stands still, unless it does already."""
        if self.held is None or (by is Holder.LOG and self.held is Holder.CURSOR):
            self.held = by

    def release(self) -> None:
        """The log follows again, and so does the window if nothing else holds it."""
        if self.held is Holder.LOG:
            self.held = None if self.cursor_ns is None else Holder.CURSOR
        if self.held is None:
            self._move_on()

    def put_cursor(self, cell: int) -> None:
        """Puts the cursor into a cell, or the nearest that there is."""
        self.hold(Holder.CURSOR)
        start_ns, _ = self.stretch(min(max(cell, 0), self.cells - 1))
        self.cursor_ns = start_ns + self.dot_ns

    def move_cursor(self, by: int) -> None:
        """Moves the cursor by so many cells, and the window with it where it comes to its edge.

        It first appears at the right edge. Past now, it goes and the window follows.
        """
        cell = self.cursor
        if cell is None:
            away = self.cursor_ns is not None and self.cursor_ns < self.start_ns
            self.put_cursor(0 if away else self.cells - 1)
            return
        cell += by
        beyond = min(cell, 0) + max(cell - self.cells + 1, 0)
        end_ns = self.end_ns + 2 * beyond * self.dot_ns
        if beyond > 0 and end_ns >= self._now:
            self.follow()
            return
        if beyond:
            self.end_ns = max(end_ns, min(self._least_end, self.end_ns))
        self.put_cursor(cell)

    def drop_cursor(self) -> None:
        """Takes the cursor away; what only it has held follows again."""
        self.cursor_ns = None
        if self.held is Holder.CURSOR:
            self.held = None
            self._move_on()

    def contain(self, time_ns: int) -> None:
        """Goes to where a time is in sight, and stands still there, unless it is already."""
        if self.start_ns <= time_ns < self.stop_ns:
            return
        self.hold(Holder.LOG)
        # A place near the edge would have the window move again at the next step.
        margin_ns = self.span_ns // 8 if self.dots >= 16 else 0
        if time_ns < self.start_ns and margin_ns:
            self.end_ns = time_ns - margin_ns + self.span_ns
        else:
            self.end_ns = max(min(time_ns + margin_ns, self._now), time_ns)

    @property
    def _now(self) -> int:
        return self.end_ns if self._now_ns is None else self._now_ns

    @property
    def _least_end(self) -> int:
        return min(self._first_ns + self.span_ns, self._now)

    def _move_on(self) -> None:
        self.end_ns = self._now
        if self.fit is Fit.RECENT:
            self.span_ns = steady_span(self._needed_ns, self.span_ns)
        elif self.fit is Fit.ALL:
            # The last column reaches beyond now, so that the others have to hold everything.
            needed_ns = -(-(self._now - self._first_ns) * self.dots // (self.dots - 1))
            self.span_ns = steady_span(max(needed_ns, LEAST_SPAN), self.span_ns)

    def _let_go_at_now(self) -> None:
        if self.held is Holder.PERSON and self.cursor_ns is None:
            self.held = None
