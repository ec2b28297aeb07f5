"""Clients that others made, grpcurl and buf curl, on our own server: what they find and receive."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import grpc
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from support.makes.running import documents, output, program
from support.server import PATIENCE_S, ServerProcess, channel

DATA = '{"data": "stream server grpc "}'
LIST_VALUE = "proto.StreamServer/ListValue"
SERVICES = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
    "proto.StreamServer",
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ServerProcess("--feed", "counter", "--count", "5", "--interval", "0.01") as running:
        yield running.address


def grpcurl(*words: str) -> str:
    return output(program("grpcurl"), "-plaintext", *words)


def buf(address: str, path: str, *flags: str) -> str:
    options = ("--http2-prior-knowledge", "--protocol", "grpc", *flags)
    return output(program("buf"), "curl", *options, f"http://{address}{path}")


def test_grpcurl_lists_what_there_is(server: str) -> None:
    assert grpcurl(server, "list").split() == SERVICES
    assert grpcurl(server, "list", "proto.StreamServer").split() == [
        "proto.StreamServer.ListValue",
        "proto.StreamServer.Route",
    ]


def test_grpcurl_describes_the_tutorials_service_and_messages(server: str) -> None:
    described = grpcurl(server, "describe", "proto.StreamServer")
    assert "rpc ListValue ( .proto.SimpleRequest ) returns ( stream .proto.StreamResponse );" in (
        described
    )
    assert "rpc Route ( .proto.SimpleRequest ) returns ( .proto.SimpleResponse );" in described
    for message, fields in (
        ("SimpleRequest", ["string data = 1;"]),
        ("SimpleResponse", ["int32 code = 1;", "string value = 2;"]),
        ("StreamResponse", ["string stream_value = 1;"]),
    ):
        described = grpcurl(server, "describe", f"proto.{message}")
        lines = [line.strip() for line in described.splitlines()]
        # What is more has other numbers.
        assert [line for line in lines if line in fields] == fields


def test_grpcurl_receives_exactly_the_tutorials_values(server: str) -> None:
    assert json.loads(grpcurl("-d", DATA, server, "proto.StreamServer/Route")) == {
        "code": 200,
        "value": "hello stream server grpc ",
    }
    values = documents(grpcurl("-d", DATA, server, LIST_VALUE))
    # Code that protoc makes for Python has no JSON names, and grpcurl makes up none.
    assert [value["stream_value"] for value in values] == [
        f"stream server grpc {n}" for n in range(5)
    ]
    assert [value["sequence"] for value in values] == ["1", "2", "3", "4", "5"]
    assert not any("progress" in value for value in values)


def test_grpcurl_goes_on_at_a_token_and_ends_at_its_deadline(server: str) -> None:
    second = documents(grpcurl("-d", DATA, server, LIST_VALUE))[1]
    request = json.dumps({**json.loads(DATA), "resume_token": second["resume_token"]})
    values = documents(grpcurl("-d", request, server, LIST_VALUE))
    assert [value["sequence"] for value in values] == ["3", "4", "5"]
    with ServerProcess("--interval", "0.05") as endless:
        done = subprocess.run(
            (program("grpcurl"), "-plaintext", "-max-time", "1", endless.address, LIST_VALUE),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 64 + 4
    assert "DeadlineExceeded" in done.stderr
    assert '"stream_value"' in done.stdout


def test_buf_curl_lists_and_receives_the_same(server: str) -> None:
    assert buf(server, "", "--list-services").split() == SERVICES
    assert {"proto.StreamServer/ListValue", "proto.StreamServer/Route"} <= set(
        buf(server, "", "--list-methods").split()
    )
    values = documents(buf(server, f"/{LIST_VALUE}", "-d", DATA))
    assert [value["streamValue"] for value in values] == [
        f"stream server grpc {n}" for n in range(5)
    ]
    assert not any("progress" in value for value in values)


def test_both_versions_of_reflection_give_the_same_answers(server: str) -> None:
    asked = [
        ServerReflectionRequest(list_services=""),
        ServerReflectionRequest(file_containing_symbol="proto.StreamServer"),
        ServerReflectionRequest(file_by_filename="no/such.proto"),
    ]
    answers = []
    with channel(server) as opened:
        for version in ("v1", "v1alpha"):
            ask: grpc.StreamStreamMultiCallable[
                ServerReflectionRequest, ServerReflectionResponse
            ] = opened.stream_stream(
                f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                ServerReflectionRequest.SerializeToString,
                ServerReflectionResponse.FromString,
            )
            answers.append(list(ask(iter(asked), timeout=PATIENCE_S)))
    assert answers[0] == answers[1]
    assert len(answers[0]) == 3
