"""Lines of the log: one each, whatever stands in it, and never more than anybody can read."""

from __future__ import annotations

import io
import logging
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap_server.logs import BURST, LINES_PER_SECOND, LineHandler, logfmt
from support.server import eventually

ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def unquoted(text: str) -> str:
    """What a value of the log was, before it was quoted."""
    if not text.startswith('"'):
        return text

    def char(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        return {"n": "\n", "r": "\r", "t": "\t"}.get(escape, escape)

    return ESCAPE.sub(char, text[1:-1])


def record(event: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("grpctap_server", logging.INFO, "", 0, event, (), None)
    made.fields = fields
    return made


@given(st.text(min_size=1, max_size=250))
def test_any_value_stays_one_printable_value(text: str) -> None:
    line = logfmt({"a": text, "b": 1})
    assert line.isprintable()
    match = re.fullmatch(r'a=("(?:[^"\\]|\\.)*"|[^" =\\]+) b=1', line)
    assert match
    assert unquoted(match[1]) == text


def test_numbers_and_words_are_plain_and_what_is_not_there_is_left_out() -> None:
    line = logfmt({"n": 3, "s": 1.23456, "w": "a/b:1,2", "none": None, "empty": "", "q": "a b"})
    assert line == 'n=3 s=1.235 w=a/b:1,2 q="a b"'


def test_long_values_are_cut() -> None:
    assert len(logfmt({"a": "x" * 100_000})) < 400


def test_a_line_has_its_time_and_level_and_event_first() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream.write)
    handler.handle(record("call", peer="x"))
    handler.close()
    line = stream.getvalue()
    assert re.fullmatch(
        r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info event=call peer=x\n", line
    )


def test_lines_of_other_loggers_and_tracebacks_are_one_line_too() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream.write)
    try:
        raise ValueError("boo\nboo")
    except ValueError as error:
        exc_info = (type(error), error, error.__traceback__)
    made = logging.LogRecord("asyncio", logging.ERROR, "", 0, "task\x1b %s", ("died",), exc_info)
    handler.handle(made)
    handler.close()
    (line,) = stream.getvalue().splitlines()
    assert r'logger=asyncio message="task\x1b died" traceback="Traceback' in line
    assert r"ValueError: boo\nboo" in line


def test_a_storm_is_cut_short_and_counted_and_other_events_come_through() -> None:
    stream, clock = io.StringIO(), Clock()
    handler = LineHandler(stream.write, clock)
    for _ in range(10 * BURST):
        handler.handle(record("call"))
    handler.handle(record("counts"))
    clock.now += 1
    for _ in range(LINES_PER_SECOND + 5):
        handler.handle(record("call"))
    handler.close()
    text = stream.getvalue()
    assert text.count("event=call") == BURST + LINES_PER_SECOND
    assert text.count("event=counts") == 1
    told = re.findall(r"event=suppressed of=call of_level=info lines=(\d+)", text)
    assert sum(map(int, told)) == 9 * BURST + 5


def test_what_was_left_out_is_told_when_the_storm_is_over() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream.write, Clock())
    for _ in range(BURST + 7):
        handler.handle(record("call"))
    eventually(
        lambda: "event=suppressed of=call of_level=info lines=7" in stream.getvalue(), "it is told"
    )
    handler.close()


class Stuck(io.StringIO):
    """A standard error that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.free.wait()
        return super().write(text)


def test_a_standard_error_that_nobody_reads_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("grpctap_server.logs._WAITING", 100)
    monkeypatch.setattr("grpctap_server.logs.BURST", 10_000)
    stream = Stuck()
    handler = LineHandler(stream.write)
    for _ in range(1_000):
        handler.handle(record("call"))
    stream.free.set()
    eventually(lambda: "event=dropped lines=" in stream.getvalue(), "the loss is told")
    handler.close()
    lines = stream.getvalue().splitlines()
    told = [int(n) for n in re.findall(r"event=dropped lines=(\d+)", stream.getvalue())]
    assert sum("event=call" in line for line in lines) + sum(told) == 1_000


def test_a_standard_error_that_was_closed_does_no_harm() -> None:
    def fail(line: str) -> None:
        tried.append(line)
        raise BrokenPipeError

    tried: list[str] = []
    handler = LineHandler(fail)
    handler.handle(record("call"))
    handler.handle(record("call"))
    handler.close()
    assert len(tried) == 2
