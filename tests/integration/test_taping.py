"""What a tap tells its recorder: calls with their own requests, and values with their own calls."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from grpctap.core.facts import MOST_PAST_CALLS, Calls, Sent
from grpctap.core.history import History
from grpctap.core.listvalue import METHOD
from grpctap.core.recording import Header, Opened, Received, Requested
from grpctap.core.state import Command, State
from grpctap.recording import Recording
from grpctap.taping import Taping
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import Schedule
from support.recordings import kept_rows, received, recordable, rows
from support.server import RunningServer
from support.taps import await_state, await_values

VALUES = 3


def taping(calls: Calls) -> Taping:
    return Taping(lambda: Header("x", METHOD), History(), calls, Sent(), lambda: None)


def requests(path: Path) -> list[tuple[int, bytes | None]]:
    """The calls in a recording, each with its request; None: it has none."""
    found: dict[int, bytes | None] = {}
    for entry in Recording.open(path).entries():
        if isinstance(entry, Opened):
            found[entry.call_id] = None
        elif isinstance(entry, Requested):
            assert found[entry.call_id] is None
            found[entry.call_id] = entry.raw
    return list(found.items())


def test_a_call_that_begins_when_another_is_asked_for_has_its_own_request(tmp_path: Path) -> None:
    path, calls = tmp_path / "file", Calls()
    tape = taping(calls)
    tape.start(str(path), 1)
    tape.asked(1, b"one", None)
    tape.asked(2, b"two", 1.5)
    tape.opened(1, 10)
    tape.asked(5, b"five", None)
    tape.opened(2, 20)
    # Nobody knows with which request this was made, and so nothing says that it was empty.
    tape.opened(4, 30)
    tape.opened(5, 40)
    tape.close()
    assert requests(path) == [(1, b"one"), (2, b"two"), (4, None), (5, b"five")]


def test_a_recording_that_is_begun_late_has_the_request_of_the_call_that_runs(
    tmp_path: Path,
) -> None:
    path, calls = tmp_path / "file", Calls()
    tape = taping(calls)
    for call_id in range(1, 40):
        tape.asked(call_id, b"%d" % call_id, None)
        if call_id % 5 == 0:
            tape.opened(call_id, call_id)
            calls.opened(call_id, call_id)
    tape.start(str(path), 100)
    tape.opened(39, 200)
    tape.close()
    assert requests(path) == [
        *((call_id, None) for call_id in range(5, 35, 5)),
        (35, b"35"),
        (39, b"39"),
    ]


def test_after_many_calls_the_oldest_values_are_of_no_later_one(tmp_path: Path) -> None:
    path, count = tmp_path / "file", MOST_PAST_CALLS + 5
    with (
        RunningServer(CounterFeed(Schedule(0, 1000), VALUES)) as server,
        recordable(server.address) as tap,
    ):
        tap.start()
        for number in range(1, count + 1):
            await_values(tap, number * VALUES)
            await_state(tap, State.FINISHED)
            if number < count:
                assert tap.command(Command.FRESH)
        tap.record(str(path))
        assert tap.close()
        assert rows(path) == kept_rows(tap)
    in_calls = [(call_id, len(list(of))) for call_id, of in groupby(received(path), call_of)]
    assert [values for _, values in in_calls] == [VALUES] * count
    ids = [call_id for call_id, _ in in_calls]
    assert ids == sorted(set(ids))
    # Of the oldest ones nothing is known but that they were calls of their own.
    opened = [call_id for call_id, _ in requests(path)]
    assert opened == ids[-MOST_PAST_CALLS - 1 :]


def call_of(entry: Received) -> int:
    return entry.call_id
