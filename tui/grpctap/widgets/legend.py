"""What stands beside a chart in words: its title, and the legend of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import floor, isfinite, log10

from rich.cells import cell_len, set_cell_size

from grpctap.core.series import Column
from grpctap.core.ticks import SECOND, decimals_of, number_text, tick_label
from grpctap.widgets.braille import View
from grpctap.widgets.lines import fit_apart

Span = tuple[str, str]
"""A text, and the component class that colours it ("" for none)."""

TITLE, STILL, UP, DOWN = "chart--title", "chart--still", "chart--up", "chart--down"
LINES = (
    "chart--line",
    "chart--line-2",
    "chart--line-3",
    "chart--line-4",
    "chart--line-5",
    "chart--line-6",
)
NONE = "–"
MOST_DECIMALS = 6
NAME_WIDTHS = (32, 24, 16, 12, 8)
LONG_NAME = 24
"""Cells of a name for which columns are left out, unless there is room for both."""
ROOMY = 60
"""Cells for a legend in which there is."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a view has at its cursor.

    `low` and `high` are the extremes of the cell; where nothing came in it, both are the value
    before, and `is_before` says so. `at_ns` is the time of its only value; None: it has not one.
    """

    low: float
    high: float
    is_before: bool = False
    at_ns: int | None = None

    def text(self, decimals: int) -> str:
        """The value, or "least–greatest"; in parentheses where it came before."""
        low, high = number_text(self.low, decimals), number_text(self.high, decimals)
        if self.is_before:
            return f"({high})"
        return high if self.low == self.high else f"{low}–{high}"


def reading(view: View, cell: int) -> Reading | None:
    """Reads a view at a cell; None where no value came up to there."""
    found = [column for column in view.columns[2 * cell : 2 * cell + 2] if column is not None]
    if found:
        alone = found[0].first_ns == found[-1].last_ns
        low = min(column.low for column in found)
        high = max(column.high for column in found)
        return Reading(low, high, at_ns=found[0].first_ns if alone and low == high else None)
    earlier: Column | None = None
    for column in reversed(view.columns[: 2 * cell]):
        if column is not None:
            earlier = column
            break
    if earlier is not None:
        return Reading(earlier.last, earlier.last, is_before=True)
    if view.before is not None:
        return Reading(view.before.value, view.before.value, is_before=True)
    return None


def moment(time_ns: int, today_ns: int, tz: tzinfo | None) -> str:
    """A time to the millisecond, with its date unless that is the same day as `today_ns`."""
    clock = datetime.fromtimestamp(time_ns // SECOND, tz)
    text = f"{clock:%H:%M:%S}.{time_ns % SECOND // 1_000_000:03d}"
    if clock.date() == datetime.fromtimestamp(today_ns // SECOND, tz).date():
        return text
    return f"{clock:%Y-%m-%d} {text}"


def decimals_for(view: View, read: Reading | None = None) -> int:
    """How many decimals the numbers of a view need, and those read in it."""
    found = list(view.recent)
    if read is not None:
        found += [read.low, read.high]
    return decimals_of(found)


def change_of(view: View, decimals: int) -> Span | None:
    """By how much the last number differs from the one before; None: there is no such."""
    if len(view.recent) < 2:
        return None
    kind = TITLE if view.moving else STILL
    less = view.recent[-1] - view.recent[-2]
    sign, colour = ("▲", UP) if less > 0 else ("▼", DOWN) if less < 0 else ("=", kind)
    # Two numbers can be further apart than any number is great.
    size = f" {number_text(abs(less), decimals)}" if isfinite(less) else ""
    return sign + size, colour


def title_row(
    view: View, width: int, read: Reading | None = None, at: str = "", *, bare: bool = False
) -> list[Span]:
    """The name, the last value and its change, as much as fits, at the right end of a row.

    Args:
        view: What it is about.
        width: Of the row, in cells.
        read: What to tell instead of the last value.
        at: The time of the cursor; "": there is none.
        bare: Whether to tell of the time alone.
    """
    kind = TITLE if view.moving else STILL
    name: list[Span] = [(view.name, kind), (" ", kind)] if view.name else []
    when: list[Span] = [(at, TITLE), ("  ", kind)] if at else []
    if bare:
        choices = [when[:1]]
    elif at:
        value = (read.text(decimals_for(view, read)) if read else NONE, TITLE)
        choices = [[*when, *name, value], [*when, value], [value]]
    elif not view.recent:
        choices = [[(view.name, kind)]]
    else:
        decimals = decimals_of(view.recent)
        value = (number_text(view.recent[-1], decimals), kind)
        change = change_of(view, decimals)
        more: list[Span] = [("  ", kind), change] if change else []
        choices = [[*name, value, *more], [value, *more], [value]]
    spans: list[Span] = []
    for choice in choices:
        spans = choice
        if sum(cell_len(text) for text, _ in choice) <= width:
            break
    room = width - sum(cell_len(text) for text, _ in spans)
    if room < 0:
        # A number that is merely cut off would be another number.
        return [(set_cell_size(spans[0][0], width - 1) + "…", kind)]
    # One cell of margin, as the lines above and below have it.
    margin = min(room, 1)
    return [(" " * (room - margin), ""), *spans, (" " * margin, "")]


def range_text(low: float, high: float) -> str:
    """A range in short, such as "77.9–79.1" or "1.2M–3.4M"."""
    step = (high - low) / 20
    if not step > max(abs(low), abs(high)) * 1e-9:
        step = max(abs(low), abs(high), 1.0) * 1e-3
    step = max(10.0 ** floor(log10(step)), 10.0**-MOST_DECIMALS)
    return f"{tick_label(low, step)}–{tick_label(high, step)}"


def legend(
    views: Sequence[View],
    ranges: Sequence[tuple[float, float] | None],
    selected: int,
    limit: int,
    cursor: int | None = None,
) -> list[list[Span]]:
    """The lines of a chart, one a row, in columns: number, name, last value, change, range.

    Args:
        views: The lines; all have one order and one place in time.
        ranges: From where to where each is drawn; all None leaves that column out.
        selected: The line that is marked as the chosen one.
        limit: How many cells there are; columns that find no room are left out.
        cursor: The cell whose values to tell instead of the last; None: there is none.
    """
    table: list[list[Span]] = []
    for view, drawn in zip(views, ranges, strict=True):
        kind = TITLE if view.moving else STILL
        row: list[Span] = []
        if cursor is not None:
            read = reading(view, cursor)
            row.append((read.text(decimals_for(view, read)) if read else NONE, TITLE))
            row.append(("", ""))
        else:
            decimals = decimals_of(view.recent)
            row.append((number_text(view.recent[-1], decimals) if view.recent else NONE, kind))
            row.append(change_of(view, decimals) or ("", ""))
        row.append((range_text(*drawn) if drawn is not None else "", STILL))
        table.append(row)
    longest = max(cell_len(view.name) for view in views)
    widths = [max(cell_len(row[at][0]) for row in table) for at in range(3)]
    for columns in (3, 2, 1):
        used = 2 + sum(width + 1 for width in widths[:columns] if width)
        widest = NAME_WIDTHS[0] if limit >= ROOMY else LONG_NAME - (columns > 1)
        names = [min(longest, most) for most in NAME_WIDTHS if most <= widest]
        fitting = [name for name in names if used + name <= limit]
        if fitting:
            break
    else:
        return []
    drawn_rows: list[list[Span]] = []
    cut = fit_apart([view.name for view in views], fitting[0])
    for number, (name, row) in enumerate(zip(cut, table, strict=True)):
        sign = "▸" if number == selected else " "
        head = f"{number + 1}{sign}{name}{' ' * (fitting[0] - cell_len(name))}"
        spans = [(head, LINES[number])]
        for at, (text, kind) in enumerate(row[:columns]):
            if widths[at]:
                room = " " * (widths[at] - cell_len(text))
                # Numbers are right in their column, and signs of changes stand below each other.
                spans.append((f" {room}{text}" if at == 0 else f" {text}{room}", kind))
        drawn_rows.append(spans)
    return drawn_rows
