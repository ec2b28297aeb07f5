"""The list of fields: their paths, types and last values, and which of them are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from grpctap.widgets.lines import LineWidget, fit

MARK_WIDTH, RATE_WIDTH = 3, 3
_LEAST_PATH = 12
_CURSOR, _MUTED, _THUMB = "field-list--cursor", "field-list--muted", "field-list--thumb"
_LINES = tuple(f"field-list--line-{number}" for number in range(1, 7))


class FieldRow(NamedTuple):
    """A row of the list, in printable texts; `number` counts the chosen from 1, 0: not chosen."""

    path: str
    name: str
    type_text: str
    number: int
    rate: bool


class FieldList(LineWidget, can_focus=True):
    """Shows rows, of which it draws those in sight, and has a cursor on one of them.

    The cursor stays on its field whatever is added around it.

    Args:
        tell: The last value of a field, by its path, in printable text.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {_CURSOR, _MUTED, _THUMB, *_LINES}
    DEFAULT_CSS = """
    FieldList {
        height: 1fr;
        background: $surface;
        color: $foreground;
        & > .field-list--muted { color: $text-muted; }
        & > .field-list--thumb { color: $primary; }
        & > .field-list--cursor { background: $surface-lighten-2; text-style: bold; }
        &:focus > .field-list--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold;
        }
        .field-list--line-1 { color: $text-primary; text-style: bold; }
        .field-list--line-2 { color: #ffa62b; text-style: bold; }
        .field-list--line-3 { color: #7bd88f; text-style: bold; }
        .field-list--line-4 { color: #ff8bd1; text-style: bold; }
        .field-list--line-5 { color: #f2e05c; text-style: bold; }
        .field-list--line-6 { color: #5ad4e6; text-style: bold; }
        &:light {
            .field-list--line-2 { color: #a04a00; }
            .field-list--line-3 { color: #1b6e2a; }
            .field-list--line-4 { color: #a3006e; }
            .field-list--line-5 { color: #6a5a00; }
            .field-list--line-6 { color: #00667a; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "move_pages(-1)", "Page up", show=False),
        Binding("pagedown", "move_pages(1)", "Page down", show=False),
        Binding("home", "move_to(0)", "First", show=False),
        Binding("end", "move_to(-1)", "Last", show=False),
    ]

    class Clicked(Message):
        """Somebody clicked the row at the cursor."""

    def __init__(self, tell: Callable[[str], str]) -> None:
        super().__init__()
        self._tell = tell
        self._rows: Sequence[FieldRow] = ()
        self._at = 0
        self._top = 0
        self.placeholder = ""
        """What stands there while there is no row."""

    @property
    def selected(self) -> FieldRow | None:
        """The row at the cursor."""
        return self._rows[self._at] if self._at < len(self._rows) else None

    def show(self, rows: Sequence[FieldRow]) -> None:
        """Shows these rows from now on, and the values that their fields have now."""
        before = self.selected
        self._rows = rows
        if before is not None:
            places = (at for at, row in enumerate(rows) if row.path == before.path)
            self._at = next(places, min(self._at, max(len(rows) - 1, 0)))
        self._keep_in_sight()

    def on_resize(self) -> None:
        """Keeps the cursor in sight."""
        self._keep_in_sight()

    def on_focus(self) -> None:
        """Colours the cursor."""
        self.notify_style_update()
        self.refresh()

    def on_blur(self) -> None:
        """Takes the colour from the cursor."""
        self.notify_style_update()
        self.refresh()

    def action_move(self, by: int) -> None:
        """Moves the cursor by so many rows."""
        self._at = min(max(self._at + by, 0), max(len(self._rows) - 1, 0))
        self._keep_in_sight()

    def action_move_pages(self, by: int) -> None:
        """Moves the cursor by so many heights of the list."""
        self.action_move(by * max(self.size.height - 1, 1))

    def action_move_to(self, at: int) -> None:
        """Moves the cursor to the first row (0) or the last (-1)."""
        self.action_move(-len(self._rows) if at == 0 else len(self._rows))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Moves the cursor down."""
        event.stop()
        self.action_move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Moves the cursor up."""
        event.stop()
        self.action_move(-3)

    def on_click(self, event: events.Click) -> None:
        """Puts the cursor on what was clicked, and tells of it."""
        at = self._top + event.y
        if at < len(self._rows):
            self._at = at
            self._keep_in_sight()
            self.post_message(self.Clicked())

    def _keep_in_sight(self) -> None:
        height = max(self.size.height, 1)
        least = max(self._at - height + 1, 0)
        most = max(min(self._at, len(self._rows) - height), 0)
        self._top = min(max(self._top, least), max(most, least))
        self.refresh()

    def draw_lines(self, lines: range, width: int, height: int) -> list[Strip]:
        """Draws rows of the list."""
        return [self._draw(self._top + y, y, width, height) for y in lines]

    def _draw(self, at: int, y: int, width: int, height: int) -> Strip:
        if at >= len(self._rows):
            text = self.placeholder if not self._rows and y == height // 2 else ""
            segments = [Segment(fit(text, width).center(width), self.look(_MUTED))]
            return Strip(segments).adjust_cell_length(width, self.look(""))
        row, chosen = self._rows[at], at == self._at
        plain = self.look(_CURSOR if chosen else "")
        muted = plain if chosen else self.look(_MUTED)
        line = self.look(_LINES[(row.number - 1) % 6]) if row.number and not chosen else plain
        path_width, type_width, value_width = _widths(width - MARK_WIDTH - RATE_WIDTH - 1)
        mark = f" {row.number} " if row.number else " · "
        segments = [
            Segment(mark, line if row.number else muted),
            Segment(_tail(row.name, path_width), line if row.number else plain),
            Segment("/s " if row.rate else "   ", line),
            Segment(_cell(row.type_text, type_width), muted),
            Segment(_cell(self._tell(row.path), value_width), plain),
        ]
        strip = Strip(segments).adjust_cell_length(width - 1, plain)
        return Strip([*strip, Segment(*self._thumb(y, height))])

    def _thumb(self, y: int, height: int) -> tuple[str, Style]:
        """The bar at the right edge, which tells where in the list it is."""
        count = len(self._rows)
        if count <= height:
            return " ", self.look("")
        size = max(height * height // count, 1)
        start = self._top * (height - size) // max(count - height, 1)
        return ("┃" if start <= y < start + size else " "), self.look(_THUMB)


def _widths(room: int) -> tuple[int, int, int]:
    """How wide paths, types and values are, with a blank behind each."""
    type_width = min(max(room // 5, 9), 20)
    value_width = min(max((room - type_width) // 2, 12), 40)
    return max(room - type_width - value_width, _LEAST_PATH), type_width, value_width


def _cell(text: str, width: int) -> str:
    return set_cell_size(fit(text, width - 1), width)


def _tail(text: str, width: int) -> str:
    """A text of so many cells; of a longer path, its end says what it is."""
    if cell_len(text) < width:
        return set_cell_size(text, width)
    while text and cell_len(text) > width - 2:
        text = text[1:]
    return set_cell_size(f"…{text}", width)
