"""The command palette."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.command import CommandList, CommandPalette
from textual.geometry import Size

_LEAST_WIDTH, _LEAST_HEIGHT = 20, 8


class Palette(CommandPalette):
    """Textual's, which does not fail at the page keys before its list has a place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page('down')", "Next page", show=False),
        Binding("pageup", "page('up')", "Previous page", show=False),
    ]

    @staticmethod
    def fits(size: Size) -> bool:
        """Whether a terminal has room for it: Textual's input fails in a few columns."""
        return size.width >= _LEAST_WIDTH and size.height >= _LEAST_HEIGHT

    def action_page(self, direction: str) -> None:
        """Moves the cursor up or down by a page."""
        commands = self.query_one(CommandList)
        if commands.scrollable_content_region:
            getattr(commands, f"action_page_{direction}")()
