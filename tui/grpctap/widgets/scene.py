"""From a source of frames to the picture of a chart, without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import tzinfo
from typing import NamedTuple, Protocol

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


class Layer(NamedTuple):
    """A source whose lines are drawn; in each one's name `name` stands first, if there is one."""

    name: str
    source: ChartSource


class _Trace(NamedTuple):
    """A line, where it comes from, and what was known of it at a moment."""

    name: str
    series: Series
    source: ChartSource
    first_ns: int | None
    version: int


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
        self._sources: list[ChartSource] = []
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

    def standing_out(self) -> Point | None:
        """What stands out most at the cursor, of the chosen line; None: there is no such."""
        cell = self.window.cursor
        if cell is None or self.selected >= len(self._sources):
            return None
        with self._sources[self.selected].chart_frame():
            return self._series[self.selected].standing_out(*self.window.stretch(cell))

    def draw(self, layers: Sequence[Layer], width: int, height: int) -> list[list[Span]] | None:
        """The picture of layers, of which the first says when it is, as rows of texts.

        None where it is the one before.
        """
        views = self._look(layers, width, height)
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
            views = self._look(layers, width, height) or views
            scales = self._scales_for(views, rows)
            beside = self._legend(views, scales, width)
        return picture(views, scales, width, height, self._tz, self._extras(beside))

    def _look(self, layers: Sequence[Layer], width: int, height: int) -> list[View] | None:
        """Copies what is to be seen of the layers; None when it is what was seen before.

        Each is held for as long as it is copied from, and none while another one is waited for.
        """
        beside = self._legend_width + BESIDE if self._legend_width else 0
        gutter = self._label_width + 3
        if width - gutter - beside < LEAST_PLOT or plot_rows(height) < 3:
            gutter = 0
        dots = 2 * (width - gutter - beside)
        own, *others = layers
        over = [trace for layer in others for trace in _traces(layer)]
        with own.source.chart_frame() as frame:
            traces = self._take(frame, [*_traced(own, frame), *over])
            window = self.window
            firsts = [trace.first_ns for trace in traces if trace.first_ns is not None]
            first_ns = min(firsts, default=frame.end_ns)
            window.update(first_ns, frame.end_ns, needed_span(frame), dots)
            held, dot_ns, start = window.held is not None, window.dot_ns, window.start
            start_ns = window.start_ns
            self._today_ns, self.gutter, self._common = frame.end_ns, gutter, frame.common
            mine = [at for at, trace in enumerate(traces) if trace.source is own.source]
            before = [traces[at].series.before(start_ns) for at in mine]
            earliest_ns = min((point.time_ns for point in before if point), default=start_ns)
            marks: list[Mark] = []
            for mark in reversed(frame.marks):
                if mark.start_ns < earliest_ns:
                    break
                if not held or mark.start_ns <= window.end_ns:
                    marks.insert(0, mark)
            some = len(firsts) > 0
            moment = (start, dot_ns, tuple(marks)) if some else ()
            version = None if held else [trace.version for trace in traces]
            moving = frame.moving and not held
            names = [trace.name for trace in traces]
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
            views = {at: self._view(at, names[at], marks, moving=moving) for at in mine}
        for layer in others:
            with layer.source.chart_frame():
                for at, trace in enumerate(traces):
                    if trace.source is layer.source:
                        views[at] = self._view(at, names[at], marks, moving=moving)
        self._views = [views[at] for at in range(len(traces))]
        return self._views

    def _view(self, at: int, name: str, marks: Sequence[Mark], *, moving: bool) -> View:
        """What is to be seen of a line, whose source stands still."""
        window, series = self.window, self._series[at]
        held = window.held is not None
        return View(
            columns=self._scrolls[at].look(series, window.start, window.dots, window.dot_ns),
            start_ns=window.start_ns,
            dot_ns=window.dot_ns,
            before=series.before(window.start_ns),
            after=None if held else series.after(window.stop_ns),
            marks=marks,
            name=printable(name),
            recent=series.recent(RECENT, window.end_ns if held else None),
            moving=moving,
        )

    def _take(self, frame: ChartFrame, found: Sequence[_Trace]) -> Sequence[_Trace]:
        """The lines that are drawn; forgets what was of others."""
        traces = found[: len(LINES)]
        series = tuple(trace.series for trace in traces)
        self._sources = [trace.source for trace in traces]
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
            return traces
        if changed:
            self._series = series
            self.selected = min(self.selected, len(series) - 1)
            self._scrolls += [Scroll() for _ in range(len(series) - len(self._scrolls))]
            self._scales.clear()
            self.resize()
        return traces

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


def _traces(layer: Layer) -> list[_Trace]:
    with layer.source.chart_frame() as frame:
        return _traced(layer, frame)


def _traced(layer: Layer, frame: ChartFrame) -> list[_Trace]:
    """The lines of a layer, which stands still."""
    found = []
    for name, series in frame.lines or NO_LINE:
        named = f"{layer.name}: {name}" if layer.name and name else layer.name or name
        found.append(_Trace(named, series, layer.source, series.first_time, series.version))
    return found


def _same(one: object, other: object) -> bool:
    return one is other
