"""How a value stands in its line of the log: as it is, or as a row of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from grpctap.core.history import Located, Value
from grpctap.core.message import MessageError, Schema
from grpctap.core.text import MARKS_PER_CHARACTER, printable
from grpctap.widgets.lines import fit
from grpctap.widgets.log_lines import LogForm

if TYPE_CHECKING:
    from grpctap.core.cells import Cells

WIDEST_COLUMN = 40
"""Cells of any column but the last."""
BETWEEN = "  "


class LineForm:
    """Each value as the line that its schema makes of it."""

    header = ""

    def __init__(self, line: Callable[[bytes], str]) -> None:
        self._line = line

    def prepare(self, rows: Sequence[Located]) -> bool:  # noqa: ARG002
        """No line depends on another."""
        return False

    def text(self, row: int, value: Value, room: int) -> str:  # noqa: ARG002
        """A value's text in `room` cells."""
        # A character with its marks takes a cell at least, so no more than this can be in sight.
        most = room * (1 + MARKS_PER_CHARACTER) + 1
        return fit(printable(self._line(value.raw), most), room)


class TableForm:
    """The chosen fields of each value below each other; columns grow with what is in sight."""

    def __init__(self, schema: Schema, cells: Cells) -> None:
        self._schema, self._cells = schema, cells
        self._names = [printable(name) for name in cells.names]
        self._widths = [min(cell_len(name), WIDEST_COLUMN) for name in self._names]
        self._known: dict[int, list[str]] = {}
        self.header = self._row(self._names)

    def prepare(self, rows: Sequence[Located]) -> bool:
        """Reads what is in sight, and widens the columns for it."""
        self._known = {row: self._read(row, value) for row, value in rows}
        widths = [
            min(max(width, *(cell_len(cells[at]) for cells in self._known.values())), WIDEST_COLUMN)
            if self._known
            else width
            for at, width in enumerate(self._widths)
        ]
        if widths == self._widths:
            return False
        self._widths = widths
        self.header = self._row(self._names)
        return True

    def text(self, row: int, value: Value, room: int) -> str:
        """The row of a table in `room` cells."""
        return fit(self._row(self._read(row, value)), room)

    def _read(self, row: int, value: Value) -> list[str]:
        known = self._known.get(row)
        if known is not None:
            return known
        try:
            return self._cells.read(self._schema.message(value.raw))
        except MessageError as error:
            return [printable(str(error)), *[""] * (len(self._names) - 1)]

    def _row(self, cells: Sequence[str]) -> str:
        *others, last = cells
        padded = [
            set_cell_size(fit(cell, width), width)
            for cell, width in zip(others, self._widths, strict=False)
        ]
        return BETWEEN.join((*padded, last))


def form_of(schema: Schema) -> LogForm:
    """How the values of a stream stand in a log: as a table where somebody chose columns."""
    return LineForm(schema.line) if schema.cells is None else TableForm(schema, schema.cells)
