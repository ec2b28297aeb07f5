from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcswidth

from grpctap.core.text import MARKS_PER_CHARACTER, MAX_LINE, printable
from grpctap.widgets.lines import fit
from grpctap.widgets.log_lines import rule

MARKS = "".join(map(chr, (*range(0x300, 0x370), *range(0x591, 0x5C8), *range(0x610, 0x61B), 0xE31)))
# What joins, what is joined, and what a terminal could take for a command.
TRICKY = (
    "\u200d\u200b\u200c\ufe0e\ufe0f\u20e3\u034f\u115f\u1100\u1161\u11a8\uac00\uac01\u3099\u309a\uff9e"
    "\u0e33\u0e49\u0e01\u0915\u094d\u093f\u0d4e\U0001f468\U0001f469\U0001f3fd\U0001f1e9\U0001f1ea❤☰"
    "\x00\x07\x08\t\n\r\x1b\x7f\x85\x9b\xad\u202e\u2066\u2028\ufeff\U000e0041\ud800\udfff\ue000"
    "aeo1 >=\u00e9\u1ebf油か"
)
texts = st.text(st.characters()) | st.text(st.sampled_from(MARKS + TRICKY) | st.characters())


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
        ("no\u00a0break\u3000", "no break "),
        ("\ud800", "<U+D800>"),
        ("油价 ▲ é Привет 가", "油价 ▲ é Привет 가"),
    ],
)
def test_what_could_act_on_a_terminal_is_shown(payload: str, shown: str) -> None:
    assert printable(payload) == shown


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ("e\u0301 e\u0302\u0301", "é ế"),
        ("q\u0307\u0323", "q\u0323\u0307"),
        ("\u0301at the start", "<U+0301>at the start"),
        ("q\u0307\u0323\u0308!", "q\u0323\u0307<U+0308>!"),
        ("q" + "\u0307" * 1_000, "q\u0307\u0307" + "<U+0307>" * 249 + "<U+0…"),
        (">\u202e\u0338", "><U+202E><U+0338>"),
        ("\x1b\u0301", "␛<U+0301>"),
        ("\u05d0\u05b8 \u0628\u0650", "\u05d0\u05b8 \u0628\u0650"),
        ("\u0e19\u0e49\u0e33", "\u0e19\u0e49\u0e4d\u0e32"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939<U+093F>\u0928<U+094D>\u0926<U+0940>"),
        ("a\u20dd", "a<U+20DD>"),
        ("a\u034fb", "a<U+034F>b"),
    ],
)
def test_marks_stand_upon_a_character_or_are_told(payload: str, shown: str) -> None:
    assert printable(payload) == shown


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ("🔥 up 3 %", "🔥 up 3 %"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468<U+200D>\U0001f469"),
        ("\u2764\ufe0f \u263a\ufe0e", "\u2764 \u263a"),
        ("1\ufe0f\u20e3", "1<U+20E3>"),
        ("\ufe0f", "<U+FE0F>"),
        ("\u2764\ufe0f\ufe0f", "\u2764<U+FE0F>"),
        ("\U0001f44d\U0001f3fd", "\U0001f44d<U+1F3FD>"),
        ("\U0001f1e9\U0001f1ea", "<U+1F1E9><U+1F1EA>"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af" * 9, "한글" * 9),
        ("\u1100\u1100 \u1161", "<U+1100><U+1100> <U+1161>"),
        ("\u115f\u3164\uffa0", "<U+115F><U+3164><U+FFA0>"),
        ("\u304b\u3099 \uff76\uff9e", "が ｶ゛"),
        ("☰ \u2e3b", "<U+2630> <U+2E3B>"),
    ],
)
def test_what_terminals_measure_differently_is_told(payload: str, shown: str) -> None:
    assert printable(payload) == shown


@given(texts)
@example("\u115b\u11c2 \u0338>\u0338")
@example("\u0e33" * 3)
@example("\u03b1\ufe0f\u0313\u0301\u0345\u0307\u0307\u0307")
def test_nothing_is_left_that_acts_or_that_terminals_measure_differently(payload: str) -> None:
    shown = printable(payload)
    assert shown.isprintable()
    assert printable(shown) == shown
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Mc") for c in shown)
    # Three measures: the one that draws the screen, the one of many programs, and letter by letter.
    widths = {"F": 2, "W": 2}
    cells = sum(
        widths.get(unicodedata.east_asian_width(c), 1)
        for c in shown
        if unicodedata.category(c) != "Mn"
    )
    assert cell_len(shown) == wcswidth(shown) == cells


@given(texts)
def test_marks_never_stand_alone_nor_in_a_heap(payload: str) -> None:
    heap = MARKS_PER_CHARACTER
    for character in printable(payload):
        heap = heap + 1 if unicodedata.category(character) == "Mn" else 0
        assert heap <= MARKS_PER_CHARACTER


@given(texts, st.integers(0, 60))
@example("\u03b1\ufe0f\u0313\u0301\u0345\u0307\u0307" * 9, 7)
@example("\u1112\u1161\u11ab" * 9, 9)
@example("油" * 9, 8)
def test_a_text_is_fitted_to_its_cells(payload: str, width: int) -> None:
    shown = printable(payload)
    fitted = fit(shown, width)
    assert cell_len(fitted) == wcswidth(fitted) <= width
    assert fit(fitted, width) == fitted
    if fitted != shown:
        # A wide character that does not fit leaves a blank, never a hole.
        assert cell_len(fitted) == width
        assert width == 0 or fitted.endswith("…")
    # What the log looks at of a long value is enough to fill its room.
    most = width * (1 + MARKS_PER_CHARACTER) + 1
    assert fit(printable(payload, most), width) == fitted


@given(texts, st.integers(8, 60))
def test_a_rule_ends_one_cell_before_its_room_does(payload: str, width: int) -> None:
    assert cell_len(rule(printable(payload), width)) == width - 1


@given(texts, st.integers(1, 40))
def test_no_more_characters_than_asked_for(payload: str, limit: int) -> None:
    shown = printable(payload, limit)
    assert len(shown) <= limit
    assert printable(shown, limit) == shown


@pytest.mark.parametrize("character", ["x", "油", "\x1b", "e\u0301", "\u0301", "\U0001f1e9"])
def test_a_megabyte_is_cut_and_only_its_beginning_is_looked_at(character: str) -> None:
    beginning = printable(character * 20_000)
    assert len(beginning) == MAX_LINE
    assert beginning.endswith("…")
    assert printable(character * 1_000_000) == beginning
