"""What kind a filter is, and that text and regular expressions find what the log's lines show."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grpctap.core.cells import Cells
from grpctap.core.dynamic import MethodSchema
from grpctap.core.filters.errors import LONGEST_FILTER, FilterError
from grpctap.core.filters.kinds import Kind, Maker, kind_of
from grpctap.core.filters.lines import Lines
from grpctap.core.filters.valuetexts import _minute
from grpctap.core.filters.words import fold, words_of
from grpctap.core.history import Value
from grpctap.core.listvalue import LIST_VALUE, ListValue
from grpctap.core.message import MessageError, Schema
from grpctap.core.method import Method
from grpctap.core.text import printable
from grpctap_protos.server_stream_pb2 import SimpleRequest, StreamResponse
from support.protos import Protos
from support.zoo.anything import messages
from support.zoo.messages import MESSAGES, PROTOS
from support.zoo.messages import messages as zoo_messages


def list_value(columns: str | None = None) -> ListValue:
    cells = None if columns is None else Cells(columns, LIST_VALUE.response, LIST_VALUE.pool)
    return ListValue(SimpleRequest(data="WTI "), progress=True, cells=cells)


def dynamic(kind: str) -> MethodSchema:
    response = PROTOS.descriptor(kind)
    method = Method("zoo.Zoo/Show", PROTOS.descriptor("Nothing"), response, PROTOS.pool)
    return MethodSchema(method, PROTOS.make("Nothing"))


def numbered(*texts: str | bytes) -> list[Value]:
    """Values of a server that numbers them, or as they are where they are bytes."""
    return [
        Value(
            at,
            at,
            10**18,
            text
            if isinstance(text, bytes)
            else StreamResponse(stream_value=text, sequence=at, number=at).SerializeToString(),
        )
        for at, text in enumerate(texts, 1)
    ]


def line(schema: Schema, raw: bytes) -> str:
    try:
        return printable(schema.line(raw))
    except MessageError as error:
        return printable(str(error))


def found(text: str, *values: str | bytes, schema: Schema | None = None) -> list[int]:
    made = Maker(schema or list_value()).make(text)
    assert made is not None
    return made.select(numbered(*values))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("WTI 78", Kind.TEXT),
        ('"a = b" c', Kind.TEXT),
        ("price in USD contains has", Kind.TEXT),
        ("not and or", Kind.TEXT),
        ('"/not a regex/"', Kind.TEXT),
        ("hello!", Kind.TEXT),
        ("/a", Kind.REGEX),
        ("  /a = b/i", Kind.REGEX),
        ("number > 78", Kind.CONDITION),
        ("symbol = ", Kind.CONDITION),
        ('"a" = b', Kind.CONDITION),
        ("has(a", Kind.CONDITION),
        ('a contains "b"', Kind.CONDITION),
        ('a in ("b")', Kind.CONDITION),
        ("a~b", Kind.CONDITION),
        ("-> x", Kind.CONDITION),
    ],
)
def test_the_kind_can_be_foreseen(text: str, kind: Kind) -> None:
    assert kind_of(text) is kind


def test_all_words_must_be_there_and_capitals_are_meant() -> None:
    values = ("WTI 78.41", "wti 79.41", "Brent 78.41")
    assert found("wti", *values) == [0, 1]
    assert found("41 wti", *values) == [0, 1]
    assert found("WTI", *values) == [0]
    assert found('"wti 79"', *values) == [1]
    assert found('"41 wti"', *values) == []
    assert found("78", *values) == [0, 2]
    assert found(r'"\"quoted\" \\ text"', 'a "quoted" \\ text') == [0]
    assert found("straße ПРИВЕТ", "Straße ПРИВЕТ", "STRASSE ПРИВЕТ") == [0]


def test_a_regular_expression_may_have_its_end_and_any_case() -> None:
    values = ("WTI 78.41", "wti 79.41", "a/b", "")
    assert found("/^WTI", *values) == [0]
    assert found("/^WTI/", *values) == [0]
    assert found("/^wti/i", *values) == [0, 1]
    assert found("/a/b/", *values) == [2]
    assert found(r"/a\/b", *values) == [2]
    assert found(r"/\A[0-9w]", *values) == [1]
    assert found(r"/41\z/", *values) == [0, 1]
    assert found("/^$/", *values) == [3]
    assert found("/$/", *values) == [0, 1, 2, 3]
    assert found(r"/[^a]\s*$/", *values) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("/", (0, 1), "a pattern is missing"),
        ("/a/x", (3, 4), "or i for any case"),
        ("/ab(c", (1, 5), "missing )"),
        ("/ab(?=c)/", (3, 6), "(?="),
        (r"/(a)\1/", (4, 6), r"\1"),
        ('wti "open', (4, 9), 'needs a "'),
        ("x" * (LONGEST_FILTER + 1), (LONGEST_FILTER, LONGEST_FILTER + 1), "at most"),
    ],
)
def test_what_is_not_finished_or_wrong_has_a_place(
    text: str, place: tuple[int, int], words: str
) -> None:
    with pytest.raises(FilterError) as caught:
        Maker(list_value()).make(text)
    assert (caught.value.start, caught.value.stop) == place
    assert words in str(caught.value)


def test_blanks_are_no_filter() -> None:
    assert Maker(list_value()).make("") is None
    assert Maker(list_value()).make('  "" ') is None


def test_what_the_line_shows_is_searched_and_nothing_else() -> None:
    # What a control character is shown as, and not what it is.
    assert found("␛[2J", "\x1b[2J") == [0]
    assert found(r"/\x1b/", "\x1b[2J") == []
    # No UTF-8, no such message, beyond what a line shows.
    broken = StreamResponse(sequence=1).SerializeToString() + b"\x0a\x02\xff\xfe"
    assert found("\ufffd", broken) == [0]
    assert found("no proto.streamresponse", b"\xff\xff") == [0]
    assert found("end", "x" * 10_000 + " end") == []
    # With columns, the cells.
    assert found("12 wti", "WTI", schema=list_value("first_sequence,stream_value")) == []
    assert found("1 wti", "WTI", schema=list_value("sequence,stream_value")) == [0]


def test_patterns_that_explode_elsewhere_end() -> None:
    many = ["a" * 1_900 + "!"] * 20
    for pattern in ("/(a+)+$/", "/(a|aa)+$/", "/(.*a){20}$/", "/(a?){100}a{100}$/", "/(x+x+)+y/"):
        assert found(pattern, *many) == []


WORDS = st.text('abW7. "/é\u212a', max_size=6)


@settings(max_examples=150)
@given(
    text=st.text(max_size=20) | WORDS, values=st.lists(WORDS | st.binary(max_size=6), max_size=5)
)
@example(text="\ud800", values=["a"])
@example(text="/\ud800/", values=["a"])
def test_any_text_is_a_filter_that_works_or_an_error_with_a_place(
    text: str, values: list[str | bytes]
) -> None:
    rows = numbered(*values)
    for schema in (list_value(), list_value("sequence,number"), dynamic("Scalars")):
        error = None
        try:
            made = Maker(schema).make(text)
        except FilterError as raised:
            made, error = None, raised
        if error is not None:
            place = error.start, error.stop, str(error).isprintable()
            assert 0 <= place[0] < place[1] <= len(text) + 1
            assert place[2]
        if made is None:
            continue
        chosen = made.select(rows)
        assert chosen == sorted(set(chosen))
        assert all(0 <= at < len(rows) for at in chosen)
        for row in rows:
            shown = line(schema, row.raw)
            ends = [end for span in made.spans(shown) for end in span]
            assert ends == sorted(ends)
            assert all(0 <= end <= len(shown) for end in ends)


@settings(max_examples=60)
@given(
    words=st.lists(st.sampled_from(["a", "W", "7.", "é", "k"]), min_size=1, max_size=2),
    values=st.lists(WORDS, max_size=6),
)
def test_words_are_found_where_the_line_has_them(words: list[str], values: list[str]) -> None:
    lines = [line(list_value(), row.raw) for row in numbered(*values)]
    wanted = [
        at
        for at, shown in enumerate(lines)
        if all(word in (shown if word != word.lower() else shown.lower()) for word in words)
    ]
    assert found(" ".join(words), *values) == wanted


@settings(max_examples=100)
@given(
    pattern=st.sampled_from(["a", "^a", "7$", "a.b", "[^a]", "W|7", "b*", r"\bW", "^$", r"a\b"]),
    values=st.lists(st.text('abW7. "', max_size=6), max_size=8),
)
def test_many_lines_searched_at_once_are_each_searched(pattern: str, values: list[str]) -> None:
    wanted = [at for at, text in enumerate(values) if re.search(pattern, text)]
    assert found(f"/{pattern}/", *values) == wanted


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_quick_line_is_the_log_s_line(kind: str) -> None:
    schema = dynamic(kind)
    raws = [message.SerializeToString() for message in zoo_messages(kind)]
    raws += [b"\xff\xff", b""]
    assert Lines(schema).write(raws) == [line(schema, raw) for raw in raws]


@settings(max_examples=50)
@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_many_lines_written_at_once_are_each_the_log_s_line(kind: str, data: st.DataObject) -> None:
    schema = dynamic(kind)
    some = st.builds(lambda message: message.SerializeToString(), messages(PROTOS.descriptor(kind)))
    # Some come again, some are no message, some are empty.
    raws = data.draw(st.lists(some | st.sampled_from([b"", b"\xff"]), min_size=1, max_size=12))
    raws += data.draw(st.lists(st.sampled_from(raws), max_size=12))
    shown = [line(schema, raw) for raw in raws]
    lines = Lines(schema)
    assert lines.write(raws) == shown
    # The ones that are known among others.
    assert lines.write([b"\x00", *reversed(raws)])[1:] == shown[::-1]


@settings(max_examples=100)
@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_a_filter_finds_what_the_lines_say_one_by_one(kind: str, data: st.DataObject) -> None:
    schema = dynamic(kind)
    some = st.builds(lambda message: message.SerializeToString(), messages(PROTOS.descriptor(kind)))
    rows = numbered(*data.draw(st.lists(some, min_size=1, max_size=6)))
    shown = [line(schema, row.raw) for row in rows]
    text = data.draw(st.sampled_from(shown))
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : start + data.draw(st.integers(1, 8))].strip()
    if not part:
        return
    word = '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
    any_case = part == fold(part)
    wanted = [at for at, each in enumerate(shown) if part in (fold(each) if any_case else each)]
    for written, found in (
        (word, wanted),
        (f"/{re.escape(part)}/", [at for at, each in enumerate(shown) if part in each]),
    ):
        if written.startswith("/") and not part.isascii():
            # Python escapes otherwise than RE2 reads.
            continue
        made = Maker(schema).make(written)
        assert made is not None
        assert made.select(rows) == found
        assert [at for at, row in enumerate(rows) if made.matches(row)] == found


@given(
    st.text(st.sampled_from("aéß語😀 b"), max_size=20),
    st.sampled_from(["a|", "b*", r"\C", "é|ß|", "(?:)", ".", r"\C\C"]),
)
def test_what_a_pattern_marks_is_within_the_line(line: str, pattern: str) -> None:
    made = Maker(dynamic("Scalars")).make(f"/{pattern}/")
    assert made is not None
    end = 0
    for start, stop in made.spans(line):
        assert end <= start < stop <= len(line)
        end = stop


@settings(max_examples=50)
@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_the_quick_line_of_any_message_is_the_log_s_line(kind: str, data: st.DataObject) -> None:
    schema = dynamic(kind)
    raw = data.draw(messages(PROTOS.descriptor(kind))).SerializeToString()
    assert Lines(schema).write([raw]) == [line(schema, raw)]


@settings(max_examples=100)
@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_what_a_line_has_is_found_though_bytes_are_looked_at_first(
    kind: str, data: st.DataObject
) -> None:
    schema = dynamic(kind)
    raw = data.draw(messages(PROTOS.descriptor(kind))).SerializeToString()
    shown = line(schema, raw)
    start = data.draw(st.integers(0, max(len(shown) - 1, 0)))
    word = shown[start : start + data.draw(st.integers(1, 6))].strip()
    if not word:
        return
    quoted = word.replace("\\", "\\\\").replace('"', '\\"')
    for text in (f'"{quoted}"', f'"{quoted.lower()}"'):
        made = Maker(schema).make(text)
        assert made is not None
        assert made.select(numbered(raw)) == [0], (word, shown)


def test_bytes_tell_that_a_word_is_not_there() -> None:
    schema = dynamic("Scalars")
    possible = Lines(schema).possible(words_of("zanzibar"))
    assert possible is not None
    assert not possible(PROTOS.make("Scalars", a_string="Kenya").SerializeToString())
    assert possible(PROTOS.make("Scalars", a_string="ZANZIBAR").SerializeToString())
    # Names, numbers and escapes are in no bytes.
    for word in ("string", "78.4", "darkest", "true", "ff", "n", "<U+202E>", "ms"):
        assert Lines(schema).possible(words_of(word)) is None
    # An escape may have taken the first letters.
    hidden = PROTOS.make("Scalars", a_string="\noise").SerializeToString()
    assert found("noise", hidden, schema=schema) == [0]
    # And a word may end within one.
    hidden = PROTOS.make("Scalars", a_string="\U0001123f").SerializeToString()
    assert found('"\\\\ud"', hidden, schema=schema) == [0]


ODD_SOURCE = (
    """
syntax = "proto2";
package odd;
import "google/protobuf/timestamp.proto";
message Odd {
  // Not in the order of their numbers, and some with names of methods.
  optional string later = 9;
  optional int32 ListFields = 2;
  optional int32 HasField = 3;
  optional Odd DESCRIPTOR = 4;
  optional double number = 5;
  repeated float floats = 6;
  map<int32, Odd> by_number = 7;
  repeated Odd list = 8;
  optional google.protobuf.Timestamp at = 1;
  extensions 100 to 200;
}
extend Odd { optional string more = 100; }
message Wide {
"""
    + "\n".join(f"optional int64 f{n} = {n}; optional Odd m{n} = {n + 1000};" for n in range(1, 60))
    + """
}
message Empty {}
"""
)
NAMES = {"ListFields": "fields", "HasField": "has", "DESCRIPTOR": "inner"}
ODD = Protos(ODD_SOURCE)
# The same on the wire, for who writes a message.
PLAIN = Protos(re.sub("|".join(NAMES), lambda match: NAMES[match[0]], ODD_SOURCE))


def odd(kind: str) -> MethodSchema:
    method = Method("odd.S/M", ODD.descriptor("Empty"), ODD.descriptor(kind), ODD.pool)
    return MethodSchema(method, ODD.make("Empty"))


def test_lines_of_odd_types_are_the_log_s() -> None:
    deep = "number: 1"
    for _ in range(15):
        deep = f"list {{ {deep} }}"
    texts = (
        'later: "a b" fields: 1 has: 2 inner { } number: 0',
        "number: -0 floats: [0, -0, 1.5, nan] inner { has: 3 inner { number: 1 } }",
        '[odd.more]: "extended" number: 1e22',
        " ".join(f"by_number {{ key: {n} value {{ number: {n} }} }}" for n in range(9)),
        " ".join(f"by_number {{ key: {n} value {{ }} }}" for n in range(120)),
        "list { } list { number: 1 } list { list { } } list { } list { }",
        "at { seconds: 1 nanos: 5000000 }",
        "at { seconds: 99999999999999 }",
        "at { seconds: -1 nanos: -1 }",
        "at { }",
        deep,
        deep.replace("list", "inner"),
        "",
    )
    raws = [PLAIN.parse("Odd", text).SerializeToString() for text in texts]
    # No UTF-8, which nobody checks here.
    raws.append(b"\x4a\x02a\xff")
    assert Lines(odd("Odd")).write(raws) == [line(odd("Odd"), raw) for raw in raws]
    wide = ("f59: 1 f1: -1", "m3 { number: 5 } f2: 0", "", 'm59 { [odd.more]: "x" } f1: 1')
    raws = [PLAIN.parse("Wide", text).SerializeToString() for text in wide]
    assert Lines(odd("Wide")).write(raws) == [line(odd("Wide"), raw) for raw in raws]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns", "Africa/Monrovia"])
def test_times_are_written_as_the_log_does_in_any_zone(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    _minute.cache_clear()
    now = int(time.time())
    # Those of Monrovia were seconds off the minute, until the clocks were set in 1972.
    places = (now, 0, 63_593_000, 63_593_070, -1_000_000_000, 1_700_000_000, -62_135_596_800)
    raws = [
        PLAIN.parse("Odd", f"at {{ seconds: {second} nanos: {nanos} }}").SerializeToString()
        for place in places
        for second in range(place, place + 130, 3)
        for nanos in (0, 999_999, 7_000_000)
    ]
    try:
        assert Lines(odd("Odd")).write(raws) == [line(odd("Odd"), raw) for raw in raws]
    finally:
        monkeypatch.undo()
        time.tzset()
        _minute.cache_clear()


def test_numbers_that_come_again_are_written_once_and_as_they_are() -> None:
    schema = dynamic("Scalars")
    lines = Lines(schema)
    for start in range(0, 16_000, 1_000):
        numbers = [(start + at) / 8 if start % 3_000 else at % 7 / 10 for at in range(1_000)]
        raws = [
            PROTOS.make(
                "Scalars", a_double=each, a_float=each, a_string=f"x{each}" * 5
            ).SerializeToString()
            for each in (*numbers, -0.0, float("nan"))
        ]
        assert lines.write(raws)[::97] == [line(schema, raw) for raw in raws][::97]
