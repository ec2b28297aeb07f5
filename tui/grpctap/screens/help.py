"""The help: every key, and what it does to the stream."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from grpctap.screens.box import BoxScreen

# Short enough for all of it to be seen at once at 80x24.
KEYS = (
    ("space", "Pause: cancel the call, keep the place."),
    ("space", "Resume at the exact next value, missed ones first."),
    ("n", "Now: skip to the newest value, and mark the gap."),
    ("s", "Stop: cancel, and stay stopped."),
    ("space, s", "While reconnecting: try now, or give up."),
    ("r", "Fresh call, once stopped, finished or failed."),
    ("o", "From the oldest value, if the next one is gone."),
    ("f", "Freeze the view; everything is still kept."),
    ("end", "Follow the newest value again."),
    ("↑ ↓ PgUp PgDn Home", "Choose a value, or scroll; both freeze."),
    ("enter", "Look closely at a value: JSON, tree, times."),
    ("i", "The call: metadata, status and its details."),
    ("c", "Show or hide the chart."),
    ("b", "Board: the latest value of each key, or the log."),
    ("h", "Health: rates, rhythm, latency, seams."),
    ("y", "Copy the call as a command line of grpcurl."),
    ("escape", "Back to the request, if it was written here."),
    ("ctrl+p", "More commands, among them the themes."),
    ("q, ctrl+c", "Quit: the call is cancelled first."),
)


class HelpScreen(BoxScreen[None]):
    """The keys, over the stream, which goes on meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter,space", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        """One table."""
        with VerticalScroll() as box:
            box.border_title = "Keys"
            box.border_subtitle = "escape closes"
            yield Static(self._table())

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(max_width=18)
        table.add_column()
        for key, text in KEYS:
            table.add_row(Text(key, style="bold"), Text(text))
        return table
