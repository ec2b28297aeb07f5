from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.detail import MOST_FIELDS, Detail, detail_of, whole_json
from grpctap.core.dynamic import MethodSchema
from grpctap.core.method import Method
from grpctap.core.outline import MOST_ENTRIES, Entry
from grpctap.core.pretty import MOST_TEXT, Kind, pretty
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/any.proto";
import "google/protobuf/timestamp.proto";
message Watch {}
message Event {
  string text = 1;
  Kind kind = 2;
  bytes blob = 3;
  Event inner = 4;
  repeated Event many = 5;
  repeated int32 sizes = 6;
  map<string, Event> named = 7;
  map<int32, Kind> kinds = 8;
  google.protobuf.Any any = 9;
  google.protobuf.Timestamp created_at = 10;
  google.protobuf.Timestamp other = 11;
  oneof what { int64 number = 12; string word = 13; }
  optional bool maybe = 14;
}
enum Kind { UNKNOWN = 0; KNOWN = 1; }
message Timed { int64 timestamp = 1; string time = 2; }
""")


def schema(response: str = "Event") -> MethodSchema:
    request, answer = PROTOS.descriptor("Watch"), PROTOS.descriptor(response)
    method = Method("test.Test/Watch", request, answer, PROTOS.pool)
    return MethodSchema(method, PROTOS.make("Watch"))


def detail(**fields: Any) -> Detail:
    return detail_of(schema(), PROTOS.make("Event", **fields).SerializeToString())


def flat(entries: list[Entry], depth: int = 0) -> list[str]:
    """Each entry and those inside of it, further in by how deep they are."""
    found = []
    for entry in entries:
        found.append(f"{'  ' * depth}{entry.name}: {entry.value} ({entry.type})")
        if entry.inside is not None:
            found += flat(entry.inside(), depth + 1)
    return found


def shown(seen: Detail) -> str:
    """The JSON as it stands on the screen."""
    return "\n".join(
        " " * line.indent + "".join(piece.text for piece in line.pieces) for line in seen.lines
    )


def test_the_json_is_that_of_the_message_over_many_lines() -> None:
    message = PROTOS.make(
        "Event",
        text='a "b"\n',
        inner={},
        many=[{"kind": 1}, {}],
        sizes=[1, -2],
        number=2**60,
        maybe=False,
    )
    raw = message.SerializeToString()
    expected = json.dumps(json.loads(schema().json(raw)), indent=2)
    assert shown(detail_of(schema(), raw)) == expected
    assert whole_json(schema(), raw) == expected


def test_the_pieces_of_json_have_their_kinds() -> None:
    lines = pretty({"a": ["x", 1, True, None, {}, []]})
    kinds = [(piece.text, piece.kind) for line in lines for piece in line.pieces]
    assert [pair for pair in kinds if pair[0].strip() not in (",", ":")] == [
        ("{", Kind.SIGN),
        ('"a"', Kind.NAME),
        ("[", Kind.SIGN),
        ('"x"', Kind.TEXT),
        ("1", Kind.NUMBER),
        ("true", Kind.WORD),
        ("null", Kind.WORD),
        ("{}", Kind.SIGN),
        ("[]", Kind.SIGN),
        ("]", Kind.SIGN),
        ("}", Kind.SIGN),
    ]


def test_the_tree_has_each_field_with_its_type() -> None:
    seen = detail(
        text="two words",
        kind=1,
        blob=b"\xff",
        inner={"word": "w"},
        many=[{}, {"number": 5}],
        sizes=[7],
        named={"k 1": {"text": "t"}},
        kinds={3: 1},
        any={"type_url": "x/test.Event", "value": b"\n\x01x"},
        created_at={"seconds": 1_577_836_800},
        maybe=True,
    )
    local = datetime.fromtimestamp(1_577_836_800).astimezone()
    assert flat(seen.entries) == [
        'text: "two words" (string)',
        "kind: KNOWN (1) (test.Kind)",
        "blob: 0xff (bytes)",
        "inner: word=w (test.Event)",
        "  word: w (string, oneof what)",
        "many: 2 elements (repeated test.Event)",
        "  [0]: {} (test.Event)",
        "  [1]: number=5 (test.Event)",
        "    number: 5 (int64, oneof what)",
        "sizes: 1 element (repeated int32)",
        "  [0]: 7 (int32)",
        "named: 1 entry (map<string, test.Event>)",
        '  "k 1": text=t (test.Event)',
        "    text: t (string)",
        "kinds: 1 entry (map<int32, test.Kind>)",
        "  3: KNOWN (1) (test.Kind)",
        "any: test.Event{text=x} (google.protobuf.Any)",
        "  text: x (string)",
        f"created_at: {local:%Y-%m-%dT%H:%M:%S} (google.protobuf.Timestamp)",
        "  seconds: 1577836800 (int64)",
        "maybe: true (bool)",
    ]
    assert seen.type == "test.Event"
    assert seen.event == f"{local:%Y-%m-%dT%H:%M:%S}"


def test_what_the_type_does_not_know_is_told_by_number_and_kind() -> None:
    unknown = b"\xa8\x06\x05\xb2\x06\x02hi\xbd\x06\x01\x00\x00\x00\xbb\x06\x08\x01\xbc\x06"
    seen = detail_of(schema(), unknown)
    assert seen.unknown == 4
    assert flat(seen.entries) == [
        "unknown 101: 5 (varint)",
        'unknown 102: 2 bytes: b"hi" (bytes)',
        "unknown 103: 1 (32 bits)",
        "unknown 103: 1 field (group)",
        "  unknown 1: 1 (varint)",
    ]


@pytest.mark.parametrize(
    "fields",
    [{"other": {"seconds": 1}}, {"created_at": {"nanos": -1}}, {"created_at": {"seconds": 2**60}}],
)
def test_a_message_may_have_no_event_time(fields: dict[str, Any]) -> None:
    assert detail(**fields).event == ""
    timed = PROTOS.make("Timed", timestamp=5, time="12:00").SerializeToString()
    assert detail_of(schema("Timed"), timed).event == ""


@pytest.mark.parametrize(
    ("fields", "entries", "cut"),
    [
        ({"sizes": range(1, 10**5)}, 99_999, True),
        ({"many": [{"text": "x"}] * 10**4}, 10_000, True),
        ({"named": {str(n): {"text": "x"} for n in range(10**4)}}, 10_000, True),
        ({"sizes": range(1, MOST_FIELDS)}, MOST_FIELDS - 1, False),
    ],
    ids=["numbers", "messages", "map", "just whole"],
)
def test_of_a_huge_message_the_beginning_is_shown(
    fields: dict[str, Any], entries: int, cut: bool
) -> None:
    seen = detail(**fields)
    assert seen.is_cut == cut
    assert len(seen.lines) <= 4 * MOST_FIELDS
    inside = seen.entries[0].inside
    assert inside is not None
    assert len(inside()) == MOST_ENTRIES + 1
    assert inside()[-1] == Entry("…", "", f"and {entries - MOST_ENTRIES:,} more")


def test_of_a_long_text_the_beginning_is_shown() -> None:
    seen = detail(text="x" * 10**6, blob=b"\xff" * 10**6)
    rows = shown(seen).split("\n")
    assert rows[1] == f'  "text": "{"x" * MOST_TEXT}" … cut: 1,000,000 characters,'
    assert rows[2].endswith(" … cut: 1,333,336 characters")
    assert seen.entries[0].value.startswith("1,000,000 characters: xxx")
    assert seen.entries[1].value == f"0x{'ff' * 12}…(1,000,000 B)"
    assert not seen.is_cut


def test_an_any_is_not_read_to_its_million_elements() -> None:
    content = PROTOS.make("Event", sizes=range(1, 10**5)).SerializeToString()
    seen = detail(any={"type_url": "x/test.Event", "value": content})
    assert seen.is_cut
    assert len(seen.lines) < 4 * MOST_FIELDS


@given(st.binary(max_size=300))
def test_any_bytes_are_shown_or_refused(raw: bytes) -> None:
    seen = detail_of(schema(), raw)
    assert all(line.isprintable() for line in shown(seen).split("\n"))
    assert all(line.isprintable() for line in flat(seen.entries))


def test_bytes_that_are_no_such_message_are_a_line_that_says_so() -> None:
    assert shown(detail_of(schema(), b"\x0a")) == "the message is no test.Event"
