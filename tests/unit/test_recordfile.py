"""The files of recordings: their names, what is refused, and files that are none."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.encoder import Batch, Encoder
from grpctap.core.listvalue import LIST_VALUE
from grpctap.core.needed import needed_files
from grpctap.core.recording import FORMAT, LENGTH_BYTES, MAX_HEADER, Header, Received
from grpctap.recordfile import checked_path, not_recorded, unused_name
from grpctap.recording import Recording, RecordingError
from grpctap_protos import recording_pb2 as pb

METHOD = LIST_VALUE.name
HEADER = Header("127.0.0.1:8000", METHOD, needed_files(LIST_VALUE).SerializeToString())


def whole() -> bytes:
    """A recording of twenty messages."""
    encoder = Encoder(HEADER)
    batch = Batch(1, list(range(20)), [b"%d" % number for number in range(20)])
    return encoder.header() + b"".join(encoder.frames([batch]))


def numbers(path: Path) -> list[int]:
    return [int(e.raw) for e in Recording.open(path).entries() if isinstance(e, Received)]


def test_a_name_has_the_method_and_the_time_and_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = set()
    for _ in range(5):
        name = unused_name("a.b_C/\N{SNOWMAN} ../Watch;rm")
        assert re.fullmatch(r"grpctap-a\.b_C-\.\.-Watch-rm-\d{8}-\d{6}(-\d)?\.grpctap", name)
        Path(name).touch()
        names.add(name)
    assert len(names) == 5
    assert len(unused_name("x" * 1_000)) < 150


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    for path in (there, link, tmp_path, Path("/dev/full")):
        with pytest.raises(ValueError, match="is there already; choose another name"):
            checked_path(str(path))
    with pytest.raises(ValueError, match="there is no folder"):
        checked_path(str(tmp_path / "no" / "file"))
    assert checked_path(str(tmp_path / "new")) == str(tmp_path / "new")
    assert "another name" in not_recorded("a", FileExistsError(17, "File exists"))
    assert not_recorded("\x1b", OSError(13, "Permission denied")) == (
        "␛ cannot be recorded into: Permission denied"
    )


def test_a_file_that_was_cut_off_is_good_up_to_its_last_whole_message(tmp_path: Path) -> None:
    path, raw = tmp_path / "cut", whole()
    head = LENGTH_BYTES + int.from_bytes(raw[:LENGTH_BYTES])
    counts = []
    for size in range(head, len(raw) + 1):
        path.write_bytes(raw[:size])
        recording = Recording.open(path)
        found = numbers(path)
        assert found == list(range(len(found)))
        assert recording.is_cut == (recording.cut > 0)
        counts.append((len(found), recording.cut))
    assert counts[0] == (0, 0)
    assert counts[-1] == (20, 0)
    assert sum(cut == 0 for _, cut in counts) == 21
    assert max(cut for _, cut in counts) < 60
    path.write_bytes(raw[: head - 1])
    with pytest.raises(RecordingError, match="is no recording"):
        Recording.open(path)


def test_places_lead_back_to_their_entries(tmp_path: Path) -> None:
    path = tmp_path / "whole"
    path.write_bytes(whole())
    recording = Recording.open(path)
    placed = list(recording.placed())
    assert [entry for _, entry in placed] == list(recording.entries())
    assert next(recording.placed(placed[7][0])) == placed[7]
    assert recording.method is recording.method
    assert recording.method.pool is LIST_VALUE.pool


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: nothing was recorded in it"),
        (b"{}\n", "is no recording of grpctap"),
        (b"\xff\xff\xff\xff" + bytes(100), "is no recording of grpctap"),
        (b"\0\0\0\0" + bytes(100), "is no recording of grpctap"),
        (b"\0\0\0\2\x10\x01", "is no recording of grpctap"),
        (b"\0\0\0\2\xff\xff", "is no recording of grpctap"),
        ((MAX_HEADER + 1).to_bytes(4) + bytes(100), "is no recording of grpctap"),
    ],
)
def test_what_is_no_recording_is_told_on_one_line(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "no\x1brecording"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as caught:
        Recording.open(path)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_what_is_no_file_is_told_on_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("nothing", "nothing cannot be read: No such file"),
        ("", "is no file"),
        ("pipe", "is no file"),
    ):
        with pytest.raises(RecordingError, match=words):
            Recording.open(tmp_path / name)


def test_a_newer_recording_says_so(tmp_path: Path) -> None:
    entry = pb.Entry(head=pb.Head(format=FORMAT + 1, version="9.0\x1b"))
    raw = entry.SerializeToString()
    (tmp_path / "new").write_bytes(len(raw).to_bytes(4) + raw)
    with pytest.raises(RecordingError, match=r"newer version \(grpctap 9\.0␛\); update grpctap"):
        Recording.open(tmp_path / "new")


@pytest.mark.parametrize(
    "descriptors", [b"", b"\xff", b"\x0a\x00" * 20_000, b"\x0a\x03\x0a\x01x"], ids=str
)
def test_types_that_make_no_sense_are_told_on_one_line(tmp_path: Path, descriptors: bytes) -> None:
    header = Header("x", "no.Such/Method\x1b", descriptors)
    (tmp_path / "file").write_bytes(Encoder(header).header())
    recording = Recording.open(tmp_path / "file")
    with pytest.raises(RecordingError) as caught:
        _ = recording.method
    assert str(caught.value).isprintable()
    assert list(recording.entries()) == []


@given(st.data())
def test_a_damaged_file_reads_to_the_damage_and_crashes_nobody(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    raw = bytearray(whole())
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(raw)
    try:
        recording = Recording.open(path)
        _ = recording.method
    except RecordingError:
        return
    count = sum(1 for _ in recording.placed())
    assert 0 <= count <= len(raw) // LENGTH_BYTES
    assert 0 <= recording.cut <= len(raw)
