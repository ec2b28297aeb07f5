"""Screens that rest while another tab is seen."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TypeVar

from textual.screen import Screen
from textual.timer import Timer

_Result = TypeVar("_Result")


class RestingScreen(Screen[_Result]):
    """A screen that looks at something now and then, as long as its tab is seen."""

    _ticking: Timer | None = None

    def look_often(self, interval_s: float, look: Callable[[], None]) -> None:
        """Calls `look` each so many seconds, but not while another tab is seen."""
        # A timer that rests is held by nobody else.
        self._ticking = self.set_interval(interval_s, look)
        # The signal lets go of a screen that is gone only if it holds it by nothing.
        watched = weakref.ref(self)

        def turn(mode: str) -> None:
            if (screen := watched()) is not None:
                screen.rest(mode)

        self.app.mode_change_signal.subscribe(self, turn, immediate=True)
        self.rest(self.app.current_mode)

    def rest(self, mode: str) -> None:
        """Rests, unless the screen is in the tab of this name, which is seen now."""
        if self._ticking is not None:
            seen = self in self.app.get_screen_stack(mode)
            (self._ticking.resume if seen else self._ticking.pause)()
