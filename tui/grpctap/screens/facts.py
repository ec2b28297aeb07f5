"""The call: its metadata, its status and what the server attached to it."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from grpctap.core.advice import advise
from grpctap.core.details import detail_lines
from grpctap.core.facts import CallFacts
from grpctap.core.seams import duration, status_line
from grpctap.core.secrets import metadata_lines
from grpctap.core.status import Status
from grpctap.tap import Snapshot, Tap

LOOKS_PER_SECOND = 2
LONGEST_VALUE = 300
_LABEL_WIDTH = 10


class FactsScreen(ModalScreen[None]):
    """What is known of the newest call, over the stream, which goes on meanwhile.

    `address` is printable.
    """

    DEFAULT_CSS = """
    FactsScreen {
        align: center middle;
        & > VerticalScroll {
            width: 90;
            max-width: 95%;
            height: auto;
            max-height: 90%;
            padding: 0 2;
            background: $surface;
            border: round $primary;
            border-title-color: $foreground;
            border-subtitle-color: $text-muted;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,i,q,enter", "dismiss", "Close"),
    ]

    def __init__(self, tap: Tap, address: str, method: str, *, plaintext: bool) -> None:
        super().__init__()
        self._tap = tap
        self._address = address
        self._method = method
        self._plaintext = plaintext
        self._shown: Text | None = None

    def compose(self) -> ComposeResult:
        """One text, which scrolls."""
        with VerticalScroll() as box:
            box.border_title = "Call"
            box.border_subtitle = "escape closes"
            yield Static(self._text())

    def on_mount(self) -> None:
        """Starts to look."""
        self.set_interval(1 / LOOKS_PER_SECOND, self.look)

    def look(self) -> None:
        """Shows what is known now."""
        text = self._text()
        # Nothing is drawn, and no text selection is lost, when nothing has changed.
        if text != self._shown:
            self._shown = text
            self.query_one(Static).update(text)

    def _text(self) -> Text:
        facts, now = self._tap.facts(), self._tap.snapshot()
        text = Text()
        for label, value in self._of_the_call(facts):
            text.append(f"{label:<{_LABEL_WIDTH}}", "bold")
            text.append(f"{value}\n")
        sent = metadata_lines(self._tap.sent.metadata, LONGEST_VALUE)
        self._section(text, "Request metadata", sent, "none")
        initial = trailing = "none yet"
        if facts is not None:
            initial = initial if facts.headers_ns is None else "none"
            trailing = trailing if facts.ended_ns is None else "none"
            received = metadata_lines(facts.initial_metadata, LONGEST_VALUE)
            self._section(text, "Initial metadata", received, initial)
            received = metadata_lines(facts.trailing_metadata, LONGEST_VALUE)
            self._section(text, "Trailing metadata", received, trailing)
        title, lines = self._status(facts, now)
        self._section(text, title, lines, "none yet: the call runs")
        text.rstrip()
        return text

    def _of_the_call(self, facts: CallFacts | None) -> list[tuple[str, str]]:
        rows = [
            ("Target", f"{self._address} ({'plaintext' if self._plaintext else 'TLS'})"),
            ("Method", f"{self._method} ({self._tap.sent.kind})"),
        ]
        if facts is None:
            return [*rows, ("Call", "not opened yet")]
        messages = f"{facts.messages:,} message{'' if facts.messages == 1 else 's'}"
        call = f"no. {facts.number}, since {_clock(facts.opened_ns)}, {messages}"
        if facts.ended_ns is not None:
            lasted = duration(facts.ended_ns - facts.opened_ns)
            call = f"no. {facts.number}, {_clock(facts.opened_ns)} to {_clock(facts.ended_ns)}"
            call += f" ({lasted}), {messages}"
        return [*rows, ("Call", call)]

    def _status(self, facts: CallFacts | None, now: Snapshot) -> tuple[str, list[str]]:
        """The title of the section, and its lines, for the call or else for the one before."""
        if facts is not None and facts.status is not None and not facts.cancelled:
            return "Status", self._status_lines(facts.status)
        if now.status is not None:
            ours = facts is not None and facts.cancelled
            title = "Status" if ours else "Status of the call before"
            return title, self._status_lines(now.status)
        if facts is not None and facts.cancelled:
            return "Status", ["CANCELLED (1): the viewer cancelled the call"]
        return "Status", []

    def _status_lines(self, status: Status) -> list[str]:
        lines = [status_line(status), *detail_lines(status)]
        if not status.ok:
            lines.append(advise(status, self._address, plaintext=self._plaintext))
        return lines

    @staticmethod
    def _section(text: Text, title: str, lines: list[str], none: str) -> None:
        text.append(f"\n{title}\n", "bold")
        if not lines:
            text.append(f"  {none}\n", "dim")
        for line in lines:
            text.append(f"  {line}\n")


def _clock(time_ns: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time_ns // 1_000_000_000))
