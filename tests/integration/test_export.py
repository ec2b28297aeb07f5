"""Recordings written out: by the real program, from recordings that it made."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from grpctap.core.csvtext import guarded
from grpctap.core.jsontext import escape
from grpctap.core.listvalue import METHOD
from grpctap.exporting import main
from support import hostile
from support.methods import reflecting
from support.protos import Protos
from support.puppet import price_message
from support.server import PATIENCE_S, eventually
from support.taps import raw_server
from support.terminal import Terminal
from support.zoo.messages import MESSAGES, PROTOS, messages, method
from support.zoo.serving import UNORDERED, zoo_server

GRPCTAP = (sys.executable, "-m", "grpctap")
ABSENT = object()
KINDS = pytest.mark.parametrize("kind", MESSAGES)


def record(path: Path, address: str, method: str, *flags: str) -> bytes:
    """Records a stream to its end; returns what was printed meanwhile."""
    command = (*GRPCTAP, "-plaintext", *flags, "--record", str(path), address, method)
    done = subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, bytes]]:
    """A recording of each type in the zoo, and what was printed while it was made."""
    folder = tmp_path_factory.mktemp("zoo")
    with zoo_server() as address, ThreadPoolExecutor(2) as pool:
        made = {
            kind: pool.submit(record, folder / kind, address, method(kind), "--with-meta")
            for kind in MESSAGES
        }
        return {kind: (folder / kind, each.result()) for kind, each in made.items()}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 4,000 values."""
    path = tmp_path_factory.mktemp("counted") / "counter.grpctap"
    sent = [price_message(n, f"{'value ' * 30}{n}").SerializeToString() for n in range(1, 4_001)]
    with raw_server(sent, ends=True) as address:
        record(path, address, METHOD)
    return path


def export(capfdbinary: pytest.CaptureFixture[bytes], *words: str | Path) -> tuple[int, bytes, str]:
    """Runs the command here; returns the exit code, the output and what was said."""
    try:
        code = main([str(word) for word in words])
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 1
    out, err = capfdbinary.readouterr()
    return code, out, err.decode()


def table(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode(), newline="")))


def in_order(kind: str, lines: bytes) -> object:
    """The lines, byte for byte; but the entries of a map come in no order, in no two programs."""
    return [json.loads(line) for line in lines.splitlines()] if kind in UNORDERED else lines


@KINDS
def test_ndjson_is_what_the_live_stream_printed_byte_for_byte(
    zoo: dict[str, tuple[Path, bytes]], kind: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path, live = zoo[kind]
    assert live.count(b"\n") == len(messages(kind))
    code, out, said = export(capfdbinary, "--with-meta", path)
    assert (code, said) == (0, "")
    assert in_order(kind, out) == in_order(kind, live)
    plain = b"".join(
        line[line.index(b'"message": ') + 11 : -1] + b"\n" for line in live.splitlines()
    )
    assert in_order(kind, export(capfdbinary, path)[1]) == in_order(kind, plain)


@KINDS
def test_csv_has_in_each_cell_what_the_json_has(
    zoo: dict[str, tuple[Path, bytes]], kind: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path, live = zoo[kind]
    code, out, said = export(capfdbinary, "--format", "csv", path)
    assert (code, said) == (0, "")
    rows, documents = table(out), [json.loads(line) for line in live.splitlines()]
    assert len(rows) == len(documents)
    type_ = PROTOS.descriptor(kind)
    for row, document, message in zip(rows, documents, messages(kind), strict=True):
        assert (row.pop("seq"), row.pop("received")) == (
            str(document["seq"]),
            document["received"],
        )
        with_defaults = json_format.MessageToDict(
            message, always_print_fields_with_no_presence=True, descriptor_pool=PROTOS.pool
        )
        for name, cell in row.items():
            assert cell.isprintable()
            places: list[str] = []
            field, inner = None, type_
            for part in name.split("."):
                field = inner.fields_by_name[part]
                inner = field.message_type  # type: ignore[assignment]
                places.append(field.json_name)
            assert field is not None
            value = at(document["message"], places)
            if value is ABSENT:
                value = at(with_defaults, places)
            if value is ABSENT:
                assert cell == ""
            elif isinstance(value, str) and not (inner and inner.name == "Value"):
                # Only what might be a formula has an apostrophe more.
                assert cell in (escape(value), guarded(escape(value)))
            else:
                assert json.loads(cell) == value


def at(place: Any, path: Sequence[str]) -> Any:
    """What a document has at the end of a path."""
    for name in path:
        if not isinstance(place, dict) or name not in place:
            return ABSENT
        place = place[name]
    return place


def test_columns_are_chosen_by_their_paths(
    zoo: dict[str, tuple[Path, bytes]], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path, _ = zoo["Shapes"]
    columns = "inner.innermost.text,a_number,seq,inner.many.text,selves"
    code, out, said = export(capfdbinary, "--format=csv", "--columns", columns, path)
    rows = table(out)
    assert (code, said, list(rows[1])) == (0, "", columns.split(","))
    assert list(rows[1].values()) == ["deep", "", "2", '["x"]', "[]"]
    assert list(rows[3].values()) == ["", "0", "4", "[]", "[]"]
    path, _ = zoo["Maps"]
    code, out, _ = export(
        capfdbinary, "--format=csv", "--columns", "by_bool.true,by_sint64.-1,by_sint64.7", path
    )
    assert list(table(out)[1].values()) == ['{"byBool": {"false": {}}}', "text", ""]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--format", "csv", "--columns", "missing"), 'no field "missing" in zoo.Shapes'),
        (("--format", "csv", "--columns", " , "), "names no field"),
        (("--columns", "a_number"), "give --format csv"),
        (("--format", "csv", "--with-meta"), "--with-meta is for NDJSON"),
        (("--format", "xml"), "invalid choice"),
        (("--format=csv", "--columns", "seq,seq"), "seq is there twice"),
        (("--no-such-flag",), "unknown flag"),
        (("one", "too", "many"), "too many arguments"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(
    zoo: dict[str, tuple[Path, bytes]],
    capfdbinary: pytest.CaptureFixture[bytes],
    words: Sequence[str],
    problem: str,
) -> None:
    code, out, said = export(capfdbinary, *words, zoo["Shapes"][0])
    assert (code, out) == (2, b"")
    assert problem in said
    assert said.count("\n") == 1


def test_parts_of_what_is_one_cell_are_refused(
    zoo: dict[str, tuple[Path, bytes]], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    code, _, said = export(
        capfdbinary, "--format=csv", "--columns", "timestamp.seconds", zoo["WellKnown"][0]
    )
    assert code == 2
    assert "timestamp is one cell, so name it alone" in said


def test_formulas_are_harmless(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    protos = Protos("""
        syntax = "proto3"; package test;
        message Row { string text = 1; bytes raw = 2; sint64 number = 3; repeated string many = 4;
                      string seq = 5; oneof one { string of = 6; } }
        message Empty {}
        service Rows { rpc Show(Empty) returns (stream Row); }
    """)
    texts = [
        '=HYPERLINK("http://x";A1)',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "  =1",
        "＝1",
        "'quoted",
        'plain, "quoted"\nand more',
        "",
    ]
    sent = [
        protos.make("Row", text=text, raw=b"\xf8", number=-5, many=[text], seq=text, of=text)
        for text in texts
    ]

    def show(_: Any, context: Any) -> Iterator[Message]:
        yield from sent

    with reflecting(protos, {"test.Rows": {"Show": show}}) as address:
        record(tmp_path / "rows", address, "test.Rows/Show")
    code, out, _ = export(capfdbinary, "--format", "csv", tmp_path / "rows")
    assert code == 0
    rows = table(out)
    assert list(rows[0]) == [
        *("seq", "received"),
        *(f"message.{name}" for name in ("text", "raw", "number", "many", "seq", "of")),
    ]
    for row, text in zip(rows, texts, strict=True):
        for name in ("text", "seq", "of"):
            cell = row[f"message.{name}"]
            assert cell.isprintable()
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
            assert (cell[1:] if cell.startswith("'") else cell) == escape(text)
        # A number is none of the server's text, and stays one.
        assert row["message.number"] == "-5"
        assert row["message.raw"] == "'+A=="
        assert json.loads(row["message.many"]) == [text]


def test_hostile_values_are_whole_and_nothing_in_them_acts(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    values = hostile.values()
    sent = [hostile.raw_message(n, value) for n, value in enumerate(values, 1)]
    with raw_server(sent, ends=True) as address:
        live = record(tmp_path / "hostile", address, METHOD)
    assert export(capfdbinary, tmp_path / "hostile") == (0, live, "")
    texts = [value.decode("utf-8", "replace") for value in values]
    assert [json.loads(line).get("streamValue", "") for line in live.splitlines()] == texts
    code, out, _ = export(capfdbinary, "--format", "csv", tmp_path / "hostile")
    assert code == 0
    assert out.decode().replace("\r\n", "").isprintable()
    old = csv.field_size_limit(10**9)
    try:
        rows = table(out)
    finally:
        csv.field_size_limit(old)
    assert [row["stream_value"] for row in rows] == [guarded(escape(text)) for text in texts]


def test_a_file_is_whole_or_not_there(
    counted: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    out = tmp_path / "out.ndjson"
    assert export(capfdbinary, counted, "-o", out) == (
        0,
        b"",
        f"grpctap export: 4,000 values written to {out}\n",
    )
    assert len(out.read_text().splitlines()) == 4_000
    out.write_text("precious")
    assert export(capfdbinary, counted, "-o", out) == (
        1,
        b"",
        f"grpctap export: {out} exists; --force replaces it\n",
    )
    assert out.read_text() == "precious"
    link = tmp_path / "link.csv"
    link.symlink_to(out)
    assert export(capfdbinary, counted, "-o", link, "--force")[0] == 0
    assert link.is_symlink()
    assert len(table(out.read_bytes())) == 4_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.csv", "out.ndjson"]
    out.chmod(0o600)
    assert export(capfdbinary, counted, "-o", out, "--force")[0] == 0
    assert out.stat().st_mode & 0o777 == 0o600
    before = counted.read_bytes()
    code, _, said = export(capfdbinary, counted, "-o", counted, "--force")
    assert (code, counted.read_bytes()) == (1, before)
    assert "is the recording itself" in said
    code, _, said = export(capfdbinary, counted, "-o", tmp_path / "nowhere" / "x")
    assert (code, said.count("\n")) == (1, 1)
    assert "cannot be written: No such file or directory" in said
    assert "cannot be written: Is a directory" in export(capfdbinary, counted, "-o", tmp_path)[2]


@pytest.mark.parametrize(
    ("name", "flags", "form", "said"),
    [
        ("a.csv", (), "csv", False),
        ("a.CSV", (), "csv", False),
        ("a.txt", (), "ndjson", True),
        ("a.json", (), "ndjson", True),
        ("a.csv.txt", (), "ndjson", True),
        ("a.ndjson", (), "ndjson", False),
        ("a.jsonl", (), "ndjson", False),
        ("a", (), "ndjson", False),
        ("a.txt", ("--format", "ndjson"), "ndjson", False),
        ("a.txt", ("--format", "csv"), "csv", False),
        ("a.csv", ("--format", "ndjson"), "ndjson", False),
    ],
)
def test_the_name_of_the_file_says_the_format_or_a_line_does(
    zoo: dict[str, tuple[Path, bytes]],
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    name: str,
    flags: Sequence[str],
    form: str,
    said: bool,
) -> None:
    out = tmp_path / name
    path, _ = zoo["Shapes"]
    code, _, words = export(capfdbinary, path, "-o", out, *flags)
    assert code == 0
    assert out.read_bytes() == export(capfdbinary, path, "--format", form)[1]
    written = f"grpctap export: {len(messages('Shapes'))} values written to {out}\n"
    told = f"grpctap export: {out} is NDJSON, one message a line; for a table give --format csv\n"
    assert words == (told if said else "") + written


def test_a_recording_that_was_cut_off_is_exported_to_its_last_whole_message(
    counted: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    _, whole, _ = export(capfdbinary, counted)
    raw = counted.read_bytes()
    cut = tmp_path / "cut"
    for size in (len(raw) // 2, len(raw) // 3 + 7, len(raw) // 5 + 1):
        cut.write_bytes(raw[:size])
        code, out, said = export(capfdbinary, cut)
        assert code == 0
        assert whole.startswith(out)
        assert whole[: len(out) + 1].endswith(b"\n{")
        assert len(out) > 100_000
        # A cut may happen to be between two entries.
        assert said == "" or "ends in the middle of an entry" in said
        assert said.count("\n") <= 1
    cut.write_bytes(raw[:-3])
    assert "ends in the middle of an entry" in export(capfdbinary, cut)[2]
    cut.write_bytes(b"")
    assert export(capfdbinary, cut)[0] == 1


def repeated(recording: Path, path: Path, times: int = 60) -> Path:
    """A recording with the entries of another so many times: more than is exported in a second."""
    raw = recording.read_bytes()
    head = 4 + int.from_bytes(raw[:4])
    path.write_bytes(raw + raw[head:] * (times - 1))
    return path


def start(*words: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    command = (*GRPCTAP, "export", *map(str, words))
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)


def test_a_reader_that_goes_away_ends_it_without_a_word(counted: Path) -> None:
    with start(counted, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline().startswith(b"{")
        program.stdout.close()
        assert program.wait(PATIENCE_S * 2) == 141
        assert program.stderr.read() == b""


@pytest.mark.parametrize("flags", [(), ("-o", "/dev/full")])
def test_a_full_disk_is_told_in_a_line(counted: Path, flags: Sequence[str]) -> None:
    with Path("/dev/full").open("wb") as full, start(counted, *flags, stdout=full) as program:
        assert program.stderr is not None
        said = program.stderr.read().decode()
        assert program.wait(PATIENCE_S * 2) == 1
    where = flags[-1] if flags else "standard output"
    assert said == f"grpctap export: {where} cannot be written: No space left on device\n"


@pytest.fixture
def heard() -> Iterator[None]:
    """What a child is to hear of may be ignored here, as under nohup, and so by the child."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP,)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heard")
def test_a_signal_ends_it_and_leaves_no_file(counted: Path, tmp_path: Path) -> None:
    long = repeated(counted, tmp_path / "long")
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    programs = [(start(long, "-o", tmp_path / number.name), number) for number in numbers]
    # Nobody reads on, so it cannot.
    stuck = start(counted, stdout=subprocess.PIPE)
    assert stuck.stdout is not None
    stuck.stdout.readline()
    eventually(lambda: len(list(tmp_path.glob(".grpctap-*"))) == 3, "all write")
    for program, number in [*programs, (stuck, signal.SIGINT)]:
        assert program.stderr is not None
        with program:
            program.send_signal(number)
            assert program.wait(PATIENCE_S * 2) == 128 + number
            assert program.stderr.read() == b""
    assert [path.name for path in tmp_path.iterdir()] == ["long"]


def test_a_long_export_shows_a_bar_on_a_terminal(counted: Path, tmp_path: Path) -> None:
    long = repeated(counted, tmp_path / "long")
    command = (*GRPCTAP, "export", str(long), "-o", str(tmp_path / "out"))
    with Terminal(command) as terminal:
        terminal.wait_for(r"exporting.*%.*values")
        terminal.write(b"\x03")
        assert terminal.wait() == 130
    assert not (tmp_path / "out").exists()
