"""JSON in colours, wrapped to the width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from grpctap.core.pretty import Kind, Line, Piece

HANGING = 4
"""How much further in the rest of a long line stands, in cells."""


class JsonView(ScrollView, can_focus=True):
    """Shows lines of JSON, and draws only those in sight."""

    DEFAULT_CSS = """
    JsonView {
        background: $background;
        color: $foreground;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .json-view--name { color: $text-primary; }
        & > .json-view--text { color: $text-success; }
        & > .json-view--number { color: $text-warning; }
        & > .json-view--word { color: $text-accent; }
        & > .json-view--sign { color: $text-muted; }
        & > .json-view--mark { color: $text-error; text-style: italic; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"json-view--{kind.value}" for kind in Kind}

    def __init__(self) -> None:
        super().__init__()
        self._lines: Sequence[Line] = ()
        self._rows: list[Line] = []
        self._width = 0

    def show(self, lines: Sequence[Line]) -> None:
        """Shows other lines, from their beginning."""
        self._lines = lines
        self._wrap()
        self.scroll_to(0, 0, animate=False)

    def on_resize(self) -> None:
        """Wraps the lines anew."""
        if self.scrollable_content_region.width != self._width:
            self._wrap()

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width = self.size.width
        at = y + self.scroll_offset.y
        if at >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        indent, pieces = self._rows[at]
        segments = [Segment(" " * indent, self.rich_style)]
        for text, kind in pieces:
            style = self.get_component_rich_style(f"json-view--{kind.value}")
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _wrap(self) -> None:
        # Before it is laid out, nothing of the first frame is to be wrapped to no width at all.
        self._width = self.scrollable_content_region.width or self.app.size.width
        self._rows = [row for line in self._lines for row in wrapped(line, self._width)]
        self.virtual_size = Size(self._width, len(self._rows))
        self.refresh()


def wrapped(line: Line, width: int) -> Iterator[Line]:
    """A line in rows of `width` cells, the rest of it further in; a blank cell before each."""
    indent = min(line.indent, width // 2) + 1
    further = min(line.indent, width // 2) + 1 + min(HANGING, width // 4)
    row: list[Piece] = []
    left = max(width - indent, 2)
    for text, kind in line.pieces:
        rest = text
        if kind is Kind.MARK and left < cell_len(text) <= width - further:
            # A word about the text is read at once.
            yield Line(indent, row)
            indent, row, left = further, [], width - further
        while rest:
            head, rest = _split(rest, left)
            if head:
                row.append(Piece(head, kind))
                left -= cell_len(head)
            if rest:
                yield Line(indent, row)
                indent, row, left = further, [], max(width - further, 2)
    yield Line(indent, row)


def _split(text: str, width: int) -> tuple[str, str]:
    if text.isascii():
        return text[:width], text[width:]
    used = 0
    for at, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return text[:at], text[at:]
    return text, ""
