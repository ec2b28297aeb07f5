"""The help: every key, and what it does to the stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from grpctap.screens.box import BoxScreen

Section = tuple[str, tuple[tuple[str, str], ...]]
"""What keys are about, and of each the key and what it does."""

LEAST_WIDTH_FOR_TWO = 150
STREAM: Section = (
    "The stream",
    (
        ("space", "Pause: cancel the call, keep the place."),
        ("space", "Resume at the exact next value, missed ones first."),
        ("n", "Now: skip to the newest value, and mark the gap."),
        ("s", "Stop: cancel, and stay stopped."),
        ("space, s", "While reconnecting: try now, or give up."),
        ("r", "Fresh call, once stopped, finished or failed."),
        ("o", "From the oldest value, if the next one is gone."),
        ("i", "The call: metadata, status and its details."),
        ("y", "Copy the call as a command line of grpcurl."),
        ("escape", "Back to the request, if it was written here."),
        ("q, ctrl+c", "Quit: the call is cancelled first."),
    ),
)
VIEWS: tuple[Section, ...] = (
    (
        "The log",
        (
            ("f", "Freeze the view; everything is still kept."),
            ("end", "Follow the newest value again."),
            ("↑ ↓ PgUp PgDn Home", "Choose a value, or scroll; both freeze."),
            ("enter", "Look closely at a value: JSON, tree, times."),
            ("/", "Filter: words, /regex/ or number > 78."),
            (". ,", "The next match, the previous one."),
        ),
    ),
    (
        "The chart",
        (
            ("c", "Choose the fields that the chart shows."),
            ("+ - ← →", "Zoom and go along time; the mouse does it, too."),
            ("0", "Follow again; where it follows, show everything."),
            ("tab", "To the chart and back: ← → cursor, enter to log."),
            ("x", "By event time, or by receive time again."),
            ("C", "Show or hide the chart."),
        ),
    ),
    (
        "Other views",
        (
            ("b", "Board: the latest value of each key."),
            ("k v, ← →, u, d", "On the board: key, value, sorting, order, change."),
            ("h", "Health: rates, rhythm, latency, interruptions."),
        ),
    ),
)
KEEPING: Section = (
    "Keeping",
    (
        ("w", "Record into a file; w again ends it."),
        ("e", "Export what the log shows: NDJSON or CSV."),
        ("m", "Copy the message at the cursor as JSON."),
        ("shift+↑ shift+↓", "Select values, for m and e."),
        ("p", "Picture of the screen, as SVG."),
    ),
)
STREAMS: Section = (
    "Several streams",
    (
        ("t, ctrl+w", "Open another stream in a tab; close the tab."),
        ("1 … 9", "Go to a tab; ctrl+PgUp, ctrl+PgDn go along them."),
        ("P", "Pause all streams; again, resume them."),
        ("V", "Draw another stream's numbers over the chart."),
    ),
)
MORE: Section = ("More", (("ctrl+p", "More commands, among them the themes."),))
KEYS = (STREAM, *VIEWS, KEEPING, STREAMS, MORE)


class HelpScreen(BoxScreen[None]):
    """The keys, over the stream, which goes on meanwhile."""

    DEFAULT_CSS = """
    HelpScreen.wide > VerticalScroll { width: 150; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter,space", "dismiss", "Close"),
    ]

    def __init__(self, sections: Sequence[Section] = KEYS) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        """One table."""
        with VerticalScroll() as box:
            box.border_title = "Keys"
            yield Static()

    def on_resize(self) -> None:
        """Uses the room that there is."""
        wide = self.size.width >= LEAST_WIDTH_FOR_TWO
        self.set_class(wide, "wide")
        half = -(-len(self._sections) // 2)
        parts = [self._sections[:half], self._sections[half:]] if wide else [self._sections]
        columns = Table.grid(padding=(0, 4))
        columns.add_row(*map(_table, parts))
        self.query_one(Static).update(columns)
        self.call_after_refresh(self._tell_of_more)

    def _tell_of_more(self) -> None:
        box = self.query_one(VerticalScroll)
        box.border_subtitle = "↑ ↓ more · escape closes" if box.max_scroll_y else "escape closes"


def _table(sections: Sequence[Section]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(max_width=18)
    table.add_column()
    for number, (title, rows) in enumerate(sections):
        if number:
            table.add_row()
        table.add_row("", Text(title, style="bold underline"))
        for key, text in rows:
            table.add_row(Text(key, style="bold"), Text(text))
    return table
