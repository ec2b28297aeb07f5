"""Entries of recordings: written as protobuf would, read by A16's proto, and back; and nonsense."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core import recording
from grpctap.core.encoder import Batch, Encoder, HeaderError, Item, Kept
from grpctap.core.facts import MOST_PAST_CALLS, CallFacts, Calls
from grpctap.core.framing import Framer, one_frame
from grpctap.core.history import History
from grpctap.core.recording import (
    MAX_MESSAGE,
    Commanded,
    Ended,
    Entry,
    EntryError,
    Header,
    Headers,
    Opened,
    Received,
    Requested,
    SeamAt,
    parse_entry,
    parse_header,
)
from grpctap.core.seams import Cause, Fault, How, Interruption, Irregularity, Outcome, Range
from grpctap.core.secrets import MASK, STATUS_DETAILS
from grpctap.core.state import Command
from grpctap.core.status import Peer, Status
from grpctap_protos import recording_pb2 as pb
from support.binlog import pieces, read

NOW_NS = 1_800_000_000_123_456_789
HEADER = Header("127.0.0.1:8000", "proto.StreamServer/ListValue", b"\x0a\x00", started_ns=NOW_NS)
MOMENTS = st.integers(0, 2**62)
STATUS = Status(
    14,
    "UNAVAILABLE",
    "gone \ud800 away",
    "SHUTTING_DOWN",
    {"oldest": "41"},
    "fewer pings",
    Peer.TLS,
    ("a.example", "b.example"),
    "--resume",
    (("type.googleapis.com/google.rpc.ErrorInfo", b"\x0a\x01x"),),
)


def written(*items: Item) -> bytes:
    return b"".join(Encoder(HEADER).frames(items))


def entries(raw: bytes) -> list[Entry]:
    found = [parse_entry(piece) for piece in pieces(raw)]
    return [entry for entry in found if entry is not None]


@given(
    st.lists(st.tuples(MOMENTS, st.binary(max_size=300)), min_size=1, max_size=40),
    st.integers(1, 2**63),
    st.integers(1, 2**42 + 5),
)
def test_many_at_once_are_the_entries_that_protobuf_writes(
    messages: list[tuple[int, bytes]], call_id: int, number: int
) -> None:
    times, raws = [time for time, _ in messages], [raw for _, raw in messages]
    made = b"".join(Framer().frames(call_id, number, times, raws))
    expected = b"".join(
        one_frame(call_id, number + index, *message) for index, message in enumerate(messages)
    )
    assert [pb.Entry.FromString(piece) for piece in pieces(made)] == [
        pb.Entry.FromString(piece) for piece in pieces(expected)
    ]


@given(
    st.integers(8, 3_000),
    st.integers(0, 2_000_000),
    st.lists(st.integers(0, 100_000), min_size=1, max_size=5),
)
def test_a_flood_is_cut_and_numbered_right(count: int, step_ns: int, sizes: list[int]) -> None:
    times = [NOW_NS + index * step_ns for index in range(count)]
    raws = [bytes(sizes[index % len(sizes)] // (1 + index % 50)) for index in range(count)]
    made = list(Framer().frames(7, 5, times, raws))
    found = [pb.Entry.FromString(piece) for piece in pieces(b"".join(made))]
    assert [entry.sequence_id_within_call for entry in found] == list(range(5, 5 + count))
    assert [entry.timestamp.ToNanoseconds() for entry in found] == times
    assert [entry.message.data for entry in found] == raws
    # No piece grows beyond what it takes to be quick, unless a message does.
    assert max(map(len, made)) < 2 * 1024 * 1024


def test_a_reader_of_a16_reads_it() -> None:
    metadata = (("x-served-by", "node-7"), ("x-trace-bin", b"\x00\xff"))
    trailing = (("x-cost", "3"), (STATUS_DETAILS, b"\x08\x0e"))
    raw = Encoder(HEADER).header() + written(
        Opened(NOW_NS, 3, metadata, 1_500_000_000),
        Requested(NOW_NS + 1, 3, b"request"),
        Headers(NOW_NS + 2, 3, metadata),
        Batch(3, [NOW_NS + 3, NOW_NS + 4], [b"one", b""]),
        SeamAt(9, Irregularity(Fault.REPEATED, NOW_NS + 5, 1, Range(1, 1))),
        Received(NOW_NS + 5, b"one", 3, True, 3),
        Ended(NOW_NS + 6, 3, STATUS, trailing),
        Commanded(NOW_NS + 7, Command.FRESH),
        Opened(NOW_NS + 8, 5),
        Ended(NOW_NS + 9, 5, Status(1, "CANCELLED", "by us"), (), cancelled=True),
    )
    first, *found = read(raw)
    assert (first.type, first.call_id) == (0, 0)
    calls = [entry for entry in found if entry.type]
    assert [entry.type for entry in calls] == [1, 3, 2, 4, 4, 4, 6, 1, 7]
    assert [entry.call_id for entry in calls] == [3] * 7 + [5] * 2
    assert [entry.sequence_id_within_call for entry in calls] == [1, 2, 3, 4, 5, 6, 7, 1, 2]
    assert {entry.logger for entry in calls} == {1}
    header = calls[0].client_header
    assert (header.method_name, header.authority) == (f"/{HEADER.method}", HEADER.target)
    assert header.timeout.ToNanoseconds() == 1_500_000_000
    assert [(entry.key, entry.value) for entry in header.metadata.entry] == [
        ("x-served-by", b"node-7"),
        ("x-trace-bin", b"\x00\xff"),
    ]
    assert calls[1].message.data == b"request"
    assert (calls[2].peer.type, calls[2].peer.address, calls[2].peer.ip_port) == (
        1,
        "127.0.0.1",
        8000,
    )
    assert [(e.message.length, e.message.data) for e in calls[3:6]] == [
        (3, b"one"),
        (0, b""),
        (3, b"one"),
    ]
    assert [e.timestamp.ToNanoseconds() - NOW_NS for e in calls[3:6]] == [3, 4, 5]
    trailer = calls[6].trailer
    assert (trailer.status_code, trailer.status_message) == (14, "gone ? away")
    assert trailer.status_details == b"\x08\x0e"
    assert [entry.key for entry in trailer.metadata.entry] == ["x-cost"]


def test_what_is_written_is_read_again() -> None:
    gap = Interruption(
        Cause.LOST,
        NOW_NS,
        41,
        STATUS,
        NOW_NS + 5,
        How.RESUMED,
        Outcome.MISSED,
        Range(42, 2**64 - 1),
    )
    items: list[Item] = [
        Opened(NOW_NS, 1, (("x-plain", "yes"), ("x-raw-bin", b"\xff"))),
        Requested(NOW_NS, 1, b"\x0a\x00"),
        Headers(NOW_NS + 1, 1),
        SeamAt(0, Interruption(Cause.PAUSED, NOW_NS, None)),
        SeamAt(5, Irregularity(Fault.GAP, NOW_NS, 3, Range(1, 3))),
        SeamAt(6, Irregularity(Fault.NEW_STREAM, NOW_NS)),
        SeamAt(7, gap),
        Received(NOW_NS + 2, b"again", 1, True, 5),
        Ended(NOW_NS + 3, 1, Status(0, "OK"), (("x-cost", "3"),), cancelled=False),
        *(Commanded(NOW_NS, command) for command in Command),
    ]
    expected = list(items)
    mended = Status(*(getattr(STATUS, name) for name in STATUS.__slots__))
    object.__setattr__(mended, "details", "gone ? away")
    object.__setattr__(gap, "status", mended)
    assert entries(written(*items)) == expected


def test_the_header_is_read_again() -> None:
    header = Header(
        "unix:/run/a b.sock",
        "a.B/C",
        b"\x0a\x00",
        "start=kv.revision+1",
        True,
        "key,value.size",
        "TLS, not verified",
        NOW_NS,
        17,
        "0.1.0",
    )
    (raw,) = pieces(Encoder(header).header())
    assert parse_header(raw) == header


def test_of_a_seam_that_is_amended_at_once_only_the_last_word_is_written() -> None:
    seams = [SeamAt(4, Irregularity(Fault.REPEATED, NOW_NS, n, Range(1, n))) for n in (1, 2, 3)]
    other = SeamAt(5, Irregularity(Fault.GAP, NOW_NS))
    assert entries(written(*seams, other)) == [seams[-1], other]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("authorization", "Bearer hunter2"),
        ("x-api-key", "hunter2"),
        ("x-forwarded", "Bearer hunter2"),
        ("x-session-bin", b"hunter2"),
        ("x-forwarded-bin", b"Bearer hunter2"),
    ],
)
def test_secrets_are_masked(key: str, value: str | bytes) -> None:
    both = ((key, value), ("x-plain", "hunter3"))
    raw = written(Opened(1, 1, both), Headers(2, 1, both), Ended(3, 1, STATUS, both))
    assert b"hunter2" not in raw
    assert raw.count(MASK.encode()) == raw.count(b"hunter3") == 3


def test_of_a_message_that_is_too_large_only_its_size_is_kept() -> None:
    large = bytes(MAX_MESSAGE + 1)
    raw = written(Batch(1, [NOW_NS] * 9, [b"a", large, *[b"b"] * 7]))
    found = entries(raw)
    assert [(e.raw, e.size) for e in found if isinstance(e, Received)][:3] == [
        (b"a", 1),
        (b"", MAX_MESSAGE + 1),
        (b"b", 1),
    ]
    assert read(raw)[1].payload_truncated


@pytest.mark.parametrize("size", [recording.MAX_REST - 100, recording.MAX_REST, MAX_MESSAGE])
def test_a_large_message_is_read_as_it_was(size: int) -> None:
    content = b"\x08\x01\x12\x03abc" * (size // 7) + bytes(size % 7)
    framer = written(Batch(1, [NOW_NS] * 8, [content, *[b"b"] * 7]))
    one = written(Received(NOW_NS, content, 1, True, size))
    for found in (entries(framer)[0], entries(one)[0]):
        assert isinstance(found, Received)
        assert (found.raw == content, found.size, found.time_ns) == (True, size, NOW_NS)


def test_a_history_is_written_with_its_calls() -> None:
    history = History(5)
    first = CallFacts(1, 1, 100, 110, 150, status=STATUS, trailing_metadata=(("a", "b"),))
    second = CallFacts(2, 3, 200, 210, initial_metadata=(("x", "y"),))
    history.opened(1)
    for time_ns in (120, 130, 140):
        history.append(0, time_ns, b"%d" % time_ns)
    seam = Interruption(Cause.LOST, 150, 3, STATUS)
    history.add_seam(seam)
    history.opened(3)
    for time_ns in (220, 230, 240):
        history.append(0, time_ns, b"%d" % time_ns)
    kept = Kept(
        *(history.newest(), history.calls, [first, second]),
        (("sent", "along"),),
        ((3, b"request"),),
    )
    found = entries(written(kept, Batch(3, [250], [b"250"])))
    assert [type(entry).__name__ for entry in found] == [
        *("Opened", "Headers", "Received", "Received", "SeamAt", "Ended"),
        *("Opened", "Requested", "Headers", *["Received"] * 4),
    ]
    received = [entry for entry in found if isinstance(entry, Received)]
    assert [(e.time_ns, e.call_id, e.raw) for e in received] == [
        (130, 1, b"130"),
        (140, 1, b"140"),
        (220, 3, b"220"),
        (230, 3, b"230"),
        (240, 3, b"240"),
        (250, 3, b"250"),
    ]
    assert SeamAt(3, seam).id in {entry.id for entry in found if isinstance(entry, SeamAt)}


def test_values_of_calls_that_nobody_remembers_have_the_id_of_their_call() -> None:
    history, calls = History(1_000), Calls()
    for number in range(1, 2 * MOST_PAST_CALLS + 1):
        call_id, now_ns = 2 * number, 1_000 * number
        history.opened(call_id)
        calls.opened(call_id, now_ns)
        if number % 3:
            # Some calls had no value.
            history.extend([0] * 2, [now_ns + 1, now_ns + 2], [b"%d" % call_id] * 2)
        history.add_seam(Interruption(Cause.LOST, now_ns + 3, number))
    assert calls.newest is not None
    kept = Kept(history.newest(), history.calls, [*calls.past, calls.newest])
    found = entries(written(kept))
    received = [entry for entry in found if isinstance(entry, Received)]
    assert [entry.call_id for entry in received] == [int(entry.raw) for entry in received]
    opened = [entry.call_id for entry in found if isinstance(entry, Opened)]
    assert opened == [2 * number for number in range(MOST_PAST_CALLS, 2 * MOST_PAST_CALLS + 1)]
    assert received[0].call_id == 2
    # Each stands behind the start of its call, where that is known.
    for number, entry in enumerate(found):
        if isinstance(entry, Received) and entry.call_id in opened:
            before = [each for each in found[:number] if isinstance(each, Opened)]
            assert before[-1].call_id == entry.call_id
    of_calls = [entry for entry in read(written(kept)) if entry.type]
    numbers = [(entry.call_id, entry.sequence_id_within_call) for entry in of_calls]
    assert len(set(numbers)) == len(numbers)


@given(st.binary(max_size=200))
def test_nonsense_is_no_entry_or_one_that_says_little(raw: bytes) -> None:
    for parse in (parse_entry, parse_header):
        try:
            parse(raw)
        except EntryError:
            continue


@given(st.data())
def test_a_damaged_entry_is_none_or_another(data: st.DataObject) -> None:
    raw = written(
        Opened(NOW_NS, 1, (("a", "b"),), 5),
        Ended(NOW_NS, 1, STATUS),
        SeamAt(3, Interruption(Cause.LOST, NOW_NS, 1, STATUS, NOW_NS, How.FRESH, Outcome.EXACT)),
    )
    piece = bytearray(data.draw(st.sampled_from(list(pieces(raw)))))
    for _ in range(data.draw(st.integers(1, 4))):
        piece[data.draw(st.integers(0, len(piece) - 1))] = data.draw(st.integers(0, 255))
    try:
        entry = parse_entry(bytes(piece))
    except EntryError:
        return
    if entry is not None and not isinstance(entry, SeamAt):
        assert 0 <= entry.time_ns < 2**63


def test_a_large_entry_without_a_message_is_none() -> None:
    # A million pieces of metadata would be objects of a hundred megabytes.
    many = pb.Entry(type=pb.Entry.EVENT_TYPE_SERVER_HEADER)
    many.server_header.metadata.MergeFromString(b"\x0a\x00" * (recording.MAX_REST // 2 + 1))
    with pytest.raises(EntryError):
        parse_entry(many.SerializeToString())
    many.head.descriptors = bytes(recording.MAX_REST)
    with pytest.raises(EntryError):
        parse_header(many.SerializeToString())


def test_a_header_may_have_large_types() -> None:
    (raw,) = pieces(Encoder(replace(HEADER, descriptors=bytes(3 * recording.MAX_REST))).header())
    assert len(parse_header(raw).descriptors) == 3 * recording.MAX_REST
    with pytest.raises(HeaderError, match=r"the types of proto\.StreamServer/ListValue take more"):
        Encoder(replace(HEADER, descriptors=bytes(recording.MAX_HEADER))).header()
