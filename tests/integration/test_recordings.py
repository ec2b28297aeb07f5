"""Recordings of real streams: whole, killed, on a full disk and on a slow one."""

from __future__ import annotations

import json
import os
import random
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.rpc import code_pb2

from grpctap import recorder, taping
from grpctap.core.dynamic import MethodSchema
from grpctap.core.listvalue import METHOD, ListValue
from grpctap.core.recording import Commanded, Ended, Header, Headers, Opened, Received, Requested
from grpctap.core.secrets import MASK
from grpctap.core.state import Command, State
from grpctap.pipe import write_all
from grpctap.recorder import Recorder
from grpctap.recording import Recording
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import Schedule
from support.binlog import read
from support.forks import Forks, forks
from support.methods import reflecting
from support.puppet import Puppet, detailed, price_message, progress, refusal
from support.recordings import (
    LIMITED,
    kept_rows,
    received,
    recordable,
    rows,
    sequences,
    stream_of,
    values,
)
from support.server import PATIENCE_S, RunningServer, eventually
from support.taps import await_state, await_values
from support.terminal import Terminal
from support.truth import TruthServer, value
from support.zoo.messages import MESSAGES, PROTOS, messages, method

GRPCTAP = (sys.executable, "-m", "grpctap")
KILLS = 50
COUNT = 10_000_000


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.fixture(scope="module")
def truth() -> Iterator[TruthServer]:
    with TruthServer(COUNT) as server:
        yield server
        assert server.complaints == ""


@pytest.fixture(scope="module")
def twenty() -> Iterator[RunningServer]:
    with RunningServer(CounterFeed(Schedule(0, 1000), 20)) as server:
        yield server


# --record, into a pipe


def test_a_recording_stands_alone_and_has_no_secrets(twenty: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "file"
    secrets = ("-H", "authorization: Bearer hunter2", "-H", "x-api-key-bin: aHVudGVyMg==")
    words = ("-plaintext", *secrets, "-H", "x-plain: yes", "-d", '{"data": "n "}')
    done = run(*GRPCTAP, *words, "--record", str(path), twenty.address, METHOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    raw = path.read_bytes()
    assert not [secret for secret in (b"hunter2", b"aHVudGVy") if secret in raw]

    recording = Recording.open(path)
    header = recording.header
    assert (header.target, header.method, header.resume) == (
        twenty.address,
        METHOD,
        "resume_token=resume_token",
    )
    assert not recording.is_cut
    opened, requested, headers, *_, ended = [
        entry
        for entry in recording.entries()
        if isinstance(entry, Opened | Requested | Headers | Ended)
    ]
    assert isinstance(opened, Opened)
    assert dict(opened.metadata) == {
        "authorization": MASK,
        "x-api-key-bin": MASK.encode(),
        "x-plain": "yes",
    }
    assert isinstance(requested, Requested)
    assert SimpleRequest.FromString(requested.raw).data == "n "
    assert isinstance(headers, Headers)
    assert isinstance(ended, Ended)
    assert ended.status.ok
    schema = ListValue(SimpleRequest(), progress=False)
    printed = done.stdout.splitlines()
    assert [schema.json(entry.raw) for entry in values(path)] == printed
    assert len(read(raw)) >= len(printed) + 4


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("there", "there is already there; choose another name"),
        ("no/file", "there is no folder"),
    ],
)
def test_where_no_recording_can_be_made_it_says_what_to_do(
    tmp_path: Path, record: str, words: str
) -> None:
    (tmp_path / "there").write_text("precious")
    words = words.replace("there is already there", "there is there already")
    for start in (("-plaintext", "127.0.0.1:1", METHOD), ("demo",)):
        command = (*GRPCTAP, *start, "--record", str(tmp_path / record))
        done = run(*command)
        assert done.returncode == 2
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert words in line
    assert (tmp_path / "there").read_text() == "precious"


def test_a_full_disk_ends_the_recording_and_not_the_stream(
    truth: TruthServer, tmp_path: Path
) -> None:
    path, count, size = tmp_path / "file", 3_000, 40_000
    command = (*LIMITED, str(size), *GRPCTAP, "-plaintext", "--record", str(path))
    done = run(*command, "--count", str(count), truth.address, METHOD)
    assert len(done.stdout.splitlines()) == count
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == (
        f"grpctap: the recording has ended: {path}: File too large; "
        "what was written until then can be read"
    )
    recording = Recording.open(path)
    assert path.stat().st_size == size
    assert recording.cut < 200
    found = sequences(path)
    assert found == list(range(1, len(found) + 1))
    assert 100 < len(found) < count


def test_what_has_come_is_in_the_file_while_the_stream_goes_on(tmp_path: Path) -> None:
    path, puppet = tmp_path / "file", Puppet()
    with RunningServer(puppet) as server, recordable(server.address) as tap:
        tap.record(str(path))
        tap.start()
        for number in range(1, 4):
            puppet.await_call(1)
            puppet.send(price_message(number))
            # Nothing else comes, and nothing is closed.
            eventually(lambda: path.exists() and len(sequences_so_far(path)) == number, "it")  # noqa: B023
        assert tap.snapshot().recording is not None


def sequences_so_far(path: Path) -> list[int]:
    """Of a file that is being written, which may have no header yet."""
    return sequences(path) if path.stat().st_size else []


def test_fifty_runs_are_killed_and_all_their_recordings_open(
    truth: TruthServer, tmp_path: Path
) -> None:
    chance = random.Random(50)
    longest = 0
    with forks() as source:
        for number in range(KILLS):
            folder = tmp_path / str(number)
            folder.mkdir()
            longest = max(longest, kill_one(source, truth.address, folder, chance))
    assert longest > 100


def kill_one(source: Forks, address: str, folder: Path, chance: random.Random) -> int:
    """Kills a run at a random moment; returns how many messages its recording has."""
    path, output = folder / "file", folder / "output"
    output.touch()
    pid = source.run(["-plaintext", "--record", str(path), address, METHOD], output)
    try:
        eventually(lambda: output.stat().st_size, "a line")
        printed = output.read_bytes().count(b"\n")
        # Whatever was printed gets into the file, without anything else that would have to happen.
        eventually(lambda: len(sequences_so_far(path)) >= printed, "what was printed")
        time.sleep(chance.random() * 0.15)
        before = path.stat().st_size
    finally:
        source.kill(pid)
    recording = Recording.open(path)
    assert path.stat().st_size >= before
    messages = values(path)
    assert [StreamResponse.FromString(entry.raw) for entry in messages] == [
        value(number) for number in range(1, len(messages) + 1)
    ]
    assert len(messages) >= printed
    # No more than an entry in the middle of which the process was killed.
    assert recording.cut < 1_024 * 1_024
    return len(messages)


# In the viewer


def test_the_viewer_goes_on_when_the_disk_is_full(truth: TruthServer, tmp_path: Path) -> None:
    path = tmp_path / "file"
    command = (*LIMITED, "300000", *GRPCTAP, "-plaintext", "--record", str(path))
    with Terminal((*command, truth.address, METHOD)) as terminal:
        terminal.wait_for("REC failed")
        terminal.wait_for("File too large")
        since = len(terminal.updates)
        terminal.wait_for(r"#\d+", since=since)
        terminal.write(b"q")
        assert terminal.wait() == 0
    assert "replay" in terminal.text
    found = sequences(path)
    assert found == list(range(1, len(found) + 1))
    assert len(found) > 1_000


def test_the_demo_is_recorded_and_says_how_to_see_it_again(tmp_path: Path) -> None:
    path = tmp_path / "a file"
    with Terminal((*GRPCTAP, "demo", "--record", str(path))) as terminal:
        terminal.wait_for(r"REC \d")
        terminal.wait_for(r"WTI \d+\.\d\d")
        terminal.write(b"q")
        assert terminal.wait() == 0
    last = terminal.text.replace("\r", "").replace("\n", "")
    assert "recorded" in last
    assert f"replay '{path}'" in last
    found = sequences(path)
    assert found == list(range(found[0], found[0] + len(found)))


# What is in it


@pytest.mark.parametrize("kind", MESSAGES)
def test_the_zoo_is_the_same_json_from_a_recording(tmp_path: Path, kind: str) -> None:
    service, _, name = method(kind).partition("/")
    path = tmp_path / "file"
    with reflecting(PROTOS, {service: {name: lambda *_: iter(messages(kind))}}) as address:
        with stream_of(address, method(kind)) as stream:
            stream.tap.record(str(path))
            stream.tap.start()
            await_state(stream.tap, State.FINISHED)
            live = stream.tap.schema
            count = stream.tap.snapshot().values
    assert count == len(messages(kind))
    recording = Recording.open(path)
    assert recording.method.name == method(kind)
    assert recording.method.pool is not stream.config.method.pool
    request = recording.method.request_class()
    schema = MethodSchema(recording.method, request)
    raws = [entry.raw for entry in received(path)]
    assert [json.loads(schema.json(raw)) for raw in raws] == [
        json.loads(live.json(raw)) for raw in raws
    ]
    assert len(raws) == count


def test_all_that_happens_to_a_stream_is_recorded(tmp_path: Path) -> None:
    puppet, early, late = Puppet(), tmp_path / "early", tmp_path / "late"
    with RunningServer(puppet) as server, recordable(server.address) as tap:
        tap.record(str(early))
        tap.start()
        puppet.await_call(1)
        puppet.send((("x-served-by", "node-7"),))
        puppet.send(price_message(1), progress(3, 1), price_message(2), price_message(5))
        puppet.send(price_message(2), price_message(5), price_message(3))
        await_values(tap, 4)
        assert tap.command(Command.PAUSE)
        assert tap.command(Command.RESUME)
        puppet.await_call(2)
        puppet.send(price_message(6))
        await_values(tap, 5)
        tap.record(str(late))
        assert not late.exists()
        tap.stop_recording()
        eventually(lambda: tap.recordings[0].bytes == early.stat().st_size, "it is whole")
        first = kept_rows(tap)
        # In the middle of the stream: with all that is kept.
        tap.record(str(late))
        assert tap.command(Command.SKIP)
        puppet.await_call(3)
        puppet.send(price_message(9), refusal(code_pb2.RESOURCE_EXHAUSTED, "enough"))
        await_state(tap, State.FAILED)
        last = kept_rows(tap)
        tap.stop_recording()
        assert tap.close()
    assert rows(early) == first
    assert rows(late) == last
    assert [entry.dropped for entry in received(early)].count(True) == 2
    kinds = [entry for entry in Recording.open(late).entries() if not isinstance(entry, Received)]
    commands = [entry.command for entry in kinds if isinstance(entry, Commanded)]
    assert commands == [Command.SKIP]
    calls = [entry.call_id for entry in kinds if isinstance(entry, Opened)]
    assert len(calls) == len(set(calls)) == 3
    ends = [entry for entry in kinds if isinstance(entry, Ended)]
    assert [end.call_id for end in ends] == calls
    assert [end.cancelled for end in ends] == [True, True, False]
    assert (ends[-1].status.name, ends[-1].status.details) == ("RESOURCE_EXHAUSTED", "enough")
    heads = [entry for entry in kinds if isinstance(entry, Headers)]
    assert dict(heads[0].metadata)["x-served-by"] == "node-7"
    in_calls = [entry.call_id for entry in received(late)]
    assert in_calls == sorted(in_calls)
    assert set(in_calls) == set(calls)


def test_a_history_that_let_values_go_says_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with RunningServer(CounterFeed(Schedule(0, 1000), 500)) as server:
        with recordable(server.address, "--history", "100") as tap:
            tap.start()
            await_state(tap, State.FINISHED)
            tap.record(str(path))
            assert tap.close()
            assert rows(path) == kept_rows(tap)
    recording = Recording.open(path)
    assert recording.header.values_before == 400
    assert sequences(path) == list(range(401, 501))


# A slow disk


class Disk:
    """A disk that takes something only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ready = threading.Event()
        monkeypatch.setattr(recorder, "write_all", self._write)

    def _write(self, file: int, raw: bytes) -> None:
        assert self.ready.wait(PATIENCE_S)
        write_all(file, raw)


def test_a_slow_disk_holds_the_stream_and_nothing_is_lost(
    truth: TruthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, path, disk = 200_000, tmp_path / "file", Disk(monkeypatch)
    monkeypatch.setattr(recorder, "_MOST_WAITING", most)
    with recordable(truth.address) as tap:
        tap.record(str(path))
        tap.start()
        held = tap._taping._all[0]
        eventually(held._is_full, "the disk is behind")
        # What is under way comes in; then nobody reads.
        eventually(lambda: is_still(tap.snapshot().values, lambda: tap.snapshot().values), "a halt")
        assert held._put < 20 * most
        assert tap.state in (State.LIVE, State.CATCHING_UP)
        before = tap.snapshot().values
        disk.ready.set()
        await_values(tap, before + 20_000)
        tap.command(Command.PAUSE)
        assert tap.close()
        count = tap.snapshot().values
    assert sequences(path) == list(range(1, count + 1))


def is_still(before: int, now: object) -> bool:
    time.sleep(0.2)
    return callable(now) and now() == before


def test_whoever_leaves_does_not_wait_for_a_disk_that_hangs(
    truth: TruthServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    monkeypatch.setattr(recorder, "_MOST_WAITING", 10_000)
    monkeypatch.setattr(taping, "DISK_PATIENCE_S", 0.2)
    with recordable(truth.address) as tap:
        tap.record(str(tmp_path / "file"))
        tap.start()
        eventually(tap._taping._all[0]._is_full, "the disk is behind")
        assert tap.command(Command.PAUSE)
        # The reader's thread ends, although it was held; only the file is not done.
        assert tap.close()
        assert re.fullmatch(
            r"the disk did not take all of it in \d+\.\d s, "
            r"so about [\d,]{5,} bytes that came last may be missing",
            tap.recordings[0].error,
        )
        # Nor does it say so twice.
        assert tap.close()
        disk.ready.set()
        assert tap._taping._all[0].join(PATIENCE_S)


def test_a_disk_that_is_only_slow_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[int] = []

    def write(file: int, raw: bytes) -> None:
        time.sleep(0.5)
        write_all(file, raw)
        pieces.append(len(raw))

    monkeypatch.setattr(recorder, "write_all", write)
    # More than a piece takes, and less than all of them.
    monkeypatch.setattr(taping, "DISK_PATIENCE_S", 2.5)
    path = tmp_path / "file"
    with RunningServer(CounterFeed(Schedule(0, 1000), 20)) as server:
        with recordable(server.address) as tap:
            tap.record(str(path))
            tap.start()
            await_state(tap, State.FINISHED)
            assert tap.close()
            assert tap.recordings[0].error == ""
    assert len(pieces) > 5
    assert sum(pieces) == path.stat().st_size
    assert sequences(path) == list(range(1, 21))


def test_of_a_disk_that_does_not_confirm_it_is_said_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _: confirmed.wait(PATIENCE_S))
    monkeypatch.setattr(taping, "DISK_PATIENCE_S", 0.2)
    paths = [tmp_path / "one", tmp_path / "two"]
    with RunningServer(CounterFeed(Schedule(0, 1000), 20)) as server:
        with recordable(server.address) as tap:
            tap.start()
            await_state(tap, State.FINISHED)
            for path in paths:
                tap.record(str(path))
                tap.stop_recording()
            eventually(lambda: all(each._is_written for each in tap._taping._all), "both")
            assert tap.close()
            for recording in tap.recordings:
                assert "did not confirm" in recording.error
                assert recording.error.endswith("may be missing should the machine go down")
            confirmed.set()
            assert all(each.join(PATIENCE_S) for each in tap._taping._all)
    for path in paths:
        assert sequences(path) == list(range(1, 21))


def test_a_file_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(FileExistsError):
        Recorder(str(tmp_path / "there"), Header("x", METHOD), lambda: None)
    with pytest.raises(FileNotFoundError):
        Recorder(str(tmp_path / "no" / "file"), Header("x", METHOD), lambda: None)
    assert os.listdir(tmp_path) == ["there"]  # noqa: PTH208


def test_a_status_as_large_as_grpc_lets_through_hides_nothing_that_follows(tmp_path: Path) -> None:
    path, puppet = tmp_path / "file", Puppet()
    trailing = tuple((f"x-{number}", "v" * 1_000) for number in range(200))
    with RunningServer(puppet) as server, recordable(server.address) as tap:
        tap.record(str(path))
        tap.start()
        puppet.await_call(1)
        long = detailed(code_pb2.INVALID_ARGUMENT, "long " * 50_000, trailing=trailing)
        puppet.send(price_message(1), long)
        await_state(tap, State.FAILED)
        assert tap.command(Command.FRESH)
        puppet.await_call(2)
        puppet.send(price_message(2))
        await_values(tap, 2)
        assert tap.close()
    recording = Recording.open(path)
    assert not recording.is_cut
    assert sequences(path) == [1, 2]
    (ended, *_) = [entry for entry in recording.entries() if isinstance(entry, Ended)]
    assert ended.status.details.startswith("long long ")
    assert ended.status.details.endswith("…")
    assert 100 < len(ended.metadata) <= 200
