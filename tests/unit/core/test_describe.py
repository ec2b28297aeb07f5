"""Descriptors as source code, where grpcurl is no measure: editions, and what it gets wrong."""

from __future__ import annotations

import json

import pytest

from grpctap.core.catalog import Catalog, CatalogError
from grpctap.core.comments import Comments
from grpctap.core.describe import described
from grpctap.core.example import example
from support.protos import Protos

EDITION = Protos("""
edition = "2023";
package ed;
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
message All {
  string plain = 1;
  string implicit = 2 [features.field_presence = IMPLICIT];
  string required = 3 [features.field_presence = LEGACY_REQUIRED];
  All del = 4 [features.message_encoding = DELIMITED];
  repeated int32 wide = 5 [features.repeated_field_encoding = EXPANDED, deprecated = true];
  int32 number = 6 [default = 5];
  oneof one { string x = 7; }
  map<string, All> map = 8;
  Inner inner = 9 [features.message_encoding = DELIMITED];
  message Inner {
    double d = 1 [default = inf];
    float f = 2 [default = nan];
    double m = 3 [default = -inf];
  }
  google.protobuf.Any any = 10;
  google.protobuf.Value value = 11;
  google.protobuf.BoolValue yes = 12;
  string quotes = 13 [default = "a\\"b'c"];
  extensions 100;
  reserved foo, bar;
}
extend All { int32 extra = 100; }
enum Closed { option features.enum_type = CLOSED; FIRST = 1; reserved LAST; }
""")


def source(name: str) -> list[str]:
    catalog = Catalog(EDITION.pool, [])
    return described(catalog.symbol(name)).split("\n")


def test_an_edition_has_features_and_neither_labels_nor_groups() -> None:
    assert source("ed.All") == [
        "ed.All is a message:",
        "message All {",
        "  string plain = 1;",
        "  string implicit = 2 [features.field_presence = IMPLICIT];",
        "  string required = 3 [features.field_presence = LEGACY_REQUIRED];",
        "  .ed.All del = 4 [features.message_encoding = DELIMITED];",
        "  repeated int32 wide = 5 [deprecated = true, "
        "features.repeated_field_encoding = EXPANDED];",
        "  int32 number = 6 [default = 5];",
        "  oneof one {",
        "    string x = 7;",
        "  }",
        "  map<string, .ed.All> map = 8;",
        "  .ed.All.Inner inner = 9 [features.message_encoding = DELIMITED];",
        "  .google.protobuf.Any any = 10;",
        "  .google.protobuf.Value value = 11;",
        "  .google.protobuf.BoolValue yes = 12;",
        '  string quotes = 13 [default = "a\\"b\'c"];',
        "  message Inner {",
        "    double d = 1 [default = inf];",
        "    float f = 2 [default = nan];",
        "    double m = 3 [default = -inf];",
        "  }",
        "  extensions 100;",
        "  reserved bar, foo;",
        "}",
    ]
    assert source("ed.Closed") == [
        "ed.Closed is an enum:",
        "enum Closed {",
        "  option features.enum_type = CLOSED;",
        "  FIRST = 1;",
        "  reserved LAST;",
        "}",
    ]
    assert source("ed.extra")[1:] == ["extend .ed.All {", "  int32 extra = 100;", "}"]
    assert source("ed.All.inner")[0] == "ed.All.inner is a field:"
    assert source("ed.All.Inner")[0] == "ed.All.Inner is a message:"


def test_an_example_has_the_forms_that_json_has_for_well_known_types() -> None:
    catalog = Catalog(EDITION.pool, [])
    shown = example(catalog.symbol("ed.All"))
    assert shown is not None
    for line in (
        '  "quotes": "a\\"b\'c"',
        '    "d": "Infinity",',
        '    "f": "NaN",',
        '    "@type": "type.googleapis.com/google.protobuf.Empty",',
        '    "google.protobuf.Value": "supports arbitrary JSON"',
        '  "yes": false,',
    ):
        assert line in shown.split("\n")
    assert example(catalog.symbol("ed.All.plain")) is None


def test_types_that_hold_each_other_have_an_example_that_ends() -> None:
    names = [f"M{number}" for number in range(30)]
    fields = " ".join(f"{name} f{at} = {at};" for at, name in enumerate(names, 1))
    messages = "\n".join(f"message {name} {{ {fields} }}" for name in names)
    protos = Protos(f'syntax = "proto3";\npackage many;\n{messages}')
    shown = example(protos.descriptor("M0"))
    assert shown is not None
    assert json.loads(shown)["f30"] == dict.fromkeys([f"f{at}" for at in range(1, 31)])


def test_names_that_could_act_on_a_terminal_are_escaped() -> None:
    protos = Protos(
        'syntax = "proto3";\npackage odd;\n'
        'message Odd { string a = 1 [json_name = "\\x1b[2J\u202e"]; }'
    )
    odd = protos.descriptor("Odd")
    assert '[json_name = "\\033[2J\\342\\200\\256"]' in described(odd)
    assert example(odd) == '{\n  "\\u001b[2J\\u202e": ""\n}'


def test_comments_of_a_oneof_are_told_where_it_is_told_alone() -> None:
    # With source information by hand: the path of the oneof.
    file = EDITION.files[-1]
    with_comment = type(file)()
    with_comment.CopyFrom(file)
    location = with_comment.source_code_info.location
    location.add(path=[4, 0, 8, 0], leading_comments=" One of:\n\n\x1b x \n")
    catalog = Catalog(EDITION.pool, [], [with_comment])
    assert described(catalog.symbol("ed.All.one"), catalog.comments).split("\n")[1:4] == [
        "// One of:",
        "//",
        "//\x1b x",
    ]
    assert Comments([file]).leading(catalog.symbol("ed.All.one")) == ""


@pytest.mark.parametrize("name", ["", ".", "ed", "ed.", "ed.All.", "..ed.All", "ed.x", "é", "a b"])
def test_names_of_nothing(name: str) -> None:
    with pytest.raises(CatalogError, match="there is no symbol"):
        Catalog(EDITION.pool, [], EDITION.files).symbol(name)
