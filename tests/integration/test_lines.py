"""The lines that a program writes, as values: real pipes, their end, and what is too much."""

import json
import signal
import subprocess
import sys
import threading
from itertools import islice
from typing import Any

import grpc
import pytest

from grpctap_protos import server_stream_pb2 as pb
from grpctap_server import tokens
from grpctap_server.cli import main
from grpctap_server.feeds.splitting import LONGEST_LINE
from support.client import connect
from support.lines import LinesServer
from support.server import PATIENCE_S, eventually
from support.terminal import Terminal

EXPIRED = (grpc.StatusCode.OUT_OF_RANGE, "TOKEN_EXPIRED")


def texts(messages: "list[pb.StreamResponse]") -> list[str]:
    return [message.stream_value for message in messages]


def numbered(messages: "list[pb.StreamResponse]", first: int) -> None:
    """Fail unless they are of one log, and numbered from `first` without holes."""
    assert [m.sequence for m in messages] == list(range(first, first + len(messages)))
    assert len({m.stream_id for m in messages}) == 1


def test_each_line_is_a_value_as_soon_as_it_is_written() -> None:
    with LinesServer() as server, connect(server.address) as client:
        call = client.open("> ", progress=True)
        assert next(call).progress
        got = []
        for n in range(20):
            server.write(b"line %d\n" % n)
            got.append(next(call))
        assert texts(got) == [f"> line {n}" for n in range(20)]
        numbered(got, 1)
        assert got[0].stream_id.startswith("lines-")
        times = [m.event_time.ToNanoseconds() for m in got]
        assert times == sorted(times)
        server.write(b"no newline")
        assert server.end_input() == 21
        assert texts(list(call)) == ["> no newline"]
        assert call.code() is grpc.StatusCode.OK


def test_after_the_end_all_that_is_kept_is_there_and_then_ok() -> None:
    with LinesServer("--retain", "50", "--tail", "3") as server, connect(server.address) as client:
        server.write(b"".join(b"%d\n" % n for n in range(1, 81)))
        assert server.end_input() == 80
        everything = list(client.open(""))
        assert texts(everything) == [str(n) for n in range(31, 81)]
        assert [m.number for m in everything] == list(range(31, 81))
        numbered(everything, 31)
        for cut, message in enumerate(everything):
            assert list(client.open("", message.resume_token)) == everything[cut + 1 :]
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
        assert server.stderr.count("\n") == 2
        assert "Traceback" not in server.stderr


def test_the_viewer_shows_what_a_program_said_that_has_ended() -> None:
    with LinesServer() as server:
        server.write(b"".join(b"%d\n" % n for n in range(1, 31)))
        assert server.end_input() == 30
        method = "proto.StreamServer/ListValue"
        command = (sys.executable, "-m", "grpctap", "-plaintext", server.address, method)
        seen = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert seen.returncode == 0, seen.stderr
    values = [json.loads(line)["streamValue"] for line in seen.stdout.splitlines()]
    assert values == [str(n) for n in range(1, 31)]


def test_a_program_that_says_nothing_makes_a_log_without_values() -> None:
    with LinesServer() as server, connect(server.address) as client:
        waiting = client.open("")
        assert server.end_input() == 0
        assert list(waiting) == []
        assert list(client.open("")) == []
        (progress,) = client.open("", progress=True)
        assert (progress.sequence, progress.first_sequence) == (0, 1)
        assert list(client.open("", progress.resume_token)) == []


def await_lines(client: Any, count: int) -> None:
    """Wait until the server has read so many lines."""

    def newest() -> int:
        call = client.open("", progress=True)
        sequence = int(next(call).sequence)
        call.cancel()
        return sequence

    eventually(lambda: newest() >= count, f"{count} lines are read")


@pytest.mark.parametrize(("flags", "tail"), [((), 10), (("--tail", "3"), 3), (("--tail", "0"), 0)])
def test_a_fresh_call_begins_with_the_last_lines(flags: tuple[str, ...], tail: int) -> None:
    with LinesServer(*flags) as server, connect(server.address) as client:
        server.write(b"".join(b"%d\n" % n for n in range(1, 101)))
        await_lines(client, 100)
        call = client.open("", progress=True)
        assert next(call).sequence == 100
        server.write(b"101\n")
        got = list(islice(call, tail + 1))
        call.cancel()
        assert texts(got) == [str(n) for n in range(101 - tail, 102)]


def test_a_reader_may_join_at_any_kept_point_while_lines_come() -> None:
    with LinesServer("--tail", "1000") as server, connect(server.address) as client:
        server.write(b"".join(b"%d\n" % n for n in range(1, 61)))
        whole = client.take(60, "")
        calls = [client.open("", message.resume_token) for message in whole]
        server.write(b"".join(b"%d\n" % n for n in range(61, 101)))
        for message, call in zip(whole, calls, strict=True):
            rest = list(islice(call, 100 - message.sequence))
            call.cancel()
            assert texts(rest) == [str(n) for n in range(message.sequence + 1, 101)]
            numbered(rest, message.sequence + 1)


def test_who_comes_too_late_is_told_what_is_gone_and_goes_on_at_the_oldest() -> None:
    with LinesServer("--retain", "10") as server, connect(server.address) as client:
        server.write(b"one\n")
        (one,) = client.take(1, "")
        server.write(b"".join(b"%d\n" % n for n in range(2, 101)))
        await_lines(client, 100)
        code, info = client.refusal("", one.resume_token)
        assert (code, info.reason) == EXPIRED
        assert info.metadata["first_sequence"] == "91"
        token = tokens.decode(one.resume_token)._replace(sequence=tokens.OLDEST)
        oldest = client.take(10, "", tokens.encode(token))
        numbered(oldest, 91)
        assert texts(oldest) == [str(n) for n in range(91, 101)]


def test_a_token_of_another_process_is_of_another_log() -> None:
    seen: list[pb.StreamResponse] = []
    for _ in range(2):
        with LinesServer() as server, connect(server.address) as client:
            server.write(b"a\n")
            if seen:
                code, info = client.refusal("", seen[0].resume_token)
                assert code is grpc.StatusCode.FAILED_PRECONDITION
                assert info.reason == "STREAM_CHANGED"
            seen += client.take(1, "")


def test_of_a_million_lines_at_once_no_call_loses_one_unsaid() -> None:
    count = 1_000_000
    everything = b"".join(b"%d\n" % n for n in range(1, count + 1))
    with LinesServer("--retain", "2000") as server, connect(server.address) as client:

        def write() -> None:
            server.write(everything)
            server.close_stdin()

        writer = threading.Thread(target=write)
        writer.start()
        last, token = 0, b""
        while last < count:
            call = client.open("", token)
            try:
                # A viewer that looks only now and then; the newest lines are soon far ahead.
                for message in islice(call, 500):
                    assert message.stream_value == str(message.sequence)
                    assert message.sequence == last + 1 or (message.sequence > last and not token)
                    last, token = message.sequence, message.resume_token
                call.cancel()
            except grpc.RpcError:
                # What is missed is told, and never before it is.
                assert call.code() in (grpc.StatusCode.ABORTED, grpc.StatusCode.OUT_OF_RANGE)
                token = b""
        writer.join(PATIENCE_S)
        server.await_line(rf"ended after {count} lines")
        numbered(list(client.open("")), count - 1999)


def test_hostile_lines_come_as_text_whatever_they_hold() -> None:
    lines = [
        b"\x1b[31mred\x07\x00",
        b"\xff\xfe\x80bad",
        "‮ right to left".encode(),
        b"\xed\xa0\x80",
        b"",
        b"a\rb",
    ]
    with LinesServer("--tail", "100") as server, connect(server.address) as client:
        server.write(b"".join(line + b"\r\n" for line in lines))
        got = client.take(len(lines), "")
        assert texts(got) == [line.decode(errors="replace") for line in lines]
        assert texts(got)[1] == "\ufffd\ufffd\ufffdbad"
        assert not any(m.HasField("number") for m in got)


def test_a_line_without_end_is_cut_and_costs_bounded_memory() -> None:
    with LinesServer("--retain", "4") as server, connect(server.address) as client:
        for _ in range(12):
            server.write(b"\xff" * LONGEST_LINE)
        server.write(b"\nafter\n")
        assert server.end_input() == 13
        *pieces, last = client.open("")
        assert last.stream_value == "after"
        assert [len(m.stream_value) for m in pieces] == 3 * [LONGEST_LINE]


def test_a_column_of_the_line_is_its_number() -> None:
    with LinesServer("--number-column", "2") as server, connect(server.address) as client:
        server.write(b"load 0.5 x\nload high\n7\n")
        server.end_input()
        got = list(client.open(""))
        assert [(m.HasField("number"), m.number) for m in got] == [
            (True, 0.5),
            (False, 0.0),
            (False, 0.0),
        ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_the_program_is_silent(number: signal.Signals) -> None:
    with LinesServer() as server, connect(server.address) as client:
        server.write(b"one\n")
        call = client.open("")
        assert next(call).stream_value == "one"
        server.send_signal(number)
        with pytest.raises(grpc.RpcError) as ended:
            list(call)
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        assert server.wait() == 0
        assert server.stderr.count("\n") == 1


def test_a_standard_input_that_fails_ends_the_server_in_one_line() -> None:
    # It is open, but for writing alone.
    command = f"exec {sys.executable} -m grpctap_server --feed lines --port 0 0>/dev/null"
    done = subprocess.run(
        ("/bin/sh", "-c", command), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("grpctap serve: cannot read standard input: ")
    assert "Traceback" not in done.stderr


def test_at_a_terminal_it_says_what_to_do_and_takes_each_line() -> None:
    command = (sys.executable, "-m", "grpctap_server", "--feed", "lines", "--port", "0")
    with Terminal(command) as terminal:
        terminal.wait_for("Ctrl-D ends them")
        terminal.wait_for(r"listening on \S+")
        address = terminal.text.partition("listening on ")[2].split()[0]
        with connect(address) as client:
            call = client.open("")
            terminal.write(b"typed\n")
            assert next(call).stream_value == "typed"
            terminal.write(b"\x04")
            assert list(call) == []
        terminal.wait_for("ended after 1 lines")
        terminal.write(b"\x03")
        assert terminal.wait() == 0


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--file", "x"], "--file goes with --feed lines only"),
        (["--tail", "5"], "--tail goes with --feed lines only"),
        (["--feed", "counter", "--number-column", "1"], "--number-column goes with --feed lines"),
        (["--feed", "lines", "--interval", "1"], "--interval goes with --feed price or counter"),
        (["--feed", "lines", "--count", "1"], "--count goes with --feed counter only"),
        (["--feed", "lines", "--start", "0"], "--start goes with --feed price only"),
        (["--feed", "lines", "--tail", "-1"], "--tail: -1 is not from 0"),
        (["--feed", "lines", "--number-column", "0"], "--number-column: 0 is not from 1"),
        (["--feed", "lines", "--retain", "1000000000"], "lines are kept in memory"),
        (["--feed", "lines", "--until-eof"], "both read standard input"),
        (["--slow-timeout", "-1"], "--slow-timeout: -1 is not 0"),
        (["--slow-timeout", "soon"], "--slow-timeout: 'soon' is not a number of seconds"),
    ],
)
def test_flags_that_make_no_sense_cost_one_line_and_exit_2(
    args: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert complaint in err


def test_a_closed_standard_input_is_said_before_anything_is_served() -> None:
    command = f"exec {sys.executable} -m grpctap_server --feed lines --port 0 <&-"
    done = subprocess.run(
        ("/bin/sh", "-c", command), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "standard input is closed" in done.stderr
