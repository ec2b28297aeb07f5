"""Finding on the watch screen: from what is written in the filter line to what the log shows."""

from __future__ import annotations

from grpctap.core.filters.errors import FilterError
from grpctap.core.filters.kinds import Filter, Maker
from grpctap.core.history import Located
from grpctap.core.matches import Matches
from grpctap.finder import Finder
from grpctap.watched import Watched
from grpctap.widgets.filter_line import FilterLine
from grpctap.widgets.stream_log import StreamLog


class Finding:
    """Keeps the filter line and the log at one.

    What is written is applied at once when it can be read; until then the last filter that could
    be goes on, and also while it may become a condition.
    """

    def __init__(self, tap: Watched, line: FilterLine, log: StreamLog) -> None:
        self._tap, self._line, self._log = tap, line, log
        self._maker = Maker(tap.schema)
        self._finder = Finder()
        self._matches: Matches | None = None

    @property
    def is_open(self) -> bool:
        """Whether the line is there."""
        return bool(self._line.display)

    @property
    def is_written(self) -> bool:
        """Whether somebody writes in the line now."""
        return self.is_open and self._line.is_written

    @property
    def wanted(self) -> Filter | None:
        """The filter that the log shows; None: none."""
        return None if self._matches is None else self._matches.wanted

    @property
    def shown(self) -> Matches | None:
        """The matches that are shown alone; None: all values are."""
        return self._matches if self._line.only else None

    def open(self) -> None:
        """Lets somebody write a filter."""
        self._line.open()

    def close(self) -> None:
        """Clears the filter."""
        self._line.close()
        self._maker.forget()
        self._apply(None)

    def end(self) -> None:
        """Ends the work."""
        self._finder.close()

    def written(self, text: str) -> None:
        """Another text is written."""
        self._line.lacking = self._maker.lacks(text) or ""
        if self._line.lacking:
            self._line.error = None
            self.look()
        else:
            self._make(text)

    def settle(self) -> None:
        """Nothing more is written: what may have become a condition is text."""
        if self._line.lacking:
            self._line.lacking = ""
            self._make(self._line.text)

    def _make(self, text: str) -> None:
        try:
            made = self._maker.make(text)
        except FilterError as error:
            self._line.error = error
        else:
            self._line.error = None
            self._apply(made)
        self.look()

    def switch(self) -> None:
        """Shows all rows with the matches marked, or the matches only again."""
        self._line.only = not self._line.only
        if self._matches is not None:
            self._log.find(self._matches, only=self._line.only)

    def look(self) -> None:
        """Tells how far it has come."""
        matches = self._matches
        self._line.progress = None if matches is None else matches.progress()
        if matches is not None:
            self._log.placeholder = self._placeholder(matches)

    def step(self, row: int, by: int) -> Located | None:
        """The neighbour of a row among what the log shows."""
        if self._matches is None or not self._line.only:
            return self._tap.step(row, by)
        return self._matches.step(row, by)

    def walk(self, by: int) -> str:
        """Goes to the next match (`by` 1) or the one before (-1); returns why it does not: ""."""
        matches, log = self._matches, self._log
        if matches is None:
            return "There is no filter: / begins one"
        if log.frozen:
            at = log.selected
            start = at.row if at is not None else 0
        else:
            log.frozen = True
            at = log.selected
            start = at.row + 1 if at is not None and by < 0 else 0
            if by > 0:
                return "This is the newest; , goes back"
        found = matches.step(start, by)
        if found is not None:
            log.select(found.row)
            return ""
        more = ", as far as was checked yet" if matches.progress().left else ""
        return f"No {'newer' if by > 0 else 'older'} match{more}"

    def _apply(self, wanted: Filter | None) -> None:
        if wanted is None:
            self._matches = None
        elif self._matches is None or self._matches.wanted.text != wanted.text:
            self._matches = Matches(self._tap, wanted, self._log.still)
        self._line.applied = "" if wanted is None else wanted.text
        self._finder.find(self._matches)
        self._log.find(self._matches, only=self._line.only)

    def _placeholder(self, matches: Matches) -> str:
        now = matches.progress()
        if now.left:
            return f"none yet; {now.left:,} more to check"
        return "no value matches" if now.checked else "no value was received yet"
