"""The watch screen: one stream, its chart and its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual.app import ComposeResult, SystemCommand
from textual.containers import Horizontal

from grpctap.core.advice import HOPELESS
from grpctap.core.facts import NOT_VERIFIED
from grpctap.core.state import Command, State
from grpctap.core.text import printable
from grpctap.screens.chart_keys import ChartKeys
from grpctap.screens.clipboard import copy_command, grpcurl_system_command
from grpctap.screens.find_keys import FindKeys
from grpctap.screens.help import HelpScreen
from grpctap.screens.keep_keys import KeepKeys
from grpctap.screens.notes import note_of, placeholder_of, show_notice
from grpctap.screens.recording import (
    recording_note,
    recording_seen,
    tell_recording,
)
from grpctap.screens.side import BODY, Side
from grpctap.screens.watch_keys import WATCH_KEYS
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
    from grpctap.opening import Opening
    from grpctap.widgets.board_view import BoardView

FRAMES_PER_SECOND = 30
FRAMES_PER_LOOK = 3
# Figures that change ten times a second cannot be read.
LOOKS_PER_FIGURES = 5


class WatchScreen(ChartKeys, FindKeys, KeepKeys):
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
    BINDINGS = WATCH_KEYS
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
        self._address = printable(address)
        self._plaintext = plaintext
        self._frames = 0
        self._looks = 0
        self._frozen_at = 0
        self._seen: tuple[object, ...] | None = None
        self._recorded: object = None
        self._side = Side(self, tap)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TabLine()
        yield self._top_line()
        yield Chart(self.tap)
        yield LogHeader()
        with Horizontal(id=BODY):
            yield StreamLog(self.tap, form_of(self.tap.schema))
        yield Notice()
        yield StatusLine()
        yield KeyBar()

    def _top_line(self) -> TopLine:
        unverified = " (not verified)" if self.tap.sent.security == NOT_VERIFIED else ""
        return TopLine(f"{self._address}{unverified}", self.method)

    def on_mount(self) -> None:
        """Opens the call, and starts to look."""
        self.tap.start()
        # Who asked for a recording need not be told that it is made.
        self._recorded = recording_seen(self.tap.snapshot().recording)
        if self._choices is not None:
            self.tap.plots.choose(self._choices.find(self.method))
        self.watch(self.query_one(StreamLog), "frozen", self._follow_log, init=False)
        self.look_often(1 / FRAMES_PER_SECOND, self.tick)
        self.look()

    def tick(self) -> None:
        """Draws a frame of the log, and at each third frame the rest."""
        self.tap.plots.pull()
        log = self.query_one(StreamLog)
        if log.display:
            log.pull()
        self.query_one(LogHeader).text = log.header if log.display else ""
        self._side.tick()
        self._frames += 1
        if self._frames % FRAMES_PER_LOOK == 0:
            chart, at_cursor = self.query_one(Chart), log.at_cursor
            chart.log_cursor_ns = at_cursor and self.tap.chart_time(at_cursor)
            self.pull_over()
            chart.tick()
            self.look()

    def look(self) -> None:
        """Shows how the stream stands now."""
        now = self.tap.snapshot()
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
            figures.gaps = self.tap.gaps()
            figures.frozen = now.values - self._frozen_at if log.frozen else None
            top.recording = recording_note(now.recording)
        self._side.sift(None if self._finding is None else self._finding.shown)
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

    def show_log(self) -> None:
        """Shows the log, whatever stands in its place."""
        self._side.show_log()
        self.refresh_bindings()

    def uncover_view(self) -> None:
        """Shows the log or the board, where something else stands in its place."""
        self._side.uncover()

    def focus_view(self) -> None:
        """Gives the keys to the log, or to what stands in its place; at once."""
        self.set_focus(self._side.shown)

    def look_anew(self) -> None:
        """Shows at once how the stream stands now, whatever was shown before."""
        self._seen = None
        self.look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now; one that does nothing is not shown."""
        match action, parameters:
            case "stream", ("resume",):
                return self.tap.state is State.PAUSED
            case "stream", ("stop",) if self.tap.state is State.RECONNECTING:
                return False
            case "give_up", _:
                return self.tap.state is State.RECONNECTING
            case "try_now", _:
                waits = self.tap.state is State.RECONNECTING
                return waits and self.tap.allows(Command.RESUME)
            case "retry", _:
                status = self.tap.status
                return self.tap.state is State.FAILED and not (
                    status is not None and status.reason in HOPELESS
                )
            case "stream", (str(name),):
                return self.tap.allows(Command(name))
            case "freeze", _:
                return not self.query_one(StreamLog).frozen
            case "follow", _:
                return self.query_one(StreamLog).frozen
            case "back", _:
                return self._can_go_back
            case "copy_grpcurl", _:
                return self._grpcurl is not None
            case "inspect", _ if self._side.board is not None:
                return self._side.selected is not None
            case "inspect", _:
                return self.query_one(StreamLog).selected is not None
        return super().check_action(action, parameters)

    def action_stream(self, name: str) -> None:
        """Tells the tap, and shows at once what came of it."""
        self.tap.command(Command(name))
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
        screen = InspectScreen(self.tap, found, log.shown, self._top_line(), self._note, step)
        self.app.push_screen(screen, come_back)

    def on_stream_log_opened(self) -> None:
        """A value was clicked twice."""
        self.action_inspect()

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
        if (chart := self.query_one(Chart)).display:
            what = "Write the chart to an SVG file in the current folder"
            yield SystemCommand("Picture of the chart", what, lambda: self._picture(chart))

    def action_facts(self) -> None:
        """Shows what is known of the call."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.facts import FactsScreen

        screen = FactsScreen(self.tap, self._address, self.method, plaintext=self._plaintext)
        self.app.push_screen(screen)

    def action_help(self) -> None:
        """Shows the keys."""
        self.app.push_screen(HelpScreen())

    def on_resize(self) -> None:
        """Gives the log the room on a small terminal."""
        self._fit()
        self._side.fit()

    def _follow_log(self, frozen: bool) -> None:
        # The chart stands still together with the log.
        self.query_one(Chart).frozen = frozen
        self._side.freeze()
        self._frozen_at = self.tap.snapshot().values
        self.look()

    def _note(self, now: Snapshot) -> str:
        return note_of(now)

    def _placeholder(self, now: Snapshot) -> str:
        return placeholder_of(now, self._address)

    def _show_notice(self, now: Snapshot) -> None:
        notice = self.query_one(Notice)
        show_notice(notice, now, self._address, plaintext=self._plaintext)
