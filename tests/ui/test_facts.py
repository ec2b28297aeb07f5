"""The panel at the key i: what is known of the call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from google.rpc import code_pb2, error_details_pb2
from textual.containers import VerticalScroll

from grpctap.app import ViewerApp
from grpctap.core.facts import Sent
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest
from support.puppet import Puppet, detailed, price_message
from support.screens import foot, hides, shows, text, until
from support.server import RunningServer

METADATA = (("authorization", "Bearer hunter2"), ("x-tenant", "blue"))
HEADERS = (("x-served-by", "node-7"), ("set-cookie", "sid=hunter2"))
EVIL = "\x1b]0;owned\x07\u202e"


@pytest.fixture
def puppet() -> Puppet:
    return Puppet()


@contextmanager
def viewer(puppet: Puppet) -> Iterator[tuple[ViewerApp, Tap]]:
    with RunningServer(puppet) as server:
        tap = Tap(
            GrpcTransport(Target(server.address, plaintext=True), METHOD, METADATA),
            ListValue(SimpleRequest(), progress=True),
            sent=Sent("server-streaming", METADATA),
        )
        try:
            yield ViewerApp(WatchScreen(tap, server.address, METHOD, plaintext=True)), tap
        finally:
            assert tap.close()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_panel_follows_the_call(puppet: Puppet, size: tuple[int, int]) -> None:
    puppet.trailing = (("x-cost", "42"),)
    with viewer(puppet) as (app, _):
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            assert "? Help" in foot(app)
            await pilot.press("i")
            await shows(pilot, "─ Call", f"{METHOD} (server-streaming)", "(plaintext)")
            await shows(pilot, "no. 1, since", "0 messages", "authorization: ••••••")
            await shows(pilot, "x-tenant: blue", "the call runs")
            puppet.send(HEADERS)
            await shows(pilot, "x-served-by: node-7", "set-cookie: ••••••")
            puppet.send(price_message(1), price_message(2))
            await shows(pilot, "2 messages")
            puppet.send(None)
            await shows(pilot, "OK (0)")
            await pilot.press("end")
            await shows(pilot, "x-cost: 42")
            assert "hunter2" not in text(app)
            await pilot.press("i")
            await hides(pilot, "─ Call")
            await shows(pilot, "✓ FINISHED")


async def test_the_panel_tells_a_failure_and_what_to_do(puppet: Puppet) -> None:
    evil = error_details_pb2.LocalizedMessage(locale="de", message=f"Zu viel {EVIL}")
    with viewer(puppet) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            trailing = (("x-last", "words"),)
            code = code_pb2.RESOURCE_EXHAUSTED
            puppet.send(detailed(code, f"too {EVIL}", evil, trailing=trailing))
            await shows(pilot, "Failed: ")
            await pilot.press("i")
            await shows(pilot, "RESOURCE_EXHAUSTED (8): too ␛]0;owned␇<U+202E>")
            await shows(pilot, "LocalizedMessage", "de: Zu viel ␛]0;owned␇<U+202E>")
            await shows(pilot, "A limit was reached; press space later.")
            await pilot.press("end")
            await shows(pilot, "x-last: words")
            await pilot.press("escape")
            await hides(pilot, "LocalizedMessage")


async def test_the_panel_scrolls_and_wraps_what_is_long(puppet: Puppet) -> None:
    # A server may send 8 KB of metadata.
    headers = tuple((f"x-header-{n:02}", "word " * 20 + f"end-{n:02}") for n in range(40))
    with viewer(puppet) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(headers)
            await pilot.press("i")
            await shows(pilot, "x-header-00", "end-00")
            box = app.screen.query_one(VerticalScroll)
            assert box.max_scroll_x == 0
            await pilot.press("end")
            await shows(pilot, "end-39", "Trailing metadata")
            await pilot.press("home")
            await shows(pilot, "Target")


async def test_a_call_that_the_viewer_cancelled_says_so(puppet: Puppet) -> None:
    with viewer(puppet) as (app, _):
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: puppet.requests, "the call")
            puppet.send(price_message(1))
            await shows(pilot, "● LIVE")
            await pilot.press("space", "i")
            await shows(pilot, "CANCELLED (1): the viewer cancelled the call")
            await pilot.press("escape", "space")
            await until(pilot, lambda: len(puppet.requests) == 2, "the second call")
            await pilot.press("i")
            await shows(pilot, "no. 2, since", "the call runs")


async def test_the_help_names_the_key(puppet: Puppet) -> None:
    with viewer(puppet) as (app, _):
        async with app.run_test(size=(80, 40)) as pilot:
            await pilot.press("question_mark")
            await shows(pilot, "The call: metadata, status and its details.")
