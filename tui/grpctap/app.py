"""The viewer as a Textual app."""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual._context import active_message_pump
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widget import Widget

from grpctap.screens.clipboard import HasCommands
from grpctap.screens.palette import Palette
from grpctap.screens.tabs import FIRST, Tabs, settle
from grpctap.widgets.tab_line import TabLine, Title
from grpctap.words import MOST_STREAMS

_NUMBERS = range(1, MOST_STREAMS + 1)
LONGEST_WAIT_S = 0.2
"""So long a key waits for the one before at most, in seconds."""


class _Driver(LinuxDriver):
    """Suspends as a terminal does: together with whoever runs this program, such as make."""

    def _sigtstp_application(self, *_: object) -> None:
        if self._auto_restart:
            self.suspend_application_mode()
            self._must_signal_resume = True
        # All at once: were the others first, the shell would take the terminal from under us.
        os.killpg(0, signal.SIGSTOP)


class Dealt(Message):
    """Follows a key on its way, and so tells that all that it does is done; `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class ViewerApp(App[int]):
    """Shows screens, each in a tab, and those that they lead to, until somebody quits.

    Its return value is an exit code. What is typed is dealt with one after the other: by itself
    Textual sends keys that are typed fast on to where the focus was before the first of them.
    """

    TITLE = "grpctap"
    # Above the keys, the status and a filter that is written, which they would hide.
    CSS = "ToastRack { margin-bottom: 5; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
        *(
            Binding(str(number), f"tab({number})", f"Tab {number}", show=False)
            for number in _NUMBERS
        ),
        Binding("ctrl+pageup", "step_tab(-1)", "Tab before", show=False),
        Binding("ctrl+pagedown", "step_tab(1)", "Next tab", show=False),
    ]
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {FIRST: Screen}
    DEFAULT_MODE = FIRST

    def __init__(self, *screens: Screen[Any]) -> None:
        super().__init__(driver_class=_Driver)
        # A log that glides is behind the stream, and glides on when it is told to follow.
        self.animation_level = "none"
        self.tabs = Tabs(self)
        self._screens: Sequence[Screen[Any]] = screens
        self._typed: deque[events.Key | events.Paste] = deque()
        self._dealing_with = 0
        self._waits = False

    @property
    def is_dealing(self) -> bool:
        """Whether something that was typed is still to be dealt with."""
        return self._waits or bool(self._typed)

    async def on_event(self, event: events.Event) -> None:
        """Lets what is typed wait until the key before has done all that it does."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._typed.append(event)
            await self._deal_with_typed()
        else:
            await super().on_event(event)

    async def on_dealt(self, event: Dealt) -> None:
        """Goes on with the next key."""
        await self._go_on(event.number)

    async def _deal_with_typed(self) -> None:
        # At the end there is no screen left for what was typed meanwhile.
        while self._typed and not self._waits and self.screen_stack:
            self._waits = True
            self._dealing_with += 1
            number, target = self._dealing_with, self.focused or self.screen
            await super().on_event(self._typed.popleft())
            if target.post_message(Dealt(number)):
                # What the key has closed tells nothing more.
                self.set_timer(LONGEST_WAIT_S, partial(self._go_on, number))
            else:
                self._waits = False

    async def _go_on(self, number: int) -> None:
        if self._waits and number == self._dealing_with:
            self._waits = False
            await self._deal_with_typed()

    def on_mount(self) -> None:
        """Shows the first screen, and leaves the terminal clean when told to end."""
        self.set_timer(1.0, settle)
        self.tabs.begin(self._screens)
        # Tabs are closed, and what they held is let go.
        self._screens = ()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(name, self._leave, 128 + name)

    def push_screen(self, *args: Any, mode: str | None = None, **options: Any) -> Any:
        """Shows a screen in the tab of whoever asks for it, which may be hidden by now."""
        return super().push_screen(*args, mode=mode or self._tab_that_asks(), **options)

    def _tab_that_asks(self) -> str | None:
        asking = active_message_pump.get(None)
        # A widget that was taken away meanwhile has no screen.
        if not isinstance(asking, Widget) or not asking.is_attached:
            return None
        return self.tabs.of(asking.screen)

    def tab_titles(self) -> Sequence[Title]:
        """What is to be told of the tabs, in order."""
        return self.tabs.titles()

    def action_tab(self, number: int) -> None:
        """Goes to a tab."""
        self.tabs.go(number)

    def action_step_tab(self, by: int) -> None:
        """Goes to the tab before or after."""
        self.tabs.step(by)

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """Goes to the tab that was clicked."""
        self.tabs.go(event.number)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The commands of the palette: Textual's own, and those of the screen."""
        for command in super().get_system_commands(screen):
            if command.title == "Screenshot":
                # Textual's own writes into a folder that there may not be.
                command = SystemCommand(
                    "Picture",
                    "Write the screen to an SVG file in the current folder",
                    self._picture,
                )
            yield command
        if isinstance(screen, HasCommands):
            yield from screen.system_commands()

    def action_command_palette(self) -> None:
        """Opens the palette, where there is room for it."""
        if Palette.fits(self.size) and not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """Opens the palette with all themes."""
        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes…"))

    def on_resize(self, event: events.Resize) -> None:
        """Closes a palette that has no room any more."""
        screen = self.screen if self.screen_stack else None
        if isinstance(screen, Palette) and not Palette.fits(event.size):
            screen.dismiss()

    def _fatal_error(self) -> None:
        """Ends the viewer at a mistake of its own: in a line, since a traceback shows secrets."""
        error = self._exception
        last = (
            traceback.extract_tb(error.__traceback__)[-1] if error and error.__traceback__ else None
        )
        where = f" at {Path(last.filename).name}:{last.lineno}" if last else ""
        name = type(error).__name__
        self._exit_renderables.append(Text(f"grpctap: this is a bug of ours: {name}{where}"))
        self._close_messages_no_wait()

    def _picture(self) -> None:
        from grpctap.screens.picture import take_picture

        # Once the palette is gone.
        self.set_timer(0.1, lambda: take_picture(self, "screen"))

    def _leave(self, exit_code: int) -> None:
        self.exit(return_code=exit_code)
