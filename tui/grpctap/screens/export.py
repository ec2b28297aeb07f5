"""The question where to write the values that the log shows, and how."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, ProgressBar, RadioButton, RadioSet, Static

from grpctap.core.cells import CellsError
from grpctap.core.message import Schema
from grpctap.core.text import printable
from grpctap.export import Csv, Excerpt, Form, Format, Ndjson, Written, write_values
from grpctap.outfile import Outfile
from grpctap.recordfile import unused_name
from grpctap.screens.box import BoxScreen
from grpctap.widgets.line_input import LineInput
from grpctap.widgets.status_line import quantity
from grpctap.widgets.stream_log import StreamLog

LOOKS_PER_SECOND = 10
# So long the writer leaves the processor to the screen after each slice of its work.
PAUSE_S = 0.002
_LONGEST_PATH = 300
_FORMATS = (
    (Format.NDJSON, "NDJSON: the messages, one a line"),
    (Format.NDJSON, "NDJSON with seq and received: their numbers and times, too"),
    (Format.CSV, "CSV: a table of their fields"),
)
_WITH_META = 1
_ENDINGS = tuple(format_.value for format_ in Format)


class _LeftError(Exception):
    """Nobody wants the file any more."""


class _Choice(RadioButton):
    """One of several, of which the chosen one is seen without colours, too."""

    def __init__(self, label: str, *, value: bool) -> None:
        super().__init__(label, value)
        self._mark()

    def watch_value(self) -> None:
        """Shows whether it is the chosen one."""
        self._mark()
        super().watch_value()

    def _mark(self) -> None:
        self.BUTTON_INNER = "●" if self.value else " "


class ExportScreen(BoxScreen[str | None]):
    """Asks for a format and a file, and writes it; gives what it says of that, None: nothing.

    Args:
        schema: Reads the messages.
        excerpt: What to write.
        method: SERVICE/METHOD, for the name of the file.
    """

    DEFAULT_CSS = """
    ExportScreen.writing ProgressBar { display: block; }
    ExportScreen > VerticalScroll {
        & > Static { height: auto; }
        & > RadioSet { background: $surface; margin: 1 0; }
        & > Input { background: $panel; padding: 0 1; }
        & > .note { margin-bottom: 1; }
        & > .problem { color: $text-error; }
        & > .note { color: $text-muted; }
        & > ProgressBar { display: none; width: 100%; }
        & > ProgressBar Bar { width: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", priority=True),
        Binding("up", "choose(-1)", "Format", show=False, priority=True),
        Binding("down", "choose(1)", "Format", show=False, priority=True),
    ]
    AUTO_FOCUS = "Input"

    def __init__(self, schema: Schema, excerpt: Excerpt, method: str) -> None:
        super().__init__()
        self._schema, self._excerpt = schema, excerpt
        self._first_name = unused_name(method, Format.NDJSON.value)
        self._replaces = ""
        self._done = Written()
        self._left = threading.Event()

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with VerticalScroll(can_focus=False) as box:
            box.border_title = "Export"
            box.border_subtitle = "enter writes · ↑ ↓ format · escape goes back"
            yield Static(f"{self._excerpt.name}, into a file", markup=False)
            formats = RadioSet(
                *(_Choice(label, value=not at) for at, (_, label) in enumerate(_FORMATS)),
                compact=True,
            )
            formats.can_focus = False
            yield formats
            yield LineInput(self._first_name, placeholder="name of the file")
            yield Static(_folder(), classes="note", markup=False)
            yield Static(classes="problem", markup=False)
            yield ProgressBar(total=max(len(self._excerpt), 1), show_eta=False)

    def action_choose(self, by: int) -> None:
        """Chooses the format above or below."""
        if not self.has_class("writing"):
            at = (self.query_one(RadioSet).pressed_index + by) % len(_FORMATS)
            list(self.query(RadioButton))[at].value = True

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        """Lets the name end as the format does."""
        field = self.query_one(Input)
        path, ending = Path(field.value), _FORMATS[event.index][0].value
        if path.suffix.lower() in _ENDINGS and path.suffix.lower() != ending:
            field.value = str(path.with_suffix(ending))
            field.cursor_position = len(field.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another name has no problem yet; one that ends as a format does chooses that."""
        if event.value != self._replaces:
            self._replaces = ""
            self._complain("")
        suffix = Path(event.value).suffix.lower()
        chosen = _FORMATS[self.query_one(RadioSet).pressed_index][0]
        for at, (format_, _) in enumerate(_FORMATS):
            if format_.value == suffix != chosen.value:
                list(self.query(RadioButton))[at].value = True
                return

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Writes the file; before one is replaced, says so and waits for another enter."""
        try:
            path = Path(event.value.strip()).expanduser()
            # Whoever writes into a pipe waits for its reader, maybe for ever.
            if not event.value.strip() or (path.exists() and not path.is_file()):
                self._complain("This is no name of a file.")
            elif not path.parent.is_dir():
                self._complain("There is no such folder.")
            elif path.exists() and self._replaces != event.value:
                self._replaces = event.value
                self._complain("That file exists. Press enter again to replace it.")
            else:
                self._begin(path, replace=bool(self._replaces))
        except (OSError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._complain(f"No such file can be: {reason}.")

    def action_leave(self) -> None:
        """Writes nothing, or leaves nothing of what was written."""
        self.dismiss(None)

    def on_unmount(self) -> None:
        """Whoever writes ends, too."""
        self._left.set()

    def _begin(self, path: Path, *, replace: bool) -> None:
        if self.has_class("writing"):
            return
        self.add_class("writing")
        self.query_one(VerticalScroll).border_subtitle = "escape ends it, and leaves nothing"
        form = self._form(self.query_one(RadioSet).pressed_index)
        self.query_one(Input).disabled = True
        self.set_interval(1 / LOOKS_PER_SECOND, self._look)
        self.run_worker(self._write(path, form, replace=replace), exit_on_error=False)

    def _form(self, at: int) -> Callable[[], Form]:
        schema = self._schema
        if _FORMATS[at][0] is Format.NDJSON:
            return lambda: Ndjson(schema, meta=at == _WITH_META)

        def table() -> Form:
            type_, cells = schema.json_text.type, schema.cells
            if cells is not None:
                try:
                    return Csv(schema, type_, ",".join(("seq", "received", *cells.names)))
                except CellsError:
                    # The log can show a part of a cell that CSV has as a whole.
                    pass
            return Csv(schema, type_)

        return table

    async def _write(self, path: Path, form: Callable[[], Form], *, replace: bool) -> None:
        def write() -> Written:
            with Outfile(path, replace=replace) as file:
                return write_values(self._excerpt.values(), form(), file.write, self._told)

        name = printable(str(path), _LONGEST_PATH)
        try:
            done = await asyncio.to_thread(write)
        except _LeftError:
            return
        except FileExistsError:
            self._fail(f"{name} has come to exist meanwhile")
        except OSError as error:
            self._fail(f"{name} cannot be written: {error.strerror}")
        except Exception as error:
            # Whatever a message did: the stream goes on.
            self._fail(f"{name} cannot be written: {type(error).__name__}")
        else:
            left_out = f", {done.left_out:,} left out that JSON cannot hold" * bool(done.left_out)
            values = f"{done.values:,} value{'' if done.values == 1 else 's'}"
            self.dismiss(f"{values} written to {name} ({quantity(done.bytes)}){left_out}")

    def _told(self, done: Written) -> None:
        self._done = done
        if self._left.wait(PAUSE_S):
            raise _LeftError

    def _look(self) -> None:
        self.query_one(ProgressBar).update(progress=self._done.values + self._done.left_out)

    def _fail(self, reason: str) -> None:
        self.app.notify(reason, title="Nothing was exported", severity="error", markup=False)
        self.dismiss(None)

    def _complain(self, problem: str) -> None:
        self.query_one(".problem", Static).update(problem)


def export_log(app: App[Any], log: StreamLog, schema: Schema, method: str) -> None:
    """Lets somebody write the values that a log shows, or those selected in it, to a file."""

    def tell(what: str | None) -> None:
        if what is not None:
            app.notify(what, title="Exported", markup=False)

    app.push_screen(ExportScreen(schema, Excerpt(log.kept(), log.chosen), method), tell)


def _folder() -> str:
    try:
        return printable(f"in {Path.cwd()}", _LONGEST_PATH)
    except OSError:
        return "The current folder is gone; write the whole path of a file."
