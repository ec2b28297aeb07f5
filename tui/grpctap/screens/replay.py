"""The watch screen on a recording: the same log and chart, and keys to go back and forth."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from grpctap.core.playhead import speed_text
from grpctap.core.seams import clock_time, duration
from grpctap.core.state import State
from grpctap.core.text import printable
from grpctap.player import Player
from grpctap.reel import Tail
from grpctap.screens.help import KEEPING, MORE, VIEWS, HelpScreen
from grpctap.screens.watch import WatchScreen
from grpctap.snapshot import Snapshot
from grpctap.widgets.notice import Notice
from grpctap.widgets.stream_log import StreamLog
from grpctap.widgets.top_line import TopLine

# What asks something of a server, or of the recorder.
LIVE_ONLY = frozenset(
    {
        *("stream", "retry", "try_now", "give_up", "copy_grpcurl", "back"),
        *("record", "stop_recording"),
        *("open_tab", "close_tab", "pause_all", "overlay"),
    }
)
REPLAY_KEYS = (
    (
        "The recording",
        (
            ("space", "Play or pause; at the end, play it again."),
            ("< >", "Back or on by one message."),
            ("[ ]", "Back or on by a twentieth of the file."),
            ("{ }", "Slower or faster, up to all at once."),
            ("i", "The call that was recorded."),
            ("q, ctrl+c", "Quit."),
        ),
    ),
    *VIEWS,
    (KEEPING[0], tuple(row for row in KEEPING[1] if row[0] != "w")),
    MORE,
)
TAILS = {
    Tail.PART: "The file was cut off: its last bytes were no whole message. ",
    Tail.DAMAGE: "The file is damaged: what comes next is no message. ",
}


def _serves(binding: BindingType) -> bool:
    """Whether a key of the watch screen does anything in a replay."""
    return not isinstance(binding, Binding) or binding.action.partition("(")[0] not in LIVE_ONLY


class ReplayScreen(WatchScreen, inherit_bindings=False):
    """Shows a player, and hands it the keys.

    Args:
        player: Plays the recording.
        name: What the file is called.
        target: The address that was recorded.
        method: The method that was recorded.
        plaintext: Whether the recorded calls went without TLS.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", tooltip="Play on from here"),
        Binding("space", "pause", "Pause", tooltip="Stand still here"),
        Binding("space", "again", "Play again", tooltip="Play it from the beginning"),
        Binding("greater_than_sign", "hop(1)", "Step", key_display="< >", tooltip="One message on"),
        Binding("less_than_sign", "hop(-1)", "Back", show=False, tooltip="One message back"),
        Binding("right_square_bracket", "seek(1)", "Seek", key_display="[ ]", tooltip="5 % on"),
        Binding("left_square_bracket", "seek(-1)", "Back", show=False, tooltip="5 % back"),
        Binding("right_curly_bracket", "speed(1)", "Speed", key_display="{ }", tooltip="Faster"),
        Binding("left_curly_bracket", "speed(-1)", "Slower", show=False, tooltip="Slower"),
        *filter(_serves, WatchScreen.BINDINGS),
        *Screen.BINDINGS,
    ]

    def __init__(
        self, player: Player, name: str, target: str, method: str, *, plaintext: bool
    ) -> None:
        super().__init__(player, target, method, plaintext=plaintext)
        self._player = player
        self._file = name
        self._end: tuple[Tail, str] = (Tail.NOTHING, "")

    def _top_line(self) -> TopLine:
        return TopLine(self._file, self.method, "REPLAY")

    def look(self) -> None:
        """Shows how the playhead stands now."""
        position = self._player.position()
        end = position.tail, position.error
        if end != self._end:
            # How a file ends may be known later than that it does.
            self._end, self._seen = end, None
        super().look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now; one that does nothing is not shown."""
        match action:
            case "play":
                return self._player.state is State.PAUSED
            case "pause":
                return self._player.state is State.PLAYING
            case "again":
                return self._player.state is State.ENDED
        return super().check_action(action, parameters)

    def action_play(self) -> None:
        """Goes on."""
        self._player.toggle()
        self.look()

    def action_pause(self) -> None:
        """Stands still."""
        self._player.toggle()
        self.look()

    def action_again(self) -> None:
        """Plays from the beginning."""
        self._player.toggle()
        self.look()

    def action_hop(self, messages: int) -> None:
        """Goes some messages on or back."""
        self._player.hop(messages)
        self._show_now()

    def action_seek(self, parts: int) -> None:
        """Goes some parts of the file on or back."""
        self._player.seek(parts)
        self._show_now()

    def action_speed(self, by: int) -> None:
        """Plays faster or slower."""
        self._player.change_speed(by)
        self.look()

    def action_facts(self) -> None:
        """Shows what is known of the recorded call."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.facts import FactsScreen

        screen = FactsScreen(
            self.tap, self._address, self.method, plaintext=self._plaintext, advises=False
        )
        self.app.push_screen(screen)

    def action_help(self) -> None:
        """Shows the keys."""
        self.app.push_screen(HelpScreen(REPLAY_KEYS))

    def _show_now(self) -> None:
        # Whoever goes somewhere wants to see what is there.
        self.query_one(StreamLog).frozen = False
        self.look()

    def _note(self, now: Snapshot) -> str:  # noqa: ARG002
        position = self._player.position()
        return (
            f"{clock_time(position.time_ns)} {position.fraction:4.0%} {speed_text(position.speed)}"
        )

    def _placeholder(self, now: Snapshot) -> str:
        if now.state is State.ENDED:
            return "no value was recorded"
        return "no value came before this moment"

    def _show_notice(self, now: Snapshot) -> None:
        notice = self.query_one(Notice)
        if now.state is not State.ENDED:
            notice.hide()
            return
        position = self._player.position()
        headline = f"End of the recording: {now.count} in {duration(now.elapsed_ns)}"
        keys = "Press < or [ to go back, space to play it again, q to quit."
        if position.error:
            notice.show(printable(position.error), keys, failed=True)
        elif position.tail in TAILS:
            notice.show(headline, TAILS[position.tail] + keys, failed=True)
        else:
            notice.show(headline, keys, failed=False)
