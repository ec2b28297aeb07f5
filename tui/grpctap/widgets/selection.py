"""The cursor of a log, and the rows selected with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


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

    def mark(self, row: int) -> str:
        """How the row is marked: "cursor", "selected", or "" where it is not."""
        if row == self.cursor:
            return "cursor"
        return "selected" if self.rows is not None and row in self.rows else ""

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
