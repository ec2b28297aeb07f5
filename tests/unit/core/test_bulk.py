from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.bulk import Bulk, is_plain
from grpctap.core.mend import parse_mended
from grpctap.core.message import MessageError
from grpctap.core.numberfield import NumberField
from grpctap.core.numbers import Numbers
from support.zoo.anything import messages
from support.zoo.messages import MESSAGES, PROTOS, UNKNOWN
from support.zoo.messages import messages as all_messages

PLAIN: dict[str, list[NumberField]] = {
    kind: [field for field in Numbers(PROTOS.descriptor(kind)).fields if is_plain(field)]
    for kind in MESSAGES
}
KINDS = pytest.mark.parametrize("kind", [kind for kind, plain in PLAIN.items() if plain])


def one_by_one(kind: str, raws: list[bytes]) -> list[list[float | None]] | None:
    """What the fields read of each message alone; None: one of them is no message."""
    type_: Any = message_factory.GetMessageClass(PROTOS.descriptor(kind))
    columns: list[list[float | None]] = [[] for _ in PLAIN[kind]]
    for raw in raws:
        try:
            message = type_.FromString(raw)
        except DecodeError:
            try:
                message = parse_mended(type_, raw)
            except MessageError:
                return None
        for column, field in zip(columns, PLAIN[kind], strict=True):
            column.append(field.read(message))
    return columns


def in_bulk(kind: str, raws: list[bytes]) -> list[list[float | None]] | None:
    columns = Bulk(PLAIN[kind]).read(raws)
    return None if columns is None else [list(column) for column in columns]


def test_most_kinds_of_numbers_can_be_read_in_bulk() -> None:
    assert len(PLAIN["Scalars"]) == 15
    names = {field.path for field in PLAIN["Shapes"]}
    # Not those of a oneof, of which the last on the wire counts.
    assert names >= {"maybe_number", "maybe", "maybe_colour", "camelCase", "UPPER_CASE"}
    assert not names & {"a_number", "a_text", "a_colour"}


@KINDS
def test_of_all_messages_in_the_zoo_the_numbers_are_those_of_each_alone(kind: str) -> None:
    raws = [message.SerializePartialToString() for message in all_messages(kind)] * 2
    assert in_bulk(kind, raws) == one_by_one(kind, raws)


@KINDS
@settings(max_examples=30)
@given(data=st.data())
def test_of_any_messages_the_numbers_are_those_of_each_alone(
    kind: str, data: st.DataObject
) -> None:
    # A part may come twice, and what nobody knows in between.
    one = messages(PROTOS.descriptor(kind)).map(lambda each: each.SerializePartialToString())
    parts = st.lists(one | st.just(UNKNOWN), max_size=3).map(b"".join)
    raws = data.draw(st.lists(parts, min_size=1, max_size=6))
    assert in_bulk(kind, raws) == one_by_one(kind, raws)


@settings(max_examples=300)
@given(
    raws=st.lists(st.binary(max_size=12) | st.just(b"\x18\x05"), min_size=1, max_size=5),
)
def test_of_any_bytes_it_says_what_each_alone_says_or_leaves_it_to_that(raws: list[bytes]) -> None:
    alone = one_by_one("Scalars", raws)
    found = in_bulk("Scalars", raws)
    if found is not None and alone is not None and not packed(raws):
        assert found == alone


def packed(raws: list[bytes]) -> bool:
    """Whether a number may stand among others in one field, as only repeated ones do."""
    return any(byte & 7 == 2 for raw in raws for byte in raw)


@pytest.mark.parametrize("cut", [b"\x72\x40abc", b"\x7a\x7f", b"\x0b", b"\x18\xff", b"\x09\0"])
def test_a_message_that_swallows_the_next_is_found_out(cut: bytes) -> None:
    raws = [b"\x18\x05", cut, b"\x18\x06", b"\x18\x07"]
    assert in_bulk("Scalars", raws) is None
