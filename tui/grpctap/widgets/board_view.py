"""The board on the screen: one line a key, sorted, with a cursor."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from grpctap.core.board import Board, Column, Entry
from grpctap.core.follow import Follower, Source
from grpctap.core.history import Located
from grpctap.core.keys import FieldPath
from grpctap.core.text import printable
from grpctap.widgets.board_line import BETWEEN, WIDEST_KEY, Cells, Widths, cells_of
from grpctap.widgets.lines import LineWidget, fit, thumb
from grpctap.widgets.log_lines import LogForm
from grpctap.widgets.stream_log import WHEEL_ROWS

HEADER_LINES = 2
SORT_S = 1.0
"""The order is renewed after so many seconds, at the earliest."""
REST_S = 2.0
"""So long after a key nothing changes its place, in seconds."""
# Of the time, sorting takes one part in so many.
_SORT_SHARE = 20
# Ages go on where nothing else does.
_AGES_S = 0.5
_LEAST_MESSAGE = 24
# As much as there is room for.
_HINTS = (
    "k key · v value · ← → sort · u turn · d change since",
    "k key · v value · ← → sort · u turn",
    "← → sort · u turn",
    "← → sort",
    "",
)


class BoardView(LineWidget, can_focus=True):
    """Shows a board, which it lets take what is new at each look.

    Rows keep their places for a second at least, and while the cursor is moved. The cursor stays
    with its key, and on its line.
    """

    DEFAULT_CSS = """
    BoardView {
        background: $background;
        width: 1fr;
        & > .board-view--title { color: $text-muted; }
        & > .board-view--behind { color: $text-warning; }
        & > .board-view--header { color: $text-primary; text-style: bold; }
        & > .board-view--key { color: $foreground; text-style: bold; }
        & > .board-view--value { color: $foreground; }
        & > .board-view--up { color: $text-success; }
        & > .board-view--down { color: $text-error; }
        & > .board-view--quiet { color: $text-muted; }
        & > .board-view--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold;
        }
        & > .board-view--thumb { color: $primary; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("board-view--title", "board-view--behind", "board-view--header", "board-view--key"),
        *("board-view--value", "board-view--up", "board-view--down", "board-view--quiet"),
        *("board-view--cursor", "board-view--thumb"),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "pages(-1)", "Page up", show=False),
        Binding("pagedown", "pages(1)", "Page down", show=False),
        Binding("home", "move(-1000000)", "First", show=False),
        Binding("end", "move(1000000)", "Last", show=False),
        Binding("left", "sort(-1)", "Sort by", show=False),
        Binding("right", "sort(1)", "Sort by", show=False),
        Binding("u", "turn", "Turn the order", show=False),
        Binding("d", "since", "Change since", show=False),
        Binding("k", "choose_key", "Key", tooltip="Choose the field that is the key"),
        Binding("v", "choose_value", "Value", show=False),
    ]

    frozen = reactive(False)
    """Whether it takes nothing new."""

    class Opened(Message):
        """Somebody wants to look closely at the message that `selected` gives."""

    class Choose(Message):
        """Somebody wants another field: for the key, or for the value."""

        def __init__(self, *, key: bool) -> None:
            super().__init__()
            self.key = key

    def __init__(self, source: Source, form: LogForm) -> None:
        super().__init__()
        self._source, self._form = source, form
        self._follower = Follower(source)
        self._board: Board | None = None
        self._path: FieldPath | None = None
        self._by, self._descending = Column.KEY, False
        self._top = 0
        self._cursor: Entry | None = None
        self._widths = Widths()
        self._now_ns = 0
        self._drawn_s = self._moved_s = float("-inf")
        self._sort_at_s = 0.0
        self._in_disorder = False
        self._places: list[tuple[range, Column]] = []

    @property
    def board(self) -> Board | None:
        """What it shows; None: there is no key yet."""
        return self._board

    def show(self, path: FieldPath, board: Board) -> None:
        """Shows a board by another key, from the oldest row that is kept on."""
        self._path, self._board = path, board
        self._follower = Follower(self._source)
        self._top, self._cursor, self._widths = 0, None, Widths()
        self._sort_at_s = 0.0
        self.refresh()

    def pull(self, now_ns: int) -> None:
        """Takes what is new, and draws it; `now_ns` is the time on the source's clock."""
        board = self._board
        if board is None or self.frozen:
            return
        changed = False
        for taken in self._follower.look():
            if taken.anew:
                board.clear()
                self._top, self._cursor = 0, None
            board.take(taken)
            changed = self._in_disorder = True
        now_s = time.monotonic()
        rests = now_s >= self._sort_at_s and now_s - self._moved_s >= REST_S
        if self._in_disorder and rests:
            self._arrange(board)
            changed = True
        if changed or now_s - self._drawn_s >= _AGES_S:
            self._drawn_s, self._now_ns = now_s, now_ns
            self.refresh()

    @property
    def is_behind(self) -> bool:
        """Whether there is more to take than a look had time for."""
        return self._follower.behind > 0 and not self.frozen

    @property
    def selected(self) -> Located | None:
        """The newest message of the key at the cursor, or of the first in sight; None: no key."""
        if self._cursor is not None:
            return self._cursor.latest
        rows = self._rows
        return rows[self._top].latest if self._top < len(rows) else None

    def renew(self) -> None:
        """Draws all columns anew, as after other numbers were chosen."""
        self._widths = Widths()
        self._sort_at_s = 0.0
        self.refresh()

    def action_move(self, by: int) -> None:
        """Moves the cursor up or down; it comes to stand on the first line in sight."""
        if not self._rows:
            return
        at = self._at()
        if at is None:
            at, by = self._top, by if abs(by) > 1 else 0
        self._select(min(max(at + by, 0), len(self._rows) - 1))

    def action_pages(self, pages: int) -> None:
        """Moves the cursor by so many screens."""
        self.action_move(pages * max(self._height - 1, 1))

    def action_sort(self, by: int) -> None:
        """Sorts by the column to the left or to the right."""
        columns = list(self._headers)
        at = columns.index(self._by) if self._by in columns else 0
        self._sort_by(columns[(at + by) % len(columns)])

    def action_turn(self) -> None:
        """Turns the order around."""
        self._descending = not self._descending
        self._arrange_now()

    def action_since(self) -> None:
        """Shows changes since the first message of each key, or since the one before."""
        if self._board is not None:
            self._board.since_first = not self._board.since_first
            self._arrange_now()

    def action_choose_key(self) -> None:
        """Asks for another key."""
        self.post_message(self.Choose(key=True))

    def action_choose_value(self) -> None:
        """Asks for another number."""
        self.post_message(self.Choose(key=False))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scrolls up."""
        event.stop()
        self._go(self._top - WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scrolls down."""
        event.stop()
        self._go(self._top + WHEEL_ROWS)

    def on_click(self, event: events.Click) -> None:
        """Puts the cursor on a key, or sorts; a second click looks closely at its message."""
        at = self._top + event.y - HEADER_LINES
        if event.y == HEADER_LINES - 1:
            for columns, column in self._places:
                if event.x in columns:
                    self._sort_by(column)
        elif event.y >= HEADER_LINES and at < len(self._rows):
            self._select(at)
            if event.chain > 1:
                self.post_message(self.Opened())

    def on_resize(self) -> None:
        """Lays the columns out anew."""
        self._widths = Widths()
        self._go(self._top)

    def draw_lines(self, lines: range, width: int, height: int) -> list[Strip]:
        """The lines with these numbers."""
        board = self._board
        if board is None or self._path is None:
            note = " no field of this message can be the key"
            return [self._text(note if y == 0 else "", "title", width) for y in lines]
        rows = board.rows[self._top : self._top + height - HEADER_LINES]
        for entry in rows:
            # The first of them may be what tells that there are numbers at all.
            board.number(entry)
        cells = [cells_of(board, entry, self._path.text(entry.key), self._now_ns) for entry in rows]
        self._widths.fit(cells, self._headers, width - 2)
        self._form.prepare([entry.latest for entry in rows])
        bar = thumb(self._top, len(board.rows), max(height - HEADER_LINES, 0))
        drawn = []
        for y in lines:
            at = y - HEADER_LINES
            if y == 0:
                drawn.append(self._title(board, width))
            elif at < 0:
                drawn.append(self._header(width))
            elif at < len(rows):
                drawn.append(self._line(rows[at], cells[at], width, thumb=at in bar))
            else:
                waits = not rows and not at
                drawn.append(self._text(" waiting for values" if waits else "", "title", width))
        return drawn

    @property
    def _rows(self) -> list[Entry]:
        return [] if self._board is None else self._board.rows

    @property
    def _height(self) -> int:
        return max(self.size.height - HEADER_LINES, 1)

    @property
    def _headers(self) -> dict[Column, str]:
        board, headers = self._board, {}
        for column in Column:
            text = column.value
            if column is Column.KEY and self._path is not None:
                text = printable(self._path.name)
            elif column in (Column.VALUE, Column.CHANGE, Column.PERCENT):
                if board is None or not board.has_numbers:
                    continue
                if column is Column.CHANGE and board.since_first:
                    text = "since 1st"
            if column is self._by:
                text = f"{text} {'↓' if self._descending else '↑'}"
            headers[column] = text
        return headers

    def _at(self) -> int | None:
        """The place of the cursor; None: there is none."""
        if self._cursor is None or self._cursor.gone:
            self._cursor = None
            return None
        # The rows are many, and those in sight are the likeliest.
        rows = self._rows
        for at in range(self._top, min(self._top + self._height, len(rows))):
            if rows[at] is self._cursor:
                return at
        return next((at for at, entry in enumerate(rows) if entry is self._cursor), None)

    def _select(self, at: int) -> None:
        self._moved_s = time.monotonic()
        self._cursor = self._rows[at]
        self._go(min(max(self._top, at - self._height + 1), at))

    def _go(self, top: int) -> None:
        self._top = max(min(top, len(self._rows) - self._height), 0)
        self.refresh()

    def _sort_by(self, column: Column) -> None:
        if column is self._by:
            self._descending = not self._descending
        else:
            # What is much or new is looked for first, and names in their order.
            self._by, self._descending = column, column is not Column.KEY
        self._arrange_now()

    def _arrange_now(self) -> None:
        if self._board is not None:
            self._widths = Widths()
            self._arrange(self._board)
            self.refresh()

    def _arrange(self, board: Board) -> None:
        at = self._at()
        line = None if at is None else at - self._top
        start_s = time.monotonic()
        board.arrange(self._by, descending=self._descending)
        self._in_disorder = False
        end_s = time.monotonic()
        self._sort_at_s = end_s + max(SORT_S, _SORT_SHARE * (end_s - start_s))
        at = self._at()
        top = self._top if at is None or line is None else at - line
        self._top = max(min(top, len(board.rows) - self._height), 0)

    def _title(self, board: Board, width: int) -> Strip:
        kept, distinct = len(board), board.distinct
        if kept == distinct and board.distinct_is_exact:
            keys = f"{kept:,} key{'' if kept == 1 else 's'}"
        else:
            more = "" if board.distinct_is_exact else "more than "
            keys = f"{kept:,} of {more}{distinct:,} keys"
        values = f"{self._follower.taken:,} value{'' if self._follower.taken == 1 else 's'}"
        name = "" if self._path is None else fit(printable(self._path.name), WIDEST_KEY)
        text = fit(f" Latest by {name} · {keys} · {values}", width)
        account = self._follower.account
        account = fit(f" · {account}", width - cell_len(text)) if account else ""
        room = width - cell_len(text) - cell_len(account)
        hints = next((hints for hints in _HINTS if cell_len(hints) + 3 <= room), "")
        hints += " " if hints else ""
        return Strip(
            [
                Segment(text, self.look("board-view--title")),
                Segment(account, self.look("board-view--behind")),
                self.blank(room - cell_len(hints)),
                Segment(hints, self.look("board-view--title")),
            ],
            width,
        )

    def _header(self, width: int) -> Strip:
        headers, text = self._headers, " "
        self._places = []
        for column in self._widths.columns:
            start = cell_len(text)
            text += self._widths.padded(column, headers[column])
            self._places.append((range(start, cell_len(text)), column))
        if width - cell_len(text) >= _LEAST_MESSAGE:
            text += self._form.header or "message"
        return self._text(text, "header", width)

    def _line(self, entry: Entry, cells: Cells, width: int, *, thumb: bool) -> Strip:
        at_cursor = entry is self._cursor
        segments = [Segment("▸" if at_cursor else " ", self._look("value", at_cursor))]
        kinds = {Column.KEY: "key", Column.COUNT: "quiet", Column.SEEN: "quiet"}
        for column in self._widths.columns:
            kind = kinds.get(column, "value")
            if column in (Column.CHANGE, Column.PERCENT):
                kind = ("quiet", "up", "down")[cells.sign]
            text = self._widths.padded(column, cells.texts[column])
            segments.append(Segment(text, self._look(kind, at_cursor)))
        room = width - 2 - self._widths.total
        text = ""
        if room >= _LEAST_MESSAGE - BETWEEN:
            text = self._form.text(entry.latest.row, entry.latest.value, room)
        text += " " * max(room - cell_len(text), 0)
        segments.append(Segment(text, self._look("value", at_cursor)))
        segments.append(Segment("┃" if thumb else " ", self.look("board-view--thumb")))
        return Strip(segments).adjust_cell_length(width, self.look(""))

    def _look(self, kind: str, at_cursor: bool) -> Style:
        return self.look(f"board-view--{'cursor' if at_cursor else kind}")

    def _text(self, text: str, kind: str, width: int) -> Strip:
        strip = Strip([Segment(fit(text, width), self.look(f"board-view--{kind}"))])
        return strip.adjust_cell_length(width, self.look(""))
