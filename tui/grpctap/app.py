"""The viewer as a Textual app."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen

from grpctap.screens.clipboard import HasCommands
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap


class _Driver(LinuxDriver):
    """Suspends as a terminal does: together with whoever runs this program, such as make."""

    def _sigtstp_application(self, *_: object) -> None:
        if self._auto_restart:
            self.suspend_application_mode()
            self._must_signal_resume = True
        # All at once: were the others first, the shell would take the terminal from under us.
        os.killpg(0, signal.SIGSTOP)


class ViewerApp(App[int]):
    """Shows a screen, and those that it leads to, until somebody quits.

    Its return value is an exit code.
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

    def _leave(self, exit_code: int) -> None:
        self.exit(return_code=exit_code)


class GrpctapApp(ViewerApp):
    """Watches one tap.

    `grpcurl` gives the call as a command line of grpcurl.
    """

    def __init__(
        self,
        tap: Tap,
        address: str,
        method: str,
        *,
        plaintext: bool,
        grpcurl: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(WatchScreen(tap, address, method, plaintext=plaintext, grpcurl=grpcurl))


def _settle() -> None:
    """Exempts what start-up made from later garbage collections, each a stall of the screen."""
    gc.collect()
    gc.freeze()
