"""The file of recent calls: what it keeps, and that nothing which happens to it does harm."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from grpctap.recent import LONGEST_BODY, MOST_CALLS, RecentCall, RecentCalls
from support.server import PATIENCE_S

CALL = RecentCall("h:1", "a.S/M", ("-plaintext",), '{"x": "é\x1b"}', ("authorization",), "5")
ADD_MANY = """
import sys
from pathlib import Path
from grpctap.recent import RecentCall, RecentCalls
for n in range(10):
    problem = RecentCalls(Path(sys.argv[1])).add(RecentCall("h:1", f"a.S/{sys.argv[2]}{n}"))
    assert not problem, problem
"""


def methods(recent: RecentCalls) -> list[str]:
    return [call.method for call in recent.read().calls]


def test_a_call_comes_back_as_it_was(tmp_path: Path) -> None:
    recent = RecentCalls(tmp_path)
    assert recent.read().calls == ()
    assert recent.add(CALL) == ""
    kept = recent.read()
    assert kept.note == ""
    assert kept.calls[0].same(CALL)
    assert kept.calls[0].time > 1_700_000_000


def test_only_its_user_may_read_the_file(tmp_path: Path) -> None:
    recent = RecentCalls(tmp_path / "state" / "grpctap")
    recent.add(CALL)
    recent.add(CALL)
    assert stat.S_IMODE(recent.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(recent.path.parent.stat().st_mode) == 0o700
    assert {path.name for path in recent.path.parent.iterdir()} == {"recent.jsonl", "recent.lock"}


def test_the_newest_is_first_the_same_call_is_kept_once_and_the_oldest_go(tmp_path: Path) -> None:
    recent = RecentCalls(tmp_path)
    for n in range(MOST_CALLS + 5):
        recent.add(RecentCall("h:1", f"a.S/M{n}"))
    recent.add(RecentCall("h:1", "a.S/M20"))
    kept = methods(recent)
    assert len(kept) == MOST_CALLS
    assert kept[:2] == ["a.S/M20", f"a.S/M{MOST_CALLS + 4}"]
    assert kept.count("a.S/M20") == 1
    assert "a.S/M4" not in kept


def test_a_call_can_be_forgotten(tmp_path: Path) -> None:
    recent = RecentCalls(tmp_path)
    for name in ("a.S/M", "a.S/N"):
        recent.add(RecentCall("h:1", name))
    assert recent.remove(recent.read().calls[1]) == ""
    assert methods(recent) == ["a.S/N"]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        json.dumps({"address": 1, "method": "m", "body": "", "deadline": "", "flags": []}).encode(),
        b'{"address":"h","method":"m","body":"","deadline":"","flags":[1],"metadata":[],"time":1}',
        b'{"address":"h","method":"m","body":"","deadline":"","flags":[],"metadata":[],"time":1e99}',
        b'{"address":"h","method":"m","body":"","deadline":"","flags":[],"metadata":[],"time":NaN}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_is_left_out_with_a_note(tmp_path: Path, line: bytes) -> None:
    recent = RecentCalls(tmp_path)
    recent.add(CALL)
    with recent.path.open("ab") as file:
        file.write(line + b"\n")
    kept = recent.read()
    assert [call.method for call in kept.calls] == ["a.S/M"]
    assert kept.note.startswith("1 line of ")
    recent.add(RecentCall("h:1", "a.S/N"))
    assert recent.read().note == ""
    assert methods(recent) == ["a.S/N", "a.S/M"]


def test_a_file_that_cannot_be_read_or_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "recent.jsonl").mkdir()
    recent = RecentCalls(tmp_path)
    assert "cannot be read" in recent.read().note
    assert "cannot be written" in recent.add(CALL)
    blocked = RecentCalls(tmp_path / "recent.lock" / "below")
    assert "cannot be written" in blocked.add(CALL)


def test_a_huge_request_is_not_kept(tmp_path: Path) -> None:
    recent = RecentCalls(tmp_path)
    assert "not kept" in recent.add(RecentCall("h:1", "a.S/M", body="x" * (LONGEST_BODY + 1)))
    assert methods(recent) == []


def test_programs_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    command = (sys.executable, "-c", ADD_MANY, str(tmp_path))
    programs = [subprocess.Popen((*command, name)) for name in "abcd"]
    assert [program.wait(PATIENCE_S) for program in programs] == [0] * 4
    assert sorted(methods(RecentCalls(tmp_path))) == sorted(
        f"a.S/{name}{n}" for name in "abcd" for n in range(10)
    )


def test_the_folder_is_the_users_own(no_home: Path) -> None:
    assert RecentCalls().path == no_home / "grpctap" / "recent.jsonl"
