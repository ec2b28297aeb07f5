"""What a server says of its methods, asked of real servers: good ones, mute ones and liars."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import FileDescriptorResponse, ServerReflectionResponse

from grpctap.core.method import Method
from grpctap.transport.pools import SchemaError
from grpctap.transport.sources import Sources
from grpctap.transport.target import Target
from grpctap_protos import server_stream_pb2
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import Schedule
from support.methods import Describe, one_at_a_time, reflecting, reflects, serving
from support.protos import Protos
from support.server import RunningServer

FEED = "test.Feed"
WATCH = f"{FEED}/Watch"
PROTOS = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/timestamp.proto";
message Ask { string key = 1; }
message Event { google.protobuf.Timestamp at = 1; int64 number = 2; }
service Feed {
  rpc Watch(Ask) returns (stream Event);
  rpc WatchAll(Ask) returns (stream Event);
  rpc Get(Ask) returns (Event);
  rpc Upload(stream Ask) returns (Event);
  rpc Chat(stream Ask) returns (stream Event);
}
service Empty {}
""")
FILES = {file.name: file for file in PROTOS.files}


def fetch(address: str, name: str = WATCH, **arguments: Any) -> Method:
    return Sources(Target(address, plaintext=True), **arguments).described(name)


def refusal(address: str, name: str = WATCH, **arguments: Any) -> SchemaError:
    with pytest.raises(SchemaError) as caught:
        fetch(address, name, **arguments)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 1_000
    return caught.value


def is_watch(method: Method) -> bool:
    names = (method.name, method.request.full_name, method.response.full_name)
    event = method.response_class(number=7)
    time_type = method.response.fields[0].message_type
    return (
        names == (WATCH, "test.Ask", "test.Event")
        and method.response_class.FromString(event.SerializeToString()) == event
        and time_type is not None
        and time_type.full_name == "google.protobuf.Timestamp"
    )


def describing(answer: Callable[[], list[bytes]]) -> Describe:
    """Answers each request with the same, whatever was asked."""

    def describe(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        for _request in requests:
            yield from answer()

    return describe


def files_answer(*raw: bytes) -> bytes:
    files = FileDescriptorResponse(file_descriptor_proto=raw)
    return ServerReflectionResponse(file_descriptor_response=files).SerializeToString()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with reflecting(PROTOS, {FEED: {}}) as running:
        yield running


def test_a_server_tells_the_types_of_its_method(address: str) -> None:
    assert is_watch(fetch(address))
    # Nothing is shared: another server may have other messages of the same names.
    assert fetch(address).pool is not fetch(address).pool


def test_the_bundled_server_describes_itself() -> None:
    with RunningServer(CounterFeed(Schedule(0, 10), 5), with_reflection=True) as server:
        method = fetch(server.address, "proto.StreamServer/ListValue")
    assert method.response.full_name == "proto.StreamResponse"
    assert method.response is not server_stream_pb2.StreamResponse.DESCRIPTOR


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
@pytest.mark.parametrize("gives_imports", [True, False])
def test_both_versions_are_spoken_and_imports_are_asked_for(
    version: str, gives_imports: bool
) -> None:
    files = FILES if gives_imports else {"test.proto": FILES["test.proto"]}
    with serving(reflects(version, one_at_a_time([FEED], files))) as address:
        assert is_watch(fetch(address))


def test_metadata_goes_out_with_the_question() -> None:
    seen: list[Any] = []
    honest = one_at_a_time([FEED], FILES)

    def describe(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        seen.append(dict(context.invocation_metadata()))
        return honest(requests, context)

    with serving(reflects("v1", describe)) as address:
        fetch(address, metadata=(("authorization", "Bearer x"), ("a-bin", b"\x00")))
    assert seen
    assert all((m["authorization"], m["a-bin"]) == ("Bearer x", b"\x00") for m in seen)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("test.Fed/Watch", 'has no service "test.Fed"; did you mean test.Feed?'),
        ("Feed/Watch", 'has no service "Feed"; did you mean test.Feed?'),
        ("feed/Watch", 'has no service "feed"; did you mean test.Feed?'),
        ("other.Thing/Watch", 'has no service "other.Thing"; it has test.Feed'),
        ("test.Event/Watch", "test.Event is no service"),
        ("test.Feed/watch", 'test.Feed has no method "watch"; did you mean Watch?'),
        ("test.Feed/Wach", 'test.Feed has no method "Wach"; did you mean Watch or WatchAll?'),
        ("test.Feed/Xyz", "it has Chat, Get, Upload, Watch, WatchAll"),
        ("test.Empty/Watch", 'test.Empty has no method "Watch"; it has none'),
        ("test.Feed/Upload", "test.Feed/Upload is client-streaming: it takes a stream"),
        ("test.Feed/Chat", "test.Feed/Chat is bidirectional: it takes a stream of requests"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_what_could_be_meant(
    address: str, name: str, complaint: str
) -> None:
    error = refusal(address, name)
    assert complaint in str(error)
    assert error.exit_code == 1


def test_a_method_with_one_answer_is_a_stream_of_one(address: str) -> None:
    assert fetch(address, "test.Feed/Get").response.full_name == "test.Event"


def test_a_server_without_reflection_says_so() -> None:
    with serving() as address:
        error = refusal(address)
    assert str(error) == (
        f"{address} answers no reflection; describe its methods with -proto FILE or "
        "-protoset FILE (without them only proto.StreamServer/ListValue can be watched)"
    )
    assert error.exit_code == 1


def test_a_service_that_is_listed_but_not_described() -> None:
    with serving(reflects("v1", one_at_a_time([FEED], {}))) as address:
        assert f"lists {FEED}, but does not describe it" in str(refusal(address))


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INTERNAL])
def test_a_call_that_fails_gives_its_code(code: grpc.StatusCode) -> None:
    def describe(_: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        context.abort(code, "no\x1b[2J way")

    with serving(reflects("v1", describe)) as address:
        error = refusal(address)
    assert f"asked what {WATCH} is: {code.name}" in str(error)
    assert error.exit_code == 64 + code.value[0]


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    error = refusal(address)
    assert f"asked what {WATCH} is: UNAVAILABLE (14): " in str(error)
    assert str(error).endswith(f". Nothing listens at {address}; start the server, then try again.")
    assert error.exit_code == 64 + 14


def test_a_server_without_tls_is_looked_at() -> None:
    with reflecting(PROTOS, {FEED: {}}) as address:
        with pytest.raises(SchemaError, match="-plaintext") as caught:
            Sources(Target(address)).described(WATCH)
    assert caught.value.exit_code == 64 + 14


def test_a_server_that_never_answers_costs_a_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        error = refusal(f"127.0.0.1:{silent.getsockname()[1]}", max_time_s=0.3)
        took = time.monotonic() - began
    assert str(error).endswith(f"does not say within 0.3 s what {WATCH} is")
    assert error.exit_code == 64 + 4
    assert 0.3 <= took < 10


def test_all_questions_share_the_time() -> None:
    def describe(requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        # There is always one more import to ask for.
        for number, _request in enumerate(requests):
            time.sleep(0.05)
            name = f"f{time.monotonic_ns()}_{number}.proto"
            file = FileDescriptorProto(name=name, dependency=[f"next_{name}"])
            yield files_answer(file.SerializeToString())

    with serving(reflects("v1", describe)) as address:
        assert refusal(address, max_time_s=0.5).exit_code == 64 + 4


def changed(name: str, **fields: Any) -> bytes:
    file = FileDescriptorProto()
    file.CopyFrom(FILES[name])
    file.MergeFrom(FileDescriptorProto(**fields))
    return file.SerializeToString()


# A quarter of a megabyte, of which the full names would take two gigabytes.
LONG = DescriptorProto(name="n" * 200_000, nested_type=[DescriptorProto(name="x")] * 10_000)


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ([b"\xff"], "gives descriptions that cannot be read"),
        ([files_answer(b"\xff")], "gives descriptions that cannot be read"),
        ([files_answer(b"\x0a\x01\xff")], "gives descriptions that cannot be read"),
        ([files_answer(b"\x0a\x01f\x1a\x01\xff\x1a\x01g")], "gives descriptions that cannot be"),
        ([files_answer(b"\x0a\x01f\x12\x01\xff")], "gives descriptions that cannot be read"),
        (
            [files_answer(FileDescriptorProto(name="f", message_type=[LONG]).SerializeToString())],
            "describes itself in names without end",
        ),
        ([], "stops in the middle of its reflection"),
        (
            [files_answer(changed("test.proto", dependency=["gone.proto"]))],
            "imports gone.proto, which is missing",
        ),
        (
            [files_answer(changed("test.proto", dependency=["google/protobuf/gone.proto"]))],
            "imports google/protobuf/gone.proto, which is missing",
        ),
        (
            [files_answer(changed("test.proto", dependency=["\x1b[2J\u202e.proto"]))],
            "imports ␛[2J<U+202E>.proto, which is missing",
        ),
        (
            [files_answer(changed("test.proto", dependency=["test.proto"]))],
            "the description makes no sense: ",
        ),
        (
            [files_answer(changed("test.proto", message_type=[{"name": "Ask"}]))],
            "the description makes no sense: ",
        ),
        (
            [files_answer(FILES["google/protobuf/timestamp.proto"].SerializeToString())],
            "no service",
        ),
        (
            [files_answer(changed("test.proto", dependency=[f"{n}" for n in range(10_001)]))],
            "describes itself in more than 10,000 files",
        ),
    ],
)
def test_a_server_that_describes_nonsense_is_refused(answers: list[bytes], complaint: str) -> None:
    with serving(reflects("v1", describing(lambda: answers))) as address:
        error = refusal(address)
    assert complaint in str(error)
    assert error.exit_code == 1


def test_imports_in_a_circle_end() -> None:
    one = FileDescriptorProto(name="one.proto", dependency=["two.proto"], package="test")
    one.service.add(name="Feed")
    two = FileDescriptorProto(name="two.proto", dependency=["one.proto"])
    files = {file.name: file for file in (one, two)}
    with serving(reflects("v1", one_at_a_time([FEED], files))) as address:
        assert "the description makes no sense" in str(refusal(address))


def test_a_description_larger_than_the_limit_names_the_flag() -> None:
    with reflecting(PROTOS, {FEED: {}}) as address:
        with pytest.raises(SchemaError, match="raise it with -max-msg-sz") as caught:
            Sources(Target(address, True, 100)).described(WATCH)
    assert caught.value.exit_code == 64 + 8
