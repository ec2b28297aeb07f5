"""From a source of frames to the picture of a chart, without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import tzinfo
from typing import Protocol

from rich.cells import cell_len

from grpctap.core.scroll import Scroll
from grpctap.core.series import ChartFrame, Line, Mark, Point, Series
from grpctap.core.text import printable
from grpctap.core.ticks import Scale, within_reach
from grpctap.core.window import Holder, Window, needed_span
from grpctap.widgets.braille import View, value_range
from grpctap.widgets.legend import LINES, Span, legend
from grpctap.widgets.picture import BESIDE, Extras, picture, plot_rows

RECENT = 8
LABEL_WIDTH = 5
LEAST_PLOT = 10
# The legend leaves the lines at least so much.
LEAST_PLOT_BESIDE = 24
HELD = "held, 0 follows"
NO_LINE = (Line("", Series(1)),)


class ChartSource(Protocol):
    """Where a chart gets its frames from."""

    def chart_frame(self) -> AbstractContextManager[ChartFrame]:
        """The frame of this moment; nothing in it changes until the context is left."""


class Scene:
    """What a chart shows of its source, and all that it must remember for the next frame.

    `window` is the stretch of time that it shows, `selected` the line whose scale is drawn.
    """

    def __init__(self, tz: tzinfo | None = None) -> None:
        """Makes a scene; the times are those of the zone, or (None) of this computer's."""
        self.window = Window()
        self.selected = 0
        self.log_cursor_ns: int | None = None
        """The time of the value at the log's cursor; None: there is none."""
        self.focused = False
        self.gutter = 0
        """How many cells are left of the plot."""
        self._tz = tz
        self._axis = "received"
        self._series: tuple[Series, ...] = ()
        self._scrolls: list[Scroll] = []
        self._scales: dict[int, Scale] = {}
        self._seen: tuple[object, ...] = ()
        self._place_held: tuple[object, ...] = ()
        self._views: list[View] = []
        self._today_ns = 0
        self._common = False
        self._label_width = LABEL_WIDTH
        self._legend_width = 0

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return len(self._series)

    def resize(self) -> None:
        """Forgets how much room texts took."""
        self._label_width, self._legend_width = LABEL_WIDTH, 0

    def forget(self) -> None:
        """Forgets what was reckoned, so that the next picture is made from nothing."""
        self._scrolls = [Scroll() for _ in self._scrolls]
        self._seen = self._place_held = ()

    def standing_out(self, source: ChartSource) -> Point | None:
        """What stands out most at the cursor, of the chosen line; None: there is no such."""
        cell = self.window.cursor
        if cell is None:
            return None
        with source.chart_frame() as frame:
            self._take_lines(frame)
            return self._series[self.selected].standing_out(*self.window.stretch(cell))

    def draw(self, source: ChartSource, width: int, height: int) -> list[list[Span]] | None:
        """The picture as rows of texts; None where it is the one before."""
        views = self._look(source, width, height)
        if views is None:
            return None
        rows = plot_rows(height)
        scales = self._scales_for(views, rows)
        labels = [len(text) for scale in scales if scale for text in scale.labels.values()]
        beside = self._legend(views, scales, width)
        beside_width = sum(cell_len(text) for text, _ in beside[0]) if beside else 0
        if max(labels, default=0) > self._label_width or beside_width > self._legend_width:
            # They need room of the lines', so that these have to be looked at anew.
            self._label_width = max([self._label_width, *labels])
            self._legend_width = max(self._legend_width, beside_width)
            views = self._look(source, width, height) or views
            scales = self._scales_for(views, rows)
            beside = self._legend(views, scales, width)
        return picture(views, scales, width, height, self._tz, self._extras(beside))

    def _look(self, source: ChartSource, width: int, height: int) -> list[View] | None:
        """Copies what is to be seen of the source; None when it is what was seen before."""
        beside = self._legend_width + BESIDE if self._legend_width else 0
        gutter = self._label_width + 3
        if width - gutter - beside < LEAST_PLOT or plot_rows(height) < 3:
            gutter = 0
        dots = 2 * (width - gutter - beside)
        with source.chart_frame() as frame:
            lines = self._take_lines(frame)
            window = self.window
            firsts = [s.first_time for s in self._series if s.first_time is not None]
            first_ns = min(firsts, default=frame.end_ns)
            window.update(first_ns, frame.end_ns, needed_span(frame), dots)
            held, dot_ns, start = window.held is not None, window.dot_ns, window.start
            start_ns = window.start_ns
            self._today_ns, self.gutter, self._common = frame.end_ns, gutter, frame.common
            before = [line.series.before(start_ns) for line in lines]
            earliest_ns = min((point.time_ns for point in before if point), default=start_ns)
            marks: list[Mark] = []
            for mark in reversed(frame.marks):
                if mark.start_ns < earliest_ns:
                    break
                if not held or mark.start_ns <= window.end_ns:
                    marks.insert(0, mark)
            some = any(map(len, self._series))
            moment = (start, dot_ns, tuple(marks)) if some else ()
            version = None if held else [series.version for series in self._series]
            moving = frame.moving and not held
            names = [line.name for line in lines]
            place = (window.cursor_ns, self.log_cursor_ns, self.focused, self.selected)
            about = (names, frame.common, frame.axis, window.held, place)
            seen = (self._series, version, moment, moving, about, width, height, dots)
            if seen == self._seen:
                return None
            self._seen = seen
            place_held = (self._series, start, dots, dot_ns, names) if held else ()
            if held and place_held == self._place_held:
                # What came since, at the very moment of its end, would move what is held.
                return [replace(view, marks=marks) for view in self._views]
            self._place_held = place_held
            until_ns = window.end_ns if held else None
            self._views = [
                View(
                    columns=scroll.look(series, start, window.dots, dot_ns),
                    start_ns=start_ns,
                    dot_ns=dot_ns,
                    before=point,
                    after=None if held else series.after(window.stop_ns),
                    marks=marks,
                    name=printable(name),
                    recent=series.recent(RECENT, until_ns),
                    moving=moving,
                )
                for name, series, point, scroll in zip(
                    names, self._series, before, self._scrolls, strict=False
                )
            ]
            return self._views

    def _take_lines(self, frame: ChartFrame) -> Sequence[Line]:
        """The lines that are drawn; forgets what was of others."""
        lines = tuple(frame.lines[: len(LINES)]) or NO_LINE
        series = tuple(line.series for line in lines)
        changed = len(series) != len(self._series) or not all(map(_same, series, self._series))
        if frame.axis != self._axis:
            # The other axis has other times, so that no place on it means anything.
            held = self.window.held
            self._axis, self.window, self.log_cursor_ns = frame.axis, Window(), None
            if held is Holder.LOG:
                self.window.hold(held)
        elif changed and len(series) == len(self._series) and self._axis != "received":
            # A point came late, for which its line has begun anew.
            self._series = series
            return lines
        if changed:
            self._series = series
            self.selected = min(self.selected, len(series) - 1)
            self._scrolls += [Scroll() for _ in range(len(series) - len(self._scrolls))]
            self._scales.clear()
            self.resize()
        return lines

    def _scales_for(self, views: Sequence[View], rows: int) -> list[Scale | None]:
        """The scale of each view, which is the one before as long as that does."""
        ranges = [value_range(view) for view in views]
        if self._common and len(views) > 1:
            found = [values for values in ranges if values is not None]
            low = min((low for low, _ in found), default=0.0)
            high = max((high for _, high in found), default=0.0)
            recent = next((view.recent for view in views if view.recent), ())
            scale = self._scale(-1, (low, high) if found else None, recent, rows)
            return [scale] * len(views)
        return [
            self._scale(number, values, view.recent, rows)
            for number, (view, values) in enumerate(zip(views, ranges, strict=True))
        ]

    def _scale(
        self,
        key: int,
        values: tuple[float, float] | None,
        recent: Sequence[float],
        rows: int,
    ) -> Scale | None:
        scale = self._scales.get(key)
        if values is None and recent:
            if scale is not None and scale.rows == rows:
                return scale
            values = (within_reach(recent[-1]),) * 2
        if values is None:
            self._scales.pop(key, None)
            return None
        if scale is None or not scale.suits(*values, rows):
            scale = self._scales[key] = Scale(*values, rows)
        return scale

    def _legend(
        self, views: Sequence[View], scales: Sequence[Scale | None], width: int
    ) -> list[list[Span]]:
        if len(views) < 2:
            return []
        limit = min((width - self._label_width - 3) * 5 // 9, width - LEAST_PLOT_BESIDE)
        ranges = [
            None if self._common or scale is None else value_range(view)
            for view, scale in zip(views, scales, strict=True)
        ]
        return legend(views, ranges, self.selected, limit, self.window.cursor)

    def _extras(self, beside: list[list[Span]]) -> Extras:
        window = self.window
        away = window.held is not None and window.held is not Holder.LOG
        notes = [HELD] if away else []
        if self._axis != "received":
            notes.append(f"{self._axis} time")
        log_ns = self.log_cursor_ns
        cursor = window.cursor
        return Extras(
            cursor=cursor,
            cursor_ns=0 if cursor is None else window.stretch(cursor)[0],
            log_cursor=None if log_ns is None else window.cell_of(log_ns),
            notes=notes,
            focused=self.focused,
            today_ns=self._today_ns,
            selected=self.selected,
            legend=beside,
            legend_width=self._legend_width if beside else 0,
        )


def _same(one: object, other: object) -> bool:
    return one is other
