"""What the keys of the filter do on the watch screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpctap.screens.stream import StreamScreen
from grpctap.widgets.status_line import StatusLine
from grpctap.widgets.stream_log import StreamLog

if TYPE_CHECKING:
    from grpctap.screens.finding import Finding
    from grpctap.widgets.filter_line import FilterLine


class FindKeys(StreamScreen):
    """A screen with a log that can be filtered."""

    _finding: Finding | None = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now."""
        match action:
            case "filter":
                return self._finding is None or not self._finding.is_written
            case "match" | "clear_filter":
                return self._finding is not None and self._finding.is_open
        return super().check_action(action, parameters)

    def look_anew(self) -> None:
        """Shows at once how the stream stands now, whatever was shown before."""
        raise NotImplementedError

    def on_unmount(self) -> None:
        """Looks for nothing any more."""
        if self._finding is not None:
            self._finding.end()

    async def action_filter(self) -> None:
        """Lets somebody write a filter."""
        if self._finding is None:
            # Start-up does not wait for what is not looked for yet.
            from grpctap.screens.finding import Finding
            from grpctap.widgets.filter_line import FilterLine

            line = FilterLine()
            await self.mount(line, before=self.query_one(StatusLine))
            self._finding = Finding(self.tap, line, self.query_one(StreamLog))
        self.uncover_view()
        self._finding.open()
        self.refresh_bindings()

    def action_match(self, by: int) -> None:
        """Goes to the next match, or the one before."""
        self.show_log()
        if self._finding is not None and (reason := self._finding.walk(by)):
            self.notify(reason, timeout=2)

    def action_clear_filter(self) -> None:
        """Shows all values again."""
        if self._finding is not None:
            self._finding.close()
            self.focus_view()
        # What stands in an empty log is told anew.
        self.look_anew()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Another filter is written."""
        if self._finding is not None:
            self._finding.written(event.text)

    def action_leave_filter(self) -> None:
        """The filter is written; an empty one is none."""
        if self._finding is not None:
            self._finding.settle()
        if self._finding is not None and self._finding.wanted is not None:
            self.focus_view()
        else:
            self.action_clear_filter()

    def action_switch_filter(self) -> None:
        """All rows with marks, or the matches only."""
        if self._finding is not None:
            self._finding.switch()
