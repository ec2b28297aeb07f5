"""Tabs: a stack of screens for each stream, of which one is seen."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

from textual.app import App
from textual.screen import Screen
from textual.timer import Timer

from grpctap.core.distinct import Name, Told, distinct, short_method
from grpctap.core.state import Command, State
from grpctap.screens.stream import StreamScreen
from grpctap.widgets.tab_line import NEW, TabLine, Title
from grpctap.words import MOST_STREAMS

FIRST = "tab-1"
LOOKS_PER_SECOND = 5


class Tabs:
    """The tabs of an app, each a mode of it, by their names in order.

    Who is not seen neither draws nor looks at anything; streams go on all the same.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._names = [FIRST]
        self._made = 1
        self._seen: dict[str, int] = {}
        self._timer: Timer | None = None
        self._told: list[Told] = []
        self._told_apart: list[Name] = []

    def begin(self, screens: Sequence[Screen[Any]]) -> None:
        """Shows the first of the screens, and has a tab for each of the others."""
        self._timer = self._app.set_interval(1 / LOOKS_PER_SECOND, self.look, pause=True)
        self._app.push_screen(screens[0])
        for screen in screens[1:]:
            name = self._add()
            self._app.switch_mode(name)
            self._app.push_screen(screen, mode=name)
        self._go(FIRST)

    def open(self, screen: Screen[None]) -> None:
        """Shows a screen in a new tab, which is closed with it."""
        if len(self._names) >= MOST_STREAMS:
            self._app.notify(
                f"{MOST_STREAMS} tabs are the most; ctrl+w closes one", severity="warning"
            )
            return
        before, name = self._app.current_mode, self._add()
        self._app.switch_mode(name)
        self._app.push_screen(screen, lambda _: self._close(name, before), mode=name)
        self.look()

    def close(self) -> None:
        """Closes the tab that is seen; its stream is left."""
        if len(self._names) == 1:
            self._app.notify("This is the only stream; q quits", timeout=2)
        else:
            self._close(self._app.current_mode)

    def go(self, number: int) -> None:
        """Shows the tab of this number, from 1, if there is one."""
        if 0 < number <= len(self._names):
            self._go(self._names[number - 1])

    def step(self, by: int) -> None:
        """Shows the next tab (`by` 1) or the one before (-1); after the last comes the first."""
        at = self._names.index(self._app.current_mode)
        self._go(self._names[(at + by) % len(self._names)])

    def pause_all(self) -> None:
        """Pauses all streams that can be paused; when there is none, resumes those that are."""
        taps = [screen.tap for screen in self.streams()]
        live = [tap for tap in taps if tap.allows(Command.PAUSE)]
        for tap in live or [tap for tap in taps if tap.state is State.PAUSED]:
            tap.command(Command.PAUSE if live else Command.RESUME)
        self.look()

    def streams(self) -> list[StreamScreen]:
        """The streams that are watched, in order."""
        found = map(self._stream, self._names)
        return [screen for screen in found if screen is not None]

    def of(self, screen: Screen[Any]) -> str | None:
        """The name of the tab that a screen is in; None: it is in none any longer."""
        stacks = ((name, self._app.get_screen_stack(name)) for name in self._names)
        return next((name for name, stack in stacks if screen in stack), None)

    def titles(self) -> list[Title]:
        """What is to be told of the tabs, in order."""
        names = self.names()
        return [self._title(at, name, names) for at, name in enumerate(self._names, 1)]

    def number(self, stream: StreamScreen) -> int:
        """The number of the tab that a stream is in, from 1; 0: it is in none."""
        name = self.of(stream)
        return 0 if name is None else self._names.index(name) + 1

    def names(self) -> dict[StreamScreen, Name]:
        """What the streams are called, so that no two are called the same if that can be."""
        screens = self.streams()
        if len(self._names) == 1:
            # Nobody sees what an only tab is called.
            return {screen: Name(short_method(screen.method)) for screen in screens}
        told = [screen.told for screen in screens]
        if told != self._told:
            self._told, self._told_apart = told, distinct(told)
        return dict(zip(screens, self._told_apart, strict=True))

    def look(self) -> None:
        """Shows how the tabs stand, on the screens that are seen."""
        if self._timer is not None:
            several = len(self._names) > 1
            (self._timer.resume if several else self._timer.pause)()
        titles = self.titles()
        for screen in self._app.screen_stack:
            for line in screen.query(TabLine):
                line.show(titles)

    def _title(self, number: int, name: str, names: dict[StreamScreen, Name]) -> Title:
        screen, here = self._stream(name), name == self._app.current_mode
        if screen is None:
            return Title(number, NEW, "", None, fresh=False, here=here)
        rows, state = screen.tap.extent().end, screen.tap.state
        if here:
            self._seen[name] = rows
        fresh = rows != self._seen.get(name, 0)
        return Title(number, names[screen], screen.address, state, fresh=fresh, here=here)

    def _stream(self, name: str) -> StreamScreen | None:
        stack = reversed(self._app.get_screen_stack(name))
        return next((screen for screen in stack if isinstance(screen, StreamScreen)), None)

    def _add(self) -> str:
        self._made += 1
        name = f"tab-{self._made}"
        self._names.append(name)
        # As in the first tab, an empty screen lies below all others.
        self._app.add_mode(name, Screen)
        return name

    def _go(self, name: str) -> None:
        self._app.switch_mode(name)
        self.look()

    def _close(self, name: str, then: str = "") -> None:
        if name not in self._names or len(self._names) == 1:
            return
        at = self._names.index(name)
        self._names.remove(name)
        self._seen.pop(name, None)
        if name == self._app.current_mode:
            at = self._names.index(then) if then in self._names else min(at, len(self._names) - 1)
            self._app.switch_mode(self._names[at])
        for screen in self._app.get_screen_stack(name):
            if isinstance(screen, StreamScreen):
                screen.leave()
        self._app.remove_mode(name)
        self._app.set_timer(1.0, settle)
        self.look()


def settle() -> None:
    """Exempts what there is from later garbage collections, each a stall of the screen.

    Before that it lets go of what has become garbage, such as the history of a closed tab.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
