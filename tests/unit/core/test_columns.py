from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.columns import ColumnReader
from grpctap.core.listvalue import ListValue
from grpctap.core.message import MessageError, Reading
from grpctap_protos import server_stream_pb2 as pb

SCHEMA = ListValue(pb.SimpleRequest(), progress=True)


def message(sequence: int, **fields: Any) -> bytes:
    values: dict[str, Any] = {
        "stream_value": f"WTI {sequence}",
        "stream_id": "log",
        "sequence": sequence,
        "resume_token": b"at",
        "number": float(sequence),
    }
    return pb.StreamResponse(**values | fields).SerializeToString()


def one_by_one(raws: list[bytes]) -> list[Reading] | None:
    try:
        return [SCHEMA.read(raw) for raw in raws]
    except MessageError:
        return None


def test_a_run_says_what_its_messages_say() -> None:
    raws = [message(n, resume_token=f"at {n}".encode()) for n in range(7, 12)]
    run = SCHEMA.read_run(raws)
    assert run is not None
    assert list(run.sequences) == [7, 8, 9, 10, 11]
    assert (run.stream_id, run.token) == ("log", b"at 11")
    assert list(run.numbers) == [7.0, 8.0, 9.0, 10.0, 11.0]


ODD = {
    "a gap": [message(1), message(3)],
    "a repeat": [message(1), message(1)],
    "another stream": [message(1), message(2, stream_id="other")],
    "no stream": [message(1, stream_id=""), message(2, stream_id="")],
    "a sign of life": [message(1), message(2, progress=True)],
    "no number in one": [message(1), message(2, number=None)],
    "no number in any": [message(1, number=None), message(2, number=None)],
    "no token in one": [message(1), message(2, resume_token=b"")],
    "no sequence": [message(0), message(0)],
    "a sequence twice": [message(1) + message(2), message(0), message(3)],
    "bytes that are no message": [message(1), b"\xff" * 9, message(2)],
    "a message cut short": [message(1), message(2)[:-1], message(3)],
    "a length beyond the end": [message(1) + b"\x0a\x10", message(2), message(3)],
    "an open group": [message(1) + b"\x7b", message(2), message(3)],
}


def test_what_is_no_run_is_read_one_by_one() -> None:
    assert [name for name, raws in ODD.items() if SCHEMA.read_run(raws) is not None] == []


@given(
    cuts=st.lists(st.integers(0, 400), max_size=9),
    tail=st.binary(max_size=12),
    count=st.integers(1, 6),
)
def test_a_run_is_never_other_than_its_messages(cuts: list[int], tail: bytes, count: int) -> None:
    joined = b"".join(message(n) for n in range(1, count + 1)) + tail
    places = [0, *sorted(min(cut, len(joined)) for cut in cuts), len(joined)]
    raws = [joined[a:b] for a, b in pairwise(places)]
    run = SCHEMA.read_run(raws)
    if run is None:
        return
    readings = one_by_one(raws)
    assert readings is not None
    assert [reading.sequence for reading in readings] == list(run.sequences)
    assert readings[-1].token == run.token


def test_a_field_of_another_type_is_told_from_the_marked_one() -> None:
    reader = ColumnReader(cast("Descriptor", pb.StreamResponse.DESCRIPTOR), "first_sequence")
    raws = [pb.StreamResponse(first_sequence=n).SerializeToString() for n in (3, 9)]
    read = reader.read(raws)
    assert read is not None
    assert read[1] == [3, 9]
    assert reader.read([raws[0], message(1)]) is None
