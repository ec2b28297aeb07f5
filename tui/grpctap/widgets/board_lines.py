"""The lines of a board: its title, the names of its columns, and one a key."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from grpctap.core.board import Board, Entry
from grpctap.core.board_order import Column
from grpctap.core.follow import Follower, Source
from grpctap.core.keys import FieldPath
from grpctap.core.sieve import Sieve
from grpctap.core.text import printable
from grpctap.widgets.board_line import BETWEEN, WIDEST_KEY, Cells, Widths, cells_of
from grpctap.widgets.lines import LineWidget, fit, thumb
from grpctap.widgets.log_lines import LogForm

HEADER_LINES = 2
_LEAST_MESSAGE = 24
# As much as there is room for.
_HINTS = (
    "k key · v value · ← → sort · u turn · d change since",
    "k key · v value · ← → sort · u turn",
    "← → sort · u turn",
    "← → sort",
    "",
)


class BoardLines(LineWidget):
    """Writes a board, line by line.

    Args:
        source: Where the rows come from.
        form: Writes the messages.
    """

    DEFAULT_CSS = """
    BoardLines {
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

    def __init__(self, source: Source, form: LogForm) -> None:
        super().__init__()
        self._form = form
        self._sieve = Sieve(source)
        self._follower = Follower(self._sieve)
        self._board: Board | None = None
        self._path: FieldPath | None = None
        self._by, self._descending = Column.KEY, False
        self._top = 0
        self._cursor: Entry | None = None
        self._widths = Widths()
        self._now_ns = 0
        self._places: list[tuple[range, Column]] = []

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
                note = "" if rows or at else self._empty
                drawn.append(self._text(note, "title", width))
        return drawn

    @property
    def _empty(self) -> str:
        """What stands where there are no rows."""
        if self._sieve.matches is None:
            return " waiting for values"
        return " no value matches" + (" yet" if self._follower.behind else "")

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

    def _title(self, board: Board, width: int) -> Strip:
        kept, distinct = len(board), board.distinct
        if kept == distinct and board.distinct_is_exact:
            keys = f"{kept:,} key{'' if kept == 1 else 's'}"
        else:
            more = "" if board.distinct_is_exact else "more than "
            keys = f"{kept:,} of {more}{distinct:,} keys"
        seen = self._follower.taken
        values = f"{seen:,} value{'' if seen == 1 else 's'}"
        if self._sieve.matches is not None:
            values = f"{board.taken:,} of {values} match"
        name = "" if self._path is None else fit(printable(self._path.name), WIDEST_KEY)
        text = fit(f" Latest by {name} · {keys} · {values}", width)
        # What came after the moment at which it stands still is nothing that it is behind.
        account = self._follower.account if self._sieve.end is None else self._follower.never
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
            text += self._widths.header(column, headers[column])
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
