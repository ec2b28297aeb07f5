from __future__ import annotations

import json

import pytest

from grpctap.config import Config
from grpctap.core.dynamic import MethodSchema
from grpctap.core.listvalue import LIST_VALUE, ListValue
from grpctap.core.method import Method
from grpctap.core.resume import Resume, ResumeError, Spec, request_at
from grpctap.schemas import (
    first_token,
    json_object,
    method_name,
    parse_request,
    resume_of,
    schema_of,
    wants_progress,
)
from grpctap.transport.target import Target
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/any.proto";
message Ask { google.protobuf.Any filter = 1; string after = 2; }
message Known { int32 number = 1; }
message Answer { string id = 1; }
""")
OLD = Protos("""
syntax = "proto2";
package test;
message Ask { required string key = 1; required int32 count = 2; }
""")
TARGET = Target("h:1", plaintext=True)


def method(protos: Protos = PROTOS, answer: str = "Answer") -> Method:
    request, response = protos.descriptor("Ask"), protos.descriptor(answer)
    return Method("test.Test/Watch", request, response, protos.pool)


@pytest.mark.parametrize("text", ["a.b.S/M", "/a.b.S/M", "a.b.S.M", "/a.b.S.M"])
def test_a_method_may_be_written_in_three_ways(text: str) -> None:
    assert method_name(text) == "a.b.S/M"


@pytest.mark.parametrize(
    "text",
    ["", "M", "/M", "a/", "a//M", "a/b/M", "a/b.M", "a.b/M ", "a..b/M", "1a/M", "a/M\n", "ä/M"],
)
def test_what_is_no_method_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no SERVICE/METHOD; for example"):
        method_name(text)


def test_a_request_is_read_by_the_methods_own_types() -> None:
    text = '{"filter": {"@type": "x/test.Known", "number": 3}, "after": "a"}'
    request = parse_request(text, method())
    known = PROTOS.make("Known", number=3).SerializeToString()
    assert request == PROTOS.make(
        "Ask", after="a", filter={"type_url": "x/test.Known", "value": known}
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "-d is no JSON of test.Ask: "),
        ('{"afterr": 1}', 'no field named "afterr"'),
        ('{"after": 1}', "-d is no JSON of test.Ask: "),
        ('{"filter": {"@type": "x/no.Such"}}', "-d is no JSON of test.Ask: "),
        ('{"filter": {"@type": 5}}', "-d is no JSON of test.Ask: "),
        ('{"a":' * 100_000, "-d is no JSON of test.Ask: "),
    ],
)
def test_a_request_that_the_method_does_not_take_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_request(text, method())


def test_a_type_that_is_not_what_its_name_says_is_no_traceback() -> None:
    liar = Protos("""
        syntax = "proto3";
        package google.protobuf;
        message Timestamp {}
        message Ask { Timestamp at = 1; }
    """)
    with pytest.raises(ValueError, match=r"-d is no JSON of google\.protobuf\.Ask: "):
        parse_request('{"at": "2026-11-24T00:00:00Z"}', method(liar, "Ask"))


def test_what_an_old_proto_requires_must_be_there() -> None:
    with pytest.raises(ValueError, match=r"-d lacks what test\.Ask requires: count"):
        parse_request('{"key": "k"}', method(OLD, "Ask"))
    parse_request('{"key": "k", "count": 1}', method(OLD, "Ask"))


@pytest.mark.parametrize("text", ["", " \n"])
def test_no_text_is_an_empty_request(text: str) -> None:
    assert json_object(text) == "{}"


@pytest.mark.parametrize("text", ["[]", "1", "data"])
def test_only_an_object_can_be_a_request(text: str) -> None:
    with pytest.raises(ValueError, match="-d is no JSON object"):
        json_object(text)
    assert json_object(" {}") == " {}"


def test_each_method_gets_the_schema_that_knows_it() -> None:
    ours = Config(TARGET, SimpleRequest(data="x", resume_token=b"t", progress_notify=True))
    assert isinstance(schema_of(ours, progress=True), ListValue)
    assert wants_progress(ours)
    assert not wants_progress(Config(TARGET, SimpleRequest()))
    assert first_token(ours) == b"t"
    assert request_at(ours.request, ours.resume, b"u") == SimpleRequest(
        data="x", resume_token=b"u", progress_notify=True
    )

    theirs = Config(TARGET, PROTOS.make("Ask", after="5"), method=method(), resume=None)
    assert isinstance(schema_of(theirs, progress=True), MethodSchema)
    assert not wants_progress(theirs)
    assert first_token(theirs) == b""
    assert request_at(theirs.request, theirs.resume, b"") == PROTOS.make("Ask", after="5")

    pair = resume_of(Spec.parse("after=id"), method())
    placed = Config(TARGET, PROTOS.make("Ask", after="5"), method=method(), resume=pair)
    assert first_token(placed) == b"5"
    assert request_at(placed.request, placed.resume, b"6") == PROTOS.make("Ask", after="6")
    assert placed.request == PROTOS.make("Ask", after="5")


def test_a_pair_is_the_one_that_was_asked_for_or_finds_itself() -> None:
    assert resume_of(None, method()) is None
    found = resume_of(None, LIST_VALUE)
    assert found is not None
    assert not found.given
    given = resume_of(Spec("resume_token", "stream_id"), LIST_VALUE)
    assert given is not None
    assert given.given
    with pytest.raises(ResumeError, match='no field "ident"'):
        resume_of(Spec("after", "ident"), method())


def test_another_pair_for_our_own_method_goes_before_its_token() -> None:
    pair = Resume(Spec("data", "stream_id"), LIST_VALUE.request, LIST_VALUE.response)
    schema = ListValue(SimpleRequest(data="x", resume_token=b"t"), progress=True, resume=pair)
    message = StreamResponse(stream_value="v", stream_id="s", sequence=3, resume_token=b"own")
    raw = message.SerializeToString()
    reading = schema.read(raw)
    assert (reading.token, reading.sequence, reading.stream_id) == (b"s", 3, "s")
    assert SimpleRequest.FromString(schema.request(b"s")) == SimpleRequest(
        data="s", resume_token=b"t", progress_notify=True
    )
    config = Config(TARGET, SimpleRequest(), resume=pair)
    assert schema_of(config, progress=True).read(raw).token == b"s"
    # A text that is no UTF-8 is shown, and is no place to go on from.
    assert schema.read(raw.replace(b"\x12\x01s", b"\x12\x01\xff")).token == b""
    assert json.loads(schema.json(raw))["streamId"] == "s"
