"""The filter line: what is written in it, what it is, and how much matches."""

from __future__ import annotations

from typing import ClassVar

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input

from grpctap.core.filters.errors import LONGEST_FILTER, FilterError
from grpctap.core.filters.kinds import Kind, kind_of
from grpctap.core.matches import Progress
from grpctap.core.text import printable
from grpctap.widgets.line_input import LineInput
from grpctap.widgets.lines import KeptLines, fit

EXAMPLES = 'words   /regex/   number > 78 and symbol = "WTI"'
_LABEL_WIDTH = 12
# So much of the line is for what is written, at the least.
_LEAST_FIELD = 24


class _ErrorMarker(Highlighter):
    """Marks what is wrong in what is written."""

    def __init__(self) -> None:
        self.span = (0, 0)
        self.style = Style()

    def highlight(self, text: Text) -> None:
        """Marks it in a text."""
        text.stylize(self.style, *self.span)


class FilterField(LineInput):
    """Where a filter is written."""

    DEFAULT_CSS = """
    FilterField {
        width: 1fr;
        background: $surface;
        &:focus { background-tint: $foreground 0%; }
        & > .filter-field--error { color: $text-error; text-style: bold underline; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"filter-field--error"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.leave_filter", "Done", tooltip="Go to what is filtered"),
        Binding(
            "tab",
            "screen.switch_filter",
            "All or matches",
            tooltip="Matches only, or all with marks",
        ),
        Binding("escape", "screen.clear_filter", "Clear filter", tooltip="Show everything again"),
    ]

    def __init__(self) -> None:
        super().__init__(placeholder=EXAMPLES)
        self.cursor_blink = False
        # One more than is allowed, so that it is told that it is too long.
        self.max_length = LONGEST_FILTER + 1
        self._marker = _ErrorMarker()
        self.highlighter = self._marker

    def mark(self, error: FilterError | None) -> None:
        """Marks what is wrong, or nothing."""
        self._marker.span = (0, 0) if error is None else (error.start, error.stop)
        self._marker.style = self.get_component_rich_style("filter-field--error", partial=True)
        self.refresh()


class _Told(KeptLines):
    """One line of text that somebody else writes."""

    told = reactive(Text(""), layout=True)

    def render(self) -> Text:
        """The line."""
        return self.told


class FilterLine(Vertical):
    """A line in which a filter is written, and while somebody writes, one of help below it.

    It posts `Changed` when the text is another one; its keys are for the screen.
    """

    DEFAULT_CSS = """
    FilterLine {
        height: auto;
        background: $surface;
        & > Horizontal { height: 1; }
        & _Told { height: 1; width: auto; background: $surface; }
        & > #filter-help { width: 1fr; color: $text-muted; display: none; }
        &.writing > #filter-help { display: block; }
        &.failed > #filter-help { display: block; color: $text-error; }
        & #filter-kind { width: 12; color: $text-accent; text-style: bold; }
        & #filter-count { color: $foreground; padding: 0 1; }
    }
    """

    progress: reactive[Progress | None] = reactive(None)
    """How far the filter has come; None: there is no filter."""
    only = reactive(True)
    """Whether the log shows matches only."""
    error: reactive[FilterError | None] = reactive(None)
    """What is wrong with what is written."""
    lacking = reactive("")
    """What is written lacks so much to be a condition."""
    applied = reactive("")
    """The text of the filter that the log shows, which is not always what is written."""

    class Changed(Message):
        """The filter is written another way now."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with Horizontal():
            yield _Told(id="filter-kind")
            yield FilterField()
            yield _Told(id="filter-count")
        yield _Told(id="filter-help")

    def open(self) -> None:
        """Comes, and takes the focus."""
        self.display = True
        # At once: what is typed next is meant for it.
        self.screen.set_focus(self.query_one(FilterField))
        self._tell()

    def close(self) -> None:
        """Goes, and forgets what was written."""
        self.display = False
        field = self.query_one(FilterField)
        with field.prevent(Input.Changed):
            field.value = ""
        self.error, self.progress, self.applied, self.lacking = None, None, "", ""
        self.only = True

    @property
    def text(self) -> str:
        """What is written."""
        return self.query_one(FilterField).value

    @property
    def is_written(self) -> bool:
        """Whether somebody writes in it."""
        return self.query_one(FilterField).has_focus

    def on_descendant_focus(self) -> None:
        """Helps whoever writes."""
        self.add_class("writing")

    def on_descendant_blur(self) -> None:
        """Leaves the room to the log."""
        self.remove_class("writing")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tells that it was changed."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_resize(self, _: events.Resize) -> None:
        """Says as much as there is room for."""
        self._tell()

    def watch_progress(self) -> None:
        """Tells it."""
        self._tell()

    def watch_only(self) -> None:
        """Tells it."""
        self._tell()

    def watch_lacking(self) -> None:
        """Tells it."""
        self._tell()

    def watch_applied(self) -> None:
        """Tells it."""
        self._tell()

    def watch_error(self, error: FilterError | None) -> None:
        """Marks its place."""
        if self.is_mounted:
            self.query_one(FilterField).mark(error)
            self.set_class(error is not None, "failed")
            self._tell()

    def _tell(self) -> None:
        if not self.is_mounted:
            return
        text = self.text
        kind = kind_of(text).value if text.strip() else "filter"
        if self.lacking:
            kind = Kind.CONDITION.value
        self.query_one("#filter-kind", _Told).told = Text(f" {kind} ", no_wrap=True, end="")
        self.query_one("#filter-count", _Told).told = Text(self._count(), no_wrap=True, end="")
        helped = Text(fit(f" {self._help()}", self.size.width), no_wrap=True, end="")
        self.query_one("#filter-help", _Told).told = helped

    def _count(self) -> str:
        now = self.progress
        if now is None:
            return ""
        verb = "match" if self.only else "marked"
        ways = [
            f"{now.found:,} of {now.checked:,} {verb}"
            + (f", checking {now.left:,} more" if now.left else "")
            + (f", {now.lost:,} left before they were checked" if now.lost else ""),
            f"{now.found:,} of {now.checked:,} {verb}"
            + (f" · {now.left:,} to check" if now.left else "")
            + (f" · {now.lost:,} unchecked" if now.lost else ""),
            f"{now.found:,}/{now.checked:,}"
            + (f" · {now.left:,} to check" if now.left else "")
            + (f" · {now.lost:,} unchecked" if now.lost else ""),
            f"{now.found:,}/{now.checked:,}",
        ]
        room = self.size.width - _LABEL_WIDTH - _LEAST_FIELD - 2
        return next((way for way in ways if len(way) <= room), "")

    def _help(self) -> str:
        applied = printable(self.applied.strip(), 30)
        shown = f" (still shown: {applied})" if applied else ""
        if self.error is not None:
            return f"{self.error}{shown}"
        if self.lacking:
            return f"{self.lacking} · enter: as text{shown}"
        other = "all, matches marked" if self.only else "matches only"
        if not self.text.strip():
            return (
                "Type what to look for: words, a /regex/, or a condition on fields. escape leaves."
            )
        return f"tab {other} · enter done · escape clears · . , next, previous"
