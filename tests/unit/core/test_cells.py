from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.cells import LONGEST_CELL, Cells, CellsError
from grpctap.core.text import printable
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/timestamp.proto";
message Event {
  string key = 1;
  Place place = 2;
  repeated Place places = 3;
  map<string, Place> named = 4;
  map<int32, string> numbered = 5;
  map<bool, int32> switched = 6;
  optional int32 maybe = 7;
  int32 size = 8;
  google.protobuf.Timestamp at = 9;
  repeated int32 sizes = 10;
  string HasField = 11;
  map<uint32, int32> counted = 12;
}
message Place { string name = 1; int32 mod_revision = 2; Event event = 3; }
""")
EVENT = PROTOS.make(
    "Event",
    key="a key\x1b",
    place={"name": "p", "mod_revision": 3, "event": {"size": 9}},
    places=[{"name": "x"}, {"name": "y", "event": {"sizes": [1, 2]}}],
    named={"k": {"name": "z"}},
    numbered={5: "five"},
    switched={True: 1},
    sizes=range(1, 20),
    at={"seconds": 1_577_836_800},
    HasField="h",
)


def cells(columns: str) -> Cells:
    return Cells(columns, PROTOS.descriptor("Event"), PROTOS.pool)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("key", "a key\\u001b"),
        ("place", "{name=p mod_revision=3 event.size=9}"),
        ("place.name", "p"),
        ("place.modRevision", "3"),
        ("place.event.size", "9"),
        ("place.event.place.name", "-"),
        ("place.event.key", ""),
        ("places.name", "x,y"),
        ("places.event.sizes", "1,2"),
        ("named", "[1] k:{name=z}"),
        ("named.k.name", "z"),
        ("named.no.name", "-"),
        ("numbered.5", "five"),
        ("numbered.-5", "-"),
        ("switched.true", "1"),
        ("switched.false", "-"),
        ("counted.4294967295", "-"),
        ("counted", "-"),
        ("maybe", "-"),
        ("size", "0"),
        ("sizes", "1,2,3,4,5,6,…"),
        ("HasField", "h"),
    ],
)
def test_a_column_is_a_path(column: str, cell: str) -> None:
    chosen = cells(f" {column} ,key")
    assert chosen.names == [column, "key"]
    assert chosen.read(EVENT) == [cell, "a key\\u001b"]


def test_a_time_is_short() -> None:
    assert cells("at").read(EVENT)[0].startswith(("2019-12-31T", "2020-01-01T"))


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ("", "names no field; for example --columns key,value.size"),
        (" , ", "names no field"),
        ("kye", 'no field "kye" in test.Event; did you mean key?'),
        ("mod_revision", "did you mean place.mod_revision or places.mod_revision?"),
        ("place.nam", 'no field "nam" in test.Place; did you mean place.name'),
        ("key.size", '"key.size": key has no fields'),
        ("numbered.x", "x is no key of that map"),
        ("numbered.2147483648", "2147483648 is no key of that map"),
        ("counted.-1", "-1 is no key of that map"),
        ("switched.yes", "yes is no key of that map"),
        ("a\x1b[2J", 'no field "a␛[2J" in test.Event'),
        ("place..name", 'no field "" in test.Place'),
        (",".join(["key"] * 51), "names 51 fields, and 50 is the most"),
    ],
)
def test_a_column_that_is_not_there_is_refused(columns: str, reason: str) -> None:
    with pytest.raises(CellsError) as refused:
        cells(columns)
    assert reason in str(refused.value)
    assert str(refused.value).startswith("--columns: ")
    assert str(refused.value).isprintable()


@given(st.text(max_size=500))
def test_a_cell_is_printable_and_bounded(text: str) -> None:
    message: Any = PROTOS.make("Event", key=text, named={text: {"name": text}})
    for cell in cells("key,named,named.x").read(message):
        assert len(cell) <= LONGEST_CELL
        assert cell == printable(cell)
