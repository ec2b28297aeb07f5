"""Fields are found where a parser finds them."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import example, given
from hypothesis import strategies as st

from grpctap.core.wire import MOST_FIELDS, find_bytes
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse

messages = st.builds(
    StreamResponse,
    stream_value=st.text(),
    stream_id=st.text(),
    sequence=st.integers(0, 2**64 - 1),
    resume_token=st.binary(),
    progress=st.booleans(),
    first_sequence=st.integers(0, 2**64 - 1),
    event_time=st.builds(Timestamp, seconds=st.integers(-(2**63), 2**63 - 1)),
    number=st.floats(),
)
FIELDS = [(1, "stream_value"), (2, "stream_id"), (4, "resume_token")]


@given(st.lists(messages, max_size=4))
def test_the_last_field_is_found(parts: list[StreamResponse]) -> None:
    # Messages one after the other are one message, in which later fields go before earlier ones.
    raw = b"".join(part.SerializeToString() for part in parts)
    whole = StreamResponse.FromString(raw)
    for number, name in FIELDS:
        place = find_bytes(raw, number)
        assert place is not None
        expected = getattr(whole, name)
        assert raw[place] == (expected.encode() if isinstance(expected, str) else expected)


@given(st.binary(max_size=60))
@example(b"\x0b\x0a\x01x\x0c\x0a\x01y")
@example(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@example(b"\x0a" + b"\x80" * 11)
@example(b"\x0d\x00\x00")
def test_what_a_parser_takes_is_found_in_any_bytes(raw: bytes) -> None:
    place = find_bytes(raw, 2)
    try:
        token = SimpleRequest.FromString(raw).resume_token
    except DecodeError:
        return
    if place is not None:
        assert raw[place] == token


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0a",
        b"\x0a\x05abc",
        b"\x09\x00\x00",
        b"\x0b\x0c",
        b"\x80" * 20,
        b"\x10\x01" * (MOST_FIELDS + 1),
    ],
    ids=["no size", "too short", "half a number", "a group", "no end", "very many fields"],
)
def test_where_it_takes_a_parser_it_says_so(raw: bytes) -> None:
    assert find_bytes(raw, 1) is None
