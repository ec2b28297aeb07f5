"""What each state looks like, as pictures: run pytest --snapshot-update after a wanted change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from google.rpc import code_pb2, error_details_pb2
from textual import events
from textual.pilot import Pilot

from grpctap.app import ViewerApp
from grpctap.core.cells import Cells
from grpctap.core.facts import Sent
from grpctap.core.listvalue import LIST_VALUE, METHOD, ListValue
from grpctap.core.reconnect import SECOND, Backoff, Reconnect
from grpctap.screens.watch import WatchScreen
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest
from support.puppet import Puppet, SteppedClock, detailed, expired, price_message, refusal
from support.screens import shows, text, until
from support.server import RunningServer
from support.taps import await_values, reader_threads

pytestmark = pytest.mark.usefixtures("utc")

METADATA = (("authorization", "Bearer hunter2"), ("x-tenant", "blue"))
HEADERS = (("x-served-by", "node-7"), ("set-cookie", "sid=hunter2"))
SIZES = [(80, 24), (120, 40), (200, 60)]
Steps = Callable[["Stage", Pilot[Any]], Awaitable[None]]


class Stage:
    """A viewer on a server that says what it is told, with time that stands still between."""

    def __init__(self, server: RunningServer, puppet: Puppet) -> None:
        self.puppet = puppet
        self.clock = SteppedClock()
        transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
        schema = ListValue(SimpleRequest(data="WTI "), progress=True)
        # Nothing of the wait is left to chance.
        policy = Reconnect(initial_ns=12 * SECOND, maximum_ns=12 * SECOND)
        backoff = Backoff(policy, draw=lambda: 1.0)
        self.tap = self.clock.tap = Tap(transport, schema, backoff=backoff, clock=self.clock)
        self.tap.sent = Sent(metadata=METADATA)
        # The port differs from run to run.
        self.app = ViewerApp(WatchScreen(self.tap, "127.0.0.1:8000", METHOD, plaintext=True))

    def begin(self) -> None:
        """Lets 90 values come before anybody looks, so that no picture depends on the moment."""
        self.tap.start()
        self.puppet.await_call(1)
        self.puppet.send(HEADERS, *(price_message(n) for n in range(1, 91)))
        await_values(self.tap, 90)

    async def resume(self, pilot: Pilot[Any], first: int, last: int) -> None:
        """Presses space, and lets the new call send the values."""
        await pilot.press("space")
        await until(pilot, lambda: len(self.puppet.requests) == 2, "the call")
        self.puppet.send(*(price_message(n) for n in range(first, last + 1)))
        await shows(pilot, f"#{last} ")
        await self.settle(pilot)

    async def settle(self, pilot: Pilot[Any]) -> None:
        """Lets every view pull once more."""
        await pilot.pause(0.7)


@pytest.fixture
def stage() -> Iterator[Stage]:
    puppet = Puppet()
    with RunningServer(puppet) as server:
        stage = Stage(server, puppet)
        yield stage
        assert stage.tap.close()
    assert reader_threads() == []


async def live(stage: Stage, pilot: Pilot[Any]) -> None:
    await shows(pilot, "#90 ")
    await stage.settle(pilot)


async def paused(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    await pilot.press("space")
    stage.clock.extra_s += 3
    await shows(pilot, "PAUSED at #90")
    await stage.settle(pilot)


async def resumed(stage: Stage, pilot: Pilot[Any]) -> None:
    await paused(stage, pilot)
    stage.clock.extra_s += 5.7
    await stage.resume(pilot, 91, 96)


async def stopped(stage: Stage, pilot: Pilot[Any]) -> None:
    await resumed(stage, pilot)
    await pilot.press("s")
    await shows(pilot, "STOPPED at #96")
    await stage.settle(pilot)


async def failed(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    stage.puppet.send(expired())
    await shows(pilot, "Failed: ")
    await stage.settle(pilot)


async def reconnecting(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    stage.puppet.send(refusal(code_pb2.UNAVAILABLE, "Stream removed (Socket closed)"))
    await shows(pilot, "↻ RECONNECTING attempt 1, in 12 s")
    await stage.settle(pilot)


async def silent(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    stage.clock.extra_s += 12.3
    await shows(pilot, "silent for 12 s")
    await stage.settle(pilot)


async def frozen(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    await pilot.press("pageup")
    stage.puppet.send(*(price_message(n) for n in range(91, 103)))
    await shows(pilot, "FROZEN, +12 new")
    await stage.settle(pilot)


async def irregular(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    stage.puppet.send(*(price_message(n) for n in (94, 95, 92, 95, 96, 97)))
    await shows(pilot, "#97")
    await stage.settle(pilot)


async def help_shown(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    await pilot.press("question_mark")
    await shows(pilot, "─ Keys")


async def inspected(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    await pilot.press("up", "up", "enter")
    await shows(pilot, '"sequence": "89"')
    stage.clock.extra_s += 2.3
    await stage.settle(pilot)


async def inspected_as_a_tree(stage: Stage, pilot: Pilot[Any]) -> None:
    await inspected(stage, pilot)
    await pilot.press("tab")
    await shows(pilot, "sequence: 89")


async def facts_shown(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    await pilot.press("i")
    await shows(pilot, "─ Call", "x-served-by: node-7")
    await stage.settle(pilot)


async def facts_of_a_failure(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    quota = error_details_pb2.QuotaFailure()
    quota.violations.add(subject="tenant:blue", description="10,000 values a day are used up")
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromSeconds(90)
    code = code_pb2.RESOURCE_EXHAUSTED
    stage.puppet.send(
        detailed(code, "the quota is used up", quota, retry, trailing=(("x-cost", "42"),))
    )
    await shows(pilot, "Failed: ")
    await pilot.press("i")
    await shows(pilot, "─ Call", "QuotaFailure")
    await stage.settle(pilot)


async def write_filter(pilot: Pilot[Any], words: str) -> None:
    await pilot.press("/")
    pilot.app.screen.query_one("FilterField").post_message(events.Paste(words))


async def filtered(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    await write_filter(pilot, "number > 79 and not @seq < 20")
    await shows(pilot, " of 90 match")
    await stage.settle(pilot)


async def filtered_wrongly(stage: Stage, pilot: Pilot[Any]) -> None:
    await filtered(stage, pilot)
    pilot.app.screen.query_one("FilterField").post_message(events.Paste(" or nunber < 78"))
    await shows(pilot, "did you mean number")
    await stage.settle(pilot)


async def marked(stage: Stage, pilot: Pilot[Any]) -> None:
    await live(stage, pilot)
    await write_filter(pilot, "/7.\\.[02468]/")
    await shows(pilot, " of 90 match")
    await pilot.press("tab", "enter", ",", ",")
    await until(pilot, lambda: "▸" in text(pilot.app), "a cursor")
    await stage.settle(pilot)


def picture(snap_compare: Any, stage: Stage, steps: Steps, size: tuple[int, int]) -> bool:
    async def run_before(pilot: Pilot[Any]) -> None:
        await steps(stage, pilot)

    stage.begin()
    return bool(snap_compare(stage.app, terminal_size=size, run_before=run_before))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    "steps", [live, paused, resumed, stopped, failed, reconnecting, frozen, inspected]
)
def test_a_state_looks_like_its_picture(
    snap_compare: Any, stage: Stage, steps: Steps, size: tuple[int, int]
) -> None:
    assert picture(snap_compare, stage, steps, size)


@pytest.mark.parametrize("steps", [irregular, silent, help_shown, inspected_as_a_tree])
def test_rarer_things_look_like_their_pictures(
    snap_compare: Any, stage: Stage, steps: Steps
) -> None:
    assert picture(snap_compare, stage, steps, (80, 24))


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [facts_shown, facts_of_a_failure])
def test_what_is_known_of_a_call_looks_like_its_picture(
    snap_compare: Any, stage: Stage, steps: Steps, size: tuple[int, int]
) -> None:
    assert picture(snap_compare, stage, steps, size)


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [filtered, filtered_wrongly, marked])
def test_a_filter_looks_like_its_picture(
    snap_compare: Any, stage: Stage, steps: Steps, size: tuple[int, int]
) -> None:
    assert picture(snap_compare, stage, steps, size)


@pytest.mark.parametrize("steps", [resumed, inspected])
def test_a_light_theme(snap_compare: Any, stage: Stage, steps: Steps) -> None:
    stage.app.theme = "textual-light"
    assert picture(snap_compare, stage, steps, (120, 40))


def test_a_table(snap_compare: Any, stage: Stage) -> None:
    columns = "sequence,stream_value,number,resume_token"
    stage.tap.schema.cells = Cells(columns, LIST_VALUE.response, LIST_VALUE.pool)
    assert picture(snap_compare, stage, frozen, (80, 24))
