"""The names of the columns, above a log that is a table."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import reactive

from grpctap.widgets.lines import KeptLines, fit


class LogHeader(KeptLines):
    """One line, there only when there is something to say."""

    DEFAULT_CSS = """
    LogHeader {
        height: 1;
        background: $background;
        color: $text-primary;
        text-style: bold;
        display: none;
    }
    """

    text = reactive("")
    """Printable."""

    def watch_text(self, text: str) -> None:
        """Comes and goes."""
        self.display = bool(text)

    def render(self) -> Text:
        """The line, cut to the width."""
        return Text(fit(self.text, self.size.width), no_wrap=True, end="")
