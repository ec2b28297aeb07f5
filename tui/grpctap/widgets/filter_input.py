"""The field above a list: what is typed filters it, and all other keys are the screen's."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from grpctap.widgets.line_input import LineInput


class FilterInput(LineInput, inherit_bindings=False):
    """A field that leaves enter, delete and the like to whoever shows it."""

    DEFAULT_CSS = """
    FilterInput { margin: 1 2; padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor_left", "Left", show=False),
        Binding("right", "cursor_right", "Right", show=False),
        Binding("home,ctrl+a", "home", "Start", show=False),
        Binding("end,ctrl+e", "end", "End", show=False),
        Binding("backspace", "delete_left", "Delete left", show=False),
        Binding("ctrl+w", "delete_left_word", "Delete word", show=False),
        Binding("ctrl+u", "delete_left_all", "Delete all", show=False),
    ]

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder)
