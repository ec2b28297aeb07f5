"""The chart of series of numbers over the time at which they came."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import tzinfo
from time import perf_counter
from typing import ClassVar, Protocol

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from grpctap.core.scroll import Scroll
from grpctap.core.series import ChartFrame, Line, Mark, Series
from grpctap.core.text import printable
from grpctap.core.ticks import Scale, within_reach
from grpctap.core.window import Holder, Window, needed_span
from grpctap.widgets.braille import View, value_range
from grpctap.widgets.legend import LINES, Span, legend
from grpctap.widgets.picture import Extras, picture, plot_rows
from grpctap.widgets.lines import LineWidget

# It rests so many times as long as it worked.
REST = 50
# But never longer than this, in seconds, so that what it shows is not old.
LONGEST_REST = 0.4
RECENT = 8
LABEL_WIDTH = 5
LEAST_PLOT = 10
# The legend leaves the lines at least so much.
LEAST_PLOT_BESIDE = 24
WHEEL_ZOOM = 1.5
HELD = "held, 0 follows"
NO_LINE = (Line("", Series(1)),)


class ChartSource(Protocol):
    """Where a chart gets its frames from."""

    def chart_frame(self) -> AbstractContextManager[ChartFrame]:
        """The frame of this moment; nothing in it changes until the context is left."""


class Chart(LineWidget, can_focus=True):
    """Draws the numbers of a source over time, and moves on with them.

    Whoever shows it lets it look at its source now and then; it draws only when what it shows has
    changed. `window` is the stretch of time that it shows, which keys and the mouse move.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *LINES,
        "chart--axis",
        "chart--axis-focused",
        "chart--mark",
        "chart--title",
        "chart--still",
        "chart--up",
        "chart--down",
        "chart--cursor",
        "chart--log-cursor",
    }
    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        .chart--line { color: $text-primary; }
        .chart--line-2 { color: #ffa62b; }
        .chart--line-3 { color: #7bd88f; }
        .chart--line-4 { color: #ff8bd1; }
        .chart--line-5 { color: #f2e05c; }
        .chart--line-6 { color: #5ad4e6; }
        .chart--axis { color: $text-muted; }
        .chart--axis-focused { color: $foreground; text-style: bold; }
        .chart--mark { color: $text-warning; }
        .chart--title { color: $foreground; text-style: bold; }
        .chart--still { color: $text-muted; }
        .chart--up { color: $text-success; }
        .chart--down { color: $text-error; }
        .chart--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold;
        }
        .chart--log-cursor { color: $foreground; text-style: bold; }
        &:light {
            .chart--line-2 { color: #a04a00; }
            .chart--line-3 { color: #1b6e2a; }
            .chart--line-4 { color: #a3006e; }
            .chart--line-5 { color: #6a5a00; }
            .chart--line-6 { color: #00667a; }
        }
    }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor(-1)", "Cursor", key_display="← →", tooltip="Move the cursor"),
        Binding("right", "cursor(1)", "Right", show=False),
        Binding("shift+left", "cursor(-10)", "Ten left", show=False),
        Binding("shift+right", "cursor(10)", "Ten right", show=False),
        Binding("up", "choose(-1)", "Line", key_display="↑ ↓", tooltip="Choose a line"),
        Binding("down", "choose(1)", "Next line", show=False),
        Binding("enter", "go", "To this message", tooltip="Go to the cursor's message in the log"),
        Binding("plus,equals_sign", "zoom(0.5)", "Zoom", key_display="+ -"),
        Binding("minus", "zoom(2)", "Zoom out", show=False),
        Binding("0", "reset", "Follow / all", tooltip="Follow again, or show everything"),
        Binding("escape", "leave", "Log", tooltip="Go back to the log"),
    ]

    frozen = reactive(False, init=False)
    """Whether it stands still at what it shows, whatever its source goes on to."""
    log_cursor_ns: reactive[int | None] = reactive(None, init=False)
    """The time of the value at the log's cursor; None: there is none."""

    class Chosen(Message):
        """Somebody wants to see in the log what came at `time_ns` (by the axis of the chart)."""

        def __init__(self, time_ns: int) -> None:
            super().__init__()
            self.time_ns = time_ns

    class Left(Message):
        """Somebody goes back to the log."""

    def __init__(
        self,
        source: ChartSource | None = None,
        *,
        tz: tzinfo | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        """Makes a chart.

        Args:
            source: Where it gets its frames from; None: nothing to show until `source` is set.
            tz: The zone of the times on its axis; None: this computer's.
            id: See `Widget`.
            classes: See `Widget`.
        """
        super().__init__(id=id, classes=classes)
        self.source = source
        self.frames = 0
        """How many pictures were drawn."""
        self.window = Window()
        self._tz = tz
        self._due = 0.0
        self._axis = "received"
        self._series: tuple[Series, ...] = ()
        self._scrolls: dict[int, Scroll] = {}
        self._seen: tuple[object, ...] = ()
        self._today_ns = 0
        self._common = False
        self._selected = 0
        self._label_width = LABEL_WIDTH
        self._legend_width = 0
        self._gutter = 0
        self._scales: dict[int, Scale] = {}
        self._dragged_from: int | None = None
        self._dragged = False
        self._rows: list[list[Span]] = []
        self._drawn: list[Strip] | None = None

    def watch_frozen(self, frozen: bool) -> None:
        """Draws what it stands still at before anything newer can come."""
        if frozen:
            self.window.hold(Holder.LOG)
        else:
            self.window.release()
        self.pull()

    def watch_log_cursor_ns(self, time_ns: int | None) -> None:
        """Goes to where the log's cursor is."""
        if time_ns is not None:
            self.window.contain(time_ns)
        self.pull()

    def on_focus(self) -> None:
        """Shows that it has the focus."""
        self.pull()

    def on_blur(self) -> None:
        """Shows that it has not."""
        self.pull()

    def on_resize(self) -> None:
        """Draws anew for the new size."""
        self._label_width, self._legend_width = LABEL_WIDTH, 0
        self.pull()

    # What keys and the mouse do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now; one that does nothing is not shown."""
        if action == "choose":
            return len(self._series) > 1
        return action != "go" or self.window.cursor is not None

    def action_cursor(self, by: int) -> None:
        """Moves the cursor by so many columns."""
        self.window.move_cursor(by)
        self._moved()

    def action_choose(self, by: int) -> None:
        """Chooses another line, whose scale is drawn."""
        self._selected = (self._selected + by) % max(len(self._series), 1)
        self._moved()

    def action_zoom(self, factor: float) -> None:
        """Shows so many times as much time, about the cursor or at the right edge."""
        self.window.zoom(factor)
        self._moved()

    def action_pan(self, part: int) -> None:
        """Goes so many quarters of the width along time."""
        self.window.pan(part * self.window.span_ns // 4)
        self._moved()

    def action_reset(self) -> None:
        """Follows again; where it does, shows everything."""
        self.window.reset()
        self._moved()

    def action_leave(self) -> None:
        """Goes back to the log, without a cursor."""
        self.window.drop_cursor()
        self._moved()
        self.post_message(self.Left())

    def action_go(self) -> None:
        """Goes to the cursor's message in the log: where there are many, what stands out most."""
        cell = self.window.cursor
        if cell is None or self.source is None:
            return
        with self.source.chart_frame() as frame:
            line = (frame.lines or NO_LINE)[min(self._selected, max(len(frame.lines) - 1, 0))]
            point = line.series.standing_out(*self.window.stretch(cell))
        if point is not None:
            self.post_message(self.Chosen(point.time_ns))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Shows less time, about the pointer."""
        event.stop()
        self._zoom_at(event.x, 1 / WHEEL_ZOOM)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Shows more time, about the pointer."""
        event.stop()
        self._zoom_at(event.x, WHEEL_ZOOM)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begins a click or a drag."""
        if event.button == 1:
            self._dragged_from, self._dragged = event.x, False
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drags the picture along time."""
        if self._dragged_from is None or event.x == self._dragged_from:
            return
        by = self._dragged_from - event.x
        self._dragged_from, self._dragged = event.x, True
        self.window.pan(2 * by * self.window.dot_ns)
        self._moved()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Puts the cursor to where was clicked."""
        clicked = self._dragged_from is not None and not self._dragged
        self._dragged_from = None
        self.release_mouse()
        cell = event.x - self._gutter
        if clicked and event.button == 1 and 0 <= cell < self.window.cells:
            self.window.put_cursor(cell)
            self._moved()

    def _zoom_at(self, x: int, factor: float) -> None:
        window = self.window
        cell = min(max(x - self._gutter, 0), window.cells - 1)
        # At the right edge it goes on to follow.
        about = None if cell == window.cells - 1 else sum(window.stretch(cell)) // 2
        window.zoom(factor, window.end_ns if about is None else about)
        self._moved()

    def _moved(self) -> None:
        self.pull()
        self.refresh_bindings()

    # How it is drawn.

    def tick(self) -> None:
        """Pulls, unless it was only just that pulling took long: a flood leaves no time for it."""
        start = perf_counter()
        if start >= self._due:
            self.pull()
            self._due = start + min(REST * (perf_counter() - start), LONGEST_REST)

    def pull(self) -> None:
        """Looks at the source, and draws when what the chart shows has changed."""
        width, height = self.size
        if self.source is None or not width or not height:
            return
        views = self._look(self.source, width, height)
        if views is None:
            return
        rows = plot_rows(height)
        scales = self._scales_for(views, rows)
        labels = [len(text) for scale in scales if scale for text in scale.labels.values()]
        beside = self._legend(views, scales, width)
        beside_width = max((_width(row) for row in beside), default=0)
        if max(labels, default=0) > self._label_width or beside_width > self._legend_width:
            # They need room of the lines', so that these have to be looked at anew.
            self._label_width = max([self._label_width, *labels])
            self._legend_width = max(self._legend_width, beside_width)
            views = self._look(self.source, width, height) or views
            scales = self._scales_for(views, rows)
            beside = self._legend(views, scales, width)
        extras = self._extras(beside)
        self._rows = picture(views, scales, width, height, self._tz, extras)
        self._drawn = None
        self.frames += 1
        self.refresh()

    def draw_lines(self, lines: range, width: int, height: int) -> list[Strip]:
        """Colours rows of the picture, once for each picture."""
        drawn = self._drawn
        if drawn is None or len(drawn) != height or drawn[0].cell_length != width:
            rows = [*self._rows[:height], *([] for _ in range(height - len(self._rows)))]
            drawn = self._drawn = [self._coloured(row, width) for row in rows]
        return [drawn[y] for y in lines]

    def notify_style_update(self) -> None:
        """Forgets the colours."""
        super().notify_style_update()
        self._drawn = None

    def _coloured(self, spans: list[Span], width: int) -> Strip:
        segments = [Segment(text, self.look(kind)) for text, kind in spans if text]
        return Strip(segments).adjust_cell_length(width, self.look(""))

    def _look(self, source: ChartSource, width: int, height: int) -> list[View] | None:
        """Copies what is to be seen of the source; None when it is what was seen before."""
        beside = self._legend_width + 2 if self._legend_width else 0
        gutter = self._label_width + 3
        if width - gutter - beside < LEAST_PLOT or plot_rows(height) < 3:
            gutter = 0
        dots = 2 * (width - gutter - beside)
        with source.chart_frame() as frame:
            lines = tuple(frame.lines[: len(LINES)]) or NO_LINE
            self._take_lines(lines, frame)
            window = self.window
            firsts = [s.first_time for s in self._series if s.first_time is not None]
            first_ns = min(firsts, default=frame.end_ns)
            window.update(first_ns, frame.end_ns, needed_span(frame), dots)
            held, dot_ns, start = window.held is not None, window.dot_ns, window.start
            start_ns = window.start_ns
            self._today_ns, self._gutter, self._common = frame.end_ns, gutter, frame.common
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
            place = (window.cursor_ns, self.log_cursor_ns, self.has_focus, self._selected)
            about = (names, frame.common, frame.axis, window.held, place)
            seen = (self._series, version, moment, moving, about, width, height, dots)
            if seen == self._seen:
                return None
            self._seen = seen
            until_ns = window.end_ns if held else None
            return [
                View(
                    columns=self._scrolls[id(series)].look(series, start, window.dots, dot_ns),
                    start_ns=start_ns,
                    dot_ns=dot_ns,
                    before=point,
                    after=None if held else series.after(window.stop_ns),
                    marks=marks,
                    name=printable(name),
                    recent=series.recent(RECENT, until_ns),
                    moving=moving,
                )
                for (name, series), point in zip(
                    ((line.name, line.series) for line in lines), before, strict=True
                )
            ]

    def _take_lines(self, lines: Sequence[Line], frame: ChartFrame) -> None:
        """Forgets what was of other lines than these."""
        if frame.axis != self._axis:
            # The other axis has other times, so that no place on it means anything.
            self._axis, self.window = frame.axis, Window()
        series = tuple(line.series for line in lines)
        if len(series) == len(self._series) and all(map(_same, series, self._series)):
            return
        self._series = series
        self._selected = min(self._selected, len(series) - 1)
        self._label_width, self._legend_width = LABEL_WIDTH, 0
        known = self._scrolls
        self._scrolls = {id(one): known.get(id(one)) or Scroll() for one in series}
        self._scales.clear()
        self.call_later(self.refresh_bindings)

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
        return legend(views, ranges, self._selected, limit, self.window.cursor)

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
            focused=self.has_focus,
            today_ns=self._today_ns,
            selected=self._selected,
            legend=beside,
            legend_width=self._legend_width if beside else 0,
        )


def _same(one: object, other: object) -> bool:
    return one is other


def _width(row: Sequence[Span]) -> int:
    return sum(Segment(text).cell_length for text, _ in row)
