"""Conditions that are being written, told from words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.dynamic import MethodSchema
from grpctap.core.filters.errors import FilterError
from grpctap.core.filters.kinds import Kind, Maker, kind_of
from grpctap.core.method import Method
from support.protos import Protos

PROTOS = Protos("""
syntax = "proto3";
package half;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
enum Side { BUY = 0; SELL = 1; }
message Venue { string name = 1; string country = 2; }
message Tick {
  string symbol = 1; double price = 2; int64 last_size = 3; Side side = 4; bool open = 5;
  Venue venue = 6; repeated Venue others = 7; map<string, Venue> by_name = 8;
  repeated string tags = 9; google.protobuf.Timestamp at = 10;
  google.protobuf.Struct extra = 11; bytes raw = 12;
}
message Empty {}
""")


def maker() -> Maker:
    tick, empty = PROTOS.descriptor("Tick"), PROTOS.descriptor("Empty")
    return Maker(MethodSchema(Method("half.S/M", empty, tick, PROTOS.pool), PROTOS.make("Empty")))


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("s", "so: symbol, side"),
        ("  symb", "so: symbol"),
        ("symbol", "symbol is a text: go on with ="),
        ("symbol ", "symbol is a text: go on with ="),
        ("price", "price is a number: go on with ="),
        ("lastSi", "so: last_size"),
        ("last_size", "last_size is a number"),
        ("side", "side is an enum"),
        ("open", "open is true or false"),
        ("at", "at is a time"),
        ("venue", "venue is a message: go on with a dot"),
        ("venue.", "so: name, country"),
        ("venue.na", "so: name"),
        ("venue.name", "venue.name is a text"),
        ("others.c", "so: country"),
        ("others[0].c", "so: country"),
        ("by_name.x.c", "so: country"),
        ("by_name", 'go on with ["key"]'),
        ("tags[0]", "tags[0] is a text"),
        ("tags[", "an index, or a key"),
        ('by_name["a', "an index, or a key"),
        ("extra.any.path", "extra.any.path is any JSON value"),
        ("@se", "so: @seq"),
        ("@size", "@size is a number"),
        ("symbol c", "contains needs a text"),
        ("symbol contains", "contains needs a text"),
        ("symbol contains ", "contains needs a text"),
        ("side in", "in needs values in parentheses"),
        ("price !", "!="),
        ("price!", "!="),
        ("(", "a field is missing"),
        ("(pri", "so: price"),
        ("not ", "a field is missing"),
        ("not open", "open is true or false"),
        ("ha", "has(…)"),
        ("open a", "another condition"),
        ("open and ", "a field is missing"),
        ("open and not pri", "so: price"),
        ("(open or venue.name ", "venue.name is a text"),
    ],
)
def test_what_begins_like_a_condition_is_told_what_it_lacks(text: str, lacking: str) -> None:
    assert lacking in (maker().lacks(text) or "")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "WTI", "Symbol", "brent 78", "symbol x", "symbol continue", "price in USD"),
        *('"symbol"', "/symbol", "venue.x", "venue.name.x", "symbols", "price-", "prices 7"),
        *(
            "price and ",
            "symbol or",
            "(x",
            "not x",
            "@sequence",
            "price.",
            "tags[0].x",
            "x.y",
            "price[",
            "x[",
        ),
        # These have a sign, and what is wrong with them has a place.
        *("price >", "symbol = ", "has(", "side in (", "~"),
        "s" * 2_000,
    ],
)
def test_words_and_what_has_a_sign_lack_nothing(text: str) -> None:
    assert maker().lacks(text) is None


CONDITIONS = (
    'price > 78 and symbol = "WTI"',
    'not (venue.name contains "a") or open',
    "open and price > 1",
    'by_name["a"].country ~ "^x"',
    "others[0].name != symbol",
    "has(venue) and side in (BUY, 1)".replace("BUY", "0"),
    "@size >= 10",
    "!open or open",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_no_key_of_a_condition_is_taken_for_a_word(condition: str) -> None:
    made = maker()
    assert made.make(condition) is not None
    for end in range(1, len(condition)):
        text = condition[:end]
        try:
            wanted = made.make(text)
        except FilterError:
            continue
        if made.lacks(text) is None:
            assert wanted is not None
            assert wanted.kind is Kind.CONDITION, text


@given(st.text('symbolpricenotha.()[]"@! andi', max_size=20) | st.text(max_size=20))
def test_any_text_lacks_something_or_not(text: str) -> None:
    lacking = maker().lacks(text)
    if lacking is not None:
        assert lacking.isprintable()
        assert kind_of(text) is Kind.TEXT
