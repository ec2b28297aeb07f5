"""The log: one line a value, and the seams between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from grpctap.core.history import Extent, Frozen, Row, Value
from grpctap.core.seams import Cause, Interruption, clock_time
from grpctap.core.text import printable

FRAMES_PER_SECOND = 30
MAX_CACHED = 2_000


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


class StreamLog(ScrollView, can_focus=True):
    """Follows the newest rows until it is frozen, by key or by scrolling up.

    It pulls what is new on a timer and draws only the lines in sight. Frozen, it shows the rows as
    they were, so nothing moves under the reader's eyes.
    """

    DEFAULT_CSS = """
    StreamLog {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        background: $background;
        &:focus { background-tint: $foreground 0%; }
        & > .stream-log--number { color: $text-muted; }
        & > .stream-log--time { color: $text-muted; }
        & > .stream-log--value { color: $foreground; }
        & > .stream-log--seam { color: $text-warning; }
        & > .stream-log--fault { color: $text-error; }
        & > .stream-log--placeholder { color: $text-muted; text-style: italic; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "stream-log--number",
        "stream-log--time",
        "stream-log--value",
        "stream-log--seam",
        "stream-log--fault",
        "stream-log--placeholder",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("end", "thaw", "Newest", show=False, tooltip="Follow the newest value again"),
    ]

    frozen = reactive(False)
    """Whether the view stands still while the stream goes on."""
    placeholder = reactive("")
    """What stands there while there is no row."""

    class Froze(Message):
        """The log was frozen or follows again."""

    def __init__(self, source: LogSource, line: Callable[[bytes], str]) -> None:
        super().__init__()
        self._source = source
        self._line = line
        self._extent = Extent(0, 0, -1)
        self._shown = Frozen(0, ())
        self._strips: dict[int, Strip] = {}
        self._number_width = 0
        self._moving = False

    def on_mount(self) -> None:
        """Starts to pull."""
        self.set_interval(1 / FRAMES_PER_SECOND, self.pull)

    def pull(self) -> None:
        """Shows what is new, if anything is and the view does not stand still."""
        if self.frozen:
            return
        extent = self._source.extent()
        if extent != self._extent:
            self._extent = extent
            self._show(self._source.newest(self.size.height), extent.end - extent.first)

    def action_thaw(self) -> None:
        """Follows the newest row again."""
        self.frozen = False

    def watch_frozen(self, frozen: bool) -> None:
        """Stands still, or catches up."""
        if frozen:
            rows = self._source.newest()
            self._show(rows, len(rows.rows))
        else:
            self._extent = Extent(0, 0, -1)
            self.pull()
        self.post_message(self.Froze())

    def watch_placeholder(self) -> None:
        """Draws it anew."""
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Freezes when somebody scrolls up, and follows again when they come back to the end."""
        if not self._moving and round(old_value) != round(new_value):
            # A taller log scrolls up too, but only as far as its new end.
            if not self.frozen and new_value < min(old_value, self.max_scroll_y):
                self.frozen = True
            elif self.frozen and new_value > old_value and new_value >= self.max_scroll_y:
                self.frozen = False
        super().watch_scroll_y(old_value, new_value)

    def on_resize(self, event: events.Resize) -> None:
        """Draws all lines for the new width, and keeps to the end when it follows."""
        self._strips.clear()
        self._extent = Extent(0, 0, -1)
        if self.frozen:
            self.virtual_size = Size(event.size.width, len(self._shown.rows))
        else:
            self.pull()

    def notify_style_update(self) -> None:
        """Forgets lines drawn in the old style."""
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width = self.size.width
        if not self._shown.rows:
            return self._placeholder_line(y, width)
        if self.frozen:
            number = self._shown.first + self.scroll_offset.y + y
        else:
            number = max(self._shown.end - self.size.height, self._shown.first) + y
        row = self._shown.get(number)
        if row is None:
            return Strip.blank(width, self.rich_style)
        if not isinstance(row, Value):
            return self._seam_line(row, width)
        strip = self._strips.get(number)
        if strip is None:
            strip = self._value_line(row, width)
            if len(self._strips) >= MAX_CACHED:
                self._strips.clear()
            self._strips[number] = strip
        return strip

    def _show(self, rows: Frozen, total: int) -> None:
        self._shown = rows
        if rows.rows:
            last = max((row.label for row in rows.rows[-2:] if isinstance(row, Value)), default=0)
            width = max(len(str(last)) + 1, self._number_width)
            if width != self._number_width:
                self._number_width = width
                self._strips.clear()
        self._moving = True
        try:
            self.virtual_size = Size(self.size.width, total)
            self.scroll_to(y=max(total - self.size.height, 0), animate=False, force=True)
        finally:
            self._moving = False
        self.refresh()

    def _value_line(self, value: Value, width: int) -> Strip:
        number = f" {f'#{value.label}':>{self._number_width}}  "
        time = clock_time(value.time_ns, milliseconds=True) + "   "
        text = fit(printable(self._line(value.raw)), width - len(number) - len(time))
        segments = [
            Segment(number, self._style("number")),
            Segment(time, self._style("time")),
            Segment(text, self._style("value")),
        ]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _seam_line(self, row: Row, width: int) -> Strip:
        broken = not isinstance(row, Interruption) or row.cause is Cause.FAILED
        style = self._style("fault" if broken else "seam")
        text = "" if isinstance(row, Value) else printable(row.text())
        return Strip([Segment(rule(text, width), style)]).adjust_cell_length(width, self.rich_style)

    def _placeholder_line(self, y: int, width: int) -> Strip:
        if y != self.size.height // 2:
            return Strip.blank(width, self.rich_style)
        text = fit(self.placeholder, width).center(width)
        return Strip([Segment(text, self._style("placeholder"))])

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"stream-log--{name}")


def rule(text: str, width: int) -> str:
    """A horizontal rule over `width` cells with `text` near its left end."""
    text = fit(text, width - 6)
    return f" ── {text} ".ljust(width - cell_len(text) + len(text) - 1, "─")
