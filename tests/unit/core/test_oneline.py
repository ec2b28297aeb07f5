from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.oneline import OneLine, duration_text
from grpctap.core.text import MAX_LINE, printable
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

enum Kind { UNKNOWN = 0; KNOWN = 1; }
message All {
  string last = 90;
  string text = 1;
  bytes blob = 2;
  bool on = 3;
  Kind kind = 4;
  double wide = 5;
  float narrow = 6;
  int32 whole = 7;
  uint64 large = 8;
  optional int32 maybe = 9;
  oneof what { string word = 10; sint32 number = 11; }
  All inner = 12;
  repeated int32 sizes = 13;
  repeated All many = 14;
  repeated string words = 15;
  map<string, int32> counts = 16;
  map<int32, All> named = 17;
  google.protobuf.Any any = 20;
  google.protobuf.Timestamp at = 21;
  google.protobuf.Duration took = 22;
  google.protobuf.Struct struct = 23;
  google.protobuf.Value value = 24;
  google.protobuf.ListValue list = 25;
  google.protobuf.DoubleValue wrapped = 26;
  google.protobuf.StringValue title = 27;
  google.protobuf.FieldMask mask = 28;
  google.protobuf.Empty empty = 29;
  repeated google.protobuf.Timestamp times = 30;
}
""")
OLD = Protos("""
syntax = "proto2";
package test;
message Old {
  optional string text = 1; repeated group Part = 2 { optional int32 size = 3; }
  extensions 100 to 200;
}
extend Old { optional int32 more = 100; }
""")
ODD = Protos("""
syntax = "proto3";
package google.protobuf;
message Timestamp { string seconds = 1; int32 size = 2; }
message Any { int32 type_url = 1; }
message Odd { Timestamp at = 1; Any any = 2; }
""")


def line(text: str, protos: Protos = PROTOS, name: str = "All") -> str:
    return OneLine(protos.pool).write(protos.parse(name, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "{}"),
        ('text: "WTI"', "text=WTI"),
        ('text: "two words"', 'text="two words"'),
        ('text: "a=b"', 'text="a=b"'),
        ('text: "a\\"b" last: "x"', 'last=x text="a\\"b"'),
        ('text: "a\\nb\\x1b\\xe2\\x80\\xae"', 'text="a\\nb\\u001b\\u202e"'),
        ('word: ""', 'word=""'),
        ("number: 0", "number=0"),
        ("maybe: 0", "maybe=0"),
        ("on: true kind: KNOWN whole: -5", "on=true kind=KNOWN whole=-5"),
        ("kind: 7", "kind=7"),
        ("wide: 1 narrow: 0.1 large: 18446744073709551615", f"wide=1 narrow=0.1 large={2**64 - 1}"),
        ("wide: nan narrow: -inf", "wide=nan narrow=-inf"),
        ("wide: 0.1", "wide=0.1"),
        ("narrow: 16777216", "narrow=16777216"),
        ("narrow: 3.4028235e38", "narrow=3.4028235e+38"),
        ('blob: "key 1"', 'blob=b"key 1"'),
        (r'blob: "\xff\x00"', "blob=0xff00"),
        (rf'blob: "{chr(92)}xff{"a" * 99}"', f"blob=0xff{'61' * 11}…(100 B)"),
        (f'blob: "{"a" * 200}"', f'blob=b"{"a" * 160}"…(200 B)'),
        ("inner {}", "inner={}"),
        ('inner { text: "x" inner { on: true } }', "inner.text=x inner.inner.on=true"),
        ("sizes: [1, 2]", "sizes=[2] 1,2"),
        (f"sizes: {list(range(1, 12))}", "sizes=[11] 1,2,3,4,5,6,7,8,9,10,…"),
        ('words: ["a", "b c"] on: true', 'on=true words=[2] a,"b c"'),
        ('many { text: "x" on: true } many {}', "many=[2] {text=x on=true},{}"),
        ("many {} many {} many {} many {}", "many=[4] {},{},{},…"),
        ('counts { key: "b" value: 2 } counts { key: "a" value: 1 }', "counts=[2] a:1,b:2"),
        ("named { key: 7 value { on: true } }", "named=[1] 7:{on=true}"),
        (r'any { type_url: "x/test.All" value: "\n\x01x" }', "any=test.All{text=x}"),
        (r'any { type_url: "x/no.Such" value: "abc" }', "any=no.Such{3 B}"),
        (r'any { type_url: "x/test.All" value: "\n" }', "any=test.All{1 B}"),
        (r'any { type_url: "\x1b" }', 'any="\\u001b"{}'),
        (
            r'any { type_url: "x/google.protobuf.Duration" value: "\x08\x05" }',
            "any=google.protobuf.Duration{5s}",
        ),
        ("took { seconds: 90 nanos: 500000000 }", "took=1m30.5s"),
        ("at { seconds: 1000000000000000 }", "at.seconds=1000000000000000"),
        ("at { nanos: -1 }", "at.nanos=-1"),
        (
            'struct { fields { key: "a" value { list_value { values { bool_value: true } } } } }',
            "struct=[1] a:[1] true",
        ),
        ("value { null_value: 0 }", "value=null"),
        ("value { number_value: 2 }", "value=2"),
        ("value { struct_value {} }", "value=[0]"),
        ("list { values { string_value: 'x' } values { null_value: 0 } }", "list=[2] x,null"),
        ("wrapped { value: 2.5 } title {}", 'wrapped=2.5 title=""'),
        ('mask { paths: ["a.b", "c"] }', 'mask="a.b,c"'),
        ("empty {} on: true", "on=true empty={}"),
    ],
)
def test_a_message_is_pairs_in_the_order_of_its_proto(text: str, expected: str) -> None:
    assert line(text) == expected


def test_groups_and_extensions_and_bad_text_of_old_protos() -> None:
    text = 'text: "x" Part { size: 1 } [test.more]: 5'
    assert line(text, OLD, "Old") == "text=x part=[1] {size=1} [test.more]=5"
    bad = type(OLD.make("Old")).FromString(b"\x0a\x02\xff1")
    assert OneLine(OLD.pool).write(bad) == "text=\ufffd1"


def test_well_known_types_of_the_server_s_own_making_are_like_any_other() -> None:
    odd = line('at { seconds: "x" size: 1 } any { type_url: 5 }', ODD, "google.protobuf.Odd"[16:])
    assert odd == "at.seconds=x at.size=1 any.type_url=5"


def test_a_time_is_local_and_has_its_date_unless_that_is_today_s() -> None:
    now = datetime.now(UTC).astimezone()
    for moment, form in (
        (now, "%H:%M:%S"),
        (datetime(2020, 2, 3, tzinfo=UTC), "%Y-%m-%dT%H:%M:%S"),
    ):
        message = PROTOS.make("All", at={"seconds": int(moment.timestamp()), "nanos": 7_000_000})
        expected = f"at={moment.astimezone().strftime(form)}.007"
        assert OneLine(PROTOS.pool).write(message) == expected


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (87_000_000, "87ms"),
        (-1_500_000_000, "-1.5s"),
        (60 * 10**9, "1m0s"),
        (7_500 * 10**9 + 1, "2h5m0.000000001s"),
    ],
)
def test_durations_are_short(nanoseconds: int, text: str) -> None:
    assert duration_text(0, nanoseconds) == text


def test_what_does_not_fit_is_cut_with_a_mark() -> None:
    whole = PROTOS.make(
        "All", text="x" * 10**6, inner={"words": ["y" * 10**6] * 3}, sizes=[1] * 10**5
    )
    shown = OneLine(PROTOS.pool).write(whole)
    assert shown.startswith(f"text={'x' * 160}… inner.words=[3] {'y' * 160}…,")
    assert shown.endswith("sizes=[100,000] 1,1,1,1,1,1,1,1,1,1,…")
    for limit in (1, 5, 50):
        assert OneLine(PROTOS.pool).write(whole, limit) == shown[: limit - 1] + "…"


def test_a_message_in_itself_a_hundred_times_is_one_line() -> None:
    deep: Any = PROTOS.make("All")
    for _ in range(90):
        deep = PROTOS.make("All", inner=deep)
    assert OneLine(PROTOS.pool).write(deep).endswith("inner={…}")
    for _ in range(1_000):
        any_ = {"type_url": "x/test.All", "value": deep.SerializeToString()}
        deep = PROTOS.make("All", any=any_)
    assert OneLine(PROTOS.pool).write(deep).endswith("}")


@given(st.binary(max_size=300), st.integers(1, 200))
def test_any_message_is_one_printable_line_of_bounded_length(raw: bytes, limit: int) -> None:
    kind = type(PROTOS.make("All"))
    try:
        message = kind.FromString(raw)
    except DecodeError:
        return
    shown = OneLine(PROTOS.pool).write(message, limit)
    assert shown
    assert len(shown) <= limit
    assert shown == printable(shown)


VALUES = st.recursive(
    st.one_of(
        st.builds(lambda text: {"text": text}, st.text(max_size=20)),
        st.builds(lambda blob: {"blob": blob}, st.binary(max_size=20)),
        st.builds(lambda wide: {"wide": wide}, st.floats()),
        st.builds(lambda narrow: {"narrow": narrow}, st.floats(width=32)),
        st.builds(
            lambda n, s: {"at": {"nanos": n, "seconds": s}},
            st.integers(-9, 9),
            st.integers(-(2**63), 2**63 - 1),
        ),
        st.builds(lambda s: {"took": {"seconds": s}}, st.integers(-(2**63), 2**63 - 1)),
        st.builds(lambda text: {"any": {"type_url": text}}, st.text(max_size=20)),
        st.builds(lambda text: {"counts": {text: 1}}, st.text(max_size=20)),
    ),
    lambda inner: st.one_of(
        st.builds(lambda value: {"inner": value}, inner),
        st.builds(lambda values: {"many": values}, st.lists(inner, max_size=5)),
    ),
)


@given(VALUES)
def test_any_values_are_one_printable_line(fields: dict[str, Any]) -> None:
    shown = OneLine(PROTOS.pool).write(PROTOS.make("All", **fields))
    assert len(shown) <= MAX_LINE
    assert shown == printable(shown)


@given(st.floats(width=32, allow_nan=False))
def test_a_number_in_single_precision_is_the_shortest_that_is_the_same(number: float) -> None:
    made: Any = PROTOS.make("All", many=[{"narrow": number}])
    text = OneLine(PROTOS.pool).write(made).removeprefix("many=[1] {narrow=").removesuffix("}")
    if text == "many=[1] {":
        assert (number, math.copysign(1, number)) == (0, 1)
        return
    made.many[0].narrow = float(text)
    assert made.many[0].narrow == number
    assert len(text) <= 17
