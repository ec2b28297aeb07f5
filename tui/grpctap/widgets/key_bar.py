"""The line or two at the foot of a screen: the keys that do something now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Size

from grpctap.widgets.lines import KeptLines

BETWEEN = 2
LEAST_HEIGHT_FOR_TWO = 20
"""Of a terminal, in rows; on a lower one each row is worth more."""
# Other states have other keys, and a row that came and went with them would move everything.
_SPARE = 12


class KeyBar(KeptLines):
    """The keys, each of which can be clicked too: in two rows where one has no room for all.

    It stands in for Textual's Footer, which makes its widgets anew whenever a binding changes and
    (as of 8.2.8) never lets go of the old ones.
    """

    DEFAULT_CSS = """
    KeyBar {
        height: auto;
        background: $footer-background;
        color: $footer-description-foreground;
        & > .key-bar--key { color: $footer-key-foreground; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key"}

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[int, range, str]] = []
        self._height, self._laid_out_for = 1, Size(0, 0)

    def on_mount(self) -> None:
        """Draws the keys anew when they change."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._change())

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """How many rows it takes at that width; once there are two, there are."""
        if self._laid_out_for != Size(width, viewport.height):
            self._laid_out_for, self._height = Size(width, viewport.height), 1
        if viewport.height >= LEAST_HEIGHT_FOR_TWO and self._length(self._shown) > width - _SPARE:
            self._height = 2
        return self._height

    def render(self) -> Text:
        """The rows; where they are too few, keys in the middle go, never the first or the last."""
        width, height = self.size
        shown = self._shown
        while (rows := self._rows(shown, width, height)) is None and len(shown) > 2:
            del shown[-3 if len(shown) > 3 else -2]
        self._places = []
        text = Text("\n", no_wrap=True, overflow="ellipsis", end="")
        return text.join([self._row(row, y) for y, row in enumerate(rows or [shown])])

    def on_click(self, event: events.Click) -> None:
        """Presses the key that was clicked."""
        for y, columns, key in self._places:
            if event.y == y and event.x in columns:
                self.app.simulate_key(key)

    def _change(self) -> None:
        width, height = self._laid_out_for
        grows = self._height == 1 and self.get_content_height(self.size, Size(0, height), width) > 1
        self.refresh(layout=grows)

    @property
    def _shown(self) -> list[Binding]:
        return [
            active.binding
            for active in self.screen.active_bindings.values()
            if active.binding.show and active.enabled
        ]

    def _words(self, binding: Binding) -> tuple[str, str]:
        return self.app.get_key_display(binding), f" {binding.description}"

    def _length(self, bindings: Sequence[Binding]) -> int:
        """How many cells they take in one row, with a blank one before them."""
        words = [cell_len("".join(self._words(binding))) for binding in bindings]
        return 1 + sum(words) + BETWEEN * max(len(words) - 1, 0)

    def _rows(self, bindings: list[Binding], width: int, height: int) -> list[list[Binding]] | None:
        """The keys in so many rows of about the same length; None: there is no room for them."""
        if height < 2:
            return [bindings] if self._length(bindings) <= width else None
        halves = [
            (max(map(self._length, split)), split)
            for at in range(1, len(bindings))
            for split in ([bindings[:at], bindings[at:]],)
        ]
        if self._length(bindings) <= width - _SPARE or not halves:
            return [bindings]
        longest, split = min(halves, key=lambda half: half[0])
        return split if longest <= width else None

    def _row(self, bindings: Sequence[Binding], y: int) -> Text:
        key_style = self.get_component_rich_style("key-bar--key")
        line = Text(" ", no_wrap=True, overflow="ellipsis", end="")
        for index, binding in enumerate(bindings):
            line.append(" " * BETWEEN if index else "")
            start = line.cell_len
            key, words = self._words(binding)
            line.append(key, key_style)
            line.append(words)
            self._places.append((y, range(start, line.cell_len), binding.key))
        return line
