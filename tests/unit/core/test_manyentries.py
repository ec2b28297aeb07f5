"""Entries of recordings read many at once, which must be what each of them is alone."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.framing import Framer
from grpctap.core.manyentries import _messages, parse_entries
from grpctap.core.recording import LENGTH_BYTES, EntryError, Received, parse_entry
from grpctap_protos import recording_pb2 as pb
from support.binlog import pieces

NOW_NS = 1_800_000_000_123_456_789
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


def framed(raws: list[bytes]) -> bytes:
    return b"".join(len(raw).to_bytes(LENGTH_BYTES) + raw for raw in raws)


def recorded(
    messages: list[bytes], call_id: int = 1, number: int = 1, step_ns: int = 1
) -> list[bytes]:
    """The entries that a recorder makes of messages that came together."""
    times = [NOW_NS + index * step_ns for index in range(len(messages))]
    return list(pieces(b"".join(Framer().frames(call_id, number, times, messages))))


def same(raws: list[bytes]) -> bool:
    return parse_entries(raws, framed(raws)) == one_by_one(raws)


@given(st.lists(ENTRIES, max_size=40))
def test_many_at_once_are_what_each_of_them_is(entries: list[pb.Entry]) -> None:
    assert same([entry.SerializeToString() for entry in entries])


@given(
    st.lists(st.binary(max_size=300), min_size=8, max_size=60),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**42 + 5),
    st.sampled_from([0, 1, 10**7, 10**9]),
)
def test_what_a_recorder_wrote_is_read_at_once(
    messages: list[bytes], call_id: int, number: int, step_ns: int
) -> None:
    raws = recorded(messages, call_id, number, step_ns)
    found = parse_entries(raws, framed(raws))
    assert found == one_by_one(raws)
    assert [entry.raw for entry in found if isinstance(entry, Received)] == messages


def test_a_flood_takes_the_quick_way() -> None:
    raws = recorded([b"x"] * 500)
    assert _messages(raws, framed(raws)) == one_by_one(raws)


def shifted(raws: list[bytes], by: int) -> list[bytes]:
    """The same bytes, each of them cut a little further on; the last one has what is left."""
    joined, ends = b"".join(raws), list(accumulate(map(len, raws)))
    cuts = [0, *(end + by for end in ends[:-1]), len(joined)]
    return [joined[start:stop] for start, stop in pairwise(cuts)]


@pytest.mark.parametrize("by", [-30, -12, -6, -2, -1, 1, 2, 3, 7])
def test_entries_that_are_shifted_on_purpose_are_none(by: int) -> None:
    raws = recorded([b"one" * 10] * 20)
    assert len(parse_entries(raws, framed(raws))) == 20
    assert b"".join(shifted(raws, by)) == b"".join(raws)
    assert same(shifted(raws, by))


def test_fields_that_stand_in_another_entry_are_not_read_as_its_own() -> None:
    raws = recorded([b"one" * 10] * 20)
    kind, call = pb.Entry(type=MESSAGE), pb.Entry(call_id=1)
    lacks = pb.Entry.FromString(raws[4])
    lacks.ClearField("type")
    lacks.ClearField("call_id")
    raws[3] += kind.SerializeToString() + call.SerializeToString()
    raws[4] = lacks.SerializeToString()
    found = parse_entries(raws, framed(raws))
    assert found == one_by_one(raws)
    assert found[4] is None
    # The same number, but as a list of one: to a reader that expects one number it is none.
    raws = recorded([b"one" * 10] * 20)
    raws[5] = raws[5].replace(b"\x20\x04", b"\x22\x01\x04", 1)
    found = parse_entries(raws, framed(raws))
    assert found == one_by_one(raws)
    assert found[5] is None
    # Of what can be only one thing, the last counts.
    raws = recorded([b"one" * 10] * 20)
    raws[6] += pb.Entry(client_header={"authority": "x"}).SerializeToString()
    assert same(raws)


@given(st.data())
def test_whatever_is_done_to_them_both_ways_read_the_same(data: st.DataObject) -> None:
    raws = recorded([b"\x08\x01\x12\x03abc" * 3] * 12)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raws) - 2))
        what = data.draw(st.integers(0, 3))
        cut = data.draw(st.integers(0, len(raws[at])))
        if what == 0:
            raws[at], raws[at + 1] = raws[at][:cut], raws[at][cut:] + raws[at + 1]
        elif what == 1:
            raws[at] = raws[at][:cut] + data.draw(st.binary(max_size=3)) + raws[at][cut:]
        elif what == 2:
            raws[at] = raws[at][:cut] + raws[at][cut + 1 :]
        else:
            raws[at], raws[at + 1] = raws[at + 1], raws[at]
    assert same(raws)


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
    raws = recorded([b"x" * number for number in range(1, 21)])
    assert len(parse_entries(raws, framed(raws))) == 20
    raws[place] = odd
    assert same(raws)


@pytest.mark.parametrize("field", ["call_id", "sequence_id_within_call", "timestamp", "message"])
def test_a_field_that_no_entry_has_is_no_fault_of_ours(field: str) -> None:
    raws = []
    for raw in recorded([b"one" * 10] * 20):
        entry = pb.Entry.FromString(raw)
        entry.ClearField(field)
        raws.append(entry.SerializeToString())
    assert same(raws)
