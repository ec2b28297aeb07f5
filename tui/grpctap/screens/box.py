"""A box over the screen below, which goes on meanwhile."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import ModalScreen

_Result = TypeVar("_Result")


class BoxScreen(ModalScreen[_Result]):
    """A screen of one box, in the middle, that scrolls where it is too high."""

    DEFAULT_CSS = """
    BoxScreen {
        align: center middle;
        & > VerticalScroll {
            width: 74;
            max-width: 95%;
            height: auto;
            max-height: 95%;
            padding: 0 2;
            background: $surface;
            border: round $primary;
            border-title-color: $foreground;
            border-subtitle-color: $text-muted;
        }
    }
    """
