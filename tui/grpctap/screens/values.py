"""The question for the values of metadata, of which only the names are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from grpctap.core.secrets import is_secret
from grpctap.core.text import printable
from grpctap.headers import parse_header
from grpctap.screens.box import BoxScreen
from grpctap.widgets.line_input import LineInput

_LONGEST_NAME = 60
Pairs = tuple[tuple[str, str], ...]


class ValuesScreen(BoxScreen[Pairs | None]):
    """Asks for the value of each name; gives names and values, or None when it was left."""

    DEFAULT_CSS = """
    ValuesScreen > VerticalScroll {
        & > Static { height: auto; }
        & > Input { background: $panel; padding: 0 1; margin-bottom: 1; }
        & > .problem { color: $text-error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", priority=True),
        Binding("up", "app.focus_previous", "Up", show=False),
        Binding("down", "app.focus_next", "Down", show=False),
    ]

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = tuple(names)

    def compose(self) -> ComposeResult:
        """A field a name."""
        with VerticalScroll(can_focus=False) as box:
            box.border_title = "Metadata of this call"
            box.border_subtitle = "enter goes on · empty leaves one out · escape goes back"
            yield Static("Values are not kept, so they are asked for each time.\n")
            for name in self._names:
                yield Static(printable(name, _LONGEST_NAME), markup=False)
                yield LineInput(password=is_secret(name), placeholder="value")
            yield Static(classes="problem", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Goes to the next field; after the last, on with the call."""
        fields = list(self.query(Input))
        at = fields.index(event.input)
        if at + 1 < len(fields):
            self.set_focus(fields[at + 1])
            return
        values = [field.value for field in fields]
        pairs = tuple(pair for pair in zip(self._names, values, strict=True) if pair[1])
        try:
            for name, value in pairs:
                parse_header(f"{name}: {value}")
        except ValueError as error:
            text = str(error).removeprefix("-H").lstrip(": ")
            self.query_one(".problem", Static).update(printable(text))
        else:
            self.dismiss(pairs)

    def action_leave(self) -> None:
        """Opens nothing."""
        self.dismiss(None)
