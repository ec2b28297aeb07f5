"""Copying to the clipboard of the terminal."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from textual.app import App, SystemCommand

from grpctap.core.history import Value
from grpctap.core.message import MessageError, Schema
from grpctap.core.text import listed, printable
from grpctap.export import Excerpt
from grpctap.widgets.status_line import quantity
from grpctap.widgets.stream_log import StreamLog

MOST_TAKEN = 100_000
"""Characters that any terminal takes into the clipboard; many take no more."""
MOST_COPIED = 8 * 1024 * 1024
"""Characters that are copied at most."""
_SLICE_S, _PAUSE_S = 0.005, 0.002
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


async def copy_log(app: App[Any], log: StreamLog, schema: Schema) -> None:
    """Copies the messages selected in a log, or the one at its cursor, or the newest in sight."""
    found = log.selected
    if found is not None:
        one = [found.value]
        values = one if log.chosen is None else Excerpt(log.kept(), log.chosen).values()
        await copy_values(app, schema, values)


async def copy_values(app: App[Any], schema: Schema, values: Iterable[Value]) -> None:
    """Puts messages on the clipboard as JSON, and says so: one alone, more of them a line each."""
    left = threading.Event()
    try:
        lines = await asyncio.to_thread(_lines, schema, values, left)
    except (MessageError, MemoryError) as error:
        reason = str(error) if isinstance(error, MessageError) else "they are too large"
        app.notify(reason, title="Nothing was copied", severity="error", markup=False)
        return
    finally:
        left.set()
    if lines is None:
        reason = f"That is more than {MOST_COPIED // 1024 // 1024} MiB; e writes it into a file."
        app.notify(reason, title="Nothing was copied", severity="warning", markup=False)
        return
    text = lines[0] if len(lines) == 1 else "".join(f"{line}\n" for line in lines)
    app.copy_to_clipboard(text)
    much = len(text) > MOST_TAKEN
    what = "the message" if len(lines) == 1 else f"{len(lines):,} messages"
    size = quantity(len(text.encode()))
    kind = "JSON" if len(lines) == 1 else "NDJSON"
    hint = "\nMany terminals do not take so much; e writes it into a file." if much else ""
    app.notify(
        f"Copied {what}: {size} of {kind}{hint}", severity="warning" if much else "information"
    )


def _lines(schema: Schema, values: Iterable[Value], left: threading.Event) -> list[str] | None:
    """The messages as JSON; None where they are too large, or nobody wants them any more.

    Raises:
        MessageError: one is no such message.
    """
    lines: list[str] = []
    size = 0
    due = time.monotonic() + _SLICE_S
    for value in values:
        # Before it is written, too, which takes long.
        if size + len(value.raw) > MOST_COPIED:
            return None
        lines.append(schema.json(value.raw))
        size += len(lines[-1]) + 1
        if size > MOST_COPIED:
            return None
        if time.monotonic() >= due:
            # The screen needs the processor, too.
            if left.wait(_PAUSE_S):
                return None
            due = time.monotonic() + _SLICE_S
    return lines
