from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grpctap.choices import MOST_METHODS, ChoiceFile
from grpctap.core.plots import MOST_PLOTS, Choice, Choices

CHOSEN = Choices((Choice("price"), Choice('by_symbol["W\x1b\u202e"]', rate=True)), common=True)


def test_what_is_kept_is_found_again_for_its_method_alone(tmp_path: Path) -> None:
    file = ChoiceFile(tmp_path / "state")
    assert file.find("a.S/M") == Choices()
    assert file.keep("a.S/M", CHOSEN) == ""
    assert file.keep("a.S/Other", Choices(common=True)) == ""
    again = ChoiceFile(tmp_path / "state")
    assert again.find("a.S/M") == CHOSEN
    assert again.find("a.S/Other") == Choices(common=True)
    assert again.find("a.S") == Choices()
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    assert file.path.read_bytes().isascii()


def test_the_latest_choice_counts_and_none_leaves_nothing(tmp_path: Path) -> None:
    file = ChoiceFile(tmp_path)
    file.keep("a.S/M", CHOSEN)
    file.keep("a.S/M", Choices((Choice("size"),)))
    assert file.find("a.S/M") == Choices((Choice("size"),))
    assert len(file.path.read_text().splitlines()) == 1
    file.keep("a.S/M", Choices())
    assert file.path.read_text() == ""


def test_so_many_methods_are_kept_and_no_more(tmp_path: Path) -> None:
    file = ChoiceFile(tmp_path)
    lines = [
        json.dumps(
            {"method": f"a.S/{n}", "fields": [{"path": "x", "rate": False}], "common": False}
        )
        for n in range(MOST_METHODS + 50)
    ]
    file.path.write_text("\n".join(lines))
    file.keep("a.S/M", CHOSEN)
    assert len(file.path.read_text().splitlines()) == MOST_METHODS
    assert file.find("a.S/50") == Choices()
    assert file.find(f"a.S/{MOST_METHODS + 49}") == Choices((Choice("x"),))
    assert file.find("a.S/M") == CHOSEN


@pytest.mark.parametrize(
    "damage",
    [
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"1" * 100_000,
        b"[" * 100_000,
        b'{"method": "a.S/M"}',
        b'{"method": "a.S/M", "fields": "price", "common": true}',
        b'{"method": "a.S/M", "fields": [1], "common": true}',
        b'{"method": "a.S/M", "fields": [{"path": 1, "rate": true}], "common": true}',
        b'{"method": 1, "fields": [], "common": true}',
        b'{"method": "a.S/M", "fields": [{"path": "x"',
    ],
)
def test_what_is_damaged_is_nothing_and_the_rest_stays(tmp_path: Path, damage: bytes) -> None:
    file = ChoiceFile(tmp_path)
    file.keep("a.S/Other", CHOSEN)
    file.path.write_bytes(file.path.read_bytes() + damage)
    assert file.find("a.S/M") == Choices()
    assert file.find("a.S/Other") == CHOSEN
    assert file.keep("a.S/M", CHOSEN) == ""
    assert file.find("a.S/M") == file.find("a.S/Other") == CHOSEN


def test_more_fields_than_a_chart_shows_are_cut(tmp_path: Path) -> None:
    file = ChoiceFile(tmp_path)
    fields = [{"path": f"f{n}", "rate": n} for n in range(1_000)]
    file.path.write_text(json.dumps({"method": "a.S/M", "fields": fields, "common": "yes"}))
    found = file.find("a.S/M")
    assert found == Choices(tuple(Choice(f"f{n}") for n in range(MOST_PLOTS)))


def test_what_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    file = ChoiceFile(tmp_path)
    file.keep("a.S/M", CHOSEN)
    blocked = ChoiceFile(tmp_path / "chart.lock" / "below")
    assert blocked.find("a.S/M") == Choices()
    problem = blocked.keep("a.S/M", CHOSEN)
    assert problem.endswith("cannot be written: Not a directory")


def test_several_programs_keep_theirs_at_once(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from grpctap.choices import ChoiceFile
from grpctap.core.plots import Choice, Choices
for n in range(10):
    problem = ChoiceFile(Path(sys.argv[1])).keep(f"a.S/{sys.argv[2]}-{n}", Choices((Choice("x"),)))
    assert not problem, problem
"""
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(n)]) for n in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    file = ChoiceFile(tmp_path)
    assert len(file.path.read_text().splitlines()) == 30
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("chart-")] == []
