"""Metadata as rows of a name and a value."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Input

from grpctap.core.secrets import is_secret
from grpctap.widgets.line_input import LineInput

Pair = tuple[str, str]


class MetadataRow(Horizontal):
    """One name and its value, which is hidden while nobody edits it, where the name says secret."""

    DEFAULT_CSS = """
    MetadataRow {
        height: 1;
        & > LineInput { width: 2fr; background: $surface; padding: 0 1; }
        & > LineInput.name { width: 1fr; min-width: 20; margin-right: 1; }
        & > LineInput:focus { background: $block-hover-background; }
    }
    """

    class Changed(Message):
        """A name or a value is another one."""

    def __init__(self, name: str = "", value: str = "") -> None:
        super().__init__()
        self._pair = name, value

    def compose(self) -> ComposeResult:
        """The name at the left."""
        name, value = self._pair
        yield LineInput(name, placeholder="name", classes="name")
        hidden = is_secret(name, value)
        yield LineInput(value, placeholder="value", password=hidden, classes="value")

    @property
    def pair(self) -> Pair:
        """What stands in the row now."""
        if not self.is_mounted:
            return self._pair
        name, value = (self.query_one(kind, Input).value for kind in (".name", ".value"))
        return name.strip(), value

    def on_input_changed(self, event: Input.Changed) -> None:
        """Hides a value as soon as the name says that it is a secret."""
        event.stop()
        self._pair = self.pair
        self._hide()
        self.post_message(self.Changed())

    def on_descendant_focus(self) -> None:
        """Shows the value to whoever edits it."""
        self._hide()

    def on_descendant_blur(self) -> None:
        """Hides it again."""
        self._hide()

    def _hide(self) -> None:
        value = self.query_one(".value", Input)
        value.password = is_secret(*self.pair) and not value.has_focus


class MetadataRows(VerticalScroll, can_focus=False):
    """The rows; none where there is no metadata."""

    DEFAULT_CSS = """
    MetadataRows { height: auto; max-height: 5; scrollbar-size-vertical: 1; }
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        super().__init__()
        self._first = pairs

    def compose(self) -> ComposeResult:
        """One row a pair."""
        for name, value in self._first:
            yield MetadataRow(name, value)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All rows that are not empty."""
        pairs = (row.pair for row in self.query(MetadataRow))
        return tuple(pair for pair in pairs if pair != ("", ""))

    async def add(self) -> None:
        """One more row, in which the name can be typed."""
        row = MetadataRow()
        await self.mount(row)
        # At once, and not when the keys that were typed since have been dealt with.
        self.screen.set_focus(row.query_one(".name", Input))

    @property
    def focused_row(self) -> MetadataRow | None:
        """The row that is being edited, if any."""
        for row in self.query(MetadataRow):
            if row.has_focus_within:
                return row
        return None

    async def remove_row(self, row: MetadataRow) -> None:
        """Takes a row away."""
        await row.remove()
