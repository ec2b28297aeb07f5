"""The line of tabs: which streams are watched, and how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message

from grpctap.core.distinct import Name
from grpctap.core.state import State
from grpctap.core.text import printable
from grpctap.widgets.lines import KeptLines, fit_apart, share
from grpctap.widgets.top_line import SIGNS

HERE, FRESH, FAILED = "tab-line--here", "tab-line--fresh", "tab-line--failed"
NEW = Name("new stream")
"""What a tab is called whose stream is not opened yet."""
LONGEST_NAME, LONGEST_PLACED = 40, 64
"""Cells of a name, and of one with the address, however much room there is."""
_UNWRITTEN = "+"
_FRESH_SIGN = "•"


@dataclass(frozen=True, slots=True)
class Title:
    """What is told of a tab; `state` None: its stream is not opened yet.

    `fresh` says that something came since the tab was last looked at, `here` that it is the one
    that is looked at. The address is foreign text.
    """

    number: int
    name: Name
    address: str
    state: State | None
    fresh: bool
    here: bool

    @property
    def placed(self) -> str:
        """The name and the whole address, printable."""
        return f"{self.name._replace(place='').full} {printable(self.address)}".rstrip()

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

    First go the states in words, then the addresses, then what the names have in common, and at
    last they are cut.
    """
    several = len({title.address for title in titles}) > 1
    names = fit_apart([title.name.full for title in titles], LONGEST_NAME)
    placed = names
    if several:
        placed = fit_apart([title.placed for title in titles], LONGEST_PLACED)

    def told(names: Sequence[str], *, states: bool) -> list[Parts]:
        return [
            (
                f" {title.number} {title.sign} ",
                name,
                f" {title.state.value} " if states and title.state is not None else "",
            )
            for title, name in zip(titles, names, strict=True)
        ]

    briefs = fit_apart([title.name.brief for title in titles], LONGEST_NAME)
    for choice, states in (
        (placed, True),
        (placed, False),
        (names, True),
        (names, False),
        (briefs, False),
    ):
        parts = told(choice, states=states)
        if sum(_cells(part) for part in parts) <= width:
            return parts
    # A sign and a number tell more than the blanks around them.
    tight = width // len(titles) < 10
    heads = [
        f"{title.number}{title.sign}" if tight else part[0]
        for title, part in zip(titles, parts, strict=True)
    ]
    room = width - sum(len(head) + 1 for head in heads)
    cut = fit_apart(briefs, share([cell_len(name) for name in briefs], room))
    return [(head, name, "") for head, name in zip(heads, cut, strict=True)]


def _cells(parts: Parts) -> int:
    return cell_len("".join(parts)) + 1
