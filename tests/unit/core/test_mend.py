from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.mend import mend, refuses_bad_text
from support.protos import Protos

TREE = """
package test;
message Tree {{
  {optional} {kind} text = 1;
  repeated {kind} many = 2;
  repeated Tree inner = 3;
  map<int32, {kind}> named = 4;
  {optional} bytes raw = 5;
  {optional} double number = 6;
  {optional} fixed32 small = 7;
  {optional} sint64 whole = 8;
}}
"""
# Of one message the server's side, which sends what it likes, and ours.
LIAR = Protos('syntax = "proto3";' + TREE.format(kind="bytes", optional=""))
OURS = Protos('syntax = "proto3";' + TREE.format(kind="string", optional=""))
OLD = Protos('syntax = "proto2";' + TREE.format(kind="string", optional="optional"))
GROUPS = Protos("""
syntax = "proto2";
package test;
message Outer { optional group Inner = 1 { optional string text = 2; } optional bytes text = 2; }
""")

LEAVES = st.fixed_dictionaries(
    {
        "text": st.binary(max_size=300),
        "many": st.lists(st.binary(max_size=5), max_size=3),
        "named": st.dictionaries(st.integers(-5, 5), st.binary(max_size=5), max_size=3),
        "raw": st.binary(max_size=5),
        "number": st.floats(allow_nan=False),
        "small": st.integers(0, 2**32 - 1),
        "whole": st.integers(-(2**63), 2**63 - 1),
    }
)
TREES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda tree, children: {**tree, "inner": children}, LEAVES, st.lists(inner, max_size=3)
    ),
    max_leaves=5,
)


def text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def mended(tree: dict[str, Any]) -> dict[str, Any]:
    return {
        **tree,
        "text": text(tree["text"]),
        "many": [text(value) for value in tree["many"]],
        "named": {key: text(value) for key, value in tree["named"].items()},
        "inner": [mended(child) for child in tree.get("inner", [])],
    }


@given(TREES)
def test_each_string_is_mended_and_nothing_else_changes(tree: dict[str, Any]) -> None:
    raw = LIAR.make("Tree", **tree).SerializeToString()
    type_ = OURS.descriptor("Tree")
    assert message_factory.GetMessageClass(type_).FromString(mend(raw, type_)) == OURS.make(
        "Tree", **mended(tree)
    )


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_and_what_is_sound_stays_the_same(raw: bytes) -> None:
    type_ = OURS.descriptor("Tree")
    new = mend(raw, type_)
    try:
        message_factory.GetMessageClass(type_).FromString(raw)
    except DecodeError:
        return
    assert new == raw


def test_fields_that_nobody_knows_are_left_alone() -> None:
    raw = bytes.fromhex("a206020aff 0a01ff").replace(b" ", b"")
    assert mend(raw, OURS.descriptor("Tree")) == bytes.fromhex("a206020aff 0a03efbfbd")


def test_a_group_has_fields_of_its_own() -> None:
    # In the group field 2 is a string, around it bytes; an unknown group hides what is in it.
    inner, outer = bytes.fromhex("1201ff"), bytes.fromhex("1201ff")
    raw = b"\x0b" + inner + b"\x0c" + outer + b"\x1b" + inner + b"\x1c" + outer
    expected = b"\x0b" + bytes.fromhex("1203efbfbd") + b"\x0c" + outer + b"\x1b" + inner + b"\x1c"
    assert mend(raw, GROUPS.descriptor("Outer")) == expected + outer


@pytest.mark.parametrize(
    "hexes",
    ["0a05ff", "0aff", "ff", "09ff", "0cff", "0fff", "0a01ff09", "40" + "80" * 10 + "010a01ff"],
)
def test_what_is_no_message_comes_back_as_it_is(hexes: str) -> None:
    raw = bytes.fromhex(hexes)
    assert mend(raw, OURS.descriptor("Tree")) == raw


def test_a_message_deeper_than_protobuf_reads_is_left_alone() -> None:
    raw = b"\x0a\x01\xff"
    for _ in range(200):
        length = len(raw)
        raw = (
            b"\x1a"
            + (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7]))
            + raw
        )
    assert mend(raw, OURS.descriptor("Tree")) == raw


def test_only_new_protos_refuse_bad_text() -> None:
    assert refuses_bad_text(OURS.descriptor("Tree"))
    assert not refuses_bad_text(OLD.descriptor("Tree"))
