"""Dots, eight to a character cell, and the line of a chart drawn with them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from grpctap.core.series import Column, Mark, Point
from grpctap.core.ticks import Scale, within_reach

FAR = 1e9
"""Dots this far off are as good as infinitely far, and still fit into any number."""


def _pattern(left: int, right: int) -> str:
    # Braille numbers its dots oddly, since the lowest row was added to it late.
    code = 0
    for nibble, dots in ((left, (0x40, 0x04, 0x02, 0x01)), (right, (0x80, 0x20, 0x10, 0x08))):
        code |= sum(dot for bit, dot in enumerate(dots) if nibble >> bit & 1)
    return chr(0x2800 + code) if code else " "


PATTERNS = {
    (f"{left:x}", f"{right:x}"): _pattern(left, right) for left in range(16) for right in range(16)
}


class Dots:
    """A grid of dots: 2 across and 4 down in each cell; x counts from the left, y from the bottom.

    Each column of dots is one int with a bit for each dot, so that a run of dots is one operation
    whatever its length.
    """

    def __init__(self, columns: int, rows: int) -> None:
        """Makes an empty grid of so many cells; less than none is none."""
        self.columns = max(columns, 0)
        self.rows = max(rows, 0)
        self.width = 2 * self.columns
        self.height = 4 * self.rows
        self._masks = [0] * self.width

    def vertical(self, x: int, y0: int, y1: int) -> None:
        """Sets the dots of column `x` from `y0` to `y1`, both included, in either order.

        What lies outside the grid is left out.
        """
        if y0 > y1:
            y0, y1 = y1, y0
        y0, y1 = max(y0, 0), min(y1, self.height - 1)
        if 0 <= x < self.width and y0 <= y1:
            self._masks[x] |= (2 << y1) - (1 << y0)

    def line(self, x0: int, y0: float, x1: int, y1: float) -> None:
        """Sets the dots of a straight line between two points, `x0` <= `x1`."""
        if x0 >= x1:
            self.vertical(x0, round(y0), round(y1))
            return
        slope = (y1 - y0) / (x1 - x0)
        for x in range(max(x0, 0), min(x1, self.width - 1) + 1):
            middle = y0 + slope * (x - x0)
            left = middle if x == x0 else middle - slope / 2
            right = middle if x == x1 else middle + slope / 2
            low, high = (left, right) if left <= right else (right, left)
            # Each dot row between belongs to one column alone, which keeps a steep line thin.
            bottom, top = -int(-low // 1), -int(-high // 1) - 1
            if bottom > top:
                bottom = top = round(middle)
            self.vertical(x, bottom, top)

    def lines(self) -> list[str]:
        """The rows of cells from the top, each a text of braille characters and spaces."""
        if not self.columns:
            return [""] * self.rows
        rows = self.rows
        # In hexadecimal, a column's digits are its cells from the top.
        digits = [f"{mask:0{rows}x}" for mask in self._masks]
        cells = [
            map(PATTERNS.__getitem__, zip(digits[x], digits[x + 1], strict=True))
            for x in range(0, self.width, 2)
        ]
        return ["".join(row) for row in zip(*cells, strict=True)] if rows else []


@lru_cache(maxsize=4096)
def _merged(cell: tuple[str, ...]) -> tuple[str, int]:
    code, last = 0, 0
    for number, character in enumerate(cell):
        if character != " ":
            code |= ord(character) - 0x2800
            last = number
    return (chr(0x2800 + code) if code else " "), last


def merge(rows: Sequence[str]) -> list[tuple[str, int]]:
    """Lays rows of cells of the same width over each other.

    Returns:
        Runs of cells with the dots of all, and of which row the last dots in them are.
    """
    cells = map(_merged, zip(*rows, strict=True))
    runs: list[tuple[str, int]] = []
    for last, run in groupby(cells, key=_last):
        runs.append(("".join(character for character, _ in run), last))
    return runs


def _last(cell: tuple[str, int]) -> int:
    return cell[1]


@dataclass(frozen=True, slots=True)
class View:
    """A copy of what a frame shows of a line: `columns` are columns of dots, of `dot_ns` each."""

    columns: Sequence[Column | None]
    start_ns: int
    dot_ns: int
    before: Point | None
    after: Point | None
    marks: Sequence[Mark]
    name: str
    recent: Sequence[float]
    moving: bool


def value_range(view: View) -> tuple[float, float] | None:
    """The least and the greatest number that the line of a view comes to; None without a line."""
    shown = [column for column in view.columns if column is not None]
    lows = [column.low for column in shown]
    highs = [column.high for column in shown]
    ends = view.before, (Point(shown[0].first_ns, shown[0].first) if shown else view.after)
    later = (Point(shown[-1].last_ns, shown[-1].last) if shown else view.before), view.after
    end_ns = view.start_ns + view.dot_ns * len(view.columns)
    for (left, right), time_ns in ((ends, view.start_ns), (later, end_ns)):
        if left is not None and right is not None and right.time_ns > left.time_ns:
            part = (time_ns - left.time_ns) / (right.time_ns - left.time_ns)
            value = left.value * (1 - part) + right.value * part
            lows.append(value)
            highs.append(value)
    if not lows:
        return None
    return within_reach(min(lows)), within_reach(max(highs))


def plot(view: View, scale: Scale) -> Dots:
    """Draws the line: each column from its least to its greatest number, joined to the next."""
    dots = Dots(len(view.columns) // 2, scale.rows)
    starts = [mark.start_ns for mark in view.marks]

    def dot(value: float) -> float:
        return min(max(scale.dot(value), -FAR), FAR)

    def joined(left_ns: int, right_ns: int) -> bool:
        return not starts or bisect_left(starts, left_ns) == bisect_left(starts, right_ns)

    last_x, last_ns, last, last_low, last_high = -1, 0, 0.0, 0, 0
    if view.before is not None:
        last_x = (view.before.time_ns - view.start_ns) // view.dot_ns
        last_ns, last = view.before.time_ns, view.before.value
    drawn = False
    for x, column in enumerate(view.columns):
        if column is None:
            continue
        low, high = int(dot(column.low) + 0.5), int(dot(column.high) + 0.5)
        if (drawn or view.before is not None) and joined(last_ns, column.first_ns):
            if x > last_x + 1:
                dots.line(last_x, dot(last), x, dot(column.first))
            elif drawn and low > last_high:
                middle = (last_high + low) // 2
                dots.vertical(last_x, last_high, middle)
                dots.vertical(x, min(middle + 1, low), low)
            elif drawn and high < last_low:
                middle = (last_low + high) // 2
                dots.vertical(last_x, middle + 1, last_low)
                dots.vertical(x, high, max(middle, high))
        dots.vertical(x, low, high)
        last_x, last_ns, last, last_low, last_high = x, column.last_ns, column.last, low, high
        drawn = True
    if view.after is not None and (drawn or view.before is not None):
        x = (view.after.time_ns - view.start_ns) // view.dot_ns
        if joined(last_ns, view.after.time_ns):
            dots.line(last_x, dot(last), x, dot(view.after.value))
    return dots
