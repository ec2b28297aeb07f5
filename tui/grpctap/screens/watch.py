"""The watch screen: one stream, its chart and its log."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from grpctap.core.advice import HOPELESS, advise
from grpctap.core.facts import NOT_VERIFIED
from grpctap.core.seams import duration, status_line
from grpctap.core.state import Command, State
from grpctap.core.status import Status
from grpctap.core.text import printable
from grpctap.screens.clipboard import copy_command, grpcurl_system_command
from grpctap.screens.help import HelpScreen
from grpctap.snapshot import Snapshot
from grpctap.tap import Tap
from grpctap.widgets.chart import Chart
from grpctap.widgets.key_bar import KeyBar
from grpctap.widgets.log_form import LineForm, TableForm
from grpctap.widgets.log_header import LogHeader
from grpctap.widgets.notice import Notice
from grpctap.widgets.status_line import StatusLine
from grpctap.widgets.stream_log import StreamLog
from grpctap.widgets.top_line import TopLine

if TYPE_CHECKING:
    from grpctap.choices import ChoiceFile
    from grpctap.core.plots import Choices

FRAMES_PER_SECOND = 30
FRAMES_PER_LOOK = 3
# Figures that change ten times a second cannot be read.
LOOKS_PER_FIGURES = 5
LEAST_ROWS_FOR_CHART = 14


class WatchScreen(Screen[None]):
    """Shows a tap, and hands it the keys.

    It looks at the tap on a timer, on which the chart and the log pull as well: what changes
    together goes to the terminal together.
    """

    DEFAULT_CSS = """
    WatchScreen {
        layout: vertical;
        overflow: hidden;
        & > Chart { height: 2fr; min-height: 6; }
        & > StreamLog { height: 3fr; }
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
        Binding("c", "fields", "Fields", tooltip="Choose what the chart shows"),
        Binding("C", "chart", "Chart", show=False, tooltip="Show or hide the chart"),
        Binding("i", "facts", "Info", tooltip="The call: metadata, status and its details"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("y,ctrl+g", "copy_grpcurl", "Copy as grpcurl", show=False),
        Binding("escape", "back", "Back", tooltip="Stop, and go back to the request"),
        Binding("q", "app.quit", "Quit"),
    ]
    AUTO_FOCUS = "StreamLog"

    def __init__(
        self,
        tap: Tap,
        address: str,
        method: str,
        *,
        plaintext: bool,
        grpcurl: Callable[[], str] | None = None,
        can_go_back: bool = False,
        choices: ChoiceFile | None = None,
    ) -> None:
        super().__init__()
        self._choices = choices
        self._grpcurl = grpcurl
        self._can_go_back = can_go_back
        self._tap = tap
        self._address = printable(address)
        self._method = method
        self._plaintext = plaintext
        self._frames = 0
        self._looks = 0
        self._frozen_at = 0
        self._seen: tuple[State, Status | None, bool, bool, bool] | None = None
        self._chart_wanted = True

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._top_line()
        yield Chart(self._tap)
        schema = self._tap.schema
        form = LineForm(schema.line) if schema.cells is None else TableForm(schema, schema.cells)
        yield LogHeader()
        yield StreamLog(self._tap, form)
        yield Notice()
        yield StatusLine()
        yield KeyBar()

    def _top_line(self) -> TopLine:
        unverified = " (not verified)" if self._tap.sent.security == NOT_VERIFIED else ""
        return TopLine(f"{self._address}{unverified}", self._method)

    def on_mount(self) -> None:
        """Opens the call, and starts to look."""
        self._tap.start()
        if self._choices is not None:
            self._tap.plots.choose(self._choices.find(self._method))
        self.watch(self.query_one(StreamLog), "frozen", self._follow_log, init=False)
        self.set_interval(1 / FRAMES_PER_SECOND, self.tick)
        self.look()

    def tick(self) -> None:
        """Draws a frame of the log, and at each third frame the rest."""
        self._tap.plots.pull()
        log = self.query_one(StreamLog)
        log.pull()
        self.query_one(LogHeader).text = log.header
        self._frames += 1
        if self._frames % FRAMES_PER_LOOK == 0:
            self.query_one(Chart).tick()
            self.look()

    def look(self) -> None:
        """Shows how the stream stands now."""
        now = self._tap.snapshot()
        log = self.query_one(StreamLog)
        top = self.query_one(TopLine)
        top.state = now.state
        top.note = self._note(now)
        top.elapsed_s = now.elapsed_ns // 1_000_000_000
        seen = (now.state, now.status, log.frozen, now.retry_ns > 0, now.kept > 0)
        changed = self._seen != seen
        if changed or self._looks % LOOKS_PER_FIGURES == 0:
            figures = self.query_one(StatusLine)
            figures.snapshot = now
            figures.gaps = self._tap.gaps()
            figures.frozen = now.values - self._frozen_at if log.frozen else None
        self._looks += 1
        if changed:
            self._seen = seen
            self.refresh_bindings()
            self._show_notice(now)
            log.placeholder = self._placeholder(now)

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
            case "back", _:
                return self._can_go_back
            case "copy_grpcurl", _:
                return self._grpcurl is not None
            case "inspect", _:
                return self.query_one(StreamLog).selected is not None
            case "chart" | "fields", _:
                return self.size.height >= LEAST_ROWS_FOR_CHART
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
        found = log.selected
        if found is None:
            return

        def come_back(row: int | None) -> None:
            if row is not None:
                log.select(row)

        screen = InspectScreen(self._tap, found, log.shown, self._top_line(), self._note)
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
        return "" if self._choices is None else self._choices.keep(self._method, choices)

    def action_chart(self) -> None:
        """Shows or hides the chart."""
        self._chart_wanted = not self._chart_wanted
        self._fit()

    def action_back(self) -> None:
        """Goes back to where the call was written."""
        self.dismiss()

    def action_copy_grpcurl(self) -> None:
        """Puts the call on the clipboard, as a command line of grpcurl."""
        if self._grpcurl is not None:
            copy_command(self.app, self._grpcurl())

    def system_commands(self) -> Iterable[SystemCommand]:
        """What the command palette has for this screen."""
        if self._grpcurl is not None:
            yield grpcurl_system_command(self.action_copy_grpcurl)

    def action_facts(self) -> None:
        """Shows what is known of the call."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.facts import FactsScreen

        screen = FactsScreen(self._tap, self._address, self._method, plaintext=self._plaintext)
        self.app.push_screen(screen)

    def action_help(self) -> None:
        """Shows the keys."""
        self.app.push_screen(HelpScreen())

    def on_resize(self) -> None:
        """Gives the log the room on a small terminal."""
        self._fit()

    def _fit(self) -> None:
        chart = self.query_one(Chart)
        chart.display = self._chart_wanted and self.size.height >= LEAST_ROWS_FOR_CHART

    def _follow_log(self, frozen: bool) -> None:
        # The chart stands still together with the log.
        self.query_one(Chart).frozen = frozen
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
