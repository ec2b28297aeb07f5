"""The top line: what is watched, how it stands, and for how long."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.reactive import reactive

from grpctap.core.state import State
from grpctap.core.text import printable
from grpctap.widgets.lines import KeptLines, fit

SIGNS = {
    State.CONNECTING: "◌",
    State.LIVE: "●",
    State.CATCHING_UP: "◐",
    State.PAUSED: "‖",
    State.RECONNECTING: "↻",
    State.STOPPED: "■",
    State.FINISHED: "✓",
    State.FAILED: "✗",
    State.PLAYING: "▶",
    State.ENDED: "■",
}


def _class(state: State) -> str:
    return state.value.lower().replace(" ", "-")


class TopLine(KeptLines):
    """One line: the program, the target and the method; at its right the state and the time.

    `badge` stands first of all and stays in sight, where what is shown is no live stream.
    """

    DEFAULT_CSS = """
    TopLine {
        height: 1;
        background: $panel;
        color: $foreground;
        & > .top-line--connecting { color: $text-secondary; text-style: bold; }
        & > .top-line--live { color: $text-success; text-style: bold; }
        & > .top-line--catching-up { color: $text-warning; text-style: bold; }
        & > .top-line--paused { color: $text-warning; text-style: bold; }
        & > .top-line--reconnecting { color: $text-warning; text-style: bold; }
        & > .top-line--stopped { color: $text-muted; text-style: bold; }
        & > .top-line--finished { color: $text-success; text-style: bold; }
        & > .top-line--failed { color: $text-error; text-style: bold; }
        & > .top-line--playing { color: $text-success; text-style: bold; }
        & > .top-line--ended { color: $text-muted; text-style: bold; }
        & > .top-line--recording { color: $text-error; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "top-line--recording",
        *(f"top-line--{_class(state)}" for state in State),
    }

    state = reactive(State.CONNECTING)
    note = reactive("")
    """What follows the state's name: "at #41", "312 behind"."""
    recording = reactive("")
    """How the recording stands, such as "● REC 1.2 MB"; "" for none."""
    elapsed_s = reactive(0)
    """Seconds since the viewer started."""

    def __init__(self, target: str, method: str, badge: str = "") -> None:
        super().__init__()
        self._badge = f" {badge} " if badge else ""
        self._target = printable(target)
        self._method = printable(method)

    def render(self) -> Text:
        """The line, fitted to the width: the least important goes first."""
        width = self.size.width
        name = f"{SIGNS[self.state]} {self.state.value}" + (f" {self.note}" if self.note else "")
        hours, rest = divmod(self.elapsed_s, 3600)
        clock = f"   {hours:02d}:{rest // 60:02d}:{rest % 60:02d} "
        recording = f"{self.recording}   " if self.recording else ""
        room = width - len(self._badge) - len(recording) - len(name) - len(clock) - 2
        left = f" {self._target}   {self._method}"
        if not self._badge:
            left = f" grpctap  {left}"
        last = self._target if self._badge else self._method
        for shorter in (f" {self._target}   {self._method}", f" {last}"):
            if cell_len(left) > room:
                left = shorter
        text = Text(no_wrap=True, end="")
        text.append(self._badge, "reverse bold")
        text.append(fit(left, max(room, 0)))
        space = width - text.cell_len - len(recording) - len(name) - len(clock)
        text.append(" " * max(space, 1))
        text.append(recording, style=self.get_component_rich_style("top-line--recording"))
        text.append(name, style=self.get_component_rich_style(f"top-line--{_class(self.state)}"))
        text.append(clock)
        return text
