"""The notice: how a call ended, and what to do next."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static


class Notice(Static):
    """A few lines below the log, there only when there is something to say."""

    DEFAULT_CSS = """
    Notice {
        height: auto;
        max-height: 6;
        padding: 0 1;
        background: $surface;
        border-left: thick $primary;
        display: none;
        &.failed { border-left: thick $error; }
        &.shown { display: block; }
    }
    """

    def show(self, headline: str, advice: str, *, failed: bool) -> None:
        """Shows a headline in bold and a sentence below it; both already printable."""
        self.update(Text.assemble((headline, "bold"), "\n", advice))
        self.set_class(failed, "failed")
        self.add_class("shown")

    def hide(self) -> None:
        """Goes away."""
        self.remove_class("shown")
