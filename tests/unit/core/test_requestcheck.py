"""Requests as JSON: what is wrong with them, and which characters are marked for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.catalog import Catalog
from grpctap.core.fields import find_field, help_of, message_around
from grpctap.core.jsonplaces import path_at, places
from grpctap.core.requestcheck import RequestError, read_request
from grpctap.core.types import type_text
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3"; package t;
import "google/protobuf/any.proto";
import "google/protobuf/timestamp.proto";
enum Colour { RED = 0; GREEN = 1; }
message Node {
  // How many.
  int32 number = 1; Node child = 2; map<string, Node> kids = 3; repeated Node list = 4;
  Colour colour = 5; optional string note = 6; oneof pick { string text = 7; Node node = 8; }
  google.protobuf.Timestamp time = 9; google.protobuf.Any any = 10; double ratio = 11;
  repeated int32 numbers = 12; bytes raw = 13;
}
service S { rpc Watch(Node) returns (stream Node); }
""")
WATCH = Catalog(PROTOS.pool, ["t.S"], PROTOS.files).method("t.S/Watch")


def test_a_request_is_read() -> None:
    got = read_request('{"number": 3, "child": {"colour": "GREEN"}, "note": null}', WATCH)
    assert got == PROTOS.parse("Node", "number: 3 child { colour: GREEN }")


def test_fields_that_the_message_has_not_are_ignored_where_that_is_asked_for() -> None:
    text = '{"number": 3, "odd": 1, "child": {"odder": [{}], "number": 4}}'
    got = read_request(text, WATCH, unknown_fields=True)
    assert got == PROTOS.parse("Node", "number: 3 child { number: 4 }")
    with pytest.raises(RequestError, match='Node has no field "odd"'):
        read_request(text, WATCH)
    with pytest.raises(RequestError, match="number: ") as caught:
        read_request('{"odd": 1, "number": "x"}', WATCH, unknown_fields=True)
    assert caught.value.fault.span == (21, 24)


@pytest.mark.parametrize(
    ("text", "marked", "said"),
    [
        ("", "", "a request is a JSON object"),
        ("[1]", "[1]", "a request is a JSON object"),
        ('{\n  "number": \n}', "}", "line 3, column 1: expecting value"),
        ('{"number": 1', "1", "line 1, column 13: expecting ',' delimiter"),
        ('{"numbr": 1}', '"numbr"', 'Node has no field "numbr"; did you mean number or'),
        ('{"child": {"x": 1}}', '"x"', 'Node has no field "x"'),
        ('{"kids": {"a": {"x": 1}}}', '"x"', 'Node has no field "x"'),
        ('{"list": [{}, {"x": 1}]}', '"x"', 'Node has no field "x"'),
        ('{"number": "one"}', '"one"', "number: this is no int32"),
        ('{"number": 1.5}', "1.5", "number: this is no int32"),
        ('{"number": 99999999999}', "99999999999", "number: Value out of range"),
        ('{"numbers": [1, 2, true]}', "true", "numbers: this is no int32"),
        ('{"numbers": 1}', "1", "numbers is repeated, an array"),
        ('{"list": [null]}', "null", "list: an element cannot be null"),
        ('{"child": "x"}', '"x"', "Node is an object"),
        ('{"kids": []}', "[]", "kids is a map, an object"),
        ('{"colour": "GREN"}', '"GREN"', 'Colour has no value "GREN"; did you mean GREEN?'),
        ('{"time": "noon"}', '"noon"', "time: Failed to parse timestamp"),
        ('{"any": {"x": 1}}', '{"x": 1}', "any: @type is missing"),
        ('{"text": "a", "node": {}}', '"node"', "text and node exclude each other"),
        ('{"number": 1, "number": 2}', '"number"', "this key is there twice"),
        ('{"ratio": "much"}', '"much"', "ratio: this is no double"),
        ('{"[t.none]": 1}', "1", "does not have extensions"),
        ("[" * 100_000, "[", "nested too deeply"),
        ('{"number": ' + "9" * 6_000 + "}", "{", "a number has too many digits"),
        ('{"numbr\x1b[2J": 1}', "\x1b", "invalid control character"),
        ('{"numbr\\u001b[2J": 1}', '"numbr\\u001b[2J"', 'Node has no field "numbr␛[2J"'),
    ],
)
def test_a_mistake_is_told_and_marked(text: str, marked: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_request(text, WATCH)
    fault = caught.value.fault
    assert said in fault.message
    assert fault.message.isprintable()
    assert text[slice(*fault.span)] == marked


def test_the_second_of_two_keys_is_marked() -> None:
    with pytest.raises(RequestError) as caught:
        read_request('{"number": 1, "number": 2}', WATCH)
    assert caught.value.fault.span == (14, 22)


def test_what_proto2_requires_is_asked_for() -> None:
    protos = Protos("""syntax = "proto2"; package r; message Node { required int32 must = 1; }
        service S { rpc Watch(Node) returns (stream Node); }""")
    watch = Catalog(protos.pool, ["r.S"]).method("r.S/Watch")
    with pytest.raises(RequestError, match=r"r\.Node requires must"):
        read_request("{}", watch)


@given(st.text() | st.text('{}[]:,"\\ \n1a', max_size=40), st.integers(0, 50))
def test_no_text_is_too_odd(text: str, at: int) -> None:
    places(text)
    path = path_at(text, at)
    message_around(WATCH.request, path)
    try:
        read_request(text, WATCH)
    except RequestError as error:
        assert str(error).isprintable()  # noqa: PT017


@pytest.mark.parametrize(
    ("text", "message", "field"),
    [
        ('{"num|ber": 1}', "t.Node", "number"),
        ('{"number"|: 1}', "t.Node", "number"),
        ('{"number": 1|}', "t.Node", "number"),
        ("{|}", "t.Node", None),
        ('{"time": "2|"}', "t.Node", "time"),
        ('{"kids": {"a": {"li|st": []}}}', "t.Node", "list"),
        ('{"list": [{}, {|}]}', "t.Node", None),
        ('{"numbers": [1, |', "t.Node", "numbers"),
        ('{"unknown": {|', "t.Node", None),
        ("|", "t.Node", None),
    ],
)
def test_help_is_of_the_message_at_the_cursor(text: str, message: str, field: str | None) -> None:
    at = text.index("|")
    around, found = message_around(WATCH.request, path_at(text.replace("|", ""), at))
    assert around.full_name == message
    assert (found.name if found is not None else None) == field


def test_help_tells_types_choices_and_forms() -> None:
    told = {each.name: each for each in help_of(WATCH.request, None, WATCH.comments)}
    assert told["kids"].type_ == "map<string, Node>"
    assert told["list"].type_ == "repeated Node"
    assert told["colour"].notes == ("RED, GREEN",)
    assert told["note"].notes == ("optional",)
    assert told["text"].notes == ("one of text, node",)
    assert told["raw"].notes == ("bytes in base64",)
    assert "2026-01-01T00:00:00Z" in told["time"].notes[0]
    assert told["number"].comment == "How many."


def test_a_path_leads_to_a_field() -> None:
    field = find_field(WATCH.request, ("kids", "any name", "list", 3, "colour"))
    assert field is not None
    assert type_text(field) == "Colour"
    assert find_field(WATCH.request, ("time", "seconds")) is None
    assert find_field(WATCH.request, ("number", "x")) is None


def test_what_is_nested_too_deeply_is_a_mistake() -> None:
    for depth in (90, 300, 900, 5_000):
        with pytest.raises(RequestError):
            read_request('{"child":' * depth + '{"number":"x"}' + "}" * depth, WATCH)
