"""The question for a field, out of those that would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from grpctap.screens.box import BoxScreen
from grpctap.widgets.lines import fit
from grpctap.widgets.options import Options

_WIDEST_NAME = 30


class Choice(NamedTuple):
    """A field, and what helps to choose it; all printable."""

    name: str
    note: str


class ChooseScreen(BoxScreen[int | None]):
    """Lets somebody choose one of the fields; gives its place, or None when it was left."""

    DEFAULT_CSS = """
    ChooseScreen > VerticalScroll > OptionList {
        height: auto;
        max-height: 16;
        border: none;
        padding: 0;
        background: $surface;
        &:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], chosen: int = 0) -> None:
        super().__init__()
        self._title, self._choices, self._chosen = title, choices, chosen

    def compose(self) -> ComposeResult:
        """A line a field."""
        width = min(max((cell_len(name) for name, _ in self._choices), default=0), _WIDEST_NAME)
        with VerticalScroll(can_focus=False) as box:
            box.border_title = self._title
            box.border_subtitle = "enter chooses · escape goes back"
            yield Options(*(self._option(choice, width) for choice in self._choices))

    def on_mount(self) -> None:
        """Begins at the one that is chosen now."""
        self.query_one(OptionList).highlighted = self._chosen

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """This one."""
        self.dismiss(event.option_index)

    def action_leave(self) -> None:
        """Leaves it as it is."""
        self.dismiss(None)

    @staticmethod
    def _option(choice: Choice, width: int) -> Option:
        name = fit(choice.name, width)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(name + " " * (width - cell_len(name)), "bold")
        text.append(f"  {choice.note}", "dim")
        return Option(text)
