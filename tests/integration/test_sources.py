"""Types from servers and from files together: who is asked, who wins, and what is left out."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message

from grpctap.cli import parse
from grpctap.core.catalog import CatalogError
from grpctap.core.dynamic import MethodSchema
from grpctap.core.listvalue import LIST_VALUE, METHOD
from grpctap.transport.pools import SchemaError
from grpctap.transport.protofiles import read_files
from grpctap.transport.sources import Sources
from grpctap.transport.target import Target
from support.methods import one_at_a_time, reflecting, reflects, service, serving
from support.protos import Protos
from support.server import PATIENCE_S

FEED = """
syntax = "proto2";
package test;
import "google/protobuf/any.proto";
message Ask { optional string key = 1; }
// An event.
message Event {
  // How many.
  optional int32 number = 1;
  optional google.protobuf.Any detail = 2;
  extensions 100 to 199;
}
extend Event { optional string note = 100; }
service Feed {
  // Watch it.
  rpc Watch(Ask) returns (stream Event);
  rpc Upload(stream Ask) returns (Event);
}
"""
MORE = """
syntax = "proto2";
package more;
import "feed.proto";
extend test.Event { optional int32 extra = 101; }
message Detail { optional string text = 1; }
service Other { rpc Get(test.Ask) returns (test.Event); }
"""
WATCH = "test.Feed/Watch"
PROTOS = Protos(FEED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "feed.proto").write_text(FEED)
    (tmp_path / "more.proto").write_text(MORE)
    return tmp_path


def sources(address: str, folder: Path | None = None, **arguments: Any) -> Sources:
    given = None if folder is None else read_files(["more.proto"], [str(folder)])
    return Sources(Target(address, plaintext=True), given=given, **arguments)


def watch(_: Any, __: grpc.ServicerContext) -> Iterator[Message]:
    yield PROTOS.parse("Event", 'number: 7 [test.note]: "n"')


def test_files_alone_are_enough_for_a_server_that_tells_nothing(folder: Path) -> None:
    with serving(service(PROTOS, "test.Feed", {"Watch": watch})) as address:
        command = (sys.executable, "-m", "grpctap", "-plaintext", "-import-path", str(folder))
        done = subprocess.run(
            (*command, "-proto", "feed.proto", address, WATCH),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"number": 7, "[test.note]": "n"}


def test_methods_of_files_have_their_comments(folder: Path) -> None:
    method = sources("h:1", folder).method(WATCH)
    assert method.comment == "Watch it."
    assert method.comments.of(method.response) == "An event."
    assert method.comments.of(method.response.fields_by_name["number"]) == "How many."


def test_extensions_and_details_that_files_know_are_read(folder: Path) -> None:
    with reflecting(PROTOS, {"test.Feed": {}}) as address:
        both = sources(address, folder, reflects=True).method(WATCH)
        alone = sources(address).method(WATCH)
    text = 'number: 1 detail { [type.googleapis.com/more.Detail] { text: "deep" } } [more.extra]: 5'
    raw = _in(both, text)
    # Without the file, both are bytes that nobody knows.
    assert json.loads(MethodSchema(both, both.request_class()).json(raw)) == {
        "number": 1,
        "detail": {"@type": "type.googleapis.com/more.Detail", "text": "deep"},
        "[more.extra]": 5,
    }
    assert "more.extra" not in MethodSchema(alone, alone.request_class()).json(raw)


def test_extensions_that_only_a_server_knows_are_asked_for() -> None:
    with reflecting(_two_files(), {"test.Feed": {}}) as address:
        method = sources(address).method("test.Feed/Watch")
    raw = _in(method, '[ext.far]: "f" [ext.inner] { [ext.deep]: 3 }')
    assert json.loads(MethodSchema(method, method.request_class()).json(raw)) == {
        "[ext.far]": "f",
        "[ext.inner]": {"[ext.deep]": 3},
    }


def test_a_server_that_stumbles_over_its_extensions_is_read_without() -> None:
    files = {file.name: file for file in PROTOS.files}
    answers = one_at_a_time(["test.Feed"], files)

    def describe(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for raw in requests:
            if raw.startswith(b"\x32"):  # all_extension_numbers_of_type
                context.abort(grpc.StatusCode.INTERNAL, "oh")
            yield from answers(iter([raw]), context)

    with serving(reflects("v1", describe)) as address:
        assert sources(address).method(WATCH).response.full_name == "test.Event"


def test_the_server_comes_first_and_files_tell_what_it_lacks(folder: Path) -> None:
    changed = FileDescriptorProto()
    changed.CopyFrom(PROTOS.files[-1])
    changed.name = "feed.proto"
    changed.message_type[1].field[0].name = "renamed"
    files = {"feed.proto": changed}
    with serving(reflects("v1", one_at_a_time(["test.Feed"], files))) as address:
        both = sources(address, folder, reflects=True)
        assert "renamed" in both.method(WATCH).response.fields_by_name
        # The file of the other service is only here, and so is what it imports.
        assert both.method("more.Other/Get").response.full_name == "test.Event"
        assert both.services() == ["test.Feed"]
        assert both.symbol("more.Detail").find("more.Detail") is not None
        # By itself a file stands for all.
        assert "number" in sources(address, folder).method(WATCH).response.fields_by_name
        with pytest.raises(SchemaError, match=r'no service "x.Y"; it has more.Other, test.Feed'):
            both.method("x.Y/Z")


def test_a_server_without_reflection_leaves_it_to_the_files(folder: Path) -> None:
    with serving() as address:
        both = sources(address, folder, reflects=True)
        assert both.services() == ["more.Other", "test.Feed"]
        assert both.catalog().services == ("more.Other", "test.Feed")
        assert both.method(WATCH).response.full_name == "test.Event"
        assert both.symbol("test.Ask").find("test.Ask") is not None


def test_files_need_no_server(folder: Path) -> None:
    given = read_files(["more.proto"], [str(folder)])
    alone = Sources(None, given=given)
    assert alone.catalog().method(WATCH).kind == "server-streaming"
    for name, complaint in (
        ("test.Feed/Wach", "did you mean Watch"),
        ("test.Fed/Watch", "did you mean test.Feed"),
        ("test.Feed/Upload", "client-streaming: it takes a stream"),
    ):
        with pytest.raises(SchemaError, match=complaint) as caught:
            alone.method(name)
        assert caught.value.exit_code == 1


@pytest.mark.parametrize("kind", ["nothing", "nonsense", "a refusal", "a missing import"])
def test_a_service_that_is_not_described_hides_no_other(kind: str) -> None:
    files = {file.name: file for file in PROTOS.files}
    files["bad.proto"] = FileDescriptorProto(name="bad.proto", package="bad")
    files["bad.proto"].service.add(name="Service")
    if kind == "nonsense":
        files["bad.proto"].message_type.add(name="Service")
    if kind == "a missing import":
        files["bad.proto"].dependency.append("gone.proto")
    if kind == "nothing":
        del files["bad.proto"]
    answers = one_at_a_time(["bad.Service", "test.Feed"], files)

    def describe(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for raw in requests:
            if kind == "a refusal" and b"bad.Service" in raw:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, "not \x1b this one")
            yield from answers(iter([raw]), context)

    with serving(reflects("v1", describe)) as address:
        catalog = sources(address).catalog()
    assert catalog.services == ("bad.Service", "test.Feed")
    assert catalog.method(WATCH).response.full_name == "test.Event"
    assert list(catalog.undescribed) == ["bad.Service"]
    assert catalog.undescribed["bad.Service"].isprintable()
    with pytest.raises(CatalogError, match=r"bad\.Service is listed, but not described: "):
        catalog.methods("bad.Service")


TUTORIAL = """
syntax = "proto3";
package proto;
message SimpleRequest { string data = 1; }
message StreamResponse {
  // The text.
  string stream_value = 1;
}
service StreamServer { rpc ListValue(SimpleRequest) returns (stream StreamResponse); }
"""


@pytest.mark.parametrize(
    ("source", "is_ours"),
    [
        (TUTORIAL, True),
        (TUTORIAL.replace("stream_value = 1", "text = 1"), False),
        (TUTORIAL.replace("string data", "bytes data"), False),
        (TUTORIAL.replace("string data = 1;", "string data = 1; int32 more = 20;"), False),
        (TUTORIAL.replace("(stream StreamResponse)", "(StreamResponse)"), False),
        (TUTORIAL.replace("StreamServer", "Other"), True),
    ],
)
def test_list_value_is_ours_unless_files_have_another(
    tmp_path: Path, source: str, is_ours: bool
) -> None:
    (tmp_path / "own.proto").write_text(source)
    # No server is there, and none is asked.
    config = parse(["-import-path", str(tmp_path), "-proto", "own.proto", "h:1", METHOD])
    assert (config.method.request is LIST_VALUE.request) == is_ours
    assert config.method.name == METHOD
    if source == TUTORIAL:
        comments = config.method.comments
        assert comments.of(config.method.response.fields_by_name["stream_value"]) == "The text."
    assert config.sources is not None
    assert parse(["h:1", METHOD]).method is LIST_VALUE


def test_metadata_goes_out_with_all_questions() -> None:
    seen: list[Any] = []
    lock = threading.Lock()
    answers = one_at_a_time(["test.Feed"], {file.name: file for file in PROTOS.files})

    def describe(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        with lock:
            seen.append(dict(context.invocation_metadata()).get("authorization"))
        return answers(requests, context)

    with serving(reflects("v1", describe)) as address:
        asked = sources(address, metadata=(("authorization", "Bearer x"),))
        asked.services()
        asked.catalog()
        asked.symbol("test.Feed")
        asked.method(WATCH)
    assert len(seen) > 4
    assert set(seen) == {"Bearer x"}


def _in(method: Any, text: str) -> bytes:
    from google.protobuf import text_format

    message = text_format.Parse(text, method.response_class(), descriptor_pool=method.pool)
    return bytes(message.SerializeToString())


def _two_files() -> Protos:
    """A service, and in a file that it does not import the extensions of its messages."""
    protos = Protos("""
syntax = "proto2";
package test;
message Ask {}
message Event { extensions 100 to 199; }
service Feed { rpc Watch(Ask) returns (stream Event); }
""")
    far = FileDescriptorProto(name="far.proto", package="ext", dependency=["test.proto"])
    inner = far.message_type.add(name="Inner")
    inner.extension_range.add(start=1, end=10)
    kinds = FileDescriptorProto.DESCRIPTOR.file.pool.FindMessageTypeByName(
        "google.protobuf.FieldDescriptorProto"
    ).enum_values_by_name
    for name, number, kind, type_name, extendee in (
        ("far", 100, "TYPE_STRING", None, ".test.Event"),
        ("inner", 101, "TYPE_MESSAGE", ".ext.Inner", ".test.Event"),
        ("deep", 1, "TYPE_INT32", None, ".ext.Inner"),
    ):
        far.extension.add(
            name=name,
            number=number,
            type=kinds[kind].number,
            type_name=type_name,
            extendee=extendee,
            label=kinds["LABEL_OPTIONAL"].number,
        )
    protos.pool.Add(far)
    return protos
