"""The viewer as a Textual app."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import traceback
from collections import deque
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.screen import Screen

from grpctap.screens.clipboard import HasCommands

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
    """Shows a screen, and those that it leads to, until somebody quits.

    Its return value is an exit code. What is typed is dealt with one after the other: by itself
    Textual sends keys that are typed fast on to where the focus was before the first of them.
    """

    TITLE = "grpctap"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
    ]

    def __init__(self, first: Screen[Any]) -> None:
        super().__init__(driver_class=_Driver)
        # A log that glides is behind the stream, and glides on when it is told to follow.
        self.animation_level = "none"
        self._first = first
        self._typed: deque[events.Key | events.Paste] = deque()
        self._dealing_with = 0
        self._waits = False

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
        self.set_timer(1.0, _settle)
        self.push_screen(self._first)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(name, self._leave, 128 + name)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The commands of the palette: Textual's own, and those of the screen."""
        yield from super().get_system_commands(screen)
        if isinstance(screen, HasCommands):
            yield from screen.system_commands()

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

    def _leave(self, exit_code: int) -> None:
        self.exit(return_code=exit_code)


def _settle() -> None:
    """Exempts what start-up made from later garbage collections, each a stall of the screen."""
    gc.collect()
    gc.freeze()
