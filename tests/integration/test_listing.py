"""The commands list and describe beside the real grpcurl, and what they say when they cannot."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from grpctap.cli import main
from grpctap.core.comments import name_of
from grpctap_server.feeds.counter import CounterFeed
from grpctap_server.feeds.schedule import Schedule
from support.keeper import compiled, grpcurl, protoset
from support.methods import one_at_a_time, reflecting, reflects, serving
from support.protos import Protos
from support.server import PATIENCE_S, RunningServer

FEED = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/timestamp.proto";
message Ask { string key = 1; }
message Event { google.protobuf.Timestamp at = 1; int64 number = 2; }
service Feed {
  rpc Watch(Ask) returns (stream Event);
  rpc Get(Ask) returns (Event);
  rpc Chat(stream Ask) returns (stream Event);
}
service Other { rpc Get(Ask) returns (Event); }
""")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with proto sources, and sets made of them with and without comments."""
    folder = tmp_path_factory.mktemp("keeper")
    files = compiled(folder)
    protoset(folder / "all.bin", files)
    for file in files.values():
        file.ClearField("source_code_info")
    protoset(folder / "bare.bin", files)
    return folder


def told(capfd: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(args) == 0
    out, err = capfd.readouterr()
    assert err == ""
    return out


def refused(capfd: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """The exit code and the one line that says why."""
    code = main(args)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    return code, err


def symbols(folder: Path) -> list[str]:
    """The names of all that the protos define."""
    pool = descriptor_pool.DescriptorPool()
    for file in compiled(folder).values():
        pool.Add(file)
    found: list[Any] = []

    def enter(messages: Any) -> None:
        for message in messages:
            found.extend((message, *message.fields, *message.oneofs, *message.extensions))
            for enum in message.enum_types:
                found.extend((enum, *enum.values))
            enter(message.nested_types)

    for name in ("keeper.proto", "modern.proto"):
        defined: Any = pool.FindFileByName(name)
        enter(defined.message_types_by_name.values())
        found.extend(defined.extensions_by_name.values())
        for enum in defined.enum_types_by_name.values():
            found.extend((enum, *enum.values))
        for service in defined.services_by_name.values():
            found.extend((service, *service.methods))
    full_names = (getattr(found_one, "full_name", None) for found_one in found)
    return [name or name_of(one) for name, one in zip(full_names, found, strict=True)]


def test_every_symbol_is_described_as_grpcurl_does_it(
    sources: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    names = symbols(sources)
    assert len(names) > 100
    for name in names:
        args = ("-protoset", str(sources / "all.bin"), "describe", name)
        assert told(capfd, *args) == grpcurl(*args).stdout


@pytest.mark.parametrize(
    "args",
    [
        ("list",),
        ("list", "keeper.Keeper"),
        ("list", "keeper.Idle"),
        ("list", "modern.Shop"),
        ("describe", "keeper.Zoo"),
        ("describe", ".modern.Item"),
        ("describe", "google.protobuf.Any"),
    ],
)
def test_sources_and_sets_are_told_as_grpcurl_does_it(
    sources: Path, capfd: pytest.CaptureFixture[str], args: tuple[str, ...]
) -> None:
    own = ("-import-path", str(sources), "-proto", "keeper.proto", *args)
    bare = ("-protoset", str(sources / "bare.bin"), *args)
    assert told(capfd, *bare) == grpcurl(*bare).stdout
    with_comments = grpcurl("-protoset", str(sources / "all.bin"), *args).stdout
    assert told(capfd, *own) == with_comments


def test_all_services_are_described_where_none_is_named(
    sources: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args = ("-protoset", str(sources / "all.bin"), "describe")
    # grpcurl tells them in any order.
    names = ("keeper.Idle", "keeper.Keeper", "modern.Shop")
    assert told(capfd, *args) == "".join(grpcurl(*args, name).stdout for name in names)


@pytest.mark.parametrize("name", ["keeper.Zoo", "modern.Item", "modern.Outer", "keeper.Nothing"])
def test_an_example_is_the_message_that_grpcurl_shows(
    sources: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    args = ("-protoset", str(sources / "all.bin"), "-msg-template", "describe", name)
    mark = "\n\nMessage template:\n"
    source, _, text = told(capfd, *args).partition(mark)
    its_source, _, its_text = grpcurl(*args).stdout.partition(mark)
    assert source == its_source
    assert json.loads(text) == json.loads(its_text)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    def health_and_reflection(server: Any) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
        names = ("grpc.health.v1.Health", reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)

    feed = CounterFeed(Schedule(0, 10), 5)
    with (
        RunningServer(feed, with_reflection=True) as own,
        reflecting(FEED, {"test.Feed": {}, "test.Other": {}}) as made_up,
        serving(set_up=health_and_reflection) as healthy,
    ):
        yield {"own": own.address, "made up": made_up, "health": healthy}


@pytest.mark.parametrize(
    ("server", "args"),
    [
        ("own", ("list",)),
        ("own", ("list", "proto.StreamServer")),
        ("own", ("describe",)),
        ("own", ("describe", "proto.StreamResponse")),
        ("own", ("describe", "proto.StreamResponse.event_time")),
        ("own", ("describe", "google.protobuf.Timestamp")),
        ("made up", ("list",)),
        ("made up", ("list", "test.Feed")),
        ("made up", ("describe",)),
        ("made up", ("describe", "test.Event")),
        ("health", ("list",)),
        ("health", ("list", "grpc.health.v1.Health")),
        ("health", ("describe",)),
        ("health", ("describe", "grpc.health.v1.HealthCheckResponse")),
        ("health", ("describe", "grpc.health.v1.HealthCheckResponse.ServingStatus")),
    ],
)
def test_servers_are_told_as_grpcurl_does_it(
    servers: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    server: str,
    args: tuple[str, ...],
) -> None:
    words = ("-plaintext", servers[server], *args)
    expected = grpcurl(*words)
    assert expected.returncode == 0
    assert told(capfd, *words) == expected.stdout


def test_a_method_is_found_though_its_server_does_not_say_where(
    servers: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("-plaintext", servers["own"], "describe", "proto.StreamServer.ListValue")
    assert "Symbol not found" in grpcurl(*words).stderr
    assert told(capfd, *words) == (
        "proto.StreamServer.ListValue is a method:\n"
        "rpc ListValue ( .proto.SimpleRequest ) returns ( stream .proto.StreamResponse );\n"
    )


def test_files_and_a_server_are_asked_together(
    servers: dict[str, str], sources: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = ("-protoset", str(sources / "bare.bin"), "-plaintext")
    for both in (("-use-reflection",), ("--use-reflection=true",)):
        for args in (("list",), ("describe", "test.Feed"), ("describe", "modern.Kind")):
            words = (*files, *both, servers["made up"], *args)
            assert told(capfd, *words) == grpcurl(*words).stdout
    # Without the flag, the server is not asked.
    assert "test.Feed" not in told(capfd, *files, servers["made up"], "list")


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("list", "test.Fed"), 'has no service "test.Fed"; did you mean test.Feed or'),
        (("list", "test.Event"), "test.Event is no service in its description"),
        (("list", "\x1b[2J"), 'there is no service "␛[2J"; it has test.Feed, test.Other'),
        (("describe", "test.Evnt"), 'there is no symbol "test.Evnt"; did you mean test.Event'),
        (("describe", "event"), 'there is no symbol "event"; did you mean test.Event?'),
        (("describe", "test.Feed.Wach"), "did you mean test.Feed.Watch or "),
        (("describe", "test.Event.nr"), 'there is no symbol "test.Event.nr"; '),
        (("describe", "\x1b[2J\udcff"), 'there is no symbol "␛[2J<U+DCFF>"; it has '),
    ],
)
def test_what_is_not_there_is_said_with_what_may_be_meant(
    servers: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    complaint: str,
) -> None:
    words = ("-plaintext", servers["made up"], *args)
    code, error = refused(capfd, *words)
    assert (code, complaint in error) == (1, True), error


def test_a_method_may_be_named_as_in_a_call(
    servers: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("-plaintext", servers["made up"], "describe")
    assert told(capfd, *words, "test.Feed/Get") == told(capfd, *words, "test.Feed.Get")


def test_no_server_or_one_without_reflection(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    for args in (("list",), ("describe",), ("describe", "a.B")):
        code, error = refused(capfd, "-plaintext", address, *args)
        assert code == 64 + 14
        assert "start the server" in error
        with serving() as mute:
            code, error = refused(capfd, "-plaintext", mute, *args)
        assert code == 1
        assert "answers no reflection; describe its methods with -proto FILE or -protoset" in error


def test_a_server_that_lists_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(reflects("v1alpha", one_at_a_time([], {}))) as address:
        for args in (("list",), ("describe",)):
            words = ("-plaintext", address, *args)
            assert told(capfd, *words) == grpcurl(*words).stdout


def test_one_service_that_is_not_described_hides_no_other(
    capfd: pytest.CaptureFixture[str],
) -> None:
    files = {file.name: file for file in FEED.files}
    with serving(reflects("v1", one_at_a_time(["test.Gone", "test.Feed"], files))) as address:
        assert told(capfd, "-plaintext", address, "list") == "test.Feed\ntest.Gone\n"
        assert main(["-plaintext", address, "describe"]) == 1
        out, err = capfd.readouterr()
    assert out.startswith("test.Feed is a service:\nservice Feed {\n")
    assert err == (
        "grpctap: test.Gone is listed, but not described: the server does not describe it\n"
    )


def test_what_a_server_calls_itself_acts_on_no_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving(reflects("v1", one_at_a_time(["a\x1b[2J.\u202eB"], {}))) as address:
        assert told(capfd, "-plaintext", address, "list") == "a␛[2J.<U+202E>B\n"


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("list",), "there is no server to ask; give HOST:PORT, -proto or -protoset"),
        (("h:1", "list", "a.B", "c"), "too many arguments"),
        (("-proto", "a", "-protoset", "b", "list"), "-proto and -protoset do not go together"),
        (("-use-reflection=false", "h:1", "list"), "give -proto or -protoset"),
        (("-use-reflection=maybe", "h:1", "list"), "'maybe' is neither true nor false"),
        (("h", "list"), "h is no HOST:PORT"),
    ],
)
def test_bad_usage_is_exit_2(
    capfd: pytest.CaptureFixture[str], args: tuple[str, ...], complaint: str
) -> None:
    code, error = refused(capfd, *args)
    assert (code, complaint in error) == (2, True), error


@pytest.mark.parametrize(
    ("redirection", "code", "error"),
    [
        (">&-", 1, "grpctap: standard output is closed\n"),
        (">/dev/full", 1, "grpctap: standard output cannot be written: No space left on device\n"),
        ("| true", 0, ""),
    ],
)
def test_output_that_cannot_be_written(
    sources: Path, redirection: str, code: int, error: str
) -> None:
    script = f'"$0" -m grpctap -protoset "$1" describe google.protobuf.FileOptions {redirection}'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, str(sources / "all.bin")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (code, error)
