"""A screen of one stream, which may be one of several in tabs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast

from grpctap.core.distinct import Told, distinct
from grpctap.core.plots import LOOK_S
from grpctap.core.text import printable
from grpctap.screens.resting import RestingScreen
from grpctap.watched import Watched
from grpctap.widgets.chart import Chart
from grpctap.widgets.lines import fit_apart
from grpctap.widgets.scene import Layer

if TYPE_CHECKING:
    from grpctap.opening import Opening
    from grpctap.screens.tabs import Tabs


LONGEST_NAME = 16
"""Cells of what stands before the names of a stream's lines in a chart of several."""


class HasTabs(Protocol):
    """An app with tabs."""

    tabs: Tabs


class StreamScreen(RestingScreen[None]):
    """Shows a stream, and has the keys that are about several.

    Args:
        tap: The stream.
        address: The server's, which is foreign text.
        method: SERVICE/METHOD.
        another: The server that another stream is chosen from; None: none can be opened.
        leave: Ends the stream, which is watched no longer; None: its tap is closed.
    """

    def __init__(
        self,
        tap: Watched,
        address: str,
        method: str,
        another: Callable[[], Opening] | None,
        leave: Callable[[], object] | None,
    ) -> None:
        super().__init__()
        self.tap = tap
        self.address = address
        self.method = method
        self._another = another
        self._leave = leave
        self._over: list[StreamScreen] = []

    @property
    def _tabs(self) -> Tabs:
        return cast("HasTabs", self.app).tabs

    def show_log(self) -> None:
        """Shows the log, whatever stands in its place."""
        raise NotImplementedError

    def uncover_view(self) -> None:
        """Shows the log or the board, where something else stands in its place."""
        raise NotImplementedError

    def focus_view(self) -> None:
        """Gives the keys to the log, or to what stands in its place; at once."""
        raise NotImplementedError

    def leave(self) -> None:
        """Ends the stream, since its tab is closed."""
        if self._leave is not None:
            self._leave()
        else:
            # A connection that hangs must not hold the screen.
            threading.Thread(target=self.tap.close, daemon=True).start()

    def on_unmount(self) -> None:
        """No other chart shows this stream any longer."""
        for screen in self._tabs.streams():
            screen.lay_over(self, shown=False)

    def action_open_tab(self) -> None:
        """Lets another stream be chosen, in a tab of its own."""
        if self._another is None:
            self.notify("Here no other stream can be opened", severity="warning", timeout=2)
            return
        # Only who opens another stream needs it.
        from grpctap.screens.pick import PickScreen

        self._tabs.open(PickScreen(self._another(), can_go_back=True))

    def action_close_tab(self) -> None:
        """Cancels the call, and closes its tab."""
        self._tabs.close()

    def action_pause_all(self) -> None:
        """Pauses all streams, or resumes them when all are paused."""
        self._tabs.pause_all()

    def action_overlay(self) -> None:
        """Draws the numbers of another stream over these, or no longer."""
        others = [screen for screen in self._tabs.streams() if screen is not self]
        if not others:
            self.notify("There is no other stream; t opens one", timeout=2)
        elif len(others) == 1:
            self._toggle_over(others[0])
        else:
            from grpctap.screens.overlay import OverlayScreen

            names = self._tabs.names()
            rows = [
                (
                    f"{self._tabs.number(screen)} {names[screen]._replace(place='').full} "
                    f"{printable(screen.address)}",
                    screen in self._over,
                )
                for screen in others
            ]

            def chosen(index: int | None) -> None:
                if index is not None:
                    self._toggle_over(others[index])

            self.app.push_screen(OverlayScreen(rows), chosen)

    @cached_property
    def told(self) -> Told:
        """What tells the stream from others."""
        request = self.tap.sent.request
        if request is None:
            return Told(self.method, self.address)
        # A stream that is alone need not be told from others.
        from grpctap.core.requestparts import request_parts

        return Told(self.method, self.address, request_parts(request))

    def lay_over(self, other: StreamScreen, *, shown: bool) -> None:
        """Draws the numbers of another stream over these, or no longer."""
        if (other in self._over) is shown or not self.is_running:
            return
        if shown:
            self._over.append(other)
        else:
            self._over.remove(other)
        chart = self.query_one(Chart)
        chart.over = self._layers if self._over else None
        chart.pull()

    def _toggle_over(self, other: StreamScreen) -> None:
        self.lay_over(other, shown=other not in self._over)

    def pull_over(self) -> None:
        """Reads what came of the fields that are chosen in the streams drawn over this one."""
        for screen in self._over:
            # All of them together take no longer than one.
            screen.tap.plots.pull(LOOK_S / len(self._over))

    def _layers(self) -> Sequence[Layer]:
        """The streams of this chart, told apart in as few cells as it takes."""
        streams = [self, *self._over]
        names = [name.brief for name in distinct([screen.told for screen in streams])]
        names = fit_apart(names, LONGEST_NAME)
        return [
            Layer(
                name if names.count(name) == 1 else f"tab {self._tabs.number(screen)}", screen.tap
            )
            for name, screen in zip(names, streams, strict=True)
        ]
