"""Messages as lines of CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.cells import CellsError
from grpctap.core.csvtext import DEEPEST, MOST_COLUMNS, CsvText, guarded
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3";
package test;
message Tree { string name = 1; Tree left = 2; repeated Tree more = 3; Wide wide = 4; }
message Wide { int32 a = 1; Deep deep = 2; oneof pick { Deep one = 3; string other = 4; } }
message Deep { Deep2 d = 1; }
message Deep2 { Deep3 d = 1; }
message Deep3 { Deep4 d = 1; }
message Deep4 { Deep5 d = 1; }
message Deep5 { Deep6 d = 1; }
message Deep6 { Deep7 d = 1; }
message Deep7 { int32 last = 1; }
message Text { string text = 1; map<string, string> map = 2; optional int32 maybe = 3; }
""")


def header(name: str, chosen: str | None = None) -> list[str]:
    return CsvText(PROTOS.descriptor(name), chosen).header.decode().rstrip("\r\n").split(",")


def row(name: str, document: object, chosen: str | None = None) -> dict[str, str]:
    text = CsvText(PROTOS.descriptor(name), chosen)
    raw = text.header + text.line(7, "then", json.dumps(document))
    (found,) = csv.DictReader(io.StringIO(raw.decode(), newline=""))
    return found


def test_messages_are_taken_apart_but_not_for_ever() -> None:
    deep = "wide.deep" + ".d" * (DEEPEST - 2)
    assert header("Tree") == [
        *("seq", "received", "name", "left", "more"),
        *("wide.a", deep, "wide.one", "wide.other"),
    ]


def test_a_type_of_very_many_fields_keeps_its_messages_whole() -> None:
    fields = "".join(f"Large l{n} = {n + 1};" for n in range(40))
    inner = "".join(f"int32 i{n} = {n + 1};" for n in range(30))
    protos = Protos(
        f'syntax = "proto3"; package test; message Top {{ {fields} }} message Large {{ {inner} }}'
    )
    text = CsvText(protos.descriptor("Top"))
    names = text.header.decode().rstrip("\r\n").split(",")
    assert MOST_COLUMNS - 30 < len(names) <= MOST_COLUMNS + 2
    assert "l0.i29" in names
    assert names[-1] == "l39"
    cells = text.line(1, "", json.dumps({"l39": {"i3": 5}})).decode()
    assert '"{""i3"": 5}"' in cells


def test_what_is_absent_is_empty_or_its_default() -> None:
    assert row("Text", {}) == {
        "seq": "7",
        "received": "then",
        "text": "",
        "map": "{}",
        "maybe": "",
    }
    assert row("Tree", {})["wide.a"] == ""
    assert row("Tree", {"wide": {}})["wide.a"] == "0"
    # As -emit-defaults writes a message that is not set.
    assert row("Tree", {"wide": None, "left": None})["wide.a"] == ""
    assert row("Tree", {"wide": None, "left": None})["left"] == ""


def test_chosen_columns_go_through_lists_and_maps() -> None:
    document = {
        "more": [{"name": "=a"}, {}, {"name": "b", "wide": {"a": 1}}],
        "wide": {"other": "=x"},
    }
    chosen = "more.name,more.wide.a,wide.other,received,seq"
    assert list(row("Tree", document, chosen).values()) == [
        *('["=a", "b"]', "[1]", "'=x", "then", "7"),
    ]
    assert row("Text", {"map": {"k": "@v"}}, "map.k, map.none") == {"map.k": "'@v", "map.none": ""}


@pytest.mark.parametrize("chosen", ["", ",", "nothing", "name.x", ",".join(["name"] * 1_001)])
def test_columns_that_are_not_there(chosen: str) -> None:
    with pytest.raises(CellsError, match="--columns"):
        CsvText(PROTOS.descriptor("Tree"), chosen)


@given(st.text())
def test_whatever_a_text_is_it_acts_nowhere_and_comes_back(text: str) -> None:
    cell = row("Text", {"text": text})["text"]
    assert cell.isprintable()
    assert not cell.lstrip(" ").startswith(tuple("=+-@\t\r\n＝＋－＠"))
    back = cell[1:] if cell.startswith("'") else cell
    if text.isprintable():
        assert back == text


@given(st.text())
def test_one_apostrophe_taken_away_gives_what_it_was(text: str) -> None:
    safe = guarded(text)
    assert text == (safe[1:] if safe.startswith("'") else safe)
