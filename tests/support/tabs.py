"""Several streams at a time, under real keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.listvalue import METHOD
from grpctap.core.reconnect import Backoff
from grpctap.opening import Opening
from grpctap.screens.stream import StreamScreen
from grpctap.screens.watch import WatchScreen
from grpctap.streams import Streams
from grpctap.tap import Tap
from support.openings import opening
from support.screens import until
from support.server import eventually
from support.taps import make_tap, reader_threads


def screen(tap: Tap, address: str, another: Opening | None = None) -> WatchScreen:
    """A tap on its screen; `another` is where other streams come from."""
    start = None if another is None else lambda: another
    return WatchScreen(tap, address, METHOD, plaintext=True, another=start)


@contextmanager
def tabs(
    *addresses: str,
    history: int = 10**6,
    backoff: Backoff | None = None,
    data: str | None = None,
) -> Iterator[tuple[ViewerApp, list[Tap]]]:
    """The viewer with ListValue of each of these addresses in a tab; all ends with it.

    `data` is what they are asked for; None: each for its number.
    """
    taps = [
        make_tap(address, data or f"{at} ", history=history, backoff=backoff)
        for at, address in enumerate(addresses, 1)
    ]
    streams = Streams()
    others = [opening(address) for address in addresses]
    for other in others:
        other.streams = streams
    app = ViewerApp(*map(screen, taps, addresses, others))
    try:
        yield app, taps
    finally:
        for tap in taps:
            assert tap.close()
        streams.close()
        eventually(partial(lambda: not reader_threads()), "the readers end")


async def goes_to(pilot: Pilot[int], number: int) -> StreamScreen:
    """Presses the number of a tab, and waits until it is seen."""
    app = pilot.app
    assert isinstance(app, ViewerApp)
    await pilot.press(str(number))
    await until(pilot, lambda: app.tabs.titles()[number - 1].here, f"tab {number}")
    assert isinstance(app.screen, StreamScreen)
    return app.screen
