"""The help beside the editor: the fields of the message that is being written."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from grpctap.core.fields import FieldHelp
from grpctap.core.text import printable

_LONGEST_NAME = 200
_LONGEST_COMMENT = 600
MOST_FIELDS = 300


class FieldHelpPane(VerticalScroll, can_focus=False):
    """Each field with its type and what there is to know; the one at the cursor stands out."""

    DEFAULT_CSS = """
    FieldHelpPane {
        background: $surface;
        padding: 0 1;
        border-left: vkey $panel;
        scrollbar-size-vertical: 1;
        & > Static { height: auto; }
        & > Static.here { background: $block-hover-background; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: object = None

    def show(self, name: str, comment: str, fields: Sequence[FieldHelp]) -> None:
        """Shows the fields of the message of this name."""
        seen = (name, tuple(fields))
        if seen == self._seen:
            return
        self._seen = seen
        self.run_worker(self._fill(name, comment, fields), exclusive=True)

    async def _fill(self, name: str, comment: str, fields: Sequence[FieldHelp]) -> None:
        await self.remove_children()
        title = Text(printable(name, _LONGEST_NAME), "bold")
        if comment:
            title.append("\n" + _lines(comment), Style(italic=True))
        if not fields:
            title.append("\nhas no fields")
        rows = [Static(title)]
        here = None
        for field in fields[:MOST_FIELDS]:
            rows.append(Static(_told(field), classes="here" if field.here else ""))
            if field.here:
                here = rows[-1]
        if len(fields) > MOST_FIELDS:
            rows.append(Static(f"and {len(fields) - MOST_FIELDS:,} more"))
        await self.mount_all(rows)
        if here is not None:
            self.scroll_to_widget(here, animate=False)


def _told(field: FieldHelp) -> Text:
    text = Text(printable(field.name, _LONGEST_NAME), "bold" if field.here else "")
    text.append(f" {printable(field.type_, _LONGEST_NAME)}", Style(dim=not field.here))
    for note in field.notes:
        text.append(f"\n  {printable(note, _LONGEST_COMMENT)}", Style(dim=not field.here))
    if field.comment:
        for line in _lines(field.comment).split("\n"):
            text.append(f"\n  {line}", Style(italic=True, dim=not field.here))
    return text


def _lines(comment: str) -> str:
    lines = [printable(line.strip(), _LONGEST_COMMENT) for line in comment.strip().split("\n")]
    return "\n".join(lines[:12])
