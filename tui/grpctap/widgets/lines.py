"""Widgets whose lines cost little at each frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from grpctap.core.distinct import shared_length


class LineWidget(Widget):
    """Draws its lines itself from edge to edge; it has neither border nor padding.

    Of a widget that may have them, Textual composes each line anew, which takes several times as
    long as it takes to draw it. These lines go past that; the app's filters are in their styles.
    """

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._looks: dict[str, Style] = {}

    def draw_lines(self, lines: range, width: int, height: int) -> list[Strip]:
        """Draws some lines of the widget.

        Args:
            lines: Their numbers, from 0.
            width: Of the widget, and so of each line, in cells.
            height: Of the widget, in lines.
        """
        raise NotImplementedError

    def render_lines(self, crop: Region) -> list[Strip]:
        """What is to be seen of the widget within `crop`."""
        width, height = self.size
        lines = self.draw_lines(crop.line_range, width, height)
        if crop.column_span != (0, width):
            return [line.crop(*crop.column_span) for line in lines]
        return lines

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width, height = self.size
        return self.draw_lines(range(y, y + 1), width, height)[0]

    def notify_style_update(self) -> None:
        """Forgets the old styles."""
        super().notify_style_update()
        self._looks.clear()

    def look(self, name: str) -> Style:
        """The style of a component class ("": of the widget), as the app's filters leave it."""
        style = self._looks.get(name)
        if style is None:
            style = self.get_component_rich_style(name) if name else self.rich_style
            segments = [Segment(" ", style)]
            for line_filter in self.get_line_filters():
                segments = line_filter.apply(segments, self.background_colors[1])
            style = self._looks[name] = segments[0].style or style
        return style

    def blank(self, width: int) -> Segment:
        """So many cells of nothing."""
        return Segment(" " * width, self.look(""))


def fit(text: str, width: int) -> str:
    """`text` cut to `width` cells, ending in "…" when something was cut."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def fit_apart(texts: Sequence[str], width: int) -> list[str]:
    """Texts cut to `width` cells each, so that they differ from each other if that can be.

    They are cut at their ends where that is enough, else in the middle, or where they begin, or
    they go without what all of them begin with.
    """
    if all(cell_len(text) <= width for text in texts):
        return list(texts)
    some = [text for text in texts if cell_len(text) > width]
    shared = shared_length(some, min(map(len, some))) if len(some) > 1 else 0
    ways: list[Callable[[str], str]] = [
        partial(fit, width=width),
        partial(_fit_ends, head=max(width - 1, 0) // 2, width=width),
        partial(_fit_ends, head=max(width - 1, 0) // 4, width=width),
        partial(_fit_ends, head=0, width=width),
        lambda text: fit(f"…{text[shared:]}", width) if cell_len(text) > width else text,
    ]
    cuts = [[way(text) for text in texts] for way in ways]
    return max(cuts, key=lambda cut: len(set(cut)))


def _fit_ends(text: str, head: int, width: int) -> str:
    """`text` cut to `width` cells, `head` of them at its start, with "…" for what is left out."""
    if cell_len(text) <= width:
        return text
    tail = width - head - 1
    if tail < 0:
        return ""
    start = set_cell_size(text, head)
    backwards = set_cell_size(text[::-1], tail)
    return f"{start}…{backwards[::-1]}"


def share(widths: Sequence[int], room: int) -> int:
    """How wide each may be at most, in cells, so that all of them find room together."""
    most = max(widths, default=0)
    while most > 0 and sum(min(width, most) for width in widths) > room:
        most -= 1
    return most


def thumb(first: int, count: int, height: int) -> range:
    """The lines that a scroll bar's thumb covers, where `first` of `count` rows is at the top."""
    if count <= height:
        return range(0)
    length = max(height * height // count, 1)
    start = round(first * (height - length) / (count - height))
    return range(start, start + length)


class KeptLines(Widget):
    """Keeps its lines until it is refreshed, since Textual asks all widgets at each frame."""

    _kept: tuple[Region, list[Strip]] | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """What is to be seen of the widget within `crop`."""
        if self._kept is None or self._kept[0] != crop:
            self._kept = crop, super().render_lines(crop)
        return self._kept[1]

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draws anew."""
        self._kept = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Forgets lines drawn in the old style."""
        super().notify_style_update()
        self._kept = None
