"""Many viewers at once: each gets every value once and in order, whatever the others do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from benchmarks.crowd import Crowd, Tally, Viewer

from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.server import PATIENCE_S, RunningServer, ServerProcess, eventually
from support.throng import SMALL_WINDOW, Straggler, Throng

VIEWERS = 20
LONG_DATA = "x" * 4_000
# So many values are more than what the server may send ahead to one that does not read.
MANY = 4 * SMALL_WINDOW // len(LONG_DATA)
RATE = 50
RETAIN = 1_000_000


@pytest.mark.parametrize(
    "feed",
    [
        PriceFeed(Schedule(NANOSECONDS // RATE, RETAIN)),
        CounterFeed(Schedule(NANOSECONDS // RATE, RETAIN)),
    ],
    ids=["one log for all", "a log for each"],
)
def test_each_of_many_viewers_gets_every_value_once(feed: PriceFeed | CounterFeed) -> None:
    tally, crowd = Tally(), Crowd()
    with RunningServer(feed) as server:
        viewers = [
            Viewer(server.address, f"{n % 3}", tally, progress=n % 2 == 0) for n in range(VIEWERS)
        ]
        for viewer in viewers:
            crowd.join(viewer)
        crowd.follow(time.monotonic() + PATIENCE_S, lambda: all(v.messages > RATE for v in viewers))
        assert min(viewer.messages for viewer in viewers) > RATE
        assert server.service.open_calls == VIEWERS
        for viewer in viewers:
            crowd.leave(viewer)
        eventually(lambda: server.service.open_calls == 0, "that all calls have ended")
    assert tally.wrong == []
    assert tally.ends == {}
    # Those who asked for it got it once: at the beginning, and never between values.
    assert tally.progress == VIEWERS // 2


def test_viewers_that_come_and_go_miss_nothing_and_leave_nothing_behind() -> None:
    with RunningServer(PriceFeed(Schedule(NANOSECONDS // RATE, RETAIN))) as server:
        throng = Throng(server.address, VIEWERS, seed=1, stay=0.3, away=0.1)
        until = time.monotonic() + PATIENCE_S
        while throng.comings < 4 * VIEWERS and time.monotonic() < until:
            throng.follow(0.2)
        assert throng.comings >= 4 * VIEWERS
        throng.leave()
        eventually(lambda: server.service.open_calls == 0, "that all calls have ended")
        assert server.service.calls_served <= throng.comings
    assert throng.tally.values > 0
    assert throng.tally.wrong == []
    assert throng.tally.ends == {}


def test_a_viewer_that_is_stopped_holds_up_no_other_and_loses_nothing() -> None:
    tally, crowd = Tally(), Crowd()
    with ServerProcess("--interval", str(1 / RATE)) as server:
        viewers = [Viewer(server.address, LONG_DATA, tally) for _ in range(VIEWERS)]
        straggler = Straggler(server.address, messages=3 * MANY, seconds=PATIENCE_S, data=LONG_DATA)
        with straggler:
            straggler.stop()
            state = Path(f"/proc/{straggler.pid}/stat")
            eventually(lambda: ") T " in state.read_text(), "that it is stopped")
            for viewer in viewers:
                crowd.join(viewer)
            until = time.monotonic() + PATIENCE_S
            crowd.follow(until, lambda: all(v.messages > 2 * MANY for v in viewers))
            assert min(viewer.messages for viewer in viewers) > 2 * MANY
            straggler.go_on()
            assert straggler.wait() == 0
            seen = straggler.report()
        for viewer in viewers:
            crowd.leave(viewer)
    assert tally.wrong == []
    assert tally.ends == {}
    assert seen["wrong"] == []
    assert isinstance(seen["fewest"], int)
    assert seen["fewest"] >= 3 * MANY
