"""Conditions on real messages, compared with what their JSON says."""

from __future__ import annotations

import operator
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.dynamic import MethodSchema
from grpctap.core.filters.errors import FilterError
from grpctap.core.filters.kinds import Kind, Maker
from grpctap.core.history import Value
from grpctap.core.method import Method
from support.protos import Protos
from support.zoo.anything import messages
from support.zoo.messages import MESSAGES
from support.zoo.messages import PROTOS as ZOO

PROTOS = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

enum Side { UNKNOWN = 0; BUY = 1; SELL = 2; }
message Quote {
  string symbol = 1;
  double price = 2;
  int64 size = 3;
  Side side = 4;
  optional int32 level = 5;
  bool open = 6;
  bytes token = 7;
  google.protobuf.Timestamp at = 8;
  google.protobuf.Duration took = 9;
  Inner kv = 10;
  repeated string tags = 11;
  repeated Inner parts = 12;
  map<string, int32> labels = 13;
  map<int32, Inner> by_id = 14;
  google.protobuf.Struct data = 15;
  google.protobuf.DoubleValue wrapped = 16;
  float rough = 17;
  double bid_price = 18;
  message Inner { int64 mod_revision = 1; string key = 2; repeated int32 sizes = 3; }
}
message Empty {}
""")
TYPE = PROTOS.descriptor("Quote")


def schema_of(protos: Protos, kind: str) -> MethodSchema:
    empty = "Nothing" if protos is ZOO else "Empty"
    method = Method("t.S/M", protos.descriptor(empty), protos.descriptor(kind), protos.pool)
    return MethodSchema(method, protos.make(empty))


MAKER = Maker(schema_of(PROTOS, "Quote"))


def value(raw: bytes, sequence: int = 0, time_ns: int = 10**18) -> Value:
    return Value(sequence, 7, time_ns, raw)


def holds(text: str, content: str, **facts: int) -> bool:
    raw = PROTOS.parse("Quote", content).SerializeToString()
    made = MAKER.make(text)
    assert made is not None
    assert made.kind is Kind.CONDITION
    return made.select([value(raw, **facts)]) == [0]


WHOLE = """
symbol: "WTI" price: 78.5 size: 9007199254740993 side: SELL level: 0 open: true token: "ab\\377"
at { seconds: 1767225600 nanos: 500000000 } took { seconds: 1 nanos: 500000000 }
kv { mod_revision: 5 key: "k" } tags: "a" tags: "b"
parts { mod_revision: 1 sizes: 3 } parts { mod_revision: 2 sizes: 4 sizes: 9 }
labels { key: "x y" value: 1 } by_id { key: -3 value { key: "deep" } }
data { fields { key: "name" value { string_value: "n" } }
       fields { key: "list" value { list_value { values { number_value: 4 } } } } }
wrapped { value: 0 } rough: 78.41 bid_price: 78.25
"""


@pytest.mark.parametrize(
    "text",
    [
        ["number_of_nothing = 1", 'symbol = "WTI"'][1],
        "price > 78 and price < 79",
        "price > bid_price",
        "bidPrice = 78.25",
        "size = 9007199254740993 and size != 9007199254740992",
        'side = SELL and side = 2 and side = "SELL" and side > BUY',
        'side ~ "^S"',
        "level = 0 and has(level)",
        "open and open = true and not open = false",
        "open != false",
        'token = 0x6162FF and token contains "a"',
        'token ~ "^ab"',
        'at = "2026-01-01T00:00:00.5Z" and at > "2026-01-01T00:59:59+01:00"',
        'took = "1.5s" and took < "1m" and took >= "1500ms"',
        'kv.mod_revision = 5 and kv.key ~ "^[a-z]$"',
        'tags = "b" and tags[0] = "a" and tags[-1] = "b" and not has(tags[2])',
        "parts.mod_revision = 2 and parts.sizes = 9 and parts[1].sizes[0] = 4",
        'labels["x y"] = 1 and by_id["-3"].key = "deep" and not has(labels.z)',
        'data.name = "n" and data.list[0] = 4 and not has(data.nothing)',
        "has(wrapped) and wrapped = 0",
        "rough = 78.41 and rough >= 78.41",
        'symbol in ("BRENT", "WTI") and level in (0, 1)',
        'symbol contains "T" and not symbol contains "t"',
        '@seq = 12 and @size > 10 and @received > "2001-09-09T01:46:39Z"',
        "has(kv) and has(tags) and has(labels) and has(symbol)",
    ],
)
def test_a_condition_holds(text: str) -> None:
    assert holds(text, WHOLE, sequence=12, time_ns=10**18)
    assert not holds(f"not ({text})", WHOLE, sequence=12, time_ns=10**18)


@pytest.mark.parametrize(
    "text",
    [
        "level = 0",
        "level < 1",
        "kv.mod_revision = 0",
        'at < "2030-01-01T00:00:00Z"',
        'tags = ""',
        "wrapped = 0",
        "has(level) or has(kv) or has(tags) or has(labels) or has(symbol) or has(data.x)",
    ],
)
def test_what_is_not_set_is_equal_to_nothing(text: str) -> None:
    assert not holds(text, "")
    assert holds(f"not ({text})", "")
    assert holds("level != 0 and price = 0 and symbol = ''", "")


@pytest.mark.parametrize(
    ("text", "marked", "words"),
    [
        ("pricee > 1", "pricee", "no field pricee in test.Quote; did you mean price or"),
        ("kv.mod = 1", "mod", "it has kv.mod_revision"),
        ("symbol.x = 1", "x", "symbol has no fields"),
        ("symbol > 1", "1", 'symbol is a text: write "1" in quotes'),
        ("symbol = WTI", "WTI", 'a text stands in quotes: "WTI"'),
        ('price = "1"', '"1"', 'price is a number, and "1" is none'),
        ("side = BOY", "BOY", "did you mean BUY?"),
        ('at > "yesterday"', '"yesterday"', "a time is written as"),
        ('at > "2026-13-01T00:00:00Z"', '"2026-13-01T00:00:00Z"', "a time is written as"),
        ("took > 1", "1", "a duration is written as"),
        ("kv = 1", "kv = 1", "kv is a message"),
        ("labels = 1", "labels = 1", "labels is a map"),
        ("by_id.x.key = 1", "x", "no key of that map"),
        ("symbol[0] = 1", "0", "symbol is no list"),
        ('symbol["a"] = 1', '"a"', "symbol is no map"),
        ("price > symbol", "price > symbol", "price is a number, and symbol is a text"),
        ("open < true", "open < true", "compare it with = or !="),
        ("price = 1 and symbol", "symbol", "symbol is a text: compare it, or ask has(symbol)"),
        ('symbol ~ "(a"', "(a", "no regular expression of RE2"),
        ("price ~ '7'", "price ~ '7'", "~ is for texts"),
        ("symbol ~ 7", "7", "after ~ stands a regular expression"),
        ('price contains "7"', 'price contains "7"', "contains is for texts"),
    ],
)
def test_what_cannot_be_asked_is_told_at_its_place(text: str, marked: str, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        MAKER.make(text)
    assert text[caught.value.start : caught.value.stop] == marked
    assert words in str(caught.value)


# What protobuf's JSON says of a message, compared as plainly as can be.

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
SECONDS = st.integers(0, 3)
Ask = Callable[[dict[str, Any]], bool]


def time_ns(text: str) -> int:
    head, _, rest = text.removesuffix("Z").partition(".")
    return round(datetime.fromisoformat(f"{head}+00:00").timestamp()) * 10**9 + int(
        rest.ljust(9, "0")
    )


@st.composite
def leaves(draw: st.DrawFn) -> tuple[str, Ask]:
    """A condition, and what it asks of the JSON."""
    sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
    order = ORDER["=" if sign == "!=" else sign]

    def over(read: Callable[[dict[str, Any]], list[Any]], wanted: Any) -> Ask:
        if sign == "!=":
            return lambda said: not any(found == wanted for found in read(said))
        return lambda said: any(order(found, wanted) for found in read(said))

    def one(said: Any, *names: str) -> list[Any]:
        for name in names:
            if name not in said:
                return []
            said = said[name]
        return [said]

    number = draw(st.integers(-2, 2))
    text = draw(st.sampled_from(["", "a", "WTI", 'b"', "é"]))
    quoted = '"' + text.replace('"', '\\"') + '"'
    name = draw(st.sampled_from(["UNKNOWN", "BUY", "SELL"]))
    seconds = draw(SECONDS)
    numbers = {"UNKNOWN": 0, "BUY": 1, "SELL": 2}
    choices: list[tuple[str, Ask]] = [
        (
            f"price {sign} {number}.5",
            over(lambda said: [float(said["price"])], number + 0.5)
            if number >= 0
            else over(lambda said: [float(said["price"])], number - 0.5),
        ),
        (f"size {sign} {number}", over(lambda said: [int(said["size"])], number)),
        (f"level {sign} {number}", over(lambda said: one(said, "level"), number)),
        (f"symbol {sign} {quoted}", over(lambda said: [said["symbol"]], text)),
        (
            f"side {sign} {name}",
            over(lambda said: [numbers.get(said["side"], said["side"])], numbers[name]),
        ),
        (
            f"open = {'true' if number > 0 else 'false'}",
            lambda said: said["open"] is (number > 0),
        ),
        (
            f"kv.mod_revision {sign} {number}",
            over(lambda said: [int(each) for each in one(said, "kv", "mod_revision")], number),
        ),
        (f"tags {sign} {quoted}", over(lambda said: said["tags"], text)),
        (f"tags[0] {sign} {quoted}", over(lambda said: said["tags"][:1], text)),
        (
            f"parts.sizes {sign} {number}",
            over(
                lambda said: [size for part in said["parts"] for size in part["sizes"]],
                number,
            ),
        ),
        (
            f'labels["a"] {sign} {number}',
            over(lambda said: one(said, "labels", "a"), number),
        ),
        (
            f'at {sign} "1970-01-01T00:00:0{seconds}Z"',
            over(lambda said: [time_ns(each) for each in one(said, "at")], seconds * 10**9),
        ),
        (f"token {sign} 0x61", over(lambda said: [b64decode(said["token"])], b"a")),
        ("has(level)", lambda said: "level" in said),
        ("has(kv)", lambda said: "kv" in said),
        ("has(tags)", lambda said: bool(said["tags"])),
        ("has(symbol)", lambda said: bool(said["symbol"])),
    ]
    return draw(st.sampled_from(choices))


@st.composite
def quotes(draw: st.DrawFn) -> Any:
    small = st.integers(-2, 2)
    text = st.sampled_from(["", "a", "WTI", 'b"', "é"])
    message: Any = PROTOS.make(
        "Quote",
        symbol=draw(text),
        price=draw(small) + draw(st.sampled_from([0, 0.5])),
        size=draw(small),
        side=draw(st.integers(0, 3)),
        open=draw(st.booleans()),
        token=draw(st.sampled_from([b"", b"a", b"b", b"a\xff"])),
        tags=draw(st.lists(text, max_size=2)),
        labels=draw(st.dictionaries(text, small, max_size=2)),
        parts=draw(
            st.lists(st.fixed_dictionaries({"sizes": st.lists(small, max_size=2)}), max_size=2)
        ),
    )
    if draw(st.booleans()):
        message.level = draw(small)
    if draw(st.booleans()):
        message.kv.mod_revision = draw(small)
        message.kv.SetInParent()
    if draw(st.booleans()):
        message.at.seconds = draw(SECONDS)
        message.at.nanos = draw(st.sampled_from([0, 1, 500_000_000]))
        message.at.SetInParent()
    return message


@settings(max_examples=100)
@given(quotes(), leaves(), leaves(), st.sampled_from(["and", "or"]), st.booleans())
def test_a_condition_says_of_a_message_what_its_json_says(
    message: Any,
    one: tuple[str, Ask],
    other: tuple[str, Ask],
    join: str,
    negated: bool,
) -> None:
    said = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    both = all if join == "and" else any
    wanted = both(ask(said) for _, ask in (one, other)) is not negated
    text = f"{'not ' if negated else ''}({one[0]} {join} {other[0]})"
    made = MAKER.make(text)
    assert made is not None
    assert (made.select([value(message.SerializeToString())]) == [0]) is wanted, text


ZOO_MAKERS = {kind: Maker(schema_of(ZOO, kind)) for kind in MESSAGES}


@settings(max_examples=40)
@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_any_field_of_any_message_can_be_asked_for(kind: str, data: st.DataObject) -> None:
    type_ = ZOO.descriptor(kind)
    raw = data.draw(messages(type_)).SerializeToString()
    for field in type_.fields:
        for text in (f"has(.{field.name})", f".{field.name} = 1", f'.{field.name} != "a"'):
            made, reason = None, ""
            try:
                made = ZOO_MAKERS[kind].make(text)
            except FilterError as error:
                reason = str(error)
            # Only since it is of another kind; the field is always found.
            assert "no field" not in reason
            if made is not None:
                assert made.select([value(raw), value(b"\xff\xff")]) in ([], [0])


def test_a_pattern_goes_over_the_lines_of_a_text() -> None:
    content = r'symbol: "one\ntwo\r\nthree" tags: "a\n" token: "x\ny"'
    for text in (
        r'symbol ~ "one\ntwo"',
        r'symbol ~ "\s+three"',
        r'symbol ~ "(?s)one.*three"',
        r'symbol ~ "^two"',
        r'tags ~ "a\n"',
        r'token ~ "x\x0ay"',
        r'symbol ~ "[^x]two"',
    ):
        assert holds(text, content), text
    for text in (r'symbol ~ "one.two"', r'symbol ~ "\Atwo"', r'symbol ~ "one\n\n"'):
        assert not holds(text, content), text


def test_of_several_names_of_a_number_a_pattern_meets_the_one_that_is_shown() -> None:
    protos = Protos("""
    syntax = "proto3";
    package alias;
    enum Side { option allow_alias = true; NONE = 0; BUY = 1; BID = 1; }
    message Quote { Side side = 1; }
    message Empty {}
    """)
    schema = schema_of(protos, "Quote")
    raw = protos.make("Quote", side=1).SerializeToString()
    shown = schema.line(raw).removeprefix("side=")
    for name in ("BUY", "BID"):
        made = Maker(schema).make(f'side ~ "{name}"')
        assert made is not None
        assert made.select([value(raw)]) == ([0] if name == shown else [])
