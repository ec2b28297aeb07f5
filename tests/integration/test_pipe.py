"""An output whose reader goes away while the server is silent."""

from __future__ import annotations

import os
import pty
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from grpctap.core import status as codes
from grpctap.core.listvalue import METHOD
from grpctap.pipe import Watch, write_all
from grpctap.transport.call import GrpcTransport
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import NANOSECONDS, Schedule
from support.server import PATIENCE_S, RunningServer, eventually


@contextmanager
def pipe() -> Iterator[list[int]]:
    """The two ends of a pipe, the reading one first; a test takes out of it what it closes."""
    ends = list(os.pipe())
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def watchers() -> int:
    return sum(thread.name == "grpctap-pipe" for thread in threading.enumerate())


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_reader_that_goes_away_is_noticed_without_a_write() -> None:
    gone = threading.Event()
    with pipe() as ends:
        with Watch(ends[1], gone.set) as watch:
            assert not watch.gone
            os.close(ends.pop(0))
            assert gone.wait(PATIENCE_S)
            assert watch.gone


def test_a_pipe_that_is_full_still_has_its_reader() -> None:
    acted: list[int] = []
    with pipe() as ends:
        os.set_blocking(ends[1], False)
        with suppress(BlockingIOError):
            while True:
                os.write(ends[1], b"x" * 4096)
        with Watch(ends[1], lambda: acted.append(1)) as watch:
            assert os.read(ends[0], 100) == b"x" * 100
        assert (watch.gone, acted) == (False, [])


@pytest.mark.parametrize("path", ["/dev/full", "/dev/null", "file"])
def test_what_has_no_reader_is_left_alone(tmp_path: Path, path: str) -> None:
    with (tmp_path / path).open("w") as file:
        with Watch(file.fileno(), lambda: None) as watch:
            pass
        assert not watch.gone


def test_a_terminal_that_hangs_up_is_noticed() -> None:
    ours, theirs = pty.openpty()
    gone = threading.Event()
    with Watch(theirs, gone.set):
        os.close(ours)
        assert gone.wait(PATIENCE_S)
    os.close(theirs)


def test_watching_leaves_nothing_behind() -> None:
    before = open_descriptors()
    with pipe() as ends:
        for _ in range(50):
            with Watch(ends[1], lambda: None):
                assert watchers() == 1
            assert watchers() == 0
    assert open_descriptors() == before


def test_a_silent_call_ends_with_the_reader_of_its_output() -> None:
    feed = CounterFeed(Schedule(3_600 * NANOSECONDS, 10))
    with RunningServer(feed, progress_interval=3_600) as server, pipe() as ends:
        transport = GrpcTransport(Target(server.address, plaintext=True), METHOD)
        call = transport.open(SimpleRequest(progress_notify=True).SerializeToString())
        with Watch(ends[1], call.cancel) as watch:
            messages = iter(call)
            assert StreamResponse.FromString(next(messages)).progress
            assert StreamResponse.FromString(next(messages)).stream_value == "0"
            threading.Timer(0, os.close, (ends.pop(0),)).start()
            assert next(messages, None) is None
            assert watch.gone
        assert call.close().code == codes.CANCELLED
        eventually(lambda: server.service.open_calls == 0, "the call ends")


def test_all_is_written_to_an_output_that_takes_little_at_a_time() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    raw = bytes(range(256)) * 4_000

    def write() -> None:
        write_all(writer, raw)
        os.close(writer)

    thread = threading.Thread(target=write)
    with os.fdopen(reader, "rb") as source:
        thread.start()
        assert source.read() == raw
        thread.join()
