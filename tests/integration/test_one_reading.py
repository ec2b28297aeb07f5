"""A recording means the same to the live stream that it is of, to a replay and to an export."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from grpctap.core.framing import Framer
from grpctap.core.history import Value
from grpctap.reel import Tail
from support.binlog import pieces
from support.methods import reflecting
from support.protos import Protos
from support.replays import START_NS, await_end, header, playing, price, rows
from support.server import PATIENCE_S

GRPCTAP = (sys.executable, "-m", "grpctap")
LOG = Protos("""
    syntax = "proto3"; package test;
    message Ask { uint32 after = 1; }
    message Item { uint32 place = 1; string text = 2; }
    service Log { rpc Watch(Ask) returns (stream Item); }
""")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*GRPCTAP, *words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def watch(_: Any, context: Any) -> Iterator[Message]:
    for place in (7, 2**32 - 2, 2**32 - 1):
        yield LOG.make("Item", place=place, text=f"at {place}")


def test_what_the_live_stream_refused_is_in_no_replay_and_no_export(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with reflecting(LOG, {"test.Log": {"Watch": watch}}) as address:
        words = ("--resume", "after=place+1", "--record", str(path), address, "test.Log/Watch")
        live = run("-plaintext", *words)
    # The cursor of the last message is too large for a request.
    assert live.returncode == 1
    assert len(live.stdout.splitlines()) == 2
    assert "check --resume" in live.stderr
    done = run("export", str(path))
    assert (done.returncode, done.stdout) == (1, live.stdout)
    assert done.stderr == ("grpctap export: 1 message left out, which cannot be read or written\n")
    with playing(path) as player:
        await_end(player)
        values = [row for row in rows(player) if isinstance(row, Value)]
        assert [player.schema.json(value.raw) for value in values] == live.stdout.splitlines()
        assert player.schema.number_name == "text"


def test_without_a_pair_each_message_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with reflecting(LOG, {"test.Log": {"Watch": watch}}) as address:
        live = run("-plaintext", "--record", str(path), address, "test.Log/Watch")
    assert (live.returncode, len(live.stdout.splitlines())) == (0, 3)
    done = run("export", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, live.stdout, "")


def test_entries_that_are_cut_elsewhere_than_between_them_end_both(tmp_path: Path) -> None:
    path = tmp_path / "shifted"
    items = [price(number) for number in range(1, 21)]
    times, raws = [START_NS + number for number in range(1, 21)], [item.raw for item in items]
    whole = list(pieces(b"".join(Framer().frames(1, 1, times, raws))))
    # Joined, they are what they were; but each but the last has the beginning of the next one.
    entries = [whole[0] + whole[1][:5], whole[1][5:], *whole[2:]]
    assert b"".join(entries) == b"".join(whole)
    for made, count in ((whole, 20), (entries, 0)):
        path.write_bytes(header() + b"".join(len(raw).to_bytes(4) + raw for raw in made))
        done = run("export", str(path))
        assert (done.returncode, len(done.stdout.splitlines())) == (0, count)
        assert ("ends in the middle" in done.stderr) is (count == 0)
        with playing(path) as player:
            await_end(player)
            assert player.snapshot().values == count
            assert player.position().tail is (Tail.NOTHING if count else Tail.DAMAGE)
