"""The log: one line a value, and the seams between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from grpctap.core.history import Extent, Frozen, Value
from grpctap.core.seams import Cause, Interruption, Seam, clock_time
from grpctap.core.text import MARKS_PER_CHARACTER, printable

FRAMES_PER_SECOND = 30
WHEEL_ROWS = 3
NOTHING = Extent(0, 0, -1)
MAX_CACHED = 2_000
BROKEN = frozenset({Cause.FAILED, Cause.LOST})


class LogSource(Protocol):
    """Where the log pulls its rows from."""

    def extent(self) -> Extent:
        """Which rows there are."""

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all that are kept: None) as they are now."""


def fit(text: str, width: int) -> str:
    """`text` cut to `width` cells, ending in "…" when something was cut."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


class StreamLog(Widget, can_focus=True):
    """Follows the newest rows until it is frozen, by key or by scrolling up.

    It pulls what is new on a timer and draws only the lines in sight. Frozen, it shows the rows as
    they were, so nothing moves under the reader's eyes.

    It keeps its own place instead of being a ScrollView, whose every change of size lays the whole
    screen out anew, and which does not tell a person's scrolling from its own.
    """

    DEFAULT_CSS = """
    StreamLog {
        background: $background;
        & > .stream-log--number { color: $text-muted; }
        & > .stream-log--time { color: $text-muted; }
        & > .stream-log--value { color: $foreground; }
        & > .stream-log--seam { color: $text-warning; }
        & > .stream-log--fault { color: $text-error; }
        & > .stream-log--placeholder { color: $text-muted; text-style: italic; }
        & > .stream-log--thumb { color: $primary; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "stream-log--number",
        "stream-log--time",
        "stream-log--value",
        "stream-log--seam",
        "stream-log--fault",
        "stream-log--placeholder",
        "stream-log--thumb",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_rows(-1)", "Up", show=False),
        Binding("down", "scroll_rows(1)", "Down", show=False),
        Binding("pageup", "scroll_pages(-1)", "Page up", show=False),
        Binding("pagedown", "scroll_pages(1)", "Page down", show=False),
        Binding("home", "oldest", "Oldest", show=False),
        Binding("end", "newest", "Newest", show=False),
    ]

    frozen = reactive(False)
    """Whether the view stands still while the stream goes on."""
    placeholder = reactive("")
    """What stands there while there is no row."""

    def __init__(self, source: LogSource, line: Callable[[bytes], str]) -> None:
        super().__init__()
        self._source = source
        self._line = line
        self._extent = NOTHING
        self._shown = Frozen(0, ())
        self._top = 0
        self._strips: dict[int, Strip] = {}
        self._number_width = 0

    def on_mount(self) -> None:
        """Starts to pull."""
        self.set_interval(1 / FRAMES_PER_SECOND, self.pull)

    def pull(self) -> None:
        """Shows what is new, if anything is and the view does not stand still."""
        if self.frozen:
            return
        extent = self._source.extent()
        if extent == self._extent:
            return
        self._extent = extent
        self._shown = self._source.newest(self.size.height)
        self._top = self._shown.first
        self._fit_numbers()
        self.refresh()

    def watch_frozen(self, frozen: bool) -> None:
        """Stands still, or catches up."""
        if frozen:
            self._shown = self._source.newest()
            self._extent = Extent(self._shown.first, self._shown.end, 0)
            self._go(self._shown.end)
        else:
            self._extent = NOTHING
            self.pull()

    def action_scroll_rows(self, rows: int) -> None:
        """Scrolls by so many rows; up freezes, down to the end follows again."""
        if rows < 0:
            self.frozen = True
        if self.frozen:
            self._go(self._top + rows)
            if rows > 0 and self._top >= self._last_top:
                self.frozen = False

    def action_scroll_pages(self, pages: int) -> None:
        """Scrolls by so many screens."""
        self.action_scroll_rows(pages * max(self.size.height - 1, 1))

    def action_oldest(self) -> None:
        """Freezes, and goes to the oldest row."""
        self.frozen = True
        self._go(self._shown.first)

    def action_newest(self) -> None:
        """Follows the newest row again."""
        self.frozen = False

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scrolls up, and so freezes."""
        event.stop()
        self.action_scroll_rows(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scrolls down."""
        event.stop()
        self.action_scroll_rows(WHEEL_ROWS)

    def on_resize(self) -> None:
        """Draws all lines for the new width, and keeps to its place."""
        self._strips.clear()
        if self.frozen:
            self._go(self._top)
        else:
            self._extent = NOTHING
            self.pull()

    def notify_style_update(self) -> None:
        """Forgets lines drawn in the old style."""
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width = self.size.width - 1
        if not self._shown.rows:
            return self._placeholder_line(y)
        number = self._top + y
        row = self._shown.get(number)
        if isinstance(row, Value):
            line = self._strips.get(number)
            if line is None:
                line = self._value_line(row, width)
                if len(self._strips) >= MAX_CACHED:
                    self._strips.clear()
                self._strips[number] = line
        elif row is None:
            line = Strip.blank(width, self.rich_style)
        else:
            line = self._seam_line(row, width)
        return Strip.join([line, Strip([self._thumb(y)], 1)])

    @property
    def _last_top(self) -> int:
        return max(self._shown.end - self.size.height, self._shown.first)

    def _go(self, top: int) -> None:
        self._top = max(min(top, self._last_top), self._shown.first)
        self._fit_numbers()
        self.refresh()

    def _fit_numbers(self) -> None:
        in_sight = self._shown.rows[self._top - self._shown.first :][: self.size.height]
        labels = [len(str(row.label)) for row in in_sight if isinstance(row, Value)]
        width = max([self._number_width, *(length + 1 for length in labels)])
        if width != self._number_width:
            self._number_width = width
            self._strips.clear()

    def _thumb(self, y: int) -> Segment:
        height, rows = self.size.height, self._extent.end - self._extent.first
        if rows <= height:
            return Segment(" ", self.rich_style)
        length = max(height * height // rows, 1)
        start = round((self._top - self._extent.first) * (height - length) / (rows - height))
        return Segment("┃" if start <= y < start + length else " ", self._style("thumb"))

    def _value_line(self, value: Value, width: int) -> Strip:
        number = f" {f'#{value.label}':>{self._number_width}}  "
        time = clock_time(value.time_ns, milliseconds=True) + "   "
        room = max(width - len(number) - len(time), 0)
        # A character with its marks takes a cell at least, so no more than this can be in sight.
        most = room * (1 + MARKS_PER_CHARACTER) + 1
        text = fit(printable(self._line(value.raw), most), room)
        segments = [
            Segment(number, self._style("number")),
            Segment(time, self._style("time")),
            Segment(text, self._style("value")),
        ]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _seam_line(self, seam: Seam, width: int) -> Strip:
        broken = not isinstance(seam, Interruption) or seam.cause in BROKEN
        style = self._style("fault" if broken else "seam")
        text = rule(printable(seam.text()), width)
        return Strip([Segment(text, style)]).adjust_cell_length(width, self.rich_style)

    def _placeholder_line(self, y: int) -> Strip:
        width = self.size.width
        if y != self.size.height // 2:
            return Strip.blank(width, self.rich_style)
        text = fit(self.placeholder, width)
        text = " " * ((width - cell_len(text)) // 2) + text
        strip = Strip([Segment(text, self._style("placeholder"))])
        return strip.adjust_cell_length(width, self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"stream-log--{name}")


def rule(text: str, width: int) -> str:
    """A horizontal rule over `width` cells with `text` near its left end."""
    text = fit(text, width - 6)
    return f" ── {text} ".ljust(width - cell_len(text) + len(text) - 1, "─")
