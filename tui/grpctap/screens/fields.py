"""The picker of the fields that the chart shows."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from grpctap.core.history import Extent, Located
from grpctap.core.matching import match
from grpctap.core.message import MessageError, Schema
from grpctap.core.numberfield import PathError, resolve
from grpctap.core.numbers import Numbers
from grpctap.core.plots import MOST_PLOTS, Choice, Choices, Plots
from grpctap.core.text import printable
from grpctap.screens.box import BoxScreen
from grpctap.widgets.field_list import FieldList, FieldRow
from grpctap.widgets.filter_input import FilterInput

LOOKS_PER_SECOND = 2
FRAMES_PER_SECOND = 30
LOOK_S, SCAN_S = 0.01, 0.004
"""How long it reads messages at a look, and for what is kept at each frame, in seconds."""
# It rests so many times as long as reading took: a single message may take longer than a look.
_REST = 20
# The border, the filter, what is told, and a blank.
_ROWS_BESIDES = 5
KEYS = "space choose · r per second · a one scale · / filter · escape close"


class FieldSource(Protocol):
    """The stream whose messages have the fields."""

    schema: Schema
    plots: Plots

    def extent(self) -> Extent:
        """Which rows there are."""

    def step(self, row: int, by: int) -> Located | None:
        """The nearest value after the row (`by` 1) or before it (-1); None: there is none."""


class FieldsScreen(BoxScreen[None]):
    """All numeric fields of a stream's messages, over the stream, which goes on meanwhile.

    What is chosen is in the chart at once. Fields that only messages tell of, such as the entries
    of a map, are looked for in all that are kept, the newest first.

    Args:
        source: The stream.
        keep: Takes what was chosen, once somebody has changed it and is done; returns why it could
            not be kept, or "".
    """

    DEFAULT_CSS = """
    FieldsScreen {
        /* The chart is above, and shows at once what is chosen. */
        align: center bottom;
    }
    FieldsScreen > VerticalScroll {
        width: 100;
        height: 12;
        max-height: 62%;
        overflow: hidden;
        & > FilterInput { margin: 0; padding: 0; height: 1; background: $surface; }
        & > #told { height: 1; color: $text-muted; }
        & > FieldList { margin: 1 0 0 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "Choose"),
        Binding("r", "rate", "Per second"),
        Binding("a", "common", "One scale"),
        Binding("slash", "filter", "Filter"),
        Binding("down", "to_list", "To the list", show=False),
        Binding("enter", "done", "Done"),
        Binding("escape,c,q", "leave", "Close"),
    ]
    AUTO_FOCUS = "FieldList"

    def __init__(self, source: FieldSource, keep: Callable[[Choices], str] = lambda _: "") -> None:
        super().__init__()
        self._source = source
        self._keep = keep
        self._before = source.plots.choices
        self._numbers = Numbers(source.schema.type_)
        # All rows from the one to before the other were looked at, but for what a flood left no
        # time for.
        self._oldest = self._end = source.extent().end
        self._due = 0.0
        self._problem = ""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        with VerticalScroll(can_focus=False) as box:
            box.border_title = "Fields of the chart"
            box.border_subtitle = KEYS
            yield FilterInput("/ filters the fields")
            yield Static(id="told", markup=False)
            yield FieldList(self._value)

    def on_mount(self) -> None:
        """Starts to look."""
        for choice in self._choices.plots:
            # A key of a map, say, that no message has at the moment.
            try:
                self._numbers.add(resolve(choice.path, self._source.schema.type_))
            except PathError:
                continue
        self._scan(LOOK_S)
        self.look()
        self.set_interval(1 / LOOKS_PER_SECOND, self.look)
        self.set_interval(1 / FRAMES_PER_SECOND, self._scan)

    @property
    def _choices(self) -> Choices:
        return self._source.plots.choices

    def look(self) -> None:
        """Reads the newest messages, and shows what is known."""
        end = self._source.extent().end
        self._read(end, self._end, LOOK_S)
        self._end = end
        self.show()

    def _scan(self, time_s: float = SCAN_S) -> None:
        """Reads on in the messages that are kept, towards the oldest."""
        first = self._source.extent().first
        if self._oldest > first:
            self._oldest = self._read(self._oldest, first, time_s)

    def _read(self, row: int, until: int, time_s: float) -> int:
        """Reads the messages before a row, down to another; returns how far it came."""
        start = perf_counter()
        if start < self._due:
            return row
        while row > until and perf_counter() < start + time_s:
            found = self._source.step(row, -1)
            if found is None:
                return until
            row = found.row
            if row < until:
                return until
            try:
                self._numbers.look(self._source.schema.message(found.value.raw), row)
            except MessageError:
                continue
        took = perf_counter() - start
        if took > 2 * time_s:
            self._due = start + _REST * took
        return row

    def show(self) -> None:
        """Shows what is known, as far as the filter lets it."""
        fields = self.query_one(FieldList)
        words = self.query_one(FilterInput).value
        numbers = {choice.path: n for n, choice in enumerate(self._choices.plots, 1)}
        rates = {choice.path for choice in self._choices.plots if choice.rate}
        known = [
            field
            for field in self._numbers.fields
            if match(words, f"{field.name} {field.type_text}") is not None
        ]
        fields.placeholder = (
            "no field has these words in it" if words else "the messages have no numbers"
        )
        fields.show(
            [
                FieldRow(
                    field.path,
                    field.name,
                    field.type_text,
                    numbers.get(field.path, 0),
                    field.path in rates,
                )
                for field in known
            ]
        )
        # It grows with what is found, and stays where it is when a filter leaves less.
        box = self.query_one(VerticalScroll)
        box.styles.height = len(self._numbers) + _ROWS_BESIDES
        self.query_one("#told", Static).update(self._told(len(known)))

    def _value(self, path: str) -> str:
        field = self._numbers.field(path)
        value = None if field is None else self._numbers.value(field)
        return "" if field is None or value is None else field.tell(value)

    def _told(self, shown: int) -> str:
        chosen = len(self._choices.plots)
        count = f"{shown:,} of {len(self._numbers):,} fields"
        if self._numbers.left_out:
            count += ", and there are more"
        if self._problem:
            return f"{self._problem} · {count}"
        if not chosen:
            own = printable(self._source.schema.number_name, 30)
            return f"none chosen: the chart shows {own} · {count}"
        scale = "one scale for all" if self._choices.common else "each its own scale"
        return f"{chosen} of at most {MOST_PLOTS} chosen, {scale} · {count}"

    def on_input_changed(self) -> None:
        """Leaves what matches."""
        self.show()

    def on_field_list_clicked(self) -> None:
        """Chooses what was clicked."""
        self.action_choose()

    def action_choose(self) -> None:
        """Lets the chart show the field at the cursor, or no longer."""
        row = self.query_one(FieldList).selected
        if row is None:
            return
        plots = self._choices.plots
        if row.number:
            self._change(tuple(choice for choice in plots if choice.path != row.path))
        elif len(plots) < MOST_PLOTS:
            self._change((*plots, Choice(row.path)))
        else:
            self._change(plots, f"{MOST_PLOTS} are the most: take one out first, with space")

    def action_rate(self) -> None:
        """Shows the field at the cursor as a rate per second, or as its value again."""
        row = self.query_one(FieldList).selected
        if row is None:
            return
        if not row.number:
            self.action_choose()
        self._change(
            tuple(
                Choice(choice.path, not choice.rate) if choice.path == row.path else choice
                for choice in self._choices.plots
            ),
            self._problem,
        )

    def action_common(self) -> None:
        """Draws all lines on one scale, or each on its own again."""
        self._change(self._choices.plots, common=not self._choices.common)

    def _change(
        self, plots: tuple[Choice, ...], problem: str = "", *, common: bool | None = None
    ) -> None:
        self._problem = problem
        common = self._choices.common if common is None else common
        self._source.plots.choose(Choices(plots, common))
        self.show()

    def action_filter(self) -> None:
        """Goes to the filter."""
        self.set_focus(self.query_one(FilterInput))

    def action_to_list(self) -> None:
        """Goes to the list."""
        self.set_focus(self.query_one(FieldList))

    def action_done(self) -> None:
        """Goes from the filter to the list, and from there back to the stream."""
        if self._filters:
            self.action_to_list()
        else:
            self._close()

    def action_leave(self) -> None:
        """Gives up the filter, if there is one, and then goes back to the stream."""
        words = self.query_one(FilterInput)
        if self._filters or words.value:
            words.value = ""
            self.action_to_list()
        else:
            self._close()

    @property
    def _filters(self) -> bool:
        return isinstance(self.focused, FilterInput)

    def _close(self) -> None:
        if self._choices != self._before and (problem := self._keep(self._choices)):
            self.notify(printable(problem), severity="warning", markup=False)
        self.dismiss()
