"""The call: its metadata, its status and what the server attached to it."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.console import Group
from rich.padding import Padding
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from grpctap.core.advice import advise
from grpctap.core.details import detail_lines
from grpctap.core.facts import CallFacts
from grpctap.core.seams import duration, status_line
from grpctap.core.secrets import Metadata, metadata_lines
from grpctap.core.status import Status
from grpctap.core.text import printable
from grpctap.screens.box import BoxScreen
from grpctap.snapshot import Snapshot
from grpctap.watched import Watched

LOOKS_PER_SECOND = 2
LONGEST_VALUE = 300
Sections = list[tuple[str, list[str]]]
"""Titles and printable lines; the first section has no title."""

MOST_LINES = 200
"""Metadata that is shown of a section."""


class FactsScreen(BoxScreen[None]):
    """What is known of the newest call, over the stream, which goes on meanwhile.

    `address` is printable. `advises` says whether to tell what to do about a status.
    """

    DEFAULT_CSS = """
    FactsScreen > VerticalScroll { width: 90; max-height: 90%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,i,q,enter", "dismiss", "Close"),
    ]

    def __init__(
        self,
        tap: Watched,
        address: str,
        method: str,
        *,
        plaintext: bool,
        advises: bool = True,
    ) -> None:
        super().__init__()
        self._advises = advises
        self._tap = tap
        self._address = address
        self._method = method
        self._plaintext = plaintext
        self._shown: Sections | None = None

    def compose(self) -> ComposeResult:
        """One text, which scrolls."""
        with VerticalScroll() as box:
            box.border_title = "Call"
            box.border_subtitle = "escape closes"
            yield Static()

    def on_mount(self) -> None:
        """Starts to look."""
        self.look()
        self.set_interval(1 / LOOKS_PER_SECOND, self.look)

    def look(self) -> None:
        """Shows what is known now."""
        sections = self._sections()
        # Where nothing has changed, nothing is drawn.
        if sections != self._shown:
            self._shown = sections
            self.query_one(Static).update(_drawn(sections))

    def _sections(self) -> Sections:
        facts, now = self._tap.facts(), self._tap.snapshot()
        initial = trailing = "none yet"
        received: Metadata = ()
        last: Metadata = ()
        if facts is not None:
            received, last = facts.initial_metadata, facts.trailing_metadata
            initial = initial if facts.headers_ns is None else "none"
            trailing = trailing if facts.ended_ns is None else "none"
        sent = self._tap.sent.metadata
        return [
            ("", self._of_the_call(facts)),
            self._status(facts, now),
            ("Request metadata", _few(sent) or ["none"]),
            ("Initial metadata", _few(received) or [initial]),
            ("Trailing metadata", _few(last) or [trailing]),
        ]

    def _of_the_call(self, facts: CallFacts | None) -> list[str]:
        rows = [
            f"Target  {self._address} ({printable(self._tap.sent.security)})",
            f"Method  {self._method} ({self._tap.sent.kind})",
        ]
        if facts is None:
            return [*rows, "Call    not opened yet"]
        messages = f"{facts.messages:,} message{'' if facts.messages == 1 else 's'}"
        call = f"no. {facts.number}, since {_clock(facts.opened_ns)}, {messages}"
        if facts.ended_ns is not None:
            lasted = duration(facts.ended_ns - facts.opened_ns)
            call = f"no. {facts.number}, {_clock(facts.opened_ns)} to {_clock(facts.ended_ns)}"
            call += f" ({lasted}), {messages}"
        return [*rows, f"Call    {call}"]

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
        return "Status", ["none yet: the call runs"]

    def _status_lines(self, status: Status) -> list[str]:
        lines = [status_line(status), *detail_lines(status, self._tap.sent.pool)]
        if self._advises and not status.ok:
            lines.append(advise(status, self._address, plaintext=self._plaintext))
        return lines


def _few(metadata: Metadata) -> list[str]:
    """Metadata as lines, no more than somebody reads."""
    lines = metadata_lines(metadata[:MOST_LINES], LONGEST_VALUE)
    more = len(metadata) - MOST_LINES
    return [*lines, f"… and {more:,} more"] if more > 0 else lines


def _drawn(sections: Sections) -> Group:
    parts: list[Text | Padding] = []
    for title, lines in sections:
        if title:
            parts += [Text(), Text(title, "bold")]
        for line in lines:
            text = line.lstrip(" ")
            indent = len(line) - len(text) + (2 if title else 0)
            # What goes on in the next row stands below its beginning.
            parts.append(Padding(Text(text), (0, 0, 0, indent)))
    return Group(*parts)


def _clock(time_ns: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time_ns // 1_000_000_000))
