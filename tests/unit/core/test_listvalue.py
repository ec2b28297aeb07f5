from __future__ import annotations

import json
import math

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import example, given
from hypothesis import strategies as st

from grpctap.core.listvalue import ListValue, last_number
from grpctap.core.message import MessageError, Reading
from grpctap.core.text import MAX_LINE
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse

SCHEMA = ListValue(SimpleRequest(data="x", resume_token=b"first"), progress=True)


def _varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes((low | 0x80,)) + _varint(high) if high else bytes((low,))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("WTI 78.41", 78.41),
        ("stream server grpc 0", 0),
        ("WTI78.41USD", 78.41),
        ("-3", -3),
        ("a -3.5e2 b", -350),
        ("+.5", 0.5),
        ("2026-11-23", 23),
        ("x-7", 7),
        ("5e", 5),
        ("1.", 1),
        ("12 then 1e999", None),
        ("", None),
        ("none", None),
        ("٣", None),
        ("9" * 1_000_000 + " 4", 4),
    ],
)
def test_the_last_number_in_a_text(text: str, number: float | None) -> None:
    assert last_number(text) == number


@given(st.text() | st.text("0123456789.eE+-_\u0661 x", max_size=600))
@example("1" * 256 + "e9")
@example("9" * 300)
@example("." * 10_000 + "1")
@example("1." * 5_000)
@example("1e" * 5_000)
@example("-" * 10_000)
@example("0." + "0" * 250 + "1e-999")
@example("1_000")
def test_the_number_finder_takes_any_text(text: str) -> None:
    number = last_number(text)
    assert number is None or math.isfinite(number)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_is_found_as_python_writes_it(number: float) -> None:
    assert last_number(f"WTI {number!r}") == number


def check(raw: bytes) -> None:
    reading = SCHEMA.read(raw)
    assert reading.number is None or math.isfinite(reading.number)
    assert isinstance(SCHEMA.line(raw), str)
    line = SCHEMA.json(raw)
    assert line.isprintable()
    told = json.loads(line)
    if isinstance(told.get("number"), float):
        assert math.isfinite(told["number"])
    assert int(told.get("sequence", 0)) == reading.sequence


def field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


@given(st.binary(max_size=200))
@example(b"\x0a\x01\xff")
@example(b"\x12\x02\xc0\x80")
@example(b"\x3a\x01\x08")
@example(b"\x3b" * 200)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        SCHEMA.read(raw)
    except MessageError:
        with pytest.raises(MessageError):
            SCHEMA.json(raw)
        with pytest.raises(MessageError):
            SCHEMA.line(raw)
        return
    check(raw)


@given(
    st.builds(
        StreamResponse,
        sequence=st.integers(0, 2**64 - 1),
        first_sequence=st.integers(0, 2**64 - 1),
        resume_token=st.binary(),
        progress=st.booleans(),
        number=st.none() | st.floats(),
        event_time=st.none()
        | st.builds(
            Timestamp,
            seconds=st.integers(-(2**63), 2**63 - 1),
            nanos=st.integers(-(2**31), 2**31 - 1),
        ),
    ),
    st.binary() | st.text().map(str.encode),
    st.binary(max_size=9),
    st.binary(max_size=9),
)
@example(StreamResponse(event_time=Timestamp(seconds=10**15)), b"", b"", b"")
@example(StreamResponse(event_time=Timestamp(nanos=-1)), b"", b"", b"")
@example(StreamResponse(event_time=Timestamp(seconds=-62135596801)), b"\xff", b"\xed\xa0\x80", b"")
@example(
    StreamResponse(number=math.nan, sequence=2**64 - 1), b"\x1b[2J\xc2\x9b", b"\xe2\x80\xae", b""
)
def test_any_values_of_the_fields_are_read(
    message: StreamResponse, value: bytes, stream_id: bytes, unknown: bytes
) -> None:
    check(message.SerializeToString() + field(1, value) + field(2, stream_id) + field(99, unknown))


@given(
    st.text() | st.builds(lambda text: text * 5_000, st.text(max_size=9)),
    st.builds(lambda fill: fill * 20_000, st.binary(max_size=3)),
    st.booleans(),
)
@example("x" * 20_000, b"", True)
@example("\U0001f525" * 20_000, b"x", False)
def test_the_beginning_of_a_long_value_is_its_line(text: str, more: bytes, last: bool) -> None:
    message = StreamResponse(stream_value=text, sequence=2**64 - 1, number=0.5, resume_token=b"t")
    # A field that nobody knows; and the last of two values is the one that counts.
    unknown = b"\x7a" + _varint(len(more)) + more
    raw = message.SerializeToString()
    raw = b"\x0a\x03old" + unknown + raw if last else unknown + raw + unknown
    line = SCHEMA.line(raw)
    expected = text or ("old" if last else "")
    assert expected.startswith(line[: MAX_LINE + 1])
    assert line == expected or len(line) > MAX_LINE


@given(st.text("0123456789.x ", max_size=300), st.text(max_size=5).map(lambda text: text * 9_000))
def test_a_long_value_has_the_number_at_its_end(end: str, beginning: str) -> None:
    raw = StreamResponse(stream_value=beginning + end, sequence=1).SerializeToString()
    assert SCHEMA.read(raw).number == last_number(
        (beginning + end).encode()[-256:].decode(errors="replace")
    )


def test_the_servers_number_goes_before_one_in_the_text() -> None:
    with_number = StreamResponse(
        stream_value="WTI 1", stream_id="s", sequence=2, resume_token=b"t", number=78.4
    )
    assert SCHEMA.read(with_number.SerializeToString()) == Reading("s", 2, b"t", False, 78.4)
    assert SCHEMA.number_name == "number"
    with_number.ClearField("number")
    assert SCHEMA.read(with_number.SerializeToString()).number == 1
    for strange in (math.nan, math.inf):
        with_number.number = strange
        assert SCHEMA.read(with_number.SerializeToString()).number is None


def test_a_request_keeps_what_was_asked_and_changes_the_place() -> None:
    for token in (b"", b"later"):
        request = SimpleRequest.FromString(SCHEMA.request(token))
        assert request == SimpleRequest(data="x", resume_token=token, progress_notify=True)
    quiet = ListValue(SimpleRequest(progress_notify=True), progress=False)
    assert not SimpleRequest.FromString(quiet.request(b"")).progress_notify
