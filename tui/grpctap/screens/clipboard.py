"""Copying to the clipboard of the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from textual.app import App, SystemCommand

from grpctap.core.text import listed, printable

_LONGEST_SHOWN = 200
_VARIABLE = re.compile(r"\$\{(\w+)\}", re.ASCII)


@runtime_checkable
class HasCommands(Protocol):
    """A screen with commands of its own for the palette."""

    def system_commands(self) -> Iterable[SystemCommand]:
        """The commands."""


def copy_command(app: App[Any], command: str) -> None:
    """Puts a command line on the clipboard, and says so, for as long as it takes to read."""
    app.copy_to_clipboard(command)
    variables = sorted(set(_VARIABLE.findall(command)) if "-expand-headers" in command else ())
    told = f"Set {listed(variables)} before you run it." if variables else "Paste it in a shell."
    app.notify(printable(told, _LONGEST_SHOWN), title="Copied as grpcurl", markup=False, timeout=2)


def grpcurl_system_command(copy: Callable[[], None]) -> SystemCommand:
    """The same in the command palette."""
    return SystemCommand("Copy as grpcurl", "Put the call on the clipboard as a command line", copy)
