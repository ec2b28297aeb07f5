"""How the titles of tabs share a line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from grpctap.core.distinct import Name, Told, distinct
from grpctap.core.requestparts import Part
from grpctap.core.state import State
from grpctap.widgets.tab_line import NEW, Title, layout

any_state = st.none() | st.sampled_from(State)
names = st.text(max_size=30)


def titled(*streams: Told) -> list[Title]:
    return [
        Title(n, name, stream.address, State.LIVE, fresh=False, here=n == 1)
        for n, (stream, name) in enumerate(zip(streams, distinct(streams), strict=True), 1)
    ]


def titles(*methods: str, ports: bool = False) -> list[Title]:
    return titled(
        *(
            Told(f"pkg.Service/{method}", f"h:{n if ports else 1}")
            for n, method in enumerate(methods, 1)
        )
    )


def asking(*values: str, port: bool = False) -> list[Title]:
    return titled(
        *(
            Told("pkg.Service/ListValue", f"h:{n if port else 1}", (Part("data", value, True),))
            for n, value in enumerate(values, 1)
        )
    )


def joined(shown: list[tuple[str, str, str]]) -> str:
    return "".join(f"{before}{name} {after}" for before, name, after in shown)


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, " 1 ● Watch h:1  LIVE  2 ● Follow h:2  LIVE "),
        (36, " 1 ● Watch h:1  2 ● Follow h:2 "),
        (30, " 1 ● Watch  2 ● Follow "),
        (22, " 1 ● Watch  2 ● Foll… "),
        (16, "1●Watch 2●Foll… "),
    ],
)
def test_what_does_not_fit_goes_in_order(width: int, line: str) -> None:
    assert joined(layout(titles("Watch", "Follow", ports=True), width)) == line


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, " 1 ● ListValue WTI h:1  LIVE  2 ● ListValue BRN h:2  LIVE "),
        (40, " 1 ● ListValue WTI  2 ● ListValue BRN "),
        (30, " 1 ● WTI  2 ● BRN "),
        (12, "1●WTI 2●BRN "),
        (10, "1●W… 2●B… "),
    ],
)
def test_streams_of_one_method_are_told_by_what_differs(width: int, line: str) -> None:
    assert joined(layout(asking("WTI ", "BRN ", port=True), width)) == line


def test_one_address_is_not_told_of_each() -> None:
    assert joined(layout(titles("Watch", "Follow"), 80)) == " 1 ● Watch  LIVE  2 ● Follow  LIVE "


def test_nine_tabs_fit_into_80_columns() -> None:
    line = joined(layout(titles(*["ListValue"] * 9, ports=True), 80))
    assert line == "".join(f" {n} ● :{n} " for n in range(1, 10))
    line = joined(layout(asking(*(f"instrument/{n}/of/the/market" for n in range(1, 10))), 80))
    assert cell_len(line) <= 80
    assert len({part.split("●")[1] for part in line.split()}) == 9


def test_a_tab_without_a_stream_is_new() -> None:
    title = Title(1, NEW, "", None, fresh=False, here=True)
    assert joined(layout([title], 80)) == " 1 + new stream "


@given(st.lists(st.tuples(names, names, any_state), min_size=1, max_size=9), st.integers(27, 120))
def test_whatever_the_names_are_the_line_fits_and_acts_on_nothing(
    given_titles: list[tuple[Any, ...]], width: int
) -> None:
    named = distinct([Told(method, address) for method, address, _ in given_titles])
    shown = layout(
        [
            Title(n, name, address, state, fresh=True, here=False)
            for n, ((_, address, state), name) in enumerate(
                zip(given_titles, named, strict=True), 1
            )
        ],
        width,
    )
    line = joined(shown)
    assert cell_len(line) <= width
    assert line.isprintable()


def test_a_name_that_nobody_tells_apart_is_the_method() -> None:
    assert Name("Watch").full == Name("Watch").brief == "Watch"
