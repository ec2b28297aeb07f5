"""Descriptions that say too little are mended, and those that say enough are left alone."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.text_format import Parse
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.repair import repair
from grpctap.transport.pools import build_pool
from support.protos import Protos
from support.zoo.messages import PROTOS as ZOO


def files(*texts: str) -> dict[str, FileDescriptorProto]:
    made = [Parse(text, FileDescriptorProto()) for text in texts]
    return {file.name: file for file in made}


def uses(name: str, package: str, type_name: str) -> str:
    """A file with a message "User", which has a field of that type."""
    return f"""
        name: "{name}" package: "{package}" syntax: "proto3"
        message_type {{ name: "User" field {{
          name: "used" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: "{type_name}"
        }} }}
    """


def defines(name: str, package: str, *types: str) -> str:
    messages = " ".join(f'message_type {{ name: "{type_}" }}' for type_ in types)
    return f'name: "{name}" package: "{package}" syntax: "proto3" {messages}'


def imports_of(name: str, described: dict[str, FileDescriptorProto]) -> list[str]:
    repair(described)
    return list(described[name].dependency)


def test_what_protoc_makes_is_left_as_it_is() -> None:
    own = Protos("""
        syntax = "proto3";
        package own;
        message Node { Node next = 1; Leaf leaf = 2; message Leaf { Kind kind = 1; } }
        enum Kind { NONE = 0; }
        service S { rpc Get(Node) returns (stream Node.Leaf); }
    """)
    for protos in (own, ZOO):
        described = {}
        for file in protos.files:
            described[file.name] = FileDescriptorProto()
            described[file.name].CopyFrom(file)
        repair(described)
        assert list(described.values()) == list(protos.files)


def test_a_file_without_imports_gets_those_of_what_it_names_in_whatever_order() -> None:
    first, second = uses("a.proto", "a", ".b.Used"), defines("b.proto", "b", "Used")
    for texts in ((first, second), (second, first)):
        described = files(*texts)
        assert imports_of("a.proto", described) == ["b.proto"]
        assert described["b.proto"].dependency == []
        assert build_pool(described).types.FindMessageTypeByName("a.User")


def test_a_name_without_a_dot_in_front_is_looked_up_from_within() -> None:
    described = files(
        uses("a.proto", "x.y", "z.Used"),
        defines("outer.proto", "z", "Used"),
        defines("inner.proto", "x.z", "Used"),
    )
    assert imports_of("a.proto", described) == ["inner.proto"]


def test_a_well_known_type_that_nobody_gives_is_imported_all_the_same() -> None:
    described = files(uses("a.proto", "a", "google.protobuf.Timestamp"))
    assert imports_of("a.proto", described) == ["google/protobuf/timestamp.proto"]
    assert build_pool(described).types.FindMessageTypeByName("google.protobuf.Timestamp")
    given_ = files(
        uses("a.proto", "a", "google.protobuf.Timestamp"),
        defines("google_protobuf.proto", "google.protobuf", "Timestamp"),
    )
    assert imports_of("a.proto", given_) == ["google_protobuf.proto"]


def test_what_is_not_known_at_all_stays_unknown() -> None:
    assert imports_of("a.proto", files(uses("a.proto", "a", "no.Such"))) == []


def test_a_file_that_says_what_it_imports_gets_no_more() -> None:
    text = uses("a.proto", "a", ".b.Used") + 'dependency: "c.proto"'
    described = files(text, defines("b.proto", "b", "Used"), defines("c.proto", "c"))
    assert imports_of("a.proto", described) == ["c.proto"]


def test_a_file_with_what_only_proto2_has_is_proto2() -> None:
    field = 'field { name: "f" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 %s }'
    for content in (
        'enum_type { name: "E" value { name: "ONE" number: 1 } }',
        'message_type { name: "M" extension_range { start: 100 end: 200 } }',
        f'message_type {{ name: "M" {field % """default_value: "5" """} }}',
        f'message_type {{ name: "M" {field % ""} nested_type {{ name: "N" enum_type {{'
        ' name: "E" value { name: "ONE" number: 1 } } } }',
    ):
        described = files(f'name: "a.proto" syntax: "proto3" {content}')
        repair(described)
        assert described["a.proto"].syntax == "proto2"
        build_pool(described)


def test_an_extension_that_is_once_more_a_field_is_no_field() -> None:
    described = files("""
        name: "a.proto" package: "a" syntax: "proto3"
        message_type {
          name: "M" extension_range { start: 100 end: 200 }
          field { name: "f" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 }
          field { name: ".a.x" number: 100 label: LABEL_OPTIONAL type: TYPE_INT32 }
        }
        extension { name: "x" number: 100 label: LABEL_OPTIONAL type: TYPE_INT32 extendee: ".a.M" }
    """)
    repair(described)
    type_ = build_pool(described).types.FindMessageTypeByName("a.M")
    assert [field.name for field in type_.fields] == ["f"]


def test_scopes_without_end_are_not_gone_through() -> None:
    file = FileDescriptorProto(name="a.proto", package=".".join("a" * 5_000), syntax="proto3")
    message = file.message_type.add(name="M")
    for number in range(20_000):
        message.field.add(name=f"f{number}", number=number + 1, type_name=f"T{number}")
    described = {"a.proto": file} | files(defines("b.proto", "", "T0", "T1"))
    # Each name in each scope would take a quarter of a minute.
    assert imports_of("a.proto", described) == ["b.proto"]


@given(st.binary(max_size=200))
def test_whatever_a_server_sends_is_no_traceback(damaged: bytes) -> None:
    file = FileDescriptorProto()
    try:
        file.MergeFromString(damaged)
    except Exception:
        return
    repair({"a.proto": file, "b.proto": file})


def test_names_that_are_no_text_are_left_to_protobuf() -> None:
    described = files(r'name: "a.proto" message_type { name: "M" }')
    raw = described["a.proto"].SerializeToString()
    bad = FileDescriptorProto.FromString(raw.replace(b"\x0a\x01M", b"\x0a\x01\xff"))
    nested = FileDescriptorProto.FromString(
        b"\x22\x0c\x0a\x01\xff\x12\x07\x0a\x01\xff\x32\x02\xffa" + b"\x12\x01\xff"
    )
    repair({"a.proto": bad, "b.proto": nested})
