"""Messages of every kind: their JSON says all that is in them, and odd ones are shown, too."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grpctap.core.dynamic import MethodSchema
from grpctap.core.jsontext import escape
from grpctap.core.method import Method
from support.zoo.anything import messages
from support.zoo.messages import MESSAGES, PROTOS

KINDS = pytest.mark.parametrize("kind", MESSAGES)


def schema(kind: str) -> MethodSchema:
    response = PROTOS.descriptor(kind)
    method = Method("zoo.Zoo/Show", PROTOS.descriptor("Nothing"), response, PROTOS.pool)
    return MethodSchema(method, PROTOS.make("Nothing"))


SCHEMAS = {kind: schema(kind) for kind in MESSAGES}


def shown(kind: str, raw: bytes) -> Any:
    line = SCHEMAS[kind].json(raw)
    assert line.isprintable()
    return json.loads(line)


def same(one: Message, other: Message) -> bool:
    # As bytes, since no NaN is equal to another.
    return one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)


@KINDS
@settings(max_examples=50)
@given(data=st.data())
def test_any_message_is_the_json_of_protobuf_and_comes_back_from_it(
    kind: str, data: st.DataObject
) -> None:
    message = data.draw(messages(PROTOS.descriptor(kind)))
    line = SCHEMAS[kind].json(message.SerializeToString())
    assert line.isprintable()
    expected = json_format.MessageToDict(message, descriptor_pool=PROTOS.pool)
    assert json.loads(line) == json.loads(json.dumps(expected))
    back = json_format.Parse(line, PROTOS.make(kind), descriptor_pool=PROTOS.pool)
    assert same(back, message)


@KINDS
@settings(max_examples=50)
@given(data=st.data())
def test_a_reading_never_fails_for_any_message(kind: str, data: st.DataObject) -> None:
    raw = data.draw(messages(PROTOS.descriptor(kind))).SerializeToString()
    assert SCHEMAS[kind].read(raw).sequence == 0
    assert isinstance(SCHEMAS[kind].line(raw), str)


@KINDS
@settings(max_examples=50)
@example(raw=b"\x80\x80\x80\x80@")
@given(raw=st.binary(max_size=100))
def test_any_bytes_are_a_line_or_no_such_message(kind: str, raw: bytes) -> None:
    assert isinstance(SCHEMAS[kind].line(raw), str)


def wire(kind: str, text: str, more: bytes = b"") -> bytes:
    """A message as bytes, with more bytes behind it."""
    return PROTOS.parse(kind, text).SerializePartialToString() + more


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("Old", wire("Old", 'greeting: "x"'), {"greeting": "x"}),
        ("Old", wire("Old", "needy {}"), {"needy": {}}),
        # A value that a closed enum has not is no value of the field.
        ("Old", wire("Old", "needed: 1", b"\x18\x4d"), {"needed": 1}),
        ("Old", wire("Old", "needed: 1", b"\x50\x01\x50\x4d"), {"needed": 1, "kinds": ["FIRST"]}),
        ("Edition", wire("Edition", "needed: 1", b"\x30\x4d"), {"needed": 1}),
        ("Edition", wire("Edition", "needed: 1", b"\x28\x4d"), {"needed": 1, "open": 77}),
        # An extension that nobody knows.
        ("Old", wire("Old", "needed: 1", b"\x98\x06\x05"), {"needed": 1}),
    ],
    ids=[
        *("required", "required within", "closed enum", "closed enums"),
        *("closed enum of an edition", "open enum of an edition", "extension"),
    ],
)
def test_what_is_missing_or_unknown_is_left_out(kind: str, raw: bytes, expected: Any) -> None:
    assert shown(kind, raw) == expected


@pytest.mark.parametrize(
    ("kind", "raw", "path"),
    [
        ("Scalars", b"\x72\x02\xffa", ["aString"]),
        ("Repeated", b"\x72\x02\xffa", ["strings", 0]),
        ("Maps", b"\x32\x06\x08\x01\x12\x02\xffa", ["bySint64", "-1"]),
        ("Shapes", b"\x0a\x06\x0a\x04\x0a\x02\xffa", ["inner", "innermost", "text"]),
        ("WellKnown", b"\x82\x01\x04\x0a\x02\xffa", ["aString"]),
        ("Old", b"\x12\x02\xffa", ["greeting"]),
        ("Old", b"\x33\x0a\x02\xffa\x34", ["alone", "text"]),
        ("Old", b"\xc2\x3e\x02\xffa", ["[zoo.extra.far]"]),
        ("Old", b"\xaa\x06\x04\x0a\x02\xffa", ["[zoo.Holder.held]", "text"]),
        ("Edition", b"\x22\x02\xffa", ["greeting"]),
        ("Edition", b"\x6a\x02\xffa", ["unchecked"]),
        ("Edition", b"\x4b\x0a\x02\xffa\x4c", ["delimited", "text"]),
        ("Edition", b"\x83\x01\x0a\x02\xffa\x84\x01", ["part", "text"]),
    ],
    ids=[
        *("text", "texts", "in a map", "deep", "wrapper", "proto2", "in a group", "extension"),
        *("in an extension", "edition", "unchecked", "delimited", "delimited in a oneof"),
    ],
)
def test_text_that_is_no_utf8_is_mended_wherever_it_is(
    kind: str, raw: bytes, path: list[str | int]
) -> None:
    found = shown(kind, raw)
    for step in path:
        found = found[step]
    assert found == "\ufffda"
    assert "\ufffda" in SCHEMAS[kind].line(raw)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timestamp { seconds: 253402300800 }", {"timestamp": {"seconds": "253402300800"}}),
        ("duration { seconds: 315576000001 }", {"duration": {"seconds": "315576000001"}}),
        ("duration { seconds: 1 nanos: -1 }", {"duration": {"seconds": "1", "nanos": -1}}),
        ("value {}", {"value": None}),
        ('mask { paths: "_A" }', {"mask": {"paths": ["_A"]}}),
        (
            'any { type_url: "x/no.such.Type" value: "\\001\\002" }',
            {"any": {"@type": "x/no.such.Type", "value": "AQI="}},
        ),
    ],
)
def test_what_json_has_no_form_for_is_shown_by_its_plain_fields(text: str, expected: Any) -> None:
    whole = shown("WellKnown", wire("WellKnown", f'a_string {{ value: "s" }} {text}'))
    assert {name: whole[name] for name in expected} == expected
    assert "aString" in whole


def test_the_same_json_is_escaped_and_no_more() -> None:
    message = PROTOS.parse("Scalars", MESSAGES["Scalars"][-1])
    text = cast("Any", message).a_string
    line = SCHEMAS["Scalars"].json(message.SerializeToString())
    assert line == escape(line)
    assert json.loads(line) == {"aString": text}
