"""The log: one line a value, and the seams between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from grpctap.core.history import Extent, Frozen, Located, Value
from grpctap.widgets.lines import fit, thumb
from grpctap.widgets.log_lines import LogForm, LogLines
from grpctap.widgets.selection import Selecting, as_selected

if TYPE_CHECKING:
    from grpctap.core.matches import Matches
    from grpctap.core.picked import View

WHEEL_ROWS = 3
NOTHING = Extent(0, 0, -1)
MAX_CACHED = 2_000


class LogSource(Protocol):
    """Where the log pulls its rows from."""

    def extent(self) -> Extent:
        """Which rows there are."""

    def newest(self, count: int | None = None) -> View:
        """The newest `count` rows (all that are kept: None) as they are now."""


class WholeSource(LogSource, Protocol):
    """Where all rows come from, without a hole between them."""

    def newest(self, count: int | None = None) -> Frozen:
        """The newest `count` rows (all that are kept: None) as they are now."""


class StreamLog(Selecting, LogLines, can_focus=True):
    """Follows the newest rows until it is frozen, by key or by scrolling up.

    Whoever shows it lets it pull what is new at each frame, and it draws only the lines in sight.
    Frozen, it shows the rows as they were, so nothing moves under the reader's eyes, and has a
    cursor on one of its values. With a filter it shows the matches only, or marks them.

    It keeps its own place instead of being a ScrollView, whose every change of size lays the whole
    screen out anew, and which does not tell a person's scrolling from its own.
    """

    DEFAULT_CSS = """
    StreamLog {
        background: $background;
        width: 1fr;
        & > .stream-log--number { color: $text-muted; }
        & > .stream-log--time { color: $text-muted; }
        & > .stream-log--value { color: $foreground; }
        & > .stream-log--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold;
        }
        & > .stream-log--selected { color: $text-primary; text-style: bold; }
        & > .stream-log--match { color: $text-accent; text-style: bold underline; }
        & > .stream-log--mark { color: $text-accent; text-style: bold; }
        & > .stream-log--cursor-match {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold underline;
        }
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
        "stream-log--cursor",
        "stream-log--selected",
        "stream-log--match",
        "stream-log--mark",
        "stream-log--cursor-match",
        "stream-log--seam",
        "stream-log--fault",
        "stream-log--placeholder",
        "stream-log--thumb",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "scroll_pages(-1)", "Page up", show=False),
        Binding("pagedown", "scroll_pages(1)", "Page down", show=False),
        Binding("home", "oldest", "Oldest", show=False),
        Binding("end", "newest", "Newest", show=False),
        Binding("shift+up", "extend(-1)", "Select up", show=False),
        Binding("shift+down", "extend(1)", "Select down", show=False),
    ]

    frozen = reactive(False)
    """Whether the view stands still while the stream goes on."""
    placeholder = reactive("")
    """What stands there while there is no row."""

    class Opened(Message):
        """Somebody wants to look closely at the value that `selected` gives."""

    def __init__(self, source: WholeSource, form: LogForm) -> None:
        super().__init__(form)
        self._source = source
        self._extent = NOTHING
        self._shown: View = Frozen(0, ())
        self._still: Frozen | None = None
        self._matches_seen = -1
        self._home: int | None = None
        self._top = 0
        self._strips: dict[tuple[int, bool, bool], Strip] = {}

    def pull(self) -> None:
        """Shows what is new, if anything is and the view does not stand still."""
        found = self._matches is not None and self._matches.version != self._matches_seen
        if self._matches is not None:
            self._matches_seen = self._matches.version
        if self.frozen:
            if found:
                self._show_again()
            return
        extent = self._rows.extent()
        if extent == self._extent and not found:
            return
        self._extent = extent
        self._shown = self._rows.newest(self.size.height)
        self._top = self._shown.first
        self._fit_columns()
        self.refresh()

    def find(self, matches: Matches | None, *, only: bool) -> None:
        """Shows these matches only, or marks them among all rows; None: no filter any more.

        Frozen, it goes on showing the rows that it stands still with, and its `still` are what the
        matches have to be of.
        """
        self._strips.clear()
        if self.frozen and self._home is None:
            self._home = self._cursor
        self._matches, self._only_matches = matches, only
        self._matches_seen = -1
        self._extent = NOTHING
        if self.frozen:
            self._show_again()
            if matches is None:
                self._home = None
        self.pull()

    @property
    def still(self) -> Frozen | None:
        """All rows that it stands still with, the filter aside; None: it follows."""
        return self._still

    def kept(self) -> View:
        """All rows that it shows or would show if it were high enough, as they are now."""
        return self._shown if self.frozen else self._rows.newest()

    @property
    def _rows(self) -> LogSource:
        """Where its rows come from: the matches, or all that is received."""
        return self._matches if self._matches is not None and self._only_matches else self._source

    def _held_rows(self, still: Frozen) -> View:
        """What it shows of the rows that it stands still with."""
        if self._matches is not None and self._only_matches:
            return self._matches.newest()
        return still

    def _show_again(self) -> None:
        """Stands still with other rows than before; what was in sight stays, as far as it can."""
        if self._still is None:
            return
        rows = self._held_rows(self._still)
        row = self._cursor if self._home is None else self._home
        line = None if self._cursor is None else self._shown.place(self._cursor) - self._top
        self._shown = rows
        self._extent = Extent(rows.first, rows.end, 0)
        near = None
        if row is not None:
            near = rows.step(row - 1, 1) or rows.step(row, -1)
        if near is None:
            near = rows.step(rows.number(rows.end), -1)
        self._cursor = None if near is None else near.row
        if near is None:
            self._go(rows.end)
        else:
            place = rows.place(near.row)
            self._go(place - (self.size.height - 1 if line is None else line))

    @property
    def selected(self) -> Located | None:
        """The value at the cursor, or the newest in sight; None: there is none."""
        if self._cursor is not None:
            return self._shown.step(self._cursor - 1, 1)
        return self._shown.step(self._shown.number(self._shown.end), -1)

    @property
    def at_cursor(self) -> Value | None:
        """The value at the cursor; None: there is no cursor."""
        row = None if self._cursor is None else self._shown.get(self._cursor)
        return row if isinstance(row, Value) else None

    @property
    def shown(self) -> View:
        """The rows that it knows: all, where it is frozen, else those in sight."""
        return self._shown

    @property
    def header(self) -> str:
        """What stands above its lines, in their columns; "": nothing."""
        above = self._form.header
        return f" {'':{self._number_width}}  {'received':<12}   {above}" if above else ""

    def select(self, row: int) -> None:
        """Puts the cursor on a row that it knows, and brings it in sight, where it is frozen."""
        if self.frozen and self._shown.get(row) is not None:
            self._cursor, self._home = row, None
            place = self._shown.place(row)
            self._go(min(max(self._top, place - self.size.height + 1), place))

    def watch_frozen(self, frozen: bool) -> None:
        """Stands still, or catches up."""
        if frozen:
            self._still = self._source.newest() if self._matches is None else self._matches.hold()
            self._shown = self._held_rows(self._still)
            self._extent = Extent(self._shown.first, self._shown.end, 0)
            self._go(self._shown.end)
            self._cursor = self._nearest(self._shown.end - 1)
        else:
            self._still = self._cursor = self._home = None
            if self._matches is not None:
                self._matches.release()
            self._extent = NOTHING
            self.pull()

    def action_move(self, by: int) -> None:
        """Moves the cursor up or down; up freezes, down past the last value follows again."""
        if not self.frozen:
            # The cursor comes to stand on the last value.
            self.frozen = by < 0
            return
        found = None if self._cursor is None else self._shown.step(self._cursor, by)
        if found is not None:
            self.select(found.row)
        else:
            self.action_scroll_rows(by)

    def action_extend(self, by: int) -> None:
        """Selects the value above or below, too, or no longer; freezes, and begins there."""
        begins = not self.frozen
        self.frozen = True
        with self._selection.extending():
            found = None if self._cursor is None else self._shown.step(self._cursor, by)
            if found is not None and not begins:
                self.select(found.row)
        self.refresh()

    def action_scroll_rows(self, rows: int) -> None:
        """Scrolls by so many rows; up freezes, down to the end follows again."""
        if rows < 0:
            self.frozen = True
        if not self.frozen:
            return
        top, cursor = self._top, self._cursor
        self._home = None
        self._go(self._top + rows)
        if rows > 0 and self._top >= self._last_top:
            self.frozen = False
        elif cursor is not None:
            # At the end of the way the cursor goes there instead.
            by = rows if self._top == top else self._top - top
            self._cursor = self._nearest(self._shown.place(cursor) + by)

    def action_scroll_pages(self, pages: int) -> None:
        """Scrolls by so many screens."""
        self.action_scroll_rows(pages * max(self.size.height - 1, 1))

    def action_oldest(self) -> None:
        """Freezes, and goes to the oldest row."""
        self.frozen = True
        self._go(self._shown.first)
        self._cursor = self._nearest(self._shown.first)

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

    def on_click(self, event: events.Click) -> None:
        """Freezes, and puts the cursor on the value; a second click looks closely at it."""
        row = self._shown.number(self._top + event.y)
        if not isinstance(self._shown.get(row), Value):
            return
        self.frozen = True
        self.select(row)
        if event.chain > 1:
            self.post_message(self.Opened())

    def on_resize(self) -> None:
        """Draws all lines for the new width, and keeps to its place."""
        self._strips.clear()
        if self.frozen:
            self._go(self._top)
            if self._cursor is not None:
                self.select(self._cursor)
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
        number = self._shown.number
        return [draw(number(top + y), width - 1, y in thumb) for y in lines]

    def _line_at(self, number: int, width: int, thumb: bool) -> Strip:
        row = self._shown.get(number)
        if row is None:
            return self._whole([], width, thumb)
        if not isinstance(row, Value):
            return self._whole([self._seam(row, width)], width, thumb)
        match = self._matches is not None and (self._only_matches or self._matches.is_match(number))
        if number == self._cursor:
            segments = self._value(number, row, width, at_cursor=True, match=match)
            return self._whole(segments, width, thumb)
        if number in (self.chosen or ()):
            segments = self._value(number, row, width, match=match)
            return self._whole(
                as_selected(segments, self.look("stream-log--selected")), width, thumb
            )
        line = self._strips.get((number, thumb, match))
        if line is None:
            line = self._whole(self._value(number, row, width, match=match), width, thumb)
            if len(self._strips) >= MAX_CACHED:
                self._strips.clear()
            self._strips[number, thumb, match] = line
        return line

    @property
    def _last_top(self) -> int:
        return max(self._shown.end - self.size.height, self._shown.first)

    def _go(self, top: int) -> None:
        self._top = max(min(top, self._last_top), self._shown.first)
        self._fit_columns()
        self.refresh()

    def _nearest(self, place: int) -> int | None:
        """The value in sight that is nearest to a place; None where there is none."""
        top, bottom = self._top, min(self._top + self.size.height, self._shown.end)
        row = self._shown.number(max(min(place, bottom - 1), top))
        for found in (self._shown.step(row - 1, 1), self._shown.step(row, -1)):
            if found is not None and top <= self._shown.place(found.row) < bottom:
                return found.row
        return None

    def _fit_columns(self) -> None:
        at = self._top - self._shown.first
        in_sight = self._shown.rows[at : at + self.size.height]
        values = [
            Located(self._shown.number(self._top + index), row)
            for index, row in enumerate(in_sight)
            if isinstance(row, Value)
        ]
        labels = [value.label for _, value in values]
        width = max(len(str(max(labels))) + 1 if labels else 0, self._number_width)
        if self._form.prepare(values) or width != self._number_width:
            self._number_width = width
            self._strips.clear()

    def _thumb(self, height: int) -> range:
        """The lines that the scroll bar's thumb covers."""
        first = self._extent.first
        return thumb(self._top - first, self._extent.end - first, height)

    def _placeholder_line(self, y: int, width: int, height: int) -> Strip:
        if y != height // 2:
            return Strip([self.blank(width)], width)
        text = fit(self.placeholder, width)
        text = " " * ((width - cell_len(text)) // 2) + text
        strip = Strip([Segment(text, self.look("stream-log--placeholder"))])
        return strip.adjust_cell_length(width, self.look(""))
