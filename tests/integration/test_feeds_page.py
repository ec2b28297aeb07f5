"""The feed that docs/feeds.md shows, as a reader would run it; and a feed whose source fails."""

import re
import signal
import sys
from itertools import islice
from pathlib import Path

import grpc
import pytest

from support.client import connect
from support.server import ChildProcess

PAGE = Path(__file__).parents[2] / "docs" / "feeds.md"
LISTENING = r"listening on (\S+) \(feed load, a value every 1 s\)"

FAILING = """
import asyncio
from grpctap_server.feeds.base import FeedError
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import Schedule
from grpctap_server.cli import main
from grpctap_server import cli

class Failing(CounterFeed):
    async def run(self):
        await asyncio.get_running_loop().run_in_executor(None, input)
        raise FeedError("the source is gone")

cli._make_feed = lambda parser, args: Failing(Schedule(3_600_000_000_000, 10))
raise SystemExit(main(["--port", "0"]))
"""


def test_the_example_of_the_page_is_a_feed_like_any_other(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    program = tmp_path / "load.py"
    program.write_text(code)
    with ChildProcess((sys.executable, "-W", "error", str(program), "0")) as server:
        address = server.await_line(LISTENING)[1]
        with connect(address) as client:
            call = client.open("load ", timeout=60)
            first, second = islice(call, 2)
            call.cancel()
            for message in (first, second):
                assert re.fullmatch(r"load \d+\.\d\d", message.stream_value)
                assert f"load {message.number:.2f}" == message.stream_value
            assert second.sequence == first.sequence + 1
            assert client.take(1, "load ", first.resume_token) == [second]
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
        said = [line for line in server.stderr.splitlines() if not line.startswith("time=")]
        assert len(said) == 1


def test_a_source_that_fails_ends_calls_and_the_server_with_its_words() -> None:
    with ChildProcess((sys.executable, "-c", FAILING)) as server:
        address = server.await_line(r"listening on (\S+)")[1]
        with connect(address) as client:
            call = client.open("")
            next(call)
            server.write(b"\n")
            with pytest.raises(grpc.RpcError) as ended:
                list(call)
            assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        assert server.wait() == 1
        assert server.stderr.splitlines()[-1] == "grpctap serve: the source is gone"
