"""The log: one line a value, and the seams between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.strip import Strip

from grpctap.core.history import Extent, Frozen, Value
from grpctap.core.seams import Cause, Interruption, Seam, clock_time
from grpctap.core.text import MARKS_PER_CHARACTER, printable
from grpctap.widgets.lines import LineWidget

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


class StreamLog(LineWidget, can_focus=True):
    """Follows the newest rows until it is frozen, by key or by scrolling up.

    Whoever shows it lets it pull what is new at each frame, and it draws only the lines in sight.
    Frozen, it shows the rows as they were, so nothing moves under the reader's eyes.

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
        self._strips: dict[tuple[int, bool], Strip] = {}
        self._number_width = 0
        self._second = (-1, "")

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

    def draw_lines(self, lines: range, width: int, height: int) -> list[Strip]:
        """The lines with these numbers."""
        if not self._shown.rows:
            return [self._placeholder_line(y, width, height) for y in lines]
        thumb, top, draw = self._thumb(height), self._top, self._line_at
        return [draw(top + y, width - 1, y in thumb) for y in lines]

    def _line_at(self, number: int, width: int, thumb: bool) -> Strip:
        row = self._shown.get(number)
        if row is None:
            return self._whole([], width, thumb)
        if not isinstance(row, Value):
            return self._whole([self._seam(row, width)], width, thumb)
        line = self._strips.get((number, thumb))
        if line is None:
            line = self._whole(self._value(row, width), width, thumb)
            if len(self._strips) >= MAX_CACHED:
                self._strips.clear()
            self._strips[number, thumb] = line
        return line

    def _whole(self, segments: list[Segment], width: int, thumb: bool) -> Strip:
        """A line with the scroll bar at its end; only its last text may be other than ASCII."""
        used = sum(len(text) for text, _, _ in segments)
        if segments and not segments[-1].text.isascii():
            used += segments[-1].cell_length - len(segments[-1].text)
        if used < width:
            segments.append(self.blank(width - used))
        segments.append(Segment("┃" if thumb else " ", self.look("stream-log--thumb")))
        return Strip(segments, width + 1)

    @property
    def _last_top(self) -> int:
        return max(self._shown.end - self.size.height, self._shown.first)

    def _go(self, top: int) -> None:
        self._top = max(min(top, self._last_top), self._shown.first)
        self._fit_numbers()
        self.refresh()

    def _fit_numbers(self) -> None:
        at = self._top - self._shown.first
        in_sight = self._shown.rows[at : at + self.size.height]
        labels = [row.label for row in in_sight if isinstance(row, Value)]
        width = max(len(str(max(labels))) + 1 if labels else 0, self._number_width)
        if width != self._number_width:
            self._number_width = width
            self._strips.clear()

    def _thumb(self, height: int) -> range:
        """The lines that the scroll bar's thumb covers."""
        rows = self._extent.end - self._extent.first
        if rows <= height:
            return range(0)
        length = max(height * height // rows, 1)
        start = round((self._top - self._extent.first) * (height - length) / (rows - height))
        return range(start, start + length)

    def _value(self, value: Value, width: int) -> list[Segment]:
        number = f" {f'#{value.label}':>{self._number_width}}  "
        time = f"{self._time(value.time_ns)}   "
        room = max(width - len(number) - len(time), 0)
        # A character with its marks takes a cell at least, so no more than this can be in sight.
        most = room * (1 + MARKS_PER_CHARACTER) + 1
        text = fit(printable(self._line(value.raw), most), room)
        if len(number) + len(time) > width:
            return [Segment(fit(number, width), self.look("stream-log--number"))]
        return [
            Segment(number, self.look("stream-log--number")),
            Segment(time, self.look("stream-log--time")),
            Segment(text, self.look("stream-log--value")),
        ]

    def _time(self, time_ns: int) -> str:
        second, rest = divmod(time_ns, 1_000_000_000)
        if self._second[0] != second:
            self._second = second, clock_time(time_ns)
        return f"{self._second[1]}.{rest // 1_000_000:03d}"

    def _seam(self, seam: Seam, width: int) -> Segment:
        broken = not isinstance(seam, Interruption) or seam.cause in BROKEN
        text = fit(rule(printable(seam.text()), width), width)
        return Segment(text, self.look("stream-log--fault" if broken else "stream-log--seam"))

    def _placeholder_line(self, y: int, width: int, height: int) -> Strip:
        if y != height // 2:
            return Strip([self.blank(width)], width)
        text = fit(self.placeholder, width)
        text = " " * ((width - cell_len(text)) // 2) + text
        strip = Strip([Segment(text, self.look("stream-log--placeholder"))])
        return strip.adjust_cell_length(width, self.look(""))


def rule(text: str, width: int) -> str:
    """A horizontal rule over `width` cells with `text` near its left end."""
    text = fit(text, width - 6)
    return f" ── {text} ".ljust(width - cell_len(text) + len(text) - 1, "─")
