from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpctap.core.text import MAX_LINE, printable


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ("WTI 78.41", "WTI 78.41"),
        ("\x1b[2J\x1b]0;owned\x07", "␛[2J␛]0;owned␇"),
        ("a\nb\r\tc\x00\x7f", "a␊b␍␉c␀␡"),
        ("\x9b31m\x85", "<U+009B>31m<U+0085>"),
        ("abc\u202edef", "abc<U+202E>def"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
        ("line\u2028para\u2029", "line<U+2028>para<U+2029>"),
        ("no\u00a0break", "no break"),
        ("\ud800", "<U+D800>"),
        ("油价 ▲ é", "油价 ▲ é"),
    ],
)
def test_what_could_act_on_a_terminal_is_shown(payload: str, shown: str) -> None:
    assert printable(payload) == shown


@given(st.text(alphabet=st.characters(), max_size=300))
def test_nothing_unprintable_is_left(payload: str) -> None:
    shown = printable(payload)
    assert shown.isprintable()
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)


def test_a_megabyte_is_cut() -> None:
    shown = printable("x" * 1_000_000)
    assert len(shown) == MAX_LINE
    assert shown.endswith("x…")
