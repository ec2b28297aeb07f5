from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.manyentries import parse_entries
from grpctap.core.recording import EntryError, parse_entry
from grpctap_protos import recording_pb2 as pb

MESSAGE = pb.Entry.EVENT_TYPE_SERVER_MESSAGE
ENTRIES = st.builds(
    lambda kind, seconds, nanos, data, call, dropped, cut: pb.Entry(
        type=kind,
        timestamp={"seconds": seconds, "nanos": nanos},
        message={"data": data, "length": len(data)},
        call_id=call,
        dropped=dropped,
        payload_truncated=cut,
        logger=pb.Entry.LOGGER_CLIENT,
    ),
    st.sampled_from([MESSAGE] * 20 + [0, 2, 7]),
    st.sampled_from([1_800_000_000] * 20 + [0, -1, 2**62]),
    st.sampled_from([1, 999_999_999] * 10 + [0, -1]),
    st.sampled_from([b"", b"\x00", b"one", b"two" * 50] * 5 + [b"x" * 70_000]),
    st.sampled_from([1, 2] * 10 + [0, 2**64 - 1]),
    st.sampled_from([False] * 20 + [True]),
    st.sampled_from([False] * 20 + [True]),
)


def one_by_one(raws: list[bytes]) -> list[object]:
    found: list[object] = []
    for raw in raws:
        try:
            found.append(parse_entry(raw))
        except EntryError:
            break
    return found


@given(st.lists(ENTRIES, max_size=40))
def test_many_at_once_are_what_each_of_them_is(entries: list[pb.Entry]) -> None:
    raws = [entry.SerializeToString() for entry in entries]
    assert parse_entries(raws) == one_by_one(raws)


@pytest.mark.parametrize(
    "odd",
    [
        pb.Entry(seam={"id": 1}).SerializeToString(),
        pb.Entry(command="PAUSE").SerializeToString(),
        b"",
        b"\xff\xff",
        b"\x0a\x03\x08",
    ],
)
@pytest.mark.parametrize("place", [0, 7, 19])
def test_what_is_no_message_among_messages_is_found(odd: bytes, place: int) -> None:
    raws = [
        pb.Entry(
            type=MESSAGE,
            timestamp={"seconds": number + 1, "nanos": number + 1},
            message={"data": b"x" * (number + 1), "length": number + 1},
            call_id=1,
        ).SerializeToString()
        for number in range(20)
    ]
    assert len(parse_entries(raws)) == 20
    raws[place] = odd
    assert parse_entries(raws) == one_by_one(raws)
