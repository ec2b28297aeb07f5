"""The request screen: a call is written, and started."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from google.protobuf.descriptor import FieldDescriptor
from textual import events
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input, Static, TextArea

from grpctap.core.draft import Draft, DraftError
from grpctap.core.fields import find_field, help_of, message_around
from grpctap.core.jsonplaces import Place, path_at, places
from grpctap.core.method import Method
from grpctap.core.requestcheck import RequestError
from grpctap.core.template import filled
from grpctap.core.text import printable
from grpctap.headers import parse_header
from grpctap.opening import Opening, deadline
from grpctap.screens.clipboard import copy_command, grpcurl_system_command
from grpctap.screens.watch import WatchScreen
from grpctap.widgets.field_help import FieldHelpPane
from grpctap.widgets.json_editor import JsonEditor
from grpctap.widgets.key_bar import KeyBar
from grpctap.widgets.line_input import LineInput
from grpctap.widgets.metadata_rows import MetadataRow, MetadataRows
from grpctap.widgets.tab_line import TabLine
from grpctap.widgets.title_line import TitleLine

LEAST_COLUMNS_FOR_HELP = 70
_HINT = "✓ null leaves a field out · ctrl+o fills in the field at the cursor"
# Values that a template has in place of one that says something.
_EMPTY = ("null", "[]", "{}")


class RequestScreen(Screen[None]):
    """Edits the request, the metadata and the deadline of a call of one method.

    `at_once` starts the call as soon as the screen is there, which it is to go back to.
    """

    DEFAULT_CSS = """
    RequestScreen {
        layout: vertical;
        overflow: hidden;
        & > #body {
            height: 1fr;
            & > JsonEditor { width: 3fr; }
            & > FieldHelpPane { width: 2fr; max-width: 60; }
        }
        & > #problem { height: 1; padding: 0 1; background: $surface; color: $text-error; }
        & > #problem.well { color: $text-muted; }
        & > MetadataRows { padding: 0 1; }
        & > #more {
            height: 1;
            padding: 0 1;
            & > Static { width: auto; color: $text-muted; }
            & > #deadline { width: 12; background: $surface; padding: 0 1; margin: 0 1; }
            & > #deadline:focus { background: $block-hover-background; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # None of these overtakes the letters that were typed before it, as those with priority do.
        Binding("ctrl+s", "start", "Start", tooltip="Start the call"),
        Binding("f5,ctrl+j", "start", "Start", show=False),
        Binding("ctrl+o", "fill", "Fill in", tooltip="Give the field at the cursor a value"),
        Binding("ctrl+n", "add_row", "Add metadata"),
        Binding("ctrl+r", "remove_row", "Remove row"),
        Binding("ctrl+g", "copy_grpcurl", "Copy as grpcurl"),
        Binding("tab", "app.focus_next", "Next", show=False),
        Binding("escape", "back", "Back"),
        Binding("ctrl+q", "app.quit", "Quit", priority=True),
    ]
    AUTO_FOCUS = "JsonEditor"

    def __init__(self, opening: Opening, method: Method, *, at_once: bool = False) -> None:
        super().__init__()
        self._opening = opening
        self._draft = opening.draft(method)
        self._at_once = at_once

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        method = self._draft.method
        yield TabLine()
        yield TitleLine(self._opening.address, method.name)
        with Horizontal(id="body"):
            yield JsonEditor(self._draft.body)
            yield FieldHelpPane()
        yield Static(id="problem", markup=False)
        yield MetadataRows(self._draft.metadata)
        with Horizontal(id="more"):
            yield Static("deadline", markup=False)
            yield LineInput(self._draft.deadline, placeholder="none", id="deadline")
            yield Static("seconds · ctrl+n adds metadata, tab goes on", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Looks at what there is already, and puts the cursor into the first value."""
        editor = self.query_one(JsonEditor)
        first = min(
            (place.value for place in places(editor.text).by_path.values() if place.key),
            default=None,
        )
        if first is not None:
            quoted = editor.text[first[0]] == '"'
            editor.move_cursor(editor.location_of(first[0] + quoted))
        self._check()
        if self._at_once:
            self.call_after_refresh(self.action_start)

    def on_resize(self, event: events.Resize) -> None:
        """Gives the editor the room on a narrow terminal."""
        self.query_one(FieldHelpPane).display = event.size.width >= LEAST_COLUMNS_FOR_HELP

    @property
    def draft(self) -> Draft:
        """The call as it is written now."""
        return Draft(
            self._draft.method,
            self.query_one(JsonEditor).text,
            self.query_one(MetadataRows).pairs,
            self.query_one("#deadline", Input).value.strip(),
        )

    def on_text_area_changed(self) -> None:
        """Marks what is wrong."""
        self._check()

    def on_text_area_selection_changed(self, _: TextArea.SelectionChanged) -> None:
        """Tells of the message at the cursor."""
        self._show_help()

    def on_input_changed(self) -> None:
        """Looks at the deadline."""
        self._check()

    def on_metadata_row_changed(self, _: MetadataRow.Changed) -> None:
        """Looks at the metadata."""
        self._check()

    def on_descendant_focus(self) -> None:
        """Shows the keys for what is being edited."""
        self.refresh_bindings()

    def _check(self) -> None:
        editor = self.query_one(JsonEditor)
        fault = None
        problem = ""
        try:
            self._opening.read(editor.text, self._draft.method)
        except RequestError as error:
            fault, problem = error.fault.span, str(error)
        if not problem:
            problem = self._problem_around()
        editor.fault = fault
        self._tell(problem)
        self._show_help()

    def _tell(self, problem: str) -> None:
        line = self.query_one("#problem", Static)
        line.set_class(not problem, "well")
        line.update(f"✗ {problem}" if problem else _HINT)

    def _problem_around(self) -> str:
        """What is wrong with the metadata or the deadline."""
        draft = self.draft
        try:
            for name, value in draft.metadata:
                parse_header(f"{name}: {value}")
            deadline(draft.deadline)
        except ValueError as error:
            return printable(str(error).removeprefix("-H").lstrip(": "))
        return ""

    def _show_help(self) -> None:
        message, field = message_around(self._draft.method.request, self._path)
        comments = self._draft.method.comments
        self.query_one(FieldHelpPane).show(
            message.full_name, comments.of(message), help_of(message, field, comments)
        )
        self.refresh_bindings()

    @property
    def _path(self) -> tuple[str | int, ...]:
        editor = self.query_one(JsonEditor)
        return path_at(editor.text, editor.offset_of(editor.cursor_location))

    @property
    def _to_fill(self) -> tuple[FieldDescriptor, Place] | None:
        """The field at the cursor that says nothing yet, and where it stands."""
        editor = self.query_one(JsonEditor)
        if not editor.has_focus:
            return None
        path, text = self._path, editor.text
        place = places(text).by_path.get(path)
        field = find_field(self._draft.method.request, path)
        if place is None or place.key is None or field is None:
            return None
        empty = "".join(text[slice(*place.value)].split()) in _EMPTY
        return (field, place) if empty else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Whether a key does anything now; one that does nothing is not shown."""
        if not self.is_mounted or not self.query(JsonEditor):
            return False
        match action:
            case "fill":
                return self._to_fill is not None
            case "remove_row":
                return self.query_one(MetadataRows).focused_row is not None
            case "add_row":
                return self.query_one(MetadataRows).focused_row is None or bool(self.draft.metadata)
        return True

    def action_fill(self) -> None:
        """Gives the field at the cursor a value to begin with."""
        if (found := self._to_fill) is None:
            return
        field, place = found
        editor = self.query_one(JsonEditor)
        start, end = (editor.location_of(offset) for offset in place.value)
        line = editor.document.get_line(start[0])
        value = filled(field, len(line) - len(line.lstrip()))
        editor.replace(value, start, end, maintain_selection_offset=False)
        # Where the first thing is to be typed.
        inner = value.find('": ') + 3 if value[0] in "[{" and '": ' in value else 0
        quote = value[inner : inner + 1] == '"'
        editor.move_cursor(editor.location_of(place.value[0] + inner + quote))

    async def action_add_row(self) -> None:
        """Adds a row of metadata."""
        await self.query_one(MetadataRows).add()

    async def action_remove_row(self) -> None:
        """Takes the row away that is being edited."""
        rows = self.query_one(MetadataRows)
        if (row := rows.focused_row) is not None:
            self.set_focus(self.query_one(JsonEditor))
            await rows.remove_row(row)
            self._check()

    def action_back(self) -> None:
        """Goes back to the methods; what was written is kept."""
        self._opening.keep(self.draft)
        self.dismiss()

    def action_start(self) -> None:
        """Starts the call, and shows it."""
        draft = self.draft
        self._opening.keep(draft)
        try:
            stream = self._opening.open(draft)
        except DraftError as error:
            self._refuse(str(error))
            return
        if note := self._opening.remember(draft):
            self.notify(printable(note), severity="warning", markup=False)
        config = stream.config
        leave = partial(self._opening.streams.leave, stream)
        screen = WatchScreen(
            stream.tap,
            self._opening.address,
            config.method.name,
            plaintext=self._opening.plaintext,
            grpcurl=lambda: self._opening.grpcurl(draft),
            can_go_back=True,
            choices=stream.choices,
            another=lambda: self._opening,
            leave=leave,
        )
        self.app.push_screen(screen, lambda _: leave())

    def _refuse(self, reason: str) -> None:
        """Says why the call cannot be started, and puts the cursor where it is wrong."""
        self._check()
        editor = self.query_one(JsonEditor)
        if editor.fault is not None:
            self.set_focus(editor)
            editor.move_cursor(editor.location_of(editor.fault[0]))
        self._tell(f"Not started: {printable(reason)}")

    def action_copy_grpcurl(self) -> None:
        """Puts the call on the clipboard, as a command line of grpcurl."""
        try:
            command = self._opening.grpcurl(self.draft)
        except DraftError as error:
            self._refuse(str(error))
        else:
            copy_command(self.app, command)

    def system_commands(self) -> Iterable[SystemCommand]:
        """What the command palette has for this screen."""
        yield grpcurl_system_command(self.action_copy_grpcurl)
