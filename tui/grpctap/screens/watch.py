"""The watch screen: one stream, its chart and its log."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from grpctap.core.advice import HOPELESS, advise
from grpctap.core.facts import NOT_VERIFIED
from grpctap.core.picked import at_time
from grpctap.core.seams import duration, status_line
from grpctap.core.state import Command, State
from grpctap.core.text import printable
from grpctap.screens.clipboard import copy_command, copy_log, grpcurl_system_command
from grpctap.screens.help import HelpScreen
from grpctap.screens.recording import (
    begin_recording,
    is_recording,
    recording_note,
    recording_seen,
    tell_recording,
)
from grpctap.screens.side import BODY, Side
from grpctap.screens.stream import StreamScreen
from grpctap.snapshot import Snapshot
from grpctap.watched import Watched
from grpctap.widgets.chart import Chart
from grpctap.widgets.key_bar import KeyBar
from grpctap.widgets.log_form import form_of
from grpctap.widgets.log_header import LogHeader
from grpctap.widgets.notice import Notice
from grpctap.widgets.status_line import StatusLine
from grpctap.widgets.stream_log import StreamLog
from grpctap.widgets.tab_line import TabLine
from grpctap.widgets.top_line import TopLine

if TYPE_CHECKING:
    from grpctap.choices import ChoiceFile
    from grpctap.core.plots import Choices
    from grpctap.opening import Opening
    from grpctap.screens.finding import Finding
    from grpctap.widgets.board_view import BoardView
    from grpctap.widgets.filter_line import FilterLine

FRAMES_PER_SECOND = 30
FRAMES_PER_LOOK = 3
# Figures that change ten times a second cannot be read.
LOOKS_PER_FIGURES = 5
LEAST_ROWS_FOR_CHART = 14


class WatchScreen(StreamScreen):
    """Shows a tap, and hands it the keys.

    It looks at the tap on a timer, on which the chart and the log pull as well: what changes
    together goes to the terminal together.
    """

    DEFAULT_CSS = """
    WatchScreen {
        layout: vertical;
        overflow: hidden;
        & > Chart { height: 2fr; min-height: 6; }
        & > #body { height: 3fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "stream('pause')", "Pause", tooltip="Cancel the call, keep the place"),
        Binding("space", "stream('resume')", "Resume", tooltip="Go on at the next value"),
        Binding("space", "retry", "Retry", tooltip="Try again, where the stream was lost"),
        Binding("space", "try_now", "Try now", tooltip="Reopen the lost call without the wait"),
        Binding("o", "stream('oldest')", "From oldest", tooltip="Go on from the oldest value kept"),
        Binding("r", "stream('fresh')", "Fresh call", tooltip="Open a new call from now on"),
        Binding("s", "stream('stop')", "Stop", tooltip="Cancel the call for good"),
        Binding("s", "give_up", "Give up", tooltip="Reopen the lost call no more"),
        Binding("n", "stream('skip')", "Now", tooltip="Skip to the newest value"),
        Binding("f", "freeze", "Freeze", tooltip="Hold the view; the stream goes on"),
        Binding("f", "follow", "Follow", tooltip="Follow the newest value again"),
        Binding("enter", "inspect", "Inspect", tooltip="Look closely at a value"),
        Binding("w", "record", "Record", tooltip="Record into a file, with what is still kept"),
        Binding("w", "stop_recording", "End recording", tooltip="Record no more"),
        Binding("e", "export", "Export", show=False, tooltip="Write what the log shows to a file"),
        Binding("m", "copy_messages", "Copy", show=False, tooltip="Copy the message as JSON"),
        Binding("p", "picture", "Picture", show=False, tooltip="Write the screen to an SVG file"),
        Binding("c", "fields", "Fields", tooltip="Choose what the chart shows"),
        Binding("C", "chart", "Chart", show=False, tooltip="Show or hide the chart"),
        Binding("tab", "switch", "Chart / log", show=False),
        Binding("plus,equals_sign", "zoom(0.5)", "Zoom in", show=False),
        Binding("minus", "zoom(2)", "Zoom out", show=False),
        Binding("left", "pan(-1)", "Earlier", show=False),
        Binding("right", "pan(1)", "Later", show=False),
        Binding("0", "reset_chart", "All / follow", show=False),
        Binding("x", "axis", "Event time", show=False),
        Binding("b", "board", "Board", tooltip="The latest value of each key, or the log again"),
        Binding("h", "health", "Health", tooltip="Rates, rhythm, latency and interruptions"),
        Binding(
            "slash", "filter", "Filter", key_display="/", tooltip="Find values; show only those"
        ),
        Binding("full_stop", "match(1)", "Next match", key_display=".", show=False),
        Binding("comma", "match(-1)", "Previous match", key_display=",", show=False),
        Binding("t", "open_tab", "Another stream", show=False),
        Binding("ctrl+w", "close_tab", "Close the tab", show=False),
        Binding("P", "pause_all", "Pause all", show=False),
        Binding("V", "overlay", "Draw another stream over the chart", show=False),
        Binding("i", "facts", "Info", tooltip="The call: metadata, status and its details"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("y,ctrl+g", "copy_grpcurl", "Copy as grpcurl", show=False),
        Binding("escape", "clear_filter", "Clear filter", show=False),
        Binding("escape", "back", "Back", tooltip="Stop, and go back to the request"),
        Binding("q", "app.quit", "Quit"),
    ]
    AUTO_FOCUS = "StreamLog"

    def __init__(
        self,
        tap: Watched,
        address: str,
        method: str,
        *,
        plaintext: bool,
        grpcurl: Callable[[], str] | None = None,
        can_go_back: bool = False,
        choices: ChoiceFile | None = None,
        another: Callable[[], Opening] | None = None,
        leave: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(tap, address, method, another, leave)
        self._choices = choices
        self._grpcurl = grpcurl
        self._can_go_back = can_go_back
        self._tap = tap
        self._address = printable(address)
        self._plaintext = plaintext
        self._frames = 0
        self._looks = 0
        self._frozen_at = 0
        self._seen: tuple[object, ...] | None = None
        self._recorded: object = None
        self._chart_wanted = True
        self._side = Side(self, tap)
        self._finding: Finding | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TabLine()
        yield self._top_line()
        yield Chart(self._tap)
        yield LogHeader()
        with Horizontal(id=BODY):
            yield StreamLog(self._tap, form_of(self._tap.schema))
        yield Notice()
        yield StatusLine()
        yield KeyBar()

    def _top_line(self) -> TopLine:
        unverified = " (not verified)" if self._tap.sent.security == NOT_VERIFIED else ""
        return TopLine(f"{self._address}{unverified}", self.method)

    def on_mount(self) -> None:
        """Opens the call, and starts to look."""
        self._tap.start()
        # Who asked for a recording need not be told that it is made.
        self._recorded = recording_seen(self._tap.snapshot().recording)
        if self._choices is not None:
            self._tap.plots.choose(self._choices.find(self.method))
        self.watch(self.query_one(StreamLog), "frozen", self._follow_log, init=False)
        self.look_often(1 / FRAMES_PER_SECOND, self.tick)
        self.look()

    def tick(self) -> None:
        """Draws a frame of the log, and at each third frame the rest."""
        self._tap.plots.pull()
        log = self.query_one(StreamLog)
        if log.display:
            log.pull()
        self.query_one(LogHeader).text = log.header if log.display else ""
        self._side.tick()
        self._frames += 1
        if self._frames % FRAMES_PER_LOOK == 0:
            chart, at_cursor = self.query_one(Chart), log.at_cursor
            chart.log_cursor_ns = at_cursor and self._tap.chart_time(at_cursor)
            chart.tick()
            self.look()

    def look(self) -> None:
        """Shows how the stream stands now."""
        now = self._tap.snapshot()
        log = self.query_one(StreamLog)
        top = self.query_one(TopLine)
        top.state = now.state
        top.note = self._note(now)
        top.elapsed_s = now.elapsed_ns // 1_000_000_000
        recorded = recording_seen(now.recording)
        seen = (now.state, now.status, log.frozen, now.retry_ns > 0, now.kept > 0, recorded)
        changed = self._seen != seen
        if changed or self._looks % LOOKS_PER_FIGURES == 0:
            figures = self.query_one(StatusLine)
            figures.snapshot = now
            figures.gaps = self._tap.gaps()
            figures.frozen = now.values - self._frozen_at if log.frozen else None
            top.recording = recording_note(now.recording)
        self._side.look(now)
        self._looks += 1
        if changed:
            self._seen = seen
            self.refresh_bindings()
            self._show_notice(now)
            if recorded != self._recorded:
                self._recorded = recorded
                tell_recording(self.app, now.recording)
            log.placeholder = self._placeholder(now)
        if self._finding is not None:
            self._finding.look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now; one that does nothing is not shown."""
        match action, parameters:
            case "stream", ("resume",):
                return self._tap.state is State.PAUSED
            case "stream", ("stop",) if self._tap.state is State.RECONNECTING:
                return False
            case "give_up", _:
                return self._tap.state is State.RECONNECTING
            case "try_now", _:
                waits = self._tap.state is State.RECONNECTING
                return waits and self._tap.allows(Command.RESUME)
            case "retry", _:
                status = self._tap.status
                return self._tap.state is State.FAILED and not (
                    status is not None and status.reason in HOPELESS
                )
            case "stream", (str(name),):
                return self._tap.allows(Command(name))
            case "freeze", _:
                return not self.query_one(StreamLog).frozen
            case "follow", _:
                return self.query_one(StreamLog).frozen
            case "filter", _:
                return self._finding is None or not self._finding.is_written
            case (("match" | "clear_filter"), _):
                return self._finding is not None and self._finding.is_open
            case "back", _:
                return self._can_go_back
            case "copy_grpcurl", _:
                return self._grpcurl is not None
            case "record", _:
                return self._tap.can_record and not is_recording(self._tap)
            case "stop_recording", _:
                return is_recording(self._tap)
            case "inspect", _ if self._side.board is not None:
                return self._side.selected is not None
            case "inspect", _:
                return self.query_one(StreamLog).selected is not None
            case (("copy_messages" | "export"), _):
                return self.query_one(StreamLog).selected is not None
            case "chart" | "fields", _:
                return self.size.height >= LEAST_ROWS_FOR_CHART
            case (("switch" | "zoom" | "pan" | "reset_chart" | "axis"), _):
                return self.query_one(Chart).display
        return True

    def action_stream(self, name: str) -> None:
        """Tells the tap, and shows at once what came of it."""
        self._tap.command(Command(name))
        self.look()

    def action_retry(self) -> None:
        """Opens the lost stream again."""
        self.action_stream(Command.RESUME.value)

    def action_try_now(self) -> None:
        """Opens the lost call again without the wait."""
        self.action_stream(Command.RESUME.value)

    def action_give_up(self) -> None:
        """Opens the lost call no more."""
        self.action_stream(Command.STOP.value)

    def action_freeze(self) -> None:
        """Holds the view."""
        self.query_one(StreamLog).frozen = True

    def action_follow(self) -> None:
        """Follows the newest value again."""
        self.query_one(StreamLog).frozen = False

    def action_inspect(self) -> None:
        """Looks closely at the value at the cursor, or at the newest in sight."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.inspect import InspectScreen

        log = self.query_one(StreamLog)
        found = log.selected if self._side.board is None else self._side.selected
        if found is None:
            return

        def come_back(row: int | None) -> None:
            if row is not None:
                log.select(row)

        step = None if self._finding is None else self._finding.step
        screen = InspectScreen(self._tap, found, log.shown, self._top_line(), self._note, step)
        self.app.push_screen(screen, come_back)

    def on_stream_log_opened(self) -> None:
        """A value was clicked twice."""
        self.action_inspect()

    def action_fields(self) -> None:
        """Lets somebody choose what the chart shows."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.fields import FieldsScreen

        # Who hid the chart would see nothing of what is chosen.
        self._chart_wanted = True
        self._fit()
        self.app.push_screen(FieldsScreen(self._tap, self._keep_choices))

    def _keep_choices(self, choices: Choices) -> str:
        return "" if self._choices is None else self._choices.keep(self.method, choices)

    def action_board(self) -> None:
        """Shows the latest value of each key in the place of the log, or the log again."""
        self._side.toggle_board()
        self.refresh_bindings()

    def action_health(self) -> None:
        """Shows or hides the health of the stream."""
        self._side.toggle_health()

    def on_board_view_opened(self) -> None:
        """A key of the board was clicked twice."""
        self.action_inspect()

    def on_board_view_choose(self, message: BoardView.Choose) -> None:
        """Another field of the board is wanted."""
        self._side.choose(key=message.key)

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
            self._finding = Finding(self._tap, line, self.query_one(StreamLog))
        self._finding.open()
        self.refresh_bindings()

    def action_match(self, by: int) -> None:
        """Goes to the next match, or the one before."""
        if self._finding is not None and (reason := self._finding.walk(by)):
            self.notify(reason, timeout=2)

    def action_clear_filter(self) -> None:
        """Shows all values again."""
        if self._finding is not None:
            self._finding.close()
        # What stands in an empty log is told anew.
        self._seen = None
        self.look()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Another filter is written."""
        if self._finding is not None:
            self._finding.written(event.text)

    def on_filter_field_left(self) -> None:
        """The filter is written; an empty one is none."""
        if self._finding is not None and self._finding.wanted is not None:
            self.query_one(StreamLog).focus()
        else:
            self.action_clear_filter()

    def on_filter_field_switched(self) -> None:
        """All rows with marks, or the matches only."""
        if self._finding is not None:
            self._finding.switch()

    def on_filter_field_cleared(self) -> None:
        """No filter any more."""
        self.action_clear_filter()

    def action_chart(self) -> None:
        """Shows or hides the chart."""
        self._chart_wanted = not self._chart_wanted
        self._fit()

    def action_record(self) -> None:
        """Records the stream into a file in the current folder."""
        begin_recording(self.app, self._tap, self.method)
        self.look()

    def action_stop_recording(self) -> None:
        """Records no more."""
        self._tap.stop_recording()
        self.look()

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
        if not self._tap.has_event_times:
            self.notify("no event time in these messages", severity="warning")
            return
        self._tap.by_event = not self._tap.by_event
        self.query_one(Chart).pull()

    def on_chart_left(self) -> None:
        """Goes from the chart to the log."""
        self.query_one(StreamLog).focus()

    def on_chart_chosen(self, event: Chart.Chosen) -> None:
        """Shows in the log what came at the chart's cursor."""
        log = self.query_one(StreamLog)
        log.frozen = True
        found = at_time(log.shown, event.time_ns, self._tap.chart_time)
        if found is None:
            return
        log.select(found.row)
        self.query_one(Chart).action_leave()

    def action_back(self) -> None:
        """Goes back to where the call was written."""
        self.dismiss()

    def action_copy_grpcurl(self) -> None:
        """Puts the call on the clipboard, as a command line of grpcurl."""
        if self._grpcurl is not None:
            copy_command(self.app, self._grpcurl())

    def action_export(self) -> None:
        """Writes the values that the log shows to a file."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.export import export_log

        export_log(self.app, self.query_one(StreamLog), self._tap.schema, self.method)

    def action_copy_messages(self) -> None:
        """Copies the selected messages, or the one at the cursor, or the newest in sight."""
        copying = copy_log(self.app, self.query_one(StreamLog), self._tap.schema)
        self.run_worker(copying, exclusive=True, group="copy", exit_on_error=False)

    def action_picture(self) -> None:
        """Writes the screen to a file, as SVG."""
        self._picture()

    def _picture(self, widget: Widget | None = None) -> None:
        from grpctap.screens.picture import take_picture

        take_picture(self.app, self.method, widget)

    def system_commands(self) -> Iterable[SystemCommand]:
        """What the command palette has for this screen."""
        if self._grpcurl is not None:
            yield grpcurl_system_command(self.action_copy_grpcurl)
        if (chart := self.query_one(Chart)).display:
            what = "Write the chart to an SVG file in the current folder"
            yield SystemCommand("Picture of the chart", what, lambda: self._picture(chart))

    def action_facts(self) -> None:
        """Shows what is known of the call."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.facts import FactsScreen

        screen = FactsScreen(self._tap, self._address, self.method, plaintext=self._plaintext)
        self.app.push_screen(screen)

    def action_help(self) -> None:
        """Shows the keys."""
        self.app.push_screen(HelpScreen())

    def on_resize(self) -> None:
        """Gives the log the room on a small terminal."""
        self._fit()
        self._side.fit()

    def _fit(self) -> None:
        chart = self.query_one(Chart)
        chart.display = self._chart_wanted and self.size.height >= LEAST_ROWS_FOR_CHART

    def _follow_log(self, frozen: bool) -> None:
        # The chart stands still together with the log.
        self.query_one(Chart).frozen = frozen
        self._side.freeze(frozen)
        self._frozen_at = self._tap.snapshot().values
        self.look()

    def _note(self, now: Snapshot) -> str:
        if now.state is State.CATCHING_UP:
            return f"{now.behind:,} behind"
        if now.state is State.PAUSED and now.place is not None:
            return f"at #{now.place}"
        if now.state is State.STOPPED and now.last_label is not None:
            return f"at #{now.last_label}"
        if now.state is State.RECONNECTING:
            wait = f"in {math.ceil(now.retry_ns / 1e9)} s" if now.retry_ns else "connecting"
            return f"attempt {now.attempt}, {wait}"
        if now.state is State.FAILED and now.status is not None:
            return now.status.name
        return ""

    def _placeholder(self, now: Snapshot) -> str:
        match now.state:
            case State.CONNECTING:
                return f"waiting for the first answer of {self._address}"
            case State.RECONNECTING:
                return "the connection was lost before the first value"
            case State.LIVE | State.CATCHING_UP:
                return "the server has answered; waiting for the first value"
        return "no value was received"

    def _show_notice(self, now: Snapshot) -> None:
        notice = self.query_one(Notice)
        count = f"{now.count} in {duration(now.elapsed_ns)}"
        next_keys = f"{count}. Press r for a fresh call, q to quit."
        match now.state:
            case State.RECONNECTING if now.status is not None:
                where = "anew" if now.place is None else f"after #{now.place}"
                keys = f"It is opened again {where}; space tries now, s gives up."
                notice.show(f"Lost: {status_line(now.status)}", keys, failed=True)
            case State.FAILED if now.status is not None:
                advice = advise(now.status, self._address, plaintext=self._plaintext)
                verb = "Gave up" if now.gave_up else "Failed"
                notice.show(f"{verb}: {status_line(now.status)}", advice, failed=True)
            case State.FINISHED:
                notice.show("Finished: the server ended the call, OK", next_keys, failed=False)
            case State.STOPPED:
                why = f"{now.limit} was reached" if now.limit else "the call was cancelled"
                notice.show(f"Stopped: {why}", next_keys, failed=False)
            case _:
                notice.hide()
