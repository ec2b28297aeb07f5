"""Command lines of grpcurl, from the docs of projects that use it: each is understood as there."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpctap.cli import base_config, parse
from grpctap.flags import viewer_parser
from grpctap.headers import MissingVariableError
from grpctap.schemas import json_object, method_name
from grpctap.transport.target import Target
from grpctap.words import one_for_each
from support.echo import LARGE, METHOD, NAME, Echo, echo_server
from support.keeper import grpcurl
from support.peers import Authority
from support.protos import compile_proto
from support.server import PATIENCE_S

TOKEN = {"TOKEN": "t0ken", "POD": "feed-0"}


@dataclass(frozen=True)
class Line:
    """What a line means: where to, how, what, and with which metadata.

    `settings` are what differs from a Target's defaults; `call` and `reflection` are the metadata
    of each.
    """

    words: str
    address: str
    method: str
    request: object = None
    call: tuple[tuple[str, str | bytes], ...] = ()
    reflection: tuple[tuple[str, str | bytes], ...] | None = None
    max_time: float | None = None
    emit_defaults: bool = False
    unknown_fields: bool = False
    settings: tuple[tuple[str, object], ...] = ()


PLAIN = (("plaintext", True),)
LINES = [
    # grpcurl's README.
    Line(
        "grpc.server.com:443 my.custom.server.Service/Method",
        "grpc.server.com:443",
        "my.custom.server.Service/Method",
    ),
    Line(
        "-plaintext grpc.server.com:80 my.custom.server.Service/Method",
        "grpc.server.com:80",
        "my.custom.server.Service/Method",
        settings=PLAIN,
    ),
    Line(
        """-d '{"id": 1234, "tags": ["foo","bar"]}' grpc.server.com:443 my.Service/Method""",
        "grpc.server.com:443",
        "my.Service/Method",
        {"id": 1234, "tags": ["foo", "bar"]},
    ),
    Line(
        """-d '{"id": 1234}' grpc.server.com:443 my.custom.server.Service.Method""",
        "grpc.server.com:443",
        "my.custom.server.Service/Method",
        {"id": 1234},
    ),
    # etcd, with its own reflection.
    Line(
        """-plaintext -d '{"key":"Zm9v","range_end":"Zm9w"}' localhost:2379 """
        "etcdserverpb.KV/Range",
        "localhost:2379",
        "etcdserverpb.KV/Range",
        {"key": "Zm9v", "range_end": "Zm9w"},
        settings=PLAIN,
    ),
    Line(
        "-cacert ca.crt -cert client.crt -key client.key -d '{}' etcd-0.example:2379 "
        "etcdserverpb.Maintenance/Status",
        "etcd-0.example:2379",
        "etcdserverpb.Maintenance/Status",
        {},
        settings=(("files", ("ca.crt", "client.crt", "client.key")),),
    ),
    # The standard health service, of kubernetes and gRPC's docs.
    Line(
        """-plaintext -d '{"service":""}' localhost:50051 grpc.health.v1.Health/Watch""",
        "localhost:50051",
        "grpc.health.v1.Health/Watch",
        {"service": ""},
        settings=PLAIN,
    ),
    Line(
        "-plaintext -connect-timeout 3 -max-time 5 10.0.0.7:9000 grpc.health.v1.Health/Check",
        "10.0.0.7:9000",
        "grpc.health.v1.Health/Check",
        max_time=5,
        settings=(*PLAIN, ("connect_timeout", 3)),
    ),
    # Cosmos SDK: a query at a height.
    Line(
        """-plaintext -d '{"address":"cosmos1abc"}' localhost:9090 """
        "cosmos.bank.v1beta1.Query/AllBalances",
        "localhost:9090",
        "cosmos.bank.v1beta1.Query/AllBalances",
        {"address": "cosmos1abc"},
        settings=PLAIN,
    ),
    Line(
        '-plaintext -H \'x-cosmos-block-height: 279256\' -d \'{"address":"a","denom":"b"}\' '
        "localhost:9090 cosmos.bank.v1beta1.Query/Balance",
        "localhost:9090",
        "cosmos.bank.v1beta1.Query/Balance",
        {"address": "a", "denom": "b"},
        (("x-cosmos-block-height", "279256"),),
        settings=PLAIN,
    ),
    # Google Cloud Run and Endpoints.
    Line(
        "-H 'Authorization: Bearer abc.def' -proto ping.proto -d '{\"message\": \"hi\"}' "
        "ping-xyz.a.run.app:443 ping.PingService.Send",
        "ping-xyz.a.run.app:443",
        "ping.PingService/Send",
        {"message": "hi"},
        (("authorization", "Bearer abc.def"),),
    ),
    # AWS: an application load balancer with a certificate for another name.
    Line(
        "-insecure -d '{}' my-alb-1.eu-west-1.elb.amazonaws.com:443 helloworld.Greeter/SayHello",
        "my-alb-1.eu-west-1.elb.amazonaws.com:443",
        "helloworld.Greeter/SayHello",
        {},
        settings=(("insecure", True),),
    ),
    Line(
        "-authority grpc.example.com 203.0.113.9:443 helloworld.Greeter/SayHello",
        "203.0.113.9:443",
        "helloworld.Greeter/SayHello",
        settings=(("authority", "grpc.example.com"),),
    ),
    Line(
        "-servername grpc.example.com 203.0.113.9:443 helloworld.Greeter/SayHello",
        "203.0.113.9:443",
        "helloworld.Greeter/SayHello",
        settings=(("servername", "grpc.example.com"),),
    ),
    # Envoy, Istio and Linkerd: what the proxy routes by.
    Line(
        "-plaintext -authority echo.default.svc.cluster.local -H 'x-b3-sampled: 1' "
        "127.0.0.1:15001 proto.EchoTestService/Echo",
        "127.0.0.1:15001",
        "proto.EchoTestService/Echo",
        call=(("x-b3-sampled", "1"),),
        settings=(*PLAIN, ("authority", "echo.default.svc.cluster.local")),
    ),
    Line(
        "-plaintext -use-reflection=false -protoset envoy.bin -d @ localhost:18000 "
        "envoy.service.discovery.v3.ClusterDiscoveryService/FetchClusters",
        "localhost:18000",
        "envoy.service.discovery.v3.ClusterDiscoveryService/FetchClusters",
        "@",
        settings=PLAIN,
    ),
    # Dapr.
    Line(
        "-plaintext -H 'dapr-app-id: greeter' localhost:50007 helloworld.Greeter/SayHello",
        "localhost:50007",
        "helloworld.Greeter/SayHello",
        call=(("dapr-app-id", "greeter"),),
        settings=PLAIN,
    ),
    # SPIRE and containerd: sockets.
    Line(
        "-plaintext -unix -H 'workload.spiffe.io: true' /tmp/spire-agent/public/api.sock "
        "SpiffeWorkloadAPI/FetchX509SVID",
        "unix:/tmp/spire-agent/public/api.sock",
        "SpiffeWorkloadAPI/FetchX509SVID",
        call=(("workload.spiffe.io", "true"),),
        settings=PLAIN,
    ),
    Line(
        "-plaintext -unix=true run/containerd.sock containerd.events.Events/Subscribe",
        "unix:run/containerd.sock",
        "containerd.events.Events/Subscribe",
        settings=PLAIN,
    ),
    Line(
        "-plaintext unix:///var/run/tap.sock grpc.health.v1.Health/Watch",
        "unix:///var/run/tap.sock",
        "grpc.health.v1.Health/Watch",
        settings=PLAIN,
    ),
    # lnd: its certificate and its macaroon.
    Line(
        "--cacert=tls.cert --rpc-header 'macaroon: 0201036c6e64' --import-path . "
        "--proto lightning.proto localhost:10009 lnrpc.Lightning/SubscribeInvoices",
        "localhost:10009",
        "lnrpc.Lightning/SubscribeInvoices",
        call=(("macaroon", "0201036c6e64"),),
        reflection=(),
        settings=(("files", ("tls.cert", None, None)),),
    ),
    Line(
        "-insecure -cacert none.pem -H 'macaroon: 0201' localhost:10009 lnrpc.Lightning/GetInfo",
        "localhost:10009",
        "lnrpc.Lightning/GetInfo",
        call=(("macaroon", "0201"),),
        settings=(("insecure", True),),
    ),
    # Temporal, Milvus, Sui: sizes, times, names.
    Line(
        "-max-msg-sz 67108864 -keepalive-time 30 fullnode.mainnet.sui.io:443 "
        "sui.rpc.v2.SubscriptionService/SubscribeCheckpoints",
        "fullnode.mainnet.sui.io:443",
        "sui.rpc.v2.SubscriptionService/SubscribeCheckpoints",
        settings=(("max_message_size", 67_108_864), ("keepalive_time", 30)),
    ),
    Line(
        "-max-time 0 -connect-timeout 0 -keepalive-time 0 -max-msg-sz 0 h:1 a.b.C/D",
        "h:1",
        "a.b.C/D",
    ),
    Line(
        "-max-msg-sz=0x100000 -connect-timeout=1e-1 -max-time=.5 h:1 a.b.C/D",
        "h:1",
        "a.b.C/D",
        max_time=0.5,
        settings=(("max_message_size", 2**20), ("connect_timeout", 0.1)),
    ),
    Line(
        "-user-agent 'smoke-test/1.2' temporal.example.com:7233 "
        "temporal.api.workflowservice.v1.WorkflowService/GetClusterInfo",
        "temporal.example.com:7233",
        "temporal.api.workflowservice.v1.WorkflowService/GetClusterInfo",
        settings=(("user_agent", "smoke-test/1.2"),),
    ),
    # Tokens out of the environment.
    Line(
        "-expand-headers -H 'Authorization: Bearer ${TOKEN}' -reflect-header 'pod: ${POD}' "
        "-H 'cost: $5 ${} $TOKEN' api.example.com:443 a.b.C/D",
        "api.example.com:443",
        "a.b.C/D",
        call=(("authorization", "Bearer t0ken"), ("cost", "$5 ${} $TOKEN")),
        reflection=(
            ("authorization", "Bearer t0ken"),
            ("cost", "$5 ${} $TOKEN"),
            ("pod", "feed-0"),
        ),
    ),
    Line(
        "-H 'Authorization: Bearer ${TOKEN}' api.example.com:443 a.b.C/D",
        "api.example.com:443",
        "a.b.C/D",
        call=(("authorization", "Bearer ${TOKEN}"),),
    ),
    Line(
        "-plaintext -H 'trace-bin: _-8' -H 'other-bin: //8=' -H 'empty:' h:1 a.b.C/D",
        "h:1",
        "a.b.C/D",
        call=(("trace-bin", b"\xff\xef"), ("other-bin", b"\xff\xff"), ("empty", "")),
        settings=PLAIN,
    ),
    # What the answer looks like.
    Line(
        "-plaintext -emit-defaults -format json -allow-unknown-fields -d '{\"new\":1}' [::1]:50051 "
        "a.b.C/D",
        "[::1]:50051",
        "a.b.C/D",
        {"new": 1},
        emit_defaults=True,
        unknown_fields=True,
        settings=PLAIN,
    ),
    Line(
        "-plaintext=1 -insecure=false -emit-defaults=F dns:///feed.example.com:8000 a.b.C/D -d ''",
        "dns:///feed.example.com:8000",
        "a.b.C/D",
        {},
        settings=PLAIN,
    ),
    Line(
        "-plaintext -plaintext=false ipv4:10.0.0.1:443,10.0.0.2:443 a.b.C/D",
        "ipv4:10.0.0.1:443,10.0.0.2:443",
        "a.b.C/D",
    ),
]
REFUSED = [
    ("-format text -d 'name: \"x\"' h:1 a.b.C/D", "write the request as json"),
    ("-alts h:1 a.b.C/D", "-alts is not supported: ALTS works on Google's own machines only"),
    ("-alts-target-service-account x@y h:1 a.b.C/D", "ALTS works on Google's own machines only"),
    ("-protoset-out out.bin h:1 a.b.C/D", "no files are written; use grpcurl for it"),
    ("-format-error h:1 a.b.C/D", "errors are told in words"),
    ("-plaintext -insecure h:1 a.b.C/D", "-insecure goes with TLS, not with -plaintext"),
    ("-plaintext -cert a.pem -key a.key h:1 a.b.C/D", "go with TLS, not with -plaintext"),
    ("-cert client.crt h:1 a.b.C/D", "-cert and -key go together; give both"),
    ("-authority a -servername b h:1 a.b.C/D", "-authority and -servername differ"),
    ("-max-time -1 h:1 a.b.C/D", "'-1' is no number of seconds above 0"),
    ("-H x-api-key h:1 a.b.C/D", "-H wants 'NAME: VALUE'"),
    ("localhost:https a.b.C/D", "localhost:https is no HOST:PORT"),
    ("-keep-proto-names h:1 a.b.C/D", "messages are written as canonical JSON"),
]


@pytest.fixture
def files(ours: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the lines name, in the folder where they are run."""
    monkeypatch.chdir(tmp_path)
    for name in ("ca.crt", "tls.cert"):
        Path(name).write_bytes(ours.pem)
    cert, key = ours.issue_files("me")
    for name in ("client.crt", "a.pem"):
        Path(name).write_bytes(Path(cert).read_bytes())
    for name in ("client.key", "a.key"):
        Path(name).write_bytes(Path(key).read_bytes())
    for name in ("ping.proto", "lightning.proto"):
        Path(name).write_text('syntax = "proto3";')
    Path("envoy.bin").write_bytes(
        FileDescriptorSet(file=compile_proto('syntax = "proto3";')).SerializeToString()
    )
    for name, value in TOKEN.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.words)
def test_a_line_of_grpcurl_is_understood_as_there(line: Line) -> None:
    args = viewer_parser().read(shlex.split(line.words))
    config = base_config(args)
    settings = dict(line.settings)
    files = settings.pop("files", (None, None, None))
    assert (config.target.tls.cacert, config.target.tls.cert, config.target.tls.key) == files
    expected: Any = settings
    assert config.target == Target(line.address, tls=config.target.tls, **expected)
    assert method_name(args.method) == line.method
    body = one_for_each(args.data, 1)[0]
    request = "@" if body == "@" else json.loads(json_object(body))
    assert request == ({} if line.request is None else line.request)
    assert config.metadata == line.call
    assert config.reflection_metadata == (line.call if line.reflection is None else line.reflection)
    assert config.max_time == line.max_time
    assert config.emit_defaults == line.emit_defaults
    assert args.allow_unknown_fields == line.unknown_fields


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("words", "reason"), REFUSED)
def test_a_line_of_grpcurl_is_refused_with_the_reason(
    words: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        parse(shlex.split(words))
    assert refused.value.code == 2
    told = capsys.readouterr().err
    assert reason in told
    assert told.count("\n") == 1


def test_a_variable_that_is_missing_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    words = ["-expand-headers", "-rpc-header", "authorization: hunter2 ${NO_SUCH}", "h:1", "a/b"]
    with pytest.raises(MissingVariableError) as missing:
        base_config(viewer_parser().read(words))
    assert str(missing.value) == "-rpc-header: there is no environment variable NO_SUCH"


# Side by side with the real one, on the same server.


@pytest.fixture(scope="module")
def echo(ours: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echo]:
    with echo_server(tmp_path_factory.mktemp("echo"), ours) as server:
        yield server


def messages(output: str) -> list[Any]:
    """The JSON values in an output, one after the other, on any number of lines."""
    found, place, decoder = [], 0, json.JSONDecoder()
    while place < len(output.rstrip()):
        value, place = decoder.raw_decode(output, place)
        found.append(value)
        place += len(output[place:]) - len(output[place:].lstrip())
    return found


def grpctap(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "grpctap", *args)
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_S)


SIDE_BY_SIDE = [
    # The words, the exit code, how many messages.
    ('-plaintext -d \'{"text":"a","count":3}\' {plain} {method}', 0, 3),
    ("-plaintext {plain} echo.v1.Echo.Watch", 0, 1),
    ("-plaintext -d '' {plain} {method}", 0, 1),
    ('-plaintext -emit-defaults -d \'{"mood":"GLAD"}\' {plain} {method}', 0, 1),
    ('-plaintext -allow-unknown-fields -d \'{"none":1,"text":"a"}\' {plain} {method}', 0, 1),
    (
        "-plaintext -H 'x-both: 1' -rpc-header 'x-call: 2' -reflect-header 'x-reflect: 3' "
        "-H 'x-both: 4' -H 'x-raw-bin: _-8' {plain} {method}",
        0,
        1,
    ),
    ("-plaintext -expand-headers -H 'x-token: ${TOKEN}' {plain} {method}", 0, 1),
    ("-plaintext -H 'x-token: ${TOKEN}' {plain} {method}", 0, 1),
    ("-plaintext -expand-headers -H 'x-token: ${NO_SUCH_VARIABLE}' {plain} {method}", 1, 0),
    ('-plaintext -d \'{"count":2,"fail":5}\' {plain} {method}', 64 + 5, 2),
    ("-plaintext -d '{\"fail\":16}' {plain} {method}", 64 + 16, 1),
    ("-plaintext -max-msg-sz 50000 -d '{\"large\":true}' {plain} {method}", 64 + 8, 0),
    ("-plaintext -max-msg-sz 0 -max-time 0 -d '{\"large\":true}' {plain} {method}", 0, 1),
    ("-plaintext -H 'x-gzip: 1' -d '{\"large\":true}' {plain} {method}", 0, 1),
    ("-plaintext -max-time 1 {plain} grpc.health.v1.Health/Watch", 64 + 4, 1),
    ("-plaintext {plain} grpc.health.v1.Health/Check", 0, 1),
    ('-plaintext -d \'{"service":"none"}\' {plain} grpc.health.v1.Health/Check', 64 + 5, 0),
    ("-plaintext {plain} echo.v1.Echo/Wach", 1, 0),
    ("-plaintext {ipv6} {method}", 0, 1),
    ("-plaintext -unix {socket} {method}", 0, 1),
    ("-plaintext -unix=true {socket} {method}", 0, 1),
    ("-cacert {cacert} -authority {name} {tls} {method}", 0, 1),
    ("-cacert {cacert} -servername {name} {tls} {method}", 0, 1),
    ("-insecure {tls} {method}", 0, 1),
    ("-insecure -cacert /no/such/file {tls} {method}", 0, 1),
    ("-insecure -cert {cert} -key {key} {mutual} {method}", 0, 1),
    ("-insecure -authority elsewhere.example.com {tls} {method}", 0, 1),
    ("-insecure -unix {tls_socket} {method}", 0, 1),
    ("-cacert {cacert} -authority {name} -unix {tls_socket} {method}", 0, 1),
    ("-plaintext -insecure {plain} {method}", 2, 0),
    ("-plaintext -max-time -1 {plain} {method}", 2, 0),
    ("-plaintext=maybe {plain} {method}", 2, 0),
    ("-plaintext", 2, 0),
]


@pytest.mark.parametrize(("words", "exit_code", "count"), SIDE_BY_SIDE)
def test_both_say_and_return_the_same(
    words: str,
    exit_code: int,
    count: int,
    echo: Echo,
    ours: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "t0ken")
    assert "NO_SUCH_VARIABLE" not in os.environ
    cert, key = ours.issue_files("client")
    for name, value in {
        "plain": echo.address,
        "method": METHOD,
        "ipv6": echo.ipv6,
        "socket": echo.socket,
        "tls": echo.tls,
        "mutual": echo.mutual,
        "tls_socket": echo.tls_socket,
        "cacert": ours.file,
        "cert": cert,
        "key": key,
        "name": NAME,
    }.items():
        words = words.replace(f"{{{name}}}", str(value))
    args = shlex.split(words)
    theirs, mine = grpcurl(*args), grpctap(*args)
    assert (theirs.returncode, mine.returncode) == (exit_code, exit_code), mine.stderr
    found = messages(mine.stdout)
    assert found == messages(theirs.stdout)
    assert len(found) == count
    assert len(mine.stdout.splitlines()) == count
    assert "t0ken" not in mine.stderr


def test_a_request_from_standard_input_and_a_large_answer(echo: Echo) -> None:
    args = ("-plaintext", "-d", "@", echo.address, METHOD)
    done = grpctap(*args, stdin='{"large": true,\n "text": "\\u00e9"}')
    assert done.returncode == 0
    (message,) = messages(done.stdout)
    assert message["asked"] == {"text": "\u00e9", "large": True}
    assert len(message["raw"]) > LARGE
    assert messages(grpctap(*args, stdin="").stdout)[0].get("asked") == {}
