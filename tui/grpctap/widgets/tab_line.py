"""The line of tabs: which streams are watched, and how they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from rich.text import Text
from textual import events
from textual.message import Message

from grpctap.core.state import State
from grpctap.core.text import printable
from grpctap.widgets.lines import KeptLines, fit
from grpctap.widgets.top_line import SIGNS

HERE, FRESH, FAILED = "tab-line--here", "tab-line--fresh", "tab-line--failed"
NEW = "new stream"
_UNWRITTEN = "+"
_FRESH_SIGN = "•"


@dataclass(frozen=True, slots=True)
class Title:
    """What is told of a tab; `state` None: its stream is not opened yet.

    `fresh` says that something came since the tab was last looked at, `here` that it is the one
    that is looked at. The texts are foreign.
    """

    number: int
    method: str
    address: str
    state: State | None
    fresh: bool
    here: bool

    @property
    def name(self) -> str:
        """The method without its service."""
        return printable(self.method.rpartition("/")[2]) if self.state is not None else NEW

    @property
    def sign(self) -> str:
        """One cell that says how the stream stands."""
        return SIGNS[self.state] if self.state is not None else _UNWRITTEN


@runtime_checkable
class HasTitles(Protocol):
    """An app with tabs."""

    def tab_titles(self) -> Sequence[Title]:
        """What is to be told of them, in order."""


class TabLine(KeptLines):
    """One line with a title for each tab, each of which can be clicked; nothing of a single one."""

    DEFAULT_CSS = """
    TabLine {
        height: 1;
        background: $surface;
        color: $text-muted;
        display: none;
        & > .tab-line--here { background: $panel; color: $foreground; text-style: bold reverse; }
        & > .tab-line--fresh { color: $text-success; text-style: bold; }
        & > .tab-line--failed { color: $text-error; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {HERE, FRESH, FAILED}

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__()
        self._titles: Sequence[Title] = ()
        self._places: list[tuple[range, int]] = []

    def on_mount(self) -> None:
        """Shows at once what there is."""
        if isinstance(self.app, HasTitles):
            self.show(self.app.tab_titles())

    def show(self, titles: Sequence[Title]) -> None:
        """Shows the titles, where there is more than one."""
        if titles != self._titles:
            self._titles = titles
            self.display = len(titles) > 1
            self.refresh()

    def render(self) -> Text:
        """The line."""
        return self._drawn(self._titles, self.size.width)

    def on_click(self, event: events.Click) -> None:
        """Goes to the tab that was clicked."""
        for columns, number in self._places:
            if event.x in columns:
                self.post_message(self.Chosen(number))

    def _drawn(self, titles: Sequence[Title], width: int) -> Text:
        line = Text(no_wrap=True, overflow="crop", end="")
        self._places = []
        for title, (before, name, after) in zip(titles, layout(titles, width), strict=True):
            start = line.cell_len
            failed = title.state is State.FAILED
            look = HERE if title.here else FAILED if failed else ""
            style = self.get_component_rich_style(look) if look else ""
            line.append(before + name, style)
            fresh = title.fresh and not title.here
            sign = self.get_component_rich_style(FRESH) if fresh else style
            line.append(_FRESH_SIGN if fresh else " ", sign)
            line.append(after, style)
            self._places.append((range(start, line.cell_len), title.number))
        return line


Parts = tuple[str, str, str]
"""What stands in a title before its name, the name, and what stands behind it."""


def layout(titles: Sequence[Title], width: int) -> list[Parts]:
    """The titles with as much as fits into the width, in cells; between name and rest is one cell.

    First go the states in words, then the addresses, and at last names are cut.
    """
    several = len({title.address for title in titles}) > 1

    def wide(title: Title, *, address: bool, state: bool) -> Parts:
        told = f"{title.name} {printable(title.address)}" if address and several else title.name
        word = f" {title.state.value} " if state and title.state is not None else ""
        return f" {title.number} {title.sign} ", told, word

    choices: list[Callable[[Title], Parts]] = [
        lambda title: wide(title, address=True, state=True),
        lambda title: wide(title, address=True, state=False),
        lambda title: wide(title, address=False, state=True),
        lambda title: wide(title, address=False, state=False),
    ]
    for choice in choices:
        parts = [choice(title) for title in titles]
        if sum(_cells(part) for part in parts) <= width:
            return parts
    room = width // max(len(titles), 1)
    # A sign and a number tell more than the blanks around them.
    tight = [f"{title.number}{title.sign}" for title in titles]
    heads = tight if room < 10 else [part[0] for part in parts]
    cut = [
        fit(title.name, max(room - len(head) - 1, 0))
        for title, head in zip(titles, heads, strict=True)
    ]
    return [(head, name, "") for head, name in zip(heads, cut, strict=True)]


def _cells(parts: Parts) -> int:
    return Text("".join(parts)).cell_len + 1
