"""The chart of a series of numbers over the time at which they came."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import tzinfo
from math import isfinite
from time import perf_counter
from typing import ClassVar, Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip

from grpctap.core.series import ChartFrame, Mark, Scroll, Series
from grpctap.core.text import printable
from grpctap.core.ticks import (
    HOUR,
    MINUTE,
    SECOND,
    Scale,
    decimals_of,
    number_text,
    time_label,
    time_step,
    time_ticks,
    within_reach,
)
from grpctap.widgets.braille import View, plot, value_range
from grpctap.widgets.lines import LineWidget

Span = tuple[str, str]
"""A text, and the component class that colours it ("" for none)."""

LINE, AXIS, MARK = "chart--line", "chart--axis", "chart--mark"
TITLE, STILL, UP, DOWN = "chart--title", "chart--still", "chart--up", "chart--down"

WAITING = ("waiting for the first number", "waiting")
NOTHING = ("no number was received", "no number")
LEAST_POINTS = 60
# It rests so many times as long as it worked.
REST = 50
# But never longer than this, in seconds, so that what it shows is not old.
LONGEST_REST = 0.4
RECENT = 8
LABEL_WIDTH = 5
LEAST_PLOT = 10
SPANS = (
    *(SECOND * tenths // 10 for tenths in (10, 15, 20, 30, 50, 70)),
    *(SECOND * count for count in (10, 12, 15, 20, 25, 30, 40, 50, 60, 90)),
    *(MINUTE * count for count in (2, 3, 5, 7, 10, 15, 20, 30, 45)),
    *(HOUR * count for count in (1, 2, 3, 5, 7, 10, 15, 20, 24)),
)


class ChartSource(Protocol):
    """Where a chart gets its frames from."""

    def chart_frame(self) -> AbstractContextManager[ChartFrame]:
        """The frame of this moment; nothing in it changes until the context is left."""


def needed_span(frame: ChartFrame) -> int:
    """How much time the chart should show of a frame, in nanoseconds.

    That is all there is between 10 and 60 seconds, and more of a slow stream, to show 60 points.
    """
    series, end_ns = frame.lines[0].series, frame.end_ns
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


def overlay(line: str, texts: Sequence[tuple[int, str]]) -> str:
    """The line with each text, of single cells, in the place of what stood at its column."""
    cells = list(line)
    for at, text in texts:
        cells[at : at + len(text)] = text
    return "".join(cells)


def mark_texts(view: View, lines: Sequence[str]) -> list[list[tuple[int, str]]]:
    """Where the marks and their labels stand: per row, columns of cells with texts, in order.

    Neither covers a cell with dots, nor each other; a label that finds no such place is left out.
    """
    width = len(view.columns) // 2
    cells = ((mark.start_ns - view.start_ns) // view.dot_ns // 2 for mark in view.marks)
    marks = {x: mark for x, mark in zip(cells, view.marks, strict=True) if 0 <= x < width}
    found = [[(x, "┊") for x in marks if line[x] == " "] for line in lines]
    taken = [overlay(line, row) for line, row in zip(lines, found, strict=True)]
    for x, mark in sorted(marks.items(), reverse=True):
        size = cell_len(mark.label)
        for start in (x + 2, x - 1 - size):
            if start < 0 or start + size > width or not size:
                continue
            # A blank on either side keeps the label apart from what is next to it.
            left, right = max(start - 1, 0), min(start + size + 1, width)
            for row in range(len(lines) - 1, -1, -1):
                if not taken[row][left:right].strip(" "):
                    found[row].append((start, mark.label))
                    taken[row] = overlay(taken[row], [(start, "#" * size)])
                    break
            else:
                continue
            break
    return [sorted(row) for row in found]


def time_axis(view: View, gutter: int, tz: tzinfo | None) -> str:
    """The row of times below the plot, each whole and centred below its moment."""
    span = view.dot_ns * len(view.columns)
    width = gutter + len(view.columns) // 2
    # Edges in whole dots make the span a little longer than asked for, which is no reason to part
    # it more coarsely.
    step = time_step(span - span // 50, len(view.columns) // 2 // 12)
    text = ""
    for tick in time_ticks(view.start_ns, view.start_ns + span, step, tz):
        label = time_label(tick, step, tz)
        at = gutter + (tick - view.start_ns) // view.dot_ns // 2 - len(label) // 2
        if at >= (len(text) + 2 if text else 0) and at + len(label) <= width:
            text = text.ljust(at) + label
    return text


def title_row(view: View, width: int) -> list[Span]:
    """The name, the last value and its change, as much as fits, at the right end of a row."""
    kind = TITLE if view.moving else STILL
    if not view.recent:
        spans = [(view.name, kind)]
    else:
        decimals = decimals_of(view.recent)
        value = (number_text(view.recent[-1], decimals), kind)
        spans = [(view.name, kind), (" ", kind), value] if view.name else [value]
        change: list[Span] = []
        if len(view.recent) > 1:
            less = view.recent[-1] - view.recent[-2]
            sign, colour = ("▲", UP) if less > 0 else ("▼", DOWN) if less < 0 else ("=", kind)
            # Two numbers can be further apart than any number is great.
            size = f" {number_text(abs(less), decimals)}" if isfinite(less) else ""
            change = [("  ", kind), (sign + size, colour)]
        for choice in (spans + change, [value, *change], [value]):
            spans = choice
            if sum(cell_len(text) for text, _ in choice) <= width:
                break
    room = width - sum(cell_len(text) for text, _ in spans)
    if room < 0:
        # A number that is merely cut off would be another number.
        return [(set_cell_size(spans[0][0], width - 1) + "…", kind)]
    # One cell of margin, as the lines above and below have it.
    margin = min(room, 1)
    return [(" " * (room - margin), ""), *spans, (" " * margin, "")]


def picture(
    view: View, scale: Scale | None, width: int, height: int, tz: tzinfo | None = None
) -> list[list[Span]]:
    """Draws a chart of `width` by `height` cells, as rows of texts with their colours."""
    rows = plot_rows(height)
    gutter = width - len(view.columns) // 2
    drawn = [title_row(view, width)]
    if scale is None:
        texts = WAITING if view.moving else NOTHING
        text = next((text for text in texts if len(text) <= width), "")
        drawn += [[] for _ in range(height - 1)]
        drawn[height // 2 if height > 1 else 0] = [(text.center(width), AXIS)]
        return drawn
    lines = plot(view, scale).lines()
    # Left of the title is room for labels of marks that the line leaves no room for.
    above = drawn[0][0][0] if not drawn[0][0][1] else ""
    free = above[gutter + 1 :].ljust(width - gutter, "×") if rows > 2 else "×" * (width - gutter)
    titled, *marks = mark_texts(view, [free, *lines])
    if any(text != "┊" for _, text in titled):
        drawn[0][:1] = [(" " * gutter, ""), *overlaid(above[gutter:], titled)]
    for row in range(rows):
        spans: list[Span] = []
        if gutter:
            label = scale.labels.get(row)
            end = " ┤" if label is not None else " │"
            spans.append(((label or "").rjust(gutter - 2) + end, AXIS))
        drawn.append(spans + overlaid(lines[row], marks[row]))
    if height > 2:
        drawn.append([(time_axis(view, gutter, tz), AXIS)])
    return drawn


def overlaid(line: str, texts: Sequence[tuple[int, str]]) -> list[Span]:
    """A row of the line with texts of marks in place of its cells."""
    spans: list[Span] = []
    at = 0
    for x, text in texts:
        spans += [(line[at:x], LINE), (text, MARK)]
        at = x + cell_len(text)
    return [*spans, (line[at:], LINE)]


def plot_rows(height: int) -> int:
    """How many rows are left for the line between the title above and the times below."""
    return max(height - 2, min(height - 1, 1), 0)


class Chart(LineWidget):
    """Draws the numbers of a source over time, and moves on with them.

    Whoever shows it lets it look at its source now and then; it draws only when what it shows has
    changed.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {LINE, AXIS, MARK, TITLE, STILL, UP, DOWN}
    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        .chart--line { color: $text-primary; }
        .chart--axis { color: $text-muted; }
        .chart--mark { color: $text-warning; }
        .chart--title { color: $foreground; text-style: bold; }
        .chart--still { color: $text-muted; }
        .chart--up { color: $text-success; }
        .chart--down { color: $text-error; }
    }
    """
    can_focus = False

    frozen = reactive(False, init=False)
    """Whether it stands still at what it shows, whatever its source goes on to."""

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
        self._tz = tz
        self._due = 0.0
        self._scroll = Scroll()
        self._series: Series | None = None
        self._seen: tuple[object, ...] = ()
        self._end_ns = 0
        self._span_ns = 0
        self._recent: Sequence[float] = ()
        self._label_width = LABEL_WIDTH
        self._scale: Scale | None = None
        self._rows: list[list[Span]] = []
        self._drawn: list[Strip] | None = None

    def watch_frozen(self) -> None:
        """Draws what it stands still at before anything newer can come."""
        self.pull()

    def on_resize(self) -> None:
        """Draws anew for the new size."""
        self._label_width = LABEL_WIDTH
        self.pull()

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
        view = self._look(self.source, width, height)
        if view is None:
            return
        scale = self._scale_for(view, plot_rows(height))
        widest = max(map(len, scale.labels.values()), default=0) if scale else 0
        if widest > self._label_width:
            # The labels need room of the line's, so that it has to be looked at anew.
            self._label_width = widest
            view = self._look(self.source, width, height) or view
        self._rows = picture(view, scale, width, height, self._tz)
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

    def _look(self, source: ChartSource, width: int, height: int) -> View | None:
        """Copies what is to be seen of the source; None when it is what was seen before."""
        gutter = self._label_width + 3
        if width - gutter < LEAST_PLOT or plot_rows(height) < 3:
            gutter = 0
        dots = 2 * (width - gutter)
        with source.chart_frame() as frame:
            (name, series), held = frame.lines[0], self.frozen
            if series is not self._series:
                self._series, self._scale, self._span_ns = series, None, 0
                self._label_width = LABEL_WIDTH
                held = False
            if not held:
                self._end_ns, self._recent = frame.end_ns, series.recent(RECENT)
                self._span_ns = steady_span(needed_span(frame), self._span_ns)
            dot_ns = -(-self._span_ns // dots)
            # Its edges are whole dots, so that the picture moves by dots and never shimmers.
            start = self._end_ns // dot_ns + 1 - dots
            start_ns = start * dot_ns
            before = series.before(start_ns)
            marks: list[Mark] = []
            for mark in reversed(frame.marks):
                if mark.start_ns < (before.time_ns if before else start_ns):
                    break
                if not held or mark.start_ns <= self._end_ns:
                    marks.insert(0, mark)
            moment = (start, dot_ns, tuple(marks)) if len(series) else ()
            version = None if held else series.version
            moving = frame.moving and not held
            seen = (series, version, moment, name, moving, width, height, dots)
            if seen == self._seen:
                return None
            self._seen = seen
            return View(
                columns=self._scroll.look(series, start, dots, dot_ns),
                start_ns=start_ns,
                dot_ns=dot_ns,
                before=before,
                after=None if held else series.after(start_ns + dots * dot_ns),
                marks=marks,
                name=printable(name),
                recent=self._recent,
                moving=moving,
            )

    def _scale_for(self, view: View, rows: int) -> Scale | None:
        """The scale for a view, which is the one before as long as that does."""
        values = value_range(view)
        if values is None and view.recent:
            if self._scale is not None and self._scale.rows == rows:
                return self._scale
            values = (within_reach(view.recent[-1]),) * 2
        if values is None:
            self._scale = None
        elif self._scale is None or not self._scale.suits(*values, rows):
            self._scale = Scale(*values, rows)
        return self._scale
