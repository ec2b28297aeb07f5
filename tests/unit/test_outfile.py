"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from grpctap.outfile import Outfile


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_there_only_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with Outfile(path, replace=False) as file:
        file.write(b"one ")
        file.write(b"two")
        assert not path.exists()
        (beside,) = names(tmp_path)
        assert beside.startswith(".grpctap-")
    assert (names(tmp_path), path.read_bytes()) == (["out"], b"one two")


def begin_and_raise(path: Path, error: type[BaseException]) -> None:
    with Outfile(path, replace=True) as file:
        file.write(b"new")
        raise error


def write_too_late(path: Path) -> None:
    with Outfile(path, replace=False) as file:
        file.write(b"new")
        path.write_bytes(b"of another program")


def test_nothing_is_left_of_what_went_wrong(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    for error in (KeyboardInterrupt, OSError):
        with pytest.raises(error):
            begin_and_raise(tmp_path / "out", error)
    assert (names(tmp_path), (tmp_path / "out").read_bytes()) == (["out"], b"old")


def test_what_came_there_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    for has_links in (True, False):
        if not has_links:
            monkeypatch.setattr(Path, "hardlink_to", refuse)
        path = tmp_path / f"out-{has_links}"
        with pytest.raises(FileExistsError):
            write_too_late(path)
        assert path.read_bytes() == b"of another program"
        with Outfile(tmp_path / f"free-{has_links}", replace=False) as file:
            file.write(b"new")
    assert names(tmp_path) == ["free-False", "free-True", "out-False", "out-True"]


def test_a_name_of_any_length_and_a_link_to_nothing(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 255)
    with Outfile(long, replace=False) as file:
        file.write(b"a")
    (tmp_path / "link").symlink_to("later")
    with Outfile(tmp_path / "link", replace=False) as file:
        file.write(b"b")
    assert (tmp_path / "later").read_bytes() == b"b"
    assert (tmp_path / "link").is_symlink()


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with Outfile(pipe, replace=False) as file:
        file.write(b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert names(tmp_path) == ["pipe"]
