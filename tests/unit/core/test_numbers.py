from __future__ import annotations

import struct
from typing import Any, cast

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.listvalue import last_number
from grpctap.core.numberfield import LONGEST_PATH, NumberField, PathError, resolve
from grpctap.core.numbers import MOST_FIELDS, Numbers
from grpctap.core.wire import as_varint
from support.jsonnumbers import json_numbers
from support.protos import Protos
from support.zoo.anything import messages as any_messages
from support.zoo.messages import MESSAGES, PROTOS, messages

KINDS = pytest.mark.parametrize("kind", MESSAGES)
OWN = Protos("""
syntax = "proto3";
package test;
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
enum Side { NONE = 0; BUY = 1; }
message Tick {
  string text = 1;
  Leg leg = 2;
  repeated Leg legs = 3;
  map<string, double> by_symbol = 4;
  map<int32, Leg> by_number = 5;
  map<bool, int64> by_flag = 6;
  google.protobuf.Timestamp at = 7;
  google.protobuf.Duration took = 8;
  bool open = 9;
  Side side = 10;
  optional int32 maybe = 11;
  int32 HasField = 12;
  bytes blob = 13;
  uint64 total = 14;
}
message Leg { double price = 1; Tick tick = 2; Leg leg = 3; string note = 4; }
""")
TICK = OWN.descriptor("Tick")


def tick(**fields: object) -> Message:
    return OWN.make("Tick", **fields)


def found(message: Message) -> dict[str, float]:
    numbers = Numbers(cast("Descriptor", message.DESCRIPTOR))
    numbers.look(message, 0)
    read = {field.path: field.read(message) for field in numbers.fields}
    return {path: number for path, number in read.items() if number is not None}


def expected(message: Message, pool: Any) -> dict[str, float]:
    """What its JSON says, with the numbers in its texts."""
    numbers: dict[str, float] = {}
    for path, value in json_numbers(message, pool).items():
        number = last_number(value) if isinstance(value, str) else value
        if number is not None:
            numbers[path] = number
    return numbers


def single(number: float) -> float | None:
    """As a float of 32 bits; None: it is too great for one."""
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return None


def assert_same(ours: dict[str, float], theirs: dict[str, float]) -> None:
    assert ours.keys() == theirs.keys()
    for path, number in ours.items():
        # JSON has the fewest digits that tell a float of 32 bits from others.
        assert number == theirs[path] or number == single(theirs[path]), path


@KINDS
def test_each_number_in_the_zoo_is_found_and_is_the_one_in_its_json(kind: str) -> None:
    for message in messages(kind):
        assert_same(found(message), expected(message, PROTOS.pool))


@KINDS
@settings(max_examples=25)
@given(data=st.data())
def test_whatever_is_in_a_message_its_numbers_are_those_in_its_json(
    kind: str, data: st.DataObject
) -> None:
    message = data.draw(any_messages(PROTOS.descriptor(kind)))
    assert_same(found(message), expected(message, PROTOS.pool))


@KINDS
@settings(max_examples=25)
@given(data=st.data())
def test_a_path_leads_to_the_field_that_it_names(kind: str, data: st.DataObject) -> None:
    message = data.draw(any_messages(PROTOS.descriptor(kind)))
    numbers = Numbers(cast("Descriptor", message.DESCRIPTOR))
    numbers.look(message, 0)
    for field in numbers.fields:
        again = resolve(field.path, PROTOS.descriptor(kind))
        assert (again.path, again.order, again.type_text) == (
            field.path,
            field.order,
            field.type_text,
        )
        assert again.read(message) == field.read(message)
        assert field.name.isprintable()


@given(st.text() | st.from_regex(r"[a-z_]+(\[[^\]]*\])?(\.[a-z_]+)*", fullmatch=True))
def test_any_other_text_is_no_path_or_a_path_that_can_be_read(path: str) -> None:
    try:
        field = resolve(path, TICK)
    except PathError:
        return
    field.read(tick())


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "nothing", "leg", "leg.", ".leg.price", "blob", "legs.price", "text[0]"),
        *("legs[-1].price", "legs[x].price", 'legs["0"].price', "leg.price.more", "legs[0]"),
        *("by_symbol", "by_symbol[1]", 'by_symbol["\\ud800"]', "by_flag[1]", "by_flag[maybe]"),
        *("by_number[2147483648].price", "by_number[true].price", "legs[99999999999].price"),
        *(
            "leg.price\x1b",
            'by_symbol["a"',
            'by_symbol["a"]x',
            f'by_symbol["{"a" * LONGEST_PATH}"]',
        ),
    ],
)
def test_what_leads_to_no_number_is_no_path(path: str) -> None:
    with pytest.raises(PathError):
        resolve(path, TICK)


@pytest.mark.parametrize(
    ("path", "message", "number", "told"),
    [
        ("text", {"text": "WTI 78.41"}, 78.41, '78.41  "WTI 78.41"'),
        ("text", {"text": "none"}, None, '"none"'),
        ("leg.price", {"leg": {"price": 1.5}}, 1.5, "1.5"),
        ("leg.price", {"leg": {}}, 0.0, "0.0"),
        ("leg.price", {}, None, None),
        ("legs[1].price", {"legs": [{}, {"price": 2}]}, 2.0, "2.0"),
        ("legs[2].price", {"legs": [{}, {"price": 2}]}, None, None),
        ('by_symbol["a.b]"]', {"by_symbol": {"a.b]": 3}}, 3.0, "3.0"),
        ('by_symbol["b"]', {"by_symbol": {"a": 3}}, None, None),
        ("by_number[-7].price", {"by_number": {-7: {"price": 4}}}, 4.0, "4.0"),
        ("by_flag[true]", {"by_flag": {True: 5}}, 5.0, "5"),
        ("at", {"at": {"seconds": 10, "nanos": 500_000_000}}, 10.5, None),
        ("took", {"took": {"seconds": -1, "nanos": -500_000_000}}, -1.5, "-1.5 s"),
        ("open", {"open": True}, 1.0, "true"),
        ("open", {}, 0.0, "false"),
        ("side", {"side": 1}, 1.0, "1 BUY"),
        ("side", {"side": 9}, 9.0, "9"),
        ("maybe", {}, None, None),
        ("maybe", {"maybe": 0}, 0.0, "0"),
        ("HasField", {"HasField": 3}, 3.0, "3"),
        ("total", {"total": 2**64 - 1}, float(2**64), "18446744073709551615"),
    ],
)
def test_a_field_is_read_as_a_number_and_told_as_what_it_is(
    path: str, message: dict[str, object], number: float | None, told: str | None
) -> None:
    field, made = resolve(path, TICK), tick(**message)
    assert field.read(made) == number
    if told is not None:
        assert field.tell(field.value(made)) == told


def test_a_map_is_never_added_to_by_being_read() -> None:
    message: Any = tick()
    assert resolve("by_number[1].price", TICK).read(message) is None
    assert len(message.by_number) == 0


@pytest.mark.parametrize("seconds", [-(2**63), -1, 0, 2**40, 2**63 - 1])
def test_a_time_is_told_whatever_it_is(seconds: int) -> None:
    field = resolve("at", TICK)
    value = field.value(tick(at={"seconds": seconds, "nanos": -5}))
    assert field.tell(value)
    assert field.number(value) == seconds - 5e-9


def paths(numbers: Numbers) -> list[str]:
    return [field.path for field in numbers.fields]


def test_the_type_alone_tells_its_fields_in_their_order_and_no_type_twice_in_itself() -> None:
    assert paths(Numbers(TICK)) == [
        *("text", "leg.price", "leg.note", "legs[0].price", "legs[0].note"),
        *("at", "took", "open", "side", "maybe", "HasField", "total"),
    ]


def test_a_text_is_a_field_once_a_number_was_in_it() -> None:
    numbers = Numbers(TICK)
    numbers.look(tick(text="no number", leg={"note": "7 apples"}), 0)
    assert "text" not in paths(numbers)
    assert "leg.note" in paths(numbers)
    numbers.look(tick(text="one 1"), 1)
    assert paths(numbers)[0] == "text"


def test_fields_deep_in_messages_stand_where_the_proto_has_them() -> None:
    numbers = Numbers(TICK)
    numbers.look(tick(leg={"leg": {"leg": {"price": 1}}}, by_symbol={"b": 1, "a": 2}), 0)
    numbers.look(tick(by_number={10: {}, 9: {}}), 1)
    known = paths(numbers)
    assert known[:3] == ["leg.price", "leg.leg.price", "leg.leg.leg.price"]
    ours = [path for path in known if path.startswith("by_")]
    assert ours == [
        *('by_symbol["a"]', 'by_symbol["b"]', "by_number[9].price", "by_number[10].price")
    ]


def test_the_value_is_that_of_the_newest_message_that_has_one() -> None:
    numbers = Numbers(TICK)
    field = resolve("maybe", TICK)
    for row, fields in ((5, {"maybe": 5}), (7, {}), (3, {"maybe": 3}), (6, {"maybe": 6})):
        numbers.look(tick(**fields), row)
    assert numbers.value(field) == 6


def test_a_message_within_itself_a_hundred_times_has_an_end() -> None:
    raw = b""
    for _ in range(90):
        raw = b"\x1a" + as_varint(len(raw)) + raw
    leg = message_factory.GetMessageClass(OWN.descriptor("Leg")).FromString(raw)
    numbers = Numbers(OWN.descriptor("Leg"))
    numbers.look(leg, 0)
    assert 20 < len(numbers) < 100


def test_a_map_of_a_million_keys_shows_some_of_them_and_says_so() -> None:
    entries = [b"\x22\x12\x0a\x07%07d\x11\0\0\0\0\0\0\xf0\x3f" % key for key in range(10**6)]
    message = message_factory.GetMessageClass(TICK).FromString(b"".join(entries))
    numbers = Numbers(TICK)
    numbers.look(message, 0)
    assert 400 < len(numbers) <= MOST_FIELDS
    for start in range(0, 4_000, 400):
        fields = {f"other {key}": 1.0 for key in range(start, start + 400)}
        numbers.look(tick(by_symbol=fields), 1)
    assert len(numbers) == MOST_FIELDS
    assert numbers.left_out


def test_a_key_that_could_act_on_a_terminal_is_shown_as_signs() -> None:
    numbers = Numbers(TICK)
    numbers.look(tick(by_symbol={"a\x1b[2J\u202e\x9b": 1}), 0)
    field = next(field for field in numbers.fields if field.path.startswith("by_symbol"))
    assert field.name == 'by_symbol["a\\u001b[2J<U+202E><U+009B>"]'
    assert resolve(field.path, TICK).path == field.path


def test_a_field_that_somebody_knows_of_is_among_them() -> None:
    numbers = Numbers(TICK)
    field: NumberField = resolve('by_symbol["gone"]', TICK)
    numbers.add(field)
    assert field.path in paths(numbers)
    assert numbers.value(field) is None
