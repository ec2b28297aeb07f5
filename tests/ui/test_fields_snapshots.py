"""What the picker of fields looks like: run pytest --snapshot-update after a wanted change."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest
from support.puppet import START_NS, TICK_NS, Puppet, SteppedClock, price_message
from support.screens import hides, shows
from support.server import RunningServer
from support.taps import await_values, reader_threads

pytestmark = pytest.mark.usefixtures("utc")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_picker_of_fields(snap_compare: Any, size: tuple[int, int]) -> None:
    puppet, clock = Puppet(), SteppedClock()
    with RunningServer(puppet) as server:
        transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
        schema = ListValue(SimpleRequest(data="WTI "), progress=True)
        tap = clock.tap = Tap(transport, schema, clock=clock)
        app = ViewerApp(WatchScreen(tap, "127.0.0.1:8000", METHOD, plaintext=True))
        tap.start()
        puppet.await_call(1)
        for n in range(1, 91):
            message = price_message(n)
            message.event_time.FromNanoseconds(START_NS + n * TICK_NS)
            puppet.send(message)
        await_values(tap, 90)

        async def choose(pilot: Pilot[Any]) -> None:
            await shows(pilot, "#90 ")
            await pilot.press("c")
            await shows(pilot, "Fields of the chart", "double")
            # The first field, the third as a rate, and the cursor on the fourth.
            await pilot.press("space", "down", "down", "r", "down")
            await shows(pilot, "2 of at most 6", '"WTI 7')
            # The chart below has followed, and draws both as they will stay.
            await shows(pilot, "2 progress/s")
            await hides(pilot, "filling")
            await pilot.pause(0.7)

        assert snap_compare(app, terminal_size=size, run_before=choose)
        assert tap.close()
    assert reader_threads() == []
