"""Methods that are not ours: watched, paused and resumed at cursors of every kind."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.cli import parse
from grpctap.config import Config
from grpctap.core.history import Value
from grpctap.core.seams import Outcome, Range
from grpctap.core.state import Command
from grpctap.schemas import first_token, schema_of
from grpctap.tap import Tap
from grpctap.transport.call import GrpcTransport
from grpctap.viewer import command
from support.commands import kept
from support.logs import INTERVAL_S, PROTOS, SERVICE, Log, log_server, revision
from support.methods import reflecting
from support.server import PATIENCE_S, ServerProcess, eventually
from support.taps import await_more, await_values, interruption, seams
from support.terminal import Terminal

GRPCTAP = (sys.executable, "-m", "grpctap")
WATCH = ("--resume", "create.start_revision=kv.mod_revision+1", "test.Log/Watch")
LIST = ("--resume", "after=id", "test.Log/List")
TAIL = ("test.Log/Tail",)
HOME = b"\x1b[H"
CURSORS = pytest.mark.parametrize("flags", [WATCH, LIST, TAIL], ids=["number", "text", "bytes"])


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Log]]:
    with log_server() as running:
        yield running


def configure(address: str, *flags: str) -> Config:
    return parse(["-plaintext", address, *flags])


@contextmanager
def opened(config: Config) -> Iterator[Tap]:
    """A started tap, as the viewer makes it."""
    tap = Tap(
        GrpcTransport(config.target, config.method.name, config.metadata),
        schema_of(config, progress=True),
        token=first_token(config),
    )
    tap.start()
    try:
        yield tap
    finally:
        assert tap.close()


def values(config: Config, tap: Tap) -> list[str]:
    """The texts of the values in the history, in order."""
    schema = schema_of(config, progress=True)
    rows = [row for row in tap.newest().rows if isinstance(row, Value)]
    return [re.findall(r"v\d+", schema.line(row.raw))[-1] for row in rows]


def expected(first: int, count: int) -> list[str]:
    return [f"v{number}" for number in range(first, first + count)]


@CURSORS
def test_pause_ends_the_call_and_resume_goes_on_at_the_exact_next_value(
    server: tuple[str, Log], flags: tuple[str, ...]
) -> None:
    address, log = server
    config = configure(address, *flags)
    with opened(config) as tap:
        for _ in range(4):
            await_more(tap, 5)
            tap.command(Command.PAUSE)
            eventually(lambda: log.open_calls == 0, "the server's call ends")
            tap.command(Command.RESUME)
        await_more(tap, 5)
        got = values(config, tap)
        assert got == expected(1, len(got))
        # It has no numbers to check, so nothing is claimed.
        assert interruption(tap).outcome is Outcome.UNKNOWN
        assert "resumed" in interruption(tap).text()
    eventually(lambda: log.open_calls == 0, "the server's call ends")


@CURSORS
@settings(max_examples=10, deadline=None)
@given(keys=st.lists(st.sampled_from([Command.PAUSE, Command.RESUME]), max_size=15))
def test_keys_at_any_moment_lose_nothing_and_double_nothing(
    server: tuple[str, Log], flags: tuple[str, ...], keys: list[Command]
) -> None:
    config = configure(server[0], *flags)
    with opened(config) as tap:
        for key in keys:
            tap.command(key)
            if key is Command.RESUME:
                await_more(tap)
        tap.command(Command.RESUME)
        await_more(tap, 2)
        got = values(config, tap)
        assert got == expected(1, len(got))


def test_the_request_may_say_where_to_start_and_a_fresh_call_forgets_it(
    server: tuple[str, Log],
) -> None:
    start = json.dumps({"create": {"start_revision": revision(50)}, "key": "k"})
    config = configure(server[0], *WATCH, "-d", start)
    with opened(config) as tap:
        await_values(tap, 3)
        tap.command(Command.STOP)
        first = len(values(config, tap))
        assert values(config, tap) == expected(50, first)
        tap.command(Command.FRESH)
        await_more(tap, 2)
        assert values(config, tap)[first : first + 2] == ["v1", "v2"]
        assert server[1].requests[-1].key == "k"


def test_values_without_a_token_may_come_again_and_the_seam_says_which(
    server: tuple[str, Log],
) -> None:
    config = configure(server[0], *TAIL, "-d", '{"sparse": true}')
    with opened(config) as tap:
        eventually(lambda: _paused_after_a_third(tap, config), "a pause after a value without one")
        last = len(values(config, tap))
        tap.command(Command.RESUME)
        await_more(tap, 2)
        seam = interruption(tap)
        assert (seam.outcome, seam.between) == (Outcome.MAY_REPEAT, Range(last, last))
        got = values(config, tap)
        assert got[last] == got[last - 1]


def _paused_after_a_third(tap: Tap, config: Config) -> bool:
    await_more(tap)
    tap.command(Command.PAUSE)
    if int(values(config, tap)[-1][1:]) % 3 == 0:
        return True
    tap.command(Command.RESUME)
    return False


def test_without_a_pair_there_is_no_cursor(server: tuple[str, Log]) -> None:
    config = configure(server[0], "test.Log/Watch")
    assert config.resume is None
    with opened(config) as tap:
        await_values(tap, 3)
        assert tap.resume_token == b""
        tap.command(Command.PAUSE)
        tap.command(Command.RESUME)
        await_more(tap)
        assert interruption(tap).outcome is Outcome.CANNOT_RESUME


def test_the_chart_shows_the_first_number_of_a_message(server: tuple[str, Log]) -> None:
    with opened(configure(server[0], *WATCH)) as tap:
        await_values(tap, 3)
        tap.command(Command.PAUSE)
        count = tap.snapshot().values
        with tap.chart_frame() as frame:
            (line,) = frame.lines
            assert line.name == "number"
            assert line.series.last is not None
            assert line.series.last.value == count / 2


def test_health_can_be_watched() -> None:
    with ServerProcess("--interval", "1") as server:
        config = configure(
            server.address, "grpc.health.v1.Health/Watch", "-d", '{"service": "proto.StreamServer"}'
        )
        with opened(config) as tap:
            await_values(tap, 1)
            (row,) = tap.newest().rows
            assert isinstance(row, Value)
            assert tap.schema.line(row.raw) == "status=SERVING"


def test_another_pair_for_our_own_method_goes_before_its_token() -> None:
    with ServerProcess("--feed", "counter", "--interval", "0.01") as server:
        config = configure(
            server.address, "proto.StreamServer/ListValue", "--resume", "data=stream_value"
        )
        with opened(config) as tap:
            await_values(tap, 2)
            tap.command(Command.PAUSE)
            place = tap.resume_token
            assert re.fullmatch(rb"\d+", place)
            assert first_token(config) == b""
            tap.command(Command.RESUME)
            await_more(tap)
            last = tap.newest().rows[-1]
            assert isinstance(last, Value)
            # The new call's data is what the last value was.
            assert tap.schema.line(last.raw).startswith(place.decode())
    assert not [seam for seam in seams(tap) if "repeated" in seam.text()]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*GRPCTAP, *args), capture_output=True, text=True, timeout=PATIENCE_S, input=""
    )


@CURSORS
def test_into_a_pipe_a_lost_call_goes_on_and_nothing_is_doubled(flags: tuple[str, ...]) -> None:
    with log_server(cut_after=7) as (address, log):
        command = (*GRPCTAP, "-plaintext", "--reconnect-delay", "0.01", "-H", "a: b", address)
        child = subprocess.Popen((*command, *flags), stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(25)]
        child.terminate()
        child.wait(PATIENCE_S)
        child.stdout.close()
    assert [re.findall(r"v\d+", line)[-1] for line in lines] == expected(1, 25)
    assert all(json.loads(line) for line in lines)
    assert len(log.requests) >= 4
    assert all(metadata["a"] == "b" for metadata in log.metadata)


def test_into_a_pipe_a_lost_call_without_a_cursor_is_the_end() -> None:
    with log_server(cut_after=3) as (address, _):
        done = run("-plaintext", address, "test.Log/Watch")
    assert done.returncode == 64 + 14
    assert [json.loads(line)["kv"]["value"] for line in done.stdout.splitlines()] == expected(1, 3)
    assert "UNAVAILABLE" in done.stderr


@pytest.mark.parametrize(
    ("flags", "exit_code", "complaint"),
    [
        (("test.Log/Wach",), 1, 'test.Log has no method "Wach"; did you mean Watch?'),
        (("test.Lug/Watch",), 1, 'has no service "test.Lug"; did you mean test.Log?'),
        (
            ("--resume", "create.start_revison=kv.mod_revision+1", "test.Log/Watch"),
            2,
            "fields of test.WatchRequest that fit: create.start_revision, key; see --help",
        ),
        (
            ("--resume", "create.start_revision=kv.value", "test.Log/Watch"),
            2,
            "fields of test.WatchRequest that fit: key; fields of test.WatchResponse that fit: "
            "kv.mod_revision; see --help",
        ),
        (("-d", '{"kee": 1}', "test.Log/Watch"), 2, "-d is no JSON of test.WatchRequest: "),
        (("-d", '{"key": 1}', "test.Log/Watch"), 2, "-d is no JSON of test.WatchRequest: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line_before_anything_opens(
    server: tuple[str, Log], flags: tuple[str, ...], exit_code: int, complaint: str
) -> None:
    before = len(server[1].requests)
    done = run("-plaintext", server[0], *flags)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert done.stderr.startswith("grpctap: ")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(server[1].requests) == before


def test_a_server_that_cannot_be_asked_ends_the_program_with_its_code() -> None:
    done = run("-plaintext", "127.0.0.1:1", "test.Log/Watch", "-H", "secret: hunter2")
    assert done.returncode == 64 + 14
    assert "Nothing listens at 127.0.0.1:1" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


def test_a_method_with_one_answer_is_a_stream_of_one() -> None:
    with ServerProcess("--interval", "1") as server:
        done = run("-plaintext", server.address, "grpc.health.v1.Health/Check")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"status": "SERVING"}


@CURSORS
def test_a_command_goes_on_where_the_last_one_was(
    server: tuple[str, Log], flags: tuple[str, ...]
) -> None:
    config = configure(server[0], *flags)
    with opened(config) as tap:
        await_values(tap, 3)
        tap.command(Command.PAUSE)
        count, token = len(values(config, tap)), tap.resume_token
    words = shlex.split(command(config, kept(["-plaintext", *flags]), token))
    assert ("-resume" in words) is ("--resume" in flags)
    again = parse(words[words.index("-plaintext") :])
    with opened(again) as tap:
        await_values(tap, 2)
        assert values(again, tap)[:2] == expected(count + 1, 2)


def test_the_viewer_shows_any_method_and_its_last_line_goes_on_from_there(
    server: tuple[str, Log],
) -> None:
    with Terminal((*GRPCTAP, "-plaintext", server[0], *WATCH)) as terminal:
        terminal.wait_for("test.Log/Watch")
        terminal.wait_for(r"kv\.value=v\d+")
        terminal.write(b" ")
        terminal.wait_for(r"PAUSED at #\d+")
        terminal.write(b"q")
        assert terminal.wait() == 0
        (line,) = re.findall(r"go on with: (.*?)\s*$", terminal.text)
        (count,) = re.findall(r"grpctap: (\d+) values? in", terminal.text)
    words = shlex.split(line)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = json.loads(child.stdout.readline())
        child.terminate()
    next_value = f"v{int(count) + 1}"
    assert first["kv"]["value"] == next_value
    with Terminal(words) as terminal:
        terminal.wait_for(r"kv\.value=v\d+")
        # The first value may have left the screen already.
        terminal.write(HOME)
        terminal.wait_for(rf"#1 .*kv\.value={next_value} ")
        terminal.write(b"q")
        assert terminal.wait() == 0


def test_a_cursor_that_fits_no_request_ends_the_call_with_a_line() -> None:
    def watch(_: Any, context: grpc.ServicerContext) -> Iterator[Message]:
        for place in (2**63 - 2, 2**63 - 1):
            yield PROTOS.make("WatchResponse", kv={"mod_revision": place})
        while context.is_active():
            time.sleep(INTERVAL_S)

    with reflecting(PROTOS, {SERVICE: {"Watch": watch}}) as address:
        done = run("-plaintext", address, *WATCH)
    assert done.returncode == 1
    assert done.stdout == '{"kv": {"modRevision": "9223372036854775806"}}\n'
    assert done.stderr == (
        "grpctap: its cursor 9223372036854775808 is out of range: create.start_revision in "
        "test.WatchRequest is int64; check --resume\n"
    )
