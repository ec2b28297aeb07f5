"""A list to choose from."""

from __future__ import annotations

from textual.widgets import OptionList


class Options(OptionList):
    """Ignores the page keys until it has a place on the screen, where Textual's own list fails."""

    def action_page_up(self) -> None:
        """Moves the cursor up by a page."""
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """Moves the cursor down by a page."""
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]
