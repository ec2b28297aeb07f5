"""The lines of a log: how a value and a seam are written and coloured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from grpctap.core.history import Located, Value
from grpctap.core.seams import Cause, Interruption, Seam, clock_time
from grpctap.core.text import printable
from grpctap.widgets.lines import LineWidget, fit

if TYPE_CHECKING:
    from grpctap.core.matches import Matches

BROKEN = frozenset({Cause.FAILED, Cause.LOST})


class LogForm(Protocol):
    """Writes the values of a log."""

    header: str
    """What stands above them; "": nothing."""

    def prepare(self, rows: Sequence[Located]) -> bool:
        """Takes a look at all that is in sight; returns whether lines look different from now."""

    def text(self, row: int, value: Value, room: int) -> str:
        """A value's text in `room` cells, printable."""


class LogLines(LineWidget):
    """Writes the rows of a log, each as a line.

    Args:
        form: Writes the values.
    """

    def __init__(self, form: LogForm) -> None:
        super().__init__()
        self._form = form
        self._matches: Matches | None = None
        self._only_matches = True
        self._number_width = 0
        self._second = (-1, "")

    def _whole(self, segments: list[Segment], width: int, thumb: bool) -> Strip:
        """A line with the scroll bar at its end."""
        used = sum(
            len(segment.text) if segment.text.isascii() else segment.cell_length
            for segment in segments
        )
        if used < width:
            blank = self.blank(width - used)
            if segments and segments[0].style == self.look("stream-log--cursor"):
                blank = Segment(blank.text, segments[0].style)
            segments.append(blank)
        segments.append(Segment("┃" if thumb else " ", self.look("stream-log--thumb")))
        return Strip(segments, width + 1)

    def _value(
        self,
        row: int,
        value: Value,
        width: int,
        *,
        at_cursor: bool = False,
        match: bool = False,
    ) -> list[Segment]:
        marked = match and not self._only_matches
        sign = "▸" if at_cursor else "•" if marked else " "
        number = f"{sign}{f'#{value.label}':>{self._number_width}}  "
        time = f"{self._time(value.time_ns)}   "
        room = width - len(number) - len(time)
        if room < 0:
            return [Segment(fit(number, width), self._look_of("number", at_cursor))]
        text = self._form.text(row, value, room)
        return [
            Segment(number, self._look_of("mark" if marked else "number", at_cursor)),
            Segment(time, self._look_of("time", at_cursor)),
            *self._marked(text, at_cursor=at_cursor, match=match),
        ]

    def _marked(self, text: str, *, at_cursor: bool, match: bool) -> list[Segment]:
        """The text of a line, with what the filter looks for marked."""
        plain = self._look_of("value", at_cursor)
        spans = self._matches.wanted.spans(text) if match and self._matches is not None else []
        if not spans:
            return [Segment(text, plain)]
        marked = self.look(f"stream-log--{'cursor-match' if at_cursor else 'match'}")
        segments, at = [], 0
        for start, stop in spans:
            if at < start:
                segments.append(Segment(text[at:start], plain))
            segments.append(Segment(text[start:stop], marked))
            at = stop
        return [*segments, Segment(text[at:], plain)] if at < len(text) else segments

    def _look_of(self, part: str, at_cursor: bool) -> Style:
        return self.look(f"stream-log--{'cursor' if at_cursor else part}")

    def _time(self, time_ns: int) -> str:
        second, rest = divmod(time_ns, 1_000_000_000)
        if self._second[0] != second:
            self._second = second, clock_time(time_ns)
        return f"{self._second[1]}.{rest // 1_000_000:03d}"

    def _seam(self, seam: Seam, width: int) -> Segment:
        broken = not isinstance(seam, Interruption) or seam.cause in BROKEN
        text = fit(rule(printable(seam.text()), width), width)
        return Segment(text, self.look("stream-log--fault" if broken else "stream-log--seam"))


def rule(text: str, width: int) -> str:
    """A horizontal rule over `width` cells with `text` near its left end."""
    text = fit(text, width - 6)
    return f" ── {text} ".ljust(width - cell_len(text) + len(text) - 1, "─")
