"""One line of a board: the cells of a key, and how wide its columns are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from grpctap.core.board import Board, Entry
from grpctap.core.board_order import Column
from grpctap.core.seams import duration
from grpctap.core.ticks import decimals_of, number_text
from grpctap.widgets.lines import fit

BETWEEN = 2
WIDEST_KEY = 40
_LONGEST_PERCENT = 1e6
_ALIGNED = (Column.VALUE, Column.CHANGE, Column.PERCENT)
# What stands before the point of a number; a power of ten is all of it.
_WHOLE = re.compile(r".*e.*|[^.%]*")
# On a narrow screen the first of these give way.
_DISPENSABLE = (Column.PERCENT, Column.COUNT, Column.SEEN, Column.CHANGE)
# So that a column does not move when its numbers gain a digit.
_LEAST = {
    Column.VALUE: 8,
    Column.CHANGE: 8,
    Column.PERCENT: 8,
    Column.COUNT: 7,
    Column.SEEN: 9,
}


class Cells(NamedTuple):
    """The cells of a key, printable; `sign` is that of its change, 0 where there is none."""

    texts: dict[Column, str]
    sign: int


def cells_of(board: Board, entry: Entry, key: str, now_ns: int) -> Cells:
    """What the columns have of a key that is `key` in words."""
    texts = {Column.KEY: key}
    sign = 0
    number, change = board.number(entry), board.change(entry)
    if board.has_numbers:
        texts[Column.VALUE] = texts[Column.CHANGE] = texts[Column.PERCENT] = "-"
        if number is not None:
            before = [number - change[0]] if change is not None else []
            decimals = entry.decimals = max(decimals_of([number, *before]), entry.decimals)
            texts[Column.VALUE] = number_text(number, decimals)
            if change is not None:
                sign = (change[0] > 0) - (change[0] < 0)
                less = f"{'▲' if sign > 0 else '▼'} {number_text(abs(change[0]), decimals)}"
                texts[Column.CHANGE] = less if sign else "="
                texts[Column.PERCENT] = _percent(change[1])
    texts[Column.COUNT] = f"{entry.count:,}{'+' if entry.came_back else ''}"
    texts[Column.SEEN] = f"{_age(now_ns - entry.time_ns)} ago"
    return Cells(texts, sign)


class Widths:
    """The widths of the columns, which grow with what is in sight."""

    def __init__(self) -> None:
        self.columns: dict[Column, int] = {}
        self._tails: dict[Column, int] = {}

    def fit(self, rows: Sequence[Cells], headers: dict[Column, str], room: int) -> None:
        """Widens the columns for rows, and leaves out those for which there is no room."""
        known = self.columns
        widths: dict[Column, int] = {}
        for column in [column for column in Column if column in headers]:
            texts = [cells.texts[column] for cells in rows]
            needed = [cell_len(text) for text in texts]
            if column in _ALIGNED:
                # Their points stand below each other, so each reaches as far beyond it.
                tails = [_tail(text) for text in texts]
                tail = self._tails[column] = max([self._tails.get(column, 0), *tails])
                needed = [width + tail - own for width, own in zip(needed, tails, strict=True)]
            least = max(known.get(column, _LEAST.get(column, 0)), cell_len(headers[column]))
            widths[column] = max([least, *needed])
        widths[Column.KEY] = min(widths[Column.KEY], WIDEST_KEY, max(room // 3, 4))
        for column in _DISPENSABLE:
            if self.taken(widths) > room:
                widths.pop(column, None)
        self.columns = widths

    @staticmethod
    def taken(widths: dict[Column, int]) -> int:
        """How many cells columns take together."""
        return sum(widths.values()) + BETWEEN * len(widths)

    @property
    def total(self) -> int:
        """How many cells the columns take."""
        return self.taken(self.columns)

    def padded(self, column: Column, text: str) -> str:
        """A cell in its column, with blanks behind; keys at its left, numbers by their points."""
        width = self.columns[column]
        if column is Column.KEY:
            return set_cell_size(fit(text, width), width + BETWEEN)
        if column in _ALIGNED:
            text += " " * (self._tails.get(column, 0) - _tail(text))
        return self.header(column, text)

    def header(self, column: Column, text: str) -> str:
        """What stands above a column, with blanks behind."""
        width = self.columns[column]
        text = fit(text, width)
        if column is Column.KEY:
            return set_cell_size(text, width + BETWEEN)
        return " " * (width - cell_len(text)) + text + " " * BETWEEN


def _tail(text: str) -> int:
    """How many cells of a number stand from its point on, or from where one would stand."""
    return len(text) - len(_WHOLE.match(text)[0])  # type: ignore[index]


def _percent(percent: float | None) -> str:
    if percent is None:
        return "-"
    if abs(percent) >= _LONGEST_PERCENT:
        return f"{percent:+.0e}%"
    return f"{percent:+.2f}%" if abs(percent) < 1000 else f"{percent:+,.0f}%"


def _age(age_ns: int) -> str:
    # Tenths of a second are of interest for as long as they can be read.
    if age_ns < 10_000_000_000:
        return duration(age_ns)
    seconds = age_ns // 1_000_000_000
    return f"{seconds} s" if seconds < 60 else duration(age_ns)
