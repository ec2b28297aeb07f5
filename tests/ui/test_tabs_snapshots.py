"""What three streams in tabs look like: run pytest --snapshot-update after a wanted change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from google.rpc import code_pb2
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest
from support.puppet import Puppet, SteppedClock, price_message, refusal
from support.screens import shows
from support.server import RunningServer
from support.taps import await_values, reader_threads

pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture
def stage() -> Iterator[tuple[ViewerApp, list[Puppet], list[Tap]]]:
    """Three streams of 90 values, with time that stands still."""
    puppets, taps, screens = [Puppet(), Puppet(), Puppet()], [], []
    with ExitStack() as stack:
        for number, puppet in enumerate(puppets):
            server = stack.enter_context(RunningServer(puppet))
            clock = SteppedClock()
            transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
            schema = ListValue(SimpleRequest(data="WTI "), progress=True)
            tap = clock.tap = Tap(transport, schema, clock=clock)
            taps.append(tap)
            # The port differs from run to run.
            address = f"127.0.0.1:{8000 + number}"
            screens.append(WatchScreen(tap, address, METHOD, plaintext=True))
            tap.start()
            puppet.await_call(1)
            puppet.send(*(price_message(n) for n in range(1, 91)))
            await_values(tap, 90)
        yield ViewerApp(*screens), puppets, taps
        assert all(tap.close() for tap in taps)
    assert reader_threads() == []


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_three_tabs_look_like_their_picture(
    snap_compare: Any,
    stage: tuple[ViewerApp, list[Puppet], list[Tap]],
    size: tuple[int, int],
) -> None:
    app, puppets, taps = stage

    async def run_before(pilot: Pilot[Any]) -> None:
        await shows(pilot, "#90 ", "3 ● ListValue")
        await pilot.press("2", "space")
        await shows(pilot, "PAUSED at #90", "2 ‖ ListValue")
        await pilot.press("1", "2")
        puppets[0].send(*(price_message(n) for n in range(91, 93)))
        await_values(taps[0], 92)
        puppets[2].send(refusal(code_pb2.PERMISSION_DENIED, "not yours"))
        await shows(pilot, "1 ● ListValue", "3 ✗ ListValue", "PAUSED at #90")
        await pilot.pause(0.7)

    assert snap_compare(app, terminal_size=size, run_before=run_before)
