"""The part of a log that is in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.reactive import reactive
from textual.strip import Strip

from grpctap.core.history import Extent, Frozen, Located, Value
from grpctap.widgets.lines import fit, thumb
from grpctap.widgets.log_lines import LogForm, LogLines
from grpctap.widgets.selection import Selecting, as_selected

if TYPE_CHECKING:
    from grpctap.core.picked import View

NOTHING = Extent(0, 0, -1)
MAX_CACHED = 2_000


class LogWindow(Selecting, LogLines):
    """Draws the rows of a log that are in sight, from its place in the rows that it knows.

    It keeps its own place instead of being a ScrollView, whose every change of size lays the whole
    screen out anew, and which does not tell a person's scrolling from its own.
    """

    placeholder = reactive("")
    """What stands there while there is no row."""

    def __init__(self, form: LogForm) -> None:
        super().__init__(form)
        self._extent = NOTHING
        self._shown: View = Frozen(0, ())
        self._top = 0
        self._strips: dict[tuple[int, bool, bool], Strip] = {}

    @property
    def shown(self) -> View:
        """The rows that it knows: all, where it is frozen, else those in sight."""
        return self._shown

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
    def header(self) -> str:
        """What stands above its lines, in their columns; "": nothing."""
        above = self._form.header
        return f" {'':{self._number_width}}  {'received':<12}   {above}" if above else ""

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
