"""What the keys of the chart do on the watch screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpctap.core.picked import at_time
from grpctap.screens.stream import StreamScreen
from grpctap.widgets.chart import Chart
from grpctap.widgets.stream_log import StreamLog

if TYPE_CHECKING:
    from grpctap.choices import ChoiceFile
    from grpctap.core.plots import Choices

LEAST_ROWS_FOR_CHART = 14


class ChartKeys(StreamScreen):
    """A screen with a chart, and the keys that choose what it shows and when."""

    _choices: ChoiceFile | None = None
    _chart_wanted = True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now."""
        match action:
            case "chart" | "fields":
                return self.size.height >= LEAST_ROWS_FOR_CHART
            case "switch" | "zoom" | "pan" | "reset_chart" | "axis":
                return self.query_one(Chart).display
        return super().check_action(action, parameters)

    def action_fields(self) -> None:
        """Lets somebody choose what the chart shows."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.fields import FieldsScreen

        # Who hid the chart would see nothing of what is chosen.
        self._chart_wanted = True
        self._fit()
        self.app.push_screen(FieldsScreen(self.tap, self._keep_choices))

    def _keep_choices(self, choices: Choices) -> str:
        return "" if self._choices is None else self._choices.keep(self.method, choices)

    def action_chart(self) -> None:
        """Shows or hides the chart."""
        self._chart_wanted = not self._chart_wanted
        self._fit()

    def action_switch(self) -> None:
        """Goes to the chart, or back to the log."""
        chart = self.query_one(Chart)
        if chart.has_focus:
            chart.action_leave()
        else:
            chart.focus()

    def action_zoom(self, factor: float) -> None:
        """Shows so many times as much time on the chart."""
        self.query_one(Chart).action_zoom(factor)

    def action_pan(self, part: int) -> None:
        """Goes along time on the chart."""
        self.query_one(Chart).action_pan(part)

    def action_reset_chart(self) -> None:
        """Lets the chart follow; where it does, shows everything on it."""
        self.query_one(Chart).action_reset()

    def action_axis(self) -> None:
        """Draws the chart by event time, or by receive time again."""
        if not self.tap.has_event_times:
            self.notify("no event time in these messages", severity="warning")
            return
        self.tap.by_event = not self.tap.by_event
        self.query_one(Chart).pull()

    def on_chart_left(self) -> None:
        """Goes from the chart to the log, or to what stands in its place."""
        self.focus_view()

    def on_chart_chosen(self, event: Chart.Chosen) -> None:
        """Shows in the log what came at the chart's cursor."""
        self.show_log()
        log = self.query_one(StreamLog)
        log.frozen = True
        found = at_time(log.shown, event.time_ns, self.tap.chart_time)
        if found is None:
            return
        log.select(found.row)
        self.query_one(Chart).action_leave()

    def _fit(self) -> None:
        chart = self.query_one(Chart)
        chart.display = self._chart_wanted and self.size.height >= LEAST_ROWS_FOR_CHART
