"""What the zoo shows: messages of every type in it, as protobuf's text format writes them."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.message import Message

from support.protos import Protos, compile_files

# The package is that of the last file.
PROTOS = Protos(compile_files(Path(__file__).parent, "extra.proto", "edition.proto", "zoo.proto"))


def method(kind: str) -> str:
    """The method that shows messages of a type."""
    service = "Modern" if kind == "Edition" else "Zoo"
    return f"zoo.{service}/Show{kind}"


MESSAGES: dict[str, tuple[str, ...]] = {
    "Nothing": ("",),
    "Scalars": (
        "",
        """
        a_double: 1.7976931348623157e308 a_float: 3.4028235e38
        an_int32: 2147483647 an_int64: 9223372036854775807
        a_uint32: 4294967295 a_uint64: 18446744073709551615
        a_sint32: 2147483647 a_sint64: 9223372036854775807
        a_fixed32: 4294967295 a_fixed64: 18446744073709551615
        an_sfixed32: 2147483647 an_sfixed64: 9223372036854775807
        a_bool: true
        a_string: "\\303\\251\\346\\262\\271\\360\\237\\230\\200"
        a_bytes: "\\000\\377\\373\\376"
        a_colour: LIGHTEST
        """,
        """
        a_double: -1.7976931348623157e308 a_float: -3.4028235e38
        an_int32: -2147483648 an_int64: -9223372036854775808
        a_sint32: -2147483648 a_sint64: -9223372036854775808
        an_sfixed32: -2147483648 an_sfixed64: -9223372036854775808 a_colour: DARKEST
        """,
        "a_double: 5e-324 a_float: 1e-45",
        "a_double: nan a_float: nan",
        "a_double: inf a_float: inf",
        "a_double: -inf a_float: -inf",
        "a_double: -0.0 a_float: -0.0",
        "a_double: 0.1 a_float: 0.1",
        "a_double: 1e22 a_float: 16777216",
        "a_colour: SCARLET",
        "a_colour: 77",
        "a_colour: -77",
        r'a_string: "\000\001\033\177\"\\/<>&\342\200\250\342\200\256\302\233"',
    ),
    "Repeated": (
        "",
        """
        doubles: [0, -0.0, nan, inf, -inf, 1.5] floats: [0, 0.5, nan, inf, -inf]
        int32s: [0, 1, -1, 2147483647, -2147483648]
        int64s: [0, 1, -1, 9223372036854775807, -9223372036854775808]
        uint32s: [0, 4294967295] uint64s: [0, 18446744073709551615]
        sint32s: [0, -1] sint64s: [0, -1] fixed32s: [0, 1] fixed64s: [0, 1]
        sfixed32s: [0, -1] sfixed64s: [0, -1] bools: [true, false]
        strings: ["", "a"] blobs: ["", "\\377"] colours: [NONE, RED, DARK, 42]
        messages: {} messages: { a_bool: true } messages: { a_string: "x" }
        unpacked: [0, 1, -1] unpacked_colours: [SCARLET, DARK, -42]
        """,
    ),
    "Maps": (
        "",
        """
        by_int32 { key: -2147483648 value: 0.5 } by_int32 { key: 0 value: nan } by_int32 { }
        by_int64 { key: 9223372036854775807 value: -inf }
        by_uint32 { key: 4294967295 value: -9223372036854775808 }
        by_uint64 { key: 18446744073709551615 value: 18446744073709551615 }
        by_sint32 { key: -1 value: true } by_sint64 { key: -1 value: "text" }
        by_fixed32 { key: 7 value: "\\377" } by_fixed64 { key: 7 value: DARK }
        by_fixed64 { key: 8 value: 99 }
        by_sfixed32 { key: -7 value { a_string: "in a map" } }
        by_sfixed64 { key: -7 value { seconds: 1 } }
        by_bool { key: true value { by_bool { key: false value {} } } }
        by_bool { key: false value {} }
        by_string { key: "" value { null_value: NULL_VALUE } }
        by_string { key: "a \\"quoted\\" one" value { number_value: 1.5 } }
        """,
    ),
    "Shapes": (
        "",
        'inner { innermost { text: "deep" } many {} many { text: "x" } }',
        "itself { itself { itself { a_number: 3 } } } selves {} selves { selves {} }",
        "a_number: 0",
        'a_text: ""',
        "a_message {}",
        "nothing: NULL_VALUE",
        "a_colour: NONE",
        """
        maybe_number: 0 maybe_text: "" maybe: false maybe_bytes: "" maybe_colour: NONE
        maybe_inner {}
        """,
        "maybe_number: 1 maybe_colour: 9",
        """
        renamed: "1" camelCase: "2" _leading: "3" trailing_: "4" with__two: "5" digit_1: "6"
        class: "7" UPPER_CASE: 8 old: 9
        """,
    ),
    "WellKnown": (
        "",
        "timestamp { } duration { } empty { } mask { } list { } struct { }",
        "timestamp { seconds: -62135596800 } duration { seconds: 315576000000 nanos: 999999999 }",
        """
        timestamp { seconds: 253402300799 nanos: 999999999 }
        duration { seconds: -315576000000 nanos: -999999999 }
        """,
        "timestamp { seconds: -1 nanos: 1 } duration { nanos: -1 }",
        "timestamp { nanos: 1000000 } duration { nanos: 1000000 }",
        "timestamp { nanos: 1000 } duration { seconds: -1 nanos: -1000 }",
        'mask { paths: ["a", "b.c_d", "e_f.g_h"] }',
        """
        a_bool {} a_bytes {} a_double {} a_float {} an_int32 {} an_int64 {} a_string {} a_uint32 {}
        a_uint64 {}
        """,
        """
        a_bool { value: true } a_bytes { value: "\\377" } a_double { value: nan }
        a_float { value: -inf } an_int32 { value: -1 } an_int64 { value: -9223372036854775808 }
        a_string { value: "s" } a_uint32 { value: 4294967295 }
        a_uint64 { value: 18446744073709551615 }
        """,
        """
        value { struct_value {
          fields { key: "null" value { null_value: NULL_VALUE } }
          fields { key: "number" value { number_value: -1.25e-7 } }
          fields { key: "text" value { string_value: "" } }
          fields { key: "truth" value { bool_value: false } }
          fields { key: "list" value { list_value { values { list_value {} } } } }
          fields { key: "struct" value { struct_value {} } }
        } }
        struct { fields { key: "" value { number_value: 3 } } }
        list { values { string_value: "a" } values { null_value: NULL_VALUE } }
        values { bool_value: true } values { null_value: NULL_VALUE }
        strings {} strings { value: "x" }
        """,
        "value { null_value: NULL_VALUE }",
        'any { [x.example/zoo.Scalars] { a_string: "in an Any" a_double: inf } }',
        "any { [type.googleapis.com/google.protobuf.Timestamp] { seconds: 1 } }",
        "any { [type.googleapis.com/google.protobuf.Empty] {} }",
        'any { [type.googleapis.com/google.protobuf.StringValue] { value: "w" } }',
        """
        any { [type.googleapis.com/google.protobuf.Struct] {
          fields { key: "a" value { bool_value: true } }
        } }
        """,
        "any { [type.googleapis.com/google.protobuf.Duration] { nanos: 500000000 } }",
        'any { [type.googleapis.com/google.protobuf.FieldMask] { paths: "a_b" } }',
        """
        any { [x.example/google.protobuf.Any] { [x.example/zoo.Shapes] { maybe: false } } }
        anys { [x.example/zoo.Nothing] {} }
        anys { [x.example/zoo.Old] { needed: 1 Alone { text: "a group in an Any" } } }
        durations { seconds: 1 } timestamps { seconds: 1 }
        """,
    ),
    "Old": (
        "needed: 0",
        """
        needed: -1 greeting: "" kind: NEGATIVE infinite: nan raw: ""
        Alone { text: "g" Inside { number: 1 } }
        Many {} Many { number: 2 } unpacked: [1, 2] packed: [3, 4] kinds: [FIRST, NEGATIVE]
        needy { name: "" } by_name { key: "a" value { name: "n" } }
        """,
        """
        needed: 1 [zoo.beside]: 5 [zoo.Holder.held] { text: "held" } [zoo.extra.far]: "away"
        [zoo.extra.numbers]: [1, -9223372036854775808] [zoo.extra.extra] { number: 1 }
        [zoo.extra.kinds]: [FIRST, SECOND]
        """,
    ),
    "Edition": (
        "needed: 0",
        """
        implicit: 1 explicit: 0 needed: 3 greeting: "" open: OPEN_ONE closed: CLOSED_TWO
        closed_ones: [CLOSED_ONE, CLOSED_TWO] prefixed { text: "p" number: 0 }
        delimited { text: "d" } delimited_ones {} delimited_ones { number: 2 } expanded: [1, 2]
        packed: [3, 4] unchecked: "u" parts { key: "a" value { text: "in a map" } } text: ""
        """,
        "needed: 1 open: 55 part { number: 0 }",
    ),
}


# Fields that no type in the zoo has: a number, a text, 4 and 8 bytes, and a group with a number.
UNKNOWN = bytes.fromhex("c0be0701cabe0701ffd5be0700000000d9be070000000000000000e3be070801e4be07")


def messages(kind: str) -> list[Message]:
    """All messages of a type that the zoo shows; the last has fields that its type has not."""
    shown = [PROTOS.parse(kind, text) for text in MESSAGES[kind]]
    last = PROTOS.parse(kind, MESSAGES[kind][-1])
    last.MergeFromString(UNKNOWN)
    assert last.SerializeToString().endswith(UNKNOWN)
    return [*shown, last]
