"""The log: one line a value, and the seams between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from grpctap.core.history import Extent, Frozen, Value
from grpctap.widgets.log_lines import LogForm
from grpctap.widgets.log_window import NOTHING, LogWindow

if TYPE_CHECKING:
    from grpctap.core.matches import Matches
    from grpctap.core.picked import View

WHEEL_ROWS = 3


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


class StreamLog(LogWindow, can_focus=True):
    """Follows the newest rows until it is frozen, by key or by scrolling up.

    Whoever shows it lets it pull what is new at each frame, and it draws only the lines in sight.
    Frozen, it shows the rows as they were, so nothing moves under the reader's eyes, and has a
    cursor on one of its values. With a filter it shows the matches only, or marks them.
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

    class Opened(Message):
        """Somebody wants to look closely at the value that `selected` gives."""

    def __init__(self, source: WholeSource, form: LogForm) -> None:
        super().__init__(form)
        self._source = source
        self._still: Frozen | None = None
        self._matches_seen = -1
        self._home: int | None = None

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
