from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.dynamic import MethodSchema
from grpctap.core.jsontext import JsonText, shorten
from grpctap.core.message import MessageError, Reading
from grpctap.core.method import Method
from grpctap.core.resume import Resume, Spec
from grpctap.core.text import MAX_LINE
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

message Watch { string key = 1; int64 after = 2; string from = 3; }
message Tick { string symbol = 1; repeated int32 sizes = 2; bool open = 3; int64 id = 4;
               double price = 5; float change = 6; }
message Maybe { optional int32 number = 1; uint64 id = 2; }
message Shade { Kind kind = 1; bool on = 2; }
message Chosen { oneof what { string text = 1; sint32 number = 2; } }
message Words { bytes blob = 1; string text = 2; string more = 3; }
message Greeting { string message = 1; }
message Greetings { repeated string message = 1; }
message Nothing {}
message Everything {
  string text = 1;
  google.protobuf.Any any = 2;
  google.protobuf.Timestamp at = 3;
  google.protobuf.Struct struct = 4;
  map<string, Everything> named = 5;
  repeated Everything many = 6;
  bytes blob = 7;
  map<int32, double> numbers = 8;
  google.protobuf.DoubleValue wrapped = 9;
  repeated int32 sizes = 10;
  Kind kind = 11;
  Everything inner = 12;
}
enum Kind { UNKNOWN = 0; KNOWN = 1; }
""")
OLD = Protos("""
syntax = "proto2";
package test;
message Watch { optional string from = 1; }
message Note { optional string text = 1; }
message Place { optional string from = 1; optional bytes blob = 2; }
""")


def schema(response: str, resume: str | None = None, protos: Protos = PROTOS) -> MethodSchema:
    request, answer = protos.descriptor("Watch"), protos.descriptor(response)
    pair = None if resume is None else Resume(Spec.parse(resume), request, answer)
    method = Method("test.Test/Watch", request, answer, protos.pool)
    return MethodSchema(method, protos.make("Watch"), pair)


def raw(response: str, **fields: Any) -> bytes:
    return PROTOS.make(response, **fields).SerializeToString()


@pytest.mark.parametrize(
    ("response", "resume", "fields", "name", "number"),
    [
        ("Tick", None, {"id": 7, "price": 78.4}, "id", 7),
        ("Tick", "after=id", {"id": 7, "price": 78.4}, "price", 78.4),
        ("Tick", None, {"symbol": "WTI 3"}, "id", 0),
        ("Tick", "after=id", {"price": math.inf}, "price", None),
        ("Tick", "after=id", {"price": math.nan}, "price", None),
        ("Maybe", None, {"id": 3}, "number", None),
        ("Maybe", None, {"id": 3, "number": 0}, "number", 0),
        ("Maybe", "after=number", {"number": 3, "id": 2**64 - 1}, "id", 2.0**64),
        ("Chosen", None, {"text": "5"}, "number", None),
        ("Chosen", None, {"number": -5}, "number", -5),
        ("Words", None, {"text": "WTI 78.41", "more": "5"}, "text", 78.41),
        ("Words", "from=text", {"text": "7", "more": "5"}, "more", 5),
        ("Words", None, {"text": "none"}, "text", None),
        ("Greetings", None, {"message": ["1"]}, "value", None),
        ("Nothing", None, {}, "value", None),
        ("Shade", None, {"kind": 1, "on": True}, "value", None),
    ],
)
def test_the_number_is_the_first_field_that_can_hold_one(
    response: str, resume: str | None, fields: dict[str, Any], name: str, number: float | None
) -> None:
    reads = schema(response, resume)
    assert reads.read(raw(response, **fields)).number == number
    assert reads.number_name == name


def test_a_message_has_a_cursor_where_a_pair_says_so_and_never_a_number_of_its_own() -> None:
    message = raw("Tick", id=7, price=1.5)
    assert schema("Tick").read(message) == Reading("", 0, b"", False, 7)
    assert schema("Tick", "after=id+1").read(message) == Reading("", 0, b"8", False, 1.5)
    assert schema("Tick", "from=symbol").read(message).token == b""
    with pytest.raises(MessageError, match="9223372036854775808 is out of range"):
        schema("Tick", "after=id+1").read(raw("Tick", id=2**63 - 1))


def test_a_request_keeps_what_was_asked_and_changes_the_place() -> None:
    request, response = PROTOS.descriptor("Watch"), PROTOS.descriptor("Tick")
    method = Method("test.Test/Watch", request, response, PROTOS.pool)
    asked = PROTOS.make("Watch", key="k", after=3)
    pair = Resume(Spec.parse("after=id"), request, response)
    for resume, token, expected in (
        (pair, b"9", {"key": "k", "after": 9}),
        (pair, b"", {"key": "k"}),
        (None, b"", {"key": "k", "after": 3}),
    ):
        written = MethodSchema(method, asked, resume).request(token)
        assert written == PROTOS.make("Watch", **expected).SerializeToString()
    assert asked == PROTOS.make("Watch", key="k", after=3)


def test_a_line_is_the_only_string_or_the_fields() -> None:
    assert schema("Greeting").line(raw("Greeting", message="hello\x1b")) == "hello\x1b"
    assert schema("Greetings").line(raw("Greetings", message=["a"])) == "message=[1] a"
    assert schema("Tick").line(raw("Tick", id=7, price=1.5)) == "id=7 price=1.5"
    assert schema("Nothing").line(b"") == "{}"


def test_json_is_canonical_on_one_line_and_harmless() -> None:
    text = "\x1b[2J\n\x9b\u202e油"
    message = PROTOS.parse(
        "Everything",
        r"""
        at { seconds: 1 } blob: "\xff" wrapped { value: 2.5 } kind: KNOWN
        numbers { key: 5 value: 1 }
        struct { fields { key: "a" value { list_value { values { bool_value: true } } } } }
        """,
    )
    message.text = text  # type: ignore[attr-defined]
    line = schema("Everything").json(message.SerializeToString())
    assert line.isprintable()
    assert "油" in line
    assert json.loads(line) == {
        "text": text,
        "at": "1970-01-01T00:00:01Z",
        "blob": "/w==",
        "wrapped": 2.5,
        "kind": "KNOWN",
        "numbers": {"5": 1},
        "struct": {"a": [True]},
    }


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (r'any { type_url: "x/test.Greeting" value: "\n\x01x" }', {"message": "x"}),
        (r'any { type_url: "x/no.Such" value: "\x01\x02" }', {"value": "AQI="}),
        (r'any { type_url: "x/test.Greeting" value: "\n" }', {"value": "Cg=="}),
        (r'any { type_url: "x/test.Greeting" value: "\n\x01\xff" }', {"value": "CgH/"}),
        (r'any { type_url: "\x1b[2J" }', {}),
        (
            "at { seconds: 1000000000000000 nanos: -1 }",
            {"seconds": "1000000000000000", "nanos": -1},
        ),
        (
            'struct { fields { key: "n" value { number_value: nan } } }',
            {"fields": {"n": {"numberValue": "NaN"}}},
        ),
    ],
)
def test_what_json_has_no_form_for_is_shown_by_its_fields(field: str, shown: Any) -> None:
    message = PROTOS.parse("Everything", f'text: "t" wrapped {{ value: 2 }} {field}')
    raw = message.SerializeToString()
    line = schema("Everything").json(raw)
    assert line.isprintable()
    whole = json.loads(line)
    name = field.partition(" ")[0]
    if name == "any":
        shown = {"@type": message.any.type_url, **shown}  # type: ignore[attr-defined]
    assert (whole["text"], whole[name]) == ("t", shown)
    assert schema("Everything").line(raw).startswith(f"text=t {name}")


def test_any_in_any_without_end_is_no_traceback() -> None:
    value = b""
    for _ in range(3_000):
        value = raw("Everything", any={"type_url": "x/test.Everything", "value": value})
    shown = json.loads(schema("Everything").json(value))
    assert shown["any"]["@type"] == "x/test.Everything"


def test_invalid_utf8_is_shown_and_is_no_cursor() -> None:
    bad = b"\x0a\x02\xff1"
    assert schema("Greeting").line(bad) == "\ufffd1"
    assert json.loads(schema("Greeting").json(bad)) == {"message": "\ufffd1"}
    assert schema("Greeting").read(bad).number == 1
    assert schema("Greeting", "from=message").read(bad).token == b""
    assert schema("Tick", "after=id").read(bad + b"\x20\x05").token == b"5"


def test_an_old_proto_hands_out_invalid_utf8_and_it_is_the_same() -> None:
    bad = b"\x0a\x02\xff1"
    assert schema("Note", protos=OLD).line(bad) == "\ufffd1"
    assert json.loads(schema("Note", protos=OLD).json(bad)) == {"text": "\ufffd1"}
    assert schema("Note", protos=OLD).read(bad).number == 1
    assert schema("Place", "from=from", protos=OLD).read(bad).token == b""


@pytest.mark.parametrize("damaged", [b"\x0a", b"\xff", b"\x0a\x05ab", b"\x0c"])
def test_bytes_that_are_no_such_message_are_refused(damaged: bytes) -> None:
    for method in (schema("Tick").read, schema("Tick").json):
        with pytest.raises(MessageError, match=r"the message is no test\.Tick"):
            method(damaged)
    assert schema("Tick").line(damaged) == f"the message is no test.Tick ({len(damaged)} bytes)"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(damaged: bytes) -> None:
    for name in ("Everything", "Tick", "Greeting"):
        reads = schema(name)
        try:
            reading = reads.read(damaged)
        except MessageError:
            continue
        assert reading.number is None or math.isfinite(reading.number)
        assert isinstance(reads.line(damaged), str)
        line = reads.json(damaged)
        assert line.isprintable()
        json.loads(line)


@pytest.mark.parametrize(
    "fields",
    [
        {"sizes": range(1, 10**5)},
        {"many": [{"text": "x", "sizes": [1, 2]}] * 10**4},
        {"numbers": dict.fromkeys(range(1, 10**4), 1.0)},
        {"named": {str(n): {"text": "x"} for n in range(10**4)}},
        {"many": [{"many": [{"many": [{"sizes": [1] * 10}] * 10}] * 10}] * 100},
        {"text": "x" * 10**5, "sizes": [1]},
        {"inner": {"inner": {"sizes": range(1, 10**5)}}},
        {"named": {"a": {"sizes": range(1, 10**5)}}},
        {"many": [{"text": "x"}] * 10**4, "sizes": range(1, 10**5)},
        {"inner": {"many": [{"text": "x", "kind": 1}] * 10**4}, "sizes": range(1, 10**5)},
    ],
    ids=[
        *("numbers", "messages", "map", "map of messages", "deep", "long text"),
        *("in one message", "in a map", "two of them", "two, one deeper"),
    ],
)
def test_a_huge_message_costs_no_more_than_its_line(fields: dict[str, Any]) -> None:
    message = PROTOS.make("Everything", **fields)
    whole, line = schema("Everything").json(message.SerializeToString()), ""
    assert len(schema("Everything").line(message.SerializeToString())) <= MAX_LINE
    shorten(message)
    line = JsonText(PROTOS.descriptor("Everything"), PROTOS.pool).write(message)
    assert len(line) >= MAX_LINE
    if len(fields.get("named", fields.get("numbers", "x"))) == 1:
        assert line[:MAX_LINE] == whole[:MAX_LINE]
    if "text" not in fields:
        assert line.count(":") + line.count(",") <= 4 * MAX_LINE
        assert len(line) < len(whole) / 3


HIDING = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/any.proto";
import "google/protobuf/timestamp.proto";
message Watch {}
message Hiding {
  string ListFields = 1; optional int32 HasField = 2; Hiding DESCRIPTOR = 3;
  int32 SerializePartialToString = 4; google.protobuf.Timestamp at = 5;
  map<string, Hiding> ClearField = 6; google.protobuf.Any any = 7;
}
""")


def test_a_field_may_have_the_name_of_a_method_of_messages() -> None:
    message: Any = HIDING.make(
        "Hiding",
        ListFields="a",
        HasField=3,
        DESCRIPTOR={"SerializePartialToString": 3},
        at={"seconds": 1},
        ClearField={"k": HIDING.make("Hiding", HasField=2)},
        any={"type_url": "x/test.Hiding", "value": b"\n\x01x"},
    )
    fields = {
        "ListFields": "a",
        "HasField": 3,
        "DESCRIPTOR": {"SerializePartialToString": 3},
        "at": "1970-01-01T00:00:01Z",
        "ClearField": {"k": {"HasField": 2}},
        "any": {"@type": "x/test.Hiding", "ListFields": "x"},
    }
    reads = schema("Hiding", protos=HIDING)
    raw = type(message).SerializePartialToString(message)
    assert json.loads(reads.json(raw)) == fields
    assert reads.read(raw).number == 3
    assert reads.request(b"") == b""
    message.at.seconds = 10**15
    raw = type(message).SerializePartialToString(message)
    assert json.loads(reads.json(raw))["at"] == {"seconds": "1000000000000000"}
    assert shorten(message, 2) == 0
    assert reads.line(type(message).SerializePartialToString(message)) == "ListFields=a HasField=3"
