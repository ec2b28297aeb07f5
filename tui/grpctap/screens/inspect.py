"""The inspector: one value looked at closely, while the stream runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from grpctap.core.detail import detail_of, whole_json
from grpctap.core.history import Located
from grpctap.core.message import MessageError
from grpctap.core.oneline import time_text
from grpctap.core.picked import View
from grpctap.core.seams import duration
from grpctap.screens.clipboard import MOST_TAKEN
from grpctap.screens.resting import RestingScreen
from grpctap.snapshot import Snapshot
from grpctap.watched import Watched
from grpctap.widgets.facts import Facts
from grpctap.widgets.json_view import JsonView
from grpctap.widgets.key_bar import KeyBar
from grpctap.widgets.message_tree import MessageTree
from grpctap.widgets.status_line import quantity
from grpctap.widgets.tab_line import TabLine
from grpctap.widgets.top_line import TopLine

LOOKS_PER_SECOND = 10
_SECOND_NS = 1_000_000_000


class InspectScreen(RestingScreen[int]):
    """Shows a value as JSON or as a tree; its result is the row of the one shown last.

    The value stays what it is whatever becomes of the history. Its neighbours are those in
    `frozen`, where the log stands still, and then those that `step` finds (None: in the tap).
    """

    DEFAULT_CSS = """
    InspectScreen {
        layout: vertical;
        overflow: hidden;
        & > JsonView { height: 1fr; margin: 1 0 0 0; }
        & > MessageTree { height: 1fr; margin: 1 0 0 0; display: none; }
        &.tree > JsonView { display: none; }
        &.tree > MessageTree { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Previous", priority=True, tooltip="The value before it"),
        Binding("right", "step(1)", "Next", priority=True, tooltip="The value after it"),
        Binding("tab", "switch", "Tree", priority=True, tooltip="Each field with its type"),
        Binding("tab", "switch_back", "JSON", priority=True, tooltip="The message as JSON"),
        Binding("t", "other_view", "Tree or JSON", show=False),
        Binding("y", "copy", "Copy JSON", tooltip="Copy the JSON to the clipboard"),
        Binding("c", "copy", "Copy JSON", show=False),
        Binding("enter,q", "close", "Close", show=False, priority=True),
        Binding("escape", "close", "Close", priority=True),
    ]
    AUTO_FOCUS = "JsonView"

    def __init__(
        self,
        tap: Watched,
        shown: Located,
        frozen: View,
        top: TopLine,
        note: Callable[[Snapshot], str],
        step: Callable[[int, int], Located | None] | None = None,
    ) -> None:
        super().__init__()
        self._step = step or tap.step
        self._tap, self._frozen, self._note = tap, frozen, note
        self._shown = shown
        self._top = top
        self._facts: tuple[str, ...] = ()
        self._type = ""
        self._warning = ""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TabLine()
        yield self._top
        yield Facts()
        yield JsonView()
        yield MessageTree()
        yield KeyBar()

    def on_mount(self) -> None:
        """Shows the value, and starts to look at the stream."""
        self._show(self._shown)
        self.look_often(1 / LOOKS_PER_SECOND, self.look)

    def look(self) -> None:
        """Shows how the stream stands now, and the value in it."""
        now = self._tap.snapshot()
        self._top.state = now.state
        self._top.note = self._note(now)
        self._top.elapsed_s = now.elapsed_ns // _SECOND_NS
        row, value = self._shown
        newer = now.values - value.ordinal
        facts = self.query_one(Facts)
        new = f"{newer:,} newer" if newer else "the newest"
        facts.name_line = (f"#{value.label}  {self._type}", new)
        age = duration((self._tap.now_ns() - value.time_ns) // 100_000_000 * 100_000_000)
        received = time_text(*divmod(value.time_ns, _SECOND_NS))
        facts.facts = (f"received {received}", f"{age} ago", *self._facts)
        gone = row < self._tap.extent().first
        left = ("It has left the history since; shown is what it was.",) if gone else ()
        facts.warnings = (*left, *((self._warning,) if self._warning else ()))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now."""
        match action, parameters:
            case "switch", _:
                return not self.has_class("tree")
            case (("switch_back" | "fold"), _):
                return self.has_class("tree")
        return True

    def action_step(self, by: int) -> None:
        """Goes to the value before or after."""
        row = self._shown.row
        found = self._frozen.step(row, by) if self._frozen.get(row) is not None else None
        found = found or self._step(row, by)
        if found is not None and (found.row - row) * by > 0:
            self._show(found)
        else:
            self.notify("No newer value yet" if by > 0 else "No older value is kept", timeout=2)

    def action_other_view(self) -> None:
        """Shows the tree in the place of the JSON, or the other way round."""
        self.set_class(not self.has_class("tree"), "tree")
        shown: Widget = self.query_one(MessageTree if self.has_class("tree") else JsonView)
        self.set_focus(shown)
        self.refresh_bindings()

    def action_switch(self) -> None:
        """Shows the tree in the place of the JSON."""
        self.action_other_view()

    def action_switch_back(self) -> None:
        """Shows the JSON in the place of the tree."""
        self.action_other_view()

    def action_copy(self) -> None:
        """Copies the whole message as JSON."""
        raw, schema = self._shown.value.raw, self._tap.schema
        # The JSON of a large message takes seconds.
        self.run_worker(
            lambda: whole_json(schema, raw), thread=True, exclusive=True, exit_on_error=False
        )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Puts what was written on the clipboard."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            reason = str(error) if isinstance(error, MessageError) else type(error).__name__
            self.notify(f"Nothing was copied: {reason}", severity="error", markup=False)
        elif event.state is WorkerState.SUCCESS and isinstance(event.worker.result, str):
            text = event.worker.result
            self.app.copy_to_clipboard(text)
            size = quantity(len(text.encode()))
            much = len(text) > MOST_TAKEN
            hint = "\nMany terminals do not take so much." if much else ""
            self.notify(
                f"Copied the message: {size} of JSON{hint}",
                severity="warning" if much else "information",
            )

    def action_close(self) -> None:
        """Goes back to the stream."""
        self.dismiss(self._shown.row)

    def _show(self, found: Located) -> None:
        self._shown = found
        value = found.value
        detail = detail_of(self._tap.schema, value.raw)
        self._type = detail.type
        size = len(value.raw)
        facts = [f"event time {detail.event}"] if detail.event else []
        facts.append(f"{size:,} byte{'' if size == 1 else 's'}")
        numbered = f"sequence {value.sequence:,}" if value.sequence else "no sequence"
        facts.append(numbered)
        if detail.unknown:
            many = "" if detail.unknown == 1 else "s"
            facts.append(f"{detail.unknown:,} unknown field{many}, in the tree")
        self._facts = tuple(facts)
        large = "The message is too large to be shown whole; y copies all of it."
        self._warning = large if detail.is_cut else ""
        self.query_one(JsonView).show(detail.lines)
        self.query_one(MessageTree).show(detail.entries)
        self.look()
