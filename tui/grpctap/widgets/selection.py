"""The cursor of a log, and the rows selected with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.segment import Segment
from rich.style import Style

BAR = "▌"
"""What stands in the margin of a selected row, which is seen without colours, too."""


class Selection:
    """A cursor on a row, and the rows from where it was when somebody began to select.

    Whatever moves the cursor without extending the selection ends it.
    """

    def __init__(self) -> None:
        self.cursor: int | None = None
        """The row of the cursor; None: there is none."""
        self._anchor: int | None = None

    @property
    def rows(self) -> range | None:
        """The selected rows, both ends among them; None: nothing is selected."""
        if self._anchor is None or self.cursor is None:
            return None
        return range(min(self._anchor, self.cursor), max(self._anchor, self.cursor) + 1)

    def move(self, row: int | None) -> None:
        """Puts the cursor on a row; to put it where it is moves nothing."""
        if row != self.cursor:
            self.cursor, self._anchor = row, None

    @contextmanager
    def extending(self) -> Iterator[None]:
        """What moves the cursor within extends the selection, or begins one where it was."""
        anchor = self.cursor if self._anchor is None else self._anchor
        yield
        self._anchor = anchor


class Selecting:
    """What a log knows of its cursor and its selection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._selection = Selection()

    @property
    def chosen(self) -> range | None:
        """The rows that were selected, and any others among them; None: none were."""
        return self._selection.rows

    @property
    def _cursor(self) -> int | None:
        return self._selection.cursor

    @_cursor.setter
    def _cursor(self, row: int | None) -> None:
        self._selection.move(row)


def as_selected(line: list[Segment], look: Style) -> list[Segment]:
    """The line of a selected row: the same, with a bar in its margin."""
    return [
        Segment(segment.text if at else BAR + segment.text[1:], (segment.style or look) + look)
        for at, segment in enumerate(line)
    ]
