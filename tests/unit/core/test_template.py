"""Templates: what they hold, that protobuf takes them, and that they say nothing by themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from grpctap.core.catalog import Catalog
from grpctap.core.method import Method
from grpctap.core.requestcheck import read_request
from grpctap.core.template import MAX_DEPTH, filled, template
from support.protos import Protos

PROTO3 = """
syntax = "proto3"; package zoo;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Colour { COLOUR_UNKNOWN = 0; RED = 1; }
message Leaf { string name = 1; Node back = 2; }
message Node {
  double d = 1; float f = 2; int32 i32 = 3; int64 i64 = 4; uint32 u32 = 5; uint64 u64 = 6;
  sint32 s32 = 7; sint64 s64 = 8; fixed32 f32 = 9; fixed64 f64 = 10; sfixed32 sf32 = 11;
  sfixed64 sf64 = 12; bool b = 13; string some_text = 14; bytes raw = 15; Colour colour = 16;
  Leaf leaf = 17; Node node = 18; optional int32 maybe = 19; optional Colour maybe_colour = 20;
  repeated string texts = 21; repeated Node nodes = 22; repeated Colour colours = 23;
  map<string, Leaf> by_name = 24; map<int64, string> by_number = 25; map<bool, Colour> by_bool = 26;
  oneof choice { string one = 27; Leaf two = 28; bool three = 29; }
  google.protobuf.Timestamp time = 30; google.protobuf.Duration lasts = 31;
  google.protobuf.FieldMask mask = 32; google.protobuf.Struct struct = 33;
  google.protobuf.Value value = 34; google.protobuf.ListValue list = 35;
  google.protobuf.Any any = 36; google.protobuf.Empty empty = 37;
  google.protobuf.DoubleValue wd = 38; google.protobuf.FloatValue wf = 39;
  google.protobuf.Int64Value wi64 = 40; google.protobuf.UInt64Value wu64 = 41;
  google.protobuf.Int32Value wi32 = 42; google.protobuf.UInt32Value wu32 = 43;
  google.protobuf.BoolValue wb = 44; google.protobuf.StringValue ws = 45;
  google.protobuf.BytesValue wraw = 46; google.protobuf.NullValue null = 47;
  repeated google.protobuf.Value values = 48; repeated google.protobuf.Timestamp times = 49;
  string renamed = 50 [json_name = "@other"];
}
service S { rpc Watch(Node) returns (stream Node); }
"""
PROTO2 = """
syntax = "proto2"; package zoo;
enum Level { LOW = 5; HIGH = 9; }
message Inner { required int32 must = 1; optional Inner may = 2; }
message Node {
  required string name = 1; required Level level = 2; required Inner inner = 3;
  optional int32 number = 4 [default = 7]; optional group Part = 5 { optional int32 x = 6; }
  extensions 100 to 200;
}
message Endless { required Endless again = 1; }
service S { rpc Watch(Node) returns (stream Node); rpc Never(Endless) returns (stream Node); }
"""
EDITIONS = """
edition = "2023"; package zoo;
message Node { int32 number = 1; int32 plain = 2 [features.field_presence = IMPLICIT]; }
service S { rpc Watch(Node) returns (stream Node); }
"""


def method(source: str, name: str = "Watch") -> Method:
    protos = Protos(source)
    return Catalog(protos.pool, ["zoo.S"]).method(f"zoo.S/{name}")


def fields(source: str) -> list[Any]:
    watch = method(source)
    return [pytest.param(watch, field, id=field.name) for field in watch.request.fields]


@pytest.mark.parametrize("source", [PROTO3, EDITIONS], ids=["proto3", "editions"])
def test_a_template_that_is_left_alone_is_an_empty_request(source: str) -> None:
    watch = method(source)
    assert read_request(template(watch.request), watch).SerializeToString() == b""


def test_a_template_names_all_fields_but_those_that_cannot_be_left_out() -> None:
    request = method(PROTO3).request
    names = {field.json_name for field in request.fields}
    assert set(json.loads(template(request))) == names - {"value", "null"}


def test_what_tells_set_from_unset_is_null_and_the_rest_is_zero() -> None:
    got = json.loads(template(method(PROTO3).request))
    for name in (
        "leaf",
        "node",
        "maybe",
        "maybeColour",
        "one",
        "two",
        "three",
        "time",
        "wb",
        "any",
    ):
        assert got[name] is None
    for name, value in (("d", 0.0), ("i64", 0), ("b", False), ("someText", ""), ("raw", "")):
        assert got[name] == value
        assert type(got[name]) is type(value)
    assert (got["colour"], got["texts"], got["byName"]) == ("COLOUR_UNKNOWN", [], {})
    assert "@other" in got


def test_what_proto2_requires_is_there_and_opened() -> None:
    watch = method(PROTO2)
    assert json.loads(template(watch.request)) == {
        "name": "",
        "level": "LOW",
        "inner": {"must": 0, "may": None},
        "number": None,
        "part": None,
    }
    assert read_request(template(watch.request), watch).IsInitialized()


def test_a_type_that_requires_itself_comes_to_an_end() -> None:
    text = template(method(PROTO2, "Never").request)
    assert text.count("again") == MAX_DEPTH + 1


@pytest.mark.parametrize(("watch", "field"), fields(PROTO3) + fields(EDITIONS))
def test_protobuf_takes_what_a_field_is_filled_with(watch: Method, field: FieldDescriptor) -> None:
    text = json.dumps({field.json_name: json.loads(filled(field))})
    message = read_request(text, watch)
    if field.has_presence:
        assert message.HasField(field.name)
    elif field.is_repeated:
        assert len(getattr(message, field.name)) == 1


def test_what_is_filled_in_is_indented_as_the_line_is() -> None:
    field = method(PROTO3).request.fields_by_name["leaf"]
    assert filled(field, 4) == '{\n      "name": "",\n      "back": null\n    }'


def test_a_template_is_printable_whatever_the_names_are() -> None:
    name = r"\033[2J\342\200\256"
    source = (
        f'syntax = "proto3"; package zoo; message Node {{ int32 x = 1 [json_name = "{name}"]; }}'
    )
    text = template(Protos(source).descriptor("Node"))
    assert text.replace("\n", "").isascii()
    assert text.replace("\n", "").isprintable()


def test_types_that_require_each_other_again_and_again_come_to_an_end() -> None:
    fields = " ".join(f"required Node f{n} = {n};" for n in range(1, 31))
    protos = Protos(f'syntax = "proto2"; package t; message Node {{ {fields} }}')
    assert len(template(protos.descriptor("Node"))) < 1_000_000
