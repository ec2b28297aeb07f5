"""The chart of series of numbers over the time at which they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from time import perf_counter
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from grpctap.core.window import Holder, Window
from grpctap.widgets.legend import LINES, Span
from grpctap.widgets.lines import LineWidget
from grpctap.widgets.scene import ChartSource, Layer, Scene

# It rests so many times as long as it worked.
REST = 50
# But never longer than this, in seconds, so that what it shows is not old.
LONGEST_REST = 0.4
WHEEL_ZOOM = 1.5


class Chart(LineWidget, can_focus=True):
    """Draws the numbers of a source over time, and moves on with them.

    Whoever shows it lets it look at its source now and then; it draws only when what it shows has
    changed. Keys and the mouse move its window along time, and a cursor in it.
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
        Binding("enter", "go", "Message", tooltip="Go to the cursor's message in the log"),
        Binding("plus", "zoom(0.5)", "Zoom", key_display="+ -", tooltip="Show less or more time"),
        Binding("equals_sign", "zoom(0.5)", "Zoom in", show=False),
        Binding("minus", "zoom(2)", "Zoom out", show=False),
        Binding("0", "reset", "Follow", tooltip="Follow now again"),
        Binding("0", "show_all", "All", tooltip="Show everything that is kept"),
        Binding("up", "choose(-1)", "Line", key_display="↑ ↓", tooltip="Choose a line"),
        Binding("down", "choose(1)", "Next line", show=False),
        Binding("escape", "leave", "Log", key_display="esc", tooltip="Go back to the log"),
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
        self.over: Callable[[], Sequence[Layer]] | None = None
        """Its source and those whose lines are drawn over it, by name; None: it alone."""
        self.frames = 0
        """How many pictures were drawn."""
        self.scene = Scene(tz)
        self._due = 0.0
        self._lines = 0
        self._dragged_from: int | None = None
        self._dragged = False
        self._rows: list[list[Span]] = []
        self._drawn: list[Strip] | None = None

    @property
    def window(self) -> Window:
        """The stretch of time that it shows."""
        return self.scene.window

    def watch_frozen(self, frozen: bool) -> None:
        """Draws what it stands still at before anything newer can come."""
        if frozen:
            self.window.hold(Holder.LOG)
        else:
            self.window.release()
        self.pull()

    def watch_log_cursor_ns(self, time_ns: int | None) -> None:
        """Goes to where the log's cursor is."""
        self.scene.log_cursor_ns = time_ns
        if time_ns is not None:
            self.window.contain(time_ns)
        self.pull()

    def on_focus(self) -> None:
        """Shows that it has the focus."""
        self.scene.focused = True
        self.pull()

    def on_blur(self) -> None:
        """Shows that it has not."""
        self.scene.focused = False
        self.pull()

    def on_resize(self) -> None:
        """Draws anew for the new size."""
        self.scene.resize()
        self.pull()

    # What keys and the mouse do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now; one that does nothing is not shown."""
        match action, parameters:
            case "choose", _:
                return self.scene.lines > 1
            case "reset", _:
                return not self.window.is_plain
            case "show_all", _:
                return self.window.is_plain
            case "go", _:
                return self.window.cursor is not None
        return True

    def action_cursor(self, by: int) -> None:
        """Moves the cursor by so many columns."""
        self.window.move_cursor(by)
        self._moved()

    def action_choose(self, by: int) -> None:
        """Chooses another line, whose scale is drawn."""
        self.scene.selected = (self.scene.selected + by) % max(self.scene.lines, 1)
        self._moved()

    def action_zoom(self, factor: float) -> None:
        """Shows so many times as much time, about a cursor that is in sight, or the right edge."""
        about_ns = None if self.window.cursor_ns is not None else self.log_cursor_ns
        if about_ns is not None and self.window.cell_of(about_ns) is None:
            about_ns = None
        self.window.zoom(factor, about_ns)
        self._moved()

    def action_pan(self, part: int) -> None:
        """Goes so many quarters of the width along time."""
        self.window.pan(part * self.window.span_ns // 4)
        self._moved()

    def action_reset(self) -> None:
        """Follows again; where it does, shows everything."""
        self.window.reset()
        self._moved()

    def action_show_all(self) -> None:
        """Shows everything that is kept."""
        self.action_reset()

    def action_leave(self) -> None:
        """Goes back to the log, without a cursor."""
        self.window.drop_cursor()
        self._moved()
        self.post_message(self.Left())

    def action_go(self) -> None:
        """Goes to the cursor's message in the log: where there are many, what stands out most."""
        point = self.scene.standing_out()
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
        cell = event.x - self.scene.gutter
        if clicked and event.button == 1 and 0 <= cell < self.window.cells:
            self.window.put_cursor(cell)
            self._moved()

    def _zoom_at(self, x: int, factor: float) -> None:
        window = self.window
        cell = min(max(x - self.scene.gutter, 0), window.cells - 1)
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
        layers = [Layer("", self.source)] if self.over is None else self.over()
        rows = self.scene.draw(layers, width, height)
        if rows is None:
            return
        self._rows = rows
        if self._lines != self.scene.lines:
            # There is something to choose from now, or no more.
            self._lines = self.scene.lines
            self.refresh_bindings()
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
