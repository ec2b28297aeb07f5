"""The fields of a request, one by one."""

from __future__ import annotations

import pytest
from google.protobuf import any_pb2, descriptor_pb2, struct_pb2, type_pb2, wrappers_pb2
from google.protobuf.json_format import ParseDict

from grpctap.core.requestparts import LONGEST, MOST_PARTS, Part, request_parts
from grpctap_protos.server_stream_pb2 import SimpleRequest


def test_each_field_that_is_set_has_its_path() -> None:
    request = type_pb2.Type(
        name="WTI",
        fields=[type_pb2.Field(name="price", number=3), type_pb2.Field(packed=True)],
        oneofs=["one", "two"],
    )
    assert request_parts(request) == (
        Part("name", "WTI", is_text=True),
        Part("fields[0].number", "3", is_text=False),
        Part("fields[0].name", "price", is_text=True),
        Part("fields[1].packed", "true", is_text=False),
        Part("oneofs[0]", "one", is_text=True),
        Part("oneofs[1]", "two", is_text=True),
    )


def test_a_wrapper_is_its_value() -> None:
    assert request_parts(wrappers_pb2.Int64Value(value=5)) == (Part("value", "5", is_text=False),)


def test_secrets_are_left_out() -> None:
    request = SimpleRequest(data="Bearer abc", resume_token=b"hunter2")
    assert request_parts(request) == ()
    open_request = ParseDict(
        {
            "password": "hunter2",
            "auth": {"user": "hunter2"},
            "list": ["bearer hunter2"],
            "ok": "yes",
        },
        struct_pb2.Struct(),
    )
    shown = repr(request_parts(open_request))
    assert "hunter2" not in shown
    assert "yes" in shown
    hidden = any_pb2.Any()
    hidden.Pack(wrappers_pb2.StringValue(value="hunter2"))
    option = descriptor_pb2.UninterpretedOption(identifier_value="ok", aggregate_value="fine")
    assert "hunter2" not in repr(request_parts(hidden))
    assert [part.value for part in request_parts(option)] == ["ok", "fine"]


@pytest.mark.parametrize(
    "text",
    [
        "authorization: Bearer hunter2",
        "https://bob:hunter2@example.com/feed",
        "host=db password=hunter2",
        '{"api_key": "hunter2"}',
        "with eyJhbGciOiJub25lIn0.hunter2",
        "user 'x' access_token='hunter2'",
    ],
)
def test_secrets_within_texts_are_left_out(text: str) -> None:
    assert request_parts(SimpleRequest(data=text)) == ()
    assert request_parts(wrappers_pb2.StringValue(value=text)) == ()
    assert request_parts(type_pb2.Type(oneofs=[text, "one"])) == (
        Part("oneofs[1]", "one", is_text=True),
    )


def test_a_pair_is_left_out_where_its_name_is_that_of_a_secret() -> None:
    request = type_pb2.Type(
        fields=[
            type_pb2.Field(name="authorization", default_value="hunter2"),
            type_pb2.Field(name="symbol", default_value="WTI"),
        ]
    )
    assert request_parts(request) == (
        Part("fields[1].name", "symbol", is_text=True),
        Part("fields[1].default_value", "WTI", is_text=True),
    )


@pytest.mark.parametrize("text", ["WTI", "keystone", "basically", "12:30", "https://x/a:b", "a=b"])
def test_other_texts_are_none(text: str) -> None:
    assert request_parts(SimpleRequest(data=text)) == (Part("data", text, is_text=True),)


def test_large_requests_are_cut() -> None:
    request = struct_pb2.Struct()
    ParseDict({f"n{n:04}": "x" * 10_000 for n in range(2_000)}, request)
    parts = request_parts(request)
    assert 0 < len(parts) <= MOST_PARTS
    assert all(len(part.value) <= LONGEST for part in parts)
    deep = struct_pb2.Struct()
    ParseDict({"a": {"b": {"c": {"d": {"e": {"f": {"g": "deep"}}}}}}}, deep)
    assert request_parts(deep) == ()


def test_hostile_text_acts_on_no_terminal() -> None:
    (part,) = request_parts(SimpleRequest(data="\x1b[2J\u202e"))
    assert part.value.isprintable()
