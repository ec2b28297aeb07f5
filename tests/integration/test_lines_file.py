"""A file that grows, is rotated, truncated, deleted and made again: its lines come to viewers."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from grpctap_server.cli import main
from grpctap_server.feeds.base import FeedError
from grpctap_server.feeds.lines import LinesFeed
from grpctap_server.feeds.linesource import GrowingFile
from support.client import connect
from support.lines import LinesServer
from support.server import RunningServer, eventually


class Followed:
    """A file that a server follows, and a call that has read all of it so far."""

    def __init__(self, path: Path, most_bytes: int, quiet: float) -> None:
        self.path = path
        self.said: list[str] = []
        self.source = GrowingFile(path, most_bytes, self.said.append, quiet)
        self.feed = LinesFeed(self.source, 1000, 1000, None, self.said.append)
        self.call: Any = None

    def append(self, text: str, path: Path | None = None) -> None:
        with (path or self.path).open("a") as file:
            file.write(text)

    def expect(self, *lines: str) -> None:
        """Fail unless these are the next values."""
        assert [next(self.call).stream_value for _ in lines] == list(lines)


@contextmanager
def followed(path: Path, most_bytes: int = 1 << 20, quiet: float = 0.2) -> Iterator[Followed]:
    """A server that follows a file, with a call to it."""
    file = Followed(path, most_bytes, quiet)
    with RunningServer(file.feed) as server, connect(server.address) as client:
        file.call = client.open("", timeout=60)
        yield file
        file.call.cancel()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Followed]:
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\n")
    with followed(path) as file:
        file.expect("one", "two")
        yield file


def test_what_the_file_has_counts_and_then_what_is_added(file: Followed) -> None:
    for n in range(5):
        file.append(f"line {n}\n")
        file.expect(f"line {n}")
    file.append("in two ")
    file.append("parts\nand more\n")
    file.expect("in two parts", "and more")
    assert file.said == []


def test_a_file_renamed_and_made_anew_is_read_to_its_end_first(file: Followed) -> None:
    old = file.path.with_suffix(".log.1")
    file.append("before")
    file.path.rename(old)
    file.append(" the rename\nwithout end", old)
    file.append("new one\n")
    file.expect("before the rename", "without end", "new one")
    file.append("new two\n")
    file.expect("new two")
    assert file.said == [f"{file.path} is another file now, and read from its start"]


def test_files_renamed_again_and_again_lose_no_line(file: Followed) -> None:
    for n in range(3):
        file.path.rename(file.path.with_suffix(f".{n}"))
        file.append(f"of file {n}\n")
        file.expect(f"of file {n}")


def test_a_program_that_still_writes_to_the_renamed_file_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("one\n")
    # So long that the new file's lines cannot come in between.
    with followed(path, quiet=600) as file, path.open("a") as writer:
        file.expect("one")
        path.rename(path.with_suffix(".log.1"))
        file.append("new\n")
        for n in range(5):
            writer.write(f"late {n}\n")
            writer.flush()
            file.expect(f"late {n}")


def test_a_renamed_file_that_never_rests_is_left_all_the_same(file: Followed) -> None:
    stop = threading.Event()
    old = file.path.with_suffix(".log.1")

    def write() -> None:
        with old.open("a") as writer:
            while not stop.wait(0.01):
                writer.write("late\n")
                writer.flush()

    file.path.rename(old)
    thread = threading.Thread(target=write)
    thread.start()
    try:
        file.append("new\n")
        assert "new" in (message.stream_value for message in file.call)
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("text", ["new\n", "much longer than all that was before\n", "six\ntwo\n"])
def test_a_file_copied_and_truncated_is_read_from_its_start(file: Followed, text: str) -> None:
    shutil.copy(file.path, file.path.with_suffix(".log.1"))
    # Truncated and written between two looks, it may even be as long as before, or longer.
    with file.path.open("w") as writer:
        writer.write(text)
    file.expect(*text.splitlines())
    file.append("more\n")
    file.expect("more")
    assert file.said == [f"{file.path} was truncated, and is read from its start"]


def test_half_a_line_before_a_truncation_is_a_value(file: Followed) -> None:
    file.append("whole\nhalf")
    file.expect("whole")
    os.truncate(file.path, 0)
    file.expect("half")
    file.append("new\n")
    file.expect("new")


def test_a_file_deleted_and_made_anew_is_gone_on_with(file: Followed) -> None:
    file.append("last\n")
    file.expect("last")
    file.path.unlink()
    file.append("born again\n")
    file.expect("born again")


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "later" / "app.log"
    with followed(path) as file:
        assert file.said == [f"waiting for {path}: no such file or directory"]
        path.parent.mkdir()
        path.write_text("at last\n")
        file.expect("at last")
        assert file.said[1:] == [f"reading {path}"]


def test_of_a_file_too_large_the_end_is_read_from_the_next_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "large.log"
    path.write_text("".join(f"{n:09d}\n" for n in range(1000)))
    for most, first in ((100, 990), (101, 990), (109, 990), (110, 989), (10_000, 0), (20_000, 0)):
        with followed(path, most) as file:
            file.expect(*(f"{n:09d}" for n in range(first, 1000)))


def test_a_large_file_truncated_before_it_is_read_at_all_is_read_from_its_start(
    tmp_path: Path,
) -> None:
    path = tmp_path / "large.log"
    path.write_text("old line\n" * 1000)
    said: list[str] = []
    source = GrowingFile(path, 100, said.append)
    path.write_text("new\n")
    chunks = source.chunks(threading.Event())
    assert [next(chunks), next(chunks)] == [None, b"new\n"]
    chunks.close()
    assert said == [f"{path} was truncated, and is read from its start"]


def test_a_new_file_that_is_no_file_is_waited_out(file: Followed) -> None:
    file.path.unlink()
    file.path.mkdir()
    eventually(lambda: file.said, "it is said")
    assert file.said == [f"waiting for {file.path}: it is not a regular file"]
    file.path.rmdir()
    file.append("back\n")
    file.expect("back")


def test_what_cannot_be_a_file_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo):
        with pytest.raises(FeedError, match="is not a regular file"):
            GrowingFile(path, 1000, print)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(FeedError, match="too many levels of symbolic links"):
        GrowingFile(loop, 1000, print)


def test_the_process_says_which_file_and_refuses_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "esc\x1b.log"
    path.write_text("7\n")
    with LinesServer("--file", str(path), "--until-eof") as server:
        assert r"esc\x1b.log, the newest 100000 are kept" in server.stderr
        with connect(server.address) as client:
            assert client.take(1, "")[0].number == 7
        server.close_stdin()
        assert server.wait() == 0
    assert main(["--feed", "lines", "--file", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"grpctap serve: {tmp_path} is not a regular file")
