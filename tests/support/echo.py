"""A server that says what it was asked, over TCP, IPv6, a Unix socket, TLS and mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from support.methods import service, serving
from support.peers import Authority, credentials
from support.protos import Protos

NAME = "echo.example.com"
METHOD = "echo.v1.Echo/Watch"
LARGE = 100_000
PROTOS = Protos("""
syntax = "proto3";
package echo.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Mood { MOOD_UNKNOWN = 0; GLAD = 1; }
message Request { string text = 1; int32 count = 2; Mood mood = 3; int32 fail = 4; bool large = 5; }
message Part { int32 size = 1; Part inner = 2; }
message Response {
  Request asked = 1;
  int64 number = 2;
  repeated string metadata = 3;
  map<string, Part> parts = 4;
  repeated Part list = 5;
  Part part = 6;
  optional int32 maybe = 7;
  oneof either { string one = 8; Part other = 9; }
  google.protobuf.Timestamp time = 10;
  google.protobuf.StringValue wrapped = 11;
  bytes raw = 12;
  double ratio = 13;
}
service Echo { rpc Watch(Request) returns (stream Response); }
""")


def _watch(request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
    metadata = {str(key): value for key, value in context.invocation_metadata()}
    asked = {name: getattr(request, name) for name in ("text", "count", "mood", "fail", "large")}
    if "x-gzip" in metadata:
        context.set_compression(grpc.Compression.Gzip)
    for number in range(asked["count"] or 1):
        yield PROTOS.make(
            "Response",
            asked=request,
            number=number,
            metadata=[f"{k}: {v!r}" for k, v in sorted(metadata.items()) if k.startswith("x-")],
            list=[{"size": 1}, {"inner": {"size": 2}}],
            parts={"a": {"inner": {}}},
            raw=bytes(LARGE) if asked["large"] else b"\xff",
            ratio=0.5,
        )
    if asked["fail"]:
        context.abort(
            next(code for code in grpc.StatusCode if code.value[0] == asked["fail"]), "no"
        )


@dataclass(frozen=True)
class Echo:
    """Where the server is; what it speaks there is in the name."""

    address: str
    ipv6: str
    socket: Path
    tls: str
    mutual: str
    tls_socket: Path


@contextmanager
def echo_server(folder: Path, authority: Authority) -> Iterator[Echo]:
    ports: list[int] = []
    leaf = authority.issue(NAME)
    tls, mutual = credentials(leaf), credentials(leaf, authority)

    def set_up(server: grpc.Server) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
        names = ("echo.v1.Echo", "grpc.health.v1.Health", reflection.SERVICE_NAME)
        pool = PROTOS.pool
        for file in (health_pb2.DESCRIPTOR,):
            pool.AddSerializedFile(file.serialized_pb)
        reflection.enable_server_reflection(names, server, pool=pool)
        server.add_insecure_port(f"unix:{folder}/plain")
        server.add_secure_port(f"unix:{folder}/tls", tls)
        ports.append(server.add_insecure_port("[::1]:0"))
        ports.append(server.add_secure_port("127.0.0.1:0", tls))
        ports.append(server.add_secure_port("127.0.0.1:0", mutual))

    handler = service(PROTOS, "echo.v1.Echo", {"Watch": _watch})
    with serving(handler, set_up=set_up) as address:
        yield Echo(
            address,
            f"[::1]:{ports[0]}",
            folder / "plain",
            f"127.0.0.1:{ports[1]}",
            f"127.0.0.1:{ports[2]}",
            folder / "tls",
        )
