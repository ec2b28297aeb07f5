"""What a feed has, published into a JetStream stream: all of it, once, in order, or counted."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from grpctap_server.cli import main
from grpctap_server.feeds.base import Bounds, Item, Log
from grpctap_server.jetstream.address import parse_address
from grpctap_server.jetstream.broker import NoStreamError
from grpctap_server.publish import Publisher
from support.nats import Admin, NatsServer
from support.server import PATIENCE_S, ChildProcess, eventually


class MemoryLog(Log):
    """A log that a test fills, which keeps its newest values."""

    def __init__(self, retain: int = 10**6) -> None:
        self._items: list[Item] = []
        self._retain = retain
        self._final: int | None = None
        self._news = asyncio.Event()

    @property
    def stream_id(self) -> str:
        return "memory"

    @property
    def start(self) -> int:
        return 0

    def append(self, *texts: str) -> None:
        for text in texts:
            self._items.append(Item(len(self._items) + 1, text, 0, None))
        self._news.set()

    def end(self) -> None:
        self._final = len(self._items)
        self._news.set()

    def bounds(self) -> Bounds:
        newest = len(self._items)
        return Bounds(max(1, newest - self._retain + 1), newest, self._final, newest)

    def read(self, after: int, limit: int) -> list[Item]:
        first = max(after, self.bounds().first - 1)
        return self._items[first : first + limit]

    async def wait(self, after: int) -> None:
        while len(self._items) <= after and self._final is None:
            self._news.clear()
            await self._news.wait()


@asynccontextmanager
async def publishing(log: Log, broker: NatsServer) -> AsyncIterator[Publisher]:
    publisher = Publisher(log, parse_address(broker.url()))
    await publisher.start()
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def published(publisher: Publisher, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while publisher.published < count:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)


def lines(first: int, last: int) -> list[str]:
    return [f"line {n}" for n in range(first, last + 1)]


def texts(admin: Admin) -> list[str]:
    return [payload.decode() for payload in admin.payloads()]


async def test_values_are_published_in_order_into_a_stream_that_is_made(
    broker: NatsServer, admin: Admin
) -> None:
    log = MemoryLog()
    log.append(*lines(1, 1000))
    async with publishing(log, broker) as publisher:
        await published(publisher, 1000)
        log.append("", "\ud800 é")
        await published(publisher, 1002)
        assert publisher.caught_up
        log.end()
    assert texts(admin) == [*lines(1, 1000), "", "? é"]


async def test_a_broker_that_is_killed_again_and_again_gets_each_value_once(
    broker: NatsServer, admin: Admin
) -> None:
    log, count = MemoryLog(), 0
    async with publishing(log, broker) as publisher:
        for _ in range(3):
            log.append(*lines(count + 1, count + 2000))
            count += 2000
            # Somewhere in the middle of them, with others on their way.
            await published(publisher, count - 1500)
            broker.kill()
            await asyncio.to_thread(broker.start)
        await published(publisher, count)
        assert (publisher.published, publisher.dropped) == (count, 0)
    assert texts(admin) == lines(1, count)


async def test_what_the_log_no_longer_keeps_is_dropped_counted_and_told(
    broker: NatsServer, admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    log = MemoryLog(retain=100)
    log.append(*lines(1, 50))
    async with publishing(log, broker) as publisher:
        await published(publisher, 50)
        broker.kill()
        log.append(*lines(51, 10_000))
        await asyncio.to_thread(broker.start)
        await published(publisher, 150)
        assert publisher.caught_up
        assert publisher.dropped == 10_000 - publisher.published
    assert texts(admin) == [*lines(1, 50), *lines(9_901, 10_000)]
    assert "dropped 9850 values, #51 to #9900, which were no longer kept; 9850 in all" in (
        caplog.text
    )


async def test_a_value_that_is_too_large_is_dropped_and_the_next_goes_on(
    broker: NatsServer, admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    admin.create(max_msg_size=2000)
    log = MemoryLog()
    log.append(*lines(1, 20), "x" * 3000, *lines(22, 40), "x" * 2_000_000, *lines(42, 60))
    async with publishing(log, broker) as publisher:
        await published(publisher, 58)
        assert publisher.dropped == 2
    assert texts(admin) == [*lines(1, 20), *lines(22, 40), *lines(42, 60)]
    assert "dropped #21: message size exceeds maximum allowed; 1 in all" in caplog.text
    assert "dropped #41: it is larger than the NATS server takes; 2 in all" in caplog.text


async def test_others_may_publish_into_the_stream_as_well(broker: NatsServer, admin: Admin) -> None:
    admin.create()
    log = MemoryLog()
    log.append(*lines(1, 500))
    async with publishing(log, broker) as publisher:
        await asyncio.to_thread(admin.publish, ["other"] * 200)
        await published(publisher, 500)
    assert [text for text in texts(admin) if text != "other"] == lines(1, 500)


async def test_a_full_disk_is_told_and_waited_for(
    broker: NatsServer, admin: Admin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    store = f'store_dir: "{tmp_path}/small"'
    broker.kill()
    broker.configure(f"jetstream {{ {store}, max_file_store: 100KB }}")
    await asyncio.to_thread(broker.start)
    log = MemoryLog()
    log.append(*lines(1, 5000))
    async with publishing(log, broker) as publisher:
        async with asyncio.timeout(PATIENCE_S):
            while "cannot publish" not in caplog.text:  # noqa: ASYNC110 - nor has a log
                await asyncio.sleep(0.01)
        stored = texts(admin)
        assert stored == lines(1, len(stored))
        broker.kill()
        broker.configure(f"jetstream {{ {store} }}")
        await asyncio.to_thread(broker.start)
        await published(publisher, 5000)
        assert publisher.dropped == 0
    assert texts(admin) == lines(1, 5000)
    assert "insufficient resources; is its store full? It tries again, with" in caplog.text


def test_the_lines_of_a_file_reach_the_stream(
    broker: NatsServer, admin: Admin, tmp_path: Path
) -> None:
    path = tmp_path / "lines"
    path.write_text("".join(f"{line}\n" for line in lines(1, 300)))
    command = (
        *(sys.executable, "-m", "grpctap_server", "--port", "0", "--until-eof"),
        *("--feed", "lines", "--file", str(path), "--publish", broker.url()),
    )
    with ChildProcess(command) as server:
        server.await_line("listening on")
        eventually(lambda: admin.state()["messages"] == 300, "300 lines are stored")
        broker.kill()
        server.await_line("cannot publish")
        with path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines(301, 600))
        broker.start()
        server.await_line("publishes to stream S at .* again")
        eventually(lambda: admin.state()["messages"] == 600, "600 lines are stored")
        server.terminate()
        assert server.wait() == 0
        assert "Traceback" not in server.stderr
        assert "not published" not in server.stderr
    assert texts(admin) == lines(1, 600)


def test_a_stream_that_does_not_take_its_own_name_is_refused(
    broker: NatsServer, admin: Admin
) -> None:
    admin.create(subjects=["other"])
    command = (sys.executable, "-m", "grpctap_server", "--port", "0", "--feed", "counter")
    done = subprocess.run(
        (*command, "--publish", broker.url()), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"grpctap serve: cannot publish to stream S at {broker.host}: it does not take the "
        "subject S; add that, as with: nats stream edit S --subjects S\n"
    )


@pytest.mark.parametrize(
    ("host", "code", "complaint"),
    [("127.0.0.1", 1, "address already in use"), ("0.0.0.0", 2, "say --allow-plaintext")],
)
def test_a_server_that_cannot_be_had_makes_no_stream(
    broker: NatsServer, admin: Admin, host: str, code: int, complaint: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = (sys.executable, "-m", "grpctap_server", "--feed", "counter", "--port", port)
        done = subprocess.run(
            (*command, "--host", host, "--publish", broker.url()),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert complaint in done.stderr
    with pytest.raises(NoStreamError):
        admin.state()


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--feed", "nats://h"], "--feed: it names no stream; write nats://HOST:4222/STREAM"),
        (["--feed", "nats://u:hush@h:x/S"], "--feed: HOST:PORT is not right in it"),
        (["--feed", "nats://hush@/S"], "--feed: HOST:PORT is not right in it"),
        (["--feed", "nats://h/a.b"], "a stream's name has no dots"),
        (["--feed", "nats://h/a/b"], "a stream's name has no dots, slashes"),
        (["--feed", "http://h/S"], "--feed: invalid choice: 'http://h/S'"),
        (["--feed", "http://u:hush@h/S"], "--feed: invalid choice: 'http://…@h/S'"),
        (["nats://hush@h/S"], "unrecognized arguments: nats://…@h/S"),
        (["--feed", "nats://h/S", "--count", "3"], "--count goes with --feed counter only"),
        (["--feed", "nats://h/S", "--retain", "3"], "--retain goes with --feed"),
        (["--feed", "nats://h/S", "--publish", "nats://h/T"], "--publish does not go with"),
        (["--feed", "price", "--publish", "nats://h/T"], "--publish does not go with --feed price"),
        (["--feed", "counter", "--publish", "h/T"], "does not begin with nats:// or tls://"),
        (["--feed", "counter", "--nats-creds", "f"], "--nats-creds goes with --feed nats://"),
        (["--feed", "nats://h/S", "--nats-creds", "/no/such"], "cannot read '/no/such': no such"),
        (["--feed", "nats://h/S", "--nats-creds", __file__], "is no credentials file"),
    ],
)
def test_flags_about_nats_that_make_no_sense_cost_one_line(
    args: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert complaint in err
    assert "hush" not in err
