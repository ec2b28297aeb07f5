"""The notice: how a call ended, and what to do next."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text
from textual.geometry import Size

from grpctap.widgets.lines import KeptLines, fit

MOST_ROWS = 6
MOST_ROWS_OF_HEADLINE = 3


def wrapped(console: Console, text: str, width: int, most: int, style: str = "") -> list[Text]:
    """`text` in rows of `width` cells, at most so many; the last ends in "…" when more was cut."""
    rows = list(Text(text, style).wrap(console, width, overflow="fold"))
    if len(rows) > most:
        rest = " ".join(row.plain for row in rows[most - 1 :])
        rows[most - 1 :] = [Text(fit(rest, width), style)]
    for row in rows:
        row.rstrip()
    return rows


class Notice(KeptLines):
    """A few lines below the log, there only when there is something to say.

    What a server says may be long; what to do about it is in sight nevertheless.
    """

    DEFAULT_CSS = """
    Notice {
        height: auto;
        padding: 0 1;
        background: $surface;
        color: $foreground;
        border-left: thick $primary;
        display: none;
        &.failed { border-left: thick $error; }
        &.shown { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._headline = ""
        self._advice = ""

    def show(self, headline: str, advice: str, *, failed: bool) -> None:
        """Shows a headline in bold and a sentence below it; both already printable."""
        self._headline, self._advice = headline, advice
        self.set_class(failed, "failed")
        self.add_class("shown")
        self.refresh(layout=True)

    def hide(self) -> None:
        """Goes away."""
        self.remove_class("shown")

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """How many rows it takes at that width."""
        return len(self._rows(width))

    def render(self) -> Text:
        """The headline, shortened where it leaves too little room, and the sentence."""
        return Text("\n").join(self._rows(self.content_size.width))

    def _rows(self, width: int) -> list[Text]:
        if width < 1:
            return []
        console = self.app.console
        advice = wrapped(console, self._advice, width, MOST_ROWS - 1)
        most = max(min(MOST_ROWS - len(advice), MOST_ROWS_OF_HEADLINE), 1)
        return [*wrapped(console, self._headline, width, most, "bold"), *advice]
