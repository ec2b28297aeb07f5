"""Choosing the stream whose numbers are drawn over those of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import OptionList

from grpctap.screens.box import BoxScreen
from grpctap.widgets.options import Options


class OverlayScreen(BoxScreen[int]):
    """Lists streams; its result is the index of the one that was chosen.

    `names` are printable, each with whether its stream is drawn already.
    """

    DEFAULT_CSS = """
    OverlayScreen OptionList {
        height: auto;
        padding: 0;
        background: $surface;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        &, &:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,V,q", "dismiss", "Close"),
    ]

    def __init__(self, names: Sequence[tuple[str, bool]]) -> None:
        super().__init__()
        self._names = names

    def compose(self) -> ComposeResult:
        """One list."""
        with VerticalScroll(can_focus=False) as box:
            box.border_title = "Draw over this chart"
            box.border_subtitle = "enter draws or removes · escape closes"
            options = (Text(f"{'✓' if drawn else ' '} {name}") for name, drawn in self._names)
            yield Options(*options, markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tells which one was chosen."""
        self.dismiss(event.option_index)
