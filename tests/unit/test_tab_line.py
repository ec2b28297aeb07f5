"""How the titles of tabs share a line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from grpctap.core.state import State
from grpctap.widgets.tab_line import Title, layout

any_state = st.none() | st.sampled_from(State)
names = st.text(max_size=30)


def titles(*methods: str, state: State | None = State.LIVE, ports: bool = False) -> list[Title]:
    return [
        Title(n, f"pkg.Service/{method}", f"h:{n if ports else 1}", state, fresh=False, here=n == 1)
        for n, method in enumerate(methods, 1)
    ]


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


def test_one_address_is_not_told_of_each() -> None:
    assert joined(layout(titles("Watch", "Follow"), 80)) == " 1 ● Watch  LIVE  2 ● Follow  LIVE "


def test_nine_tabs_fit_into_80_columns() -> None:
    line = joined(layout(titles(*["ListValue"] * 9, ports=True), 80))
    assert cell_len(line) <= 80
    assert [f"{n}●List" in line for n in range(1, 10)] == [True] * 9


def test_a_tab_without_a_stream_is_new() -> None:
    assert joined(layout(titles("", state=None), 80)) == " 1 + new stream "


@given(st.lists(st.tuples(names, names, any_state), min_size=1, max_size=9), st.integers(27, 120))
def test_whatever_the_names_are_the_line_fits_and_acts_on_nothing(
    given_titles: list[tuple[Any, ...]], width: int
) -> None:
    shown = layout(
        [
            Title(n, method, address, state, fresh=True, here=False)
            for n, (method, address, state) in enumerate(given_titles, 1)
        ],
        width,
    )
    line = joined(shown)
    assert cell_len(line) <= width
    assert line.isprintable()
