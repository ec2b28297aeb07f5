"""The viewer on one stream, under real keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from grpctap.app import ViewerApp
from grpctap.choices import ChoiceFile
from grpctap.core.cells import Cells
from grpctap.core.listvalue import LIST_VALUE, METHOD
from grpctap.core.reconnect import Backoff
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap
from support.server import eventually
from support.taps import make_tap, reader_threads


@contextmanager
def watching(
    tap: Tap, address: str, method: str = METHOD, choices: ChoiceFile | None = None
) -> Iterator[ViewerApp]:
    """The viewer on a tap, whose threads must end with it."""
    try:
        yield ViewerApp(WatchScreen(tap, address, method, plaintext=True, choices=choices))
    finally:
        assert tap.close()
        assert reader_threads() == []
        eventually(lambda: "grpctap-finder" not in _threads(), "the finder ends")


@contextmanager
def viewer(
    address: str,
    history: int = 10**6,
    columns: str | None = None,
    backoff: Backoff | None = None,
    clock: Callable[[], int] | None = None,
) -> Iterator[tuple[ViewerApp, Tap]]:
    """The viewer on the ListValue of a server, and its tap."""
    tap = make_tap(address, history=history, backoff=backoff, clock=clock)
    if columns is not None:
        tap.schema.cells = Cells(columns, LIST_VALUE.response, LIST_VALUE.pool)
    with watching(tap, address) as app:
        yield app, tap


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}
