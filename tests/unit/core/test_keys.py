from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.message import DecodeError, Message
from hypothesis import given, settings
from hypothesis import strategies as st

from grpctap.core.columns import MarkedColumn
from grpctap.core.keys import NO_KEY, FieldPath, candidates, field_paths, key_reader
from grpctap.core.mend import parse_mended
from grpctap.core.message import MessageError
from support.protos import Protos
from support.tickers import PROTOS as TICKS
from support.tickers import rounds

PROTOS = Protos("""
syntax = "proto3";
package keys;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Mood { UNKNOWN = 0; GLAD = 1; BLUE = -2; }
message M {
  string text = 1;
  optional string maybe = 2;
  int32 small = 3;
  sint64 signed = 4;
  uint64 large = 5;
  fixed32 fixed = 6;
  Mood mood = 7;
  optional int64 perhaps = 8;
  bytes data = 9;
  bool flag = 10;
  oneof either { string one = 11; int32 other = 12; }
  Inner inner = 13;
  repeated string many = 14;
  repeated Inner inners = 15;
  map<string, string> map = 16;
  google.protobuf.Timestamp time = 17;
  google.protobuf.StringValue wrapped = 18;
  M itself = 19;
  double ratio = 20;
}
message Inner { string id = 1; optional string tag = 2; int32 rank = 3; }
""")
OLD = Protos("""
syntax = "proto2";
package old;
enum Kind { A = 1; B = 2; }
message M {
  optional string text = 1 [default = "none"];
  optional Kind kind = 2;
  required int32 n = 3;
}
""")
M = message_factory.GetMessageClass(PROTOS.descriptor("M"))
PATHS = {path.name: path for path in field_paths(PROTOS.descriptor("M"))}
SCALARS = [
    *("text", "maybe", "small", "signed", "large", "fixed", "mood", "perhaps", "data", "flag"),
    *("one", "other", "inner.id", "inner.tag", "inner.rank", "wrapped.value"),
]


def parse(raw: bytes) -> Message:
    return parse_mended(M, raw)


def one_by_one(path: FieldPath, raws: Sequence[bytes]) -> list[Any]:
    keys: list[Any] = []
    for raw in raws:
        try:
            keys.append(path.key(parse(raw)))
        except MessageError:
            keys.append(None)
    return keys


def test_paths_go_through_what_is_single() -> None:
    assert list(PATHS) == [*SCALARS[:12], "ratio", *SCALARS[12:]]
    keys = [name for name, path in PATHS.items() if path.is_key]
    assert keys == SCALARS
    numbers = [name for name, path in PATHS.items() if path.is_number]
    assert numbers == [
        *("small", "signed", "large", "fixed", "perhaps", "other", "ratio", "inner.rank"),
    ]


INNER = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {}, optional={"id": st.sampled_from(["", "x", "é"]), "tag": st.sampled_from(["", "t"])}
    ),
)
FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=5),
        "maybe": st.text(max_size=3),
        "small": st.integers(-(2**31), 2**31 - 1),
        "signed": st.integers(-(2**63), 2**63 - 1),
        "large": st.integers(0, 2**64 - 1),
        "fixed": st.integers(0, 2**32 - 1),
        "mood": st.integers(-3, 3),
        "perhaps": st.integers(-1, 1),
        "data": st.binary(max_size=4),
        "flag": st.booleans(),
        "one": st.text(max_size=2),
        "inner": INNER,
        "many": st.lists(st.text(max_size=2), max_size=2),
    },
)
# Text that is no UTF-8, and fields that a message has twice, as no library writes them.
ODD = st.sampled_from(
    [b"\n\x02\xff\xfe", b"\n\x01a\n\x01b", b"\x18\x05\x18\x06", b"Z\x01x`\x05", b"\x12\x00"]
)
RAWS = st.lists(
    st.one_of(FIELDS.map(lambda fields: M(**fields).SerializeToString()), ODD), max_size=12
)


@settings(max_examples=60)
@given(name=st.sampled_from(SCALARS), raws=RAWS)
def test_keys_read_at_once_are_those_read_one_by_one(name: str, raws: list[bytes]) -> None:
    path = PATHS[name]
    assert key_reader(path, parse)(raws) == one_by_one(path, raws)


@given(name=st.sampled_from(SCALARS), raws=st.lists(st.binary(max_size=12), max_size=6))
def test_bytes_that_are_no_message_have_no_key(name: str, raws: list[bytes]) -> None:
    path = PATHS[name]
    found = key_reader(path, parse)(raws)
    # Bytes that are no message but lead to one together with others are none of the parser's.
    if all(map(is_message, raws)):
        assert found == one_by_one(path, raws)
    assert len(found) == len(raws)


def is_message(raw: bytes) -> bool:
    try:
        parse(raw)
    except MessageError:
        return False
    return True


def test_a_message_cut_short_cannot_swallow_the_next() -> None:
    text = [b"\n\x01a", b"\n\x50b", b"\n\x01c"]
    assert key_reader(PATHS["text"], parse)(text) == ["a", None, "c"]


def test_unset_and_empty() -> None:
    def key(name: str, **fields: Any) -> str:
        path = PATHS[name]
        return path.text(path.key(M(**fields)))

    assert key("text") == key("maybe") == key("inner.tag") == key("perhaps") == NO_KEY
    assert key("maybe", maybe="") == '""'
    assert key("text", text="\x1b[31m日本") == "␛[31m日本"
    assert key("small") == "0"
    assert key("inner.rank") == NO_KEY
    assert key("inner.rank", inner={}) == "0"
    assert [key("mood", mood=mood) for mood in (0, 1, -2, 9)] == ["UNKNOWN", "GLAD", "BLUE", "9"]
    assert key("flag", flag=True) == "true"
    assert key("data", data=b"\xff\x00") == "0xff00"
    assert key("text", text="x" * 10_000).endswith("…")


def test_old_protos() -> None:
    type_ = message_factory.GetMessageClass(OLD.descriptor("M"))
    paths = {path.name: path for path in field_paths(OLD.descriptor("M"))}
    raws = [b"\x18\x01", b"\n\x01x\x18\x01", b"\x10\x02\x18\x01", b"\x10\x07\x18\x01"]

    def read(name: str) -> list[Any]:
        return key_reader(paths[name], type_.FromString)(raws)

    assert read("text") == [None, "x", None, None]
    # A number that a closed enum does not know is none of its values.
    assert read("kind") == [None, None, 2, None]


def test_numbers() -> None:
    assert PATHS["ratio"].number(M(ratio=0.5)) == 0.5
    assert PATHS["ratio"].number(M()) == 0.0
    assert PATHS["perhaps"].number(M()) is None
    assert PATHS["inner.rank"].number(M()) is None
    assert PATHS["inner.rank"].number(M(inner={"rank": 3})) == 3.0


def test_the_likeliest_key_is_a_text_that_comes_again() -> None:
    paths = field_paths(TICKS.descriptor("Tick"))
    for messages in ([], rounds(1, 1), rounds(1, 30)):
        found = candidates(paths, messages)
        assert found[0].path.name == "symbol"
        assert len(found) == len([path for path in paths if path.is_key])
    best = found[0]
    assert (best.present, best.distinct, best.example) == (150, 5, "WTI")
    names = [candidate.path.name for candidate in found]
    assert names.index("side") < names.index("volume"), "what never comes again is no key"


@pytest.mark.parametrize(
    ("proto", "values", "name"),
    [
        ("string id = 1; string host = 2;", [(f"u{n}", f"h{n % 3}") for n in range(50)], "host"),
        ("string note = 1; int32 id = 2;", [(f"n{n}", n % 4) for n in range(50)], "id"),
        ("string region = 1; string note = 2;", [("eu", f"n{n}") for n in range(50)], "region"),
        ("bool ok = 1; string kind = 2;", [(n % 2, f"k{n % 3}") for n in range(50)], "kind"),
        ("string code = 1; string topic = 2;", [("", f"t{n % 3}") for n in range(50)], "topic"),
    ],
)
def test_guesses(proto: str, values: list[tuple[Any, Any]], name: str) -> None:
    protos = Protos(f'syntax = "proto3"; package guess; message G {{ {proto} }}')
    paths = field_paths(protos.descriptor("G"))
    names = [path.name for path in paths]
    messages = [protos.make("G", **dict(zip(names, pair, strict=True))) for pair in values]
    assert candidates(paths, messages)[0].path.name == name


def test_a_column_cannot_tell_what_is_no_message() -> None:
    column = MarkedColumn(PATHS["text"].leaf)
    assert column.read([b"\n\x01a", b"", b"\n\x01b"]) == [b"a", None, b"b"]
    assert column.read([b"\n\x01a", b"\xff"]) is None
    with pytest.raises(DecodeError):
        M.FromString(b"\xff")
