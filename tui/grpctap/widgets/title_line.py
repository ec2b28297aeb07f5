"""The top line of the screens on which a call is chosen and written."""

from __future__ import annotations

from rich.text import Text

from grpctap.core.text import printable
from grpctap.widgets.lines import KeptLines, fit


class TitleLine(KeptLines):
    """One line: the program, and what the screen is about."""

    DEFAULT_CSS = """
    TitleLine { height: 1; background: $panel; color: $foreground; }
    """

    def __init__(self, *parts: str) -> None:
        super().__init__()
        self._parts = tuple(printable(part) for part in parts)

    def render(self) -> Text:
        """The line; where it is too long, the first parts go."""
        parts = ("grpctap", *self._parts)
        while len(parts) > 1 and len("   ".join(parts)) + 2 > self.size.width:
            parts = parts[1:]
        return Text(fit(" " + "   ".join(parts), self.size.width), "bold", no_wrap=True, end="")
