"""The bottom line: the keys that do something now."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding

from grpctap.widgets.lines import KeptLines


class KeyBar(KeptLines):
    """One line of keys, each of which can be clicked too.

    It stands in for Textual's Footer, which makes its widgets anew whenever a binding changes and
    (as of 8.2.8) never lets go of the old ones.
    """

    DEFAULT_CSS = """
    KeyBar {
        height: 1;
        background: $footer-background;
        color: $footer-description-foreground;
        & > .key-bar--key { color: $footer-key-foreground; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key"}

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[range, str]] = []

    def on_mount(self) -> None:
        """Draws the line anew when the keys change."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Text:
        """The line; where it is too long, keys in the middle go, never the first or the last."""
        shown = [
            active.binding
            for active in self.screen.active_bindings.values()
            if active.binding.show and active.enabled
        ]
        line = self._line(shown)
        while len(shown) > 2 and line.cell_len > self.size.width:
            del shown[-3 if len(shown) > 3 else -2]
            line = self._line(shown)
        return line

    def on_click(self, event: events.Click) -> None:
        """Presses the key that was clicked."""
        for columns, key in self._places:
            if event.x in columns:
                self.app.simulate_key(key)

    def _line(self, bindings: list[Binding]) -> Text:
        key_style = self.get_component_rich_style("key-bar--key")
        line = Text(" ", no_wrap=True, overflow="ellipsis", end="")
        self._places = []
        for index, binding in enumerate(bindings):
            line.append("  " if index else "")
            start = line.cell_len
            line.append(self.app.get_key_display(binding), key_style)
            line.append(f" {binding.description}")
            self._places.append((range(start, line.cell_len), binding.key))
        return line
