"""Clients that do not read: they hold up nobody, cost nothing for long, and lose nothing."""

import gc
import signal
import sys
from itertools import islice
from weakref import WeakSet

import grpc
import pytest

from grpctap_server.feeds.base import Item
from grpctap_server.feeds.counter import CounterFeed, CounterLog
from grpctap_server.feeds.price import PriceFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.client import connect
from support.server import ChildProcess, RunningServer, eventually

FEED = PriceFeed(Schedule(NANOSECONDS // 100, 100_000))
# A value of this size every 10 ms soon fills what is between server and client.
LARGE = "x" * 200_000
SLOW = (grpc.StatusCode.ABORTED, "SLOW_CONSUMER")


class Text(str):
    """A text of which is known whether it is still in memory."""

    __slots__ = ("__weakref__",)


class LargeFeed(CounterFeed):
    """Large values, made anew for each call that reads them."""

    def __init__(self) -> None:
        super().__init__(Schedule(0, 1_000), 1_000)
        self.texts: WeakSet[Text] = WeakSet()

    def reopen(self, data: str, start: int) -> CounterLog:
        log = super().reopen(data, start)
        make = log.item

        def item(sequence: int, event_time: int) -> Item:
            text = Text(f"{sequence:050000}")
            self.texts.add(text)
            return make(sequence, event_time)._replace(text=text)

        log.item = item  # type: ignore[method-assign]
        return log


def test_who_does_not_read_is_let_go_and_told_and_goes_on_with_nothing_lost() -> None:
    with RunningServer(FEED, slow_timeout=1.0) as server, connect(server.address) as client:
        stalled = client.open(LARGE, timeout=120)
        first = next(stalled)
        with connect(server.address) as other:
            reader = other.open("y", timeout=120)
            before = next(reader).sequence
            eventually(lambda: server.service.open_calls == 1, "the call that is stuck has ended")
            meanwhile = list(islice(reader, 100))
            assert [m.sequence for m in meanwhile] == list(range(before + 1, before + 101))
            reader.cancel()
        messages, code, info = client.end(stalled)
        assert (code, info.reason) == SLOW
        assert stalled.details() == "the client reads too slowly: it took nothing for 1 s"
        assert [m.sequence for m in messages] == list(
            range(first.sequence + 1, first.sequence + 1 + len(messages))
        )
        last = messages[-1]
        # The value that hung in the write may have got through with the rest.
        assert int(info.metadata["last_sequence"]) in (last.sequence, last.sequence - 1)
        again = client.take(3, LARGE, last.resume_token)
        assert [m.sequence for m in again] == [last.sequence + n for n in (1, 2, 3)]


def test_a_stopped_process_among_others_is_let_go_alone(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with RunningServer(FEED, slow_timeout=1.0) as server, connect(server.address) as client:
        others = [client.open("y", timeout=120) for _ in range(10)]
        starts = [next(call).sequence for call in others]
        command = (sys.executable, "-m", "support.stalled", server.address, str(len(LARGE)))
        with ChildProcess(command) as stalled:
            stalled.await_line("^reading$", "stdout")
            stalled.send_signal(signal.SIGSTOP)
            assert server.service.open_calls == 11
            eventually(lambda: server.service.open_calls == 10, "the stopped one's call has ended")
            stalled.send_signal(signal.SIGCONT)
            end = stalled.await_line(r"^ended \d+ (\w+) (\w+) (\w+)$", "stdout")
            assert stalled.wait() == 0
        assert end.groups()[:2] == ("True", "ABORTED")
        assert client.take(1, LARGE, bytes.fromhex(end[3]))
        for call, start in zip(others, starts, strict=True):
            went_on = [m.sequence for m in islice(call, 200)]
            assert went_on == list(range(start + 1, start + 201))
            call.cancel()
    assert capfd.readouterr().err == ""


def test_clients_that_never_read_again_leave_no_call_and_no_noise(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with RunningServer(FEED, slow_timeout=0.5) as server:
        with connect(server.address) as client:
            calls = [client.open(LARGE, timeout=120) for _ in range(10)]
            eventually(lambda: server.service.calls_served == 10, "all calls have begun")
            eventually(lambda: server.service.open_calls == 0, "all calls have ended")
            assert all(call.is_active() for call in calls)
        assert server.service.open_calls == 0
    assert capfd.readouterr().err == ""


def test_without_a_limit_a_call_waits_for_its_client() -> None:
    with RunningServer(FEED, slow_timeout=0) as server, connect(server.address) as client:
        waits = client.open(LARGE, timeout=120)
        first = next(waits)
        other = client.open("y", timeout=120)
        list(islice(other, 150))
        assert server.service.open_calls == 2
        went_on = [m.sequence for m in islice(waits, 150)]
        assert went_on == list(range(first.sequence + 1, first.sequence + 151))
        waits.cancel()
        other.cancel()


def test_a_client_that_waits_for_values_is_not_slow() -> None:
    # The feed is silent for several times the limit.
    feed = PriceFeed(Schedule(NANOSECONDS, 1000))
    with RunningServer(feed, slow_timeout=0.3) as server, connect(server.address) as client:
        got = client.take(2, "z")
    assert got[1].sequence == got[0].sequence + 1


def test_a_call_that_is_stuck_holds_few_values_in_memory() -> None:
    feed = LargeFeed()
    with RunningServer(feed, slow_timeout=0) as server, connect(server.address) as client:
        call = client.open("", timeout=120)
        next(call)

        def few() -> bool:
            gc.collect()
            return len(feed.texts) < 5

        # Of the 128 that it may read at once.
        eventually(few, "but a few values are in memory")
        assert server.service.open_calls == 1
        assert len(list(islice(call, 500))) == 500
        call.cancel()
