"""The end of standard input: a process whose parent holds the other end never outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_STDIN = 0


def on_end_of_input(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Have a function called on the loop, once standard input is at its end."""
    # A thread can wait for any kind of standard input; the loop only for some.
    threading.Thread(target=_await_end, args=(loop, call), daemon=True).start()


def _await_end(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    # A standard input that was closed or fails is at its end, too.
    with contextlib.suppress(OSError):
        while os.read(_STDIN, 4096):
            pass
    # The loop is closed when a signal came first.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
