"""The picker: which method of a server is to be watched."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from grpctap.core.catalog import Catalog, CatalogError
from grpctap.core.draft import Draft
from grpctap.core.listvalue import LIST_VALUE
from grpctap.core.method import Method
from grpctap.core.text import printable
from grpctap.opening import CannotOpenError, Opening
from grpctap.recent import RecentCall
from grpctap.screens.request import RequestScreen
from grpctap.widgets.filter_input import FilterInput
from grpctap.widgets.key_bar import KeyBar
from grpctap.widgets.method_tree import Entry, MethodTree, can_open, entries
from grpctap.widgets.tab_line import TabLine
from grpctap.widgets.title_line import TitleLine

_LONGEST_NAME = 300


class PickScreen(Screen[None]):
    """Asks a server what it has, shows it as a tree, and leads to the request.

    Args:
        opening: The server.
        again: A call of the past, whose request is shown as soon as its types are known.
        metadata: The metadata for it.
        at_once: Whether that call is opened at once.
        can_go_back: Whether there is something to go back to, which the screens below may not say.
    """

    DEFAULT_CSS = """
    PickScreen {
        layout: vertical;
        overflow: hidden;
        & > MethodTree { height: 1fr; }
        & > #waiting {
            height: 1fr;
            padding: 0 3;
            color: $text-muted;
            &.failed { color: $foreground; }
        }
        & > #detail {
            height: auto;
            max-height: 5;
            padding: 0 2;
            background: $surface;
            color: $foreground;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open", tooltip="Write the request of this method"),
        Binding("up", "tree('cursor_up')", "Up", show=False),
        Binding("down", "tree('cursor_down')", "Down", key_display="↑↓", show=False),
        Binding("pageup", "tree('page_up')", "Page up", show=False),
        Binding("pagedown", "tree('page_down')", "Page down", show=False),
        Binding("ctrl+home", "tree('scroll_home')", "First", show=False),
        Binding("ctrl+end", "tree('scroll_end')", "Last", show=False),
        Binding("ctrl+r", "ask", "Ask again", tooltip="Ask the server again what it has"),
        Binding("escape", "clear", "Clear filter"),
        Binding("escape", "back", "Back"),
        Binding("ctrl+q", "app.quit", "Quit", priority=True),
    ]
    AUTO_FOCUS = "FilterInput"

    class Loaded(Message):
        """The server has said what it has, or did not."""

        def __init__(self, number: int, found: Catalog | CannotOpenError) -> None:
            super().__init__()
            self.number = number
            self.found = found

    def __init__(
        self,
        opening: Opening,
        again: RecentCall | None = None,
        metadata: tuple[tuple[str, str], ...] = (),
        *,
        at_once: bool = False,
        can_go_back: bool = False,
    ) -> None:
        super().__init__()
        self._opening = opening
        self._again, self._metadata, self._at_once = again, metadata, at_once
        self._can_go_back = can_go_back
        self._asked = 0
        self._asked_at = 0.0
        self._waiting = False
        self._methods = 0

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TabLine()
        yield TitleLine(self._opening.address)
        yield FilterInput("type to filter")
        yield Static(id="waiting", markup=False)
        yield MethodTree()
        yield Static(id="detail", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Begins to ask."""
        self.set_interval(0.5, self._show_waiting)
        self.action_ask()

    def action_ask(self) -> None:
        """Asks the server what it has."""
        self._asked += 1
        self._asked_at = time.monotonic()
        self._waiting = True
        self.query_one(MethodTree).add_class("nothing")
        self.query_one("#detail").display = False
        self._show_waiting()
        self.refresh_bindings()
        # Not a worker: the program would not end before the server has answered.
        threading.Thread(target=self._ask, args=(self._asked,), daemon=True).start()

    def _ask(self, number: int) -> None:
        try:
            found: Catalog | CannotOpenError = self._opening.catalog()
        except CannotOpenError as error:
            found = error
        except Exception as error:  # what a server says of itself may be anything
            name = type(error).__name__
            found = CannotOpenError(f"what {self._opening.address} says makes no sense: {name}")
        # Nobody waits for it when the program has ended.
        with suppress(RuntimeError):
            self.post_message(self.Loaded(number, found))

    def on_pick_screen_loaded(self, message: Loaded) -> None:
        """Shows what the server has, or why it does not say."""
        if message.number != self._asked:
            return
        self._waiting = False
        if isinstance(message.found, CannotOpenError):
            if self._again is not None and self._again.method == LIST_VALUE.name:
                # Its types are known without the server.
                self._reopen(LIST_VALUE)
            advice = "Press ctrl+r to ask again, ctrl+q to quit."
            if self.check_action("back", ()):
                advice = "Press ctrl+r to ask again, escape to go back, ctrl+q to quit."
            waiting = self.query_one("#waiting", Static)
            waiting.add_class("failed")
            waiting.update(f"✗ {printable(str(message.found))}\n\n{advice}")
        else:
            self._show(message.found)
        self.refresh_bindings()

    def _show(self, catalog: Catalog) -> None:
        tree = self.query_one(MethodTree)
        tree.remove_class("nothing")
        self.query_one("#waiting").display = False
        tree.fill(entries(catalog))
        self._filter()
        self.query_one("#detail").display = True
        if self._again is None:
            return
        try:
            self._reopen(catalog.method(self._again.method))
        except CatalogError as error:
            self._again = None
            self.notify(printable(str(error), _LONGEST_NAME), severity="error", markup=False)

    def _reopen(self, method: Method) -> None:
        again, self._again = self._again, None
        if again is None or not can_open(method):
            return
        self._opening.keep(Draft(method, again.body, self._metadata, again.deadline))
        self.app.push_screen(RequestScreen(self._opening, method, at_once=self._at_once))

    def on_input_changed(self) -> None:
        """Leaves in the tree what matches."""
        self._filter()

    def _filter(self) -> None:
        shown = self.query_one(MethodTree).narrow(self.query_one(FilterInput).value)
        if not shown:
            self._detail("no method matches; escape clears the filter")
        self.refresh_bindings()

    def on_tree_node_highlighted(self, event: MethodTree.NodeHighlighted[Entry | Method]) -> None:
        """Tells of what the cursor is on."""
        found = event.node.data
        if isinstance(found, Method):
            self._detail(self._told(found))
        elif isinstance(found, Entry):
            count = len(found.methods)
            self._detail(f"{found.service}: {count} method{'' if count == 1 else 's'}")
        self.refresh_bindings()

    def on_tree_node_selected(self, event: MethodTree.NodeSelected[Entry | Method]) -> None:
        """Opens the method that was clicked."""
        if isinstance(event.node.data, Method):
            self._open(event.node.data)

    def _told(self, method: Method) -> str:
        request, response = method.request.full_name, method.response.full_name
        into = f"({_stream(method.client_streaming)}{request})"
        line = f"{method.name} {into} → {_stream(method.server_streaming)}{response}"
        if not can_open(method):
            return (
                f"{line}\ncannot be opened: a {method.kind} method takes a stream of requests, and "
                "only methods that take one can be watched"
            )
        comment = method.comment or method.comments.of(method.request)
        return f"{line}\n{comment}" if comment else line

    def _detail(self, text: str) -> None:
        lines = [printable(line, _LONGEST_NAME) for line in text.split("\n")]
        self.query_one("#detail", Static).update("\n".join(lines[:3]))

    def _show_waiting(self) -> None:
        if self._waiting:
            waiting = self.query_one("#waiting", Static)
            waiting.remove_class("failed")
            waiting.display = True
            seconds = int(time.monotonic() - self._asked_at)
            so_far = f"   {seconds} s" if seconds else ""
            waiting.update(f"◌ asking {printable(self._opening.address)} what it has …{so_far}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Whether a key does anything now; one that does nothing is not shown."""
        match action:
            case "choose":
                method = self._chosen
                return method is not None and can_open(method)
            case "clear":
                return self._has_filter
            case "back":
                below = self._can_go_back or len(self.app.screen_stack) > 2
                return not self._has_filter and below
            case "ask":
                return not self._waiting
        return True

    @property
    def _has_filter(self) -> bool:
        return self.is_mounted and bool(self.query_one(FilterInput).value)

    @property
    def _chosen(self) -> Method | None:
        if not self.is_mounted:
            return None
        tree = self.query_one(MethodTree)
        found = None if tree.has_class("nothing") else tree.chosen
        return found if isinstance(found, Method) else None

    def action_tree(self, name: str) -> None:
        """Moves the cursor of the tree."""
        getattr(self.query_one(MethodTree), f"action_{name}")()

    def action_choose(self) -> None:
        """Goes on to the request of the method at the cursor."""
        if (method := self._chosen) is not None:
            self._open(method)

    def action_clear(self) -> None:
        """Shows everything again."""
        self.query_one(FilterInput).value = ""

    def action_back(self) -> None:
        """Goes back to where the server was chosen."""
        self.dismiss()

    def _open(self, method: Method) -> None:
        if can_open(method):
            self.app.push_screen(RequestScreen(self._opening, method))


def _stream(streams: bool) -> str:
    return "stream " if streams else ""
