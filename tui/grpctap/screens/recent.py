"""The recent calls, and a field to name a server."""

from __future__ import annotations

import re
import time
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from grpctap.core.matching import match
from grpctap.core.text import printable
from grpctap.opening import CannotOpenError
from grpctap.recent import RecentCall
from grpctap.screens.pick import PickScreen
from grpctap.screens.values import ValuesScreen
from grpctap.starter import Starter
from grpctap.widgets.filter_input import FilterInput
from grpctap.widgets.key_bar import KeyBar
from grpctap.widgets.options import Options
from grpctap.widgets.tab_line import TabLine
from grpctap.widgets.title_line import TitleLine

_LONGEST = 300
_NAMED = "named"
_ADDRESS = re.compile(r"\S+:\d+(\s|$)")
NOTHING_YET = """\
There are no recent calls yet.

Type the HOST:PORT of a server above and press enter, with -plaintext behind it if the server
speaks no TLS:

    127.0.0.1:8000 -plaintext

The calls that you start are then listed here. To see the viewer at work first, quit and run

    grpctap demo
"""


class RecentScreen(Screen[None]):
    """Lists the calls of the past, newest first; what is typed filters them, or names a server."""

    DEFAULT_CSS = """
    RecentScreen {
        layout: vertical;
        overflow: hidden;
        & > OptionList {
            height: 1fr;
            border: none;
            padding: 0 1;
            background: $background;
            text-wrap: nowrap;
            text-overflow: ellipsis;
            & > .option-list--option { padding: 0 1; }
            & > .option-list--option-highlighted {
                background: $block-cursor-background;
                color: $block-cursor-foreground;
            }
        }
        & > #nothing { height: 1fr; padding: 1 3; color: $foreground; }
        & > #note { height: auto; padding: 0 2; color: $text-warning; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="Show the request of this call"),
        Binding("ctrl+o", "open_at_once", "Open at once", tooltip="Start this call as it was"),
        Binding("delete", "forget", "Delete", tooltip="Forget this call"),
        Binding("up", "list('cursor_up')", "Up", show=False),
        Binding("down", "list('cursor_down')", "Down", show=False),
        Binding("pageup", "list('page_up')", "Page up", show=False),
        Binding("pagedown", "list('page_down')", "Page down", show=False),
        Binding("escape", "clear", "Clear"),
        Binding("ctrl+q", "app.quit", "Quit", priority=True),
    ]
    AUTO_FOCUS = "FilterInput"

    def __init__(self, starter: Starter) -> None:
        super().__init__()
        self._starter = starter
        self._calls: tuple[RecentCall, ...] = ()
        self._shown: list[RecentCall] = []

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TabLine()
        yield TitleLine("recent calls")
        yield FilterInput("HOST:PORT of a server, or part of a recent call")
        calls = Options(markup=False)
        calls.can_focus = False
        yield calls
        yield Static(NOTHING_YET, id="nothing", markup=False)
        yield Static(id="note", markup=False)
        yield KeyBar()

    def on_screen_resume(self) -> None:
        """Looks into the file again: calls were added, here or by another program."""
        self._read()

    def _read(self) -> None:
        note = ""
        if self._starter.recent is not None:
            kept = self._starter.recent.read()
            self._calls, note = kept.calls, kept.note
        self._tell(note)
        self._list()

    def _tell(self, note: str) -> None:
        line = self.query_one("#note", Static)
        line.display = bool(note)
        line.update(printable(note, _LONGEST))

    def on_input_changed(self) -> None:
        """Leaves what matches."""
        self._tell("")
        self._list()

    def _list(self) -> None:
        words = self.query_one(FilterInput).value.strip()
        self._shown = [
            call
            for call in self._calls
            if match(words, f"{call.address} {call.method} {' '.join(call.flags)}") is not None
        ]
        calls = self.query_one(OptionList)
        at = calls.highlighted or 0
        calls.clear_options()
        calls.add_options([Option(self._told(call)) for call in self._shown])
        if words:
            calls.add_option(Option(_server(words), id=_NAMED))
        if words and _ADDRESS.match(words):
            # Who types a whole address means the server.
            at = calls.option_count - 1
        calls.highlighted = min(at, calls.option_count - 1) if calls.option_count else None
        calls.display = calls.option_count > 0
        self.query_one("#nothing").display = not calls.option_count
        self.refresh_bindings()

    def _told(self, call: RecentCall) -> Text:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(call.time))
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(printable(call.method, _LONGEST), "bold")
        text.append(f"  {printable(call.address, _LONGEST)}\n")
        names = [f"{name}: …" for name in call.metadata]
        # The request may be long, and what does not fit is cut.
        about = [when, *call.flags, *names, " ".join(call.body.split())]
        text.append(printable("  ".join(about), _LONGEST), "dim")
        return text

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Whether a key does anything now; one that does nothing is not shown."""
        if not self.is_mounted:
            return False
        match action:
            case "open":
                return self.query_one(OptionList).highlighted is not None
            case "open_at_once" | "forget":
                return self._chosen is not None
            case "clear":
                return bool(self.query_one(FilterInput).value)
        return True

    @property
    def _chosen(self) -> RecentCall | None:
        at = self.query_one(OptionList).highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def on_option_list_option_highlighted(self) -> None:
        """Shows the keys for what the cursor is on."""
        self.refresh_bindings()

    def on_option_list_option_selected(self) -> None:
        """Opens what was clicked."""
        self.action_open()

    def action_list(self, name: str) -> None:
        """Moves the cursor of the list."""
        getattr(self.query_one(OptionList), f"action_{name}")()

    def action_clear(self) -> None:
        """Shows everything again."""
        self.query_one(FilterInput).value = ""

    def action_forget(self) -> None:
        """Deletes the call from the file."""
        if (call := self._chosen) is not None and self._starter.recent is not None:
            problem = self._starter.recent.remove(call)
            self._read()
            if problem:
                self._tell(problem)

    def action_open(self) -> None:
        """Goes on to the request of the call, or to the methods of the server that is typed."""
        call = self._chosen
        if call is not None:
            self._reopen(call, at_once=False)
            return
        try:
            opening = self._starter.named(self.query_one(FilterInput).value)
        except CannotOpenError as error:
            self._tell(str(error))
        else:
            self.app.push_screen(PickScreen(opening))

    def action_open_at_once(self) -> None:
        """Starts the call as it was."""
        if (call := self._chosen) is not None:
            self._reopen(call, at_once=True)

    @work
    async def _reopen(self, call: RecentCall, *, at_once: bool) -> None:
        metadata: tuple[tuple[str, str], ...] | None = ()
        if call.metadata:
            metadata = await self.app.push_screen_wait(ValuesScreen(call.metadata))
        if metadata is None:
            return
        try:
            opening = self._starter.again(call, metadata)
        except CannotOpenError as error:
            self._tell(str(error))
        else:
            await self.app.push_screen(PickScreen(opening, call, metadata, at_once=at_once))


def _server(words: str) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"→ {printable(words, _LONGEST)}\n", "bold")
    text.append("ask this server what it has; flags, such as -plaintext, go behind it", "dim")
    return text
