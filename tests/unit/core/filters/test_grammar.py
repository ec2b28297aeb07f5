"""What is a condition, what it means to the parser, and where it is wrong."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grpctap.core.filters.errors import LONGEST_FILTER, FilterError
from grpctap.core.filters.grammar import DEEPEST, parse
from grpctap.core.filters.syntax import (
    All,
    Any,
    Compare,
    Condition,
    Has,
    Holds,
    In,
    Key,
    Not,
    Number,
    Path,
    Text,
    Truth,
)

NUMBER = Path(("number",))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True) | st.sampled_from(
    ["and", "or", "not", "has", "in", "contains", "true", "False"]
)
TEXTS = st.builds(Text, st.text(max_size=6))
NUMBERS = st.builds(
    Number,
    st.from_regex(r"-?[0-9]{1,5}(\.[0-9]{1,3})?(e[+-]?[0-9])?|0x[0-9a-f]{1,6}", fullmatch=True),
)
LITERALS = TEXTS | NUMBERS | st.builds(Truth, st.booleans())
STEPS = NAMES | st.integers(-9, 99) | st.builds(Key, st.text(max_size=4))
PATHS = st.builds(
    Path,
    st.builds(lambda first, rest: (first, *rest), NAMES, st.lists(STEPS, max_size=3))
    | st.sampled_from([("@seq",), ("@received",), ("@size",)]),
)
SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~", "contains"])
LEAVES: st.SearchStrategy[Condition] = (
    st.builds(Compare, PATHS, SIGNS, LITERALS | PATHS)
    | st.builds(In, PATHS, st.lists(LITERALS, min_size=1, max_size=3).map(tuple))
    | st.builds(Has, PATHS)
    | st.builds(Holds, PATHS | st.builds(Truth, st.booleans()))
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Any, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


TOKENS = (
    *(
        "number",
        "and",
        "or",
        "not",
        "has",
        "in",
        "contains",
        "true",
        "@seq",
        "@",
        "1",
        "-2.5",
        "0xff",
    ),
    *("(", ")", "[", "]", ".", ",", "=", "!=", "<", "<=", ">", ">=", "~", '"a"', "\"'", "\\"),
)


@settings(max_examples=60)
@given(CONDITIONS)
def test_a_condition_that_is_written_is_read_as_it_was(condition: Condition) -> None:
    text = str(condition)
    if len(text) <= LONGEST_FILTER:
        assert parse(text) == condition


@given(st.text(max_size=60) | st.lists(st.sampled_from(TOKENS), max_size=14).map(" ".join))
@example("\ud800")
@example("=" * 2_000)
def test_any_text_is_a_condition_or_has_an_error_with_a_place(text: str) -> None:
    condition = wrong = None
    try:
        condition = parse(text)
    except FilterError as error:
        wrong = error
    if condition is not None:
        assert parse(str(condition)) == condition
    if wrong is not None:
        assert 0 <= wrong.start < wrong.stop <= len(text) + 1
        assert str(wrong).isprintable()


def test_and_binds_more_than_or_and_not_more_than_both() -> None:
    a, b, c = (Compare(Path((name,)), "=", Number("1")) for name in "abc")
    assert parse("a=1 or b=1 and c=1") == Any((a, All((b, c))))
    assert parse("(a=1 or b=1) and c=1") == All((Any((a, b)), c))
    assert parse("not a=1 and b=1") == All((Not(a), b))
    assert parse("NOT (a = 1 AND b = 1)") == Not(All((a, b)))
    assert parse("!(a == 1 && b == 1) || c == 1") == Any((Not(All((a, b))), c))


def test_the_field_may_stand_on_the_right() -> None:
    assert parse("78 < number") == Compare(NUMBER, ">", Number("78"))
    assert parse('"WTI" = symbol') == Compare(Path(("symbol",)), "=", Text("WTI"))


def test_paths_have_names_indices_and_keys() -> None:
    condition = parse('kv.tags[-1].labels["a b"].in = 1')
    path = Path(("kv", "tags", -1, "labels", Key("a b"), "in"))
    assert condition == Compare(path, "=", Number("1"))
    assert parse(".and.or = 1") == Compare(Path(("and", "or")), "=", Number("1"))


def test_texts_have_few_escapes_so_that_regular_expressions_stay_readable() -> None:
    assert parse(r'a ~ "^\d+\.\"x\\$"') == Compare(Path(("a",)), "~", Text('^\\d+\\."x\\$'))
    assert parse("a = 'it is \"so\"'") == Compare(Path(("a",)), "=", Text('it is "so"'))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", (0, 1), "a field is missing"),
        ("number >", (8, 9), "a value is missing after >"),
        ("number > 1 and", (14, 15), "a field is missing"),
        ("(number > 1", (11, 12), "the ( at character 1 needs a )"),
        ("number > 1)", (10, 11), "closes nothing"),
        ("a = 1 b = 2", (6, 7), "missing before b"),
        ('a = "x', (4, 6), 'needs a "'),
        ("1 = 2", (0, 5), "one side has to be a field"),
        ("a[x] = 1", (2, 3), "an index, or a key in quotes"),
        ("a. = 1", (3, 4), "name is missing after the dot"),
        ("@sequence = 1", (0, 9), "@seq, @received, @size"),
        ("a in 1", (5, 6), "in parentheses"),
        ("a in (b)", (6, 7), "in takes texts, numbers"),
        ("has(a", (5, 6), "needs a )"),
        ("a = #", (4, 5), "means nothing here"),
        ('"W" ~ a', (0, 7), "the field stands before ~"),
        ("a = " + "9" * 200, (4, 204), "too long"),
    ],
)
def test_an_error_has_a_place_and_one_sentence(
    text: str, place: tuple[int, int], words: str
) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert (caught.value.start, caught.value.stop) == place
    assert words in str(caught.value)


def test_what_is_too_deep_or_too_long_is_refused() -> None:
    assert parse("(" * DEEPEST + "a=1" + ")" * DEEPEST) == parse("a=1")
    for text in ("(" * 900, "not " * 200 + "a=1", "(" * (DEEPEST + 1) + "a=1"):
        with pytest.raises(FilterError, match="deep"):
            parse(text)
    with pytest.raises(FilterError, match="characters at most"):
        parse("a=1 or " * 10_000)
