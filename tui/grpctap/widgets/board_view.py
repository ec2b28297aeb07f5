"""The board on the screen: one line a key, sorted, with a cursor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from grpctap.core.board import Board
from grpctap.core.board_order import Column
from grpctap.core.follow import LOOK_S, Follower, Source
from grpctap.core.history import Located
from grpctap.core.keys import FieldPath
from grpctap.core.matches import Matches
from grpctap.widgets.board_line import Widths
from grpctap.widgets.board_lines import HEADER_LINES, BoardLines
from grpctap.widgets.log_lines import LogForm
from grpctap.widgets.stream_log import WHEEL_ROWS

SORT_S = 1.0
"""The order is renewed after so many seconds, at the earliest."""
REST_S = 2.0
"""So long after a key nothing changes its place, in seconds."""
# Of the time, sorting takes one part in so many.
_SORT_SHARE = 20
# Ages go on where nothing else does.
_AGES_S = 0.5


class BoardView(BoardLines, can_focus=True):
    """Shows a board, which it lets take what is new at each look.

    Rows keep their places for a second at least, and while the cursor is moved. The cursor stays
    with its key, and on its line.
    """

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
        Binding("k", "choose_key", "Key", show=False),
        Binding("v", "choose_value", "Value", show=False),
    ]

    class Opened(Message):
        """Somebody wants to look closely at the message that `selected` gives."""

    class Choose(Message):
        """Somebody wants another field: for the key, or for the value."""

        def __init__(self, *, key: bool) -> None:
            super().__init__()
            self.key = key

    def __init__(self, source: Source, form: LogForm) -> None:
        super().__init__(source, form)
        self._drawn_s = self._moved_s = float("-inf")
        self._sort_at_s = 0.0
        self._sorted_s = 0.0
        self._in_disorder = False
        self._is_asked_for = False

    @property
    def board(self) -> Board | None:
        """What it shows; None: there is no key yet."""
        return self._board

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._sieve.end is not None

    def freeze(self, end: int | None) -> None:
        """Takes nothing from this row on, however long it looks; None: it follows again."""
        self._sieve.end = end

    def show(self, path: FieldPath, board: Board) -> None:
        """Shows a board by another key, from the oldest row that is kept on."""
        self._path, self._board = path, board
        self._begin_anew()

    def sift(self, matches: Matches | None) -> None:
        """Shows the latest among these matches, from the oldest row on; None: among all values."""
        if matches is self._sieve.matches:
            return
        self._sieve.matches = matches
        if self._board is not None:
            self._board.clear()
        self._begin_anew()

    def pull(self, now_ns: int) -> None:
        """Takes what is new, and draws it; `now_ns` is the time on the source's clock."""
        board = self._board
        if board is None:
            return
        changed = False
        now_s = time.monotonic()
        rests = now_s >= self._moved_s + REST_S
        is_due = self._in_disorder and rests and now_s >= self._sort_at_s
        # What is taken and what is sorted share the time of a frame.
        sorts = board.is_ordering or is_due
        for taken in self._follower.look(LOOK_S / 2 if sorts else LOOK_S):
            if taken.anew:
                board.clear()
                self._top, self._cursor = 0, None
            board.take(taken, self._sieve.chosen)
            changed = self._in_disorder = True
        if board.is_ordering:
            if rests or self._is_asked_for:
                changed |= self._order_on(board, LOOK_S / 2)
        elif self._in_disorder and rests and now_s >= self._sort_at_s:
            self._is_asked_for = False
            changed |= self._begin_order(board)
        if changed or (now_s - self._drawn_s >= _AGES_S and not self.frozen):
            self._drawn_s = now_s
            if not self.frozen or not self._now_ns:
                self._now_ns = now_ns
            self.refresh()

    @property
    def is_busy(self) -> bool:
        """Whether there is more to do than a look had time for."""
        if self._board is None:
            return False
        end, follower = self._sieve.end, self._follower
        more = follower.behind > 0 and (end is None or follower.next_row < end)
        return more or self._board.is_ordering

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
        self._sort_at_s, self._in_disorder = 0.0, True
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

    def _begin_anew(self) -> None:
        self._follower = Follower(self._sieve)
        self._top, self._cursor, self._widths = 0, None, Widths()
        self._sort_at_s = 0.0
        self.refresh()

    def _arrange_now(self) -> None:
        if self._board is not None:
            self._widths = Widths()
            self._is_asked_for = True
            self._begin_order(self._board)
            self.refresh()

    def _begin_order(self, board: Board) -> bool:
        """Begins to sort, and does what there is time for; returns whether that was all."""
        self._in_disorder, self._sorted_s = False, 0.0
        with self._cursor_in_place():
            # By age there is nothing to do but this.
            board.begin_order(self._by, descending=self._descending)
        return self._order_on(board, LOOK_S / 2)

    def _order_on(self, board: Board, limit_s: float) -> bool:
        """Sorts on; returns whether the rows are in order now."""
        start_s = time.monotonic()
        with self._cursor_in_place():
            done = board.order_on(limit_s)
        end_s = time.monotonic()
        self._sorted_s += end_s - start_s
        if done:
            self._sort_at_s = end_s + max(SORT_S, _SORT_SHARE * self._sorted_s)
        return done

    @contextmanager
    def _cursor_in_place(self) -> Iterator[None]:
        """Keeps the cursor on its line, whatever becomes of the rows meanwhile."""
        at = self._at()
        line = None if at is None else at - self._top
        yield
        at = self._at()
        top = self._top if at is None or line is None else at - line
        self._top = max(min(top, len(self._rows) - self._height), 0)
